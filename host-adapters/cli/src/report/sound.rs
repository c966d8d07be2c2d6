//! The call's audio, small enough to be carried in a page: µ-law, a byte a sample.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::Serialize;

use crate::audio_file::Recording;

/// Base64 of µ-law.
#[derive(Serialize)]
pub struct Sound {
    rate_hz: u32,
    far: String,
    near: Option<String>,
}

impl Sound {
    pub fn new(recording: &Recording) -> Sound {
        let encode = |samples: &[i16]| {
            BASE64.encode(samples.iter().map(|s| mu_law(*s)).collect::<Vec<u8>>())
        };
        Sound {
            rate_hz: recording.rate_hz,
            far: encode(&recording.far),
            near: recording.near.as_deref().map(encode),
        }
    }
}

/// ITU-T G.711 µ-law: sign, the position of the highest bit, the four bits after it; all inverted.
fn mu_law(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = sample.unsigned_abs().min(32_635) + 132;
    let exponent = magnitude.ilog2() - 7;
    let mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    !(sign | (exponent as u8) << 4 | mantissa as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mu_law_has_its_known_codes() {
        let codes = [0, 32_767, -32_768, 1_000, -1_000].map(mu_law);
        assert_eq!(codes, [0xff, 0x80, 0x00, 0xce, 0x4e]);
    }
}
