"""Running the system under test over query sets and hours of negatives, each result kept by content key."""

import json
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bootstrap
import negatives
import queries
import score
import seeds
import signal_calls
from callprint import Callprint
from negatives import BankSpec
from queries import Query, Set


def script_findings(under_test: Callprint, wanted: list[Set], progress) -> list[tuple[Set, Query, list[dict]]]:
    """The script findings in every query of the sets."""
    progress.start("analysing", len(wanted))
    found = []
    for one in wanted:
        calls = queries.load(one)
        kept = _kept(under_test, one.folder.name)
        if not kept.exists():
            by_path = {}
            if calls:
                with tempfile.TemporaryDirectory() as scratch:
                    by_path = under_test.analyze([path for _, path in calls], Path(scratch))
            _keep(kept, {path.stem: _scripts(findings) for path, findings in by_path.items()})
        by_id = json.loads(kept.read_text())
        found += [(one, query, by_id[query.id]) for query, _ in calls]
        progress.step(one.name)
    return found


def signal_findings(
    under_test: Callprint, part: str, count: int, seed: int, progress
) -> list[tuple[signal_calls.SignalCall, list[dict]]]:
    """The findings of every kind in the calls for beeps, tones and answers."""
    progress.start("analysing tones and answers", len(signal_calls.KINDS))
    found = []
    for kind in signal_calls.KINDS:
        calls = signal_calls.load(part, kind, count, seed)
        kept = _kept(under_test, signal_calls.folder(part, kind, count, seed).name + "-outbound")
        if not kept.exists():
            with tempfile.TemporaryDirectory() as scratch:
                by_path = under_test.analyze([path for _, path in calls], Path(scratch), outbound=True)
            _keep(kept, {path.stem: findings for path, findings in by_path.items()})
        by_id = json.loads(kept.read_text())
        found += [(call, by_id[call.id]) for call, _ in calls]
        progress.step(kind)
    return found


def alarms(under_test: Callprint, spec: BankSpec, hours: float, progress) -> list[dict]:
    """Hours and false alarms by kind of call. Every script match (not every report of it) in these calls is one."""
    total = negatives.batches(hours)
    progress.start("listening to negatives", total)
    folder = bootstrap.work_dir() / "negatives-in-progress"
    shutil.rmtree(folder, ignore_errors=True)
    tallies: dict[str, dict] = {}
    kept = [_kept(under_test, seeds.key(spec.key, number)) for number in range(total)]
    missing = [number for number in range(total) if not kept[number].exists()]
    for _ in range(total - len(missing)):
        progress.step("kept from before")
    # The next batch is laid out while this one is analysed.
    with ThreadPoolExecutor(1) as ahead:
        lay_out = lambda number: ahead.submit(negatives.write_batch, spec, number, folder)
        pending = [lay_out(number) for number in missing[:1]]
        for number, following in zip(missing, [*missing[1:], None]):
            kinds = {path: kind for kind, path in pending.pop().result()}
            if following is not None:
                pending.append(lay_out(following))
            by_path = under_test.analyze(list(kinds), folder)
            _keep(
                kept[number],
                [{"kind": kinds[path], "findings": _scripts(findings)} for path, findings in by_path.items()],
            )
            for path in kinds:
                path.unlink()
            progress.step()
    shutil.rmtree(folder, ignore_errors=True)
    for path in kept:
        for call in json.loads(path.read_text()):
            tally = tallies.setdefault(call["kind"], {"kind": call["kind"], "hours": 0.0, "alarms": []})
            tally["hours"] += negatives.CALL_S / 3600
            tally["alarms"] += _matches(call["findings"])
    return [tallies[kind] for kind in negatives.KINDS if kind in tallies]


def _matches(findings: list[dict]) -> list[dict]:
    """One entry per match: its highest confidence and what was named."""
    best: dict = {}
    for index, finding in enumerate(findings):
        key = finding.get("match_id", index)
        if key not in best or finding["confidence"] > best[key]["confidence"]:
            best[key] = {"confidence": finding["confidence"], "script": finding["script_id"]}
    return list(best.values())


def _scripts(findings: list[dict]) -> list[dict]:
    wanted = ("kind", "side", "match_id", "script_id", "among", "confidence", "known_at_ms")
    return [
        {name: finding[name] for name in wanted if name in finding}
        for finding in findings
        if finding["kind"] == "script"
    ]


def _kept(under_test: Callprint, name: str) -> Path:
    return bootstrap.work_dir() / "findings" / under_test.identity / f"{name}.json"


def _keep(path: Path, result) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(result))
    partial.rename(path)


def outcomes(found: list[tuple[Set, Query, list[dict]]], confidence: float) -> list["Outcome"]:
    """Each query's findings, judged; those below `confidence` are left out."""
    judged = []
    for _, query, findings in found:
        kept = [finding for finding in findings if finding["confidence"] >= confidence]
        judged.append(Outcome(query, score.judged(query, kept)))
    return judged


class Outcome:
    """A query with its judged findings."""

    def __init__(self, query: Query, found: list[score.Judged]):
        self.query, self.found = query, found
        self.identified_s = score.identified_s(found)
        self.wrong = score.named_wrong(found)

    def after(self, seconds: float) -> bool:
        return self.identified_s is not None and self.identified_s <= seconds + 1e-9
