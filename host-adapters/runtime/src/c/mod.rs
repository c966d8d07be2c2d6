//! `callprint.h` for the linker: what it says there holds, and is said there.
//!
//! No panic leaves this folder: unwinding into C would end the process.

mod call;
mod host;
mod text;
pub(crate) mod types;

use std::{
    ffi::c_char,
    panic::{AssertUnwindSafe, catch_unwind},
};

use types::Status;

use crate::Error;

/// Runs what an entry does. A panic is a defect of ours, and the call's or host's misfortune only.
fn guarded<T>(otherwise: T, entry: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(entry)).unwrap_or(otherwise)
}

/// As [`guarded`], for entries that say what was wrong.
///
/// # Safety
///
/// `error`, if not null, points to `error_size` bytes that may be written.
unsafe fn answered(
    error: *mut c_char,
    error_size: usize,
    entry: impl FnOnce() -> Result<(), Error>,
) -> Status {
    let defect = Err(Error::System("a defect of libcallprint: it panicked".into()));
    match guarded(defect, entry) {
        Ok(()) => Status::Ok,
        Err(e) => {
            // SAFETY: the caller's promise.
            unsafe { text::write(&e.to_string(), error, error_size) };
            status(&e)
        }
    }
}

fn status(error: &Error) -> Status {
    match error {
        Error::Usage(_) => Status::Argument,
        Error::Exhausted { .. } => Status::Full,
        Error::Unavailable(_) => Status::State,
        Error::System(_) | Error::Fault { .. } => Status::System,
        Error::Io { .. }
        | Error::NotAnAnalyzer { .. }
        | Error::Unsafe { .. }
        | Error::Stale { .. }
        | Error::Plugin { .. }
        | Error::Rules { .. }
        | Error::Pack { .. } => Status::File,
    }
}
