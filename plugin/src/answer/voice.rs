//! What a side's voice and line sound like on average.

use crate::{
    audio::BINS,
    level::{Dbm0, db},
};

/// Edges of the bands, in bins: 250 to 3400 Hz, some three to the octave.
const EDGES: [usize; 10] = [8, 11, 15, 20, 27, 36, 49, 66, 86, 109];
const BANDS: usize = EDGES.len() - 1;

/// Fewest active hops that an average is worth something after: 1.5 s.
const ENOUGH: u32 = 150;

/// By how much the same voice differs from itself over such stretches, dB: the
/// spectrum (root mean square over bands), the level, and the noise.
const SPECTRUM_DB: f32 = 3.0;
const LEVEL_DB: f32 = 3.5;
const NOISE_DB: f32 = 5.0;

/// An average over speech.
#[derive(Debug, Clone, Copy, Default)]
pub struct Voice {
    bands: [f32; BANDS],
    hops: u32,
    noise_db: f32,
}

/// How two averages differ.
#[derive(Debug, Clone, Copy)]
pub struct Difference {
    /// Of the spectra, level aside, dB.
    pub spectrum_db: f32,
    /// Of the speech levels, dB.
    pub level_db: f32,
    /// Of the noise, dB.
    pub noise_db: f32,
}

impl Difference {
    /// How unlike two stretches of one voice on one line it is: 1 each of what
    /// such stretches differ by, added as squares.
    pub fn strangeness(&self) -> f32 {
        let parts =
            [self.spectrum_db / SPECTRUM_DB, self.level_db / LEVEL_DB, self.noise_db / NOISE_DB];
        parts.iter().map(|p| p * p).sum::<f32>().sqrt()
    }
}

impl Voice {
    /// Adds an active hop.
    pub fn add(&mut self, power: &[f32; BINS], noise: Dbm0) {
        self.hops += 1;
        for (sum, edges) in self.bands.iter_mut().zip(EDGES.windows(2)) {
            *sum += power[edges[0]..edges[1]].iter().sum::<f32>();
        }
        self.noise_db = noise.0;
    }

    /// Whether enough was heard to compare.
    pub fn is_known(&self) -> bool {
        self.hops >= ENOUGH
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
        Difference {
            spectrum_db: (squares / BANDS as f32).sqrt(),
            level_db: (own - others).abs(),
            noise_db: (self.noise_db - other.noise_db).abs(),
        }
    }
}
