//! A closer look at a stretch of sound: lines that a frame cannot tell apart.

use std::{f64::consts::PI, sync::Arc};

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

use super::lines::BAND;
use crate::{
    audio::{HOP, WINDOW},
    finding::RATE_HZ,
    level::db,
    numeric::greatest,
};

/// Longest stretch looked at: 256 ms, whose Hann window tells lines 12 Hz apart.
pub const LENGTH: usize = 2048;

const BIN_HZ: f32 = RATE_HZ as f32 / LENGTH as f32;

/// Where the lines of call progress tones are, in bins: 250 to 700 Hz.
const PROGRESS: std::ops::Range<usize> = 64..180;

/// Hops of samples kept: the longest stretch, and how late its end is known.
const HOPS: usize = 32;

/// Lines weaker than this against the strongest are not counted (−14 dB):
/// codecs leave artefacts there.
const WEAKEST: f32 = 0.04;

/// Most lines counted.
pub const LINES: usize = 4;

/// The last third of a second of a side.
#[derive(Clone)]
pub struct History {
    /// Allocated as they are: on the way through a stack they would dirty it.
    hops: Box<[[i16; HOP]]>,
    /// Consecutive hops in it.
    whole: usize,
    newest: u64,
}

impl Default for History {
    fn default() -> Self {
        History { hops: vec![[0; HOP]; HOPS].into(), whole: 0, newest: 0 }
    }
}

impl History {
    /// Adds the newest hop.
    pub fn push(&mut self, index: u64, hop: &[f32; HOP]) {
        let to = &mut self.hops[index as usize % HOPS];
        for (to, from) in to.iter_mut().zip(hop) {
            *to = (from * 32_768.0) as i16;
        }
        self.whole = (self.whole + 1).min(HOPS);
        self.newest = index;
    }

    /// Notes that audio is missing.
    pub fn miss(&mut self) {
        self.whole = 0;
    }
}

/// What a closer look shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// Lines found.
    pub count: usize,
    /// Their frequencies in Hz, ascending.
    pub hz: [f32; LINES],
    /// Share of the power that they hold.
    pub share: f32,
}

impl Look {
    /// The frequencies found.
    pub fn frequencies(&self) -> &[f32] {
        &self.hz[..self.count]
    }
}

/// The transform, shared by all sessions.
pub struct Zoom {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    scratch: Vec<Complex<f32>>,
}

impl Default for Zoom {
    fn default() -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(LENGTH);
        let window = |n: usize| (0.5 - 0.5 * (2.0 * PI * n as f64 / LENGTH as f64).cos()) as f32;
        Zoom { window: (0..LENGTH).map(window).collect(), scratch: fft.make_scratch_vec(), fft }
    }
}

impl Zoom {
    /// Looks at the samples from `start` to `end` on the side's clock, or at as
    /// many before `end` as there are.
    ///
    /// Its buffers are on the stack, whose pages are used by all, and no part of a
    /// caller's frame, below which everything else would be.
    #[inline(never)]
    pub fn look(&mut self, history: &History, start: u64, end: u64) -> Look {
        let known_to = (history.newest + 1) * HOP as u64;
        let known_from = known_to - (history.whole * HOP) as u64;
        let end = end.min(known_to);
        let start = start.max(known_from).max(end.saturating_sub(LENGTH as u64));
        if end < start + WINDOW as u64 {
            return Look::default();
        }
        let length = (end - start) as usize;
        let mut input = [0.0; LENGTH];
        for (n, to) in input[..length].iter_mut().enumerate() {
            let at = start as usize + n;
            let sample = history.hops[at / HOP % HOPS][at % HOP];
            *to = f32::from(sample) * self.window[n * LENGTH / length];
        }
        let mut output = [Complex::default(); LENGTH / 2 + 1];
        self.fft
            .process_with_scratch(&mut input, &mut output, &mut self.scratch)
            .expect("buffers have the planned lengths");
        // The transform has left nothing of use in its input.
        let power = &mut input[..output.len()];
        for (p, x) in power.iter_mut().zip(&output) {
            *p = x.re * x.re + x.im * x.im;
        }
        Look::of(power, length)
    }
}

impl Look {
    /// What the spectrum of a stretch of this length shows.
    fn of(power: &[f32], length: usize) -> Look {
        let highest = greatest(&power[PROGRESS]);
        let mut peaks: [(f32, usize); LINES + 1] = [(0.0, 0); LINES + 1];
        for k in PROGRESS {
            let p = power[k];
            if p >= WEAKEST * highest && p > power[k - 1] && p >= power[k + 1] {
                peaks[LINES] = (p, k);
                peaks.sort_by(|a, b| b.0.total_cmp(&a.0));
            }
        }
        // More than can be counted is not a tone.
        if peaks[LINES].0 > 0.0 {
            return Look::default();
        }
        let mut look =
            Look { count: peaks.iter().filter(|p| p.0 > 0.0).count(), ..Look::default() };
        let peaks = &mut peaks[..look.count];
        peaks.sort_by_key(|p| p.1);
        // Lobes may overlap: every bin counts once.
        let width = 2 * LENGTH / length;
        let (mut held, mut next) = (0.0, 0);
        for (n, (_, k)) in peaks.iter().enumerate() {
            // A parabola through the decibels of the peak and its neighbours.
            let [left, here, right] = [power[k - 1], power[*k], power[k + 1]].map(db);
            let delta = 0.5 * (left - right) / (left - 2.0 * here + right).min(-1e-3);
            look.hz[n] = (*k as f32 + delta.clamp(-0.5, 0.5)) * BIN_HZ;
            held += power[next.max(k - width)..=k + width].iter().sum::<f32>();
            next = k + width + 1;
        }
        const BINS_PER_BIN: usize = LENGTH / WINDOW;
        let band = BAND.start() * BINS_PER_BIN..BAND.end() * BINS_PER_BIN;
        let total: f32 = power[band].iter().sum();
        look.share = if total > 0.0 { held / total } else { 0.0 };
        look
    }
}
