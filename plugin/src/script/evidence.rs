//! What a bit error rate is worth, and how much is enough.
//!
//! Evidence is counted in decades: at E = 3 another script of the same voice
//! does as well in one call of 200, and at each decade more in a tenth of
//! those. The same voice saying something else is the hard case; other voices
//! stay far behind. The figures are those of the development part of
//! conformance/eval; README.md tells how they were taken.

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

/// 1.2 to 10 s, as many as there are audibly different lengths: a script is
/// named as soon as one of them suffices.
const WINDOWS: [Window; 14] = [
    window(29, 0.217, 0.029),
    window(31, 0.227, 0.031),
    window(34, 0.244, 0.033),
    window(38, 0.308, 0.030),
    window(42, 0.320, 0.030),
    window(46, 0.332, 0.028),
    window(50, 0.344, 0.026),
    window(56, 0.357, 0.023),
    window(62, 0.366, 0.021),
    window(75, 0.376, 0.020),
    window(90, 0.386, 0.018),
    window(125, 0.394, 0.015),
    window(200, 0.430, 0.011),
    window(250, 0.438, 0.010),
];

/// Windows of up to this many codes are short.
const SHORT: u32 = 36;

/// Wrong bits that a code counts for at least, in short windows and in long
/// ones. A word that the voice repeats agrees far better than the rest of a long
/// stretch, and without a floor would outweigh it; in a short stretch there is
/// only the word, and what tells it from the script is how well it agrees.
const FLOOR_BITS: [u32; 2] = [8, 16];

/// How codes differ, where there are codes on both sides.
#[derive(Debug, Clone, Copy, Default)]
pub struct Errors {
    /// Codes compared.
    pub compared: u32,
    /// Their wrong bits.
    pub bits: u32,
    /// The same with each of the floors for every code.
    floored: [u32; 2],
}

impl Errors {
    /// Compares a code of the call with one of the recording.
    pub fn add(&mut self, heard: u64, reference: u64) {
        if heard != 0 && reference != 0 {
            let bits = (heard ^ reference).count_ones();
            self.compared += 1;
            self.bits += bits;
            self.floored[0] += bits.max(FLOOR_BITS[0]);
            self.floored[1] += bits.max(FLOOR_BITS[1]);
        }
    }
}

/// Reference codes that a comparison can span.
pub const LONGEST: u32 = WINDOWS[WINDOWS.len() - 1].codes;

/// Evidence below which a track is not kept.
pub const KEEP: f32 = 0.3;

/// A rival this close to the best cannot be told from it: some 4 % of the bits
/// over 2 s.
pub const MARGIN: f32 = 1.1;

/// How far ahead of them it must be where they are not the same recording.
pub const CLEAR: f32 = 1.5;

/// Evidence that a track may lack and be close to naming its script.
pub const CLOSE: f32 = 2.0;

/// What a second script in a call must have more: most calls play one.
pub const SECOND: f32 = 1.5;

/// What a further stretch of the same script costs: the freedom to choose it,
/// among words that a voice repeats.
pub const STRETCH: f32 = 2.5;

/// What a further node of a script may lack that has been named: it is expected.
pub const EXPECTED: f32 = 2.0;

/// How far a slot may move what comes after it, in codes of the call (20 ms).
pub const SLOT_CODES: u64 = 200;

/// Evidence at which a script is named at the very beginning of a call. 0.4 is
/// enough for one error in 350 calls of the development part's voices, and for
/// one in 200 of voices that repeat themselves more.
const BASE: f32 = 0.6;

/// Codes (20 ms) of speech that make one look: 0.5 s.
const CODES_PER_LOOK: f32 = 25.0;

/// Looks over which the chance to err falls with their cube; afterwards it falls
/// as their number. Announcements begin when a call is answered, so that is
/// where chances to err buy most; and as the sum of 1/n³ is bounded, so is what
/// a call of many minutes can err.
const EARLY_LOOKS: f32 = 20.0;

/// What a call's first second and a half counts as, however little of it was
/// speech: any voice finds something at less evidence.
const FEWEST_LOOKS: f32 = 3.0;

/// Odds that a script is playing where its evidence is just what so many looks
/// find by chance: calibrated, see README.md.
const ODDS: f32 = 10.0;

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

    /// Number of the next window, if it is full, and decades of evidence.
    /// `errors` only grow.
    pub fn decades(&mut self, errors: &Errors) -> Option<(usize, f32)> {
        let number = self.next;
        let window = WINDOWS.get(number).filter(|w| errors.compared >= w.codes)?;
        self.next += 1;
        let distance = errors.floored[usize::from(window.codes > SHORT)];
        let rate = distance as f32 / (errors.compared * 64) as f32;
        Some((number, 3.0 + (window.three_decades - rate) / window.per_decade))
    }
}

/// What chance finds in `codes` codes of speech, as decades.
fn looks(codes: u64) -> f32 {
    let looks = (codes as f32 / CODES_PER_LOOK).max(FEWEST_LOOKS);
    log10(1.0 + looks) + 2.0 * log10(1.0 + looks.min(EARLY_LOOKS))
}

/// Evidence at which a script is named, `codes` codes of speech into the call:
/// every look is a chance to err, and must be paid for.
pub fn required(codes: u64) -> f32 {
    BASE + looks(codes)
}

/// The probability that a script named on this evidence is the right one.
pub fn confidence(decades: f32, codes: u64) -> f32 {
    let odds = exp2((decades - looks(codes)) * std::f32::consts::LOG2_10) * ODDS;
    // Odds beyond this are no news, and their quotient would be no number.
    let odds = odds.min(1e6);
    odds / (odds + 1.0)
}

fn log10(x: f32) -> f32 {
    log2(x) * std::f32::consts::LOG10_2
}
