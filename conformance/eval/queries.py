"""Calls to analyse, with their truth: a stretch of a script under a condition, or something else altogether.

A script query begins at a random place inside the script, often in the middle of a word, and half of the time after
silence or ringing. It passes a line of its own first (a fractional delay, another level), so that even the cleanest
query is not the enrolled recording bit for bit.
"""

import json
import multiprocessing
import shutil
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

import bootstrap
import corpus
import degrade
import noise
import seeds
import wav
from corpus import Clip

# What a script query plays of its script; the longest column of the tables is 5 s, at tempo +8 % too.
PLAYED_S = 6.0
# Share of each engine's voices among the script queries, as far as the part has them. Real voices lead.
ENGINE_WEIGHTS = {"actor": 5, "kokoro": 3, "espeak": 3, "flite": 1}
_SOURCES = (
    "codec",
    "corpus",
    "degrade",
    "level",
    "loss",
    "noise",
    "prompts",
    "queries",
    "room",
    "speech",
    "texts",
    "timescale",
)
_MADE_BY = seeds.source_key(*_SOURCES)
# Conditions that calls which must not be recognised are heard under.
NEGATIVE_CONDITIONS = (
    "g711-a",
    "g711-mu",
    "gsm",
    "g729",
    "amr-7.95",
    "opus-6",
    "speex-11",
    "gsm-g729",
    "loss-5",
    "quiet-20db",
    "clipped-15db",
    "tilt-up",
    "tilt-down",
    "tempo+4",
    "tempo-4",
    "speed+2.5",
    "speed-2.5",
    "babble-15",
    "street-10",
    "room",
)


@dataclass
class Query:
    """One call and what is true of it. Times are milliseconds of the call.

    kind: script          `script` is playing from `start_ms` on
          opening         an enrolled script from its start, which another enrolled script shares
          opened-other    that opening, then an offer nobody enrolled
          same-voice      an enrolled voice saying what nobody enrolled
    foreign_ms: stretches after `start_ms` that are not the enrolled audio (other slot values)
    opening_ends_ms: until here the audio belongs to every script in `sharing`
    twins: scripts of the same words in other voices; naming one of them is neither right nor wrong
    """

    id: str
    kind: str
    condition: str
    engine: str
    voice: str
    script: str = ""
    start_ms: float = 0.0
    foreign_ms: list = field(default_factory=list)
    opening_ends_ms: float = 0.0
    sharing: list = field(default_factory=list)
    twins: list = field(default_factory=list)
    duration_ms: float = 0.0

    def heard_s(self, at_ms: float) -> float:
        """Seconds of script heard until `at_ms`, foreign stretches left out."""
        foreign_ms = sum(max(0.0, min(to, at_ms) - start) for start, to in self.foreign_ms)
        return (at_ms - self.start_ms - foreign_ms) / 1000


@dataclass(frozen=True)
class Set:
    """A batch of queries: script queries under one condition, or one of the other kinds."""

    kind: str
    condition: str
    part: str
    neural: bool
    count: int
    seed: int

    @property
    def name(self) -> str:
        return self.condition if self.kind == "script" else self.kind

    @property
    def folder(self) -> Path:
        name = seeds.key(_MADE_BY, corpus.VERSION, *asdict(self).values())
        return bootstrap.work_dir() / "queries" / name


def sets(part: str, neural: bool, conditions: list[str], per_condition: int, seed: int) -> list[Set]:
    """Script queries for each of the conditions, and the sets of the other kinds."""
    chosen = [Set("script", condition, part, neural, per_condition, seed) for condition in conditions]
    return chosen + [
        Set("opening", "", part, neural, 2 * per_condition, seed),
        Set("opened-other", "", part, neural, 2 * per_condition, seed),
        Set("same-voice", "", part, neural, 20 * per_condition, seed),
    ]


def build(wanted: list[Set], jobs: int, progress) -> None:
    """Make the audio of all sets that are not there yet; a set is there whole or not at all."""
    missing = [one for one in wanted if not (one.folder / "truth.jsonl").exists()]
    progress.start("degrading", len(missing))
    with multiprocessing.Pool(jobs) as pool:
        for name in pool.imap_unordered(_build, missing):
            progress.step(name)


def load(one: Set) -> list[tuple[Query, Path]]:
    lines = (one.folder / "truth.jsonl").read_text().splitlines()
    queries = [Query(**json.loads(line)) for line in lines]
    return [(query, one.folder / f"{query.id}.wav") for query in queries]


