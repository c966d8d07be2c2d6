"""Hours of calls in which nothing enrolled is heard: generated, analysed, discarded.

A bank of clean material (voices that enrolled nothing, reading nothing that is enrolled; music; noise; tones) is sent
through several lines once. Calls are then laid out of random excerpts of it at random speed and level, alone,
alternating, or over one another, which takes a few milliseconds per minute.
"""

import json
import multiprocessing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import bootstrap
import codec
import corpus
import degrade
import level
import noise
import seeds
import speech
import texts
import wav
from speech import Voice

CALL_S = 180
CALLS_PER_BATCH = 40
# Kinds of call and their share of the hours.
KINDS = {
    "voices": 0.40,
    "dialogue": 0.25,
    "voices over noise or music": 0.15,
    "music": 0.08,
    "noise": 0.06,
    "tones": 0.06,
}
LINES = ("g711-mu", "gsm", "g729", "amr-5.9-street", "opus-6", "tilt-up", "tilt-down", "room")
_SOURCES = (
    "codec",
    "corpus",
    "degrade",
    "level",
    "loss",
    "negatives",
    "noise",
    "prompts",
    "room",
    "speech",
    "texts",
    "timescale",
)
_MADE_BY = seeds.source_key(*_SOURCES)
# Languages whose espeak-ng voices read digits and words of no particular sense.
BABEL = [
    "ca",
    "cs",
    "da",
    "de",
    "el",
    "en-us",
    "eo",
    "es",
    "fi",
    "fr",
    "hi",
    "hr",
    "hu",
    "id",
    "it",
    "nl",
    "pl",
    "pt",
    "ro",
    "ru",
    "sv",
    "sw",
    "tr",
    "uk",
    "vi",
    "cmn-latn-pinyin",
]


@dataclass(frozen=True)
class BankSpec:
    """What a bank is made of. `babel_minutes` of extra synthetic voices widen it."""

    part: str
    neural: bool
    seed: int
    babel_minutes: float

    @property
    def key(self) -> str:
        return seeds.key("negatives", _MADE_BY, corpus.VERSION, *asdict(self).values())

    @property
    def folder(self) -> Path:
        return bootstrap.work_dir() / "banks" / self.key


