#!/usr/bin/env python3
"""Other fingerprints over the same calls, each at its best setting for telephone audio.

Settings and thresholds come from the dev part and stand in peers.json, which this command rewrites:

    python3 conformance/eval/peers.py

A full run first chooses those of peers that are missing there.

A threshold belongs to a number of seconds heard: the least score that at most 0.1 % of the dev part's calls in which
an enrolled voice says other things reach.
"""

import bootstrap

if __name__ == "__main__":
    bootstrap.enter()

import argparse
import json
import multiprocessing
from dataclasses import dataclass
from functools import cache

import numpy as np

import corpus
import peer_audfprint
import peer_chromaprint
import queries
import results
import score
import seeds
from degrade import CONDITIONS
from progress import Progress
from queries import Query, Set

MODULES = {module.NAME: module for module in (peer_chromaprint, peer_audfprint)}
SETTINGS_FILE = bootstrap.EVAL_DIR / "peers.json"
FALSE_SHARE = 0.001


@dataclass
class PeerOutcome:
    """What `results.shares` asks of an outcome."""

    query: Query
    identified_s: float | None
    wrong: bool

    def after(self, seconds: float) -> bool:
        return self.identified_s is not None and self.identified_s <= seconds


def compared(part: str, neural: bool, wanted: list[Set], jobs: int, progress) -> dict:
    """Each peer's shares and errors over the script and same-voice sets among `wanted`."""
    chosen = json.loads(SETTINGS_FILE.read_text()) if SETTINGS_FILE.exists() else {}
    unknown = [name for name, module in MODULES.items() if name not in chosen and not module.unavailable()]
    if unknown:
        progress.note(f"choosing settings on the dev part first, for want of recorded ones: {', '.join(unknown)}")
        chosen |= choose(unknown, jobs, progress)
    compared_by_name = {}
    for name, module in MODULES.items():
        why_not = module.unavailable()
        if why_not:
            progress.note(f"SKIPPED {name}: {why_not}")
            compared_by_name[name] = {"setting": "", "skipped": why_not}
            continue
        setting, thresholds = chosen[name]["setting"], chosen[name]["thresholds"]
        scored = _scored(name, setting, part, neural, wanted, jobs, progress)
        outcomes = [_outcome(query, best, thresholds) for query, best in scored]
        false = [outcome.wrong for outcome in outcomes if outcome.query.kind == "same-voice"]
        compared_by_name[name] = {
            "setting": module.describe(setting),
            "shares": results.shares(outcomes),
            "errors": {
                "same_voice": {
                    "calls": len(false),
                    "count": sum(false),
                    "share": sum(false) / len(false) if false else 0.0,
                }
            },
        }
    return compared_by_name


def _outcome(query: Query, best: list, thresholds: list[float]) -> PeerOutcome:
    accepted = [
        (seconds, name)
        for seconds, (value, name), threshold in zip(score.AFTER_S, best, thresholds)
        if value >= threshold
    ]
    right = [seconds for seconds, name in accepted if query.script and name == query.script]
    wrong = any(name != query.script and name not in query.twins for _, name in accepted)
    return PeerOutcome(query, min(right) if right else None, wrong)


def _scored(name: str, setting: dict, part: str, neural: bool, wanted: list[Set], jobs: int, progress) -> list:
    """Best matches of all calls of the script and same-voice sets, kept by content."""
    wanted = [
        one
        for one in wanted
        if one.kind == "same-voice"
        # Peers have no notion of two sides and would mix them.
        or one.kind == "script"
        and CONDITIONS[one.condition].near_echo_db is None
    ]
    progress.start(name, len(wanted))
    scored = []
    with multiprocessing.Pool(jobs) as pool:
        tasks = [(name, json.dumps(setting), part, neural, one) for one in wanted]
        for one, best_by_id in zip(wanted, pool.imap(_score_set, tasks)):
            scored += [(query, best_by_id[query.id]) for query, _ in queries.load(one)]
            progress.step(one.name)
    return scored


def _score_set(task: tuple) -> dict:
    name, setting, part, neural, one = task
    kept = (
        bootstrap.work_dir()
        / "peers"
        / (seeds.key(name, setting, seeds.source_key(f"peer_{name.lower()}"), part, neural, one.folder.name) + ".json")
    )
    if not kept.exists():
        peer = _enrolled(name, setting, part, neural)
        best_by_id = {
            query.id: peer.best(path, query.start_ms / 1000, score.AFTER_S) for query, path in queries.load(one)
        }
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.with_suffix(".partial").write_text(json.dumps(best_by_id))
        kept.with_suffix(".partial").rename(kept)
    return json.loads(kept.read_text())


@cache
def _enrolled(name: str, setting: str, part: str, neural: bool):
    peer = MODULES[name].Peer(json.loads(setting))
    peer.enrol([(clip.id, clip.path) for clip in corpus.load(part, neural) if clip.role == "script"])
    return peer


def choose(names: list[str], jobs: int, progress) -> dict:
    """The best setting of each named peer on the dev part, by the share identified after 3 and 5 s."""
    conditions = [name for name, condition in CONDITIONS.items() if condition.quick]
    wanted = queries.sets("dev", False, conditions, 10, seed=1)
    corpus.load("dev", False, jobs)
    queries.build(wanted, jobs, progress)
    chosen = {}
    for name in names:
        module, tried = MODULES[name], []
        for setting in module.SETTINGS:
            scored = _scored(name, setting, "dev", False, wanted, jobs, progress)
            values = np.array([[value for value, _ in best] for query, best in scored if query.kind == "same-voice"])
            # Next above the (1 − FALSE_SHARE) quantile: a score that equals the threshold is accepted.
            thresholds = [
                float(np.nextafter(np.quantile(column, 1 - FALSE_SHARE, method="higher"), np.inf))
                for column in values.T
            ]
            overall = next(
                row
                for row in results.shares([_outcome(*one, thresholds) for one in scored])["groups"]
                if row["id"] == "all"
            )
            progress.note(f"{module.describe(setting)}: {overall['after']}")
            tried.append((overall["after"]["3.0"] + overall["after"]["5.0"], setting, thresholds, overall["after"]))
        _, setting, thresholds, after = max(tried, key=lambda one: one[0])
        chosen[name] = {"setting": setting, "thresholds": thresholds, "dev_identified": after}
    return chosen


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    args = parser.parse_args()
    for name, module in MODULES.items():
        if module.unavailable():
            raise SystemExit(f"eval: {name} cannot be tried: {module.unavailable()}")
    SETTINGS_FILE.write_text(json.dumps(choose(list(MODULES), args.jobs, Progress()), indent=1) + "\n")
