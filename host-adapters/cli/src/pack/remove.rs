//! `callprint pack remove`: scripts out of a pack.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::file;

/// Take scripts out of a pack, which gets the next version.
#[derive(clap::Args)]
pub struct Args {
    /// The pack.
    #[arg(value_name = "PACK.json")]
    pack: PathBuf,
    /// The scripts.
    #[arg(required = true, value_name = "SCRIPT_ID")]
    scripts: Vec<String>,
}

pub fn run(args: &Args, quiet: bool) -> Result<()> {
    let mut pack = file::read(&args.pack)?;
    for id in &args.scripts {
        let there = pack.scripts.iter().any(|s| s.id == *id);
        ensure!(there, "{}: there is no script {id:?}", args.pack.display());
    }
    pack.scripts.retain(|s| !args.scripts.contains(&s.id));
    file::write_changed(&args.pack, &mut pack, quiet)
}
