"""From 8 kHz audio to sub-band patches: the part of the fingerprint that is fixed, not learned.

The plugin computes the same in Rust; `README.md` beside this file gives the formulas.
"""

import numpy as np

RATE_HZ = 8000
WINDOW_SAMPLES = 256
HOP_SAMPLES = 80
BANDS = 20
LOWEST_HZ, HIGHEST_HZ = 250.0, 3400.0
EXPONENT = 1 / 3
SMOOTHING = np.array([0.25, 0.5, 0.25], np.float32)
PATCH_TIMES = 16
PATCH_STRIDE_FRAMES = 2
CODE_STRIDE_FRAMES = 2
PATCH_FRAMES = (PATCH_TIMES - 1) * PATCH_STRIDE_FRAMES + 1
# A patch that starts at frame f is centred on sample HOP_SAMPLES * (f + PATCH_CENTRE_FRAMES).
PATCH_CENTRE_FRAMES = (PATCH_FRAMES - 1) / 2 + WINDOW_SAMPLES / 2 / HOP_SAMPLES


def band_edges_hz() -> np.ndarray:
    """BANDS + 2 edges, equally spaced on the mel scale: band b rises from edge b to b+1 and falls to b+2."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    return 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)


def band_weights() -> np.ndarray:
    """Triangular weights over the bins of the power spectrum, a column per band, each column summing to 1."""
    edges = band_edges_hz()
    bins_hz = np.arange(WINDOW_SAMPLES // 2 + 1) * RATE_HZ / WINDOW_SAMPLES
    rising = (bins_hz[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins_hz[:, None]) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rising, falling))
    return (weights / weights.sum(axis=0)).astype(np.float32)


_WEIGHTS = band_weights()
_WINDOW = np.hanning(WINDOW_SAMPLES + 1)[:-1].astype(np.float32)


def frames(pcm: np.ndarray) -> np.ndarray:
    """A row per 10 ms: compressed band energies, less their mean over the bands, smoothed in time.

    `pcm` is 16-bit. No term depends on anything but the frames around, and a change of gain only scales the rows.
    """
    samples = pcm.astype(np.float32) / 32768
    blocks = np.lib.stride_tricks.sliding_window_view(samples, WINDOW_SAMPLES)[::HOP_SAMPLES]
    spectrum = np.fft.rfft(blocks * _WINDOW, axis=1)
    power = (spectrum.real ** 2 + spectrum.imag ** 2).astype(np.float32)
    bands = (power @ _WEIGHTS) ** EXPONENT
    bands -= bands.mean(axis=1, keepdims=True)
    padded = np.pad(bands, ((1, 1), (0, 0)), mode="edge")
    return sum(weight * padded[shift:shift + len(bands)] for shift, weight in enumerate(SMOOTHING))


def patches(rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Patches that start at the frames `starts` (any shape), flattened band by band, oldest time first."""
    times = np.arange(PATCH_TIMES) * PATCH_STRIDE_FRAMES
    picked = rows[np.asarray(starts)[..., None] + times]
    picked = picked - picked.mean(axis=-2, keepdims=True)
    return np.moveaxis(picked, -1, -2).reshape(*picked.shape[:-2], BANDS * PATCH_TIMES)


def code_starts(rows: np.ndarray) -> np.ndarray:
    """The frames at which the patches of a recording's consecutive codes start."""
    return np.arange(0, max(0, len(rows) - PATCH_FRAMES + 1), CODE_STRIDE_FRAMES)
