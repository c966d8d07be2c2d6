//! `callprint pack expire`: scripts that are no longer heard, out of a pack.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::{date::Date, file};

/// Take scripts out of a pack that were last seen before a day. Scripts of which it is not known
/// when they were seen stay. The pack gets the next version.
#[derive(clap::Args)]
pub struct Args {
    /// The pack.
    #[arg(value_name = "PACK.json")]
    pack: PathBuf,
    /// The day.
    #[arg(long, value_name = "YYYY-MM-DD")]
    not_seen_since: Date,
}

pub fn run(args: &Args, quiet: bool) -> Result<()> {
    let mut pack = file::read(&args.pack)?;
    let before = pack.scripts.len();
    let seen = |fields: &serde_json::Map<_, _>| {
        ["last_seen", "first_seen"]
            .into_iter()
            .find_map(|name| file::text(fields, name).parse().ok())
    };
    pack.scripts.retain(|s| seen(&s.more).is_none_or(|day: Date| day >= args.not_seen_since));
    ensure!(
        pack.scripts.len() < before,
        "{}: nothing was last seen before {}; the pack was left as it is",
        args.pack.display(),
        args.not_seen_since
    );
    file::write_changed(&args.pack, &mut pack, quiet)
}
