//! Who answered: a person says little and waits, a machine talks on.
//!
//! Evidence, strongest first: a tone that only machines send; a known voicemail
//! prompt; a silence after few words, the sooner telling the fewer they were;
//! speech that goes on for longer than people greet.

use super::spurts::PAUSE_HOPS;
use crate::finding::{Answer, AnswerKind, Instant, RATE_HZ, Tone, ToneKind};

/// Samples per millisecond.
const MS: u64 = RATE_HZ as u64 / 1_000;

/// A person who has said this much (ms) waits for this long (ms) after it;
/// a machine that has said as little seldom does. With the confidence.
const WAITS: [(u64, u64, f32); 4] =
    [(700, 420, 0.97), (1_000, 440, 0.95), (1_700, 460, 0.9), (3_400, 1_000, 0.8)];

/// Who has said more (ms) may be either, and is a machine from the other on,
/// once silent for this long (ms). Of 400 greetings, 6 of 200 people's and 19 of
/// 200 machines' were between the two.
const EITHER_MS: u64 = 4_750;
const EITHER_SILENCE_MS: u64 = 1_150;

/// Nobody greets for longer than this (ms) without waiting for an answer.
const GREETING_MS: u64 = 5_000;

/// Nor does anybody who got no answer after this much (ms) then say as much
/// again.
const SENTENCE_MS: u64 = 1_500;
const REPRISE_MS: u64 = 2_500;

/// … nor talks for as long as this (ms), waits or not, to somebody who says
/// nothing, within as much time (ms) from the first word on.
const MONOLOGUE_MS: u64 = 6_000;
const MONOLOGUE_WITHIN_MS: u64 = 15_000;

/// Speech that is less than this (dB) above the background fades in and out:
/// no wait is shorter than this (ms).
const NOISY_DB: f32 = 16.0;
const NOISY_WAIT_MS: u64 = 1_000;

/// Beeps shorter than this (ms) prove nothing.
const BEEP_MS: u64 = 120;

/// Less speech than this (ms) is a cough or a click.
const SPEECH_MIN_MS: u64 = 150;

/// Nothing said for this long (ms) tells nothing.
const SILENCE_MS: u64 = 5_000;

/// Our own side has spoken for this long (ms): what follows is a conversation.
const CONVERSATION_MS: u64 = 300;

/// Classifies the far side's answer.
#[derive(Debug, Clone, Default)]
pub struct Classifier {
    /// Where the call was answered: its beginning, or the end of ringing.
    answered: u64,
    /// Beginning of the greeting, and of the stretch of it without a wait.
    greeting: Option<u64>,
    stretch: u64,
    /// Speech in spurts that have ended since `stretch`, samples.
    spoken: u64,
    /// The most that was said before a wait, ms; 0 until there was one.
    said: u64,
    /// Speech in all, ms, before this stretch, and where it began.
    before: u64,
    first: Option<u64>,
    /// Beginning of a beep that lasts.
    beep: Option<(u64, f32)>,
    told: Option<AnswerKind>,
    /// Nothing but a tone or a prompt changes it any more.
    settled: bool,
}

/// Where the far side stands.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// End of the hop.
    pub now: Instant,
    /// Beginning of the spurt that lasts.
    pub talking_since: Option<Instant>,
    /// End of the last active hop, if a spurt lasts; of the last spurt, if none does.
    pub last_active: Instant,
    /// Speech of our own side so far, in samples.
    pub near_speech: u64,
    /// Speech above the background, dB.
    pub contrast_db: f32,
}

impl Classifier {
    /// A spurt of the far side has ended.
    pub fn spurt(&mut self, start: Instant, end: Instant) {
        let start = start.0.max(self.stretch);
        self.spoken += end.0.saturating_sub(start);
    }

    /// A tone was heard on the far side.
    pub fn tone(&mut self, tone: &Tone, sink: &mut impl FnMut(Answer)) {
        let long_enough = |end: Instant| end.0 - tone.start.0 >= BEEP_MS * MS;
        let name = match tone.kind {
            ToneKind::Beep => {
                let hz = tone.freqs_hz.first().copied().unwrap_or(0.0);
                self.beep = tone.end.is_none().then_some((tone.start.0, hz));
                // Of the shorter ones, some are speech after all.
                if !tone.end.is_some_and(long_enough) {
                    return;
                }
                "BEEP"
            }
            ToneKind::Sit => "SIT",
            ToneKind::FaxAnswer | ToneKind::FaxFlags => "FAX",
            ToneKind::Ringback | ToneKind::CallbackRingback => {
                if let Some(end) = tone.end {
                    self.answered = end.0;
                }
                return;
            }
            _ => return,
        };
        let hz = tone.freqs_hz.first().copied().unwrap_or(0.0);
        self.machine(format!("{name}-{hz:.0}"), 0.99, sink);
    }

