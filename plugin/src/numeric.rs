//! Functions that platforms' maths libraries round differently, from operations
//! that IEEE 754 defines to the last bit.

/// The greatest of some values ≥ 0; 0 of none. Eight at a time, and not by
/// `f32::max`, which in wasm is a function call.
pub fn greatest(values: &[f32]) -> f32 {
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    let (eights, rest) = values.as_chunks::<8>();
    let mut found = [0.0; 8];
    for eight in eights {
        found.iter_mut().zip(eight).for_each(|(a, b)| *a = greater(*a, *b));
    }
    found.iter().chain(rest).fold(0.0, |a, b| greater(a, *b))
}

/// Base-2 logarithm of a normal x > 0, to ±2 × 10⁻⁶.
pub fn log2(x: f32) -> f32 {
    let bits = x.to_bits();
    // The mantissa between √½ and √2, so that the series is short.
    let shifted = bits.wrapping_sub(0x3f35_04f3);
    let exponent = (shifted as i32) >> 23;
    let mantissa = f32::from_bits(bits.wrapping_sub((exponent << 23) as u32));
    // ln m = 2 artanh((m − 1) / (m + 1))
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let t2 = t * t;
    let ln = 2.0 * t * (1.0 + t2 * (1.0 / 3.0 + t2 * (1.0 / 5.0 + t2 * (1.0 / 7.0 + t2 / 9.0))));
    exponent as f32 + ln * std::f32::consts::LOG2_E
}

/// 2^x, to 2 parts in 10⁶; 0 below the normal numbers, the largest number above.
pub fn exp2(x: f32) -> f32 {
    if x < -126.0 {
        return 0.0;
    }
    if x >= 128.0 {
        return f32::MAX;
    }
    // Half up, by truncation of a positive number.
    let whole = (x + 126.5) as i32 - 126;
    let y = (x - whole as f32) * std::f32::consts::LN_2;
    let series = 1.0
        + y * (1.0
            + y / 2.0 * (1.0 + y / 3.0 * (1.0 + y / 4.0 * (1.0 + y / 5.0 * (1.0 + y / 6.0)))));
    series
        * f32::from_bits(((whole.min(127) + 127) as u32) << 23)
        * if whole > 127 { 2.0 } else { 1.0 }
}

/// x^(1/3) for x ≥ 0, to 1 part in 10⁶: a guess from the exponent, then
/// Halley's method, which converges cubically.
pub fn cube_root(x: f32) -> f32 {
    if x < f32::MIN_POSITIVE {
        return 0.0;
    }
    let mut y = f32::from_bits(x.to_bits() / 3 + 709_921_077);
    for _ in 0..2 {
        let cube = y * y * y;
        y *= (cube + x + x) / (cube + cube + x);
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_is_found_wherever_it_is() {
        assert_eq!(greatest(&[]), 0.0);
        for length in 1..30 {
            for at in 0..length {
                let mut values: Vec<f32> = (0..length).map(|n| n as f32 / 100.0).collect();
                values[at] = 7.0;
                assert_eq!(greatest(&values), 7.0, "{at} of {length}");
            }
        }
    }

    #[test]
    fn they_are_exact_enough_at_all_scales() {
        for exponent in -37..38 {
            for mantissa in 1..50 {
                let x = mantissa as f32 * 0.2 * 10f32.powi(exponent);
                let exact = f64::from(x);
                let error = (f64::from(cube_root(x)) / exact.cbrt() - 1.0).abs();
                assert!(error < 1e-6, "cube root of {x:e} is off by {error:e}");
                let error = (f64::from(log2(x)) - exact.log2()).abs();
                assert!(error < 1e-5, "logarithm of {x:e} is off by {error:e}");
            }
        }
        for n in -12_500..12_799 {
            let x = n as f32 * 0.01;
            let error = (f64::from(exp2(x)) / f64::from(x).exp2() - 1.0).abs();
            assert!(error < 2e-6, "2^{x} is off by {error:e}");
        }
        assert_eq!((cube_root(0.0), exp2(-200.0), exp2(200.0)), (0.0, 0.0, f32::MAX));
    }
}
