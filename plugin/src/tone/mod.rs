//! Tones: what on the line is neither speech nor noise.
//!
//! ```text
//!          ┌▶ Keypad ────────▶ dtmf
//! Frame ─▶ ├▶ FlagReceiver ──▶ fax-flags
//! Lines    ├▶ ProgressTones ─▶ dial, ringback, busy, congestion   (plans, closer look)
//!          └▶ SteadySounds ──▶ beep, sit, fax-calling, fax-answer
//! ```
//!
//! What a steady sound is cannot always be told when it begins: 1000 Hz may
//! open a special information tone, 450 Hz may be busy. Such a sound is held
//! until its duration, or what follows, has told.

mod beep;
mod dtmf;
mod flags;
mod lines;
mod plan;
mod progress;
mod steady;
mod zoom;

use beep::Rival;
use dtmf::{Key, Keypad};
use flags::{FlagReceiver, Flags};
use lines::Lines;
use progress::{Context, Progress, ProgressTones};
use steady::{Change, Steady, SteadySounds};
use zoom::History;

pub use plan::Plans;
pub use zoom::Zoom;

use crate::{
    audio::{BINS, Frame, HOP, WINDOW},
    finding::{Instant, RATE_HZ, Tone, ToneKind},
    level::Dbm0,
};

/// A frame louder than this without lines is somebody speaking, or a noise.
const SPOKEN_FLOOR: Dbm0 = Dbm0(-42.0);

/// Per frame, what was spoken loses this share: it halves in 2 s.
const SPOKEN_FORGET: f32 = 0.0035;

/// Somebody spoke before when this many frames are remembered.
const SPOKEN: f32 = 30.0;

/// Sounds of 340 to 490 Hz this near in frequency and this soon after one
/// another are no beeps, whatever else they are: 25 Hz, the modulation that
/// pulls a single frequency about, and the longest pause of the plans.
const REPEATED_HZ: f32 = 25.0;
const REPEATED_WITHIN: u64 = 5 * RATE_HZ as u64;

/// The phase reversals of an answering tone (ITU-T V.25 §5: every 450 ms) may
/// interrupt it for so long, in samples.
const REVERSAL: u64 = 400;

/// Steady sounds of the last seconds beyond which there is music, and what of
/// them is forgotten per frame: one in e in 8 s. Speech has some in an hour.
const MUSIC: f32 = 1.0;
const MUSIC_FORGET: f32 = 0.001_25;

/// A segment is known this many samples after it began at the latest.
const KNOWN_AFTER: u64 = (0.1 * RATE_HZ as f32) as u64;

/// Audio missing for longer than this (frames) ends what is heard.
const MISSING_FRAMES: u32 = 50;

/// A steady sound, and what it was taken for.
#[derive(Debug, Clone, Copy)]
struct Held {
    sound: Steady,
    /// Where the tone begins that it is part of.
    start: Instant,
    /// It is no speech.
    sure: bool,
    /// Somebody spoke before it.
    spoken: bool,
    rival: Rival,
    /// What it was reported as.
    told: Option<ToneKind>,
}

/// A sound that has ended and may still turn out to be a beep.
#[derive(Debug, Clone, Copy)]
struct Pending {
    sound: Steady,
    spoken: bool,
    rival: Rival,
    /// The clock at which nothing has contradicted it.
    until: u64,
}

/// A fax machine's calling tone.
#[derive(Debug, Clone, Copy)]
struct Calling {
    first: Steady,
    last_end: u64,
}

/// Follows the tones of one side of one call.
#[derive(Clone)]
pub struct Tracker {
    /// Ringing heard by somebody who answered a call is a callback line's.
    answered: bool,
    keypad: Keypad,
    flags: FlagReceiver,
    progress: ProgressTones,
    steady: SteadySounds,
    history: History,
    held: Option<Held>,
    pending: Option<Pending>,
    calling: Option<Calling>,
    /// The last two steady sounds that ended.
    past: [Option<Steady>; 2],
    /// The special information tone's name and its first two frequencies in Hz,
    /// while the third sounds.
    special: Option<(String, [f32; 2])>,
    spoken: f32,
    /// Steady sounds of late.
    notes: f32,
}