    /// A hop of the far side has passed, a tone or not.
    pub fn sounding(&mut self, now: Instant, sink: &mut impl FnMut(Answer)) {
        // The edge that has been seen is a window behind.
        let least = (BEEP_MS + 40) * MS;
        if let Some((_, hz)) = self.beep.take_if(|(start, _)| now.0 >= *start + least) {
            self.machine(format!("BEEP-{hz:.0}"), 0.99, sink);
        }
    }

    /// A known prompt of a voice mailbox is playing.
    pub fn prompt(&mut self, script_id: &str, confidence: f32, sink: &mut impl FnMut(Answer)) {
        self.machine(format!("PROMPT-{script_id}"), confidence, sink);
    }

    fn machine(&mut self, cause: String, confidence: f32, sink: &mut impl FnMut(Answer)) {
        if self.settled && self.told == Some(AnswerKind::Machine) {
            return;
        }
        self.settled = true;
        self.tell(AnswerKind::Machine, cause, confidence, sink);
    }

    fn tell(
        &mut self,
        kind: AnswerKind,
        cause: String,
        confidence: f32,
        sink: &mut impl FnMut(Answer),
    ) {
        self.told = Some(kind);
        sink(Answer { kind, cause, confidence });
    }

    /// A hop of the far side has passed.
    pub fn tick(&mut self, at: &Now, sink: &mut impl FnMut(Answer)) {
        if self.settled {
            return;
        }
        if at.near_speech > CONVERSATION_MS * MS {
            // What is said now is said to us.
            if self.told.is_none() {
                self.tell(AnswerKind::Unsure, "CONVERSATION".into(), 0.5, sink);
            }
            self.settled = true;
            return;
        }
        let now = at.now.0;
        let since = at.talking_since.map(|s| s.0.max(self.stretch));
        let Some(greeting) = self.greeting else {
            match since {
                Some(since) => {
                    (self.greeting, self.stretch) = (Some(since), since);
                    self.first.get_or_insert(since);
                }
                None if self.told.is_none() && now > self.answered + SILENCE_MS * MS => {
                    let cause = format!("SILENCE-{}", (now - self.answered) / MS);
                    self.tell(AnswerKind::Unsure, cause, 0.5, sink);
                }
                None => {}
            }
            return;
        };
        let lasting = since.map_or(0, |s| at.last_active.0.saturating_sub(s));
        let speech = (self.spoken + lasting) / MS;
        let silence = now.saturating_sub(at.last_active.0) / MS;
        let pause = PAUSE_HOPS * 10;
        if silence < pause {
            let stretch = (at.last_active.0.saturating_sub(self.stretch)) / MS;
            if self.told == Some(AnswerKind::Machine) {
                return;
            }
            if stretch >= GREETING_MS {
                let cause = format!("LONGGREETING-{stretch}-{speech}");
                self.tell(AnswerKind::Machine, cause, 0.9, sink);
            } else if self.said >= SENTENCE_MS && speech >= REPRISE_MS {
                let cause = format!("REPRISE-{}-{speech}", self.said);
                self.tell(AnswerKind::Machine, cause, 0.75, sink);
            } else if self.before + speech >= MONOLOGUE_MS
                && self.first.is_some_and(|f| now < f + MONOLOGUE_WITHIN_MS * MS)
            {
                let cause = format!("MONOLOGUE-{}", self.before + speech);
                self.tell(AnswerKind::Machine, cause, 0.75, sink);
            }
            return;
        }
        let few_words = WAITS.iter().find(|w| speech <= w.0);
        let (kind, name, wait, confidence) = match few_words {
            Some((_, wait, confidence)) => (AnswerKind::Human, "SHORTGREETING", *wait, *confidence),
            None if speech < EITHER_MS => (AnswerKind::Unsure, "GREETING", EITHER_SILENCE_MS, 0.5),
            None => (AnswerKind::Machine, "GREETING", EITHER_SILENCE_MS, 0.65),
        };
        let least = if at.contrast_db < NOISY_DB { NOISY_WAIT_MS } else { 0 };
        if silence < wait.max(least) {
            return;
        }
        if speech >= SPEECH_MIN_MS {
            if self.said == 0 && self.told != Some(AnswerKind::Machine) {
                let delay = greeting.saturating_sub(self.answered) / MS;
                self.tell(kind, format!("{name}-{speech}-{silence}-{delay}"), confidence, sink);
            }
            self.said = self.said.max(speech);
        }
        self.before += speech;
        // What follows counts anew: a person asks again, a machine goes on.
        self.stretch = now;
        self.spoken = 0;
        self.greeting = None;
    }
}
