//! The strongest spectral lines of a frame.

use crate::{
    audio::{BINS, WINDOW},
    finding::RATE_HZ,
    level::Dbm0,
    numeric::greatest,
};

/// Distance of bins.
pub const BIN_HZ: f32 = RATE_HZ as f32 / WINDOW as f32;

/// The telephone channel with a margin: 187 to 3500 Hz.
pub const BAND: std::ops::RangeInclusive<usize> = 6..=112;

/// Where lines are looked for, 250 to 3437 Hz: their lobes lie within [`BAND`].
const PEAKS: std::ops::RangeInclusive<usize> = 8..=110;

/// Quieter frames have no lines: 6 dB below the quietest tone to be found.
const FLOOR: Dbm0 = Dbm0(-48.0);

/// A frame whose strongest line has less of its power than this has no lines.
/// A tone at 0 dB over noise has half.
const SHARE_MIN: f32 = 0.3;

/// A second line is one that has this share of what the first leaves (of white
/// noise the strongest line has some tenth) …
const SECOND_SHARE_OF_REST: f32 = 0.35;

/// … and this share of the first: −18 dB.
const SECOND_SHARE_OF_FIRST: f32 = 0.015;

/// A spectral line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Line {
    /// Frequency in Hz.
    pub hz: f32,
    /// Power of its lobe, see [`Dbm0::of_power`].
    pub power: f32,
}

/// What of a frame is lines.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lines {
    /// Power within [`BAND`].
    pub total: f32,
    /// How many lines there are: 0, 1 or 2.
    pub count: usize,
    /// The lines, strongest first.
    pub lines: [Line; 2],
}

impl Lines {
    /// Finds the lines of a spectrum.
    pub fn of(power: &[f32; BINS]) -> Lines {
        let total: f32 = power[BAND].iter().sum();
        let mut found = Lines { total, ..Lines::default() };
        if Dbm0::of_power(total) < FLOOR {
            return found;
        }
        let first = peak(power, PEAKS);
        let lobe = lobe(power, first);
        if lobe < SHARE_MIN * total {
            return found;
        }
        found.lines[0] = Line { hz: frequency(power, first), power: lobe };
        found.count = 1;
        let rest = total - lobe;
        if rest < SECOND_SHARE_OF_FIRST * lobe {
            return found;
        }
        let (below, above) = (*PEAKS.start()..=first - 4, first + 4..=*PEAKS.end());
        let second = match (below.is_empty(), above.is_empty()) {
            (false, false) => {
                let (a, b) = (peak(power, below), peak(power, above));
                if power[a] > power[b] { a } else { b }
            }
            (false, true) => peak(power, below),
            _ => peak(power, above),
        };
        // A skirt of the first is not a line.
        if power[second] < power[second - 1] || power[second] < power[second + 1] {
            return found;
        }
        // Four bins apart, they share one.
        let shared = if second.abs_diff(first) == 4 { power[second.midpoint(first)] } else { 0.0 };
        let lobe_2 = self::lobe(power, second) - shared;
        if lobe_2 >= SECOND_SHARE_OF_REST * rest && lobe_2 >= SECOND_SHARE_OF_FIRST * lobe {
            found.lines[1] = Line { hz: frequency(power, second), power: lobe_2 };
            found.count = 2;
        }
        found
    }
}

fn peak(power: &[f32; BINS], bins: std::ops::RangeInclusive<usize>) -> usize {
    let first = *bins.start();
    let highest = greatest(&power[bins.clone()]);
    first + power[bins].iter().position(|p| *p >= highest).unwrap_or(0)
}

/// Power of the line at a bin: the lobe of a Hann window is four bins wide.
pub fn lobe(power: &[f32; BINS], bin: usize) -> f32 {
    power[bin - 2..=bin + 2].iter().sum()
}

/// The bin of a frequency, such that [`lobe`] stays within the spectrum.
pub fn bin_of(hz: f32) -> usize {
    ((hz * (1.0 / BIN_HZ) + 0.5) as usize).clamp(2, BINS - 3)
}

/// Frequency of a line from the two highest bins of its lobe: for the Hann
/// window their amplitudes are as (1 + δ) to (2 − δ), δ the distance from the
/// highest in bins.
pub fn frequency(power: &[f32; BINS], bin: usize) -> f32 {
    let (left, right) = (power[bin - 1], power[bin + 1]);
    let (next, sign) = if right > left { (right, 1.0) } else { (left, -1.0) };
    if power[bin] <= 0.0 {
        return bin as f32 * BIN_HZ;
    }
    let ratio = (next / power[bin]).sqrt().min(1.0);
    let delta = ((2.0 * ratio - 1.0) / (1.0 + ratio)).max(0.0);
    (bin as f32 + sign * delta) * BIN_HZ
}