impl Tracker {
    /// `answered`: the call was placed to us, and its audio begins when we answered it.
    pub fn new(answered: bool) -> Tracker {
        Tracker {
            answered,
            keypad: Keypad::default(),
            flags: FlagReceiver::default(),
            progress: ProgressTones::default(),
            steady: SteadySounds::default(),
            history: History::default(),
            held: None,
            pending: None,
            calling: None,
            past: [None; 2],
            special: None,
            spoken: 0.0,
            notes: 0.0,
        }
    }

    /// Whether what is heard now is a tone.
    pub fn is_sounding(&self) -> bool {
        let held = self.held.is_some_and(|h| h.sure || h.told.is_some());
        held || self.keypad.is_down() || self.flags.are_heard() || self.progress.is_pulsing()
    }

    /// Whether what is heard now may turn out to be a tone.
    pub fn may_be_sounding(&self) -> bool {
        self.steady.sounding().is_some() || self.progress.may_be_pulsing()
    }

    /// Whether a call progress tone is there, pauses of its cadence included.
    pub fn is_progressing(&self) -> bool {
        self.progress.is_known()
    }

    /// Takes the next frame; hands what it makes known to `sink`.
    pub fn push(
        &mut self,
        plans: &Plans,
        zoom: &mut Zoom,
        frame: &Frame,
        mut sink: impl FnMut(Tone),
    ) {
        let Some(sound) = &frame.sound else {
            return self.miss(plans, &mut sink);
        };
        let index = frame.index;
        let lines = Lines::of(sound.power);
        self.history.push(index, sound.hop);
        self.listen_for_speech(&lines);

        if let Some(key) = self.keypad.push(index, sound.power, &lines) {
            sink(key.into());
        }
        if let Some(flags) = self.flags.push(index, sound.power, lines.total, sound.hop) {
            sink(flags.into());
        }
        let mut context = Context {
            plans,
            zoom,
            history: &self.history,
            spoken: self.spoken > SPOKEN || self.notes > MUSIC,
        };
        let answered = self.answered;
        let mut progress_told = false;
        self.progress.push(index, sound.power, lines.total, &mut context, &mut |tone| {
            progress_told |= tone.end.is_none();
            sink(tone.finding(answered));
        });
        if progress_told {
            self.give_up_progress();
        }
        let odds = |m: &_| plans.beep.odds(m);
        match self.steady.push(index, sound.power, &lines, odds, plans.beep.least) {
            Some(Change::Began(sound)) => self.begins(plans, sound, &mut sink),
            Some(Change::Ended(sound)) => self.ends(plans, sound, &mut sink),
            None => {}
        }
        self.listen_for_segment(plans, sound.power);
        self.wait((index + 1) * HOP as u64, plans, &mut sink);
    }

    /// Ends what is still open.
    pub fn finish(&mut self, mut sink: impl FnMut(Tone)) {
        if let Some(key) = self.keypad.finish() {
            sink(key.into());
        }
        if let Some(flags) = self.flags.finish() {
            sink(flags.into());
        }
        if let Some(progress) = self.progress.finish() {
            sink(progress.finding(self.answered));
            self.give_up_progress();
        }
        // Nothing will follow that could make it something else.
        let beep_at_last = |rival: Rival, spoken: bool| match rival {
            Rival::None | Rival::Special => true,
            Rival::Progress | Rival::FaxCalling | Rival::FaxAnswer => spoken,
            Rival::Other => false,
        };
        if let Some(pending) = self.pending.take()
            && beep_at_last(pending.rival, pending.spoken)
        {
            sink(tone(ToneKind::Beep, &pending.sound));
        }
        if let Some(Change::Ended(sound)) = self.steady.finish()
            && let Some(held) = self.held.take()
        {
            if held.told.is_some() {
                sink(self.told_tone(&held, &sound));
            } else if held.sure && beep_at_last(held.rival, held.spoken) {
                sink(tone(ToneKind::Beep, &sound));
            }
        }
        if let Some(calling) = self.calling.take() {
            sink(calling.ended());
        }
    }

