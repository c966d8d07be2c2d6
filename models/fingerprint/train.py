#!/usr/bin/env python3
"""Learn the 64 projections of the sub-band code and write subband64.json.

    python3 models/fingerprint/train.py [--steps N] [--neural] [--output FILE]

Two stages, see README.md: a generalised eigenproblem gives the start, then gradient descent on what the matcher needs,
the distance of a true alignment from the tail of all false ones.
"""

import sys
from pathlib import Path

REPO_DIR = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO_DIR / "conformance" / "eval"))
REQUIREMENTS = ("numpy==2.4.6", "scipy==1.17.1", "soundfile==0.14.0", "jax==0.10.2")

if __name__ == "__main__":
    import os

    import bootstrap

    venv = REPO_DIR / "target" / "train" / "venv"
    if Path(sys.prefix).resolve() != venv.resolve():
        stamp = venv / "requirements-installed"
        if not stamp.exists() or stamp.read_text() != "\n".join(REQUIREMENTS):
            bootstrap.install(venv, REQUIREMENTS)
            stamp.write_text("\n".join(REQUIREMENTS))
        # One thread: the sum of a gradient then has one order, and the result is the same on every run.
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
                   "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}
        os.execve(venv / "bin" / "python", [str(venv / "bin" / "python"), *sys.argv], {**os.environ, **threads})

import argparse
import hashlib
import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import eigh

import frontend
import pairs

SEED = 20
OUTPUTS = 64
# --- Segments: what is compared is a second of codes, as the matcher does.
SEGMENT_CODES, CODE_SPACING_FRAMES = 25, 4
VOICES_PER_BATCH, SEGMENTS_PER_VOICE = 4, 16
# The matcher tries slopes 2.8 % apart, and reference codes stand on their own 20 ms grid.
SLOPE_ERROR, SHIFT_ERROR_FRAMES = 0.014, 1.0
QUIETEST_SHARE_OF_MEDIAN = 0.15
# Alignments of a segment with itself nearer than this many codes are true, not false.
NEAR_CODES = 5
# --- Objective
TAIL_SIGMAS = 5.5
HINGE_SHARPNESS = 15.0
SIGN_SHARPNESS = (1.0, 3.0)
# --- Optimiser
STEPS, LEARNING_RATE, WARM_UP_STEPS = 2500, 3e-3, 50
EIGEN_REGULARISATION = 2e-3
# 12 bits and sign: the sum of 320 products with 14-bit inputs stays below 2^31.
LARGEST_WEIGHT = 4095


