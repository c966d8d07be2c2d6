#!/usr/bin/env python3
"""Evaluate how surely and how soon `callprint` names known scripts, and how rarely it names anything else.

    python3 conformance/eval/run.py quick    four minutes, test part, packaged voices only; floors
    python3 conformance/eval/run.py full     an hour, test part, neural voices too, 100 hours of other calls, peers; floors
    python3 conformance/eval/run.py dev      the part to tune on; see --conditions, --per-condition, --hours

Writes report.txt, report.md, result.json and index.html to target/eval/report-MODE. Work is kept by content: a run that
was killed goes on where it was. Exit code 1: a floor is broken. 2: the run could not be made.
"""

import bootstrap

if __name__ == "__main__":
    bootstrap.enter()

import argparse
import json
import sys
from pathlib import Path

import corpus
import evaluate
import floors
import negatives
import packages
import page
import queries
import report
import results
import signal_calls
import signal_score
from callprint import Callprint
from degrade import CONDITIONS
from progress import Progress

MODES = {
    "quick": {
        "part": "test",
        "neural": False,
        "per_condition": 10,
        "hours": 2,
        "babel_minutes": 4,
        "signals": 40,
        "peers": False,
    },
    "full": {
        "part": "test",
        "neural": True,
        "per_condition": 150,
        "hours": 100,
        "babel_minutes": 40,
        "signals": 500,
        "peers": True,
    },
    "dev": {
        "part": "dev",
        "neural": False,
        "per_condition": 30,
        "hours": 10,
        "babel_minutes": 10,
        "signals": 100,
        "peers": False,
    },
}


def main() -> int:
    args = _arguments()
    progress = Progress()
    packages.require_tools()
    under_test = Callprint(args.callprint, args.jobs)
    progress.note(f"corpus, {args.part} part{' with neural voices' if args.neural else ''}")
    clips = corpus.load(args.part, args.neural, args.jobs)
    scripts = [(clip.id, clip.path) for clip in clips if clip.role == "script"]
    announcements = signal_calls.announcements(args.part) if args.signals else []
    progress.note(f"enrolling {len(scripts)} scripts, {len(announcements)} announcements")
    under_test.enrol(scripts, announcements)

    wanted = queries.sets(args.part, args.neural, args.conditions, args.per_condition, args.seed)
    queries.build(wanted, args.jobs, progress)
    found = evaluate.script_findings(under_test, wanted, progress)
    alarms = []
    if args.hours:
        bank = negatives.BankSpec(args.part, args.neural, args.seed, args.babel_minutes)
        negatives.build_bank(bank, args.jobs, progress)
        alarms = evaluate.alarms(under_test, bank, args.hours, progress)

    outcomes = evaluate.outcomes(found, args.confidence)
    result = {
        "meta": {
            "mode": args.mode,
            "part": args.part,
            "neural": args.neural,
            "seed": args.seed,
            "confidence": args.confidence,
            "scripts": len(scripts),
            "queries": len(found),
        },
        "bars": results.BARS,
        "shares": results.shares(outcomes),
        "errors": results.errors(outcomes, alarms, args.confidence),
        "calibration": results.calibration(outcomes),
        "trade_off": results.trade_off(outcomes, alarms),
        "latency": results.latency(outcomes),
    }
    if args.signals:
        signal_calls.build(args.part, args.signals, args.seed, args.jobs, progress)
        result["signals"] = signal_score.scored(
            evaluate.signal_findings(under_test, args.part, args.signals, args.seed, progress)
        )
    if args.peers:
        import peers

        result["peers"] = peers.compared(args.part, args.neural, wanted, args.jobs, progress)
    _write(args.out, result)
    print(report.text(result))
    print(f"\nPage: {args.out / 'index.html'}")
    failures = floors.broken(args.mode, result) if args.floors else []
    for failure in failures:
        print(f"BELOW THE FLOOR  {failure}")
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--callprint", type=Path, default=bootstrap.REPO_DIR / "target/release/callprint")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--confidence", type=float, default=0.0, help="findings below it are left out (default: none)")
    parser.add_argument(
        "--conditions", type=lambda names: names.split(","), help="names or groups, by commas (dev only)"
    )
    parser.add_argument("--per-condition", type=int, help="script calls per condition (dev only)")
    parser.add_argument("--hours", type=float, help="hours of other calls (dev only)")
    parser.add_argument("--signals", type=int, help="calls of each kind for beeps, tones and answers (dev only)")
    parser.add_argument("--neural", action="store_true", default=None, help="with neural voices (dev only)")
    parser.add_argument("--out", type=Path, help="folder for the report")
    args = parser.parse_args()
    for name, value in MODES[args.mode].items():
        if getattr(args, name, None) is None:
            setattr(args, name, value)
        elif args.mode != "dev":
            parser.error(
                f"--{name.replace('_', '-')} goes with the mode dev only: {args.mode} is the same for everybody"
            )
    quick = args.mode == "quick"
    names = args.conditions or [name for name, condition in CONDITIONS.items() if condition.quick or not quick]
    unknown = [name for name in names if not any(name in (one.name, one.group) for one in CONDITIONS.values())]
    if unknown or (args.conditions and args.mode != "dev"):
        parser.error(f"--conditions, for dev only: {', '.join(unknown or names)}; known are {', '.join(CONDITIONS)}")
    args.conditions = [name for name, one in CONDITIONS.items() if name in names or one.group in names]
    args.floors = args.mode != "dev"
    args.out = args.out or bootstrap.work_dir() / f"report-{args.mode}"
    return args


def _write(folder: Path, result: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(json.dumps(result, indent=1, ensure_ascii=False))
    (folder / "report.txt").write_text(report.text(result) + "\n")
    (folder / "report.md").write_text(report.markdown(result))
    (folder / "index.html").write_text(page.html(result))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SystemExit as end:
        # A message means that the run could not be made, which is not what code 1 says.
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            sys.exit(2)
        raise
