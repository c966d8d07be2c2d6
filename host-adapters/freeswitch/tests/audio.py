"""Sounds for the tests: the demo's scripts and what is made of them, as WAV files, and looks at recordings."""

import array
import math
import pathlib
import wave

RATE_HZ = 8000
REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
SCRIPTS = REPOSITORY / "models" / "demo" / "scripts"


def _alaw(byte):
    byte ^= 0x55
    exponent, mantissa = (byte >> 4) & 7, byte & 15
    magnitude = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return magnitude if byte & 0x80 else -magnitude


def demo(name):
    """A recording of models/demo, which are A-law at 8 kHz."""
    data = (SCRIPTS / f"{name}.wav").read_bytes()
    at = data.index(b"data")
    size = int.from_bytes(data[at + 4:at + 8], "little")
    table = [_alaw(b) for b in range(256)]
    return array.array("h", (table[b] for b in data[at + 8:at + 8 + size]))


def silence(seconds):
    return array.array("h", bytes(2 * int(seconds * RATE_HZ)))


def constant(value, seconds):
    return array.array("h", [value]) * int(seconds * RATE_HZ)


def tone(hz, seconds, peak=6000):
    return array.array("h", (int(peak * math.sin(2 * math.pi * hz * i / RATE_HZ))
                             for i in range(int(seconds * RATE_HZ))))


def write(path, *parts):
    samples = array.array("h")
    for part in parts:
        samples.extend(part)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(samples.tobytes())
    return path


def read(path):
    """Channels of a WAV file, and its rate."""
    with wave.open(str(path), "rb") as file:
        count, rate_hz = file.getnchannels(), file.getframerate()
        samples = array.array("h", file.readframes(file.getnframes()))
    return [samples[c::count] for c in range(count)], rate_hz


def power(samples, rate_hz, hz):
    """Peak of the sine at that frequency (Goertzel)."""
    w = 2 * math.pi * hz / rate_hz
    a = b = 0.0
    for x in samples:
        a, b = x + 2 * math.cos(w) * a - b, a
    n = len(samples)
    return 2 * math.sqrt(max(a * a + b * b - 2 * math.cos(w) * a * b, 0)) / n if n else 0


def tone_span(samples, rate_hz, hz, least=1000):
    """From when to when, in seconds, a tone is there: windows of 10 ms. None if it is not."""
    step = rate_hz // 100
    there = [i for i in range(len(samples) // step)
             if power(samples[i * step:(i + 1) * step], rate_hz, hz) > least]
    return (there[0] / 100, (there[-1] + 1) / 100) if there else None
