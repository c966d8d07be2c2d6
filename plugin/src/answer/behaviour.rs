//! How the far side behaves towards ours.
//!
//! A person stops, or at least falters, when spoken to; a playback does not
//! hear. A dialer's robot waits for a voice and gives up without one. And a
//! person who takes over from a robot has another voice, on another line.

use super::voice::Voice;
use crate::{
    audio::BINS,
    finding::{Behaviour, BehaviourKind, Instant, RATE_HZ, TalkSpurt},
};

/// Samples per millisecond.
const MS: u64 = RATE_HZ as u64 / 1_000;

/// Our own side's spurts shorter than this (ms) are "yes" and "mhm": nobody
/// stops for them.
const INTERRUPTION_MS: u64 = 600;

/// Whoever has stopped by this long (ms) after an interruption began has heard it.
const YIELDS_MS: u64 = 1_000;

/// Share of an interruption that the far side talks through, if it does.
const THROUGH_SHARE: f32 = 0.8;

/// Interrupted speech (ms) that suffices, and the confidence it gives; it is
/// told again at the second.
const THROUGH_MS: [(u64, f32); 2] = [(1_500, 0.8), (4_000, 0.95)];

/// With us silent, the far side silent for this long (ms) waits for us. People
/// ask again sooner.
const WAITS_MS: u64 = 7_000;

/// Strangeness from which another voice has taken over, see
/// [`super::voice::Difference`], and where it is certain.
const STRANGE: (f32, f32) = (2.75, 4.5);

/// A pause shorter than this (ms) does not end a turn.
const TURN_PAUSE_MS: u64 = 600;

/// Turns of the far side remembered.
const TURNS: usize = 8;

/// Observes both sides.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    /// Beginnings and ends, the latest first.
    far_turns: [Option<(u64, u64)>; TURNS],
    far_speech: u64,
    far_last: u64,
    near_spoke_at: Option<u64>,
    through: u64,
    through_told: usize,
    waited: bool,
    before: Voice,
    after: Voice,
    handed_over: bool,
}

/// The far side's spurt that lasts: where it began and was last active.
pub type Lasting = Option<(Instant, Instant)>;

impl Observer {
    /// The far side's speech: whether our side has spoken decides on which side
    /// of the comparison it goes.
    pub fn hear_voice(&mut self, power: &[f32; BINS], sink: &mut impl FnMut(Behaviour)) {
        if self.near_spoke_at.is_none() {
            return self.before.add(power);
        }
        if self.handed_over || !self.before.is_known() {
            return;
        }
        self.after.add(power);
        if !self.after.is_known_anew() {
            return;
        }
        let difference = self.before.difference(&self.after);
        let strangeness = difference.strangeness();
        if strangeness >= STRANGE.0 {
            self.handed_over = true;
            let certain = ((strangeness - STRANGE.0) / (STRANGE.1 - STRANGE.0)).min(1.0);
            sink(Behaviour {
                kind: BehaviourKind::HandedOver,
                cause: format!("HANDOVER-{:.1}-{:.1}", difference.spectrum_db, difference.level_db),
                confidence: 0.6 + 0.35 * certain,
            });
        }
    }

    /// A spurt of the far side has ended.
    pub fn far_spurt(&mut self, spurt: &TalkSpurt) {
        let Some(end) = spurt.end else { return };
        let turn = self.turn(spurt.start.0, end.0);
        if self.far_turns[0].is_none_or(|(from, _)| from != turn.0) {
            self.far_turns.rotate_right(1);
        }
        self.far_turns[0] = Some(turn);
        self.far_speech += end.0 - spurt.start.0;
        self.far_last = end.0;
    }

    /// The turn that a spurt is part of.
    fn turn(&self, start: u64, end: u64) -> (u64, u64) {
        match self.far_turns[0] {
            Some((from, to)) if start < to + TURN_PAUSE_MS * MS => (from, end),
            _ => (start, end),
        }
    }

    /// A spurt of our side began, or has ended; `lasting` is the far side's.
    pub fn near_spurt(
        &mut self,
        spurt: &TalkSpurt,
        lasting: Lasting,
        sink: &mut impl FnMut(Behaviour),
    ) {
        self.near_spoke_at.get_or_insert(spurt.start.0);
        let Some(end) = spurt.end else { return };
        let (start, end) = (spurt.start.0, end.0);
        let length = end - start;
        if length < INTERRUPTION_MS * MS {
            return;
        }
        let now = lasting.map(|(from, to)| self.turn(from.0, to.0));
        let past = self.far_turns.iter().flatten().copied();
        let turns = || {
            let past = past.clone().filter(|t| now.is_none_or(|n| n.0 != t.0));
            past.chain(now)
        };
        let overlap: u64 =
            turns().map(|(from, to)| to.min(end).saturating_sub(from.max(start))).sum();
        let talked_before =
            turns().any(|(from, to)| from + YIELDS_MS * MS / 2 < start && to > start);
        let goes_on = turns().any(|(from, to)| {
            let reached = (start + YIELDS_MS * MS).min(end);
            from < reached && to >= reached
        });
        if !talked_before || !goes_on || (overlap as f32) < THROUGH_SHARE * length as f32 {
            // It has heard us.
            self.through /= 2;
            return;
        }
        self.through += overlap;
        let through_ms = self.through / MS;
        while let Some((least, confidence)) = THROUGH_MS.get(self.through_told) {
            if through_ms < *least {
                break;
            }
            self.through_told += 1;
            sink(Behaviour {
                kind: BehaviourKind::TalksThrough,
                cause: format!("TALKSTHROUGH-{through_ms}"),
                confidence: *confidence,
            });
        }
    }

    /// A hop of the far side has passed in which nobody spoke.
    pub fn silence(&mut self, now: Instant, sink: &mut impl FnMut(Behaviour)) {
        let silent = now.0.saturating_sub(self.far_last) / MS;
        if self.near_spoke_at.is_none() && !self.waited && silent >= WAITS_MS {
            self.waited = true;
            self.tell_waiting(silent, 0.6, sink);
        }
    }

    /// The call ends.
    pub fn finish(&mut self, now: Instant, sink: &mut impl FnMut(Behaviour)) {
        let silent = now.0.saturating_sub(self.far_last) / MS;
        if self.near_spoke_at.is_none() && silent >= WAITS_MS / 2 {
            self.tell_waiting(silent, 0.7, sink);
        }
    }

    fn tell_waiting(&self, silent: u64, confidence: f32, sink: &mut impl FnMut(Behaviour)) {
        sink(Behaviour {
            kind: BehaviourKind::WaitsForSpeech,
            cause: format!("WAITS-{silent}-{}", self.far_speech / MS),
            confidence,
        });
    }
}
