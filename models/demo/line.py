"""What a telephone line does to sound: band, level, codec, noise; and the sounds that are its own."""

import io

import numpy as np
import soundfile
from scipy.signal import butter, fftconvolve, firwin, resample_poly, sosfilt

RATE_HZ = 8_000
# ITU-T G.711: a full-scale sine of A-law has 3.14 dBm0, and an rms of 1/√2.
_RMS_AT_0_DBM0 = 10 ** (-3.14 / 20) / np.sqrt(2)


def narrowed(audio: np.ndarray, rate_hz: int, faster: float = 1.0) -> np.ndarray:
    """At 8 kHz and in the telephone's band; `faster` than it was, pitch and all, as a drifting clock makes it."""
    down = round(rate_hz / 40 * faster)
    audio = resample_poly(audio, RATE_HZ // 40, down)
    return sosfilt(butter(4, (300, 3400), "bandpass", fs=RATE_HZ, output="sos"), audio)


def at_level(audio: np.ndarray, dbm0: float) -> np.ndarray:
    """With its active parts, as far as they lie within 25 dB of the loudest, at `dbm0`."""
    blocks = audio[:len(audio) // 160 * 160].reshape(-1, 160)
    power = np.mean(blocks ** 2, axis=1)
    active = np.mean(power[power > power.max() * 10 ** -2.5])
    return audio * (_RMS_AT_0_DBM0 * 10 ** (dbm0 / 20) / np.sqrt(active))


def through_gsm(audio: np.ndarray) -> np.ndarray:
    """Through a GSM 06.10 full-rate coder and back."""
    file = io.BytesIO()
    soundfile.write(file, audio, RATE_HZ, format="WAV", subtype="GSM610")
    file.seek(0)
    decoded, _ = soundfile.read(file)
    return decoded[:len(audio)]


def tone(hz: float, seconds: float, dbm0: float) -> np.ndarray:
    """A tone with edges of 5 ms."""
    n = np.arange(round(seconds * RATE_HZ))
    edge = np.minimum(1, np.minimum(n, n[::-1]) / (0.005 * RATE_HZ))
    return np.sin(2 * np.pi * hz / RATE_HZ * n) * edge * _RMS_AT_0_DBM0 * np.sqrt(2) * 10 ** (dbm0 / 20)


def hiss(random: np.random.Generator, samples: int, dbm0: float) -> np.ndarray:
    """Noise of a line, falling gently towards high frequencies."""
    white = random.standard_normal(samples)
    coloured = fftconvolve(white, firwin(31, 1200, fs=RATE_HZ), "same") + 0.3 * white
    return coloured / np.std(coloured) * _RMS_AT_0_DBM0 * 10 ** (dbm0 / 20)


def office(random: np.random.Generator, voices: list[np.ndarray], samples: int, dbm0: float) -> np.ndarray:
    """A room of people on the telephone: `voices` far off and blurred by the room, air conditioning, keys."""
    room = np.zeros(samples)
    for voice in voices:
        repeated = np.tile(np.concatenate([voice, np.zeros(RATE_HZ)]), samples // len(voice) + 2)
        room += at_level(repeated[(start := random.integers(len(voice))):start + samples], -20)
    tail = random.standard_normal(RATE_HZ // 2) * np.exp(-np.arange(RATE_HZ // 2) / (0.1 * RATE_HZ))
    room = fftconvolve(room, tail / np.linalg.norm(tail))[:samples]
    room = at_level(room, -22) + hiss(random, samples, -30)
    for key in random.integers(samples - 400, size=samples // RATE_HZ * 4):
        room[key:key + 240] += random.standard_normal(240) * np.exp(-np.arange(240) / 30) * 0.02
    return at_level(room, dbm0)


def write(path, *channels: np.ndarray) -> None:
    """Writes A-law."""
    soundfile.write(path, np.stack(channels, axis=1), RATE_HZ, format="WAV", subtype="ALAW")
