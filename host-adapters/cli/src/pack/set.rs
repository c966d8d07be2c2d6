//! `callprint pack set`: metadata of a pack or of a script.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{file, schema};

/// Set fields of a pack, or of one of its scripts: `licence=CC0-1.0 expires=2027-06-30`.
/// NAME= takes a field away. Lists are separated by semicolons.
#[derive(clap::Args)]
pub struct Args {
    /// The pack.
    #[arg(value_name = "PACK.json")]
    pack: PathBuf,
    /// Of this script instead of the pack.
    #[arg(long, value_name = "ID")]
    script: Option<String>,
    /// The fields.
    #[arg(required = true, value_name = "NAME=VALUE")]
    fields: Vec<String>,
}

/// Fields that are lists of text.
const LISTS: [&str; 1] = ["numbers_seen"];

/// What only the tools that make fingerprints may set.
const FIXED: [&str; 6] = ["format", "format_version", "code", "scripts", "nodes", "codes"];

pub fn run(args: &Args, quiet: bool) -> Result<()> {
    let name = args.pack.display();
    let mut pack = serde_json::to_value(file::read(&args.pack)?)?;
    let fields = match &args.script {
        None => &mut pack,
        Some(id) => pack["scripts"]
            .as_array_mut()
            .and_then(|scripts| scripts.iter_mut().find(|s| s["id"] == id.as_str()))
            .with_context(|| format!("{name}: there is no script {id:?}"))?,
    };
    let fields = fields.as_object_mut().context("a pack is an object")?;
    for field in &args.fields {
        let Some((key, value)) = field.split_once('=') else {
            bail!("{field:?} is not NAME=VALUE");
        };
        ensure!(!FIXED.contains(&key) && !key.is_empty(), "{key:?} cannot be set by hand");
        if value.is_empty() {
            fields.shift_remove(key);
        } else if LISTS.contains(&key) {
            let items = value.split(';').map(|item| Value::from(item.trim()));
            fields.insert(key.into(), items.collect());
        } else {
            fields.insert(key.into(), value.into());
        }
    }
    let complaints = schema::check(&pack);
    ensure!(complaints.is_empty(), "{name}: {}", complaints.join("; "));
    let pack = serde_json::from_value(pack).with_context(|| format!("{name}"))?;
    file::write(&args.pack, &pack)?;
    if !quiet && file::signature_of(&args.pack).exists() {
        eprintln!("{name}: its signature no longer fits; sign it again");
    }
    Ok(())
}
