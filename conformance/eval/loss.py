"""Lost packets: bursts by a two-state Gilbert model, played out as zeros or with concealment."""

import numpy as np

from wav import RATE_HZ

PACKET = RATE_HZ // 50
MEAN_BURST_PACKETS = 2.5


def lost_packets(samples: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """A flag per 20 ms packet; `share` of them is lost, in bursts of MEAN_BURST_PACKETS on average."""
    leave = 1 / MEAN_BURST_PACKETS
    enter = leave * share / (1 - share)
    count = -(-samples // PACKET)
    flags, is_lost = np.zeros(count, bool), bool(rng.random() < share)
    for packet, draw in enumerate(rng.random(count)):
        is_lost = draw >= leave if is_lost else draw < enter
        flags[packet] = is_lost
    return flags


def zeroed(pcm: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Lost packets as silence."""
    return (pcm * ~np.repeat(lost, PACKET)[: len(pcm)]).astype(np.float32)


def concealed(pcm: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Lost packets bridged by the last pitch period, fading to silence within 60 ms (as ITU-T G.711 appendix I does)."""
    out = pcm.astype(np.float32).copy()
    gap, period = 0, PACKET
    for packet in np.flatnonzero(lost):
        start = packet * PACKET
        stop = min(start + PACKET, len(out))
        if start >= stop:
            break
        gap = gap + 1 if packet > 0 and lost[packet - 1] else 1
        if gap == 1:
            period = _pitch_period(out[max(0, start - 3 * PACKET) : start])
        history = out[max(0, start - period) : start]
        if len(history) == 0:
            out[start:stop] = 0
            continue
        age_s = (np.arange(stop - start) + (gap - 1) * PACKET) / RATE_HZ
        # Repeating what was already faded fades twice: undo the fade at the end of the history.
        so_far = max(1.0 - max(0.0, (gap - 1) * 0.02 - 0.01) / 0.05, 0.05)
        fade = np.clip(1.0 - np.maximum(0.0, age_s - 0.01) / 0.05, 0.0, 1.0) / so_far
        out[start:stop] = np.resize(history, stop - start) * fade
    return out


def _pitch_period(history: np.ndarray) -> int:
    """Lag of the best self-similarity of the last 20 ms, 66–400 Hz."""
    shortest, longest = RATE_HZ // 400, RATE_HZ // 66
    recent = history[-PACKET:]
    if len(history) < PACKET + longest:
        return PACKET
    best, best_lag = 0.0, PACKET
    for lag in range(shortest, longest):
        earlier = history[-PACKET - lag : -lag]
        match = float(recent @ earlier) / (float(np.linalg.norm(earlier)) + 1e-6)
        if match > best:
            best, best_lag = match, lag
    return best_lag
