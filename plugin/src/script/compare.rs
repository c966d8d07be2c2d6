//! How well the call's latest codes agree with a recording's.
//!
//! Three looks, each at what the one before it left: a half second at the
//! recording's own tempo, a second at a few tempos, and all there is at every
//! tempo and shift. Of what the index finds by chance, the first leaves one in
//! ten and the second one in a hundred; the third, by far the longest, gives
//! up an alignment as soon as it falls behind.

use super::{
    REFERENCE_STEP,
    evidence::{self, Errors},
};

/// Codes of the call that are remembered (20 ms each): the longest window at
/// the slowest tempo, as a power of two.
const HISTORY: usize = 1024;

/// Tempos compared at, as codes of the call per code of the recording (2 = as
/// it was): ±9.8 % in steps of 1.4 %.
const TEMPO_STEP: f32 = 0.014;
const TEMPO_STEPS: i32 = 7;

/// Shifts tried around a candidate, in codes of the call (20 ms).
const SHIFTS: [i64; 3] = [0, -1, 1];

/// Reference codes (80 ms apart) of the first look, and wrong bits up to which
/// they agree, each on average.
const FIRST_CODES: u32 = 7;
const FIRST_BITS: u32 = 22;

/// Reference codes (80 ms apart) of the second, and wrong bits up to which they
/// agree at the best of every second tempo.
const SECOND_CODES: u32 = 13;
const SECOND_BITS: u32 = 26;

/// An alignment that is this many decades behind another over the same window
/// will not catch up …
const BEHIND: f32 = 2.5;
/// … and one that differs by this share of its bits is chance. Half does where
/// nothing agrees.
const HOPELESS: f32 = 0.46;

/// Wrong bits up to which two recordings are the same one.
const ALIKE_BITS: u32 = 14;

/// Steps of tempo to either side of an alignment's own when it is compared anew.
const NEAR_STEPS: i32 = 2;

/// Bits of the fraction of a position in the history.
const FRACTION: u32 = 16;

/// The outcome of comparing a stretch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Comparison {
    /// Evidence, see [`evidence`].
    pub decades: f32,
    /// Reference codes that the stretch spans.
    pub span: u32,
    /// Those of them that were compared.
    pub compared: u32,
    /// Their wrong bits.
    pub errors: u32,
}

impl Comparison {
    /// Of alignments so good that the floor makes them equal, the one with the
    /// fewest wrong bits is the true one.
    fn betters(&self, other: &Comparison) -> bool {
        let rate = |c: &Comparison| c.errors as f32 / c.compared as f32;
        self.decades > other.decades || self.decades == other.decades && rate(self) < rate(other)
    }
}

/// The tempo and shift at which a stretch was compared.
#[derive(Debug, Clone, Copy)]
pub struct Alignment {
    /// Codes of the call per reference code.
    pub pace: f32,
    /// Codes of the call by which it is later than the candidate.
    pub shift: i64,
    step: i32,
}

/// How much may still be compared, in pairs of codes.
pub type Budget = u32;

/// The call's latest codes.
pub struct History {
    /// Allocated as it is: on the way through a stack it would dirty that.
    codes: Box<[u64; HISTORY]>,
}

impl Default for History {
    fn default() -> Self {
        History { codes: vec![0; HISTORY].try_into().expect("it has this length") }
    }
}

impl History {
    /// Adds a code; numbers ascend.
    pub fn add(&mut self, number: u64, bits: u64) {
        self.codes[number as usize % HISTORY] = bits;
    }

    /// Forgets them all.
    pub fn clear(&mut self) {
        self.codes.fill(0);
    }

    /// The code `back` codes before a code of the call; 0 where there is none.
    fn heard(&self, number: u64, back: u32) -> u64 {
        self.codes[(number as usize).wrapping_sub(back as usize) % HISTORY]
    }

    /// The first look: whether the last half second agrees with the end of
    /// `reference`, and the wrong bits per code, in 64ths.
    pub fn first_look(&self, reference: &[u64], number: u64) -> Option<u32> {
        let mut errors = Errors::default();
        for (n, code) in reference.iter().rev().step_by(2).take(FIRST_CODES as usize).enumerate() {
            errors.add(self.heard(number, 4 * n as u32), *code);
            if errors.bits > FIRST_BITS * FIRST_CODES {
                return None;
            }
        }
        let agrees =
            errors.compared > FIRST_CODES / 2 && errors.bits <= FIRST_BITS * errors.compared;
        agrees.then(|| errors.bits * 64 / errors.compared)
    }

    /// The second look, at what has passed the first: whether the last second
    /// agrees as well, at one of the tempos.
    pub fn second_look(&self, reference: &[u64], number: u64) -> bool {
        let codes = || reference.iter().rev().step_by(2).take(SECOND_CODES as usize).enumerate();
        let (first, second) =
            (codes().take(FIRST_CODES as usize), codes().skip(FIRST_CODES as usize));
        let mut start = Errors::default();
        first.for_each(|(n, code)| start.add(self.heard(number, 4 * n as u32), *code));
        (-TEMPO_STEPS / 2..=TEMPO_STEPS / 2).any(|step| {
            let pace = pace(2 * step);
            let mut errors = start;
            for (n, code) in second.clone() {
                let back = (2.0 * n as f32 * pace + 0.5) as u32;
                errors.add(self.heard(number, back), *code);
            }
            errors.compared > SECOND_CODES / 2 && errors.bits <= SECOND_BITS * errors.compared
        })
    }

