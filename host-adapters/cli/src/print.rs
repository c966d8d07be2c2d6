//! What a command prints.

use std::{fmt::Display, io::Write};

use anyhow::{Context, Result};

/// Prints a line. Whoever reads may stop, and a disk may be full: the caller hears of it.
pub fn line(text: impl Display) -> Result<()> {
    writeln!(std::io::stdout(), "{text}").context("standard output cannot be written")
}
