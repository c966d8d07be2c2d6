//! The runtime that a phone switch stands on.
//!
//! [`bake`] turns the plugin component and packs into an analyzer, one file of
//! native code and data. [`Analyzer`] opens it; a [`Session`] is one call in a
//! sandbox of its own: audio in, [`Finding`]s out.
//!
//! ```no_run
//! # fn main() -> Result<(), callprint::Error> {
//! use callprint::{Analyzer, CallInfo, Options, Side};
//!
//! let analyzer = Analyzer::open("analyzer.cwasm".as_ref(), &Options::default())?;
//! let mut session = analyzer.session(CallInfo { outbound: false })?;
//! for frame in [[0i16; 160]; 50] {
//!     for finding in session.push(Side::Far, 8_000, &frame)? {
//!         println!("{}", callprint::record::finding(&finding));
//!     }
//! }
//! session.finish()?;
//! # Ok(()) }
//! ```
//!
//! Nothing here is for a media thread: a push runs wasm and may take a
//! millisecond.
#![deny(missing_docs)]

mod analyzer;
pub mod bake;
mod c;
pub mod catalogue;
mod engine;
mod error;
pub mod evidence_log;
pub mod host;
pub mod limits;
pub mod metrics;
pub mod policy;
pub mod record;
mod ring;
mod rings;
mod sandbox;
mod session;
mod ticks;

pub use analyzer::{Analyzer, Options};
pub use engine::contract::exports::callprint::analyzer::analysis::{
    Answer, AnswerKind, Behaviour, BehaviourKind, CallInfo, Event, Finding, ScriptEvidence,
    ScriptMatch, Side, TalkSpurt, Tone, ToneKind,
};
pub use engine::contract::exports::callprint::analyzer::catalog::{CatalogSummary, PackSummary};
pub use error::Error;
pub use host::{Call, CallConfig, Host, HostConfig, Listener};
pub use session::Session;

/// The plugin that ships with the runtime, a component.
pub const PLUGIN: &[u8] = include_bytes!(env!("CALLPRINT_PLUGIN"));

/// Its SHA-256, in hexadecimal.
const PLUGIN_SHA256: &str = env!("CALLPRINT_PLUGIN_SHA256");
