"""Calls for the beep, tone and answer detectors, with their truth.

beep         a greeting, then a record signal; `about` says which kind of beep
no-beep      what is easily taken for one: speech, music, sung vowels, call-progress, keypad and fax tones
progress     a call-progress tone of some country
dtmf         keypad digits
answer       a person, a mailbox with its owner's greeting, or an announcement (some of them enrolled) picking up
"""

import json
import multiprocessing
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

import bootstrap
import corpus
import degrade
import level
import noise
import seeds
import speech
import tone_synthesis
import wav
from speech import Voice

CONDITIONS = (
    "g711-a",
    "g711-mu",
    "g722",
    "gsm",
    "g729",
    "amr-7.95",
    "opus-12",
    "speex-11",
    "g726-32",
    "loss-2",
    "babble-15",
    "street-15",
)
# What the bars for call-progress tones speak of.
PROGRESS_CONDITIONS = ("g711-a", "gsm", "g729")
KINDS = ("beep", "no-beep", "progress", "dtmf", "answer")
_MADE_BY = seeds.source_key(
    "codec",
    "corpus",
    "degrade",
    "level",
    "loss",
    "noise",
    "prompts",
    "signal_calls",
    "speech",
    "texts",
    "tone_synthesis",
)
_KEYS = {
    digit: (low, high)
    for low, row in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"))
    for high, digit in zip((1209, 1336, 1477, 1633), row)
}


@dataclass
class SignalCall:
    """One call. `about` refines the kind: single, short, dual or swept; ringback …; human, mailbox or announcement.

    start_ms, end_ms: of the beep. speech_from_ms: when whoever answers begins to speak.
    """

    id: str
    kind: str
    about: str
    condition: str
    start_ms: float = 0.0
    end_ms: float = 0.0
    freqs_hz: list = field(default_factory=list)
    level_dbm0: float = 0.0
    speech_from_ms: float = 0.0
    detail: str = ""
    duration_ms: float = 0.0


def folder(part: str, kind: str, count: int, seed: int) -> Path:
    made_of = (bootstrap.EVAL_DIR / "answers.json").read_text() if kind == "answer" else ""
    return bootstrap.work_dir() / "queries" / seeds.key(_MADE_BY, made_of, corpus.VERSION, part, kind, count, seed)


def build(part: str, count: int, seed: int, jobs: int, progress) -> None:
    """Make the calls of every kind that are not there yet."""
    missing = [
        (part, kind, count, seed) for kind in KINDS if not (folder(part, kind, count, seed) / "truth.jsonl").exists()
    ]
    progress.start("making tones and answers", len(missing))
    with multiprocessing.Pool(jobs) as pool:
        for kind in pool.imap_unordered(_build, missing):
            progress.step(kind)


def load(part: str, kind: str, count: int, seed: int) -> list[tuple[SignalCall, Path]]:
    where = folder(part, kind, count, seed)
    calls = [SignalCall(**json.loads(line)) for line in (where / "truth.jsonl").read_text().splitlines()]
    return [(call, where / f"{call.id}.wav") for call in calls]


def _build(task: tuple) -> str:
    part, kind, count, seed = task
    where = folder(*task)
    partial = where.with_name(where.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    rng = seeds.generator("signals", *task)
    clips = [clip for clip in corpus.load(part) if clip.role in ("stranger", "negative")]
    truth = []
    for index in range(count):
        call, pcm = _MAKERS[kind](part, index, clips, rng)
        # What exceeds full scale is clipped by the line.
        others = [clips[int(choice)].audio() for choice in rng.integers(len(clips), size=6)]
        pcm = degrade.apply(
            call.condition,
            np.clip(pcm + _line_noise(len(pcm), rng), -1, 1).astype(np.float32),
            seed * 100_003 + index,
            others,
        )
        call.id, call.duration_ms = f"{index:05d}", len(pcm) * 1000 / wav.RATE_HZ
        wav.write(partial / f"{call.id}.wav", pcm)
        truth.append(json.dumps(asdict(call)) + "\n")
    (partial / "truth.jsonl").write_text("".join(truth))
    shutil.rmtree(where, ignore_errors=True)
    partial.rename(where)
    return kind


def _line_noise(samples: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(samples) * 10 ** (rng.uniform(-75, -55) / 20)


def _silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * wav.RATE_HZ), np.float32)


def _condition(rng: np.random.Generator, names: tuple[str, ...] = CONDITIONS) -> str:
    return names[int(rng.integers(len(names)))]


def _speech(clips: list, rng: np.random.Generator, seconds: float) -> np.ndarray:
    """An excerpt of someone talking, at a random level."""
    pcm = noise.excerpt(clips[int(rng.integers(len(clips)))].audio(), int(seconds * wav.RATE_HZ), rng)
    return level.at_level(pcm, rng.uniform(-32, -20))


