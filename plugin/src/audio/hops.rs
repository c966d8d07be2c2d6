//! One side cut into hops, for what needs no spectra.

use super::{Chunk, HOP};
use crate::{finding::Instant, limits};

/// A side's stream in pieces of 10 ms, on the grid of [`super::Stft`].
pub struct Hops {
    hop: [f32; HOP],
    taken: u64,
    /// Where the audio without a gap begins.
    whole_from: u64,
}

impl Default for Hops {
    fn default() -> Self {
        Hops { hop: [0.0; HOP], taken: 0, whole_from: 0 }
    }
}

impl Hops {
    /// Takes a piece of the stream; hands every hop to `sink`: its index, when
    /// it was known, and its samples unless some are missing.
    pub fn push(&mut self, chunk: Chunk, mut sink: impl FnMut(u64, Instant, Option<&[f32; HOP]>)) {
        let hop = HOP as u64;
        match chunk {
            Chunk::Audio { mut samples, given } => {
                while !samples.is_empty() {
                    let at = self.taken as usize % HOP;
                    let (now, rest) = samples.split_at(samples.len().min(HOP - at));
                    self.hop[at..at + now.len()].copy_from_slice(now);
                    self.taken += now.len() as u64;
                    samples = rest;
                    if self.taken.is_multiple_of(hop) {
                        let whole = self.taken - self.whole_from >= hop;
                        let known_at = Instant(self.taken).max(given);
                        sink(self.taken / hop - 1, known_at, whole.then_some(&self.hop));
                    }
                }
            }
            Chunk::Gap(0) => {}
            Chunk::Gap(samples) => {
                let first = self.taken / hop;
                self.taken += samples;
                self.whole_from = self.taken;
                let end = self.taken / hop;
                for index in first.max(end.saturating_sub(limits::GAP_HOPS))..end {
                    sink(index, Instant((index + 1) * hop), None);
                }
            }
        }
    }
}
