//! Tone plans: what the tones of the networks are, as data (models/tones).

use serde::Deserialize;

use super::{beep, lines::bin_of};
use crate::{
    audio::BINS,
    finding::{RATE_HZ, ToneKind},
    level::Dbm0,
};

const FILES: [&str; 10] = [
    include_str!("../../../models/tones/au.json"),
    include_str!("../../../models/tones/br.json"),
    include_str!("../../../models/tones/cn.json"),
    include_str!("../../../models/tones/de.json"),
    include_str!("../../../models/tones/fr.json"),
    include_str!("../../../models/tones/in.json"),
    include_str!("../../../models/tones/jp.json"),
    include_str!("../../../models/tones/ru.json"),
    include_str!("../../../models/tones/uk.json"),
    include_str!("../../../models/tones/us.json"),
];

const SPECIAL_INFORMATION: &str = include_str!("../../../models/tones/special-information.json");

/// How far a cadence's measured durations may be off beyond its tolerance:
/// twice the error of a measured edge.
const EDGE_SAMPLES: f32 = 0.02 * RATE_HZ as f32;

/// A segment that begins shows by so much less than it will have: in a Hann
/// window whose middle it begins at by 6 dB, 5 ms after that by 15.
const NEXT_BELOW_DB: f32 = 15.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    plan: String,
    #[serde(rename = "country")]
    _country: String,
    #[serde(rename = "source")]
    _source: String,
    frequency_tolerance: f32,
    cadence_tolerance: f32,
    tones: Vec<ToneEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToneEntry {
    kind: ProgressKind,
    signals_hz: Vec<Vec<f32>>,
    cadence_s: Vec<f32>,
    #[serde(default)]
    alternating_db: f32,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ProgressKind {
    Dial,
    Ringback,
    Busy,
    Congestion,
}

/// Frequencies that sound together.
pub struct Signal {
    /// In Hz, ascending.
    pub hz: Vec<f32>,
    /// Share of the frequency that it may be off.
    pub tolerance: f32,
}

impl Signal {
    /// Whether `hz` (ascending) are the signal's frequencies.
    pub fn is(&self, hz: &[f32]) -> bool {
        self.hz.len() == hz.len()
            && self
                .hz
                .iter()
                .zip(hz)
                .all(|(own, heard)| (own - heard).abs() <= own * self.tolerance)
    }
}

/// A tone of a plan.
pub struct PlannedTone {
    /// The plan's name.
    pub plan: String,
    /// What it means.
    pub kind: ToneKind,
    /// Bit n: it may be `Plans::signals[n]`.
    pub signals: u32,
    /// On, off, on, off …, in samples; empty when it is continuous.
    pub cadence: Vec<f32>,
    /// Share that a duration may be off.
    pub tolerance: f32,
    /// Every second pulse is this much weaker, in dB.
    pub alternating_db: f32,
}

impl PlannedTone {
    /// By how much a duration is off, 1 being as much as it may be.
    pub fn misfit(&self, expected: f32, samples: f32) -> f32 {
        (expected - samples).abs() / (expected * self.tolerance + EDGE_SAMPLES)
    }

    /// The longest that a pulse may last, in samples.
    pub fn longest_on(&self) -> f32 {
        if self.cadence.is_empty() {
            return f32::INFINITY;
        }
        let longest = self.cadence.iter().step_by(2).fold(0.0f32, |a, b| a.max(*b));
        longest * (1.0 + self.tolerance) + EDGE_SAMPLES
    }

    /// The longest that a pause may last, in samples.
    pub fn longest_off(&self) -> f32 {
        let longest = self.cadence.iter().skip(1).step_by(2).fold(0.0f32, |a, b| a.max(*b));
        longest * (1.0 + self.tolerance) + EDGE_SAMPLES
    }
}

/// The special information tone (ITU-T E.180 §7): three segments.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecialInformation {
    #[serde(rename = "source")]
    _source: String,
    /// Each segment's frequencies lie within.
    pub bands_hz: [(f32, f32); 3],
    /// Each segment's duration lies within, in seconds.
    pub segment_s: (f32, f32),
    /// From here on a segment is a long one.
    long_from_s: f32,
    /// Longest pause between segments, in seconds: as specified, and as taken
    /// for one.
    pub gap_s: (f32, f32),
    hz_tolerance: f32,
    signals: Vec<SpecialSignal>,
    otherwise: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpecialSignal {
    name: String,
    hz: [f32; 3],
    long: [bool; 3],
}

impl SpecialInformation {
    /// Whether a frame has power where the second segment would, after a first of
    /// this level: the segments are equally strong.
    pub fn may_go_on(&self, power: &[f32; BINS], first: Dbm0) -> bool {
        let (low, high) = self.bands_hz[1];
        let band = &power[bin_of(low) - 2..=bin_of(high) + 2];
        Dbm0::of_power(band.iter().sum()).0 > first.0 - NEXT_BELOW_DB
    }

    /// Names the tone by its segments' frequencies in Hz and durations in seconds.
    pub fn name(&self, hz: [f32; 3], seconds: [f32; 3]) -> &str {
        let is = |signal: &&SpecialSignal| {
            (0..3).all(|n| {
                (signal.hz[n] - hz[n]).abs() <= self.hz_tolerance
                    && signal.long[n] == (seconds[n] >= self.long_from_s)
            })
        };
        self.signals.iter().find(is).map_or(&self.otherwise, |s| &s.name)
    }
}

/// All plans.
pub struct Plans {
    /// The distinct signals of all plans; at most 32.
    pub signals: Vec<Signal>,
    /// The tones of all plans.
    pub tones: Vec<PlannedTone>,
    /// The special information tone.
    pub special: SpecialInformation,
    /// What tells steady sounds from speech.
    pub(super) beep: beep::Model,
}

impl Default for Plans {
    fn default() -> Self {
        let mut plans = Plans {
            signals: Vec::new(),
            tones: Vec::new(),
            special: serde_json::from_str(SPECIAL_INFORMATION)
                .expect("models/tones/special-information.json is valid"),
            beep: beep::Model::default(),
        };
        for file in FILES {
            plans.add(serde_json::from_str(file).expect("the plans in models/tones are valid"));
        }
        plans
    }
}

impl Plans {
    fn add(&mut self, file: PlanFile) {
        for entry in file.tones {
            let signals = entry
                .signals_hz
                .into_iter()
                .map(|hz| 1 << self.signal(Signal { hz, tolerance: file.frequency_tolerance }))
                .fold(0, |mask, bit: u32| mask | bit);
            self.tones.push(PlannedTone {
                plan: file.plan.clone(),
                kind: match entry.kind {
                    ProgressKind::Dial => ToneKind::Dial,
                    ProgressKind::Ringback => ToneKind::Ringback,
                    ProgressKind::Busy => ToneKind::Busy,
                    ProgressKind::Congestion => ToneKind::Congestion,
                },
                signals,
                cadence: entry.cadence_s.iter().map(|s| s * RATE_HZ as f32).collect(),
                tolerance: file.cadence_tolerance,
                alternating_db: entry.alternating_db,
            });
        }
    }

    fn signal(&mut self, signal: Signal) -> usize {
        let same = |s: &Signal| s.hz == signal.hz && s.tolerance == signal.tolerance;
        let number = self.signals.iter().position(same).unwrap_or_else(|| {
            self.signals.push(signal);
            self.signals.len() - 1
        });
        assert!(number < 32, "the tone plans have more than 32 distinct signals");
        number
    }

    /// The signals that frequencies (ascending) may be, as bits.
    pub fn signals_of(&self, hz: &[f32]) -> u32 {
        let is = |(n, signal): (usize, &Signal)| u32::from(signal.is(hz)) << n;
        self.signals.iter().enumerate().map(is).fold(0, |mask, bit| mask | bit)
    }

    /// The tones that a signal may belong to.
    pub fn tones_of(&self, signals: u32) -> impl Iterator<Item = &PlannedTone> {
        self.tones.iter().filter(move |t| t.signals & signals != 0)
    }
}
