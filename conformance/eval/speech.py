"""Speech synthesis with the engines that Debian packages, each result cached by content key."""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pypinyin import Style, lazy_pinyin
from pypinyin.seg import mmseg

import level
import seeds
import wav
from bootstrap import work_dir


@dataclass(frozen=True)
class Voice:
    """One synthetic speaker. `name` is the engine's own name for it."""

    engine: str
    name: str
    lang: str

    @property
    def label(self) -> str:
        return f"{self.engine}-{self.name}"

    @property
    def words_per_minute(self) -> int:
        """espeak-ng's speaking rate: each voice has its own, as people do."""
        return 150 + int(seeds.key("rate", self.label), 16) % 45


def say(voice: Voice, text: str, rate: float = 1.0) -> np.ndarray:
    """`text` in `voice` at `rate` times its usual speaking rate: 8 kHz, nominal level, outer silence trimmed."""
    text = _written(voice, text)
    path = work_dir() / "speech" / f"{seeds.key(voice, text, rate)}.wav"
    if not path.exists():
        wav.write(path, level.at_level(level.trimmed(_engine(voice.engine)(voice, text, rate))))
    return wav.read(path)


def _engine(name: str):
    if name == "kokoro":
        import neural
        return neural.synthesise
    return {"espeak": _espeak, "flite": _flite}[name]


def _espeak(voice: Voice, text: str, rate: float) -> np.ndarray:
    words_per_minute = round(voice.words_per_minute * rate)
    return _run(["espeak-ng", "-v", voice.name, "-s", str(words_per_minute), "--stdin", "-w"], voice, text)


def _written(voice: Voice, text: str) -> str:
    """`text` as the voice reads it: espeak-ng 1.51 spells most Mandarin characters out in English, but reads pinyin."""
    if not voice.name.startswith("cmn-latn-pinyin"):
        return text
    return " ".join("".join(lazy_pinyin(word, style=Style.TONE)) for word in mmseg.seg.cut(text))


def _flite(voice: Voice, text: str, rate: float) -> np.ndarray:
    stretch = f"duration_stretch={1 / rate:.4f}"
    return _run(["flite", "-voice", voice.name, "--setf", stretch, "-f", "/dev/stdin", "-o"], voice, text)


def _run(command: list[str], voice: Voice, text: str) -> np.ndarray:
    """Run a synthesiser that reads the text from standard input and takes the output file last."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.wav"
        done = subprocess.run([*command, str(path)], input=text.encode(), capture_output=True)
        if done.returncode or not path.exists() or path.stat().st_size < 2000:
            raise SystemExit(f"eval: {command[0]} made no speech for voice {voice.name}: "
                             f"{done.stderr.decode(errors='replace').strip() or 'no output'}\ntext: {text}")
        return wav.read(path)
