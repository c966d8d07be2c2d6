"""Training pairs: a recording, and the same recording after a random telephone line, aligned in time.

Recordings come from the evaluation corpus's `train` part, whose voices and texts occur in no other part. The lines are
drawn at random from the evaluation's building blocks with parameters of their own, not from its named conditions.
"""

import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass

# First, for it makes the evaluation's modules importable.
import environment

import codec
import corpus
import level
import loss
import noise
import numpy as np
import room
import seeds
import timescale
from scipy.signal import butter, lfilter, sosfilt

CACHE_DIR = environment.REPO_DIR / "target" / "train"
# Bump when the same corpus would give other pairs.
VERSION = 1
# One suffices for 320 × 320 covariances: 750 recordings give 750 different lines and 10⁵ patches.
LINES_PER_RECORDING = 1


@dataclass
class Rendition:
    """A recording as heard: 16-bit audio and, at knots, which reference sample a sample corresponds to."""

    pcm: np.ndarray
    at: np.ndarray
    reference_at: np.ndarray


@dataclass
class Source:
    """A clean recording (16-bit) of a voice, with its renditions."""

    voice: str
    pcm: np.ndarray
    renditions: list[Rendition]


def load(neural: bool) -> list[Source]:
    """All sources, made on first use."""
    path = CACHE_DIR / f"pairs-{VERSION}-corpus-{corpus.VERSION}{'-neural' if neural else ''}.pickle"
    if not path.exists():
        made = _make(neural)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(made))
    return pickle.loads(path.read_bytes())


def _make(neural: bool) -> list[Source]:
    clips = {clip.id: clip for clip in corpus.load("train", neural, jobs=1)}
    audio = {name: clip.audio() for name, clip in clips.items()}
    by_voice: dict[str, list[np.ndarray]] = {}
    for name, clip in clips.items():
        by_voice.setdefault(clip.voice, []).append(audio[name])
    music = [pcm for _, pcm in corpus.music()[::2]]
    sources = {}
    for number, (name, clip) in enumerate(clips.items()):
        if clip.change in ("slower", "faster"):
            continue
        others = [pcm for voice, pcms in by_voice.items() if voice != clip.voice for pcm in pcms]
        renditions = []
        for line in range(LINES_PER_RECORDING):
            rng = seeds.generator("line", name, line)
            heard, factor = _through_a_line(audio[name], rng, others, music)
            ends = np.array([0, len(heard)])
            renditions.append(Rendition(to_int16(heard), ends, ends * factor))
        sources[name] = Source(clip.voice, to_int16(audio[name]), renditions)
        if number % 50 == 0:
            print(f"pairs: {number} of {len(clips)} recordings", file=sys.stderr, flush=True)
    for name, clip in clips.items():
        if clip.change in ("slower", "faster") and clip.of in sources:
            # The pieces of a re-synthesised script correspond one to one; within a piece time is taken as linear.
            own, reference = (np.array([segment[:2] for segment in each.segments]).ravel()
                              for each in (clip, clips[clip.of]))
            heard = _coded(audio[name], seeds.generator("line", name))
            sources[clip.of].renditions.append(Rendition(to_int16(heard), own, reference))
    return list(sources.values())


def to_int16(pcm: np.ndarray) -> np.ndarray:
    """16-bit samples, as a switch delivers them."""
    return np.clip(np.round(pcm * 32768), -32768, 32767).astype(np.int16)


def _through_a_line(pcm: np.ndarray, rng: np.random.Generator, others: Sequence[np.ndarray],
                    music: Sequence[np.ndarray]) -> tuple[np.ndarray, float]:
    """`pcm` as it arrives, and how many of its samples one sample that arrives stands for."""
    factor = 1.0
    manner = rng.random()
    if manner < 0.2:
        factor = round(rng.uniform(0.94, 1.06), 2)
        pcm = timescale.speed(pcm, factor)
    elif manner < 0.4:
        factor = rng.uniform(0.91, 1.09)
        pcm = timescale.tempo(pcm, factor)
    if rng.random() < 0.15:
        pcm = room.rerecorded(pcm, rng)
    pcm = _with_background(pcm, rng, others, music)
    if rng.random() < 0.3:
        pcm = _equalised(pcm, rng)
    pcm = level.at_level(pcm, rng.uniform(-46, -20))
    if rng.random() < 0.1:
        pcm = np.clip(level.at_level(pcm, rng.uniform(-16, -8)), -1, 1)
    pcm = _coded(pcm, rng)
    if rng.random() < 0.3:
        lost = loss.lost_packets(len(pcm), rng.uniform(0.02, 0.12), rng)
        pcm = (loss.concealed if rng.random() < 0.5 else loss.zeroed)(pcm, lost)
    return pcm, factor


def _with_background(pcm: np.ndarray, rng: np.random.Generator, others: Sequence[np.ndarray],
                     music: Sequence[np.ndarray]) -> np.ndarray:
    snr_db = rng.uniform(0, 15)
    kind = rng.random()
    if kind < 0.25:
        return noise.mixed(pcm, noise.babble(len(pcm), rng, others, int(rng.integers(3, 9))), snr_db)
    if kind < 0.4:
        return noise.mixed(pcm, noise.street(len(pcm), rng), snr_db)
    if kind < 0.5:
        hiss = lfilter([1], [1, -rng.uniform(0, 0.95)], rng.standard_normal(len(pcm)))
        return noise.mixed(pcm, hiss, snr_db)
    if kind < 0.6:
        return noise.mixed(pcm, noise.excerpt(music[rng.integers(len(music))], len(pcm), rng), snr_db)
    if kind < 0.8:
        other = noise.excerpt(others[rng.integers(len(others))], len(pcm), rng)
        return pcm + level.at_level(other, level.active_dbov(pcm) - rng.uniform(-2, 12))
    return pcm


def _equalised(pcm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    tilted = lfilter([1, rng.uniform(-0.7, 0.7)], [1, rng.uniform(-0.4, 0.4)], pcm)
    return sosfilt(butter(1, [rng.uniform(100, 500), rng.uniform(2600, 3800)], "bandpass", fs=8000, output="sos"),
                   tilted)


def _coded(pcm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One or two codecs one after the other."""
    coders = (
        lambda x: codec.g711(x, "a"),
        lambda x: codec.g711(x, "mu"),
        codec.gsm,
        codec.g729,
        codec.g723,
        lambda x: codec.amr(x, float(rng.choice([4.75, 5.9, 7.95]))),
        lambda x: codec.opus(x, int(rng.choice([6, 8, 12]))),
        lambda x: codec.speex(x, int(rng.choice([2, 4]))),
        lambda x: codec.g726(x, int(rng.choice([16, 32]))),
    )
    odds = np.array([4, 4, 3, 3, 1, 3, 2, 2, 1])
    for _ in range(1 if rng.random() < 0.75 else 2):
        pcm = coders[rng.choice(len(coders), p=odds / odds.sum())](pcm)
    return pcm
