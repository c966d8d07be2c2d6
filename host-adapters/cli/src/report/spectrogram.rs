//! A side of a call as a picture: time by frequency, coarse enough to be carried in a page.

use std::f64::consts::PI;

use realfft::{RealFftPlanner, num_complex::Complex};
use serde::Serialize;

/// Up to here the picture goes: what a telephone carries.
const TOP_HZ: f64 = 4_000.0;

/// Time a spectrum covers; 31.25 Hz a row follow from it.
const WINDOW_S: f64 = 0.032;

/// Time between columns, at the least.
const COLUMN_S: f64 = 0.010;

/// More columns than this no screen shows at once; in a longer call each stands for more time.
const COLUMNS_MAX: f64 = 3_000.0;

/// What a sine that fills the range has, in dBm0 (ITU-T G.711, A-law).
#[expect(clippy::approx_constant, reason = "3.14 dBm0 is not π")]
const FULL_SCALE_DBM0: f64 = 3.14;

/// Levels that are told apart: one base64 digit's worth.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Level of the lowest digit and distance between two: down to a quiet line's noise.
const FLOOR_DBM0: f64 = -76.0;
const STEP_DB: f64 = 1.25;

/// A picture, row by row within a column, low frequencies first; a digit a cell.
#[derive(Serialize)]
pub struct Spectrogram {
    rows: usize,
    columns: usize,
    top_hz: f64,
    column_ms: f64,
    floor_dbm0: f64,
    step_db: f64,
    digits: &'static str,
    cells: String,
}

impl Spectrogram {
    pub fn new(rate_hz: u32, samples: &[i16]) -> Spectrogram {
        let rate_hz = f64::from(rate_hz);
        let window_len = (WINDOW_S * rate_hz).round() as usize;
        let duration_s = samples.len() as f64 / rate_hz;
        let column_s = COLUMN_S.max(duration_s / COLUMNS_MAX);
        let columns = (duration_s / column_s).ceil() as usize;
        let rows = (TOP_HZ / rate_hz * window_len as f64) as usize;

        let fft = RealFftPlanner::<f32>::new().plan_fft_forward(window_len);
        let hann = |n: usize| 0.5 - 0.5 * (2.0 * PI * n as f64 / window_len as f64).cos();
        let window: Vec<f32> = (0..window_len).map(|n| hann(n) as f32).collect();
        let mut input = fft.make_input_vec();
        let mut spectrum = fft.make_output_vec();
        let mut scratch = fft.make_scratch_vec();
        let full_scale_db = 20.0 * (32_768.0 * window_len as f64 / 4.0).log10() - FULL_SCALE_DBM0;
        let digit = |x: &Complex<f32>| {
            let dbm0 = 10.0 * f64::from(x.norm_sqr()).log10() - full_scale_db;
            char::from(DIGITS[((dbm0 - FLOOR_DBM0) / STEP_DB).clamp(0.0, 63.0) as usize])
        };

        let mut cells = String::with_capacity(columns * rows);
        for column in 0..columns {
            let middle = ((column as f64 + 0.5) * column_s * rate_hz) as usize;
            for (n, (to, weight)) in input.iter_mut().zip(&window).enumerate() {
                let at = (middle + n).checked_sub(window_len / 2);
                let sample = at.and_then(|at| samples.get(at)).copied().unwrap_or(0);
                *to = f32::from(sample) * weight;
            }
            fft.process_with_scratch(&mut input, &mut spectrum, &mut scratch)
                .expect("buffers have the planned lengths");
            cells.extend(spectrum[..rows].iter().map(digit));
        }
        Spectrogram {
            rows,
            columns,
            top_hz: TOP_HZ,
            column_ms: column_s * 1e3,
            floor_dbm0: FLOOR_DBM0,
            step_db: STEP_DB,
            digits: std::str::from_utf8(DIGITS).expect("ASCII"),
            cells,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_stands_in_its_row_with_its_level() {
        for rate_hz in [8_000u32, 44_100, 48_000] {
            let sine = |n: u32| (2.0 * PI * 1_000.0 * f64::from(n) / f64::from(rate_hz)).sin();
            let samples: Vec<i16> = (0..rate_hz).map(|n| (3_276.7 * sine(n)) as i16).collect();
            let picture = Spectrogram::new(rate_hz, &samples);
            let column = &picture.cells.as_bytes()[picture.rows * 50..][..picture.rows];
            let level = |cell: u8| {
                let digit = DIGITS.iter().position(|d| *d == cell).unwrap();
                FLOOR_DBM0 + digit as f64 * STEP_DB
            };
            let (row, cell) = column.iter().enumerate().max_by_key(|c| level(*c.1) as i64).unwrap();
            assert!((row as f64 * 31.25 - 1_000.0).abs() <= 31.25, "{rate_hz} Hz: row {row}");
            let expected = FULL_SCALE_DBM0 - 20.0;
            assert!((level(*cell) - expected).abs() < 2.0, "{rate_hz} Hz: {} dBm0", level(*cell));
        }
    }
}
