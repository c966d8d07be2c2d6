//! From frames of any rate and length to spectra at 8 kHz.

mod feed;
mod hops;
mod resample;
mod stft;

pub use feed::{Chunk, Feed};
pub use hops::Hops;
pub use resample::Filters;
pub use stft::{BINS, Frame, HOP, Sound, Spectrum, Stft, WINDOW};
