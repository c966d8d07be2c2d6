//! What can go wrong, said so that an admin can act on it.

use std::path::PathBuf;

use crate::metrics::Fault;

/// An error of the runtime.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },

    /// The file is not an analyzer that `callprint bake` wrote.
    #[error("{path}: {reason}; make an analyzer with `callprint bake`")]
    NotAnAnalyzer {
        /// The file.
        path: PathBuf,
        /// What gave it away.
        reason: String,
    },

    /// Somebody else could have written the file, and it holds native code.
    #[error(
        "{path}: {reason}; an analyzer is native code and is loaded only from a file that nobody else can change"
    )]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// Who could.
        reason: String,
    },

    /// The analyzer was baked for another wasmtime, processor or plugin.
    #[error("{path}: {reason}; bake it again")]
    Stale {
        /// The file.
        path: PathBuf,
        /// What changed.
        reason: String,
    },

    /// The plugin is not one: not a component, of another world, or it imports
    /// something.
    #[error("{plugin}: {reason}")]
    Plugin {
        /// The plugin's file, or "the built-in plugin".
        plugin: String,
        /// What is wrong.
        reason: String,
    },

    /// The plugin refused a pack.
    #[error("{path}: {reason}")]
    Pack {
        /// The pack's file.
        path: PathBuf,
        /// Its answer.
        reason: String,
    },

    /// Rules are not as they must be.
    #[error("{name}: {reason}")]
    Rules {
        /// Their file, or what they are called.
        name: String,
        /// Which field, its value, what it may be.
        reason: String,
    },

    /// All sessions that were provided for are in use.
    #[error("all {limit} sessions are in use; this call stays unanalysed")]
    Exhausted {
        /// How many were provided for.
        limit: u32,
    },

    /// The analysis broke a rule of the sandbox and was ended. Other sessions
    /// go on.
    #[error("the analysis was ended: {reason}")]
    Fault {
        /// What kind of rule.
        kind: Fault,
        /// Trap, deadline or memory limit.
        reason: String,
    },

    /// The host is closing, has no analyzer yet, or its analyzer is out of service.
    #[error("{0}")]
    Unavailable(String),

    /// The system refused memory, a thread or a socket.
    #[error("{0}")]
    System(String),

    /// The host asked for what the contract excludes.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Io { path: path.to_owned(), source }
    }
}
