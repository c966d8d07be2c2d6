//! What a command prints.

use std::{fmt::Display, io::Write};

use anyhow::{Context, Result};

/// Prints a line. Whoever reads may stop, and a disk may be full: the caller hears of it. What others
/// wrote is in it: a control character would speak to the terminal, and becomes `�`.
pub fn line(text: impl Display) -> Result<()> {
    let text = text.to_string().replace(char::is_control, "\u{fffd}");
    writeln!(std::io::stdout(), "{text}").context("standard output cannot be written")
}
