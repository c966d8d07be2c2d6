//! Audio of a test, synthesised.
#![allow(dead_code, reason = "every test uses some of it")]

use std::f64::consts::PI;

pub const RATE: f64 = 8_000.0;

/// Level of a full-scale sine (ITU-T G.711, A-law).
#[allow(clippy::approx_constant, reason = "3.14 dBm0 is not π")]
const FULL_SCALE_DBM0: f64 = 3.14;

/// Audio of a test, at 8 kHz, full scale ±1.
#[derive(Clone, Default)]
pub struct Audio(pub Vec<f64>);

impl Audio {
    pub fn ms(&self) -> f64 {
        self.0.len() as f64 * 1e3 / RATE
    }

    pub fn silence(mut self, ms: f64) -> Audio {
        self.0.extend(std::iter::repeat_n(0.0, (ms * RATE / 1e3) as usize));
        self
    }

    /// A sum of sines, `dbm0` all together.
    pub fn tone(mut self, hz: &[f64], ms: f64, dbm0: f64) -> Audio {
        let amplitude = 10f64.powf((dbm0 - FULL_SCALE_DBM0) / 20.0) / (hz.len() as f64).sqrt();
        for n in 0..(ms * RATE / 1e3) as usize {
            let phase = 2.0 * PI * n as f64 / RATE;
            self.0.push(hz.iter().map(|f| amplitude * (f * phase).sin()).sum());
        }
        self
    }

    /// A voice of sorts at −18 dBm0: pulses of a wandering pitch through moving resonances, in syllables.
    pub fn speech(mut self, ms: f64, seed: u64) -> Audio {
        let mut random = Random(seed);
        let mut resonances = [[0.0f64; 2]; 3];
        let (mut formants, mut pitch, mut phase) = ([500.0, 1_500.0, 2_500.0], 120.0, 0.0);
        let from = self.0.len();
        let until = from + (ms * RATE / 1e3) as usize;
        while self.0.len() < until {
            let voiced = random.next() > 0.25;
            let gain = if random.next() > 0.15 { 0.3 } else { 0.0 };
            let target = [
                300.0 + 500.0 * random.next(),
                900.0 + 1_300.0 * random.next(),
                2_200.0 + 900.0 * random.next(),
            ];
            let glide = 1.0 + 0.3 * (random.next() - 0.5);
            let length = (RATE * (0.06 + 0.12 * random.next())) as usize;
            for n in 0..length.min(until - self.0.len()) {
                pitch += (110.0 * glide - pitch) * 0.001;
                phase += pitch / RATE;
                let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
                phase = phase.fract();
                let mut sample = if voiced { pulse } else { 0.15 * (random.next() - 0.5) };
                for (f, (state, to)) in formants.iter_mut().zip(resonances.iter_mut().zip(&target))
                {
                    *f += (to - *f) * 0.002;
                    let r = 0.97;
                    let out = sample + 2.0 * r * (2.0 * PI * *f / RATE).cos() * state[0]
                        - r * r * state[1];
                    *state = [out, state[0]];
                    sample = out * 0.3;
                }
                let fade = (n.min(length - n) as f64 / 160.0).min(1.0);
                self.0.push((sample * gain * fade).clamp(-0.9, 0.9));
            }
        }
        let power = self.0[from..].iter().map(|s| s * s).sum::<f64>() / (until - from) as f64;
        let gain = 10f64.powf((-18.0 - 6.15) / 20.0) / power.sqrt();
        for sample in &mut self.0[from..] {
            *sample = (*sample * gain).clamp(-0.9, 0.9);
        }
        self
    }

    /// White noise over all of it.
    pub fn noise(mut self, dbm0: f64) -> Audio {
        let mut random = Random(7);
        let peak = 10f64.powf((dbm0 - 6.15) / 20.0) * 3f64.sqrt();
        for sample in &mut self.0 {
            *sample += peak * (2.0 * random.next() - 1.0);
        }
        self
    }

    /// As A-law (ITU-T G.711) passes it on.
    pub fn a_law(&self) -> Vec<i16> {
        let code = |sample: f64| {
            let sample = (sample * 32_768.0).clamp(-32_768.0, 32_767.0) as i32;
            let magnitude = sample.abs().min(32_767);
            let step = if magnitude < 512 { 16 } else { 1 << (27 - magnitude.leading_zeros()) };
            (sample.signum() * (magnitude / step * step + step / 2)) as i16
        };
        self.0.iter().map(|s| code(*s)).collect()
    }
}

pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / (1u64 << 31) as f64
    }
}
