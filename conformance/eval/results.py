"""From outcomes to the numbers of the report: shares by condition and by bar group, errors, calibration, trade-off."""

import json
from collections import defaultdict

import bootstrap
import score
from degrade import CONDITIONS
from evaluate import Outcome

BARS = json.loads((bootstrap.EVAL_DIR / "bars.json").read_text())
# Conditions that are reported and not counted in "all".
STRETCH_GROUPS = ("other-voice",)
CONFIDENCES = (0.5, 0.9, 0.99, 0.999, 0.9999)


def shares(outcomes: list[Outcome]) -> dict:
    """Identification of script queries: by condition, by bar group, by engine."""
    by_condition, by_group, by_engine = defaultdict(list), defaultdict(list), defaultdict(list)
    for outcome in outcomes:
        if outcome.query.kind != "script":
            continue
        group = CONDITIONS[outcome.query.condition].group
        by_condition[outcome.query.condition].append(outcome)
        by_group[group].append(outcome)
        if group not in STRETCH_GROUPS:
            by_group["all"].append(outcome)
            by_engine[outcome.query.engine].append(outcome)
    return {
        "conditions": [{"id": name, "group": condition.group, **_row(by_condition[name])}
                       for name, condition in CONDITIONS.items() if by_condition[name]],
        "groups": [{"id": bar["id"], "label": bar["label"], "bars": bar["after"], **_row(by_group[bar["id"]])}
                   for bar in BARS["groups"] if by_group[bar["id"]]],
        "engines": [{"id": engine, **_row(rows)} for engine, rows in sorted(by_engine.items())],
    }


def _row(outcomes: list[Outcome]) -> dict:
    count = len(outcomes)
    hits = {f"{seconds:.1f}": sum(outcome.after(seconds) for outcome in outcomes) for seconds in score.AFTER_S}
    return {"calls": count, "hits": hits, "after": {seconds: hit / count for seconds, hit in hits.items()},
            "wrong": sum(outcome.wrong for outcome in outcomes)}


def errors(outcomes: list[Outcome], alarms: list[dict], confidence: float) -> dict:
    """Wrong scripts, recognised non-scripts, shared openings."""
    of = lambda *kinds: [outcome for outcome in outcomes if outcome.query.kind in kinds]
    scripts = [outcome for outcome in of("script") if CONDITIONS[outcome.query.condition].group not in STRETCH_GROUPS]
    opening, opened_other, same_voice = of("opening"), of("opened-other"), of("same-voice")
    after_opening = lambda outcome: next(
        (one.heard_s - (outcome.query.opening_ends_ms - outcome.query.start_ms) / 1000
         for one in outcome.found if one.verdict == "right" and one.alone), None)
    counted = [{"kind": tally["kind"], "hours": round(tally["hours"], 3),
                "alarms": sum(alarm["confidence"] >= confidence for alarm in tally["alarms"]),
                "named": sorted({alarm["script"] for alarm in tally["alarms"] if alarm["confidence"] >= confidence})}
               for tally in alarms]
    return {
        "wrong_script": _count(outcome.wrong for outcome in scripts),
        "same_voice": _count(bool(outcome.found) and outcome.wrong for outcome in same_voice),
        "opening_wrong": _count(outcome.wrong for outcome in opening),
        "opening_group_named": _count(any(one.verdict == "right" and not one.alone for one in outcome.found)
                                      for outcome in opening),
        "opening_singled_out_3s": _count((after_opening(outcome) or 99) <= 3.0 for outcome in opening),
        "opened_other_wrong": _count(outcome.wrong for outcome in opened_other),
        "hours": counted,
        "hours_total": round(sum(tally["hours"] for tally in counted), 3),
        "alarms_total": sum(tally["alarms"] for tally in counted),
    }


def _count(flags) -> dict:
    flags = list(flags)
    return {"calls": len(flags), "count": sum(flags), "share": sum(flags) / len(flags) if flags else 0.0}


def calibration(outcomes: list[Outcome]) -> list[dict]:
    """Of the findings in each band of confidence, the share that is right. Neutral verdicts are left out."""
    edges = (0.0, *CONFIDENCES, 1.0001)
    rows = []
    for low, high in zip(edges, edges[1:]):
        inside = [one for outcome in outcomes for one in outcome.found
                  if low <= one.confidence < high and one.verdict in ("right", "wrong")]
        right = sum(one.verdict == "right" for one in inside)
        rows.append({"from": low, "to": min(high, 1.0), "findings": len(inside), "right": right,
                     "share": right / len(inside) if inside else None})
    return rows


def trade_off(outcomes: list[Outcome], alarms: list[dict], seconds: float = 3.0) -> list[dict]:
    """Misses after `seconds` against false alarms, over thresholds on the confidence."""
    scripts = [outcome for outcome in outcomes if outcome.query.kind == "script"
               and CONDITIONS[outcome.query.condition].group not in STRETCH_GROUPS]
    same_voice = [outcome for outcome in outcomes if outcome.query.kind == "same-voice"]
    heard = sorted({one.confidence for outcome in outcomes for one in outcome.found}
                   | {alarm["confidence"] for tally in alarms for alarm in tally["alarms"]} | {0.0})
    if len(heard) > 60:
        heard = [heard[round(index * (len(heard) - 1) / 59)] for index in range(60)]
    hours = sum(tally["hours"] for tally in alarms)
    rows = []
    for threshold in heard:
        hit = sum(any(one.verdict == "right" and one.confidence >= threshold and one.heard_s <= seconds
                      for one in outcome.found) for outcome in scripts)
        false = sum(any(one.verdict == "wrong" and one.confidence >= threshold for one in outcome.found)
                    for outcome in same_voice)
        rung = sum(alarm["confidence"] >= threshold for tally in alarms for alarm in tally["alarms"])
        rows.append({"threshold": threshold, "missed": 1 - hit / len(scripts) if scripts else 0.0,
                     "same_voice": false / len(same_voice) if same_voice else 0.0,
                     "alarms_per_hour": rung / hours if hours else 0.0})
    return rows


def latency(outcomes: list[Outcome], bin_s: float = 0.1, until_s: float = 5.0) -> list[dict]:
    """How many script queries were identified after how many seconds of script."""
    heard = [outcome.identified_s for outcome in outcomes if outcome.query.kind == "script"
             and CONDITIONS[outcome.query.condition].group not in STRETCH_GROUPS and outcome.identified_s is not None]
    bins = [0] * round(until_s / bin_s)
    for seconds in heard:
        bins[max(0, min(int(seconds / bin_s), len(bins) - 1))] += 1
    return [{"from_s": round(index * bin_s, 3), "calls": count} for index, count in enumerate(bins)]
