//! Talk-spurts of one side: who speaks when, whatever the noise.
//!
//! A hop is active when its level is well above the background's and not far
//! below the speech heard so far. The background is the mean of what is not
//! active; no less than the least level of the last 1.5 s, and the level itself
//! where it has not moved for 0.4 s, which speech never does.
//! Pauses of less than 200 ms are part of a spurt (ITU-T P.59).

use crate::{
    audio::HOP,
    finding::{Instant, TalkSpurt},
    level::Dbm0,
};

/// Active hops are above the background by this much, dB, and by this many
/// mean deviations of it: hiss hardly moves, babble does.
const ABOVE_BACKGROUND_DB: f32 = 3.5;
const ABOVE_DEVIATIONS: f32 = 2.8;

/// … but whatever the background was thought to be, what is above the noise by
/// this much, dB, is active: babble's mean is some 6 dB above its least.
const ABOVE_NOISE_MAX_DB: f32 = 15.0;

/// Deviation assumed at the beginning, dB, and the most that a hop can add.
const DEVIATION_DB: f32 = 1.5;
const DEVIATION_MAX_DB: f32 = 5.0;

/// Share that a hop has in background and deviation.
const BACKGROUND: f32 = 0.04;

/// … and no further below the active speech level, dB: what is, is somebody in
/// the background (ITU-T P.56 takes 15.9 dB for the speech itself).
const BELOW_SPEECH_DB: f32 = 20.0;

/// … and above this in any case.
const FLOOR_DBM0: f32 = -48.0;

/// Active speech level assumed before there was any speech.
const SPEECH_DBM0: f32 = -35.0;

/// The other side's echo is at least this much weaker than it was, dB, and
/// comes within [`ECHO_HOPS`].
const ECHO_LOSS_DB: f32 = 18.0;
const ECHO_HOPS: usize = 40;

/// What is louder is not taken for noise.
const NOISE_MAX_DBM0: f32 = -28.0;

/// Blocks of the minimum, hops each: 1.5 s in all.
const BLOCKS: usize = 5;
const BLOCK_HOPS: u32 = 30;

/// A level that varies by less than this over [`STEADY_HOPS`] is noise, dB.
const STEADY_DB: f32 = 5.0;
const STEADY_HOPS: u32 = 40;

/// Share of the old in the smoothed power: 25 ms.
const SMOOTH: f32 = 0.67;

/// A spurt is established by this many active hops …
const ESTABLISHED_HOPS: u32 = 10;

/// … none of them further from the next than this: the 200 ms of ITU-T P.59.
pub const PAUSE_HOPS: u64 = 20;

/// Where a spurt stands.
#[derive(Debug, Clone, Copy)]
struct Spurt {
    start: u64,
    last: u64,
    active: u32,
    power: f32,
    told: bool,
}

/// What a hop is besides its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// Speech or noise.
    Open,
    /// It may be a tone: no spurt is established by it.
    Undecided,
    /// A tone.
    Tone,
}

/// Finds the talk-spurts of a side.
#[derive(Debug, Clone)]
pub struct Spurts {
    smooth: f32,
    noise_db: f32,
    background_db: f32,
    deviation_db: f32,
    blocks: [f32; BLOCKS],
    hops_in_block: u32,
    /// Since when, in hops, the level has stayed between the two.
    steady_hops: u32,
    lowest_db: f32,
    highest_db: f32,
    /// Active speech level, mean square.
    speech: f32,
    spurt: Option<Spurt>,
    /// Levels of the last hops, for the other side's echo.
    recent_db: [f32; 4],
}

impl Default for Spurts {
    fn default() -> Self {
        Spurts {
            smooth: 0.0,
            noise_db: NOISE_MAX_DBM0,
            background_db: f32::MIN,
            deviation_db: DEVIATION_DB,
            blocks: [NOISE_MAX_DBM0; BLOCKS],
            hops_in_block: 0,
            steady_hops: 0,
            lowest_db: 0.0,
            highest_db: 0.0,
            speech: 0.0,
            spurt: None,
            recent_db: [f32::MIN; 4],
        }
    }
}

impl Spurts {
    /// Whether somebody speaks, pauses within a spurt included.
    pub fn talking_since(&self) -> Option<u64> {
        self.spurt.filter(|s| s.told).map(|s| s.start)
    }

    /// The last active hop of the spurt that lasts.
    pub fn last_active(&self) -> Option<u64> {
        self.spurt.filter(|s| s.told).map(|s| s.last)
    }

    /// How far the active speech level is above the background, dB.
    pub fn contrast_db(&self) -> f32 {
        Dbm0::of_mean_square(self.speech).0 - self.background_db.max(self.noise_db)
    }

    /// The loudest of the last 0.4 s.
    pub fn loudest(&self) -> Dbm0 {
        Dbm0(self.recent_db.iter().fold(f32::MIN, |a, b| a.max(*b)))
    }

