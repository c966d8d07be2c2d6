"""Playing faster or slower: with the pitch (speed) or without it (tempo)."""

from fractions import Fraction

import numpy as np
from scipy.signal import resample_poly

from wav import RATE_HZ


def speed(pcm: np.ndarray, factor: float) -> np.ndarray:
    """Resampled: `factor` times as fast, the pitch moving along."""
    ratio = Fraction(factor).limit_denominator(100)
    return resample_poly(pcm, ratio.denominator, ratio.numerator).astype(np.float32)


def tempo(pcm: np.ndarray, factor: float) -> np.ndarray:
    """`factor` times as fast at unchanged pitch, by waveform-similarity overlap-add (WSOLA)."""
    frame, search = RATE_HZ * 30 // 1000, RATE_HZ * 8 // 1000
    hop = frame // 2
    window = np.hanning(frame + 1)[:frame].astype(np.float32)
    count = int(len(pcm) / factor) // hop
    padded = np.concatenate([np.zeros(search, np.float32), pcm, np.zeros(2 * frame + 2 * search, np.float32)])
    out = np.zeros((count + 2) * hop + frame, np.float32)
    continuation = padded[search : search + frame]
    for index in range(count + 1):
        ideal = int(index * hop * factor)
        region = padded[ideal : ideal + frame + 2 * search]
        if len(region) < frame + 2 * search:
            break
        similarity = np.correlate(region, continuation, "valid")
        energy = np.cumsum(np.concatenate([[0.0], region.astype(np.float64) ** 2]))
        energy = energy[frame:] - energy[:-frame]
        chosen = ideal + int(np.argmax(similarity / np.sqrt(energy + 1e-6)))
        out[index * hop : index * hop + frame] += window * padded[chosen : chosen + frame]
        continuation = padded[chosen + hop : chosen + hop + frame]
    return out[: int(len(pcm) / factor)]
