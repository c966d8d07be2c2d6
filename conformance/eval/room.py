"""A call played by a loudspeaker in a room and recorded again by another telephone."""

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from wav import RATE_HZ


def rerecorded(pcm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Small loudspeaker, then a random room of 0.25–0.6 s reverberation time, then the room's own hiss."""
    speaker = sosfilt(
        butter(2, [rng.uniform(280, 420), rng.uniform(2900, 3600)], "bandpass", fs=RATE_HZ, output="sos"), pcm
    )
    speaker = speaker + 0.4 * sosfilt(butter(2, [900, 1400], "bandpass", fs=RATE_HZ, output="sos"), speaker)
    wet = fftconvolve(speaker, impulse_response(rng))[: len(pcm)]
    scale = np.sqrt(np.mean(pcm**2) / (np.mean(wet**2) + 1e-12))
    hiss = rng.standard_normal(len(pcm)) * np.sqrt(np.mean(pcm**2)) * 10 ** (-30 / 20)
    return (wet * scale + hiss).astype(np.float32)


def impulse_response(rng: np.random.Generator) -> np.ndarray:
    """Direct sound at sample 0, a dozen early reflections, and a tail that decays exponentially."""
    decay_s, direct_to_reverberant_db = rng.uniform(0.25, 0.6), rng.uniform(0, 6)
    length = int(decay_s * RATE_HZ)
    time_s = np.arange(length) / RATE_HZ
    tail = rng.standard_normal(length) * 10 ** (-3 * time_s / decay_s)
    tail[: int(0.004 * RATE_HZ)] = 0
    for _ in range(12):
        at_s = rng.uniform(0.002, 0.05)
        tail[int(at_s * RATE_HZ)] += rng.choice((-1, 1)) * 6 * 10 ** (-3 * at_s / decay_s)
    tail *= 10 ** (-direct_to_reverberant_db / 20) / np.linalg.norm(tail)
    tail[0] += 1.0
    return tail
