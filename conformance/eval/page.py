"""The result as one self-contained HTML page."""

from html import escape
from math import log10

import score
import signal_report
from plot import Axis, Plot

_COLUMNS = [f"{seconds:.1f}" for seconds in score.AFTER_S]

_STYLE = """
:root{--ink:#1b1f24;--dim:#5c6670;--ground:#fff;--panel:#f5f6f8;--rule:#dde1e6;--good:#187a3b;--bad:#b3261e;
--a:#0b61d8;--b:#c2620a;--c:#6b4bc4;--heat:24,122,59}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--dim:#9aa4ae;--ground:#14171a;--panel:#1d2125;--rule:#343a41;
--good:#5cc98a;--bad:#ff8a80;--a:#6aa9ff;--b:#f0a04b;--c:#b39dff;--heat:92,201,138}}
*{box-sizing:border-box}body{margin:0 auto;max-width:1080px;padding:24px 20px 60px;background:var(--ground);
color:var(--ink);font:15px/1.5 system-ui,sans-serif}h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:36px 0 8px}
p{margin:6px 0;max-width:75ch}.dim{color:var(--dim)}.tiles{display:grid;gap:10px;margin:18px 0;
grid-template-columns:repeat(auto-fit,minmax(170px,1fr))}.tile{background:var(--panel);border-radius:8px;padding:12px 14px}
.tile b{display:block;font-size:24px;line-height:1.2}.good{color:var(--good)}.bad{color:var(--bad)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
th,td{padding:4px 8px;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}
th{font-weight:600;color:var(--dim)}th:first-child,td:first-child{text-align:left;white-space:normal}
td small{color:var(--dim)}.pair{display:grid;gap:24px;grid-template-columns:repeat(auto-fit,minmax(320px,1fr))}
figure{margin:0}figcaption{color:var(--dim);font-size:13px}svg{width:100%;height:auto}svg text{font-size:11px;
fill:var(--dim)}.grid{stroke:var(--rule)}.line{fill:none;stroke-width:2}.line.a{stroke:var(--a)}.line.b{stroke:var(--b)}
.line.c{stroke:var(--c)}.line.ref{stroke:var(--dim);stroke-dasharray:4 4}.dot.a,.bar.a{fill:var(--a)}.dot.b{fill:var(--b)}
.dot.c{fill:var(--c)}.dot.ref{fill:var(--dim)}
"""


def html(result: dict) -> str:
    meta = result["meta"]
    body = [
        "<h1>callprint: known scripts in calls</h1>",
        f"<p class=dim>{escape(meta['mode'])} run on the {escape(meta['part'])} part · {meta['scripts']} scripts enrolled · "
        f"{meta['queries']} calls · {result['errors']['hours_total']:.0f} hours of other calls · seed {meta['seed']}</p>",
        _tiles(result), _groups(result), _peers(result), _conditions(result), _errors(result),
        _plots(result), _signals(result), _method()]
    return ("<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
            f"<title>callprint evaluation</title><style>{_STYLE}</style><body>{''.join(body)}</body></html>\n")


def _tiles(result: dict) -> str:
    overall = next(row for row in result["shares"]["groups"] if row["id"] == "all")
    errors, bars = result["errors"], result["bars"]
    checks = [(share >= bar) for row in result["shares"]["groups"] for column, bar in row["bars"].items()
              for share in [row["after"][column]]]
    tiles = [
        (f"{sum(checks)} of {len(checks)}", "identification bars met", all(checks)),
        (f"{overall['after']['2.0']:.1%}", "of script calls named after 2 s", overall["after"]["2.0"] >= overall["bars"]["2.0"]),
        (f"{errors['wrong_script']['count']}", f"of {errors['wrong_script']['calls']} script calls named wrong",
         errors["wrong_script"]["share"] <= bars["wrong_script_share"]),
        (f"{errors['alarms_total']}", f"false alarms in {errors['hours_total']:.0f} hours", errors["alarms_total"] <= bars["false_alarms"]),
        (f"{errors['same_voice']['share']:.2%}", "same voice, other words: named",
         errors["same_voice"]["share"] <= bars["same_voice_share"])]
    return "<div class=tiles>" + "".join(
        f"<div class=tile><b class={'good' if met else 'bad'}>{value}</b>{label}</div>" for value, label, met in tiles) + "</div>"


