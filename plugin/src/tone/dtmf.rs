//! Keys of the telephone keypad (ITU-T Q.23), received as Q.24 asks.

use super::{
    lines::{Lines, bin_of, lobe},
    steady::middle,
};
use crate::{
    audio::{BINS, HOP, WINDOW},
    finding::{Instant, RATE_HZ},
    level::{Dbm0, db},
};

/// ITU-T Q.23 §4.
const LOW_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH_HZ: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Q.24 (AT&T): ±1.5 % is a key, ±3.5 % is not. A frame that an edge cuts is
/// off by more than the mean of all is.
const FREQUENCY_TOLERANCE: f32 = 0.027;
const MEAN_FREQUENCY_TOLERANCE: f32 = 0.018;

/// Q.24: the high group 4 dB stronger to 8 dB weaker; a margin of 2.5 dB for
/// codecs. With 1.5 dB, 4 of 320 keys through GSM and G.729 were lost; with
/// this, none, nor was any heard in 3 hours of speech.
const TWIST_DB: std::ops::RangeInclusive<f32> = -10.5..=6.5;

/// Share of the power that the two lines hold in a frame, and in the mean of all
/// of a key's. Measured, 99 % of keys through G.711, GSM and G.729 have a mean of
/// .90 or more; of what speech simulates, three in four have less than .83.
const SHARE_MIN: f32 = 0.8;
const MEAN_SHARE_MIN: f32 = 0.86;

/// Samples of a key per frame that shows it, at most; the first such frame may
/// be missing.
const SAMPLES_PER_FRAME: f32 = 160.0;

/// Quietest key: −25 dBm per frequency in Q.24, and 15 dB for attenuation.
const FLOOR: Dbm0 = Dbm0(-42.0);

/// Q.24: 40 ms is a key, 23 ms is not.
const SHORTEST: f32 = 0.031 * RATE_HZ as f32;

/// Frames below half of the amplitude until a key is up: Q.24 has interruptions
/// of 10 ms within a key, and pauses of 30 ms between keys.
const UP_FRAMES: u32 = 2;

/// Spectra's two amplitudes remembered, to find the beginning in.
const RECENT: usize = 5;

/// A key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// 0 to 9, *, #, A to D.
    pub key: char,
    /// Where it begins.
    pub start: Instant,
    /// Where it ends; `None` while it is down.
    pub end: Option<Instant>,
    /// Its two frequencies as measured, in Hz.
    pub hz: [f32; 2],
    /// Level of both together.
    pub level: Dbm0,
}

#[derive(Debug, Clone, Copy, Default)]
struct Down {
    row: usize,
    column: usize,
    frames: u32,
    start: f32,
    peak: f32,
    hz_sum: [f32; 2],
    share_sum: f32,
    heard: u64,
    heard_amplitude: f32,
    after_amplitude: f32,
    up_frames: u32,
    told: bool,
}

impl Down {
    fn key(&self, end: Option<f32>) -> Key {
        let n = self.frames.max(1) as f32;
        Key {
            key: KEYS[self.row][self.column],
            start: Instant(self.start.max(0.0) as u64),
            end: end.map(|e| Instant(e as u64)),
            hz: self.hz_sum.map(|sum| sum / n),
            level: Dbm0::of_power(self.peak * self.peak),
        }
    }
}

/// Follows the keys of one side.
#[derive(Debug, Clone, Default)]
pub struct Keypad {
    down: Option<Down>,
    /// Per row and column, in the last frames.
    recent: [([f32; 4], [f32; 4]); RECENT],
    whole: u32,
}

impl Keypad {
    /// Whether a key is, or may be, down.
    pub fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// Whether a key is down.
    pub fn is_told(&self) -> bool {
        self.down.is_some_and(|d| d.told)
    }

    /// Notes a frame whose audio is missing.
    pub fn miss(&mut self) -> Option<Key> {
        self.whole = 0;
        self.finish()
    }

    /// Ends what is there where it was last heard.
    pub fn finish(&mut self) -> Option<Key> {
        let down = self.down.take()?;
        let end = middle(down.heard) + (WINDOW / 2) as f32;
        down.told.then(|| down.key(Some(end)))
    }

    /// Takes a frame; returns what it made known.
    pub fn push(&mut self, index: u64, power: &[f32; BINS], lines: &Lines) -> Option<Key> {
        self.whole += 1;
        let found = recognise(lines);
        self.remember(index, power);
        match (&self.down, found) {
            (None, Some((row, column, _))) => self.begin(index, row, column),
            (Some(down), Some((row, column, _))) if (down.row, down.column) != (row, column) => {
                // Another key without a pause: not a key at all, as likely as not.
                let key = self.finish();
                self.begin(index, row, column);
                if key.is_some() {
                    return key;
                }
            }
            _ => {}
        }
        let share = (lines.lines[0].power + lines.lines[1].power) / lines.total;
        self.go_on(index, share, found.map(|f| f.2))
    }

