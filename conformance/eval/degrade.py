"""The named conditions: what a script goes through between the dialer and the analyzer.

    apply("street-10", pcm, seed=7, others=[...]) -> pcm

float32 at 8 kHz in and out, the same result for the same arguments. Except for the conditions with a `time_scale`,
the result has the length of the input and is aligned with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, firwin2, lfilter, sosfilt

import codec
import level
import loss
import noise
import room
import seeds
import timescale

# A step of the way: (pcm, random generator, recordings of other voices) -> pcm.
Step = Callable[[np.ndarray, np.random.Generator, Sequence[np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Condition:
    """group: the row of the table of bars it counts in; "" counts only in "all".
    time_scale: length of the result over the length of the input.
    rendition: which rendition of the script is played (a `change` of the corpus's variants); "" is the enrolled one.
    quick: whether the quick run includes it.
    near_echo_db: our own side talks all the while, on a channel of its own, and comes back at this level. None: silence.
    """

    name: str
    group: str
    steps: tuple[Step, ...]
    time_scale: float = 1.0
    rendition: str = ""
    quick: bool = False
    near_echo_db: float | None = None


def apply(name: str, pcm: np.ndarray, seed: int, others: Sequence[np.ndarray] = ()) -> np.ndarray:
    """`pcm` under the condition `name`. `others` are recordings of other voices, for babble and talk-over."""
    condition = CONDITIONS[name]
    rng = seeds.generator("degrade", name, seed)
    for step in condition.steps:
        pcm = step(pcm, rng, others)
    return np.clip(pcm, -1.0, 1.0).astype(np.float32)


# --- Steps -----------------------------------------------------------------------------------------------------------


def _coded(encode: Callable, *arguments) -> Step:
    return lambda pcm, rng, others: encode(pcm, *arguments)


def _coded_lossy(encode: Callable, share: float, *arguments) -> Step:
    """A frame codec over a line that loses `share` of the packets; its decoder conceals them."""
    return lambda pcm, rng, others: encode(pcm, *arguments, lost=loss.lost_packets(len(pcm), share, rng))


def _concealed(share: float) -> Step:
    return lambda pcm, rng, others: loss.concealed(pcm, loss.lost_packets(len(pcm), share, rng))


def _zeroed(share: float) -> Step:
    return lambda pcm, rng, others: loss.zeroed(pcm, loss.lost_packets(len(pcm), share, rng))


def _gain(gain_db: float) -> Step:
    """Amplified; what goes beyond full scale is clipped by the converter."""
    return lambda pcm, rng, others: np.clip(pcm * 10 ** (gain_db / 20), -1.0, 1.0)


def _babble(snr_db: float) -> Step:
    return lambda pcm, rng, others: noise.mixed(pcm, noise.babble(len(pcm), rng, others), snr_db)


def _street(snr_db: float) -> Step:
    return lambda pcm, rng, others: noise.mixed(pcm, noise.street(len(pcm), rng), snr_db)


def _talk_over(relative_db: float) -> Step:
    """One other voice talking all the time at `relative_db` against the script."""
    def step(pcm, rng, others):
        other = noise.excerpt(others[int(rng.integers(len(others)))], len(pcm), rng)
        return pcm + level.at_level(other, level.active_dbov(pcm) + relative_db)
    return step


def _speed(factor: float) -> Step:
    return lambda pcm, rng, others: timescale.speed(pcm, factor)


def _tempo(factor: float) -> Step:
    return lambda pcm, rng, others: timescale.tempo(pcm, factor)


def _band(low_hz: float, high_hz: float) -> Step:
    return lambda pcm, rng, others: sosfilt(butter(3, [low_hz, high_hz], "bandpass", fs=8000, output="sos"), pcm)


def _tilt(db_per_octave: float) -> Step:
    """A straight spectral slope through 0 dB at 1 kHz; the filter is minimum phase in effect: 16 ms of delay removed."""
    frequencies = np.array([0, 100, 200, 400, 800, 1600, 3200, 4000])
    gains_db = db_per_octave * np.log2(np.maximum(frequencies, 100) / 1000)
    taps = firwin2(257, frequencies / 4000, 10 ** (gains_db / 20))
    return lambda pcm, rng, others: np.concatenate([lfilter(taps, 1, pcm)[128:], np.zeros(min(128, len(pcm)))])


def _room(pcm: np.ndarray, rng: np.random.Generator, others: Sequence[np.ndarray]) -> np.ndarray:
    return room.rerecorded(pcm, rng)


_A_LAW = _coded(codec.g711, "a")
_MU_LAW = _coded(codec.g711, "mu")


# --- The registry ----------------------------------------------------------------------------------------------------


def _registry() -> dict[str, Condition]:
    conditions = [
        # Codecs every network has, and a quiet line.
        Condition("g711-a", "clean", (_A_LAW,), quick=True),
        Condition("g711-mu", "clean", (_MU_LAW,)),
        Condition("g722", "clean", (_coded(codec.g722),)),
        Condition("gsm", "clean", (_coded(codec.gsm),), quick=True),
        Condition("quiet-20db", "clean", (_gain(-20), _A_LAW), quick=True),
        # Codecs that cost more.
        Condition("g729", "codecs", (_coded(codec.g729),), quick=True),
        Condition("amr-4.75", "codecs", (_coded(codec.amr, 4.75),), quick=True),
        Condition("amr-7.95", "codecs", (_coded(codec.amr, 7.95),)),
        Condition("amr-12.2", "codecs", (_coded(codec.amr, 12.2),)),
        Condition("opus-6", "codecs", (_coded(codec.opus, 6),), quick=True),
        Condition("opus-12", "codecs", (_coded(codec.opus, 12),)),
        Condition("speex-6", "codecs", (_coded(codec.speex, 2),)),
        Condition("speex-11", "codecs", (_coded(codec.speex, 4),)),
        Condition("g726-32", "codecs", (_coded(codec.g726, 32),)),
        Condition("g726-16", "codecs", (_coded(codec.g726, 16),)),
        Condition("g723", "codecs", (_coded(codec.g723),)),
        Condition("gsm-g729", "codecs", (_coded(codec.gsm), _A_LAW, _coded(codec.g729)), quick=True),
        Condition("amr-gsm", "codecs", (_coded(codec.amr, 5.9), _MU_LAW, _coded(codec.gsm))),
        Condition("opus-amr", "codecs", (_coded(codec.opus, 8), _A_LAW, _coded(codec.amr, 7.4))),
        Condition("gsm-loss-5", "codecs", (_coded_lossy(codec.gsm, 0.05),)),
        Condition("g729-loss-5", "codecs", (_coded_lossy(codec.g729, 0.05),)),
        Condition("amr-loss-5", "codecs", (_coded_lossy(codec.amr, 0.05, 7.95),)),
        Condition("opus-loss-5", "codecs", (_coded_lossy(codec.opus, 0.05, 8),)),
        Condition("speex-loss-5", "codecs", (_coded_lossy(codec.speex, 0.05, 4),)),
        # Bursty packet loss on G.711.
        Condition("loss-2", "", (_A_LAW, _concealed(0.02))),
        Condition("loss-5", "loss", (_A_LAW, _concealed(0.05)), quick=True),
        Condition("loss-10", "loss", (_A_LAW, _concealed(0.10)), quick=True),
        Condition("loss-2-zero", "", (_A_LAW, _zeroed(0.02))),
        Condition("loss-5-zero", "loss", (_A_LAW, _zeroed(0.05))),
        Condition("loss-10-zero", "loss", (_A_LAW, _zeroed(0.10))),
        # Level and line.
        Condition("clipped-15db", "", (_gain(15), _A_LAW), quick=True),
        Condition("band-500-2800", "", (_band(500, 2800), _A_LAW)),
        Condition("tilt-up", "", (_tilt(4), _A_LAW)),
        Condition("tilt-down", "", (_tilt(-4), _A_LAW)),
        # Played into a room; other renditions of the script.
        Condition("room", "room", (_room, _A_LAW), quick=True),
        Condition("room-gsm", "room", (_room, _coded(codec.gsm))),
        Condition("slots", "slots", (_A_LAW,), rendition="slots", quick=True),
        Condition("slots-gsm", "slots", (_coded(codec.gsm),), rendition="slots"),
        Condition("resynthesis-slower", "resynthesis", (_A_LAW,), rendition="slower", quick=True),
        Condition("resynthesis-faster", "resynthesis", (_A_LAW,), rendition="faster", quick=True),
        Condition("other-voice", "other-voice", (_A_LAW,), rendition="other-voice"),
        # Our own side talks, with and without its echo in the far side.
        Condition("near-talk", "", (_A_LAW,), near_echo_db=-90.0),
        Condition("near-talk-echo", "", (_A_LAW,), near_echo_db=-20.0, quick=True),
        # Everything at once.
        Condition("babble-15-amr-loss-5", "", (_babble(15), _coded_lossy(codec.amr, 0.05, 7.95))),
        Condition("street-10-gsm", "", (_street(10), _coded(codec.gsm)), quick=True),
        Condition("room-babble-15-g729", "", (_room, _babble(15), _coded(codec.g729))),
        Condition("quiet-20db-opus-loss-5", "", (_gain(-20), _coded_lossy(codec.opus, 0.05, 8))),
        Condition("tempo+4-street-15-amr", "", (_tempo(1.04), _street(15), _coded(codec.amr, 5.9)), 1 / 1.04),
        Condition("speed-2.5-g729-loss-2", "", (_speed(0.975), _coded_lossy(codec.g729, 0.02)), 1 / 0.975),
    ]
    for percent, group in ((-8, "tempo"), (-4, ""), (4, ""), (8, "tempo")):
        factor = 1 + percent / 100
        conditions.append(Condition(f"tempo{percent:+}", group, (_tempo(factor), _A_LAW), 1 / factor,
                                    quick=group != ""))
    for percent, group in ((-5, "speed"), (-2.5, ""), (2.5, ""), (5, "speed")):
        factor = 1 + percent / 100
        conditions.append(Condition(f"speed{percent:+}", group, (_speed(factor), _A_LAW), 1 / factor,
                                    quick=group != ""))
    for snr_db, group in ((15, ""), (10, "noise-10"), (5, "noise-5"), (0, "")):
        for name, step in (("babble", _babble), ("street", _street)):
            conditions.append(Condition(f"{name}-{snr_db}", group, (step(snr_db), _A_LAW), quick=group != ""))
    for relative_db in (0, -6):
        conditions.append(Condition(f"talk-over{relative_db:+}", "talk-over", (_talk_over(relative_db), _A_LAW),
                                    quick=True))
    return {condition.name: condition for condition in conditions}


CONDITIONS = _registry()
