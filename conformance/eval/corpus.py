#!/usr/bin/env python3
"""Build the evaluation's corpus from packages: scripts to enrol, other renditions of them, and negatives.

Three parts share no voice and no text: `train` is for whatever is learned, `dev` for thresholds, `test` for the
published table. Nothing is ever tuned on `test`.

    python3 conformance/eval/corpus.py train dev test [--neural]
"""

import bootstrap

if __name__ == "__main__":
    bootstrap.enter()

import argparse
import json
import multiprocessing
import shutil
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

import level
import neural as synthesis
import packages
import prompts
import seeds
import speech
import texts
import wav
from speech import Voice

PARTS = ("train", "dev", "test")
# Bump when the same inputs would give another corpus: it is part of the corpus folder's name.
VERSION = 6
RESYNTHESIS_RATES = {"slower": 0.96, "faster": 1.04}


@dataclass
class Clip:
    """One recording of the corpus, and what is known of it.

    role: script    enrolled
          variant   a script's words in other audio: `change` says how, `of` which script
          negative  an enrolled voice saying what nobody enrolled
          stranger  a voice that enrolled nothing
    segments: [first sample, last sample + 1, label], label a slot's name, "opening" or "body"
    """

    id: str
    part: str
    role: str
    voice: str
    engine: str
    lang: str
    text: str
    wav: str = ""
    samples: int = 0
    of: str = ""
    change: str = ""
    segments: list = field(default_factory=list)

    @property
    def path(self) -> Path:
        return corpus_dir() / self.wav

    def audio(self) -> np.ndarray:
        return wav.read(self.path)


def corpus_dir() -> Path:
    return bootstrap.work_dir() / f"corpus-{VERSION}"


def load(part: str, neural: bool = False, jobs: int = 2) -> list[Clip]:
    """All clips of a part, built on first use. `neural` adds the neural voices, which take minutes to synthesise."""
    if part not in PARTS:
        raise ValueError(f"part {part!r}: one of {', '.join(PARTS)} expected")
    manifest = corpus_dir() / f"{part}{'-neural' if neural else ''}.jsonl"
    if not manifest.exists():
        packages.require_tools()
        if neural:
            synthesis.prepare()
        clips = []
        tasks = _tasks(part, neural)
        with multiprocessing.Pool(jobs) as pool:
            for done, (task, made) in enumerate(zip(tasks, pool.imap(_clips_of, tasks)), 1):
                clips += made
                print(
                    f"corpus: {part}: {task[1]} {task[2]}: {len(made)} clips ({done}/{len(tasks)})",
                    file=sys.stderr,
                    flush=True,
                )
        partial = manifest.with_suffix(".partial")
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text("".join(json.dumps(asdict(clip), ensure_ascii=False) + "\n" for clip in clips))
        partial.rename(manifest)
    return [Clip(**json.loads(line)) for line in manifest.read_text().splitlines()]


def music() -> list[tuple[str, np.ndarray]]:
    """Music on hold, at nominal level."""
    folder = packages.unpacked("asterisk-moh-opsound-wav") / "usr/share/asterisk/moh"
    return [(path.stem, level.at_level(wav.read(path))) for path in sorted(folder.glob("*.wav"))]


def _voices(part: str) -> dict:
    return json.loads((bootstrap.EVAL_DIR / "voices.json").read_text())[part]


def _stored(clip: Clip, pcm: np.ndarray) -> Clip:
    clip.wav = f"{clip.part}/{clip.id}.wav"
    clip.samples = len(pcm)
    wav.write(clip.path, pcm)
    return clip


def _tasks(part: str, neural: bool) -> list[tuple]:
    """What can be made independently: an actor, or the voices of one engine in one language."""
    voices = _voices(part)
    engines = ("espeak", "flite", "kokoro") if neural else ("espeak", "flite")
    return [(part, "actor", index) for index in range(len(voices["prompts"]))] + [
        (part, engine, lang) for engine in engines for lang in voices[engine]
    ]


def _clips_of(task: tuple) -> list[Clip]:
    part, engine, which = task
    if engine == "actor":
        return _prompt_clips(part, _voices(part)["prompts"][which])
    by_use = _voices(part)[engine][which]
    enrolling, strangers = ([Voice(engine, name, which) for name in by_use[use]] for use in ("enrol", "stranger"))
    # Neural synthesis runs at about the speed of speech: few texts a voice.
    return _synthetic_clips(part, which, enrolling, strangers, text_limit=2 if engine == "kokoro" else None)


def _prompt_clips(part: str, actor: dict) -> list[Clip]:
    """Real actors. Three utterances in five are enrolled, the others are the same voice saying other things."""
    clips = []
    loaded = prompts.load(actor["package"], actor["folder"])
    for index, utterance in enumerate(prompts.utterances(loaded, actor["voice"])):
        role = "stranger" if actor["use"] == "stranger" else "script" if index % 5 < 3 else "negative"
        clip = _prompt_clip(part, actor, f"{actor['voice']}-{index:03d}", utterance, role=role)
        clips.append(clip)
        if role == "script" and utterance.slot is not None:
            value = prompts.other_value(loaded, utterance)
            clips.append(
                _prompt_clip(
                    part, actor, f"{clip.id}-slots", utterance, value, role="variant", of=clip.id, change="slots"
                )
            )
    return clips


