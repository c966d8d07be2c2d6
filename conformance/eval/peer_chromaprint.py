"""Chromaprint: raw fingerprints by `fpcalc`, compared by bit error at every alignment.

Everything doubtful is decided in its favour: it is told where the script begins, and bit errors are counted over
exactly the codes that describe it.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

NAME = "Chromaprint"
# fpcalc's algorithms and their STFT, in samples of the 11,025 Hz it works at: (frame, hop). A code spans 20 frames.
GEOMETRY = {2: (4096, 1365), 4: (4096, 1365), 5: (2048, 1024)}
SETTINGS = [{"algorithm": algorithm} for algorithm in GEOMETRY]
_RATE_HZ, _FRAMES = 11025, 20


def unavailable() -> str:
    """Why it cannot be run; empty if it can."""
    return "" if shutil.which("fpcalc") else "fpcalc not found (Debian: apt-get install libchromaprint-tools)"


def describe(setting: dict) -> str:
    return f"fpcalc algorithm {setting['algorithm']}, least bit error over all alignments"


@dataclass
class Peer:
    """Its reference codes in one array, with the script each belongs to."""

    setting: dict

    def enrol(self, scripts: list[tuple[str, Path]]) -> None:
        codes = [self._codes(path) for _, path in scripts]
        # A gap after each script keeps alignments from running into the next.
        gap = np.zeros(64, np.uint32)
        self._codes_of_all = np.concatenate([part for one in codes for part in (one, gap)])
        self._owner = np.concatenate([np.full(len(one) + len(gap), index) for index, one in enumerate(codes)])
        self._left = np.concatenate([np.append(np.arange(len(one), 0, -1), gap) for one in codes])
        self._names = [name for name, _ in scripts]

    def best(self, path: Path, start_s: float, after_s: tuple[float, ...]) -> list[tuple[float, str]]:
        """Score (share of equal bits) and script of the best match after each number of seconds."""
        frame, hop = GEOMETRY[self.setting["algorithm"]]
        codes = self._codes(path)
        begins_s = np.arange(len(codes)) * hop / _RATE_HZ
        known_s = begins_s + ((_FRAMES - 1) * hop + frame) / _RATE_HZ
        found, errors = [], np.zeros(len(self._codes_of_all), np.int32)
        usable = np.flatnonzero(begins_s >= start_s - 0.15)
        counted = 0
        for seconds in after_s:
            for index in usable[counted:]:
                if known_s[index] > start_s + seconds:
                    break
                differing = np.bitwise_count(self._codes_of_all ^ codes[index])
                errors[: len(errors) - counted] += differing[counted:]
                counted += 1
            if counted == 0:
                found.append((0.0, ""))
                continue
            rate = np.where(self._left >= counted, errors / (32 * counted), 1.0)
            at = int(np.argmin(rate))
            found.append((1.0 - float(rate[at]), self._names[self._owner[at]]))
        return found

    def _codes(self, path: Path) -> np.ndarray:
        command = ["fpcalc", "-raw", "-json", "-algorithm", str(self.setting["algorithm"]), str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
        # Debian's fpcalc calls the end of every file an error, after printing all of its codes.
        if not done.stdout and "Empty fingerprint" not in done.stderr:
            raise SystemExit(f"eval: `{' '.join(command)}` failed: {done.stderr.strip()}")
        return np.array(json.loads(done.stdout)["fingerprint"] if done.stdout else [], np.uint32)
