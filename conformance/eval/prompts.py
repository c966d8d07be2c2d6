"""Real recordings: telephony prompts by voice actors, joined into utterances as long as a call script.

Some prompts are cut from the same take as others ("press one" inside a longer menu), and many sentences were spoken
several times. Either would turn a "negative" into a positive, since the same words by the same voice are the script
again. So of prompts that share a stretch of audio or a run of words only the longest is used.
"""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import stft

import level
import packages
import seeds
import wav

SOUNDS = "usr/share/asterisk/sounds"
LONGEST_S = 16.0
# Animals, beeps and silence among the prompts; the same effects occur in several languages.
NOT_SPEECH = ("tt-monkeys", "beep", "beeperr", "ascending-2tone", "descending-2tone", "silence")
# Shorter prompts are digits, letters and single words: they fill slots. Longer ones make up the script.
SLOT_VALUE_S = (0.4, 0.85)
# Windows of the same take correlate above .97 when frames align; the same word spoken twice by one actor reaches .95.
# Between the two a prompt is dropped rather than trusted.
SAME_TAKE_CORRELATION = 0.95
# Shorter runs of words in common ("press one to") last less than a second and stay in, as hard negatives. Inflections of
# a word (what begins alike) are the same, and so are all numbers.
SHARED_LETTERS, STEM_LETTERS = 11, 4
_WINDOW_FRAMES, _BANDS = 20, 16


def load(package: str, folder: str) -> list[tuple[str, np.ndarray]]:
    """Name and audio of an actor's prompts, trimmed, at nominal level, sharing no audio with one another."""
    root = packages.unpacked(package) / SOUNDS / folder
    files = sorted(
        path
        for path in root.rglob("*")
        if path.suffix in (".wav", ".gsm") and path.stem not in NOT_SPEECH and path.parent.name not in NOT_SPEECH
    )
    clips = []
    for path in _differently_worded(files, root, _transcripts(package)):
        for index, piece in enumerate(_pieces(wav.read(path))):
            if SLOT_VALUE_S[0] <= len(piece) / wav.RATE_HZ <= LONGEST_S:
                clips.append((f"{path.relative_to(root).with_suffix('')}#{index}", level.at_level(piece)))
    dropped = _shared_takes([pcm for _, pcm in clips])
    return [clip for index, clip in enumerate(clips) if index not in dropped]


def _transcripts(package: str) -> dict[str, list[str]]:
    """Words by prompt name, from the package's documentation; some packages have none."""
    texts = list(packages.unpacked(package.removesuffix("-wav")).rglob("core-sounds-*.txt.gz"))
    words_by_name = {}
    lines = gzip.decompress(texts[0].read_bytes()).decode(errors="replace").splitlines() if texts else []
    for line in lines:
        name, separator, words = line.partition(":")
        if separator and not line.startswith(";"):
            words_by_name[name.strip()] = re.findall(r"\w+", words.lower())
    return words_by_name


def _differently_worded(files: list[Path], root: Path, transcripts: dict[str, list[str]]) -> list[Path]:
    """The files without those that repeat a run of words of a longer one, or of their own: they may be cut in two."""
    taken, kept = set(), set()
    for path in sorted(files, key=lambda path: -path.stat().st_size):
        runs = list(_runs(transcripts.get(str(path.relative_to(root).with_suffix("")), [])))
        if not taken.intersection(runs) and len(runs) == len(set(runs)):
            taken.update(runs)
            kept.add(path)
    return [path for path in files if path in kept]


def _runs(words: list[str]) -> Iterator[str]:
    """From every word on the shortest run that is not too long to be said twice."""
    for start in range(len(words)):
        run, letters = "", 0
        for word in words[start:]:
            run += "#" if word.isdigit() else word[:STEM_LETTERS]
            letters += len(word)
            if letters >= SHARED_LETTERS:
                yield run
                break


