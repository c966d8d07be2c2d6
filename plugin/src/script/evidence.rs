//! What a bit error rate is worth.

/// Mean bit error rate of an alignment by chance: the best of the slopes and
/// shifts tried lies below one half.
const CHANCE: f32 = 0.48;

/// Spread of one code's bit error rate by chance. Its bits and its neighbours
/// are correlated: 64 independent ones would give 0.0625.
const SPREAD_CODE: f32 = 0.35;

/// Spread that no amount of audio averages away: the same voice, the same
/// words, the same room are a little alike for as long as one listens.
const SPREAD_VOICE: f32 = 0.028;

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

/// Evidence (nats, the logarithm of a likelihood ratio) of `errors` wrong bits
/// in `codes` compared codes: the tail of the normal distribution that chance
/// follows.
pub fn nats(codes: u32, errors: u32) -> f32 {
    let rate = errors as f32 / (codes * 64) as f32;
    let spread = (SPREAD_CODE * SPREAD_CODE / codes as f32 + SPREAD_VOICE * SPREAD_VOICE).sqrt();
    let z = ((CHANCE - rate) / spread).max(0.0);
    0.5 * z * z
}

/// The probability that a script named on this evidence is the right one.
pub fn confidence(nats: f32) -> f32 {
    // Even odds at KEEP; a factor of e per nat. Rational: no library exponential
    // is the same on all platforms.
    let x = (nats - KEEP).max(0.0);
    let odds = 1.0 + x + x * x / 2.0 + x * x * x / 6.0 + x * x * x * x / 24.0;
    odds / (odds + 1.0)
}
