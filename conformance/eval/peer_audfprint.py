"""audfprint: landmark pairs of spectral peaks, in the PyPI package audfprint2, at settings fit for 8 kHz.

In its favour, peaks are picked with the whole call in view, and it is told where the script begins.
"""

import logging
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import bootstrap
import wav

NAME = "audfprint"
REQUIREMENT = "audfprint2==0.1.2"
SETTINGS = [
    {"fft": fft, "hop": hop, "density": density, "fanout": fanout, "spread": 20.0, "window": 2}
    for fft, hop in ((512, 128), (256, 80))
    for density, fanout in ((60, 6), (120, 10))
]
# Sub-frame shifts of the references, so that a query between two frames finds its landmarks.
_SHIFTS = 4


def unavailable() -> str:
    """Why it cannot be run; empty if it can. Installs it on first use."""
    if not find_spec("audfprint2"):
        try:
            bootstrap.install(Path(sys.prefix), (REQUIREMENT,))
        except SystemExit as failure:
            return str(failure)
    return ""


def describe(setting: dict) -> str:
    return (
        f"audfprint2 at 8 kHz: FFT {setting['fft']}, hop {setting['hop']}, density {setting['density']}, "
        f"fan-out {setting['fanout']}, peak spread {setting['spread']:g}, match window {setting['window']}"
    )


@dataclass
class Peer:
    """Its hash table of reference landmarks."""

    setting: dict

    def enrol(self, scripts: list[tuple[str, Path]]) -> None:
        from audfprint2.core import analyzer, hash_table, matcher

        logging.getLogger("audfprint2").setLevel(logging.WARNING)
        self._to_hashes = analyzer.landmarks2hashes
        self._analyzer = analyzer.Analyzer(density=self.setting["density"])
        self._analyzer.target_sr, self._analyzer.n_fft = wav.RATE_HZ, self.setting["fft"]
        self._analyzer.n_hop, self._analyzer.f_sd = self.setting["hop"], self.setting["spread"]
        self._analyzer.maxpairsperpeak = self.setting["fanout"]
        self._matcher = matcher.Matcher()
        # Chance alignments are of no interest, and looking at all of them takes nearly all of the time.
        self._matcher.window, self._matcher.threshcount = self.setting["window"], 3
        self._matcher.max_alignments_per_id = 1
        self._table = hash_table.HashTable(hashbits=20, depth=40)
        self._names = [name for name, _ in scripts]
        for name, path in scripts:
            pcm = wav.read(path)
            shifted = [self._hashes(pcm[shift * self.setting["hop"] // _SHIFTS :])[0] for shift in range(_SHIFTS)]
            self._table.store(name, np.unique(np.concatenate(shifted), axis=0).tolist())

    def best(self, path: Path, start_s: float, after_s: tuple[float, ...]) -> list[tuple[float, str]]:
        """Score (landmarks that agree on an alignment) and script of the best match after each number of seconds."""
        hashes, known_s = self._hashes(wav.read(path))
        begins_s = hashes[:, 0] * self.setting["hop"] / wav.RATE_HZ
        found = []
        for seconds in after_s:
            heard = hashes[(begins_s >= start_s - 0.1) & (known_s <= start_s + seconds)]
            matches = self._matcher.match_hashes(self._table, heard) if len(heard) else []
            if len(matches):
                found.append((float(matches[0][1]), self._names[int(matches[0][0])]))
            else:
                found.append((0.0, ""))
        return found

    def _hashes(self, pcm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(time, hash) rows, and when in the recording each was complete."""
        landmarks = self._analyzer.peaks2landmarks(self._analyzer.find_peaks(pcm, wav.RATE_HZ))
        hashes = np.asarray(self._to_hashes(landmarks), np.int32).reshape(-1, 2)
        ends = np.array([column + later for column, _, _, later in landmarks], float)
        return hashes, (ends * self.setting["hop"] + self.setting["fft"]) / wav.RATE_HZ
