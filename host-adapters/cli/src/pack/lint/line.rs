//! Codes as a telephone line would have changed them.

use callprint_plugin::script::Code;

/// Bits that go wrong: as G.711 with some noise makes them. A bit's distance from flipping decides:
/// it is uniform, and a bit at distance u flips with probability (1 − u)² / 2, a sixth of all.
pub struct Line(u64);

impl Line {
    /// The same disturbance for the same seed.
    pub fn new(seed: u64) -> Line {
        Line(seed)
    }

    pub fn disturb(&mut self, bits: u64) -> Code {
        let mut code = Code { bits, margins: [0; 64] };
        if bits == 0 {
            return code;
        }
        for (n, margin) in code.margins.iter_mut().enumerate() {
            let random = self.next();
            let (distance, chance) = (random >> 32 & 0xffff, random & 0xffff);
            let near = 0xffff - distance;
            if chance * 2 * 0xffff < near * near {
                code.bits ^= 1 << n;
            }
            *margin = distance as i32;
        }
        code.bits = code.bits.max(1);
        code
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}
