//! What makes a steady sound a beep, and what else it may turn out to be.

use serde::Deserialize;

use super::{
    dtmf,
    plan::Plans,
    steady::{Measure, Steady},
};
use crate::{
    finding::RATE_HZ,
    level::{Dbm0, ln},
};

const MODEL: &str = include_str!("../../../models/tones/beep.json");

/// Fewest frames of a sound of one line and of two: a beep of 60 ms has six,
/// two of them cut by its edges.
const FRAMES_MIN: [u32; 2] = [4, 6];

/// Below this frequency, in Hz, a voice's fundamental may be all that is heard
/// of it, and holds for this many frames; seldom so purely, nor out of silence.
const VOICE_HZ: f32 = 400.0;
const VOICE_FRAMES: u32 = 7;
const VOICE_REST: f32 = 0.01;
const VOICE_CONTRAST_DB: f32 = 10.0;

/// Beeps are level: steeper slopes of the amplitude, per frame, in as many
/// frames are of something plucked or struck, or of a voice.
const DECAY_MAX: f32 = 0.045;
const DECAY_FRAMES: u32 = 8;

/// Two harmonics of a monotonous voice last less long than this, in frames; of a
/// singing one they deviate from a straight line by more than this share.
const HARMONIC_FRAMES: u32 = 40;
const HARMONIC_DEVIATION: f32 = 0.002;

/// How far, as share, two lines may be off the ratio of harmonics.
const HARMONIC_OFF: f32 = 0.008;
const HARMONIC_OFF_YOUNG: f32 = 0.012;

/// … unless there is next to nothing besides them, for this many frames.
const PURE_FRAMES: u32 = 20;
const PURE_REST: f32 = 0.02;
const PURE_DEVIATION: f32 = 0.003;

/// A singer's vibrato moves a line by 1 % and more about its mean; codecs do
/// that to low beeps only.
const WAVERING: f32 = 0.006;

/// Two lines that have lasted for [`PURE_FRAMES`] waver less than this share,
/// or Hz, whatever else is heard: measured, beeps' by .5 %, vowels' by 1 %.
const PAIR_WAVERING: f32 = 0.008;
const PAIR_WAVERING_HZ: f32 = 6.0;

/// A sweep below this frequency, in Hz, that is shorter than this, in samples, is a
/// harmonic of a voice that glides.
const GLIDE_HZ: f32 = 500.0;
const GLIDE: u64 = (0.2 * RATE_HZ as f32) as u64;

/// Odds of what may be part of a sequence of tones, and is no beep for the time
/// being.
const DOUBTFUL: f32 = -0.001;

/// How likely a track is a steady sound and not speech: a logistic regression
/// whose terms [`Model::score`] defines.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[serde(rename = "source")]
    _source: String,
    bias: f32,
    ln_deviation: f32,
    ln_flutter: f32,
    ln_rest: f32,
    ln_share_rest: f32,
    ln_khz: f32,
    slope: f32,
    contrast: f32,
    pair: f32,
    ln_frames: f32,
    ln_frames_deviation: f32,
    ln_frames_rest: f32,
    ln_frames_flutter: f32,
    low: f32,
    low_frames: f32,
    pair_frames: f32,
    rest_deviation: f32,
    decisions: Vec<Decision>,
    pair_decision: Decision,
    /// Sounds whose [`Model::odds`] are above this are followed: sequence or
    /// cadence may tell what they are.
    pub least: f32,
}

/// What decides for a beep below a frequency.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    below_hz: f32,
    odds: f32,
    /// The most that may be heard besides the lines, as share of the power: …
    rest_most: f32,
    /// … when the frequency wavers …
    wavering_rest_most: f32,
    /// … and when it began less than this above what went before, dB: voices
    /// have overtones, music has company.
    faint_below_db: f32,
    faint_rest_most: f32,
}