def _build(one: Set) -> str:
    partial = one.folder.with_name(one.folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    truth = []
    for query, pcm in _MAKERS[one.kind](one):
        query.duration_ms = len(pcm) * 1000 / wav.RATE_HZ
        wav.write(partial / f"{query.id}.wav", pcm)
        truth.append(json.dumps(asdict(query)) + "\n")
    (partial / "truth.jsonl").write_text("".join(truth))
    shutil.rmtree(one.folder, ignore_errors=True)
    partial.rename(one.folder)
    return one.name


# --- Script queries --------------------------------------------------------------------------------------------------


def _script_queries(one: Set):
    condition = degrade.CONDITIONS[one.condition]
    part = _part(one.part, one.neural)
    candidates = [
        (script, clip)
        for script in part.scripts
        for clip in ([script] if not condition.rendition else part.variants(script, condition.rendition))
        if _playable(clip)
    ]
    rng = seeds.generator("script queries", one.condition, one.part, one.seed)
    for index, (script, clip) in enumerate(_stratified(candidates, one.count, rng)):
        begin = _begin(clip, condition.rendition, rng)
        end = begin + int(PLAYED_S * wav.RATE_HZ)
        lead = _lead(rng)
        call = _as_called(np.concatenate([lead, clip.audio()[begin:end]]), rng)
        others = part.others(clip.voice, rng)
        pcm = degrade.apply(one.condition, call, seed=one.seed * 100_003 + index, others=others)
        if condition.near_echo_db is not None:
            pcm = _with_near_side(pcm, noise.excerpt(others[0], len(pcm), rng), condition.near_echo_db)
        to_ms = condition.time_scale * 1000 / wav.RATE_HZ
        foreign = [
            [(len(lead) + start - begin) * to_ms, (len(lead) + stop - begin) * to_ms]
            for start, stop in _foreign(clip)
            if stop > begin and start < end
        ]
        foreign = [[max(start, len(lead) * to_ms), stop] for start, stop in foreign]
        yield (
            Query(
                f"{index:05d}",
                "script",
                one.condition,
                clip.engine,
                clip.voice,
                script.id,
                len(lead) * to_ms,
                foreign,
                twins=part.twins(script),
            ),
            pcm,
        )


def _playable(clip: Clip) -> bool:
    return clip.samples - _opening_end(clip) >= (PLAYED_S + 0.2) * wav.RATE_HZ


def _begin(clip: Clip, rendition: str, rng: np.random.Generator) -> int:
    """A random place; never in a shared opening. With slots, a slot begins within the first two seconds."""
    earliest, latest = _opening_end(clip), clip.samples - int(PLAYED_S * wav.RATE_HZ)
    if rendition == "slots":
        slots = [
            start
            for start, stop in _foreign(clip)
            if earliest + 0.4 * wav.RATE_HZ <= start and start - 0.4 * wav.RATE_HZ <= latest
        ]
        if slots:
            before = int(rng.uniform(0.4, 2.0) * wav.RATE_HZ)
            return int(np.clip(slots[int(rng.integers(len(slots)))] - before, earliest, latest))
    return int(rng.integers(earliest, latest + 1))


def _foreign(clip: Clip) -> list[tuple[int, int]]:
    """Where a rendition with other slot values differs from its script."""
    if clip.change != "slots":
        return []
    return [(start, stop) for start, stop, label in clip.segments if label not in ("body", "opening")]


def _opening_end(clip: Clip) -> int:
    return max([stop for _, stop, label in clip.segments if label == "opening"], default=0)


def _lead(rng: np.random.Generator) -> np.ndarray:
    """What precedes the script: nothing, a quiet line, or ringing tone."""
    draw = rng.random()
    if draw < 0.5:
        return np.zeros(0, np.float32)
    samples = int(rng.uniform(0.3, 2.0) * wav.RATE_HZ)
    quiet = rng.standard_normal(samples).astype(np.float32) * 10 ** (-65 / 20)
    if draw < 0.75:
        return quiet
    time_s = np.arange(int(rng.uniform(0.4, 1.0) * wav.RATE_HZ)) / wav.RATE_HZ
    tones = ((450,), (425,), (440, 480))[int(rng.integers(3))]
    ringing = sum(np.sin(2 * np.pi * hz * time_s) for hz in tones) * 10 ** (-20 / 20) / len(tones)
    return np.concatenate([ringing.astype(np.float32), quiet])


def _as_called(pcm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The line of this call: ±3 dB, and a delay by a fraction of a sample."""
    size = 1 << (len(pcm) + 64).bit_length()
    turn = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size * rng.uniform(0, 1))
    delayed = np.fft.irfft(np.fft.rfft(pcm, size) * turn, size)[: len(pcm)]
    return (delayed * 10 ** (rng.uniform(-3, 3) / 20)).astype(np.float32)


def _with_near_side(far: np.ndarray, near: np.ndarray, echo_db: float) -> np.ndarray:
    """Two channels: the far side with the near side's echo after 60 ms, and the near side."""
    echo = np.concatenate([np.zeros(int(0.06 * wav.RATE_HZ), np.float32), near])[: len(near)]
    return np.stack([far + echo * 10 ** (echo_db / 20), near], axis=1)


def _stratified(candidates: list, count: int, rng: np.random.Generator) -> list:
    """`count` candidates, engines by their weights, each candidate about equally often within its engine."""
    by_engine: dict[str, list] = {}
    for candidate in candidates:
        by_engine.setdefault(candidate[1].engine, []).append(candidate)
    engines = sorted(by_engine)
    if not engines:
        return []
    weights = np.array([ENGINE_WEIGHTS[engine] for engine in engines], float)
    shares = np.round(np.cumsum(weights / weights.sum()) * count).astype(int)
    chosen = []
    for engine, share in zip(engines, np.diff(np.concatenate([[0], shares]))):
        pool = by_engine[engine]
        order = np.concatenate([rng.permutation(len(pool)) for _ in range(-(-int(share) // len(pool)))] or [[]])
        chosen += [pool[int(index)] for index in order[:share]]
    return chosen


# --- Queries in which no single script may be named ------------------------------------------------------------------


def _opening_queries(one: Set):
    """Enrolled scripts that share their opening, from the first word on."""
    yield from _opened(one, [clip for clip in _part(one.part, one.neural).scripts if _opening_end(clip)], "opening")


def _opened_other_queries(one: Set):
    yield from _opened(
        one, [clip for clip in _part(one.part, one.neural).negatives if _opening_end(clip)], "opened-other"
    )


def _opened(one: Set, clips: list[Clip], kind: str):
    part = _part(one.part, one.neural)
    rng = seeds.generator(kind, one.part, one.seed)
    for index in range(min(one.count, 20 * len(clips))):
        clip = clips[index % len(clips)]
        name = NEGATIVE_CONDITIONS[int(rng.integers(len(NEGATIVE_CONDITIONS)))]
        condition = degrade.CONDITIONS[name]
        lead = _lead(rng)
        call = _as_called(np.concatenate([lead, clip.audio()]), rng)
        pcm = degrade.apply(name, call, seed=one.seed * 100_003 + index, others=part.others(clip.voice, rng))
        to_ms = condition.time_scale * 1000 / wav.RATE_HZ
        yield (
            Query(
                f"{index:05d}",
                kind,
                name,
                clip.engine,
                clip.voice,
                clip.id if kind == "opening" else "",
                len(lead) * to_ms,
                opening_ends_ms=(len(lead) + _opening_end(clip)) * to_ms,
                sharing=part.sharing(clip),
                twins=part.same_opening(clip),
            ),
            pcm,
        )


def _same_voice_queries(one: Set):
    part = _part(one.part, one.neural)
    clips = [clip for clip in part.negatives if not _opening_end(clip)]
    rng = seeds.generator("same-voice", one.part, one.seed)
    # Clips times conditions, without repeats before all pairs are used up.
    pairs = [(clip, name) for clip in clips for name in NEGATIVE_CONDITIONS]
    for index, pair in enumerate(rng.permutation(len(pairs))[: one.count]):
        clip, name = pairs[int(pair)]
        call = _as_called(np.concatenate([_lead(rng), clip.audio()]), rng)
        pcm = degrade.apply(name, call, seed=one.seed * 100_003 + index, others=part.others(clip.voice, rng))
        yield Query(f"{index:05d}", "same-voice", name, clip.engine, clip.voice), pcm


_MAKERS = {
    "script": _script_queries,
    "opening": _opening_queries,
    "opened-other": _opened_other_queries,
    "same-voice": _same_voice_queries,
}


# --- The part's clips, by role ---------------------------------------------------------------------------------------


class Part:
    """The clips of a part in the groupings that queries need."""

    def __init__(self, name: str, neural: bool):
        clips = corpus.load(name, neural)
        self.scripts = [clip for clip in clips if clip.role == "script"]
        self.negatives = [clip for clip in clips if clip.role == "negative"]
        self.strangers = [clip for clip in clips if clip.role == "stranger"]
        self._variants: dict[tuple[str, str], list[Clip]] = {}
        for clip in clips:
            if clip.role == "variant":
                self._variants.setdefault((clip.of, clip.change), []).append(clip)

    def variants(self, script: Clip, change: str) -> list[Clip]:
        return self._variants.get((script.id, change), [])

    def twins(self, script: Clip) -> list[str]:
        """Other enrolled scripts with the same words, by other voices."""
        return [other.id for other in self.scripts if other.text == script.text and other.id != script.id]

    def sharing(self, clip: Clip) -> list[str]:
        """The enrolled scripts with the same opening in the same voice, `clip` itself included."""
        return [other.id for other in self.scripts if other.voice == clip.voice and _opening_end(other)]

    def same_opening(self, clip: Clip) -> list[str]:
        """Enrolled scripts whose opening has the same words in another voice."""
        return [
            other.id
            for other in self.scripts
            if other.lang == clip.lang and other.voice != clip.voice and _opening_end(other)
        ]

    def others(self, voice: str, rng: np.random.Generator, count: int = 8) -> list[np.ndarray]:
        """Recordings of other voices, none of them enrolled audio, openings neither: for babble and talk-over."""
        clips = [clip for clip in self.strangers + self.negatives if clip.voice != voice and not _opening_end(clip)]
        return [_audio(clips[int(index)].path) for index in rng.permutation(len(clips))[:count]]


@cache
def _part(name: str, neural: bool) -> Part:
    return Part(name, neural)


@cache
def _audio(path: Path) -> np.ndarray:
    return wav.read(path)
