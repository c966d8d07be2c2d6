//! Strings from C and to it.

use std::{
    ffi::{CStr, CString, c_char},
    path::PathBuf,
};

use crate::Error;

/// A string that may be null.
///
/// # Safety
///
/// `text`, if not null, ends in NUL, and stays for as long as the result is used.
pub unsafe fn read<'a>(text: *const c_char, name: &str) -> Result<Option<&'a str>, Error> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    match text.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Error::Usage(format!("{name} is {text:?}, which is not UTF-8"))),
    }
}

/// A path that may be null.
///
/// # Safety
///
/// As for [`read`].
pub unsafe fn path(text: *const c_char) -> Option<PathBuf> {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    Some(PathBuf::from(OsStr::from_bytes(text.to_bytes())))
}

/// Writes `text` with a NUL, cut between characters where there is no room; the bytes that would be
/// needed.
///
/// # Safety
///
/// `to`, if not null, points to `size` bytes that may be written.
pub unsafe fn write(text: &str, to: *mut c_char, size: usize) -> usize {
    if !to.is_null() && size > 0 {
        let length = text.floor_char_boundary(size - 1);
        // SAFETY: the caller's promise; the length is below it.
        unsafe {
            to.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), length);
            to.add(length).write(0);
        }
    }
    text.len() + 1
}

/// For a callback. A NUL within, which only a hostile pack has, ends it early.
pub fn owned(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).expect("it was cut before the first NUL")
}