    fn miss(&mut self, plans: &Plans, sink: &mut impl FnMut(Tone)) {
        self.history.miss();
        if let Some(key) = self.keypad.miss() {
            sink(key.into());
        }
        if let Some(flags) = self.flags.finish() {
            sink(flags.into());
        }
        if let Some(progress) = self.progress.miss() {
            sink(progress.finding(self.answered));
        }
        if let Some(Change::Ended(sound)) = self.steady.miss() {
            self.ends(plans, sound, sink);
        }
        let hop = HOP as u64;
        if let Some(pending) = &mut self.pending {
            pending.until += hop;
        }
        if let Some(calling) = &mut self.calling {
            calling.last_end += hop;
        }
    }

    fn listen_for_speech(&mut self, lines: &Lines) {
        self.spoken -= self.spoken * SPOKEN_FORGET;
        self.notes -= self.notes * MUSIC_FORGET;
        let held: f32 = lines.lines.iter().map(|l| l.power).sum();
        if held < 0.6 * lines.total && Dbm0::of_power(lines.total) > SPOKEN_FLOOR {
            self.spoken += 1.0;
        }
    }

    /// What shows where the next segment of a special information tone would, is
    /// waited for.
    fn listen_for_segment(&mut self, plans: &Plans, power: &[f32; BINS]) {
        let special = &plans.special;
        if let Some(pending) = &mut self.pending
            && pending.rival == Rival::Special
            && let Some(end) = pending.sound.end
            && special.may_go_on(power, pending.sound.level)
        {
            let known = end.0 + samples(special.gap_s.1) + KNOWN_AFTER;
            pending.until = pending.until.max(known);
        }
    }

    /// A call progress tone is known: what was held for it is part of it.
    fn give_up_progress(&mut self) {
        let progress = |rival: Rival| rival == Rival::Progress;
        if let Some(held) = &mut self.held
            && progress(held.rival)
            && held.told.is_none()
        {
            held.rival = Rival::Other;
        }
        if self.pending.is_some_and(|p| progress(p.rival)) {
            self.pending = None;
        }
    }

    fn begins(&mut self, plans: &Plans, sound: Steady, sink: &mut impl FnMut(Tone)) {
        let mut held = Held {
            sound,
            start: sound.start,
            sure: false,
            spoken: self.spoken > SPOKEN,
            rival: beep::rival(&sound, plans),
            told: None,
        };
        let special = &plans.special;
        let within = |sound: &Steady, n: usize| {
            let (low, high) = special.bands_hz[n];
            sound.lines == 1 && (low..=high).contains(&sound.hz[0])
        };
        let follows = |before: &Steady| {
            let gap = samples(special.gap_s.1);
            before.end.is_some_and(|end| sound.start.0 <= end.0 + gap)
        };
        let [second, first] = &self.past;
        if let Some(before) = second.as_ref().filter(|b| follows(b)) {
            if within(before, 0) && within(&sound, 1) {
                held.rival = Rival::Other;
                self.pending = None;
            } else if within(before, 1) && within(&sound, 2) {
                held.rival = Rival::Other;
                if let Some(first) = first.as_ref().filter(|f| within(f, 0)) {
                    let seconds = |s: &Steady| {
                        s.end.map_or(0.0, |e| (e.0 - s.start.0) as f32 / RATE_HZ as f32)
                    };
                    let hz = [first.hz[0], before.hz[0], sound.hz[0]];
                    // The last is long in all of them.
                    let name = special.name(hz, [seconds(first), seconds(before), f32::MAX]);
                    held.told = Some(ToneKind::Sit);
                    held.start = first.start;
                    self.special = Some((name.to_string(), [hz[0], hz[1]]));
                    sink(Tone {
                        kind: ToneKind::Sit,
                        detail: name.to_string(),
                        start: first.start,
                        end: None,
                        freqs_hz: hz.to_vec(),
                        level: sound.level,
                    });
                }
            }
        }
        let repeats = |before: &Steady| {
            (before.hz[0] - sound.hz[0]).abs() <= REPEATED_HZ
                && before.end.is_some_and(|end| sound.start.0 <= end.0 + REPEATED_WITHIN)
        };
        if held.rival == Rival::Progress
            && (self.progress.is_known()
                || self.past.iter().flatten().any(repeats)
                || sound.start.0 < progress::CUT)
        {
            // Pulses of a cadence, or nothing.
            held.rival = Rival::Other;
            self.pending = None;
        }
        if let Some(before) =
            self.pending.take_if(|p| p.rival == Rival::FaxAnswer && held.rival == Rival::FaxAnswer)
        {
            held.start = before.sound.start;
        }
        let key = match sound.lines {
            1 => self.keypad.is_down(),
            // Any two lines may look like a key for a frame.
            _ => self.keypad.is_told(),
        };
        let music = self.notes > MUSIC
            && matches!(held.rival, Rival::None | Rival::Special | Rival::Progress);
        if key || music || self.flags.are_heard() {
            held.rival = Rival::Other;
        }
        self.held = Some(held);
    }

