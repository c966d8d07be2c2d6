"""Tones as telephone equipment makes them, at levels in dBm0."""

import numpy as np

from wav import RATE_HZ

# A sine at 0 dBm0 peaks 3.14 dB below full scale (ITU-T G.711, A-law).
ZERO_DBM0_PEAK = 10 ** (-3.14 / 20)
_RAMP = RATE_HZ // 500


def tone(freqs_hz: tuple[float, ...], seconds: float, dbm0: float) -> np.ndarray:
    """Sines sounded together, equally strong, `dbm0` in all, with 2 ms ramps."""
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return _shaped(sum(np.sin(2 * np.pi * hz * time_s) for hz in freqs_hz) / np.sqrt(len(freqs_hz)), dbm0)


def sweep(from_hz: float, to_hz: float, seconds: float, dbm0: float) -> np.ndarray:
    """A sine that glides evenly from one frequency to another."""
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return _shaped(np.sin(2 * np.pi * (from_hz * time_s + (to_hz - from_hz) * time_s ** 2 / (2 * seconds))), dbm0)


def cadenced(freqs_hz: tuple[float, ...], cadence_s: list[float], seconds: float, dbm0: float) -> np.ndarray:
    """A tone switched on and off by `cadence_s` until `seconds` have passed; without a cadence it goes on."""
    if not cadence_s:
        return tone(freqs_hz, seconds, dbm0)
    parts, length_s, step = [], 0.0, 0
    while length_s < seconds:
        part_s = cadence_s[step % len(cadence_s)]
        parts.append(tone(freqs_hz, part_s, dbm0) if step % 2 == 0 else np.zeros(int(part_s * RATE_HZ), np.float32))
        length_s, step = length_s + part_s, step + 1
    return np.concatenate(parts)[: int(seconds * RATE_HZ)]


def sung_vowel(pitch_hz: float, seconds: float, dbm0: float, rng: np.random.Generator) -> np.ndarray:
    """A voice holding a vowel with vibrato: harmonics under three formants."""
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    wander = pitch_hz * (1 + 0.015 * np.sin(2 * np.pi * 5.3 * time_s + rng.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(wander) / RATE_HZ
    formants = rng.choice([(730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480)])
    out = np.zeros(len(time_s))
    for harmonic in range(1, int(3400 / pitch_hz) + 1):
        gain = sum(1 / (1 + ((harmonic * pitch_hz - formant) / 120) ** 2) for formant in formants)
        out += gain / harmonic ** 0.5 * np.sin(harmonic * phase)
    return _shaped(out / (np.sqrt(2 * np.mean(out ** 2)) + 1e-9), dbm0)


def _shaped(unit: np.ndarray, dbm0: float) -> np.ndarray:
    """`unit` (the power of a sine of amplitude 1) at `dbm0`, switched on and off without clicks."""
    ramp = min(_RAMP, len(unit) // 2)
    unit = np.asarray(unit, float).copy()
    unit[:ramp] *= np.linspace(0, 1, ramp)
    unit[len(unit) - ramp:] *= np.linspace(1, 0, ramp)
    return (unit * ZERO_DBM0_PEAK * 10 ** (dbm0 / 20)).astype(np.float32)
