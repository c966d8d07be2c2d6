"""Speech level: active level in dBov (decibels below full-scale square wave), pauses left out."""

import numpy as np

from wav import RATE_HZ

# Usual active level of telephone speech at the digital reference point (ITU-T P.56 practice).
NOMINAL_DBOV = -26.0
_FRAME = RATE_HZ // 50


def frame_levels_dbov(pcm: np.ndarray) -> np.ndarray:
    """Level of each 20 ms frame."""
    frames = pcm[: len(pcm) // _FRAME * _FRAME].reshape(-1, _FRAME)
    return 10 * np.log10(np.mean(frames.astype(np.float64) ** 2, axis=1) + 1e-12)


def active_dbov(pcm: np.ndarray) -> float:
    """Mean power of the frames within 25 dB of the loudest ones."""
    levels = frame_levels_dbov(pcm)
    if len(levels) == 0:
        return -120.0
    active = levels[levels > np.percentile(levels, 95) - 25]
    return float(10 * np.log10(np.mean(10 ** (active / 10)))) if len(active) else -120.0


def at_level(pcm: np.ndarray, dbov: float = NOMINAL_DBOV) -> np.ndarray:
    """`pcm` scaled to the active level `dbov`."""
    gain_db = dbov - active_dbov(pcm)
    return (pcm * 10 ** (min(gain_db, 60.0) / 20)).astype(np.float32)


def trimmed(pcm: np.ndarray, keep_s: float = 0.05) -> np.ndarray:
    """Leading and trailing silence removed but for `keep_s`."""
    levels = frame_levels_dbov(pcm)
    active = np.flatnonzero(levels > max(np.percentile(levels, 95) - 35, -65)) if len(levels) else []
    if len(active) == 0:
        return pcm[:0]
    keep = int(keep_s * RATE_HZ)
    return pcm[max(0, active[0] * _FRAME - keep) : (active[-1] + 1) * _FRAME + keep]
