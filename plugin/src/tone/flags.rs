//! Flags of a fax preamble: ITU-T T.30 §5.3.1, sent by V.21 channel 2.
//!
//! 300 bit/s, 1650 Hz for 1 and 1850 Hz for 0; a flag is 01111110. A sample
//! times the one eight before it is, on average, negative for 1650 Hz and
//! positive for 1850 Hz (eight samples are 3.3 and 3.7 half turns).

use crate::{
    audio::{BINS, HOP},
    finding::{Instant, RATE_HZ},
    level::{Dbm0, mean_square},
};

/// Channel 2 with its side bands: 1531 to 1969 Hz.
const CHANNEL: std::ops::RangeInclusive<usize> = 49..=63;

/// Share of the power that is in the channel while there are flags.
const SHARE_MIN: f32 = 0.8;

/// Quietest preamble.
const FLOOR: Dbm0 = Dbm0(-43.0);

/// Delay of the product, samples.
const DELAY: usize = 8;

/// Products averaged: less than a bit.
const AVERAGED: usize = 20;

/// The average must be this far from zero, as a share of the power, to count
/// as the other frequency: between them it passes zero more than once.
const CLEAR: f32 = 0.15;

/// Samples per bit.
const BIT: f32 = RATE_HZ as f32 / 300.0;

/// Between two 0 bits of adjacent flags there are six 1 bits.
const ONES: f32 = 6.0 * BIT;
const ZEROS: f32 = 2.0 * BIT;

/// How far the length of a run may be off.
const OFF: f32 = 0.6 * BIT;

/// Flags in a row that are a preamble: 160 ms of one second.
const FLAGS: u32 = 6;

/// Frames without the channel's power until it is over.
const END_FRAMES: u32 = 3;

/// A preamble.
#[derive(Debug, Clone, Copy)]
pub struct Flags {
    /// Where the first flag begins.
    pub start: Instant,
    /// Where the last ends; `None` while they last.
    pub end: Option<Instant>,
    /// Mean level.
    pub level: Dbm0,
}

/// Listens for preambles on one side.
#[derive(Debug, Clone, Default)]
pub struct FlagReceiver {
    listening: bool,
    quiet_frames: u32,
    samples: [f32; DELAY],
    products: [f32; AVERAGED],
    at: usize,
    sum: f32,
    ones: bool,
    /// Length of the present run, and the instant where it began.
    run: u32,
    flags: u32,
    first_flag: u64,
    last_flag: u64,
    told: bool,
    power: f32,
    frames: f32,
}

impl FlagReceiver {
    /// Whether flags are heard, known or not yet.
    pub fn are_heard(&self) -> bool {
        self.told || self.flags > 1
    }

    /// Ends what is there.
    pub fn finish(&mut self) -> Option<Flags> {
        let told = self.told.then(|| self.flags(Some(self.last_flag)));
        *self = FlagReceiver::default();
        told
    }

    fn flags(&self, end: Option<u64>) -> Flags {
        Flags {
            start: Instant(self.first_flag),
            end: end.map(Instant),
            level: Dbm0::of_power(self.power / self.frames.max(1.0)),
        }
    }

    /// Takes a frame; returns what it made known.
    pub fn push(
        &mut self,
        index: u64,
        power: &[f32; BINS],
        total: f32,
        hop: &[f32; HOP],
    ) -> Option<Flags> {
        let own: f32 = power[CHANNEL].iter().sum();
        let there = own >= SHARE_MIN * total && Dbm0::of_power(own) >= FLOOR;
        if !there {
            if !self.listening {
                return None;
            }
            self.quiet_frames += 1;
            if self.quiet_frames >= END_FRAMES {
                return self.finish();
            }
        } else {
            self.listening = true;
            self.quiet_frames = 0;
            self.power += own;
            self.frames += 1.0;
        }
        let begin = index * HOP as u64;
        let clear = CLEAR * AVERAGED as f32 * mean_square(own);
        for (n, sample) in hop.iter().enumerate() {
            self.hear(*sample, begin + n as u64, clear);
        }
        if self.flags >= FLAGS && !self.told {
            self.told = true;
            return Some(self.flags(None));
        }
        None
    }

    fn hear(&mut self, sample: f32, now: u64, clear: f32) {
        let old = &mut self.samples[now as usize % DELAY];
        let product = sample * *old;
        *old = sample;
        let oldest = &mut self.products[self.at];
        self.sum += product - *oldest;
        *oldest = product;
        self.at = (self.at + 1) % AVERAGED;
        let ones = self.sum < if self.ones { clear } else { -clear };
        if ones == self.ones {
            self.run += 1;
            return;
        }
        let expected = if self.ones { ONES } else { ZEROS };
        let fits = (self.run as f32 - expected).abs() <= OFF;
        if !fits {
            if !self.told {
                self.flags = 0;
            }
        } else if self.ones {
            // The averaging is late by half its length.
            let end = now.saturating_sub(AVERAGED as u64 / 2) + BIT as u64;
            if self.flags == 0 {
                self.first_flag = end.saturating_sub((8.0 * BIT) as u64);
            }
            self.flags += 1;
            self.last_flag = end;
        }
        self.ones = ones;
        self.run = 1;
    }
}
