//! What a side's voice sounds like on average.

use crate::{audio::BINS, level::db};

/// Edges of the bands, in bins: 250 to 3400 Hz, some three to the octave.
const EDGES: [usize; 10] = [8, 11, 15, 20, 27, 36, 49, 66, 86, 109];
const BANDS: usize = EDGES.len() - 1;

/// Fewest active hops that an average is worth something after: 1.5 s.
const ENOUGH: u32 = 150;

/// By how much the same voice differs from itself over 3 s, dB: the spectrum
/// (root mean square over bands) and the level. Measured on 29 voices through
/// three codecs; the noise in pauses told nothing, codecs make it what they like.
const SPECTRUM_DB: f32 = 2.5;
const LEVEL_DB: f32 = 2.0;

/// An average over speech.
#[derive(Debug, Clone, Copy, Default)]
pub struct Voice {
    bands: [f32; BANDS],
    hops: u32,
}

/// How two averages differ.
#[derive(Debug, Clone, Copy)]
pub struct Difference {
    /// Of the spectra, level aside, dB.
    pub spectrum_db: f32,
    /// Of the speech levels, dB.
    pub level_db: f32,
}

impl Difference {
    /// How unlike two stretches of one voice on one line it is: 1 each of what
    /// such stretches differ by, added as squares.
    pub fn strangeness(&self) -> f32 {
        let parts = [self.spectrum_db / SPECTRUM_DB, self.level_db / LEVEL_DB];
        parts.iter().map(|p| p * p).sum::<f32>().sqrt()
    }
}

impl Voice {
    /// Adds an active hop.
    pub fn add(&mut self, power: &[f32; BINS]) {
        self.hops += 1;
        for (sum, edges) in self.bands.iter_mut().zip(EDGES.windows(2)) {
            *sum += power[edges[0]..edges[1]].iter().sum::<f32>();
        }
    }

    /// Whether enough was heard to compare.
    pub fn is_known(&self) -> bool {
        self.hops >= ENOUGH
    }

    /// Whether so much more was heard that a comparison is worth repeating.
    pub fn is_known_anew(&self) -> bool {
        self.hops >= 2 * ENOUGH && self.hops.is_multiple_of(ENOUGH)
    }

    /// How it differs from another.
    pub fn difference(&self, other: &Voice) -> Difference {
        let level = |v: &Voice| db(v.bands.iter().sum::<f32>() / v.hops.max(1) as f32);
        let (own, others) = (level(self), level(other));
        let mean = |v: &Voice, band: usize| db(v.bands[band] / v.hops.max(1) as f32);
        let squares: f32 = (0..BANDS)
            .map(|b| (mean(self, b) - own) - (mean(other, b) - others))
            .map(|d| d * d)
            .sum();
        Difference { spectrum_db: (squares / BANDS as f32).sqrt(), level_db: (own - others).abs() }
    }
}