impl Decision {
    fn leaves_doubt(&self, m: &Measure) -> bool {
        m.rest > self.rest_most
            || (m.deviation_hz > WAVERING * m.hz && m.rest > self.wavering_rest_most)
            || (m.contrast_db < self.faint_below_db && m.rest > self.faint_rest_most)
            || (m.lines == 2
                && m.frames >= PURE_FRAMES
                && m.deviation_hz > (PAIR_WAVERING * m.hz).max(PAIR_WAVERING_HZ))
    }
}

impl Default for Model {
    fn default() -> Self {
        serde_json::from_str(MODEL).expect("models/tones/beep.json is valid")
    }
}

impl Model {
    /// How far the odds that a track is a steady sound are above what decides
    /// for one, as natural logarithm.
    pub fn odds(&self, m: &Measure) -> f32 {
        let clear = m.rest < VOICE_REST && m.contrast_db > VOICE_CONTRAST_DB;
        let may_be = m.frames >= FRAMES_MIN[m.lines - 1]
            && (m.hz >= VOICE_HZ || m.frames > VOICE_FRAMES || clear)
            && (m.lines == 1 || !is_sung(m))
            && (m.decay.abs() < DECAY_MAX || m.frames < DECAY_FRAMES)
            && m.share < SHARE_MAX
            && BEEP_HZ.contains(&m.hz)
            && m.hz2 < *BEEP_HZ.end();
        if !may_be {
            return f32::NEG_INFINITY;
        }
        let single = || self.decisions.iter().find(|d| m.hz < d.below_hz);
        let decision = if m.lines == 1 { single() } else { None };
        let decision = decision.unwrap_or(&self.pair_decision);
        let odds = self.score(m) - decision.odds;
        if decision.leaves_doubt(m) { odds.min(DOUBTFUL) } else { odds }
    }

    /// Whether a sound is steady beyond doubt: a beep, if nothing else.
    pub fn is_sure(sound: &Steady) -> bool {
        let short = sound.end.is_some_and(|end| end.0 - sound.start.0 < GLIDE);
        let glides = sound.swept && short && sound.hz.iter().all(|hz| *hz < GLIDE_HZ);
        sound.odds > 0.0 && sound.level > BEEP_FLOOR && !glides
    }

    /// Natural logarithm of the odds.
    fn score(&self, m: &Measure) -> f32 {
        let frames = ln(m.frames.min(40) as f32);
        let deviation = ln(m.deviation_hz.max(0.3));
        let flutter = ln(m.flutter.max(0.01));
        let rest = ln(m.rest.max(0.003));
        let share_rest = ln((1.0 - m.share).max(0.003));
        let low = m.hz.min(700.0) / 100.0;
        let pair = if m.lines == 2 { 1.0 } else { 0.0 };
        self.bias
            + deviation * (self.ln_deviation + self.ln_frames_deviation * frames)
            + flutter * (self.ln_flutter + self.ln_frames_flutter * frames)
            + rest * (self.ln_rest + self.ln_frames_rest * frames)
            + share_rest * (self.ln_share_rest + self.rest_deviation * deviation)
            + low * (self.low + self.low_frames * frames)
            + pair * (self.pair + self.pair_frames * frames)
            + frames * self.ln_frames
            + self.ln_khz * ln(m.hz / 1_000.0)
            + self.slope * m.slope.abs() / (m.hz * 0.01)
            + self.contrast * m.contrast_db.clamp(-10.0, 20.0) / 10.0
    }
}

/// Whether two lines are a voice's, as far as can be told by now.
fn is_sung(m: &Measure) -> bool {
    let steady = m.frames >= HARMONIC_FRAMES && m.deviation_hz < HARMONIC_DEVIATION * m.hz;
    let pure =
        m.frames >= PURE_FRAMES && m.rest < PURE_REST && m.deviation_hz < PURE_DEVIATION * m.hz;
    // A vibrato's two lines do not move quite together.
    let off = if m.frames < PURE_FRAMES { HARMONIC_OFF_YOUNG } else { HARMONIC_OFF };
    are_harmonics(m.hz, m.hz2, off) && !steady && !pure
}

