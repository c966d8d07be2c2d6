//! Short-time spectra: 32 ms Hann window every 10 ms.

use std::{f64::consts::PI, sync::Arc};

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

use super::Chunk;
use crate::{finding::Instant, limits};

/// Samples between spectra: 10 ms.
pub const HOP: usize = 80;

/// Samples a spectrum covers: 32 ms, the FFT's length.
pub const WINDOW: usize = 256;

/// Bins of a spectrum: 0 to 4000 Hz in steps of 31.25 Hz.
pub const BINS: usize = WINDOW / 2 + 1;

/// The transform, shared by all sessions: plan once, then no allocation.
pub struct Spectrum {
    fft: Arc<dyn RealToComplex<f32>>,
    window: [f32; WINDOW],
    input: [f32; WINDOW],
    output: [Complex<f32>; BINS],
    scratch: Vec<Complex<f32>>,
    power: [f32; BINS],
}

impl Default for Spectrum {
    fn default() -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(WINDOW);
        // Periodic Hann. In double precision, so that native and wasm round to
        // the same single-precision value.
        let window = std::array::from_fn(|n| {
            (0.5 - 0.5 * (2.0 * PI * n as f64 / WINDOW as f64).cos()) as f32
        });
        let scratch = fft.make_scratch_vec();
        Spectrum {
            fft,
            window,
            input: [0.0; WINDOW],
            output: [Complex::default(); BINS],
            scratch,
            power: [0.0; BINS],
        }
    }
}

impl Spectrum {
    /// |X|² of the windowed `samples` (oldest first, in two parts).
    fn power(&mut self, older: &[f32], newer: &[f32]) -> &[f32; BINS] {
        let (first, second) = self.input.split_at_mut(older.len());
        let (rising, falling) = self.window.split_at(older.len());
        for (to, from, window) in [(first, older, rising), (second, newer, falling)] {
            for ((to, from), w) in to.iter_mut().zip(from).zip(window) {
                *to = from * w;
            }
        }
        self.fft
            .process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch)
            .expect("buffers have the planned lengths");
        for (p, x) in self.power.iter_mut().zip(&self.output) {
            *p = x.re * x.re + x.im * x.im;
        }
        &self.power
    }
}

/// One side's last window of samples, cut into frames.
pub struct Stft {
    ring: [f32; WINDOW],
    /// Samples taken so far, gaps included: the side's clock.
    taken: u64,
    /// Where the audio without a gap begins.
    whole_from: u64,
}

/// What a hop of one side brings.
pub struct Frame<'a> {
    /// Hops since the call began. The next frame's index is one more, except
    /// after a gap beyond which nothing is remembered.
    pub index: u64,
    /// The clock of the audio given when the frame was known: the end of its
    /// window, or later where a resampler's delay comes to it.
    pub known_at: Instant,
    /// None where the window is not whole: audio is missing, or the call has
    /// just begun.
    pub sound: Option<Sound<'a>>,
}

/// What a whole window holds.
pub struct Sound<'a> {
    /// |X|² per bin; a full-scale sine has (256/4)².
    pub power: &'a [f32; BINS],
    /// The last 80 samples, full scale ±1.
    pub hop: &'a [f32; HOP],
}

impl Default for Stft {
    fn default() -> Self {
        Stft { ring: [0.0; WINDOW], taken: 0, whole_from: 0 }
    }
}

impl Stft {
    /// Takes a piece of the stream and hands every complete frame to `sink`.
    pub fn push(&mut self, spectrum: &mut Spectrum, chunk: Chunk, mut sink: impl FnMut(Frame)) {
        match chunk {
            Chunk::Audio { mut samples, given } => {
                while !samples.is_empty() {
                    let at = self.taken as usize % WINDOW;
                    let to_hop = HOP - self.taken as usize % HOP;
                    let n = samples.len().min(to_hop).min(WINDOW - at);
                    let (now, rest) = samples.split_at(n);
                    self.ring[at..at + n].copy_from_slice(now);
                    self.taken += n as u64;
                    samples = rest;
                    if self.taken.is_multiple_of(HOP as u64) {
                        self.frame(spectrum, given, &mut sink);
                    }
                }
            }
            Chunk::Gap(n) => {
                if n == 0 {
                    return;
                }
                let hop = HOP as u64;
                let mut first = self.taken / hop;
                self.taken += n;
                self.whole_from = self.taken;
                let end = self.taken / hop;
                if n > limits::GAP_HOPS * hop {
                    first = end - 1;
                }
                for index in first..end {
                    sink(Frame { index, known_at: Instant((index + 1) * hop), sound: None });
                }
            }
        }
    }

    fn frame(&mut self, spectrum: &mut Spectrum, given: Instant, sink: &mut impl FnMut(Frame)) {
        let index = self.taken / HOP as u64 - 1;
        let known_at = Instant(self.taken).max(given);
        if self.taken - self.whole_from < WINDOW as u64 {
            return sink(Frame { index, known_at, sound: None });
        }
        let at = self.taken as usize % WINDOW;
        let (newer, older) = self.ring.split_at(at);
        let power = spectrum.power(older, newer);
        let hop = std::array::from_fn(|n| self.ring[(at + WINDOW - HOP + n) % WINDOW]);
        sink(Frame { index, known_at, sound: Some(Sound { power, hop: &hop }) });
    }
}
