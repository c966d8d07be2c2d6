//! Any rate down to 8 kHz.
//!
//! rubato keeps the stream and the positions; the filters are ours, for two
//! reasons. Its own choose AVX with fused multiply-add where the processor has
//! it, and then the native build and the wasm build differ in the last bit; and
//! it computes a table per resampler, where ours are shared by all calls.

use std::{f64::consts::PI, sync::Arc};

use rubato::{
    Resampler as _, SincFixedIn, SincInterpolationType, sinc_interpolator::SincInterpolator,
};

use crate::finding::RATE_HZ;

/// Filter length in seconds. With the Blackman–Harris window the response
/// falls from −0.1 dB at 3400 Hz to below −60 dB at 4600 Hz, whose alias is
/// 3400 Hz: the telephone band stays clean.
const FILTER_S: f64 = 0.004;

/// Middle of the transition band, Hz.
const CUTOFF_HZ: f64 = 4_000.0;

/// Most phases of a filter. Rates that need more (none in telephony do) get the
/// nearest phase: at 320 of them an error of −60 dB.
const PHASES_MAX: u32 = 320;

/// Rates met in switches, whose filters are ready before the first call.
const COMMON_RATES_HZ: [u32; 7] = [11_025, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000];

/// How many rates outside the common ones are remembered.
const OTHER_RATES: usize = 8;

/// The polyphase low-pass of one input rate.
struct Filter {
    rate_hz: u32,
    taps: usize,
    phases: usize,
    /// `[phase][tap]`
    coefficients: Vec<f32>,
}

impl Filter {
    fn new(rate_hz: u32) -> Self {
        let gcd = gcd(rate_hz, RATE_HZ);
        let phases = (RATE_HZ / gcd).min(PHASES_MAX) as usize;
        let taps = ((FILTER_S * f64::from(rate_hz) / 8.0).ceil() * 8.0) as usize;
        let cutoff = CUTOFF_HZ / f64::from(rate_hz);
        let mut coefficients = Vec::with_capacity(phases * taps);
        for phase in 0..phases {
            let centre = taps as f64 / 2.0 + phase as f64 / phases as f64;
            let response: Vec<f64> = (0..taps)
                .map(|tap| {
                    let x = tap as f64 - centre;
                    2.0 * cutoff * sinc(2.0 * cutoff * x) * blackman_harris(x / taps as f64 + 0.5)
                })
                .collect();
            let gain: f64 = response.iter().sum();
            coefficients.extend(response.iter().map(|c| (c / gain) as f32));
        }
        Filter { rate_hz, taps, phases, coefficients }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// Four-term window with −92 dB side lobes (Harris 1978); `x` from 0 to 1.
fn blackman_harris(x: f64) -> f64 {
    if !(0.0..=1.0).contains(&x) {
        return 0.0;
    }
    let w = 2.0 * PI * x;
    0.35875 - 0.48829 * w.cos() + 0.14128 * (2.0 * w).cos() - 0.01168 * (3.0 * w).cos()
}

struct Polyphase(Arc<Filter>);

impl SincInterpolator<f32> for Polyphase {
    fn get_sinc_interpolated(&self, wave: &[f32], index: usize, subindex: usize) -> f32 {
        let taps = self.0.taps;
        let wave = &wave[index..index + taps];
        let filter = &self.0.coefficients[subindex * taps..(subindex + 1) * taps];
        // Eight sums in a fixed order: what SIMD of either width computes.
        let mut sums = [0.0f32; 8];
        for (w, f) in wave.chunks_exact(8).zip(filter.chunks_exact(8)) {
            for lane in 0..8 {
                sums[lane] += w[lane] * f[lane];
            }
        }
        ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))
    }

    fn len(&self) -> usize {
        self.0.taps
    }

    fn nbr_sincs(&self) -> usize {
        self.0.phases
    }
}

/// The filters of all rates in use, shared by all sessions.
pub struct Filters {
    common: Vec<Arc<Filter>>,
    others: Vec<Arc<Filter>>,
}

impl Default for Filters {
    fn default() -> Self {
        let common = COMMON_RATES_HZ.iter().map(|&rate| Arc::new(Filter::new(rate))).collect();
        Filters { common, others: Vec::new() }
    }
}

impl Filters {
    fn get(&mut self, rate_hz: u32) -> Arc<Filter> {
        let known = self.common.iter().chain(&self.others).find(|f| f.rate_hz == rate_hz);
        if let Some(filter) = known {
            return filter.clone();
        }
        if self.others.len() == OTHER_RATES {
            self.others.remove(0);
        }
        let filter = Arc::new(Filter::new(rate_hz));
        self.others.push(filter.clone());
        filter
    }
}

/// A stream at one rate, taken in blocks of 10 ms.
pub struct Resampler {
    inner: SincFixedIn<f32>,
    block: Vec<f32>,
    filled: usize,
    out: Vec<f32>,
}

impl Resampler {
    pub fn new(filters: &mut Filters, rate_hz: u32) -> Self {
        let block = rate_hz as usize / 100;
        let inner = SincFixedIn::new_with_interpolator(
            f64::from(RATE_HZ) / f64::from(rate_hz),
            1.0,
            SincInterpolationType::Nearest,
            Box::new(Polyphase(filters.get(rate_hz))),
            block,
            1,
        )
        .expect("a constant ratio of valid rates is valid");
        let out = vec![0.0; inner.output_frames_max()];
        Resampler { inner, block: vec![0.0; block], filled: 0, out }
    }

    /// Takes samples from the front of `samples` until a block is full; then
    /// returns its output. `None` when `samples` is used up.
    pub fn take<'a>(&'a mut self, samples: &mut &[i16]) -> Option<&'a [f32]> {
        let n = samples.len().min(self.block.len() - self.filled);
        let (now, rest) = samples.split_at(n);
        for (to, from) in self.block[self.filled..].iter_mut().zip(now) {
            *to = super::feed::unit(*from);
        }
        *samples = rest;
        self.filled += n;
        if self.filled < self.block.len() {
            return None;
        }
        self.filled = 0;
        let (_, made) = self
            .inner
            .process_into_buffer(&[&self.block[..]], &mut [&mut self.out[..]], None)
            .expect("block and output have the sizes the resampler asked for");
        Some(&self.out[..made])
    }
}
