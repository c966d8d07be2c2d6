//! Who answered, and how they behave: from the talk-spurts of both sides.
//!
//! ```text
//! far hops ──▶ Spurts ─┬▶ Classifier ─▶ answer
//!              │       ├▶ Observer ───▶ behaviour
//! near hops ─▶ Spurts ─┘
//!                 └──────────────────▶ speech
//! ```

mod behaviour;
mod classifier;
mod spurts;
mod voice;

use behaviour::Observer;
use classifier::{Classifier, Now};
use spurts::Spurts;

pub use spurts::Nature;

use crate::{
    audio::{Frame, HOP},
    finding::{Answer, Behaviour, Event, Instant, ScriptMatch, TalkSpurt, Tone},
};

/// Both sides of one call as a conversation.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    far: Spurts,
    near: Spurts,
    classifier: Classifier,
    observer: Observer,
    /// End of the far side's last active hop.
    far_active: Instant,
    /// Speech of the near side in spurts that have ended, in samples.
    near_speech: u64,
    near_heard: bool,
}

impl Conversation {
    /// Takes a frame of the far side; `ringing`: a call progress tone is there.
    pub fn far(
        &mut self,
        frame: &Frame,
        nature: Nature,
        ringing: bool,
        mut sink: impl FnMut(Event),
    ) {
        let hop = frame.sound.as_ref().map(|s| s.hop);
        let mut ended: Option<TalkSpurt> = None;
        let loudest = self.near.loudest();
        let active = self.far.push(frame.index, hop, nature, loudest, &mut |spurt| {
            ended = spurt.end.map(|_| spurt).or(ended);
            sink(Event::Speech(spurt));
        });
        let now = Instant((frame.index + 1) * HOP as u64);
        if let Some(spurt) = ended {
            self.observer.far_spurt(&spurt);
            if let Some(end) = spurt.end {
                self.classifier.spurt(spurt.start, end);
                self.far_active = end;
            }
        }
        if let Some(last) = self.far.last_active() {
            self.far_active = Instant((last + 1) * HOP as u64);
        }
        self.classifier.sounding(now, &mut |answer: Answer| sink(Event::Answer(answer)));
        let mut tell = |behaviour: Behaviour| sink(Event::Behaviour(behaviour));
        match &frame.sound {
            Some(sound) if active && self.far.talking_since().is_some() => {
                self.observer.hear_voice(sound.power, &mut tell);
            }
            Some(_) if !active && self.near_heard && !ringing => {
                self.observer.silence(now, &mut tell);
            }
            _ => {}
        }
        if ringing || nature != Nature::Open {
            return;
        }
        let at = Now {
            now,
            talking_since: self.far.talking_since().map(|s| Instant(s * HOP as u64)),
            last_active: self.far_active,
            near_speech: self.near_speech,
            contrast_db: self.far.contrast_db(),
        };
        self.classifier.tick(&at, &mut |answer: Answer| sink(Event::Answer(answer)));
    }

    /// Takes a hop of the near side. What it tells of the far side's behaviour
    /// comes as [`Event::Behaviour`].
    pub fn near(&mut self, index: u64, hop: Option<&[f32; HOP]>, mut sink: impl FnMut(Event)) {
        self.near_heard = true;
        let lasting = self.far.talking_since().map(|s| {
            let from = Instant(s * HOP as u64);
            (from, self.far_active)
        });
        let loudest = self.far.loudest();
        let mut told: [Option<TalkSpurt>; 2] = [None; 2];
        self.near.push(index, hop, Nature::Open, loudest, &mut |spurt| {
            told[usize::from(spurt.end.is_some())] = Some(spurt);
            sink(Event::Speech(spurt));
        });
        for spurt in told.iter().flatten() {
            if let Some(end) = spurt.end {
                self.near_speech += end.0 - spurt.start.0;
            }
            self.observer
                .near_spurt(spurt, lasting, &mut |behaviour| sink(Event::Behaviour(behaviour)));
        }
    }

    /// A tone was heard on the far side.
    pub fn tone(&mut self, tone: &Tone, mut sink: impl FnMut(Event)) {
        self.classifier.tone(tone, &mut |answer| sink(Event::Answer(answer)));
    }

    /// A prompt of a voice mailbox was recognised on the far side.
    pub fn prompt(&mut self, found: &ScriptMatch, mut sink: impl FnMut(Event)) {
        self.classifier
            .prompt(&found.script_id, found.confidence, &mut |answer| sink(Event::Answer(answer)));
    }

    /// Ends the call; `sink` is told which side an event belongs to by whether
    /// it is the far one's.
    pub fn finish(&mut self, now: Instant, mut sink: impl FnMut(bool, Event)) {
        self.far.finish(&mut |spurt| sink(true, Event::Speech(spurt)));
        self.near.finish(&mut |spurt| sink(false, Event::Speech(spurt)));
        if self.near_heard {
            self.observer.finish(now, &mut |b| sink(true, Event::Behaviour(b)));
        }
    }
}
