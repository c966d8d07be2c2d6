//! The one sum worth vector instructions of its own: of products of 16-bit
//! integers. In whole numbers, so every way gives the same.

/// Elements of a block: what 128-bit vectors hold of 16 bits.
pub const LANES: usize = 8;

/// Σ aᵢ·bᵢ; the lengths are the same multiple of [`LANES`], and the caller sees to
/// it that no partial sum overflows.
pub fn dot(a: &[i16], b: &[i16]) -> i32 {
    assert!(a.len() == b.len() && a.len().is_multiple_of(LANES), "lengths are the caller's duty");
    vector::dot(a, b)
}

#[cfg(target_arch = "x86_64")]
mod vector {
    use std::arch::x86_64::*;

    /// SSE2, which every processor of this architecture has.
    pub fn dot(a: &[i16], b: &[i16]) -> i32 {
        let (a, b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
        // SAFETY: SSE2 is part of x86-64, and the loads are of whole chunks, of any alignment.
        unsafe {
            let mut sums = _mm_setzero_si128();
            for (a, b) in a.iter().zip(b) {
                let a = _mm_loadu_si128(a.as_ptr().cast());
                let b = _mm_loadu_si128(b.as_ptr().cast());
                sums = _mm_add_epi32(sums, _mm_madd_epi16(a, b));
            }
            let sums = _mm_add_epi32(sums, _mm_shuffle_epi32::<0b01_00_11_10>(sums));
            let sums = _mm_add_epi32(sums, _mm_shuffle_epi32::<0b10_11_00_01>(sums));
            _mm_cvtsi128_si32(sums)
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vector {
    use std::arch::wasm32::*;

    pub fn dot(a: &[i16], b: &[i16]) -> i32 {
        let (a, b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
        let mut sums = i32x4_splat(0);
        for (a, b) in a.iter().zip(b) {
            // SAFETY: whole chunks are read, of any alignment.
            let (a, b) = unsafe { (v128_load(a.as_ptr().cast()), v128_load(b.as_ptr().cast())) };
            sums = i32x4_add(sums, i32x4_dot_i16x8(a, b));
        }
        let lane = [
            i32x4_extract_lane::<0>(sums),
            i32x4_extract_lane::<1>(sums),
            i32x4_extract_lane::<2>(sums),
            i32x4_extract_lane::<3>(sums),
        ];
        lane[0].wrapping_add(lane[1]).wrapping_add(lane[2]).wrapping_add(lane[3])
    }
}

#[cfg(not(any(
    target_arch = "x86_64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
use plain as vector;

#[cfg_attr(any(target_arch = "x86_64", target_feature = "simd128"), cfg(test))]
mod plain {
    pub fn dot(a: &[i16], b: &[i16]) -> i32 {
        a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
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
        for length in [0, 8, 24, 320] {
            for _ in 0..100 {
                let a: Vec<i16> = (0..length).map(|_| random(1_600)).collect();
                let b: Vec<i16> = (0..length).map(|_| random(4_095)).collect();
                assert_eq!(dot(&a, &b), plain::dot(&a, &b));
            }
        }
    }
}
