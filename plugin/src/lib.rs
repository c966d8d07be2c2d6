//! The call analyzer: audio of a call in, findings out.
//!
//! ```text
//! push ─▶ audio::Feed ─▶ audio::Stft ─▶ script::Fingerprinter ─▶ script::Matcher ─▶ Finding
//!         any rate → 8 kHz   frames          64-bit codes            evidence
//! ```
//!
//! A [`Catalog`] is filled with packs and sealed once; any number of
//! [`Session`]s then refer to it, one per call. The crate knows neither phone
//! switches nor WebAssembly: `component.rs` alone maps it to the interface in
//! `wit/callprint.wit`, whose terms are used here with the same meaning.
//!
//! Everything is single-threaded and deterministic: built natively or for
//! wasm, the same audio gives bit-identical findings however it is split into
//! pushes. Hence no transcendental function of the platform's maths library
//! runs in single precision anywhere on the audio path; see
//! `numeric.rs`.
#![deny(missing_docs)]

mod answer;
pub mod audio;
pub mod catalog;
#[cfg(target_arch = "wasm32")]
mod component;
pub mod finding;
pub mod level;
pub mod limits;
mod numeric;
pub mod pack;
pub mod script;
pub mod session;
mod simd;
pub mod tone;

pub use catalog::{Catalog, CatalogSummary, Sealed};
pub use finding::{Event, Finding, Instant, Side};
pub use session::{CallInfo, Session};