def _beep(part: str, index: int, clips: list, rng: np.random.Generator) -> tuple[SignalCall, np.ndarray]:
    about = ("single", "single", "short", "dual", "swept")[index % 5]
    seconds = float(rng.uniform(0.06, 0.1) if about == "short" else np.exp(rng.uniform(np.log(0.12), np.log(3.0))))
    dbm0 = float(rng.uniform(-40, -3))
    first = float(np.exp(rng.uniform(np.log(300), np.log(3400))))
    second = float(np.exp(rng.uniform(np.log(300), np.log(3400))))
    if about == "dual":
        while abs(second - first) < 60:
            second = float(np.exp(rng.uniform(np.log(300), np.log(3400))))
        sound, freqs = tone_synthesis.tone((first, second), seconds, dbm0), [first, second]
    elif about == "swept":
        second = float(np.clip(first * 2 ** rng.uniform(-1, 1), 300, 3400))
        sound, freqs = tone_synthesis.sweep(first, second, seconds, dbm0), [first, second]
    else:
        sound, freqs = tone_synthesis.tone((first,), seconds, dbm0), [first]
    before = np.concatenate(
        [_silence(rng.uniform(0.2, 1)), _speech(clips, rng, rng.uniform(2, 6)), _silence(rng.uniform(0.15, 1.2))]
    )
    start_ms = len(before) * 1000 / wav.RATE_HZ
    # Noise is set against the speech; a beep of −40 dBm0 in it would be inaudible.
    condition = _condition(rng) if dbm0 > -25 else _condition(rng, CONDITIONS[:-2])
    return SignalCall(
        "", "beep", about, condition, start_ms, start_ms + len(sound) * 1000 / wav.RATE_HZ, freqs, dbm0
    ), np.concatenate([before, sound, _silence(1.5)])


def _no_beep(part: str, index: int, clips: list, rng: np.random.Generator) -> tuple[SignalCall, np.ndarray]:
    about = ("speech", "speech", "speech", "music", "sung", "ringback", "busy", "sit", "dtmf", "fax")[index % 10]
    dbm0 = float(rng.uniform(-30, -8))
    if about == "speech":
        pcm = _speech(clips, rng, 20)
    elif about == "music":
        tracks = corpus.music()
        pcm = noise.excerpt(tracks[int(rng.integers(len(tracks)))][1], 20 * wav.RATE_HZ, rng)
    elif about == "sung":
        pcm = np.concatenate(
            [
                sound
                for _ in range(6)
                for sound in (
                    tone_synthesis.sung_vowel(float(rng.uniform(110, 520)), float(rng.uniform(0.3, 2)), dbm0, rng),
                    _silence(rng.uniform(0.1, 0.8)),
                )
            ]
        )
    elif about in ("ringback", "busy"):
        _, freqs, cadence = _progress_tone(rng, about)
        pcm = tone_synthesis.cadenced(freqs, cadence, 12, dbm0)
    elif about == "sit":
        notes = [tone_synthesis.tone((hz,), seconds, dbm0) for hz, seconds in ((950, 0.33), (1400, 0.33), (1800, 0.33))]
        pcm = np.concatenate([_silence(0.5), *notes, _silence(0.5), _speech(clips, rng, 4)])
    elif about == "dtmf":
        pcm = _digits("".join(rng.choice(list(_KEYS), 8)), rng, dbm0)
    else:
        calling = tone_synthesis.cadenced((1100,), [0.5, 3], 8, dbm0)
        answering = np.concatenate([_silence(1), tone_synthesis.tone((2100,), 3, dbm0), _silence(1)])
        pcm = calling if rng.random() < 0.5 else answering
    condition = _condition(rng, CONDITIONS if about == "speech" else CONDITIONS[:-2])
    return SignalCall("", "no-beep", about, condition, level_dbm0=dbm0), pcm


def _progress_tone(rng: np.random.Generator, about: str | None = None) -> tuple[str, tuple, list]:
    """Country and kind, frequencies and cadence of a tone of some country's plan."""
    plans = {
        country: plan
        for country, plan in json.loads((bootstrap.EVAL_DIR / "call_progress.json").read_text()).items()
        if country != "comment"
    }
    choices = [(country, kind) for country in sorted(plans) for kind in plans[country] if about in (None, kind)]
    country, kind = choices[int(rng.integers(len(choices)))]
    freqs, cadence = plans[country][kind]
    return f"{country} {kind}", tuple(freqs), cadence


def _progress(part: str, index: int, clips: list, rng: np.random.Generator) -> tuple[SignalCall, np.ndarray]:
    name, freqs, cadence = _progress_tone(rng)
    off = 1 + rng.uniform(-0.015, 0.015)
    dbm0 = float(rng.uniform(-35, -5))
    pcm = tone_synthesis.cadenced(tuple(hz * off for hz in freqs), cadence, 12, dbm0)
    return SignalCall(
        "",
        "progress",
        name.split()[1],
        _condition(rng, PROGRESS_CONDITIONS),
        freqs_hz=list(freqs),
        level_dbm0=dbm0,
        detail=name,
    ), np.concatenate([_silence(0.4), pcm])


