//! What a bit error rate is worth, and how much is enough.
//!
//! Evidence is counted in decades: E says that another script of the same
//! voice does as well in one of 10^E independent looks. The same voice saying
//! something else is the hard case; other voices stay far behind. The figures
//! are those of the development part of conformance/eval and of the code in
//! models/fingerprint, whose README tells how they were taken.

use crate::numeric::{exp2, log2};

/// A stretch over which an alignment is judged.
struct Window {
    /// Reference codes (40 ms) compared.
    codes: u32,
    /// Distance (as a share of the bits) worth three decades.
    three_decades: f32,
    /// What each further decade takes off it. The tail is exponential: words
    /// are repeated.
    per_decade: f32,
}

const fn window(codes: u32, three_decades: f32, per_decade: f32) -> Window {
    Window { codes, three_decades, per_decade }
}

/// 1 to 10 s. Measured at 1.5, 2, 3 and 5 s; between them interpolated, outside
/// of them extrapolated. One second alone never suffices: no limit tells a
/// second of a repeated word from a second of the script.
const WINDOWS: [Window; 12] = [
    window(25, 0.272, 0.042),
    window(28, 0.286, 0.041),
    window(31, 0.301, 0.037),
    window(34, 0.312, 0.036),
    window(38, 0.322, 0.036),
    window(44, 0.338, 0.034),
    window(50, 0.355, 0.028),
    window(62, 0.371, 0.025),
    window(75, 0.380, 0.022),
    window(125, 0.402, 0.016),
    window(200, 0.428, 0.014),
    window(250, 0.438, 0.013),
];

/// Wrong bits that a code counts for at least. A word that the voice repeats
/// agrees far better than the rest of the stretch; without a floor it would
/// outweigh that.
pub const FLOOR_BITS: u32 = 16;

/// Reference codes that a comparison can span.
pub const LONGEST: u32 = WINDOWS[WINDOWS.len() - 1].codes;

/// Evidence below which a track is not kept.
pub const KEEP: f32 = 1.5;

/// A rival this close to the best cannot be told from it: some 4 % of the bits
/// over 2 s.
pub const MARGIN: f32 = 1.1;

/// How far ahead of them it must be where they are not the same recording.
pub const CLEAR: f32 = 1.1;

/// What a second script in a call must have more: most calls play one.
pub const SECOND: f32 = 1.5;

/// What a further stretch of the same script costs: the freedom to choose it,
/// among words that a voice repeats.
pub const STRETCH: f32 = 2.5;

/// How far a slot may move what comes after it, in codes of the call (20 ms).
pub const SLOT_CODES: u64 = 200;

/// Scripts of one voice that a catalogue may hold: each is a chance to err.
const SAME_VOICE_SCRIPTS: f32 = 10.0;

/// Calls with an enrolled voice saying something else in which a script may be
/// named all the same: one in this many.
const CALLS_PER_ERROR: f32 = 400.0;

const BASE: f32 = 1.62;
const EARLY_LOOKS: f32 = 20.0;
/// Codes (20 ms) of speech that make one independent look: 0.5 s.
const CODES_PER_LOOK: f32 = 25.0;

/// Odds against a call's playing an enrolled script, before it is heard.
const ODDS_AGAINST: f32 = 30.0;

/// Judges a comparison as it grows.
#[derive(Default)]
pub struct Windows {
    next: usize,
}

impl Windows {
    /// How many windows there are.
    pub const COUNT: usize = WINDOWS.len();

    /// Codes that the next window takes.
    pub fn next_codes(&self) -> u32 {
        WINDOWS.get(self.next).map_or(u32::MAX, |w| w.codes)
    }

    /// Number of the next window, if it is full, and decades of evidence in
    /// `codes` compared codes that are `distance` bits apart, each at least
    /// [`FLOOR_BITS`]. `codes` never falls.
    pub fn decades(&mut self, codes: u32, distance: u32) -> Option<(usize, f32)> {
        let number = self.next;
        let window = WINDOWS.get(number).filter(|w| codes >= w.codes)?;
        self.next += 1;
        let rate = distance as f32 / (codes * 64) as f32;
        Some((number, 3.0 + (window.three_decades - rate) / window.per_decade))
    }
}

/// Looks that `codes` codes of speech amount to, as decades.
fn looks(codes: u64) -> f32 {
    let looks = codes as f32 / CODES_PER_LOOK;
    log10(1.0 + looks) + log10(1.0 + looks.min(EARLY_LOOKS))
}

/// Evidence at which a script is named, `codes` codes of speech into the call:
/// every look is a chance to err, and must be paid for.
pub fn required(codes: u64) -> f32 {
    BASE + looks(codes)
}

/// The probability that a script named on this evidence is the right one.
pub fn confidence(decades: f32, codes: u64) -> f32 {
    let odds = exp2((decades - looks(codes)) * std::f32::consts::LOG2_10) / ODDS_AGAINST;
    // Odds beyond this are no news, and their quotient would be no number.
    let odds = odds.min(1e6);
    odds / (odds + 1.0)
}

fn log10(x: f32) -> f32 {
    log2(x) * std::f32::consts::LOG10_2
}
