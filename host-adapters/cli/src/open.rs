//! An analyzer from its file, baked again where that is due.

use std::path::Path;

use callprint::{Analyzer, Error, Options, bake};

/// Opens an analyzer for as many calls at a time as `sessions`; bakes it again first if wasmtime,
/// processor or plugin have changed since.
pub fn open(path: &Path, sessions: u32, quiet: bool) -> Result<Analyzer, Error> {
    let options = Options { sessions };
    match Analyzer::open(path, &options) {
        Err(Error::Stale { reason, .. }) => {
            if !quiet {
                eprintln!("{}: {reason}: baking it again", path.display());
            }
            bake::again(path)?;
            Analyzer::open(path, &options)
        }
        other => other,
    }
}
