"""Telephone codecs, truly encoded and decoded: 8 kHz float32 in, the same length and alignment out.

Frame codecs run through the C libraries, one packet at a time, so that a lost packet meets the decoder's own
concealment. Codecs without such a library go through ffmpeg.
"""

import ctypes
import ctypes.util
import subprocess
from functools import cache

import numpy as np
from scipy.signal import resample_poly

from wav import RATE_HZ


def _to_int16(pcm: np.ndarray) -> np.ndarray:
    return np.clip(np.round(pcm * 32768), -32768, 32767).astype(np.int16)


def _to_float(pcm: np.ndarray) -> np.ndarray:
    return pcm.astype(np.float32) / 32768


# --- G.711 -----------------------------------------------------------------------------------------------------------


@cache
def _g711_tables() -> dict[str, np.ndarray]:
    """Decoded value of every 16-bit input, by law (ITU-T G.711 segments)."""
    sample = np.arange(-32768, 32768, dtype=np.int64)
    magnitude = np.minimum(np.abs(sample), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int64) - 7
    step = 1 << (exponent + 3)
    mu = np.sign(sample) * ((magnitude // step) * step + step // 2 - 132)
    magnitude = np.minimum(np.where(sample < 0, -sample - 1, sample), 32767)
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int64) - 7, 1)
    step = 1 << (exponent + 3)
    a = np.where(sample < 0, -1, 1) * ((magnitude // step) * step + step // 2)
    return {"mu": mu.astype(np.int16), "a": a.astype(np.int16)}


def g711(pcm: np.ndarray, law: str) -> np.ndarray:
    """G.711 with `law` "a" or "mu"."""
    return _to_float(_g711_tables()[law][_to_int16(pcm).astype(np.int32) + 32768])


# --- Frame codecs with a C library -----------------------------------------------------------------------------------


@cache
def _library(name: str) -> ctypes.CDLL:
    path = ctypes.util.find_library(name)
    if not path:
        raise SystemExit(f"eval: codec library lib{name} not found; `python3 conformance/eval/corpus.py` installs it")
    return ctypes.CDLL(path)


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _by_frames(pcm: np.ndarray, frame: int, delay: int, code, lost: np.ndarray | None) -> np.ndarray:
    """Send `pcm` through `code(frame_in, frame_out, is_lost)`; the codec's delay is taken out again.

    `lost` has a flag per 20 ms packet.
    """
    samples = _to_int16(pcm)
    count = -(-(len(samples) + delay) // frame)
    padded = np.zeros(count * frame, np.int16)
    padded[: len(samples)] = samples
    decoded = np.zeros_like(padded)
    for index in range(count):
        start = index * frame
        packet = start // (RATE_HZ // 50)
        is_lost = lost is not None and packet < len(lost) and bool(lost[packet])
        code(padded[start : start + frame], decoded[start : start + frame], is_lost)
    return _to_float(decoded[delay : delay + len(samples)])


def gsm(pcm: np.ndarray, lost: np.ndarray | None = None) -> np.ndarray:
    """GSM 06.10 full rate. Its library conceals nothing: a lost frame repeats the last one, then is silent."""
    library = _library("gsm")
    library.gsm_create.restype = ctypes.c_void_p
    encoder, decoder = (ctypes.c_void_p(library.gsm_create()) for _ in range(2))
    packet = np.zeros(33, np.uint8)
    gap = 0

    def code(frame_in, frame_out, is_lost):
        nonlocal gap
        arrived = np.zeros(33, np.uint8)
        library.gsm_encode(encoder, _pointer(frame_in), _pointer(arrived))
        gap = gap + 1 if is_lost else 0
        if not is_lost:
            packet[:] = arrived
        if gap <= 3:
            library.gsm_decode(decoder, _pointer(packet), _pointer(frame_out))

    decoded = _by_frames(pcm, 160, 0, code, lost)
    library.gsm_destroy(encoder)
    library.gsm_destroy(decoder)
    return decoded


def g729(pcm: np.ndarray, lost: np.ndarray | None = None) -> np.ndarray:
    """G.729 at 8 kbit/s, frames of 10 ms."""
    library = _library("bcg729")
    library.initBcg729EncoderChannel.restype = library.initBcg729DecoderChannel.restype = ctypes.c_void_p
    encoder = ctypes.c_void_p(library.initBcg729EncoderChannel(0))
    decoder = ctypes.c_void_p(library.initBcg729DecoderChannel())
    packet, length = np.zeros(10, np.uint8), ctypes.c_uint8()

    def code(frame_in, frame_out, is_lost):
        library.bcg729Encoder(encoder, _pointer(frame_in), _pointer(packet), ctypes.byref(length))
        library.bcg729Decoder(decoder, _pointer(packet), length, int(is_lost), 0, 0, _pointer(frame_out))

    decoded = _by_frames(pcm, 80, 40, code, lost)
    library.closeBcg729EncoderChannel(encoder)
    library.closeBcg729DecoderChannel(decoder)
    return decoded


AMR_MODES = {4.75: 0, 5.15: 1, 5.9: 2, 6.7: 3, 7.4: 4, 7.95: 5, 10.2: 6, 12.2: 7}


def amr(pcm: np.ndarray, kbit_s: float, lost: np.ndarray | None = None) -> np.ndarray:
    """AMR narrow band at one of AMR_MODES."""
    library = _library("opencore-amrnb")
    library.Encoder_Interface_init.restype = library.Decoder_Interface_init.restype = ctypes.c_void_p
    encoder = ctypes.c_void_p(library.Encoder_Interface_init(0))
    decoder = ctypes.c_void_p(library.Decoder_Interface_init())
    packet = np.zeros(64, np.uint8)

    def code(frame_in, frame_out, is_lost):
        library.Encoder_Interface_Encode(encoder, AMR_MODES[kbit_s], _pointer(frame_in), _pointer(packet), 0)
        library.Decoder_Interface_Decode(decoder, _pointer(packet), _pointer(frame_out), int(is_lost))

    decoded = _by_frames(pcm, 160, 40, code, lost)
    library.Encoder_Interface_exit(encoder)
    library.Decoder_Interface_exit(decoder)
    return decoded


_OPUS_VOIP, _OPUS_SET_BITRATE, _OPUS_SET_COMPLEXITY, _OPUS_GET_LOOKAHEAD = 2048, 4002, 4010, 4027


def opus(pcm: np.ndarray, kbit_s: float, lost: np.ndarray | None = None) -> np.ndarray:
    """Opus for speech at a narrow-band bit rate, 20 ms packets."""
    library = _library("opus")
    library.opus_encoder_create.restype = library.opus_decoder_create.restype = ctypes.c_void_p
    error = ctypes.c_int()
    encoder = ctypes.c_void_p(library.opus_encoder_create(RATE_HZ, 1, _OPUS_VOIP, ctypes.byref(error)))
    decoder = ctypes.c_void_p(library.opus_decoder_create(RATE_HZ, 1, ctypes.byref(error)))
    library.opus_encoder_ctl(encoder, _OPUS_SET_BITRATE, ctypes.c_int(round(kbit_s * 1000)))
    library.opus_encoder_ctl(encoder, _OPUS_SET_COMPLEXITY, ctypes.c_int(5))
    delay = ctypes.c_int()
    library.opus_encoder_ctl(encoder, _OPUS_GET_LOOKAHEAD, ctypes.byref(delay))
    packet = np.zeros(1500, np.uint8)

    def code(frame_in, frame_out, is_lost):
        length = library.opus_encode(encoder, _pointer(frame_in), len(frame_in), _pointer(packet), len(packet))
        data, size = (None, 0) if is_lost else (_pointer(packet), length)
        library.opus_decode(decoder, data, size, _pointer(frame_out), len(frame_out), 0)

    decoded = _by_frames(pcm, 160, delay.value, code, lost)
    library.opus_encoder_destroy(encoder)
    library.opus_decoder_destroy(decoder)
    return decoded


_SPEEX_NARROW_BAND, _SPEEX_SET_QUALITY = 0, 4


def speex(pcm: np.ndarray, quality: int, lost: np.ndarray | None = None) -> np.ndarray:
    """Speex narrow band; quality 2 is about 6 kbit/s, 4 about 11."""
    library = _library("speex")
    library.speex_lib_get_mode.restype = ctypes.c_void_p
    library.speex_encoder_init.restype = library.speex_decoder_init.restype = ctypes.c_void_p
    mode = ctypes.c_void_p(library.speex_lib_get_mode(_SPEEX_NARROW_BAND))
    encoder = ctypes.c_void_p(library.speex_encoder_init(mode))
    decoder = ctypes.c_void_p(library.speex_decoder_init(mode))
    library.speex_encoder_ctl(encoder, _SPEEX_SET_QUALITY, ctypes.byref(ctypes.c_int(quality)))
    bits = ctypes.create_string_buffer(256)  # a SpeexBits, which is 48 bytes
    library.speex_bits_init(bits)
    packet = np.zeros(200, np.uint8)

    def code(frame_in, frame_out, is_lost):
        samples = frame_in.copy()  # the encoder may write into its input
        library.speex_bits_reset(bits)
        library.speex_encode_int(encoder, _pointer(samples), bits)
        length = library.speex_bits_write(bits, _pointer(packet), len(packet))
        library.speex_bits_read_from(bits, _pointer(packet), length)
        library.speex_decode_int(decoder, None if is_lost else bits, _pointer(frame_out))

    decoded = _by_frames(pcm, 160, 80, code, lost)
    library.speex_bits_destroy(bits)
    library.speex_encoder_destroy(encoder)
    library.speex_decoder_destroy(decoder)
    return decoded


# --- Codecs through ffmpeg -------------------------------------------------------------------------------------------


def _ffmpeg(data: bytes, *arguments: str) -> bytes:
    command = ["ffmpeg", "-nostdin", "-v", "error", "-threads", "1", *arguments]
    done = subprocess.run(command, input=data, capture_output=True)
    if done.returncode or not done.stdout:
        raise SystemExit(f"eval: `{' '.join(command)}` failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _through_ffmpeg(pcm: np.ndarray, rate_hz: int, delay: int, encode: list[str], decode: list[str]) -> np.ndarray:
    padded = np.concatenate([_to_int16(pcm), np.zeros(delay + rate_hz // 20, np.int16)])
    source = ["-f", "s16le", "-ar", str(rate_hz), "-ac", "1", "-i", "pipe:0"]
    coded = _ffmpeg(padded.tobytes(), *source, *encode, "pipe:1")
    decoded = np.frombuffer(_ffmpeg(coded, *decode, "-i", "pipe:0", "-f", "s16le", "pipe:1"), np.int16)
    decoded = np.concatenate([decoded, np.zeros(max(0, delay + len(pcm) - len(decoded)), np.int16)])
    return _to_float(decoded[delay : delay + len(pcm)])


def g722(pcm: np.ndarray) -> np.ndarray:
    """G.722 at 64 kbit/s: the wide-band path a narrow-band call may take through a conference or a desk phone."""
    wide = resample_poly(pcm, 2, 1).astype(np.float32)
    coded = _through_ffmpeg(wide, 16000, 22, ["-c:a", "g722", "-f", "g722"], ["-f", "g722"])
    return resample_poly(coded, 1, 2).astype(np.float32)[: len(pcm)]


def g726(pcm: np.ndarray, kbit_s: int) -> np.ndarray:
    """G.726 ADPCM at 16, 24, 32 or 40 kbit/s."""
    code_size = str(kbit_s // 8)
    return _through_ffmpeg(
        pcm,
        RATE_HZ,
        0,
        ["-c:a", "g726", "-code_size", code_size, "-f", "g726"],
        ["-f", "g726", "-code_size", code_size, "-sample_rate", str(RATE_HZ)],
    )


def g723(pcm: np.ndarray) -> np.ndarray:
    """G.723.1 at 6.3 kbit/s, frames of 30 ms."""
    return _through_ffmpeg(
        pcm, RATE_HZ, 60, ["-c:a", "g723_1", "-b:a", "6300", "-f", "data", "-map", "0:a"], ["-f", "g723_1"]
    )