def _groups(result: dict) -> str:
    rows = []
    for row in result["shares"]["groups"]:
        cells = []
        for column in _COLUMNS:
            share, bar = row["after"][column], row["bars"].get(column)
            low, high = score.wilson(row["hits"][column], row["calls"])
            style = "" if bar is None else " class=good" if share >= bar else " class=bad"
            beside = "" if bar is None else f" <small>≥ {bar * 100:g} %</small>"
            cells.append(f"<td{style} title='95 % interval {low:.1%} to {high:.1%}'>{share:.1%}{beside}</td>")
        rows.append(f"<tr><td>{escape(row['label'])}</td><td>{row['calls']}</td>{''.join(cells)}<td>{row['wrong']}</td></tr>")
    head = "".join(f"<th>{column} s</th>" for column in _COLUMNS)
    return ("<h2>Identified after so many seconds of script</h2><p class=dim>Beside a share stands its bar; "
            "green meets it. Hover for the 95 % interval.</p>"
            f"<div class=scroll><table><tr><th>conditions<th>calls{head}<th>wrong</tr>{''.join(rows)}</table></div>")


def _peers(result: dict) -> str:
    peers = result.get("peers", {})
    if not peers:
        return ""
    out = ["<h2>Beside it: peers on the same calls</h2>"]
    plot = Plot(Axis("seconds of script", 0.8, 5.2, tuple((seconds, f"{seconds:g}") for seconds in score.AFTER_S)),
                Axis("identified", 0, 1, tuple((n / 5, f"{n * 20} %") for n in range(6))), "identification by system")
    systems = [("a", "callprint", result["shares"])]
    for style, (name, peer) in zip("bc", peers.items()):
        if "skipped" in peer:
            out.append(f"<p class=bad>{escape(name)} skipped: {escape(peer['skipped'])}</p>")
            continue
        systems.append((style, name, peer["shares"]))
        out.append(f"<p>{escape(name)}: {escape(peer['setting'])}. Same voice, other words: "
                   f"{peer['errors']['same_voice']['share']:.2%} named.</p>")
    rows = []
    for style, name, shares in systems:
        overall = next(row for row in shares["groups"] if row["id"] == "all")
        plot.line([(float(column), overall["after"][column]) for column in _COLUMNS], style, name)
    for group in result["shares"]["groups"]:
        cells = []
        for _, _, shares in systems:
            row = next((row for row in shares["groups"] if row["id"] == group["id"]), None)
            cells += [f"<td>{row['after'][column]:.1%}</td>" if row else "<td>–</td>" for column in ("2.0", "3.0")]
        rows.append(f"<tr><td>{escape(group['label'])}</td>{''.join(cells)}</tr>")
    head = "".join(f"<th>{escape(name)} 2 s<th>3 s" for _, name, _ in systems)
    out.append(f"<div class=pair><figure>{plot.svg()}<figcaption>All conditions together.</figcaption></figure>"
               f"<div class=scroll><table><tr><th>conditions{head}</tr>{''.join(rows)}</table></div></div>")
    return "".join(out)


def _conditions(result: dict) -> str:
    rows = []
    for row in result["shares"]["conditions"]:
        cells = "".join(f"<td style='background:rgba(var(--heat),{row['after'][column] ** 3 * 0.45:.2f})'>"
                        f"{row['after'][column]:.1%}</td>" for column in _COLUMNS)
        rows.append(f"<tr><td>{escape(row['id'])}</td><td>{escape(row['group'])}</td><td>{row['calls']}</td>{cells}"
                    f"<td>{row['wrong']}</td></tr>")
    head = "".join(f"<th>{column} s</th>" for column in _COLUMNS)
    engines = "".join(f"<tr><td>{escape(row['id'])}</td><td></td><td>{row['calls']}</td>"
                      + "".join(f"<td>{row['after'][column]:.1%}</td>" for column in _COLUMNS)
                      + f"<td>{row['wrong']}</td></tr>" for row in result["shares"]["engines"])
    return ("<h2>By condition, and by origin of the voice</h2><div class=scroll><table>"
            f"<tr><th>condition<th>counts in<th>calls{head}<th>wrong</tr>{''.join(rows)}"
            f"<tr><th>voices of<th><th>calls{head}<th>wrong</tr>{engines}</table></div>")