    fn ends(&mut self, plans: &Plans, sound: Steady, sink: &mut impl FnMut(Tone)) {
        self.past = [Some(sound), self.past[0]];
        if sound.odds > 0.0 {
            self.notes += 1.0;
        }
        let Some(held) = self.held.take() else { return };
        let end = sound.end.unwrap_or(sound.start);
        let lasted = end.0 - sound.start.0;
        if held.told.is_some() {
            return sink(self.told_tone(&held, &sound));
        }
        let special = &plans.special;
        let sure = beep::Model::is_sure(&sound);
        match held.rival {
            _ if !sure && held.rival != Rival::FaxCalling => {}
            Rival::Other => {}
            Rival::None => sink(tone(ToneKind::Beep, &sound)),
            Rival::Special => {
                if lasted < samples(special.segment_s.0) {
                    sink(tone(ToneKind::Beep, &sound));
                } else {
                    // Beeps follow speech, networks' announcements seldom: there
                    // a pause is longer than specified as soon as it shows.
                    let gap = if held.spoken { special.gap_s.0 } else { special.gap_s.1 };
                    self.pend(sound, &held, end.0 + samples(gap) + (WINDOW / 2) as u64);
                }
            }
            Rival::Progress => match self.progress.claims(plans, &sound) {
                _ if self.progress.is_known() => {}
                Some(pause) => self.pend(sound, &held, end.0 + pause + KNOWN_AFTER),
                None => sink(tone(ToneKind::Beep, &sound)),
            },
            Rival::FaxCalling => {
                if !beep::CALLING_ON.contains(&lasted) {
                    // Unless it is a piece of one more pulse.
                    if sure && self.calling.is_none() {
                        sink(tone(ToneKind::Beep, &sound));
                    }
                } else if let Some(calling) = &mut self.calling {
                    calling.last_end = end.0;
                } else if held.spoken && self.pending.is_none() {
                    self.pend(sound, &held, end.0 + beep::CALLING_OFF_MAX);
                } else {
                    let first = self.pending.take().map_or(sound, |p| p.sound);
                    self.calling = Some(Calling { first, last_end: end.0 });
                    sink(Tone { end: None, ..tone(ToneKind::FaxCalling, &first) });
                }
            }
            Rival::FaxAnswer => self.pend(sound, &held, end.0 + REVERSAL + KNOWN_AFTER),
        }
    }

    /// The finding that ends a sound that was reported.
    fn told_tone(&mut self, held: &Held, sound: &Steady) -> Tone {
        let kind = held.told.unwrap_or(ToneKind::Beep);
        let mut tone = Tone { start: held.start, ..tone(kind, sound) };
        if let Some((name, hz)) = self.special.take_if(|_| kind == ToneKind::Sit) {
            tone.freqs_hz = vec![hz[0], hz[1], sound.hz[0]];
            tone.detail = name;
        }
        tone
    }

    fn pend(&mut self, sound: Steady, held: &Held, until: u64) {
        self.pending = Some(Pending { sound, spoken: held.spoken, rival: held.rival, until });
    }