def _prompt_clip(
    part: str, actor: dict, clip_id: str, utterance: prompts.Utterance, value: np.ndarray | None = None, **more
) -> Clip:
    pcm, segments = utterance.audio(value)
    return _stored(
        Clip(
            clip_id,
            part,
            voice=actor["voice"],
            engine="actor",
            lang=actor["lang"],
            text=" + ".join(utterance.names),
            segments=segments,
            **more,
        ),
        pcm,
    )


def _synthetic_clips(
    part: str, lang: str, enrolling: list[Voice], strangers: list[Voice], text_limit: int | None = None
) -> list[Clip]:
    """What one engine's voices say in one language: scripts, their variants, negatives, strangers."""
    call_texts, openings = texts.load(part, lang)
    offers = [text for text in call_texts if text.use == "enrol"][:text_limit]
    others = [text for text in call_texts if text.use == "negative"][:text_limit]
    opening = [texts.Piece(sentence, slot="opening") for sentence in openings]
    clips = []

    def add(role, voice, text, filling=0, opened=False, rate=1.0, script=None, change=""):
        """Speak a text. A variant keeps its script's pauses, as a re-rendered campaign would."""
        pieces = (opening if opened else []) + text.pieces(filling)
        pauses = _pauses(pieces, seeds.generator("pauses", script.voice if script else voice.label, text.id, opened))
        pcm, segments = _spoken(voice, pieces, pauses, rate)
        clip_id = "-".join(filter(None, (voice.label, text.id, "opened" if opened else "", change)))
        if change == "other-voice":
            clip_id = f"{script.id}-by-{voice.label}"
        clips.append(
            _stored(
                Clip(
                    clip_id.replace("+", "_"),
                    part,
                    role,
                    voice.label,
                    voice.engine,
                    lang,
                    " ".join(piece.words for piece in pieces),
                    of=script.id if script else "",
                    change=change,
                    segments=segments,
                ),
                pcm,
            )
        )
        return clips[-1]

    for number, voice in enumerate(enrolling):
        # Two offers behind the same opening, recorded once: a pair of scripts that only their bodies tell apart.
        pair = offers[-2:] if len(offers) > 2 or number % 2 else []
        for text in offers:
            opened = text in pair
            script = add("script", voice, text, opened=opened)
            for change, rate in RESYNTHESIS_RATES.items():
                add("variant", voice, text, opened=opened, rate=rate, script=script, change=change)
            if text.has_slots:
                add("variant", voice, text, text.other_filling(number), opened, script=script, change="slots")
            if strangers:
                add(
                    "variant",
                    strangers[number % len(strangers)],
                    text,
                    opened=opened,
                    script=script,
                    change="other-voice",
                )
        # The last value of a slot is never enrolled: the same voice saying the same price would be a positive.
        for text in others:
            add("negative", voice, text, filling=-1)
        if pair:
            add("negative", voice, others[0], filling=-1, opened=True)
    for voice in strangers:
        for text in others:
            add("stranger", voice, text)
    return clips


def _pauses(pieces: list[texts.Piece], rng: np.random.Generator) -> list[float]:
    """Seconds of pause after each piece: a breath after a sentence, almost none around a slot."""
    return [
        float(rng.uniform(0.15, 0.6)) if piece.words.rstrip()[-1] in ".?!。?!" else float(rng.uniform(0.02, 0.09))
        for piece in pieces
    ]


def _spoken(voice: Voice, pieces: list[texts.Piece], pauses: list[float], rate: float) -> tuple[np.ndarray, list]:
    """The pieces synthesised one by one and joined; returns the audio and its segments."""
    audio, segments, at = [], [], 0
    for piece, pause_s in zip(pieces, pauses):
        pcm = speech.say(voice, piece.words, rate)
        gap = np.zeros(int(pause_s / rate * wav.RATE_HZ), np.float32)
        segments.append([at, at + len(pcm), piece.slot or "body"])
        audio += [pcm, gap]
        at += len(pcm) + len(gap)
    return level.at_level(np.concatenate(audio)), segments


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=[], help="train, dev, test (default: all)")
    parser.add_argument("--neural", action="store_true", help="add the neural voices (minutes of synthesis)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--rebuild", action="store_true", help="discard the corpus that was built before")
    args = parser.parse_args()
    if args.rebuild:
        shutil.rmtree(corpus_dir(), ignore_errors=True)
    for part in args.parts or PARTS:
        clips = load(part, args.neural, args.jobs)
        for role in ("script", "variant", "negative", "stranger"):
            chosen = [clip for clip in clips if clip.role == role]
            minutes = sum(clip.samples for clip in chosen) / wav.RATE_HZ / 60
            voices = len({clip.voice for clip in chosen})
            print(f"{part:5} {role:8} {len(chosen):4} clips {minutes:6.1f} min {voices:3} voices")


if __name__ == "__main__":
    main()
