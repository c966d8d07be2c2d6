//! What the analyzer tells: the types of `wit/callprint.wit`, in Rust.

use std::ops::{Add, Sub};

use crate::level::Dbm0;

/// The rate everything is analysed at, in Hz.
pub const RATE_HZ: u32 = 8_000;

/// A point on a side's clock, in samples of 8 kHz since the call began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub u64);

impl Instant {
    /// Milliseconds since the call began.
    pub fn ms(self) -> f64 {
        self.0 as f64 * 1e3 / f64::from(RATE_HZ)
    }
}

impl Add<u64> for Instant {
    type Output = Instant;
    fn add(self, samples: u64) -> Instant {
        Instant(self.0 + samples)
    }
}

impl Sub<u64> for Instant {
    type Output = Instant;
    /// Stops at the beginning of the call.
    fn sub(self, samples: u64) -> Instant {
        Instant(self.0.saturating_sub(samples))
    }
}

/// Whose audio it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The party being judged.
    Far,
    /// Our own side.
    Near,
}

/// Something heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The clock of `side` when the audio that decided it had been given.
    pub known_at: Instant,
    /// The side on which it was heard.
    pub side: Side,
    /// What was heard.
    pub what: Event,
}

/// The kinds of finding.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A known script is playing.
    Script(ScriptMatch),
    /// A tone was recognised, or has ended.
    Tone(Tone),
    /// Who answered.
    Answer(Answer),
    /// A talk-spurt began or ended.
    Speech(TalkSpurt),
    /// How the far side behaves towards the near side.
    Behaviour(Behaviour),
}

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    /// A person.
    Human,
    /// A voice mailbox, an announcement, an IVR.
    Machine,
    /// It cannot be told.
    Unsure,
}

/// The answer classification. May be revised by a later one.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Who.
    pub kind: AnswerKind,
    /// An upper-case name and its numbers.
    pub cause: String,
    /// The estimated probability that `kind` is right, 0 to 1.
    pub confidence: f32,
}

/// A stretch of speech between pauses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TalkSpurt {
    /// Where it begins.
    pub start: Instant,
    /// Where it ends; `None` while it lasts.
    pub end: Option<Instant>,
    /// Active speech level so far.
    pub level: Dbm0,
}

/// Ways of behaving that tell a playback from a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BehaviourKind {
    /// Goes on talking through the near side's speech.
    TalksThrough,
    /// Falls silent or hangs up when the near side stays silent.
    WaitsForSpeech,
    /// Voice, level or background changed after the near side first spoke.
    HandedOver,
}

/// A way of behaving, with the numbers behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// Which.
    pub kind: BehaviourKind,
    /// An upper-case name and its numbers.
    pub cause: String,
    /// The estimated probability, 0 to 1.
    pub confidence: f32,
}

/// The kinds of tone. What they sound like is data: models/tones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToneKind {
    /// The record signal of an answering machine or voice mailbox.
    Beep,
    /// The called line is being rung.
    Ringback,
    /// Subscriber busy.
    Busy,
    /// Network congestion, reorder.
    Congestion,
    /// Dial tone.
    Dial,
    /// Special information tone.
    Sit,
    /// Calling tone of a fax machine, 1100 Hz.
    FaxCalling,
    /// Answering tone of a fax machine or modem, 2100 Hz.
    FaxAnswer,
    /// Flags of a V.21 fax preamble.
    FaxFlags,
    /// A key of the telephone keypad.
    Dtmf,
    /// Ringing tone after the call was answered.
    CallbackRingback,
}

/// A tone.
#[derive(Debug, Clone, PartialEq)]
pub struct Tone {
    /// Which.
    pub kind: ToneKind,
    /// What of several it is: the DTMF digit, the SIT's name, the tone plan.
    pub detail: String,
    /// Where it, or its first pulse, begins.
    pub start: Instant,
    /// Where it ends; `None` while it lasts.
    pub end: Option<Instant>,
    /// Its frequencies in Hz, strongest first; of a swept tone the first and
    /// the last.
    pub freqs_hz: Vec<f32>,
    /// Mean level.
    pub level: Dbm0,
}

/// A stretch of the call that is a stretch of an enrolled script.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptMatch {
    /// The same for all reports of one match; from 0, counted per session.
    pub match_id: u32,
    /// The script, or the first of `among`.
    pub script_id: String,
    /// The pack that brought it.
    pub pack: String,
    /// Which recording of the script.
    pub node: String,
    /// All scripts (`pack/script-id`) that the stretch belongs to, when it
    /// cannot be told which; empty when it can.
    pub among: Vec<String>,
    /// The estimated probability that the naming is right, 0 to 1.
    pub confidence: f32,
    /// Where in the call the matched stretch begins.
    pub heard_from: Instant,
    /// Where in the recording it begins, in samples of 8 kHz.
    pub script_from: u64,
    /// What the confidence rests on.
    pub evidence: ScriptEvidence,
    /// The nodes heard so far, in the order in which each was first heard.
    pub path: Vec<String>,
}

/// The numbers behind a script match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScriptEvidence {
    /// How much of the call was compared, in samples of 8 kHz.
    pub compared: u64,
    /// Share of fingerprint bits that differ over it; 0.5 is chance.
    pub bit_error_rate: f32,
    /// How many times faster (> 1) or slower the call plays the script.
    pub tempo: f32,
    /// Stretches that add up to it.
    pub stretches: u32,
    /// Decades of evidence: by chance, another script of the same voice does as
    /// well in one of 10^decades looks.
    pub decades: f32,
}
