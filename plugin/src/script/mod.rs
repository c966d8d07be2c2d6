//! Known scripts: fingerprint, index, matcher.
//!
//! The method, with its formulas and what was tried, is described in
//! `plugin/src/script/README.md`.

mod compare;
mod evidence;
mod fingerprint;
mod index;
mod matcher;

pub use fingerprint::{
    Code, Codebook, Fingerprinter, HOPS_PER_CODE, REFERENCE_STEP, fingerprint, span_samples,
};
pub use index::{Index, IndexBuilder, Recording};
pub use matcher::{Candidates, Match, Matcher};
