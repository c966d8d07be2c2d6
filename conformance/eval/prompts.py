"""Real recordings: telephony prompts by voice actors, joined into utterances as long as a call script.

Some prompts are cut from the same take as others ("press one" inside a longer menu). Audio used twice would turn a
"negative" into a positive, so of every group of prompts that share a stretch only the longest is used.
"""

from pathlib import Path

import numpy as np
from scipy.signal import stft

import level
import packages
import seeds
import wav

SOUNDS = "usr/share/asterisk/sounds"
SHORTEST_S, LONGEST_S = 0.8, 16.0
# Windows of the same take correlate above .97 when frames align; the same word spoken twice by one actor reaches .95.
# Between the two a prompt is dropped rather than trusted.
SAME_TAKE_CORRELATION = 0.95
_WINDOW_FRAMES, _BANDS = 20, 16


def load(package: str, folder: str) -> list[tuple[str, np.ndarray]]:
    """Name and audio of an actor's prompts, trimmed, at nominal level, sharing no audio with one another."""
    root = packages.unpacked(package) / SOUNDS / folder
    files = sorted(path for path in root.rglob("*") if path.suffix in (".wav", ".gsm"))
    clips = []
    for path in files:
        for index, piece in enumerate(_pieces(wav.read(path))):
            if SHORTEST_S <= len(piece) / wav.RATE_HZ <= LONGEST_S:
                clips.append((f"{path.relative_to(root).with_suffix('')}#{index}", level.at_level(piece)))
    dropped = _shared_takes([pcm for _, pcm in clips])
    return [clip for index, clip in enumerate(clips) if index not in dropped]


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
            dropped.update(other for pair in alike if kept in pair for other in pair
                           if other != kept and len(clips[other]) <= len(clips[kept]))
    return dropped


def _stacked(windows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The windows of all clips in one array, and which clip each row belongs to."""
    return np.concatenate(windows), np.repeat(np.arange(len(windows)), [len(rows) for rows in windows])


def _band_map(pcm: np.ndarray) -> np.ndarray:
    """Band levels in dB, a row per 20 ms."""
    power = np.abs(stft(pcm, nperseg=320, noverlap=160)[2][: 128]) ** 2
    edges = np.geomspace(6, 128, _BANDS + 1).astype(int)
    bands = np.stack([power[low:max(high, low + 1)].mean(axis=0) for low, high in zip(edges, edges[1:])], axis=1)
    return np.maximum(10 * np.log10(bands + 1e-12), -90)


def _windows(band_map: np.ndarray, hop: int) -> np.ndarray:
    """Normalised 0.4 s windows every `hop` frames; windows that are mostly pause are zero and match nothing."""
    count = len(band_map) - _WINDOW_FRAMES + 1
    if count <= 0:
        return np.zeros((0, _WINDOW_FRAMES * _BANDS), np.float32)
    loudness = band_map.max(axis=1)
    rows = []
    for start in range(0, count, hop):
        window = band_map[start:start + _WINDOW_FRAMES]
        window = window - window.mean(axis=0)
        active = np.mean(loudness[start:start + _WINDOW_FRAMES] > loudness.max() - 30) > 0.75
        rows.append(window.ravel() / (np.linalg.norm(window) + 1e-9) * active)
    return np.array(rows, np.float32)


def utterances(clips: list[tuple[str, np.ndarray]], voice: str,
               shortest_s: float = 7.0, longest_s: float = 18.0) -> list[tuple[list[str], np.ndarray]]:
    """Prompts joined in random order with pauses; each prompt is used once. Returns names and audio."""
    rng = seeds.generator("utterances", voice)
    joined, names, pieces, length_s = [], [], [], 0.0
    wanted_s = rng.uniform(shortest_s, longest_s)
    for index in rng.permutation(len(clips)):
        name, pcm = clips[index]
        names.append(name)
        pause = np.zeros(int(rng.uniform(0.12, 0.55) * wav.RATE_HZ), np.float32)
        pieces += [pcm, pause]
        length_s += (len(pcm) + len(pause)) / wav.RATE_HZ
        if length_s >= wanted_s:
            joined.append((names, np.concatenate(pieces[:-1])))
            names, pieces, length_s = [], [], 0.0
            wanted_s = rng.uniform(shortest_s, longest_s)
    return joined
