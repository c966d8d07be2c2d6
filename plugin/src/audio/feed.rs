//! The audio of one side as one stream at 8 kHz with an unbroken clock.

use super::{Filters, resample::Resampler};
use crate::{
    finding::{Instant, RATE_HZ},
    limits,
};

/// A piece of the stream.
pub enum Chunk<'a> {
    /// Samples at 8 kHz, full scale ±1. They were known when the clock of the
    /// audio given stood at `given`, if that is later than their own end.
    Audio {
        /// The samples.
        samples: &'a [f32],
        /// The clock of the audio given.
        given: Instant,
    },
    /// This many samples are missing.
    Gap(u64),
}

/// s16 to ±1.
pub(super) fn unit(sample: i16) -> f32 {
    f32::from(sample) * (1.0 / 32_768.0)
}

/// Brings what is pushed to 8 kHz.
///
/// Output and clock agree at all times to within the filter's delay: when the
/// rate changes or audio is lost, the tail that a filter still holds is drained
/// first, so that no sample is lost and none is moved.
pub struct Feed {
    /// Clock at the beginning of the present segment (a stretch at one rate).
    segment_start: Instant,
    rate_hz: u32,
    /// Samples given in this segment, at `rate_hz`.
    given: u64,
    /// Samples put out in this segment, at 8 kHz.
    made: u64,
    /// None at 8 kHz, and right after a gap.
    resampler: Option<Box<Resampler>>,
}

impl Default for Feed {
    fn default() -> Self {
        Feed { segment_start: Instant(0), rate_hz: RATE_HZ, given: 0, made: 0, resampler: None }
    }
}

impl Feed {
    /// The clock: how much has been given, heard or skipped.
    pub fn clock(&self) -> Instant {
        self.segment_start + self.due()
    }

    /// Samples at 8 kHz that what was given in this segment amounts to.
    fn due(&self) -> u64 {
        at_8_khz(self.given, self.rate_hz)
    }

    /// Gives audio; `rate_hz` within [`crate::limits::RATE_HZ`].
    pub fn push(
        &mut self,
        filters: &mut Filters,
        rate_hz: u32,
        mut samples: &[i16],
        mut sink: impl FnMut(Chunk),
    ) {
        if samples.is_empty() {
            return;
        }
        self.set_rate(rate_hz, &mut sink);
        if rate_hz == RATE_HZ {
            // A block on the stack: no allocation, and few pages touched.
            let mut block = [0.0f32; 160];
            for part in samples.chunks(block.len()) {
                for (to, from) in block.iter_mut().zip(part) {
                    *to = unit(*from);
                }
                sink(Chunk::Audio { samples: &block[..part.len()], given: Instant(0) });
            }
            self.given += samples.len() as u64;
            self.made = self.given;
            return;
        }
        while !samples.is_empty() {
            let resampler =
                self.resampler.get_or_insert_with(|| Box::new(Resampler::new(filters, rate_hz)));
            let before = samples.len();
            let out = resampler.take(&mut samples);
            self.given += (before - samples.len()) as u64;
            if let Some(out) = out {
                self.made += out.len() as u64;
                let given = self.segment_start + at_8_khz(self.given, self.rate_hz);
                sink(Chunk::Audio { samples: out, given });
            }
        }
    }

    /// Says that `samples` samples at `rate_hz` are missing; beyond
    /// [`limits::SKIP_SAMPLES`] the clock stops.
    pub fn skip(&mut self, rate_hz: u32, samples: u64, mut sink: impl FnMut(Chunk)) {
        if samples == 0 {
            return;
        }
        self.set_rate(rate_hz, &mut sink);
        self.drain(&mut sink);
        self.given += samples.min(limits::SKIP_SAMPLES);
        let missing = self.due() - self.made;
        self.made += missing;
        sink(Chunk::Gap(missing));
    }

    fn set_rate(&mut self, rate_hz: u32, sink: &mut impl FnMut(Chunk)) {
        if rate_hz == self.rate_hz {
            return;
        }
        self.drain(sink);
        self.segment_start = self.clock();
        self.rate_hz = rate_hz;
        self.given = 0;
        self.made = 0;
    }

    /// Puts out all that is due, pushing silence through the filter.
    fn drain(&mut self, sink: &mut impl FnMut(Chunk)) {
        let due = self.due();
        let given = self.clock();
        if let Some(mut resampler) = self.resampler.take() {
            while self.made < due {
                let mut silence = &[0i16; 480][..];
                while let Some(out) = resampler.take(&mut silence) {
                    let n = out.len().min((due - self.made) as usize);
                    self.made += n as u64;
                    sink(Chunk::Audio { samples: &out[..n], given });
                }
            }
        }
    }
}

/// Duration of `samples` at `rate_hz`, in whole samples at 8 kHz.
fn at_8_khz(samples: u64, rate_hz: u32) -> u64 {
    (u128::from(samples) * u128::from(RATE_HZ) / u128::from(rate_hz)) as u64
}
