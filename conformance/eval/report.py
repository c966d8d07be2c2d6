"""The result as text: a table for the terminal, the same as Markdown."""

import score
import signal_report

_COLUMNS = [f"{seconds:.1f}" for seconds in score.AFTER_S]


def text(result: dict) -> str:
    return "\n".join(_lines(result, _plain))


def markdown(result: dict) -> str:
    return "\n".join(_lines(result, _pipes)) + "\n"


def _lines(result: dict, table) -> list[str]:
    meta, errors = result["meta"], result["errors"]
    lines = [f"callprint evaluation, {meta['mode']} run on the {meta['part']} part: {meta['scripts']} scripts enrolled, "
             f"{meta['queries']} calls, seed {meta['seed']}", ""]
    lines += ["Identified after so many seconds of script (bar beside it; ! below the bar)", ""]
    lines += table(["group", "calls", *(f"{column} s" for column in _COLUMNS), "wrong"],
                   [[row["label"], row["calls"], *(_with_bar(row, column) for column in _COLUMNS), row["wrong"]]
                    for row in result["shares"]["groups"]])
    for name, peer in result.get("peers", {}).items():
        lines += ["", f"{name}: {peer['setting']}", ""]
        if "skipped" in peer:
            lines += [f"SKIPPED: {peer['skipped']}"]
            continue
        lines += table(["group", "calls", *(f"{column} s" for column in _COLUMNS), "wrong"],
                       [[row["label"], row["calls"], *(f"{row['after'][column]:.1%}" for column in _COLUMNS),
                         row["wrong"]] for row in peer["shares"]["groups"]])
        lines += ["", f"same voice, other words: {_counted(peer['errors']['same_voice'])}"]
    lines += ["", "By condition", ""]
    lines += table(["condition", "group", "calls", *(f"{column} s" for column in _COLUMNS), "wrong"],
                   [[row["id"], row["group"], row["calls"], *(f"{row['after'][column]:.1%}" for column in _COLUMNS),
                     row["wrong"]] for row in result["shares"]["conditions"]])
    lines += ["", "By origin of the voice", ""]
    lines += table(["engine", "calls", *(f"{column} s" for column in _COLUMNS), "wrong"],
                   [[row["id"], row["calls"], *(f"{row['after'][column]:.1%}" for column in _COLUMNS), row["wrong"]]
                    for row in result["shares"]["engines"]])
    lines += ["", "What must not happen", ""]
    lines += table(["", "count", "of calls", "share", "bar"], [
        ["wrong script named in a script call", *_cells(errors["wrong_script"]), f"{result['bars']['wrong_script_share']:.2%}"],
        ["same voice, other words: named", *_cells(errors["same_voice"]), f"{result['bars']['same_voice_share']:.1%}"],
        ["shared opening: wrong single script", *_cells(errors["opening_wrong"]), "0"],
        ["shared opening, offer not enrolled: named", *_cells(errors["opened_other_wrong"]), "0"],
        ["(shared opening: named as a group)", *_cells(errors["opening_group_named"]), ""],
        ["(singled out within 3 s of the opening's end)", *_cells(errors["opening_singled_out_3s"]), ""]])
    lines += ["", f"False alarms: {errors['alarms_total']} in {errors['hours_total']:.1f} hours", ""]
    lines += table(["kind of call", "hours", "alarms", "named"],
                   [[row["kind"], f"{row['hours']:.1f}", row["alarms"], ", ".join(row["named"][:4])]
                    for row in errors["hours"]])
    lines += ["", "Calibration: of the findings in a band of confidence, the share that is right", ""]
    lines += table(["confidence", "findings", "right"],
                   [[f"{row['from']:g}–{row['to']:g}", row["findings"],
                     "" if row["share"] is None else f"{row['share']:.3%}"] for row in result["calibration"]])
    for title, header, rows in signal_report.tables(result["signals"]) if "signals" in result else ():
        lines += ["", title, "", *table(header, rows)]
    return lines


def _with_bar(row: dict, column: str) -> str:
    share, bar = row["after"][column], row["bars"].get(column)
    if bar is None:
        return f"{share:.1%}"
    return f"{share:.1%}{' ' if share >= bar else '!'}({bar:.1%})"


def _cells(counted: dict) -> list:
    return [counted["count"], counted["calls"], f"{counted['share']:.3%}"]


def _counted(counted: dict) -> str:
    return f"{counted['count']} of {counted['calls']} calls ({counted['share']:.2%})"


def _plain(header: list, rows: list[list]) -> list[str]:
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[index]) for row in cells) for index in range(len(header))]
    return ["  ".join(cell.ljust(width) if index == 0 else cell.rjust(width)
                      for index, (cell, width) in enumerate(zip(row, widths))) for row in cells]


def _pipes(header: list, rows: list[list]) -> list[str]:
    line = lambda row: "| " + " | ".join(str(cell) for cell in row) + " |"
    return [line(header), "|---" + "|---:" * (len(header) - 1) + "|", *map(line, rows)]