    /// Compares backwards from the end of `reference` and the code with this
    /// number, at all tempos and shifts or, where an alignment is known, near
    /// its tempo; the best outcome, or none without a budget.
    pub fn compare(
        &self,
        reference: &[u64],
        number: u64,
        known: Option<&Alignment>,
        budget: &mut Budget,
    ) -> Option<(Comparison, Alignment)> {
        if *budget == 0 {
            return None;
        }
        let mut best = (Comparison::default(), Alignment::PLAIN);
        let mut leaders = [f32::MIN; evidence::Windows::COUNT];
        // What is unknown is first compared at every second tempo, and then near the best of those.
        let (middle, reach, coarse) = match known {
            Some(known) => (known.step, NEAR_STEPS, 1),
            None => (0, TEMPO_STEPS / 2, 2),
        };
        // 0, 1, −1, 2, −2, …: what is likely first, the rest then soon falls behind.
        for n in (0..=reach).flat_map(|n| [n, -n]).skip(1) {
            self.compare_at(
                middle + coarse * n,
                reference,
                number,
                &mut leaders,
                &mut best,
                budget,
            );
        }
        if coarse > 1 && best.0.decades > 0.0 {
            let near = best.1.step;
            for step in [near + 1, near - 1] {
                self.compare_at(step, reference, number, &mut leaders, &mut best, budget);
            }
        }
        Some(best)
    }

    /// Compares at one tempo and all shifts.
    fn compare_at(
        &self,
        step: i32,
        reference: &[u64],
        number: u64,
        leaders: &mut [f32; evidence::Windows::COUNT],
        best: &mut (Comparison, Alignment),
        budget: &mut Budget,
    ) {
        if step.abs() > TEMPO_STEPS {
            return;
        }
        for shift in SHIFTS {
            let alignment = Alignment { pace: pace(step), shift, step };
            let (found, pairs) = self.follow(reference, number, &alignment, leaders);
            *budget = budget.saturating_sub(pairs);
            if found.betters(&best.0) {
                *best = (found, alignment);
            }
        }
    }

    /// Compares along one alignment; the best stretch, and the pairs compared. A function of its
    /// own: in a larger one what its loop counts would be kept in memory.
    #[inline(never)]
    fn follow(
        &self,
        reference: &[u64],
        number: u64,
        alignment: &Alignment,
        leaders: &mut [f32; evidence::Windows::COUNT],
    ) -> (Comparison, u32) {
        let mut best = Comparison::default();
        let mut windows = evidence::Windows::default();
        let mut next_codes = windows.next_codes();
        let mut errors = Errors::default();
        let stride = (alignment.pace * (1 << FRACTION) as f32) as u64;
        // Half up; the history's length divides the range of u64, so this may wrap around.
        let half = (1 << (FRACTION - 1)) - 1;
        let mut at = (number.wrapping_add_signed(alignment.shift) << FRACTION).wrapping_add(half);
        let mut span = 0;
        for (n, code) in reference.iter().rev().enumerate() {
            let heard = self.codes[(at >> FRACTION) as usize % HISTORY];
            at = at.wrapping_sub(stride);
            // A shift forwards begins in the future.
            if n == 0 && alignment.shift > 0 {
                continue;
            }
            errors.add(heard, *code);
            span = n as u32 + 1;
            // Four fifths speech, or it would be mostly pauses that are compared.
            if errors.compared < next_codes || errors.compared * 5 < span * 4 {
                continue;
            }
            let Some((window, decades)) = windows.decades(&errors) else {
                break;
            };
            next_codes = windows.next_codes();
            let Errors { compared, bits, .. } = errors;
            let found = Comparison { decades, span, compared, errors: bits };
            if found.betters(&best) {
                best = found;
            }
            let hopeless = HOPELESS * 64.0 * errors.compared as f32;
            if decades < leaders[window] - BEHIND || errors.bits as f32 > hopeless {
                break;
            }
            leaders[window] = leaders[window].max(decades);
        }
        (best, span)
    }
}

/// Whether two recordings are the same up to the ends given.
pub fn alike(one: &[u64], other: &[u64]) -> bool {
    let mut errors = Errors::default();
    one.iter().rev().zip(other.iter().rev()).for_each(|(a, b)| errors.add(*a, *b));
    errors.compared > 0 && errors.bits <= ALIKE_BITS * errors.compared
}

impl Alignment {
    /// As it was recorded.
    pub const PLAIN: Alignment = Alignment { pace: REFERENCE_STEP as f32, shift: 0, step: 0 };
}

fn pace(step: i32) -> f32 {
    REFERENCE_STEP as f32 * (1.0 + step as f32 * TEMPO_STEP)
}
