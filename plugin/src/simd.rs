//! What is worth vector instructions of its own: sums of products of 16-bit
//! integers, and making these of numbers. Exact, so every way gives the same.

/// Elements of a vector of 128 bits.
pub const LANES: usize = 8;

/// Rows that a column is multiplied with at a time: it is read once for all, and
/// there are registers for their sums.
pub const ROWS: usize = 8;

/// A vector's worth of every row.
pub type Block = [[i16; LANES]; ROWS];

/// Σ rowᵢ·columnᵢ for every row; the caller sees to it that no partial sum
/// overflows.
///
/// A function of its own: in a large one the sums would be kept in memory.
#[inline(never)]
pub fn dots<const N: usize>(rows: &[Block; N], column: &[[i16; LANES]; N]) -> [i32; ROWS] {
    vector::dots(rows, column)
}

/// The whole part of numbers that have one of 16 bits.
pub fn truncated(numbers: &[f32; LANES]) -> [i16; LANES] {
    vector::truncated(numbers)
}

#[cfg(target_arch = "x86_64")]
mod vector {
    use std::arch::x86_64::*;

    use super::{Block, LANES, ROWS};

    /// SSE2, which every processor of this architecture has.
    pub fn dots<const N: usize>(rows: &[Block; N], column: &[[i16; LANES]; N]) -> [i32; ROWS] {
        // SAFETY: SSE2 is part of x86-64, and the loads and stores are of whole arrays, of any
        // alignment.
        unsafe {
            let load = |eight: &[i16; LANES]| _mm_loadu_si128(eight.as_ptr().cast());
            let mut sums = [_mm_setzero_si128(); ROWS];
            for (rows, column) in rows.iter().zip(column) {
                let column = load(column);
                for (sum, row) in sums.iter_mut().zip(rows) {
                    *sum = _mm_add_epi32(*sum, _mm_madd_epi16(load(row), column));
                }
            }
            // Halves of two rows side by side, then the same of those.
            let halves = |a, b| _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
            let mut out = [0; ROWS];
            for (out, [a, b, c, d]) in out.as_chunks_mut::<4>().0.iter_mut().zip(sums.as_chunks().0)
            {
                let (a, b) = (halves(*a, *b), halves(*c, *d));
                let all = _mm_add_epi32(_mm_unpacklo_epi64(a, b), _mm_unpackhi_epi64(a, b));
                _mm_storeu_si128(out.as_mut_ptr().cast(), all);
            }
            out
        }
    }

    pub fn truncated(numbers: &[f32; LANES]) -> [i16; LANES] {
        let mut out = [0; LANES];
        // SAFETY: as above.
        unsafe {
            let four = |at| _mm_cvttps_epi32(_mm_loadu_ps(numbers.as_ptr().add(at)));
            _mm_storeu_si128(out.as_mut_ptr().cast(), _mm_packs_epi32(four(0), four(4)));
        }
        out
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vector {
    use std::arch::wasm32::*;

    use super::{Block, LANES, ROWS};

    pub fn dots<const N: usize>(rows: &[Block; N], column: &[[i16; LANES]; N]) -> [i32; ROWS] {
        // SAFETY: the loads and stores are of whole arrays, of any alignment.
        unsafe {
            let load = |eight: &[i16; LANES]| v128_load(eight.as_ptr().cast());
            let mut sums = [i32x4_splat(0); ROWS];
            for (rows, column) in rows.iter().zip(column) {
                let column = load(column);
                for (sum, row) in sums.iter_mut().zip(rows) {
                    *sum = i32x4_add(*sum, i32x4_dot_i16x8(load(row), column));
                }
            }
            // Halves of two rows side by side, then the same of those.
            let halves = |a, b| {
                i32x4_add(i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b))
            };
            let mut out = [0; ROWS];
            for (out, [a, b, c, d]) in out.as_chunks_mut::<4>().0.iter_mut().zip(sums.as_chunks().0)
            {
                let (a, b) = (halves(*a, *b), halves(*c, *d));
                let all = i32x4_add(i64x2_shuffle::<0, 2>(a, b), i64x2_shuffle::<1, 3>(a, b));
                v128_store(out.as_mut_ptr().cast(), all);
            }
            out
        }
    }

    pub fn truncated(numbers: &[f32; LANES]) -> [i16; LANES] {
        let mut out = [0; LANES];
        // SAFETY: as above.
        unsafe {
            let four = |at| i32x4_trunc_sat_f32x4(v128_load(numbers.as_ptr().add(at).cast()));
            v128_store(out.as_mut_ptr().cast(), i16x8_narrow_i32x4(four(0), four(4)));
        }
        out
    }
}

#[cfg(not(any(
    target_arch = "x86_64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
use plain as vector;

#[cfg_attr(any(target_arch = "x86_64", target_feature = "simd128"), cfg(test))]
mod plain {
    use super::{Block, LANES, ROWS};

    pub fn dots<const N: usize>(rows: &[Block; N], column: &[[i16; LANES]; N]) -> [i32; ROWS] {
        std::array::from_fn(|row| {
            let pairs =
                rows.iter().zip(column).flat_map(|(rows, column)| rows[row].iter().zip(column));
            pairs.map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
        })
    }

    pub fn truncated(numbers: &[f32; LANES]) -> [i16; LANES] {
        numbers.map(|x| x as i16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_give_what_plain_code_gives() {
        let mut seed = 1u32;
        let mut random = |bound: i32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((seed >> 8) as i32 % (2 * bound + 1) - bound) as i16
        };
        for _ in 0..100 {
            let rows: [Block; 40] =
                std::array::from_fn(|_| [[(); LANES]; ROWS].map(|r| r.map(|()| random(1_600))));
            let column: [[i16; LANES]; 40] = [[(); LANES]; 40].map(|c| c.map(|()| random(4_095)));
            assert_eq!(dots(&rows, &column), plain::dots(&rows, &column));
            let numbers = [(); LANES].map(|()| f32::from(random(32_000)) * 0.37);
            assert_eq!(truncated(&numbers), plain::truncated(&numbers));
        }
    }
}
