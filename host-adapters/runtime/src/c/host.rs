//! Hosts.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    sync::Arc,
};

use super::{
    answered, guarded, text,
    types::{self, Number, Status},
};
use crate::{
    Error, Host, HostConfig,
    host::{Level, Sink},
};

/// `callprint_host`.
pub struct CHost(pub Host);

#[unsafe(no_mangle)]
pub extern "C" fn callprint_abi() -> u32 {
    types::ABI
}

#[unsafe(no_mangle)]
pub extern "C" fn callprint_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => panic!("a version has no NUL"),
        };
    VERSION.as_ptr()
}

/// What C gave us to hand back: it says itself that any thread may have it.
#[derive(Clone, Copy)]
pub(super) struct User(pub *mut c_void);

// SAFETY: see there.
unsafe impl Send for User {}
unsafe impl Sync for User {}

impl User {
    /// A closure that asks for it takes all of it along.
    pub fn get(&self) -> *mut c_void {
        self.0
    }
}

unsafe fn config(from: *const types::HostConfig) -> Result<HostConfig, Error> {
    // SAFETY: the header's words.
    let c = unsafe { types::read(from)? };
    // SAFETY: likewise.
    let string = |p, name| unsafe { text::read(p, name) };
    let path = |p| unsafe { text::path(p) };
    let number = |given: u32, default: u32| if given == 0 { default } else { given };
    let analyzer = path(c.analyzer)
        .ok_or_else(|| Error::Usage("analyzer is NULL; name what `callprint bake` wrote".into()))?;
    let defaults = HostConfig::new(analyzer);
    let log = c.log.map(|log| -> Sink {
        let user = User(c.user);
        // SAFETY: the header's words: log may be called with user on any thread of ours.
        Box::new(move |level, message| unsafe {
            log(user.get(), level_number(level), text::owned(message).as_ptr())
        })
    });
    Ok(HostConfig {
        packs: path(c.packs),
        command: path(c.command),
        evidence_log: path(c.evidence_log),
        numbers: string(c.numbers, "numbers")?.map_or(Ok(defaults.numbers), str::parse)?,
        metrics: string(c.metrics, "metrics")?.map(str::to_owned),
        workers: (c.workers != 0).then_some(c.workers),
        calls_max: number(c.calls_max, defaults.calls_max),
        batch_ms: number(c.batch_ms, defaults.batch_ms),
        cohort: number(c.cohort, defaults.cohort),
        log,
        ..HostConfig::new(defaults.analyzer)
    })
}

fn level_number(level: Level) -> Number {
    match level {
        Level::Error => 0,
        Level::Warning => 1,
        Level::Notice => 2,
        Level::Debug => 3,
    }
}

pub(super) fn null(what: &str) -> Error {
    Error::Usage(format!("{what} is NULL"))
}

/// Runs what is asked of a host.
///
/// # Safety
///
/// `host`, if not null, is one; for the rest see [`answered`].
pub(super) unsafe fn asked(
    host: *mut CHost,
    error: *mut c_char,
    error_size: usize,
    entry: impl FnOnce(&Host) -> Result<(), Error>,
) -> Status {
    // SAFETY: the caller's promise.
    unsafe { answered(error, error_size, || entry(&host.as_ref().ok_or_else(|| null("host"))?.0)) }
}

/// # Safety
///
/// As callprint.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_host_open(
    config_: *const types::HostConfig,
    host: *mut *mut CHost,
    error: *mut c_char,
    error_size: usize,
) -> Status {
    // SAFETY: the header's words.
    unsafe {
        answered(error, error_size, || {
            if host.is_null() {
                return Err(null("host"));
            }
            let opened = Host::open(config(config_)?)?;
            *host = Box::into_raw(Box::new(CHost(opened)));
            Ok(())
        })
    }
}

/// # Safety
///
/// As callprint.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_host_close(host: *mut CHost) {
    if host.is_null() {
        return;
    }
    guarded((), || {
        // SAFETY: the host's last use.
        let host = unsafe { Box::from_raw(host) };
        // The handles that C did not close are closed with it.
        for call in host.0.close_calls() {
            // SAFETY: `callprint_call_open` made one of each.
            unsafe { Arc::decrement_strong_count(Arc::as_ptr(&call)) };
        }
    });
}

/// # Safety
///
/// As callprint.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_host_reload(
    host: *mut CHost,
    analyzer: *const c_char,
    error: *mut c_char,
    error_size: usize,
) -> Status {
    // SAFETY: the header's words.
    unsafe { asked(host, error, error_size, |host| host.reload(text::path(analyzer).as_deref())) }
}

/// # Safety
///
/// As callprint.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_host_rules(
    host: *mut CHost,
    name: *const c_char,
    path: *const c_char,
    error: *mut c_char,
    error_size: usize,
) -> Status {
    // SAFETY: the header's words.
    unsafe {
        asked(host, error, error_size, |host| {
            let name = text::read(name, "name")?.ok_or_else(|| null("name"))?;
            host.rules(name, text::path(path).as_deref())
        })
    }
}

/// # Safety
///
/// As callprint.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_host_selftest(
    host: *mut CHost,
    report: *mut c_char,
    report_size: usize,
) -> Status {
    guarded(Status::System, || {
        // SAFETY: the header's words.
        let Some(host) = (unsafe { host.as_ref() }) else { return Status::Argument };
        let (line, status) = match host.0.selftest() {
            Ok(line) => (format!("PASS {line}"), Status::Ok),
            Err(line) => (format!("FAIL {line}"), Status::State),
        };
        // SAFETY: the header's words.
        unsafe { text::write(&line, report, report_size) };
        status
    })
}

/// # Safety
///
/// As callprint.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_host_status_json(
    host: *mut CHost,
    calls: c_int,
    to: *mut c_char,
    size: usize,
) -> usize {
    guarded(0, || {
        // SAFETY: the header's words.
        let Some(host) = (unsafe { host.as_ref() }) else { return 0 };
        let json = host.0.status(calls != 0).to_string();
        // SAFETY: the header's words.
        unsafe { text::write(&json, to, size) }
    })
}

/// # Safety
///
/// As callprint.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_host_metrics(
    host: *mut CHost,
    to: *mut c_char,
    size: usize,
) -> usize {
    guarded(0, || {
        // SAFETY: the header's words.
        let Some(host) = (unsafe { host.as_ref() }) else { return 0 };
        // SAFETY: the header's words.
        unsafe { text::write(&host.0.metrics(), to, size) }
    })
}
