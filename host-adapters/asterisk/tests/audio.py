"""Telephone audio without a library: A-law, WAV files, tones."""

import math
import struct

SILENCE = 0xD5  # A-law


def alaw_to_linear(byte):
    byte ^= 0x55
    exponent, mantissa = byte >> 4 & 7, byte & 15
    value = mantissa * 16 + 8 if exponent == 0 else (mantissa * 16 + 264) << (exponent - 1)
    return value if byte & 0x80 else -value


_TO_LINEAR = [alaw_to_linear(byte) for byte in range(256)]


def linear_to_alaw(value):
    sign = 0x80 if value >= 0 else 0
    value = min(abs(value), 32767) >> 4
    exponent = max(value.bit_length() - 4, 1)
    code = value & 15 if value < 16 else (value >> (exponent - 1) & 15) | exponent << 4
    return (code | sign) ^ 0x55


def _to_ulaw(value):
    sign = 0x80 if value < 0 else 0
    value = min(abs(value), 32635) + 132
    exponent = value.bit_length() - 8
    return ~(sign | exponent << 4 | (value >> (exponent + 3) & 15)) & 255


_ALAW_TO_ULAW = bytes(_to_ulaw(value) for value in _TO_LINEAR)
_ULAW_LEVEL = {_to_ulaw(value): abs(value) for value in _TO_LINEAR}


def ulaw(alaw):
    return alaw.translate(_ALAW_TO_ULAW)


def level(payload, codec):
    """Mean of the samples' magnitudes, 0 to 32767, of A-law or µ-law."""
    table = {"alaw": [abs(v) for v in _TO_LINEAR], "ulaw": _ULAW_LEVEL}[codec]
    return sum(table.get(byte, 0) if codec == "ulaw" else table[byte] for byte in payload) / max(len(payload), 1)


def read_wav(path, channel=0):
    """A channel of a WAV file of A-law at 8 kHz, as the bytes that it is."""
    data, at, fmt = open(path, "rb").read(), 12, None
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        if name == b"fmt ":
            fmt = struct.unpack("<HHI", data[at + 8 : at + 16])
        if name == b"data" and fmt:
            coding, channels, rate_hz = fmt
            if (coding, rate_hz) != (6, 8000):
                raise ValueError(f"{path}: A-law at 8000 Hz is expected, not coding {coding} at {rate_hz} Hz")
            return data[at + 8 + channel : at + 8 + size : channels]
        at += 8 + size + (size & 1)
    raise ValueError(f"{path}: no WAV file with audio")


def silence(ms):
    return bytes([SILENCE]) * (ms * 8)


def tone(hz, ms, amplitude=8000):
    return bytes(linear_to_alaw(int(amplitude * math.sin(2 * math.pi * hz * n / 8000))) for n in range(ms * 8))


def loudest_ms(alaw, hz):
    """For how long a tone of that frequency is the most of what is heard, in steps of 20 ms."""
    found = 0
    for at in range(0, len(alaw) - 159, 160):
        samples = [_TO_LINEAR[byte] for byte in alaw[at : at + 160]]
        power = sum(value * value for value in samples)
        real = sum(value * math.cos(2 * math.pi * hz * n / 8000) for n, value in enumerate(samples))
        imaginary = sum(value * math.sin(2 * math.pi * hz * n / 8000) for n, value in enumerate(samples))
        if power > 160 * 100**2 and (real * real + imaginary * imaginary) / 80 > 0.8 * power:
            found += 20
    return found
