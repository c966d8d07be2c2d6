//! `src/ring.rs` of the runtime, compiled alone.
//!
//! ```sh
//! make model            # all orders of the two threads, as loom finds them
//! make model-thread     # two real threads under ThreadSanitizer
//! cargo +nightly miri test --manifest-path host-adapters/runtime/ring-model/Cargo.toml
//! ```
#![allow(dead_code, reason = "the runtime uses what the models do not")]

#[cfg(not(loom))]
#[path = "../../src/limits.rs"]
mod limits;

/// A ring so small that a few frames fill it, by length and by time.
#[cfg(loom)]
mod limits {
    pub const RING_BYTES: usize = 8 * 8;
    pub const RING_US: u64 = 4_000;
}

mod session {
    pub const RATE_HZ: std::ops::RangeInclusive<u32> = 8_000..=48_000;
}

#[path = "../../src/ring.rs"]
mod ring;

#[cfg(not(any(loom, miri)))]
#[path = "../../src/rings.rs"]
mod rings;

#[cfg(any(loom, miri))]
mod rings;

/// What `rings.rs` says.
#[derive(Debug)]
enum Error {
    System(String),
}

#[cfg(loom)]
mod atomic;
#[cfg(all(test, loom))]
mod model;