def _pieces(pcm: np.ndarray) -> list[np.ndarray]:
    """A prompt cut at pauses of 0.35 s and more, so that pauses can be laid anew; short pieces stay joined."""
    levels = level.frame_levels_dbov(pcm)
    if len(levels) == 0 or levels.max() < -50:
        return []
    quiet = levels < np.percentile(levels, 95) - 35
    cuts, run = [0], 0
    for frame, is_quiet in enumerate([*quiet, False]):
        if is_quiet:
            run += 1
            continue
        middle = (frame - run // 2) * wav.RATE_HZ // 50
        if run >= 17 and middle - cuts[-1] > 2 * wav.RATE_HZ:
            cuts.append(middle)
        run = 0
    pieces = [level.trimmed(piece) for piece in np.split(pcm, cuts[1:])]
    return [piece for piece in pieces if len(piece) > 0 and _is_speech(piece)]


def _is_speech(pcm: np.ndarray) -> bool:
    """False for the beeps and tones among the prompts: speech is never one steady spectrum."""
    power = np.abs(stft(pcm, nperseg=256, noverlap=128)[2]) ** 2
    spectrum = np.sort(power.mean(axis=1))[::-1]
    return len(pcm) > 0 and spectrum[:6].sum() / (spectrum.sum() + 1e-12) < 0.95


def _shared_takes(clips: list[np.ndarray]) -> set[int]:
    """Indices of the clips that share a stretch of 0.4 s with a longer one."""
    maps = [_band_map(pcm) for pcm in clips]
    positions, position_owners = _stacked([_windows(band_map, hop=1) for band_map in maps])
    probes, probe_owners = _stacked([_windows(band_map, hop=_WINDOW_FRAMES) for band_map in maps])
    alike = set()
    for start in range(0, len(probes), 256):
        chunk = slice(start, start + 256)
        rows, columns = np.nonzero(positions @ probes[chunk].T > SAME_TAKE_CORRELATION)
        alike.update(zip(position_owners[rows].tolist(), probe_owners[chunk][columns].tolist()))
    dropped: set[int] = set()
    for kept in sorted(range(len(clips)), key=lambda index: -len(clips[index])):
        if kept not in dropped:
            dropped.update(
                other
                for pair in alike
                if kept in pair
                for other in pair
                if other != kept and len(clips[other]) <= len(clips[kept])
            )
    return dropped


def _stacked(windows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The windows of all clips in one array, and which clip each row belongs to."""
    return np.concatenate(windows), np.repeat(np.arange(len(windows)), [len(rows) for rows in windows])


def _band_map(pcm: np.ndarray) -> np.ndarray:
    """Band levels in dB, a row per 20 ms."""
    power = np.abs(stft(pcm, nperseg=320, noverlap=160)[2][:128]) ** 2
    edges = np.geomspace(6, 128, _BANDS + 1).astype(int)
    bands = np.stack([power[low : max(high, low + 1)].mean(axis=0) for low, high in zip(edges, edges[1:])], axis=1)
    return np.maximum(10 * np.log10(bands + 1e-12), -90)


def _windows(band_map: np.ndarray, hop: int) -> np.ndarray:
    """Normalised 0.4 s windows every `hop` frames; windows that are mostly pause are zero and match nothing."""
    count = len(band_map) - _WINDOW_FRAMES + 1
    if count <= 0:
        return np.zeros((0, _WINDOW_FRAMES * _BANDS), np.float32)
    loudness = band_map.max(axis=1)
    rows = []
    for start in range(0, count, hop):
        window = band_map[start : start + _WINDOW_FRAMES]
        window = window - window.mean(axis=0)
        active = np.mean(loudness[start : start + _WINDOW_FRAMES] > loudness.max() - 30) > 0.75
        rows.append(window.ravel() / (np.linalg.norm(window) + 1e-9) * active)
    return np.array(rows, np.float32)


@dataclass(frozen=True)
class Utterance:
    """Prompts joined to the length of a call script. `slot` is the place, among the prompts, of a spliced-in value."""

    names: tuple[str, ...]
    prompts: tuple[np.ndarray, ...]
    pauses_s: tuple[float, ...]
    slot: int | None

    def audio(self, value: np.ndarray | None = None) -> tuple[np.ndarray, list]:
        """The joined audio and its segments, with `value` in the slot where there is one."""
        pieces, segments, at = [], [], 0
        for index, (pcm, pause_s) in enumerate(zip(self.prompts, self.pauses_s)):
            if index == self.slot and value is not None:
                pcm = value
            segments.append([at, at + len(pcm), "value" if index == self.slot else "body"])
            pieces += [pcm, np.zeros(int(pause_s * wav.RATE_HZ), np.float32)]
            at += len(pieces[-2]) + len(pieces[-1])
        return np.concatenate(pieces[:-1]), segments


def utterances(
    clips: list[tuple[str, np.ndarray]], voice: str, shortest_s: float = 7.0, longest_s: float = 18.0
) -> list[Utterance]:
    """All long prompts joined in random order with pauses, each used once; every other utterance has a slot."""
    rng = seeds.generator("utterances", voice)
    short = [clip for clip in clips if len(clip[1]) / wav.RATE_HZ <= SLOT_VALUE_S[1]]
    long = [clip for clip in clips if len(clip[1]) / wav.RATE_HZ > SLOT_VALUE_S[1]]
    made, chosen, length_s, wanted_s = [], [], 0.0, rng.uniform(shortest_s, longest_s)
    for index in rng.permutation(len(long)):
        chosen.append((*long[index], float(rng.uniform(0.12, 0.55))))
        length_s += len(chosen[-1][1]) / wav.RATE_HZ + chosen[-1][2]
        if length_s < wanted_s:
            continue
        slot = None
        if len(made) % 2 and len(chosen) > 1 and short:
            slot = int(rng.integers(1, len(chosen)))
            chosen[slot - 1] = (*chosen[slot - 1][:2], 0.06)
            chosen.insert(slot, (*short[rng.integers(len(short))], 0.06))
        made.append(Utterance(*zip(*chosen), slot))
        chosen, length_s, wanted_s = [], 0.0, rng.uniform(shortest_s, longest_s)
    return made


def other_value(clips: list[tuple[str, np.ndarray]], utterance: Utterance) -> np.ndarray:
    """A short prompt other than the one in the utterance's slot."""
    short = [
        pcm
        for name, pcm in clips
        if len(pcm) / wav.RATE_HZ <= SLOT_VALUE_S[1] and name != utterance.names[utterance.slot]
    ]
    return short[int(seeds.generator("value", *utterance.names).integers(len(short)))]
