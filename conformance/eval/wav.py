"""Reading and writing the evaluation's audio: mono float32 at 8 kHz, full scale ±1."""

from math import gcd
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

RATE_HZ = 8000


def resampled(pcm: np.ndarray, rate_hz: int) -> np.ndarray:
    """`pcm` of any rate brought to 8 kHz."""
    if rate_hz == RATE_HZ:
        return pcm.astype(np.float32)
    divisor = gcd(rate_hz, RATE_HZ)
    return resample_poly(pcm, RATE_HZ // divisor, rate_hz // divisor).astype(np.float32)


def read(path: Path) -> np.ndarray:
    """A recording's first channel at 8 kHz; `.gsm` files are headerless GSM 06.10."""
    if path.suffix == ".gsm":
        pcm, rate_hz = soundfile.read(
            path, samplerate=RATE_HZ, channels=1, format="RAW", subtype="GSM610", dtype="float32"
        )
    else:
        pcm, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        pcm = pcm[:, 0]
    return resampled(pcm, rate_hz)


def write(path: Path, pcm: np.ndarray) -> None:
    """Write 16-bit PCM, whole or not at all, so that a killed run leaves no half file behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    soundfile.write(partial, np.clip(pcm, -1.0, 32767 / 32768), RATE_HZ, subtype="PCM_16", format="WAV")
    partial.rename(path)