    /// Takes a hop (`None`: missing), given the loudest of the other side's last
    /// 0.4 s; returns whether it is active, and hands what it made known to `sink`.
    pub fn push(
        &mut self,
        index: u64,
        hop: Option<&[f32; HOP]>,
        nature: Nature,
        other: Dbm0,
        sink: &mut impl FnMut(TalkSpurt),
    ) -> bool {
        let mut active = false;
        if let Some(hop) = hop
            && nature != Nature::Tone
        {
            let power = variance(hop);
            self.smooth = SMOOTH * self.smooth + (1.0 - SMOOTH) * power;
            let level = Dbm0::of_mean_square(self.smooth).0;
            self.follow_noise(level);
            let speech =
                if self.speech > 0.0 { Dbm0::of_mean_square(self.speech).0 } else { SPEECH_DBM0 };
            let background = self.background_db.max(self.noise_db);
            let margin = ABOVE_BACKGROUND_DB + ABOVE_DEVIATIONS * self.deviation_db;
            let threshold = (background + margin)
                .min(self.noise_db + ABOVE_NOISE_MAX_DB)
                .max(speech - BELOW_SPEECH_DB)
                .max(other.0 - ECHO_LOSS_DB)
                .max(FLOOR_DBM0);
            self.remember(index, level);
            active = level > threshold;
            if active {
                self.speak(index, power);
            } else if self.spurt.is_none() {
                let off = level - background;
                self.background_db = background + BACKGROUND * off;
                let deviation = off.abs().min(DEVIATION_MAX_DB);
                self.deviation_db += BACKGROUND * (deviation - self.deviation_db);
            }
        } else {
            self.remember(index, f32::MIN);
            if nature == Nature::Tone {
                // Its beginning was taken in; its end shall not ring on as speech.
                self.smooth = 0.0;
            }
        }
        self.judge(index, nature, hop.is_none(), sink);
        active
    }

    /// Ends what lasts.
    pub fn finish(&mut self, sink: &mut impl FnMut(TalkSpurt)) {
        if let Some(spurt) = self.spurt.take().filter(|s| s.told) {
            sink(spurt.finding(true));
        }
    }

    fn remember(&mut self, index: u64, level: f32) {
        let slots = self.recent_db.len();
        let slot = index as usize / (ECHO_HOPS / slots) % slots;
        if index.is_multiple_of((ECHO_HOPS / slots) as u64) {
            self.recent_db[slot] = f32::MIN;
        }
        self.recent_db[slot] = self.recent_db[slot].max(level);
    }

    fn follow_noise(&mut self, level: f32) {
        if self.hops_in_block == BLOCK_HOPS {
            self.blocks.rotate_right(1);
            self.blocks[0] = NOISE_MAX_DBM0;
            self.hops_in_block = 0;
        }
        self.hops_in_block += 1;
        self.blocks[0] = self.blocks[0].min(level);
        self.noise_db = self.blocks.iter().fold(f32::MAX, |a, b| a.min(*b));
        let (lowest, highest) = (self.lowest_db.min(level), self.highest_db.max(level));
        if highest - lowest > STEADY_DB {
            self.steady_hops = 0;
            (self.lowest_db, self.highest_db) = (level, level);
        } else {
            self.steady_hops += 1;
            (self.lowest_db, self.highest_db) = (lowest, highest);
        }
        if self.steady_hops >= STEADY_HOPS {
            self.steady_hops = 0;
            self.blocks = [lowest; BLOCKS];
            self.noise_db = lowest;
            self.background_db = level;
            // It was taken for speech.
            if self.spurt.is_some_and(|s| !s.told) {
                self.spurt = None;
            }
        }
    }

    fn speak(&mut self, index: u64, power: f32) {
        let spurt = self.spurt.get_or_insert(Spurt {
            start: index,
            last: index,
            active: 0,
            power: 0.0,
            told: false,
        });
        spurt.last = index;
        spurt.active += 1;
        spurt.power += power;
        // The active speech level forgets within seconds.
        const FORGET: f32 = 0.005;
        self.speech =
            if self.speech > 0.0 { self.speech + FORGET * (power - self.speech) } else { power };
    }

    fn judge(
        &mut self,
        index: u64,
        nature: Nature,
        missing: bool,
        sink: &mut impl FnMut(TalkSpurt),
    ) {
        let Some(spurt) = &mut self.spurt else { return };
        if missing {
            // What was not heard is no pause.
            spurt.last += u64::from(index > spurt.last);
            return;
        }
        if nature == Nature::Tone && !spurt.told {
            self.spurt = None;
        } else if !spurt.told && spurt.active >= ESTABLISHED_HOPS && nature == Nature::Open {
            spurt.told = true;
            sink(spurt.finding(false));
        } else if index >= spurt.last + PAUSE_HOPS {
            if spurt.told {
                sink(spurt.finding(true));
            }
            self.spurt = None;
        }
    }
}

impl Spurt {
    fn finding(&self, ended: bool) -> TalkSpurt {
        let hop = HOP as u64;
        TalkSpurt {
            start: Instant(self.start * hop),
            end: ended.then_some(Instant((self.last + 1) * hop)),
            level: Dbm0::of_mean_square(self.power / self.active.max(1) as f32),
        }
    }
}

/// Mean square without the mean: no direct current.
fn variance(hop: &[f32; HOP]) -> f32 {
    let (mut sums, mut squares) = ([0.0f32; 8], [0.0f32; 8]);
    for eight in hop.chunks_exact(8) {
        for lane in 0..8 {
            sums[lane] += eight[lane];
            squares[lane] += eight[lane] * eight[lane];
        }
    }
    let n = HOP as f32;
    let mean = sums.iter().sum::<f32>() / n;
    (squares.iter().sum::<f32>() / n - mean * mean).max(0.0)
}
