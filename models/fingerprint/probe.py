#!/usr/bin/env python3
"""Measure a set of projections on the evaluation's `dev` part, without the plugin: which step loses what.

    python3 models/fingerprint/probe.py [subband64.json] [--every N]

Three questions, each answered by itself. Verification: how often is the distance of a true alignment below what
other scripts of the *same voice* reach anywhere? Recall: how often does at least one look-up of the index meet the true
place? Load: how many wrong places does a look-up return?
"""

import environment

if __name__ == "__main__":
    environment.enter()

import argparse  # noqa: E402
import json  # noqa: E402
import pickle  # noqa: E402
import sys  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402

import corpus  # noqa: E402
import degrade  # noqa: E402
import numba  # noqa: E402
import numpy as np  # noqa: E402
import seeds  # noqa: E402

import frontend  # noqa: E402
import pairs  # noqa: E402

WINDOWS = np.array([50, 75, 100, 150, 250])
SLOPES = np.array([-0.084, -0.056, -0.028, 0.0, 0.028, 0.056, 0.084])
# Codes are compared every 40 ms; a place may be off by this many codes.
COMPARE_STEP, PLACE_TOLERANCE = 2, 4
TABLES, KEY_BITS, REFERENCE_STEP = 3, 24, 2
FLIPS = (2, 3, 4)
LOOKUP_STEPS = (2, 1)
INSTANTS_PER_QUERY = 2
# A code's distance counts no less than this. A false match of the same voice is a repeated word: codes that agree wholly, then
# chance; a true match under noise is middling throughout. With the floor good codes cannot buy off bad ones.
FLOOR_BITS = 16
# Scripts of one voice nearer than this over 0.8 s contain the same recording: not a false match but a repeated phrase.
SHARED_AUDIO_CODES, SHARED_AUDIO_DISTANCE = 40, 0.29
FALSE_SHARES = (0.002, 0.01)


@dataclass
class Script:
    voice: str
    pcm: np.ndarray
    queries: dict[str, tuple[np.ndarray, float, bool]]
    """By condition: audio, reference samples per query sample, whether the place must be searched for."""


