//! What is checked of a pack before and besides its content: how much parsing
//! it would take, and which analyzer it asks for.

use super::PackError;
use crate::limits;

/// Refuses JSON whose parsed form would take far more memory than its text:
/// two bytes, `0,`, become a value of eighty.
pub fn check_structure(json: &[u8]) -> Result<(), PackError> {
    let (mut values, mut quoted) = (0usize, false);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => {
                bytes.next();
            }
            b',' | b'{' | b'[' if !quoted => values += 1,
            _ => {}
        }
    }
    let max = limits::PACK_VALUES;
    if values > max {
        return Err(PackError::TooLarge(format!(
            "the pack has {values} JSON values, the limit is {max}; split it"
        )));
    }
    Ok(())
}

/// Refuses a pack that asks for a later analyzer than this one.
pub(super) fn check_min_analyzer(wanted: &str) -> Result<(), PackError> {
    let this = env!("CARGO_PKG_VERSION");
    let Some(needs) = triple(wanted) else {
        return Err(PackError::Malformed(format!(
            "`min_analyzer` is {wanted:?}, expected three numbers as in {this:?}"
        )));
    };
    if triple(this).is_some_and(|this| this < needs) {
        return Err(PackError::Unsupported(format!(
            "the pack needs analyzer {wanted} or later, this is {this}"
        )));
    }
    Ok(())
}

fn triple(version: &str) -> Option<[u32; 3]> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    let triple = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(triple)
}
