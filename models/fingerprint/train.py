#!/usr/bin/env python3
"""Learn the 64 projections of the sub-band code and write subband64.json.

    python3 models/fingerprint/train.py [--neural] [--output FILE]

The projections solve a generalised eigenproblem over patches of speech and the same patches after a telephone line;
README.md gives the formulas.
"""

import environment

if __name__ == "__main__":
    environment.enter()

import argparse  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
from scipy.linalg import eigh  # noqa: E402

import frontend  # noqa: E402
import pairs  # noqa: E402

SEED = 20
OUTPUTS = 64
# One patch in six: neighbours share 290 of their 310 ms.
PATCH_STEP = 6
# Patches quieter than this share of the median say more of the noise floor than of speech.
QUIETEST_SHARE_OF_MEDIAN = 0.15
# Share of the mean variance added to every direction of the difference, so that none looks free of noise by chance.
REGULARISATION = 2e-3
# 12 bits and sign: 320 products with 14-bit inputs stay below 2^31.
LARGEST_WEIGHT = 4095


def aligned_patches(sources: list[pairs.Source], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Unit-length patches of the clean recordings and, row by row, of their renditions.

    Clean patches stand on the 20 ms grid of the codes, as they will when enrolled: up to 10 ms of misalignment is part
    of what the projections must bear.
    """
    clean_parts, heard_parts = [], []
    for source in sources:
        clean_rows = frontend.frames(source.pcm)
        clean_codes = frontend.patches(clean_rows, frontend.code_starts(clean_rows))
        for rendition in source.renditions:
            rows = frontend.frames(rendition.pcm)
            starts = frontend.code_starts(rows)[int(rng.integers(PATCH_STEP))::PATCH_STEP]
            centres = (starts + frontend.PATCH_CENTRE_FRAMES) * frontend.HOP_SAMPLES
            matching = np.interp(centres, rendition.at, rendition.reference_at) / frontend.HOP_SAMPLES
            codes = np.round((matching - frontend.PATCH_CENTRE_FRAMES) / frontend.CODE_STRIDE_FRAMES).astype(int)
            inside = (codes >= 0) & (codes < len(clean_codes))
            clean_parts.append(clean_codes[codes[inside]])
            heard_parts.append(frontend.patches(rows, starts[inside]))
    clean, heard = np.concatenate(clean_parts), np.concatenate(heard_parts)
    lengths = np.linalg.norm(clean, axis=1)
    loud = lengths > QUIETEST_SHARE_OF_MEDIAN * np.median(lengths)
    return _unit(clean[loud]), _unit(heard[loud])


def _unit(patches: np.ndarray) -> np.ndarray:
    """Scaled to unit length: signs do not care about gain, and no loud vowel outweighs the rest."""
    return (patches / (np.linalg.norm(patches, axis=1, keepdims=True) + 1e-9)).astype(np.float64)


def projections(clean: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """[patch element, output]: the directions in which patch and rendition agree most against how they differ."""
    shared = (clean.T @ heard + heard.T @ clean) / (2 * len(clean))
    difference = clean - heard
    apart = difference.T @ difference / (2 * len(clean))
    apart += REGULARISATION * np.trace(apart) / len(apart) * np.eye(len(apart))
    _, vectors = eigh(shared, apart)
    best = vectors[:, ::-1][:, :OUTPUTS]
    # An eigenvector's sign is arbitrary; fixed here, so that every machine gets the same bits.
    return best * np.sign(best[np.abs(best).argmax(axis=0), np.arange(OUTPUTS)])


def quantised(weights: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """Integer weights [output, patch element]: all outputs with the same deviation on speech, the full range used."""
    even = (weights / (patches @ weights).std(axis=0)).T
    # A patch's bands have no mean, so a constant in a band's weights has no effect: leave it out.
    by_band = even.reshape(OUTPUTS, frontend.BANDS, frontend.PATCH_TIMES)
    even = (by_band - by_band.mean(axis=2, keepdims=True)).reshape(even.shape)
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


def written(contents: dict) -> str:
    """JSON with one line per output, so that a change of weights can be read in a diff."""
    head = json.dumps({**contents, "weights": 0}, indent=1).removesuffix("0\n}")
    rows = ",\n".join("  " + json.dumps(row, separators=(",", ":")) for row in contents["weights"])
    return f"{head}[\n{rows}\n ]\n}}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neural", action="store_true", help="train on the neural voices too")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("subband64.json"))
    args = parser.parse_args()
    clean, heard = aligned_patches(pairs.load(args.neural), np.random.default_rng(SEED))
    weights = quantised(projections(clean, heard), clean)
    args.output.write_text(written(document(weights)))
    agreement = ((clean @ weights.T > 0) == (heard @ weights.T > 0)).mean()
    print(f"train: {len(clean)} pairs of patches, {agreement:.3f} of their bits agree, {args.output} written")


if __name__ == "__main__":
    main()