def _errors(result: dict) -> str:
    errors, bars = result["errors"], result["bars"]
    listed = [("wrong script named in a script call", "wrong_script", f"≤ {bars['wrong_script_share']:.2%}"),
              ("same voice saying other things: something named", "same_voice", f"≤ {bars['same_voice_share']:.1%}"),
              ("shared opening: the wrong single script named", "opening_wrong", "0"),
              ("shared opening, then an offer nobody enrolled: a single script named", "opened_other_wrong", "0"),
              ("shared opening named as a group", "opening_group_named", ""),
              ("singled out within 3 s of the opening's end", "opening_singled_out_3s", "")]
    rows = "".join(f"<tr><td>{label}</td><td>{errors[name]['count']}</td><td>{errors[name]['calls']}</td>"
                   f"<td>{errors[name]['share']:.3%}</td><td>{bar}</td></tr>" for label, name, bar in listed)
    hours = "".join(f"<tr><td>{escape(row['kind'])}</td><td>{row['hours']:.1f}</td><td>{row['alarms']}</td>"
                    f"<td>{escape(', '.join(row['named'][:4]))}</td></tr>" for row in errors["hours"])
    return ("<h2>What must not happen</h2><div class=scroll><table><tr><th><th>count<th>of calls<th>share<th>bar</tr>"
            f"{rows}</table></div><div class=scroll><table><tr><th>calls of<th>hours<th>false alarms<th>named</tr>{hours}"
            "</table></div>")


def _plots(result: dict) -> str:
    percent = lambda *values: tuple((value, f"{value * 100:g} %") for value in values)
    rows = result["trade_off"]
    miss = Axis("missed after 3 s", 0.001, 1, percent(0.001, 0.01, 0.1, 1), log=True)
    by_voice = Plot(Axis("same voice, other words: named", 0.0001, 1, percent(0.0001, 0.001, 0.01, 0.1, 1), log=True),
                    miss, "detection-error trade-off, same voice")
    by_voice.line([(row["same_voice"], row["missed"]) for row in rows], "a", "same voice")
    by_hour = Plot(Axis("false alarms per hour", 0.001, 100, tuple((10.0 ** n, f"{10.0 ** n:g}") for n in range(-3, 3)),
                        log=True), miss, "detection-error trade-off, other calls")
    by_hour.line([(row["alarms_per_hour"], row["missed"]) for row in rows], "a", "other calls")
    # Confidences crowd towards 1: the axis is in nines.
    banded = [row for row in result["calibration"] if row["share"] is not None]
    nines = lambda value: max(1 - value, 0.00005)
    axis = lambda label: Axis(label, -1.0, 4.3, ((0.0, "0"), (0.301, "0.5"), (1.0, "0.9"), (2.0, "0.99"), (3.0, "0.999"), (4.0, "0.9999")))
    calibration = Plot(axis("confidence"), axis("share right"), "calibration")
    calibration.line([(0.0, 0.0), (4.0, 4.0)], "ref", "as promised", dots=False)
    calibration.line([(-log10(nines(row["from"])), -log10(nines(row["share"]))) for row in banded], "a", "found")
    tallest = max((row["calls"] for row in result["latency"]), default=1) or 1
    histogram = Plot(Axis("seconds of script heard when identified", 0, 5, tuple((n, str(n)) for n in range(6))),
                     Axis("calls", 0, tallest, ((0, "0"), (tallest, str(tallest)))), "latency")
    histogram.bars([(row["from_s"], row["from_s"] + 0.1, row["calls"]) for row in result["latency"]], "a")
    figures = [(histogram, "When scripts are identified, all conditions."),
               (calibration, "Share right of the findings in a band of confidence, at its lower end. On or above the dashed line is as promised."),
               (by_hour, "Misses after 3 s against false alarms per hour, over confidence thresholds. Points on the left edge had none."),
               (by_voice, "The same against calls of an enrolled voice saying other things.")]
    return "<h2>Latency, calibration, trade-off</h2><div class=pair>" + "".join(
        f"<figure>{plot.svg()}<figcaption>{caption}</figcaption></figure>" for plot, caption in figures) + "</div>"


def _signals(result: dict) -> str:
    if "signals" not in result:
        return ""
    out = ["<h2>Beeps, tones, answers</h2>"]
    for title, header, rows in signal_report.tables(result["signals"]):
        head = "".join(f"<th>{escape(str(cell))}" for cell in header)
        body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}" for cell in row) + "</tr>" for row in rows)
        out.append(f"<p>{escape(title)}</p><div class=scroll><table><tr>{head}</tr>{body}</table></div>")
    return "".join(out)


def _method() -> str:
    return ("<h2>How it was measured</h2><p>Every call ran through <code>callprint analyze</code>. A script call begins "
            "anywhere in a script, half of the time after silence or ringing; what counts is the script heard until the "
            "finding became known, other slot values left out. Voices and texts of the test part were used for nothing "
            "else. Sets, conditions and formulas: conformance/eval/README.md.</p>")