    fn remember(&mut self, index: u64, power: &[f32; BINS]) {
        let of = |hz: [f32; 4]| hz.map(|hz| lobe(power, bin_of(hz)));
        self.recent[index as usize % RECENT] = (of(LOW_HZ), of(HIGH_HZ));
    }

    fn amplitude(&self, index: u64, row: usize, column: usize) -> f32 {
        let (low, high) = &self.recent[index as usize % RECENT];
        (low[row] + high[column]).sqrt()
    }

    fn begin(&mut self, index: u64, row: usize, column: usize) {
        self.down = Some(Down { row, column, heard: index, start: -1.0, ..Down::default() });
    }

    fn go_on(&mut self, index: u64, share: f32, hz: Option<[f32; 2]>) -> Option<Key> {
        let mut down = self.down?;
        let amplitude = self.amplitude(index, down.row, down.column);
        down.peak = down.peak.max(amplitude);
        if let Some(hz) = hz {
            down.frames += 1;
            down.share_sum += share;
            down.hz_sum = [down.hz_sum[0] + hz[0], down.hz_sum[1] + hz[1]];
        }
        let half = 0.5 * down.peak;
        let mut end = None;
        if amplitude >= half {
            down.heard = index;
            down.heard_amplitude = amplitude;
            down.up_frames = 0;
        } else {
            if down.up_frames == 0 {
                down.after_amplitude = amplitude;
            }
            down.up_frames += 1;
            if down.up_frames >= UP_FRAMES {
                let fall = down.heard_amplitude - down.after_amplitude;
                let share = (down.heard_amplitude - half) / fall;
                end = Some(middle(down.heard) + HOP as f32 * share);
            }
        }
        if !down.told {
            down.start = self.find_start(index, &down);
        }
        self.down = Some(down);
        if let Some(end) = end {
            self.down = None;
            let known = down.told || self.is_key(&down, end);
            return known.then(|| down.key(Some(end)));
        }
        if !down.told && amplitude >= half && self.is_key(&down, middle(index)) {
            down.told = true;
            self.down = Some(down);
            return Some(down.key(None));
        }
        None
    }

    fn is_key(&self, down: &Down, end: f32) -> bool {
        let n = down.frames.max(1) as f32;
        let off = |sum: f32, hz: f32| (sum / n - hz).abs() <= hz * MEAN_FREQUENCY_TOLERANCE;
        // A key of 40 ms fills two or three windows for the most part.
        down.frames >= 2
            && off(down.hz_sum[0], LOW_HZ[down.row])
            && off(down.hz_sum[1], HIGH_HZ[down.column])
            && down.share_sum >= MEAN_SHARE_MIN * n
            && end - down.start >= SHORTEST
            && end - down.start <= SAMPLES_PER_FRAME * (n + 1.0)
            && Dbm0::of_power(down.peak * down.peak) >= FLOOR
    }

    fn find_start(&self, index: u64, down: &Down) -> f32 {
        let half = 0.5 * down.peak;
        let oldest = index + 1 - u64::from(self.whole.min(RECENT as u32));
        let mut at = index;
        while at > oldest {
            let before = self.amplitude(at - 1, down.row, down.column);
            let here = self.amplitude(at, down.row, down.column);
            if before < half && here >= half {
                return middle(at - 1) + HOP as f32 * (half - before) / (here - before);
            }
            at -= 1;
        }
        if down.start >= 0.0 { down.start } else { middle(oldest) - (WINDOW / 2) as f32 }
    }
}

/// Row, column and measured frequencies of the key that a frame's lines are.
fn recognise(lines: &Lines) -> Option<(usize, usize, [f32; 2])> {
    if lines.count != 2 {
        return None;
    }
    let [a, b] = lines.lines;
    let (low, high) = if a.hz < b.hz { (a, b) } else { (b, a) };
    if low.power + high.power < SHARE_MIN * lines.total {
        return None;
    }
    let nearest = |hz: f32, of: &[f32; 4]| {
        of.iter().position(|own| (own - hz).abs() <= own * FREQUENCY_TOLERANCE)
    };
    let (row, column) = (nearest(low.hz, &LOW_HZ)?, nearest(high.hz, &HIGH_HZ)?);
    let twist = db(high.power) - db(low.power);
    TWIST_DB.contains(&twist).then_some((row, column, [low.hz, high.hz]))
}

/// Whether two frequencies (ascending) may be those of a key.
pub fn are_near_key(low_hz: f32, high_hz: f32) -> bool {
    let near = |hz: f32, of: &[f32; 4]| {
        of.iter().any(|own| (own - hz).abs() <= own * MEAN_FREQUENCY_TOLERANCE)
    };
    near(low_hz, &LOW_HZ) && near(high_hz, &HIGH_HZ)
}