def scripts(every: int) -> list[Script]:
    """The dev part's scripts; every `every`-th of them is also played under every second condition, in turn."""
    cache = pairs.CACHE_DIR / f"probe-{pairs.VERSION}-corpus-{corpus.VERSION}-{every}.pickle"
    if not cache.exists():
        clips = corpus.load("dev", jobs=1)
        renditions = {(clip.of, clip.change): clip for clip in clips if clip.role == "variant"}
        strangers = [(clip.voice, clip.audio()) for clip in clips if clip.role in ("stranger", "negative")]
        made = []
        for number, clip in enumerate(clip for clip in clips if clip.role == "script"):
            made.append(Script(clip.voice, pairs.to_int16(clip.audio()), {}))
            others = [pcm for voice, pcm in strangers if voice != clip.voice]
            for turn, (name, condition) in enumerate(degrade.CONDITIONS.items()):
                played = renditions.get((clip.id, condition.rendition)) if condition.rendition else clip
                if number % every or (number // every + turn) % 2 or played is None \
                        or condition.rendition in ("slots", "other-voice"):
                    continue
                pcm = degrade.apply(name, played.audio(), number, others)
                made[-1].queries[name] = (pairs.to_int16(pcm), clip.samples / played.samples / condition.time_scale,
                                          bool(condition.rendition))
        cache.write_bytes(pickle.dumps(made))
    return pickle.loads(cache.read_bytes())


class Code:
    """Projections read from a file."""

    def __init__(self, path: Path):
        self.weights = np.array(json.loads(path.read_text())["weights"], np.float32).T

    def outputs(self, pcm: np.ndarray) -> np.ndarray:
        rows = frontend.frames(pcm)
        return frontend.patches(rows, frontend.code_starts(rows)) @ self.weights


def packed(outputs: np.ndarray) -> np.ndarray:
    return np.packbits(outputs > 0, axis=1, bitorder="little").view(np.uint64)[:, 0]


@numba.njit(inline="always")
def _ones(word):
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@numba.njit
def lowest_distance(query, end, reference, first, last, slopes, windows):
    """Per window that ends at the code `end`: the lowest mean floored distance (0…1) over ends first…last and slopes."""
    lowest = np.ones(len(windows))
    steps_back = np.empty(windows[-1], np.int64)
    for slope in slopes:
        for back in range(windows[-1]):
            steps_back[back] = int(np.floor((1 + slope) * back + 0.5))
        for place in range(first, last):
            wrong, compared, back = 0, 0, 0
            for window in range(len(windows)):
                while back < windows[window] and place >= steps_back[back]:
                    wrong += max(FLOOR_BITS, _ones(query[end - back] ^ reference[place - steps_back[back]]))
                    compared += 64
                    back += COMPARE_STEP
                if back < windows[window]:
                    break
                lowest[window] = min(lowest[window], wrong / compared)
                if window == 0 and wrong > 0.47 * compared:
                    break
    return lowest


def shared_pairs(codes: list[np.ndarray], voices: list[str]) -> set[tuple[int, int]]:
    """Pairs of scripts of one voice that contain the same phrase."""
    found = set()
    window = np.array([SHARED_AUDIO_CODES])
    for first, one in enumerate(codes):
        for second, other in enumerate(codes):
            if first < second and voices[first] == voices[second]:
                for end in range(SHARED_AUDIO_CODES, len(one), SHARED_AUDIO_CODES // 4):
                    if lowest_distance(one, end, other, 0, len(other), SLOPES[2:5], window)[0] < SHARED_AUDIO_DISTANCE:
                        found |= {(first, second), (second, first)}
                        break
    return found


def table_bits(table: int) -> np.ndarray:
    return (table + TABLES * np.arange(KEY_BITS)) % 64


def flips_needed(query: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """[code, table]: how many of the key's weakest bits must be flipped until the query's key is the reference's."""
    needed = np.empty((len(query), TABLES), int)
    for table in range(TABLES):
        bits = table_bits(table)
        rank = np.argsort(np.argsort(np.abs(query[:, bits]), axis=1), axis=1)
        wrong = (query[:, bits] > 0) != (reference[:, bits] > 0)
        needed[:, table] = np.where(wrong, rank + 1, 0).max(axis=1)
    return needed


def recall(query: np.ndarray, reference: np.ndarray, end: int, place: int, factor: float) -> np.ndarray:
    """[window, look-up step, flips]: whether any look-up in the window meets an indexed code within one code of the truth."""
    back = np.arange(WINDOWS[2])
    at = place - np.round(back * factor).astype(int)
    back, at = (values[(at >= 0) & (at < len(reference) - 1)] for values in (back, at))
    nearest = [np.clip((at + shift) // REFERENCE_STEP * REFERENCE_STEP, 0, len(reference) - 1) for shift in (0, 1)]
    needed = np.minimum(*(flips_needed(query[end - back], reference[near]) for near in nearest)).min(axis=1)
    return np.array([[[bool((needed[(back < window) & (back % step == 0)] <= flips).any()) for flips in FLIPS]
                      for step in LOOKUP_STEPS] for window in WINDOWS[:3]])


def load(outputs: list[np.ndarray]) -> np.ndarray:
    """By FLIPS: wrong places per code looked up (all tables) for a million indexed codes."""
    owners = np.concatenate([np.full(len(each), index) for index, each in enumerate(outputs)])
    every = np.concatenate(outputs)
    levels = np.linalg.norm(every, axis=1)
    active = levels > 0.1 * np.median(levels)
    every, owners = every[active], owners[active]
    looked_up, indexed = np.arange(0, len(every), 11), np.arange(0, len(every), REFERENCE_STEP)
    wrong = np.zeros(len(FLIPS))
    for table in range(TABLES):
        bits = table_bits(table)
        keys = (every[:, bits] > 0) @ (1 << np.arange(KEY_BITS))
        order = np.argsort(keys[indexed], kind="stable")
        sorted_keys, sorted_owners = keys[indexed][order], owners[indexed][order]
        weakest = np.argsort(np.abs(every[looked_up][:, bits]), axis=1)
        for column, flips in enumerate(FLIPS):
            for probe in range(1 << flips):
                probed = keys[looked_up].copy()
                for bit in range(flips):
                    if probe >> bit & 1:
                        probed ^= 1 << weakest[:, bit]
                starts, stops = (np.searchsorted(sorted_keys, probed, side) for side in ("left", "right"))
                wrong[column] += sum((sorted_owners[start:stop] != owner).sum() for start, stop, owner
                                     in zip(starts, stops, owners[looked_up]) if stop > start)
    return wrong / len(looked_up) / len(indexed) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", nargs="?", type=Path, default=Path(__file__).with_name("subband64.json"))
    parser.add_argument("--every", type=int, default=2, help="play every N-th script (default 2)")
    args = parser.parse_args()
    code, all_scripts = Code(args.weights), scripts(args.every)
    outputs = [code.outputs(script.pcm) for script in all_scripts]
    codes, voices = [packed(each) for each in outputs], [script.voice for script in all_scripts]
    shared = shared_pairs(codes, voices)
    scale = np.concatenate(outputs).std(axis=0)
    true: dict[str, list[np.ndarray]] = {}
    met: dict[str, list[np.ndarray]] = {}
    false = []
    for index, script in enumerate(all_scripts):
        rivals = [other for other in range(len(all_scripts)) if other != index and voices[other] == script.voice
                  and (index, other) not in shared]
        for name, (pcm, factor, searched) in script.queries.items():
            heard = code.outputs(pcm)
            query = packed(heard)
            rng = seeds.generator("probe", index, name)
            for _ in range(INSTANTS_PER_QUERY if len(query) > WINDOWS[-1] + 2 else 0):
                end = int(rng.integers(WINDOWS[-1] + 1, len(query)))
                # The place of the patch whose centre is heard at the same moment.
                centre = frontend.PATCH_CENTRE_FRAMES / frontend.CODE_STRIDE_FRAMES
                place = int(round((end + centre) * factor - centre))
                first, last = max(0, place - PLACE_TOLERANCE), min(len(codes[index]), place + PLACE_TOLERANCE + 1)
                if searched:
                    first, last = 0, len(codes[index])
                elif last - first <= PLACE_TOLERANCE:
                    continue
                true.setdefault(name, []).append(
                    lowest_distance(query, end, codes[index], first, last, SLOPES, WINDOWS))
                if not searched:
                    met.setdefault(name, []).append(
                        recall(heard / scale, outputs[index] / scale, end, place, factor))
                false += [lowest_distance(query, end, codes[other], 0, len(codes[other]), SLOPES, WINDOWS)
                          for other in rivals]
        print(f"probe: script {index + 1} of {len(all_scripts)}", end="\r", file=sys.stderr)
    report(true, met, np.array(false), load(outputs))


def report(true: dict, met: dict, false: np.ndarray, wrong_places: np.ndarray) -> None:
    instants = sum(len(rows) for rows in true.values())
    seconds = [f"{window / 50:g} s" for window in WINDOWS]
    print(f"{instants} true windows, {len(false)} windows against another script of the voice")
    for share in FALSE_SHARES:
        limits = np.quantile(false, share * instants / len(false), axis=0)
        accepted = {name: (np.array(rows) < limits).mean(axis=0) for name, rows in true.items()}
        print(f"\nVerified while {share:.1%} of windows match another script of the voice")
        print(f"{'':26}" + "".join(f"{each:>8}" for each in seconds))
        print(f"{'mean distance below':26}" + "".join(f"{limit:8.3f}" for limit in limits))
        if share == FALSE_SHARES[0]:
            for name, row in accepted.items():
                print(f"{name:26}" + "".join(f"{value:8.3f}" for value in row))
        print(f"{'mean':26}" + "".join(f"{value:8.3f}" for value in np.mean(list(accepted.values()), axis=0)))
    print("\nSmallest mean distances against another script of the voice, by share of windows")
    for share in (1e-2, 1e-3, 1e-4):
        print(f"{share:<26g}" + "".join(f"{value:8.3f}" for value in np.quantile(false, share, axis=0)))
    mean = np.mean([np.mean(rows, axis=0) for rows in met.values()], axis=0)
    print("\nIndex: share of windows with a hit; wrong places per million indexed codes and code looked up")
    for step, lookup_step in enumerate(LOOKUP_STEPS):
        for column, flips in enumerate(FLIPS):
            print(f"{50 // lookup_step} look-ups/s, {flips} flips     "
                  + "".join(f"{value:8.3f}" for value in mean[:, step, column]) + f"{wrong_places[column]:8.1f}")


if __name__ == "__main__":
    main()