def _digits(digits: str, rng: np.random.Generator, dbm0: float) -> np.ndarray:
    """Keypad digits; the high tone is up to 4 dB stronger or 8 dB weaker (ITU-T Q.24's usual twist limits)."""
    parts = [_silence(0.5)]
    for digit in digits:
        low, high = _KEYS[digit]
        seconds, twist = float(rng.uniform(0.05, 0.15)), float(rng.uniform(-7, 3.5))
        parts.append(
            tone_synthesis.tone((low,), seconds, dbm0 - 3) + tone_synthesis.tone((high,), seconds, dbm0 - 3 + twist)
        )
        parts.append(_silence(rng.uniform(0.05, 0.3)))
    return np.concatenate([*parts, _silence(0.5)])


def _dtmf(part: str, index: int, clips: list, rng: np.random.Generator) -> tuple[SignalCall, np.ndarray]:
    digits = "".join(rng.choice(list(_KEYS), 8))
    dbm0 = float(rng.uniform(-25, -6))
    return SignalCall(
        "", "dtmf", "dtmf", _condition(rng, ("g711-a", "g711-mu")), level_dbm0=dbm0, detail=digits
    ), _digits(digits, rng, dbm0)


def announcements(part: str) -> list[tuple[str, Path]]:
    """Id and recording of the announcements that are enrolled as a voice mailbox's: those of the part's first voices."""
    phrases_by_lang = json.loads((bootstrap.EVAL_DIR / "answers.json").read_text())["announcement"]
    where = bootstrap.work_dir() / "announcements" / seeds.key(_MADE_BY, json.dumps(phrases_by_lang), part)
    enrolled = []
    for lang, texts in phrases_by_lang.items():
        for voice in _voices(part, lang, ("enrol",)):
            for number, phrases in enumerate(texts):
                path = where / f"{voice.label.replace('/', '-')}-{lang}-{number}.wav"
                if not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    wav.write(path, np.concatenate([speech.say(voice, phrase) for phrase in phrases]))
                enrolled.append((f"announcement-{path.stem}", path))
    return enrolled


def _voices(part: str, lang: str, uses: tuple[str, ...]) -> list[Voice]:
    voices = json.loads((bootstrap.EVAL_DIR / "voices.json").read_text())[part]
    found = [Voice("espeak", name, lang) for use in uses for name in voices["espeak"][lang][use]]
    return found + [Voice("flite", name, lang) for name in voices["flite"].get(lang, {"enrol": []})["enrol"]]


def _answer(part: str, index: int, clips: list, rng: np.random.Generator) -> tuple[SignalCall, np.ndarray]:
    who = ("human", "mailbox", "human", "announcement")[index % 4]
    phrases_by_lang = json.loads((bootstrap.EVAL_DIR / "answers.json").read_text())[who]
    lang = sorted(phrases_by_lang)[int(rng.choice(len(phrases_by_lang), p=_language_shares(phrases_by_lang)))]
    phrases = phrases_by_lang[lang][int(rng.integers(len(phrases_by_lang[lang])))]
    voices = _voices(part, lang, ("enrol", "stranger"))
    voice = voices[int(rng.integers(len(voices)))]
    # An announcement is one recording, played again and again.
    rate = 1.0 if who == "announcement" else round(float(rng.uniform(0.9, 1.15)), 2)
    spoken = [speech.say(voice, phrase, rate) for phrase in phrases]
    before_s = float(rng.uniform(0.2, 1.5))
    parts = [_silence(before_s)]
    for pcm in spoken:
        parts += [pcm, _silence(rng.uniform(0.6, 1.4))]
    if who == "mailbox" and rng.random() < 0.9:
        parts.append(tone_synthesis.tone((float(rng.uniform(660, 1400)),), float(rng.uniform(0.25, 0.8)), -15))
    # Nobody says anything, so whoever picked up waits; an announcement ends the call.
    parts.append(_silence(1.0 if who == "announcement" else 2.5))
    # Background belongs to the place, so it is there before and after the words.
    pcm = level.at_level(np.concatenate(parts), rng.uniform(-32, -20))
    return SignalCall(
        "",
        "answer",
        who,
        _condition(rng),
        speech_from_ms=before_s * 1000,
        detail=f"{voice.label}: {' / '.join(phrases)}",
    ), pcm


def _language_shares(phrases_by_lang: dict) -> list[float]:
    counts = [len(phrases_by_lang[lang]) for lang in sorted(phrases_by_lang)]
    return [count / sum(counts) for count in counts]


_MAKERS = {"beep": _beep, "no-beep": _no_beep, "progress": _progress, "dtmf": _dtmf, "answer": _answer}