/// Whether two frequencies (ascending) are low harmonics of one voice, give or
/// take a share `off`.
fn are_harmonics(low_hz: f32, high_hz: f32, off: f32) -> bool {
    const RATIOS: [(f32, f32); 6] = [(1., 2.), (2., 3.), (3., 4.), (4., 5.), (3., 5.), (1., 3.)];
    RATIOS.iter().any(|(a, b)| (high_hz * a - low_hz * b).abs() <= off * low_hz * b)
}

/// Lobes that overlap hold more than everything; they are not lines.
const SHARE_MAX: f32 = 1.005;

/// Beeps have frequencies in this range, Hz (with the tolerance of a measurement).
const BEEP_HZ: std::ops::RangeInclusive<f32> = 290.0..=3_420.0;

/// Beeps are −40 dBm0 or louder, less what codecs take away.
const BEEP_FLOOR: Dbm0 = Dbm0(-43.0);

/// ITU-T T.30 §4.1: 1100 ± 38 Hz, 0.5 s on, 3 s off, ±15 %.
pub const CALLING_HZ: std::ops::RangeInclusive<f32> = 1_060.0..=1_140.0;
/// Its pulse, in samples.
pub const CALLING_ON: std::ops::RangeInclusive<u64> = 3_300..=4_700;
/// The longest pause, in samples.
pub const CALLING_OFF_MAX: u64 = (3.5 * RATE_HZ as f32) as u64;

/// ITU-T T.30 §4.1, V.25: 2100 ± 15 Hz for 2.6 to 4 s.
pub const ANSWER_HZ: std::ops::RangeInclusive<f32> = 2_080.0..=2_120.0;
/// From here on it is the answering tone, in samples.
pub const ANSWER_LEAST: u64 = RATE_HZ as u64;
/// And after speech, which beeps follow too.
pub const ANSWER_LEAST_AFTER_SPEECH: u64 = (2.4 * RATE_HZ as f32) as u64;

/// Where the plans' single frequencies are, and those that a frame cannot tell
/// apart: 350 to 480 Hz.
const PROGRESS_HZ: std::ops::RangeInclusive<f32> = 340.0..=490.0;
/// And pairs.
const PROGRESS_PAIR_MAX_HZ: f32 = 660.0;

/// What a steady sound may be besides a beep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rival {
    /// Nothing: it is a beep.
    None,
    /// No beep: outside of their frequencies, or a key.
    Other,
    /// The first segment of a special information tone.
    Special,
    /// A pulse of a call progress tone.
    Progress,
    /// The calling tone of a fax machine.
    FaxCalling,
    /// The answering tone of a fax machine.
    FaxAnswer,
}

/// What a sound's frequencies leave open.
pub fn rival(sound: &Steady, plans: &Plans) -> Rival {
    let hz = sound.hz[0];
    if sound.lines == 2 {
        let (low, high) = (hz.min(sound.hz[1]), hz.max(sound.hz[1]));
        return if dtmf::are_near_key(low, high) || !BEEP_HZ.contains(&low) {
            Rival::Other
        } else if high < PROGRESS_PAIR_MAX_HZ {
            Rival::Progress
        } else {
            Rival::None
        };
    }
    let (low, high) = plans.special.bands_hz[0];
    if !BEEP_HZ.contains(&hz) {
        Rival::Other
    } else if sound.swept {
        Rival::None
    } else if PROGRESS_HZ.contains(&hz) {
        Rival::Progress
    } else if (low..=high).contains(&hz) {
        Rival::Special
    } else if CALLING_HZ.contains(&hz) {
        Rival::FaxCalling
    } else if ANSWER_HZ.contains(&hz) {
        Rival::FaxAnswer
    } else {
        Rival::None
    }
}
