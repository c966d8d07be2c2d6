"""What else is on the line: babble of other voices, street noise, and mixing at a signal-to-noise ratio."""

from collections.abc import Sequence

import numpy as np
from scipy.signal import butter, sosfilt

import level
from wav import RATE_HZ


def mixed(pcm: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """`noise` under `pcm`: the active speech level stands `snr_db` above the noise's mean level."""
    noise_dbov = 10 * np.log10(np.mean(noise.astype(np.float64) ** 2) + 1e-12)
    gain = 10 ** ((level.active_dbov(pcm) - snr_db - noise_dbov) / 20)
    return (pcm + gain * noise).astype(np.float32)


def excerpt(pcm: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """`samples` of `pcm` from a random place, looping where it is shorter."""
    start = int(rng.integers(len(pcm)))
    return np.take(pcm, np.arange(start, start + samples), mode="wrap")


def babble(samples: int, rng: np.random.Generator, others: Sequence[np.ndarray], voices: int = 6) -> np.ndarray:
    """Several people talking at once, each at a level of their own."""
    if len(others) < 2:
        raise ValueError(f"babble needs at least 2 recordings of other voices, got {len(others)}")
    chosen = rng.permutation(len(others))[:voices]
    parts = [
        level.at_level(excerpt(others[index], samples, rng), level.NOMINAL_DBOV + rng.uniform(-5, 3))
        for index in chosen
    ]
    return np.sum(parts, axis=0).astype(np.float32)


def street(samples: int, rng: np.random.Generator) -> np.ndarray:
    """A road: steady rumble, cars that pass, a horn now and then, things that clatter. Nothing in it is stationary."""
    time_s = np.arange(samples) / RATE_HZ
    road = sosfilt(butter(1, [80, 500], "bandpass", fs=RATE_HZ, output="sos"), rng.standard_normal(samples))
    road *= 1 + 0.4 * _wander(samples, 0.7, rng)
    tyres = sosfilt(butter(2, [500, 2500], "bandpass", fs=RATE_HZ, output="sos"), rng.standard_normal(samples))
    passing = np.full(samples, 0.15)
    for _ in range(max(1, rng.poisson(samples / RATE_HZ / 3.0))):
        centre_s, width_s = rng.uniform(-1, time_s[-1] + 1), rng.uniform(0.4, 1.8)
        passing += rng.uniform(0.4, 1.6) / (1 + ((time_s - centre_s) / width_s) ** 2)
    sound = road + 0.8 * passing * tyres
    for _ in range(rng.poisson(samples / RATE_HZ / 12.0)):
        sound += _horn(time_s, rng)
    for _ in range(rng.poisson(samples / RATE_HZ / 2.5)):
        at = int(rng.integers(samples))
        length = min(samples - at, int(rng.uniform(0.02, 0.12) * RATE_HZ))
        decay = np.exp(-np.arange(length) / (length / 4))
        sound[at : at + length] += rng.uniform(0.5, 2.0) * decay * rng.standard_normal(length)
    return sound.astype(np.float32)


def _wander(samples: int, rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """A slow random curve between about −1 and 1."""
    knots = rng.uniform(-1, 1, int(samples / RATE_HZ * rate_hz) + 3)
    return np.interp(np.linspace(0, len(knots) - 1, samples), np.arange(len(knots)), knots)


def _horn(time_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    start_s, length_s, pitch_hz = rng.uniform(0, time_s[-1]), rng.uniform(0.15, 0.9), rng.uniform(330, 480)
    blown = (time_s >= start_s) & (time_s < start_s + length_s)
    chord = sum(
        np.sin(2 * np.pi * pitch_hz * ratio * harmonic * time_s) / harmonic
        for ratio in (1.0, 1.26)
        for harmonic in (1, 2, 3, 4, 5)
    )
    return rng.uniform(0.15, 0.5) * blown * chord
