//! The types of `callprint.h`, field by field; the test below compares the two.
#![allow(missing_docs, reason = "callprint.h documents them")]

use std::ffi::{c_char, c_int, c_void};

pub const ABI: u32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum Status {
    Ok = 0,
    Argument = 1,
    File = 2,
    Full = 3,
    State = 4,
    System = 5,
}

/// `callprint_level`, `callprint_side`, `callprint_kind`, `callprint_verdict`, `callprint_action`:
/// numbers, since C may pass any.
pub type Number = c_int;

#[repr(C)]
pub struct Finding {
    pub size: usize,
    pub kind: Number,
    pub side: Number,
    pub name: *const c_char,
    pub detail: *const c_char,
    pub start_ms: f64,
    pub end_ms: f64,
    pub known_ms: f64,
    pub confidence: f64,
    pub freq_hz: f64,
    pub level_dbm0: f64,
    pub json: *const c_char,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct Decision {
    pub size: usize,
    pub number: u32,
    pub verdict: Number,
    pub action: Number,
    pub shadow: u32,
    pub hangup_cause: u32,
    pub priority: u32,
    pub context: *const c_char,
    pub extension: *const c_char,
    pub rule: *const c_char,
    pub script: *const c_char,
    pub pack: *const c_char,
    pub category: *const c_char,
    pub cause: *const c_char,
    pub confidence: f64,
    pub known_ms: f64,
    pub added_ms: f64,
    pub json: *const c_char,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct HostConfig {
    pub size: usize,
    pub analyzer: *const c_char,
    pub packs: *const c_char,
    pub command: *const c_char,
    pub evidence_log: *const c_char,
    pub numbers: *const c_char,
    pub metrics: *const c_char,
    pub workers: u32,
    pub calls_max: u32,
    pub batch_ms: u32,
    pub cohort: u32,
    pub log: Option<unsafe extern "C" fn(*mut c_void, Number, *const c_char)>,
    pub user: *mut c_void,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct CallConfig {
    pub size: usize,
    pub id: *const c_char,
    pub caller: *const c_char,
    pub callee: *const c_char,
    pub rules: *const c_char,
    pub flags: u32,
    pub limit_ms: u32,
    pub heard: Option<unsafe extern "C" fn(*mut c_void, *const Finding)>,
    pub decided: Option<unsafe extern "C" fn(*mut c_void, *const Decision)>,
    pub released: Option<unsafe extern "C" fn(*mut c_void)>,
    pub user: *mut c_void,
}

pub const OUTBOUND: u32 = 1;
pub const NEAR_SIDE: u32 = 2;

/// A struct that begins with its size.
///
/// # Safety
///
/// Plain data of which all-zero is a value; the first field is its size.
pub unsafe trait SizeFirst: Copy {}

// SAFETY: pointers, numbers and optional functions.
unsafe impl SizeFirst for HostConfig {}
unsafe impl SizeFirst for CallConfig {}

/// Reads as much of a struct as the caller knows of; what it does not know of is 0.
///
/// # Safety
///
/// `from`, if not null, points to a size and, altogether, as many bytes as that says.
pub unsafe fn read<T: SizeFirst>(from: *const T) -> Result<T, crate::Error> {
    if from.is_null() {
        return Err(crate::Error::Usage("the config is NULL".into()));
    }
    // SAFETY: the caller's promise, and `SizeFirst`'s.
    unsafe {
        let size = from.cast::<usize>().read();
        if size < 2 * std::mem::size_of::<usize>() {
            return Err(crate::Error::Usage(format!(
                "the config's size is {size}; set it with sizeof"
            )));
        }
        let mut value = std::mem::zeroed::<T>();
        let known = size.min(std::mem::size_of::<T>());
        (&raw mut value).cast::<u8>().copy_from_nonoverlapping(from.cast::<u8>(), known);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;
    use crate::policy::{Action, Verdict};

    /// What `tests/c/abi.c` prints of the header, of the types above.
    #[test]
    fn they_are_those_of_the_header() {
        let announced = include_str!("../../tests/c/abi.txt");
        let mut structs = 0;
        let mut is = |line: String| {
            structs += 1;
            assert!(announced.lines().any(|l| l == line), "the header does not have {line:?}");
        };
        macro_rules! same {
            ($c:literal, $rust:ident: $($field:ident)*) => {
                is(format!("callprint_{} {}", $c, size_of::<$rust>()));
                $({
                    let size_of_field = {
                        // SAFETY: all-zero is a value of each.
                        let value: $rust = unsafe { std::mem::zeroed() };
                        size_of_val(&value.$field)
                    };
                    let offset = offset_of!($rust, $field);
                    is(format!("callprint_{}.{} {offset} {size_of_field}", $c, stringify!($field)));
                })*
            };
        }
        same!("finding", Finding: size kind side name detail start_ms end_ms known_ms confidence
            freq_hz level_dbm0 json);
        same!("decision", Decision: size number verdict action shadow hangup_cause priority context
            extension rule script pack category cause confidence known_ms added_ms json);
        same!("host_config", HostConfig: size analyzer packs command evidence_log numbers metrics
            workers calls_max batch_ms cohort log user);
        same!("call_config", CallConfig: size id caller callee rules flags limit_ms heard decided
            released user);
        for (name, value) in [
            ("ABI", ABI),
            ("OK", Status::Ok as u32),
            ("ERROR_ARGUMENT", Status::Argument as u32),
            ("ERROR_FILE", Status::File as u32),
            ("ERROR_FULL", Status::Full as u32),
            ("ERROR_STATE", Status::State as u32),
            ("ERROR_SYSTEM", Status::System as u32),
            ("OUTBOUND", OUTBOUND),
            ("NEAR_SIDE", NEAR_SIDE),
            ("ROBOT", Verdict::Robot as u32),
            ("BEEP", Verdict::Beep as u32),
            ("BUSY", Verdict::Busy as u32),
            ("NOTREADY", Verdict::NotReady as u32),
            ("DECOY", Action::Decoy { cause: 1 }.number()),
        ] {
            is(format!("CALLPRINT_{name} {value}"));
        }
        is(format!("callprint_status {}", size_of::<Status>()));
        is(format!("callprint_side {}", size_of::<Number>()));
        let fields = announced.lines().filter(|l| l.starts_with("callprint_")).count();
        assert_eq!(fields + 14, structs, "a field of the header is not compared");
    }
}
