//! `callprint pack verify`: whether a pack is what its vendor made.

use std::path::PathBuf;

use anyhow::{Context, Result};
use callprint_plugin::pack::Pack;

use super::{file, keys};

/// Check that a pack is what the holder of a pinned key signed, is well-formed and has not expired.
#[derive(clap::Args)]
pub struct Args {
    #[arg(value_name = "PACK.json")]
    pack: PathBuf,
    /// A public key of minisign, or a folder of them (*.pub).
    #[arg(long, value_name = "KEYS")]
    keys: PathBuf,
    /// The pack that it would replace: its version must not be lower.
    #[arg(long, value_name = "OLD.json")]
    replaces: Option<PathBuf>,
}

pub fn run(args: &Args, quiet: bool) -> Result<()> {
    let name = args.pack.display();
    let bytes = file::bytes(&args.pack)?;
    let key = keys::check_signature(&args.pack, &bytes, &keys::load(&args.keys)?)?;
    let pack = Pack::read(&bytes).with_context(|| format!("{name}"))?;
    keys::check_expiry(&args.pack, &pack)?;
    if let Some(old) = &args.replaces {
        keys::check_newer(&args.pack, &pack, &file::read(old)?)?;
    }
    if !quiet {
        eprintln!("{name}: {} {}, signed with {key}", pack.id, pack.version);
    }
    Ok(())
}