    /// What time alone tells.
    fn wait(&mut self, now: u64, plans: &Plans, sink: &mut impl FnMut(Tone)) {
        if let Some(held) = &mut self.held
            && held.told.is_none()
        {
            let lasted = now.saturating_sub(held.start.0);
            let seconds = lasted as f32 / RATE_HZ as f32;
            let sure = self.steady.sounding().is_some_and(beep::Model::is_sure);
            held.sure = sure;
            if let Some(sound) = self.steady.sounding() {
                held.sound = *sound;
            }
            let beep = sure
                && match held.rival {
                    Rival::None => true,
                    Rival::Special => seconds > plans.special.segment_s.1,
                    Rival::FaxCalling => lasted > *beep::CALLING_ON.end() + KNOWN_AFTER,
                    _ => false,
                };
            let least =
                if held.spoken { beep::ANSWER_LEAST_AFTER_SPEECH } else { beep::ANSWER_LEAST };
            if beep {
                held.tell(ToneKind::Beep, sink);
            } else if held.rival == Rival::FaxAnswer {
                if beep::rival(&held.sound, plans) != Rival::FaxAnswer {
                    // A sweep that began there.
                    held.rival = Rival::None;
                } else if lasted > least {
                    held.tell(ToneKind::FaxAnswer, sink);
                }
            }
        }
        if let Some(pending) = &mut self.pending
            && pending.rival == Rival::Progress
            && !self.progress.is_sounding()
            && let Some(end) = pending.sound.end
        {
            // The pulse, too, has ended: it may be none of a plan after all.
            let pause = self.progress.claims(plans, &pending.sound);
            pending.until = pause.map_or(0, |pause| end.0 + pause + KNOWN_AFTER);
        }
        if let Some(pending) = self.pending
            && now > pending.until
            // Another pulse is sounding: it will tell.
            && self.held.is_none_or(|h| h.rival != pending.rival)
        {
            self.pending = None;
            sink(tone(ToneKind::Beep, &pending.sound));
        }
        if let Some(calling) = self.calling
            && now > calling.last_end + beep::CALLING_OFF_MAX
            && self.held.is_none_or(|h| h.rival != Rival::FaxCalling)
        {
            self.calling = None;
            sink(calling.ended());
        }
    }
}

impl Calling {
    fn ended(&self) -> Tone {
        Tone { end: Some(Instant(self.last_end)), ..tone(ToneKind::FaxCalling, &self.first) }
    }
}

impl Held {
    fn tell(&mut self, kind: ToneKind, sink: &mut impl FnMut(Tone)) {
        self.told = Some(kind);
        let start = self.start;
        sink(Tone { start, ..tone(kind, &self.sound) });
    }
}

fn samples(seconds: f32) -> u64 {
    (seconds * RATE_HZ as f32) as u64
}

fn tone(kind: ToneKind, sound: &Steady) -> Tone {
    Tone {
        kind,
        detail: String::new(),
        start: sound.start,
        end: sound.end,
        freqs_hz: sound.frequencies().to_vec(),
        level: sound.level,
    }
}

impl Progress {
    fn finding(self, answered: bool) -> Tone {
        let kind = match self.kind {
            ToneKind::Ringback if answered => ToneKind::CallbackRingback,
            kind => kind,
        };
        Tone {
            kind,
            detail: self.plans,
            start: self.start,
            end: self.end,
            freqs_hz: self.hz[..self.lines].to_vec(),
            level: self.level,
        }
    }
}

impl From<Key> for Tone {
    fn from(key: Key) -> Tone {
        Tone {
            kind: ToneKind::Dtmf,
            detail: key.key.to_string(),
            start: key.start,
            end: key.end,
            freqs_hz: key.hz.to_vec(),
            level: key.level,
        }
    }
}

impl From<Flags> for Tone {
    fn from(flags: Flags) -> Tone {
        Tone {
            kind: ToneKind::FaxFlags,
            detail: String::new(),
            start: flags.start,
            end: flags.end,
            freqs_hz: vec![1_650.0, 1_850.0],
            level: flags.level,
        }
    }
}