def batches(hours: float) -> int:
    """How many batches make up `hours`."""
    return -(-round(hours * 3600) // (CALL_S * CALLS_PER_BATCH))


def write_batch(spec: BankSpec, number: int, folder: Path) -> list[tuple[str, Path]]:
    """Lay out the calls of one batch; returns their kinds and files."""
    bank = Bank(spec)
    rng = seeds.generator("negatives", *asdict(spec).values(), number)
    calls = []
    for index in range(CALLS_PER_BATCH):
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
        path = folder / f"{number:05d}-{index:03d}.wav"
        wav.write(path, bank.call(kind, rng))
        calls.append((kind, path))
    return calls


class Bank:
    """The material, as int16 arrays by sort, built once per part and kept in the work folder."""

    def __init__(self, spec: BankSpec):
        index = json.loads((spec.folder / "index.json").read_text())
        self._audio = np.load(spec.folder / "bank.npy", mmap_mode="r")
        self._pieces = {sort: [slice(*span) for span in spans] for sort, spans in index.items()}

    def call(self, kind: str, rng: np.random.Generator) -> np.ndarray:
        samples = CALL_S * wav.RATE_HZ
        if kind == "voices":
            pcm = self._stream("speech", samples, rng)
        elif kind == "dialogue":
            pcm = self._stream("speech", samples, rng, pauses_s=(0.5, 6)) + self._stream(
                "speech", samples, rng, (0.5, 6)
            )
        elif kind == "voices over noise or music":
            below = 10 ** (-rng.uniform(0, 15) / 20)
            pcm = self._stream("speech", samples, rng) + below * self._stream(
                str(rng.choice(["noise", "music"])), samples, rng, pauses_s=(0, 0)
            )
        else:
            pcm = self._stream(kind, samples, rng, pauses_s=(0, 1.5))
        return codec.g711(np.clip(pcm * 10 ** (rng.uniform(-12, 6) / 20), -1, 1).astype(np.float32), "a")

    def _stream(
        self, sort: str, samples: int, rng: np.random.Generator, pauses_s: tuple[float, float] = (0.1, 1.2)
    ) -> np.ndarray:
        """Excerpts of one sort, each at a speed and level of its own, with pauses between them."""
        out = np.zeros(samples, np.float32)
        spans, at = self._pieces[sort], 0
        while at < samples:
            span = spans[int(rng.integers(len(spans)))]
            start = span.start + int(rng.uniform(0, 0.5) * (span.stop - span.start))
            pcm = self._audio[start : span.stop].astype(np.float32)
            speed = rng.uniform(0.9, 1.1)
            pcm = np.interp(np.arange(0, len(pcm) - 1, speed), np.arange(len(pcm)), pcm)[: samples - at]
            out[at : at + len(pcm)] = pcm * (10 ** (rng.uniform(-4, 4) / 20) / 32768)
            at += len(pcm) + int(rng.uniform(*pauses_s) * wav.RATE_HZ)
        return out


def build_bank(spec: BankSpec, jobs: int, progress) -> None:
    """Make the bank unless it is there."""
    if (spec.folder / "index.json").exists():
        return
    spec.folder.mkdir(parents=True, exist_ok=True)
    part, seed = spec.part, spec.seed
    tasks = [("strangers", part, spec.neural, seed, line) for line in LINES]
    tasks += [("babel", part, lang, seed, spec.babel_minutes / len(BABEL)) for lang in BABEL]
    tasks += [(sort, seed) for sort in ("music", "noise", "tones")]
    progress.start("making negatives", len(tasks))
    pieces: list[np.ndarray] = []
    index: dict[str, list] = {}
    at = 0
    with multiprocessing.Pool(jobs) as pool:
        for (name, *_), (sort, made) in zip(tasks, pool.imap(_material, tasks)):
            for pcm in made:
                index.setdefault(sort, []).append([at, at + len(pcm)])
                at += len(pcm)
                pieces.append(pcm)
            progress.step(name)
    np.save(spec.folder / "bank.npy", np.concatenate(pieces))
    (spec.folder / "index.json").write_text(json.dumps(index))


def _material(task: tuple) -> tuple[str, list[np.ndarray]]:
    name, *arguments = task
    sort, made = {"strangers": _strangers, "babel": _babel, "music": _music, "noise": _noise, "tones": _tones}[name](
        *arguments
    )
    return sort, [np.clip(pcm * 32768, -32768, 32767).astype(np.int16) for pcm in made]


def _strangers(part: str, neural: bool, seed: int, line: str):
    clips = [clip.audio() for clip in corpus.load(part, neural) if clip.role == "stranger"]
    if line == "amr-5.9-street":
        return "speech", [
            codec.amr(noise.mixed(pcm, noise.street(len(pcm), seeds.generator(seed, index)), 18), 5.9)
            for index, pcm in enumerate(clips)
        ]
    return "speech", [degrade.apply(line, pcm, seed + index) for index, pcm in enumerate(clips)]


def _babel(part: str, lang: str, seed: int, minutes: float):
    """A language's voices reading shuffled words: speech without end, none of it enrolled."""
    rng = seeds.generator("babel", part, lang, seed)
    source = {"cmn-latn-pinyin": "zh", "ru": "ru", "uk": "ru"}.get(
        lang, lang[:2] if lang[:2] in texts.LANGUAGES else "en"
    )
    words = [
        word
        for text in texts.load(part, source)[0]
        if text.use == "negative"
        for piece in text.pieces()
        for word in (piece.words if source == "zh" else piece.words.split())
    ]
    variants = ("", "+m1", "+f2", "+m6", "+f4", "+klatt5", "+croak", "+m8")
    made, seconds = [], 0.0
    while seconds < minutes * 60:
        said = " ".join(
            str(rng.choice(words)) if rng.random() < 0.8 else str(rng.integers(1, 9999))
            for _ in range(int(rng.integers(12, 30)))
        )
        voice = Voice("espeak", lang + str(rng.choice(variants)), source)
        made.append(codec.g711(speech.say(voice, said, float(rng.uniform(0.8, 1.25))), "mu"))
        seconds += len(made[-1]) / wav.RATE_HZ
    return "speech", made


def _music(seed: int):
    return "music", [
        codec.g711(pcm[start : start + 60 * wav.RATE_HZ], "a")
        for _, pcm in corpus.music()
        for start in range(0, len(pcm) - 10 * wav.RATE_HZ, 60 * wav.RATE_HZ)
    ]


def _noise(seed: int):
    return "noise", [
        level.at_level(noise.street(60 * wav.RATE_HZ, seeds.generator("street", seed, index)), -32)
        for index in range(10)
    ]


def _tones(seed: int):
    """Call-progress tones, keypad digits and fax tones of random cadence."""
    rng = seeds.generator("tones", seed)
    pairs = [(350, 440), (440, 480), (480, 620), (425,), (450,), (400, 450), (1100,), (2100,), (950,), (1400,), (1800,)]
    pairs += [(low, high) for low in (697, 770, 852, 941) for high in (1209, 1336, 1477, 1633)]
    made = []
    for _ in range(40):
        out, at = np.zeros(20 * wav.RATE_HZ, np.float32), 0
        tone, on_s, off_s = pairs[int(rng.integers(len(pairs)))], rng.uniform(0.08, 2.5), rng.uniform(0.05, 4)
        while at < len(out):
            time_s = np.arange(min(int(on_s * wav.RATE_HZ), len(out) - at)) / wav.RATE_HZ
            out[at : at + len(time_s)] = sum(np.sin(2 * np.pi * hz * time_s) for hz in tone) / len(tone) * 0.1
            at += int((on_s + off_s) * wav.RATE_HZ)
        made.append(codec.g711(out, "a"))
    return "tones", made
