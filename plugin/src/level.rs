//! Levels, the way telephony counts them.

use crate::audio::WINDOW;

/// A level in dBm0 (ITU-T G.100.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Dbm0(pub f32);

/// Level of a full-scale sine (ITU-T G.711, A-law).
#[allow(clippy::approx_constant, reason = "3.14 dBm0 is not π")]
const FULL_SCALE_SINE_DBM0: f32 = 3.14;

/// Mean square of a full-scale sine, in dB.
const SINE_MEAN_SQUARE_DB: f32 = -3.0103;

/// What the bins of a spectrum (periodic Hann) add up to, by Parseval, for
/// samples of mean square 1.
const POWER_OF_UNIT_MEAN_SQUARE: f32 = (WINDOW * WINDOW) as f32 * 0.375 / 2.0;

impl Dbm0 {
    /// Level of samples (full scale ±1) with this mean square.
    pub fn of_mean_square(mean_square: f32) -> Dbm0 {
        Dbm0(db(mean_square) + (FULL_SCALE_SINE_DBM0 - SINE_MEAN_SQUARE_DB))
    }

    /// Level of what a sum of bins of [`crate::audio::Sound::power`] stands for.
    pub fn of_power(power: f32) -> Dbm0 {
        Dbm0::of_mean_square(mean_square(power))
    }
}

/// Mean square of the samples that a sum of bins of
/// [`crate::audio::Sound::power`] stands for.
pub fn mean_square(power: f32) -> f32 {
    power * (1.0 / POWER_OF_UNIT_MEAN_SQUARE)
}

/// 10 lg of a power ratio; at least −200 dB.
///
/// By a series instead of the maths library's logarithm, so that native and
/// wasm agree to the last bit. Off by less than 0.0002 dB.
pub fn db(ratio: f32) -> f32 {
    const LOWEST: f32 = 1e-20;
    let bits = ratio.max(LOWEST).to_bits();
    // ratio = 2^exponent · mantissa, the mantissa from √½ to √2.
    let mut exponent = (bits >> 23) as i32 - 127;
    let mut mantissa = f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000);
    if mantissa > std::f32::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // ln m = 2 artanh((m − 1)/(m + 1))
    let x = (mantissa - 1.0) / (mantissa + 1.0);
    let square = x * x;
    let ln = 2.0 * x * (1.0 + square * (1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0))));
    const DB_PER_OCTAVE: f32 = 3.010_3;
    const DB_PER_NEPER: f32 = 4.342_945;
    exponent as f32 * DB_PER_OCTAVE + ln * DB_PER_NEPER
}

/// Natural logarithm, at least −46; as [`db`].
pub fn ln(x: f32) -> f32 {
    const NEPER_PER_DB: f32 = 0.230_258_5;
    db(x) * NEPER_PER_DB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decibels_follow_the_logarithm() {
        for n in -180..60 {
            let exact = n as f64 * 0.97;
            let ratio = 10f64.powf(exact / 10.0) as f32;
            assert!((f64::from(db(ratio)) - exact).abs() < 3e-4, "{exact} dB: {}", db(ratio));
        }
        assert_eq!(db(0.0), db(1e-20));
    }
}
