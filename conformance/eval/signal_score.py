"""Numbers for beeps, tones and answers from the findings in signal calls."""

from collections import Counter, defaultdict
from statistics import median

from signal_calls import SignalCall

# A beep counts as found when a reported start is this close to the true one; accuracy is counted apart.
SAME_BEEP_MS = 150.0
ACCURATE_MS = 20.0


def scored(found: list[tuple[SignalCall, list[dict]]]) -> dict:
    """All tables, by kind of call."""
    by_kind = defaultdict(list)
    for call, findings in found:
        by_kind[call.kind].append((call, findings))
    return {"beeps": _beeps(by_kind["beep"]), "false_beeps": _false_beeps(by_kind["no-beep"]),
            "progress": _progress(by_kind["progress"]), "dtmf": _dtmf(by_kind["dtmf"]),
            "answers": _answers(by_kind["answer"])}


def _tones(findings: list[dict], kind: str | None = None) -> list[dict]:
    """Tones of the far side, each once, as last reported; `known_at_ms` stays that of the first report."""
    latest: dict = {}
    for finding in sorted(findings, key=lambda finding: finding["known_at_ms"]):
        if finding["kind"] == "tone" and finding.get("side", "far") == "far" and kind in (None, finding["tone"]):
            key = (finding["tone"], finding.get("detail"), finding["start_ms"])
            first = latest.get(key, finding)
            ended = finding["known_at_ms"] if finding.get("end_ms") is not None else None
            latest[key] = {**finding, "known_at_ms": first["known_at_ms"], "end_known_at_ms": ended}
    return list(latest.values())


def _beeps(calls: list) -> list[dict]:
    """Recall, accuracy and latency by kind of beep."""
    by_about = defaultdict(list)
    for call, findings in calls:
        near = [tone for tone in _tones(findings, "beep") if abs(tone["start_ms"] - call.start_ms) <= SAME_BEEP_MS]
        by_about[call.about].append((call, min(near, key=lambda tone: abs(tone["start_ms"] - call.start_ms), default=None)))
        by_about["all"].append(by_about[call.about][-1])
    rows = []
    for about, pairs in by_about.items():
        hits = [(call, tone) for call, tone in pairs if tone]
        ended = [(call, tone) for call, tone in hits if tone["end_known_at_ms"] is not None]
        rows.append({
            "id": about, "calls": len(pairs), "found": len(hits),
            "start_accurate": sum(abs(tone["start_ms"] - call.start_ms) <= ACCURATE_MS for call, tone in hits),
            "end_accurate": sum(abs(tone["end_ms"] - call.end_ms) <= ACCURATE_MS for call, tone in ended),
            "known_after_start_ms": _median(tone["known_at_ms"] - call.start_ms for call, tone in hits),
            "known_after_end_ms": _median(tone["end_known_at_ms"] - call.end_ms for call, tone in ended)})
    return rows


def _median(values) -> float | None:
    values = list(values)
    return round(median(values), 1) if values else None


def _false_beeps(calls: list) -> list[dict]:
    by_about = defaultdict(list)
    for call, findings in calls:
        by_about[call.about].append((call, len(_tones(findings, "beep"))))
    return [{"id": about, "calls": len(rows), "hours": round(sum(call.duration_ms for call, _ in rows) / 3.6e6, 3),
             "beeps": sum(count for _, count in rows)} for about, rows in by_about.items()]


def _progress(calls: list) -> dict:
    """Confusion of call-progress tones: the first tone reported in the call. Busy and congestion overlap by country."""
    confusion = defaultdict(Counter)
    for call, findings in calls:
        heard = sorted(_tones(findings), key=lambda tone: tone["known_at_ms"])
        confusion[call.about][heard[-1]["tone"] if heard else "nothing"] += 1
    return {truth: dict(counts) for truth, counts in sorted(confusion.items())}


def _dtmf(calls: list) -> dict:
    """Digits sent, digits right in place, digits too many."""
    sent = right = extra = 0
    for call, findings in calls:
        heard = [tone.get("detail", "") for tone in sorted(_tones(findings, "dtmf"), key=lambda tone: tone["start_ms"])]
        sent += len(call.detail)
        left = Counter(heard)
        matched = sum((Counter(call.detail) & left).values())
        right += matched
        extra += len(heard) - matched
    return {"sent": sent, "right": right, "extra": extra}


def _answers(calls: list) -> dict:
    """Confusion of first and last verdicts, and when the first one fell."""
    confusion, final, decided_ms = defaultdict(Counter), defaultdict(Counter), defaultdict(list)
    for call, findings in calls:
        verdicts = sorted((finding for finding in findings if finding["kind"] == "answer"),
                          key=lambda finding: finding["known_at_ms"])
        confusion[call.about][verdicts[0]["answer"] if verdicts else "none"] += 1
        final[call.about][verdicts[-1]["answer"] if verdicts else "none"] += 1
        firm = [finding for finding in verdicts if finding["answer"] != "unsure"]
        if firm:
            decided_ms[call.about].append(firm[0]["known_at_ms"] - call.speech_from_ms)
    return {"first": {truth: dict(counts) for truth, counts in confusion.items()},
            "final": {truth: dict(counts) for truth, counts in final.items()},
            "decided_after_ms": {truth: _median(values) for truth, values in decided_ms.items()}}
