//! `callprint pack convert`: a pack for this version of callprint, as far as
//! that can be done without the recordings.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use callprint_plugin::{
    pack::{FORMAT, FORMAT_VERSION},
    script::Codebook,
};
use serde_json::{Map, Value};

use super::{file, schema};

/// Write a pack as this version of callprint writes it, or say why the recordings are needed.
#[derive(clap::Args)]
pub struct Args {
    /// The pack.
    #[arg(value_name = "PACK.json")]
    pack: PathBuf,
    /// The pack to write.
    #[arg(long, value_name = "OUT.json")]
    out: PathBuf,
}

/// Fields that were called otherwise before the format was published.
const RENAMED: [(&str, &str); 3] =
    [("lang", "language"), ("license", "licence"), ("numbers", "numbers_seen")];

pub fn run(args: &Args, quiet: bool) -> Result<()> {
    let name = args.pack.display();
    let bytes = file::bytes(&args.pack)?;
    let claim = file::json(&args.pack, &bytes)?;
    ensure!(
        claim["format"] == FORMAT,
        "{name}: `format` is {}, expected {FORMAT:?}",
        claim["format"]
    );
    ensure!(
        claim["format_version"] == FORMAT_VERSION,
        "{name}: `format_version` is {}, this callprint knows {FORMAT_VERSION} only; get a later one",
        claim["format_version"]
    );
    drop(claim);
    let mut pack = file::parse(&args.pack, &bytes)?;
    let book = Codebook::default();
    ensure!(
        pack.code == book.id(),
        "{name}: its fingerprints are of code {:?}, this version makes and reads {:?}: the recordings \
         are needed; enrol all {} scripts into a new pack with `callprint enroll`",
        pack.code,
        book.id(),
        pack.scripts.len()
    );
    modernise(&mut pack.more);
    for script in &mut pack.scripts {
        modernise(&mut script.more);
        if file::text(&script.more, "category") == "voicemail" {
            script.more.insert("category".into(), "voicemail-system".into());
        }
    }
    let complaints = schema::check(&serde_json::to_value(&pack)?);
    file::write(&args.out, &pack)?;
    if !quiet {
        eprintln!("{}: {} {}", args.out.display(), pack.id, pack.version);
        complaints.iter().for_each(|c| eprintln!("{}: left to do: {c}", args.out.display()));
    }
    Ok(())
}

fn modernise(fields: &mut Map<String, Value>) {
    for (old, new) in RENAMED {
        if !fields.contains_key(new)
            && let Some(value) = fields.shift_remove(old)
        {
            fields.insert(new.into(), value);
        }
    }
    if let Some(Value::String(numbers)) = fields.get("numbers_seen") {
        let numbers = numbers.split([';', ',', ' ']).filter(|n| !n.is_empty()).map(Value::from);
        let numbers = numbers.collect();
        fields.insert("numbers_seen".into(), numbers);
    }
}