class Recordings:
    """The training pairs as front-end frames, and how to draw from them."""

    def __init__(self, sources: list[pairs.Source]):
        self.clean = [frontend.frames(source.pcm) for source in sources]
        self.heard = [[(frontend.frames(rendition.pcm), rendition.at / frontend.HOP_SAMPLES,
                        rendition.reference_at / frontend.HOP_SAMPLES) for rendition in source.renditions]
                      for source in sources]
        by_voice: dict[str, list[int]] = {}
        for index, source in enumerate(sources):
            by_voice.setdefault(source.voice, []).append(index)
        self.by_voice = [indices for indices in by_voice.values() if len(indices) >= 3]
        sizes = np.array([len(indices) for indices in self.by_voice])
        self.voice_odds = np.sqrt(sizes) / np.sqrt(sizes).sum()
        self.quietest = QUIETEST_SHARE_OF_MEDIAN * np.median([np.abs(rows).mean() for rows in self.clean])

    def single_patches(self, rng: np.random.Generator, every: int) -> tuple[np.ndarray, np.ndarray]:
        """Aligned unit-length patches, clean and heard, one in `every` code positions."""
        clean, heard = [], []
        for reference, renditions in zip(self.clean, self.heard):
            for rows, at, reference_at in renditions:
                starts = frontend.code_starts(rows)[rng.integers(every)::every]
                matching = np.round(_reference_starts(starts, at, reference_at)).astype(int)
                inside = (matching >= 0) & (matching + frontend.PATCH_FRAMES <= len(reference))
                starts, matching = starts[inside], matching[inside]
                loud = np.abs(reference[matching + frontend.PATCH_FRAMES // 2]).mean(axis=1) > self.quietest
                clean.append(_unit(frontend.patches(reference, matching[loud])))
                heard.append(_unit(frontend.patches(rows, starts[loud])))
        return np.concatenate(clean), np.concatenate(heard)

    def batch(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Segments heard and their references: [segment, code, patch element], SEGMENTS_PER_VOICE of a voice on end."""
        heard, clean = [], []
        voices = rng.choice(len(self.by_voice), VOICES_PER_BATCH, replace=False, p=self.voice_odds)
        for voice in voices:
            found = 0
            while found < SEGMENTS_PER_VOICE:
                segment = self._segment(rng, int(rng.choice(self.by_voice[voice])))
                if segment is not None:
                    heard.append(segment[0])
                    clean.append(segment[1])
                    found += 1
        return np.stack(heard), np.stack(clean)

    def _segment(self, rng: np.random.Generator, index: int) -> tuple[np.ndarray, np.ndarray] | None:
        """A random second of a recording, or nothing where it runs over an end or into silence."""
        reference = self.clean[index]
        rows, at, reference_at = self.heard[index][rng.integers(len(self.heard[index]))]
        steps = np.arange(SEGMENT_CODES) * CODE_SPACING_FRAMES
        latest = len(rows) - frontend.PATCH_FRAMES - steps[-1]
        if latest <= 0:
            return None
        starts = int(rng.integers(latest)) + steps
        exact = _reference_starts(starts, at, reference_at)
        end = exact[-1] + rng.uniform(-SHIFT_ERROR_FRAMES, SHIFT_ERROR_FRAMES)
        tried = end - (exact[-1] - exact) * (1 + rng.uniform(-SLOPE_ERROR, SLOPE_ERROR))
        on_grid = frontend.CODE_STRIDE_FRAMES * np.round(tried / frontend.CODE_STRIDE_FRAMES).astype(int)
        if on_grid[0] < 0 or on_grid[-1] + frontend.PATCH_FRAMES > len(reference):
            return None
        if np.abs(reference[on_grid[0]:on_grid[-1]]).mean() < self.quietest:
            return None
        return _unit(frontend.patches(rows, starts)), _unit(frontend.patches(reference, on_grid))


def _reference_starts(starts: np.ndarray, at: np.ndarray, reference_at: np.ndarray) -> np.ndarray:
    """Where in the reference the patch starts whose centre is the centre of the patch at `starts`."""
    centre = frontend.PATCH_CENTRE_FRAMES
    return np.interp(starts + centre, at, reference_at) - centre


def _unit(patches: np.ndarray) -> np.ndarray:
    """Patches scaled to unit length: signs do not care, and no loud vowel outweighs the rest."""
    return (patches / (np.linalg.norm(patches, axis=-1, keepdims=True) + 1e-6)).astype(np.float32)


def eigen_projections(clean: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """The projections that keep most of what a patch and its rendition share against what tells them apart."""
    shared = (clean.T @ heard + heard.T @ clean) / (2 * len(clean))
    difference = clean - heard
    apart = difference.T @ difference / (2 * len(clean))
    apart += EIGEN_REGULARISATION * np.trace(apart) / len(apart) * np.eye(len(apart), dtype=np.float32)
    _, vectors = eigh(shared, apart)
    best_first = vectors[:, ::-1][:, :OUTPUTS]
    return (best_first / np.linalg.norm(best_first, axis=0)).astype(np.float32)


def soft_bits(patches: jnp.ndarray, projections: jnp.ndarray, sharpness: float) -> jnp.ndarray:
    """Bits that have a gradient: −1…1 instead of a sign."""
    outputs = patches @ projections
    return jnp.tanh(sharpness * outputs / jnp.sqrt((outputs ** 2).mean(axis=(0, 1))))


def objective(projections: jnp.ndarray, heard: jnp.ndarray, clean: jnp.ndarray, sharpness: float) -> jnp.ndarray:
    """How far true alignments fall short of TAIL_SIGMAS deviations of the false ones, softly hinged.

    Agreement is 1 − 2 × (bit error rate). The false alignments of a heard segment are all circular shifts of all other
    references, of the same voice and of others; the wider of the two distributions counts. Their deviation is
    taken from the fourth moment, so that a heavy tail weighs as what it is.
    """
    query, reference = soft_bits(heard, projections, sharpness), soft_bits(clean, projections, sharpness)
    segments, codes, outputs = query.shape
    true = (query * reference).mean(axis=(1, 2))
    twice = jnp.concatenate([reference, reference[:, :-1]], axis=1)
    # A convolution slides every query over every reference: [reference, shift, query].
    agreement = jax.lax.conv_general_dilated(twice, query.transpose(1, 2, 0), (1,), "VALID",
                                             dimension_numbers=("NWC", "WIO", "NWC")) / (codes * outputs)
    voice = jnp.arange(segments) // SEGMENTS_PER_VOICE
    same_voice = (voice[:, None] == voice[None, :])[:, None, :]
    shift = jnp.arange(codes)
    near = (shift <= NEAR_CODES) | (shift >= codes - NEAR_CODES)
    false = ~(jnp.eye(segments, dtype=bool)[:, None, :] & near[None, :, None])

    def deviation(chosen):
        fourth = jnp.where(chosen, agreement ** 4, 0).sum(axis=(0, 1)) / chosen.sum(axis=(0, 1))
        return (fourth / 3 + 1e-9) ** 0.25

    widest = jnp.maximum(deviation(same_voice & false), deviation(~same_voice & false))
    return (jax.nn.softplus(HINGE_SHARPNESS * (TAIL_SIGMAS * widest - true)) / HINGE_SHARPNESS).mean()


@partial(jax.jit, donate_argnums=(0, 1))
def _step(projections, moments, heard, clean, number, sharpness, rate):
    """One step of Adam."""
    value, gradient = jax.value_and_grad(objective)(projections, heard, clean, sharpness)
    first = 0.9 * moments[0] + 0.1 * gradient
    second = 0.99 * moments[1] + 0.01 * gradient ** 2
    change = (first / (1 - 0.9 ** number)) / (jnp.sqrt(second / (1 - 0.99 ** number)) + 1e-8)
    return projections - rate * change, (first, second), value


def descend(projections: np.ndarray, recordings: Recordings, steps: int, rng: np.random.Generator) -> np.ndarray:
    projections = jnp.array(projections)
    moments = (jnp.zeros_like(projections), jnp.zeros_like(projections))
    values = []
    for number in range(1, steps + 1):
        share = number / steps
        sharpness = SIGN_SHARPNESS[0] + share * (SIGN_SHARPNESS[1] - SIGN_SHARPNESS[0])
        rate = LEARNING_RATE * min(1, number / WARM_UP_STEPS) * (0.5 + 0.5 * np.cos(np.pi * share))
        projections, moments, value = _step(projections, moments, *recordings.batch(rng), float(number), sharpness, rate)
        values.append(float(value))
        if number % 250 == 0:
            print(f"train: step {number} of {steps}, objective {np.mean(values[-250:]):.5f}", flush=True)
    return np.array(projections)


def quantised(projections: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """Integer weights [output, patch element]: all outputs with the same deviation on speech, the largest weight used."""
    even = projections / (patches @ projections).std(axis=0)
    # Within a band only differences in time count, since a patch's bands have no mean: take out what has no effect.
    even = even.T.reshape(OUTPUTS, frontend.BANDS, frontend.PATCH_TIMES)
    even = (even - even.mean(axis=2, keepdims=True)).reshape(OUTPUTS, -1)
    return np.round(even / np.abs(even).max() * LARGEST_WEIGHT).astype(np.int16)


def document(weights: np.ndarray) -> dict:
    """What an implementation needs to compute the code, and an identity that ties enrolled codes to it."""
    return {
        "format": 1,
        "name": "subband64",
        "version": 1,
        "weights_sha256": hashlib.sha256(weights.astype("<i2").tobytes()).hexdigest(),
        "rate_hz": frontend.RATE_HZ,
        "window": "hann-periodic",
        "window_samples": frontend.WINDOW_SAMPLES,
        "hop_samples": frontend.HOP_SAMPLES,
        "band_edges_hz": [round(float(edge), 4) for edge in frontend.band_edges_hz()],
        "exponent": frontend.EXPONENT,
        "smoothing": [float(weight) for weight in frontend.SMOOTHING],
        "patch_times": frontend.PATCH_TIMES,
        "patch_stride_frames": frontend.PATCH_STRIDE_FRAMES,
        "code_stride_frames": frontend.CODE_STRIDE_FRAMES,
        "weights_order": "output, band (low to high), time (oldest to newest)",
        "weights": weights.tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--neural", action="store_true", help="train on the neural voices too")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("subband64.json"))
    args = parser.parse_args()
    rng = np.random.default_rng(SEED)
    recordings = Recordings(pairs.load(args.neural))
    clean, heard = recordings.single_patches(rng, every=6)
    print(f"train: {len(clean)} pairs of patches, {len(recordings.by_voice)} voices", flush=True)
    projections = descend(eigen_projections(clean, heard), recordings, args.steps, rng)
    weights = quantised(projections, np.concatenate([clean, heard]))
    lines = json.dumps(document(weights), indent=1).split('"weights": [')
    rows = ",\n".join("  " + json.dumps(row.tolist(), separators=(",", ":")) for row in weights)
    args.output.write_text(lines[0] + '"weights": [\n' + rows + "\n ]\n}\n")


if __name__ == "__main__":
    main()
