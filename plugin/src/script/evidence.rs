//! What a bit error rate is worth.
//!
//! By chance an alignment has a bit error rate near one half, but how near
//! depends on the voice, on the noise and on what was said. So chance is
//! measured where it matters: the same stretch of the call against the other
//! places of the same recording, its [`Cohort`].

/// Bit error rate of an alignment by chance, and its spread, before anything is
/// known of voice and line.
const CHANCE: f32 = 0.48;

/// Spread of one code's bit error rate by chance. Its bits and its neighbours
/// are correlated: 64 independent ones would give 0.0625.
const SPREAD_CODE: f32 = 0.35;

/// Spread that no amount of audio averages away: the same voice, the same
/// words, the same room are a little alike for as long as one listens.
const SPREAD_VOICE: f32 = 0.02;

/// As many places as a cohort must have to count as much as what was assumed
/// before. They overlap, so they are worth less than their number.
const PRIOR_PLACES: f32 = 50.0;

/// Evidence below which a track is not kept, in nats.
pub const KEEP: f32 = 6.0;

/// Evidence at which a script is named, in nats.
pub const NAME: f32 = 12.7;

/// A rival this close (nats) cannot be told from the best.
pub const MARGIN: f32 = 6.0;

/// What a further stretch of the same script costs (nats): the freedom to place it.
pub const STRETCH: f32 = 3.0;

/// Windows (in reference codes of 40 ms) over which an alignment is judged:
/// 1 to 10 s.
pub const WINDOWS: [u32; 7] = [25, 38, 50, 75, 125, 175, 250];

/// Bit error rates of a stretch against places where it cannot belong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cohort {
    places: f32,
    sum: f32,
    sum_of_squares: f32,
}

impl Cohort {
    /// Takes in another place.
    pub fn add(&mut self, rate: f32) {
        self.places += 1.0;
        self.sum += rate;
        self.sum_of_squares += rate * rate;
    }

    /// Mean and variance of the rate by chance over `codes` compared codes.
    fn chance(&self, codes: u32) -> (f32, f32) {
        let prior = SPREAD_CODE * SPREAD_CODE / codes as f32;
        let n = self.places + PRIOR_PLACES;
        let mean = (self.sum + PRIOR_PLACES * CHANCE) / n;
        let squares = self.sum_of_squares + PRIOR_PLACES * (CHANCE * CHANCE + prior);
        (mean, (squares / n - mean * mean).max(0.0))
    }
}

/// Evidence (nats, the logarithm of a likelihood ratio) of `errors` wrong bits
/// in `codes` compared codes: the tail of the normal distribution that chance
/// follows.
pub fn nats(codes: u32, errors: u32, cohort: &Cohort) -> f32 {
    let rate = errors as f32 / (codes * 64) as f32;
    let (mean, variance) = cohort.chance(codes);
    let z = (mean - rate).max(0.0);
    0.5 * z * z / (variance + SPREAD_VOICE * SPREAD_VOICE)
}

/// The probability that a script named on this evidence is the right one.
pub fn confidence(nats: f32) -> f32 {
    // Even odds at KEEP, growing as e^nats. By its series: no library's exponential is the same
    // on all platforms.
    let x = (nats - KEEP).max(0.0);
    let odds = 1.0 + x + x * x / 2.0 + x * x * x / 6.0 + x * x * x * x / 24.0;
    odds / (odds + 1.0)
}
