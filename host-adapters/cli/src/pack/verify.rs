//! `callprint pack verify`: whether a pack is what its vendor made.

use std::path::PathBuf;

use anyhow::Result;

use super::{file, keys};

/// Check that a pack is what the holder of a pinned key signed, is well-formed and has not expired.
#[derive(clap::Args)]
pub struct Args {
    /// The pack.
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
    let name = args.pack.display().to_string();
    let bytes = file::bytes(&args.pack)?;
    let signature = keys::signature(&args.pack)?;
    let key = keys::check_signature(&name, &bytes, signature.as_deref(), &keys::load(&args.keys)?)?;
    let pack = file::parse(&args.pack, &bytes)?;
    keys::check_expiry(&name, &pack)?;
    if let Some(old) = &args.replaces {
        keys::check_newer(&name, &pack, &file::read(old)?)?;
    }
    if !quiet {
        eprintln!("{name}: {} {}, signed with {key}", pack.id, pack.version);
    }
    Ok(())
}
