//! `callprint pack split`: one pack into several.

use std::{collections::HashMap, path::PathBuf};

use anyhow::{Context, Result, ensure};
use callprint_plugin::pack::Pack;
use clap::ValueEnum;

use super::file;

/// Split a pack into one for each category, language or year, called `ID-VALUE`.
#[derive(clap::Args)]
pub struct Args {
    /// The pack.
    #[arg(value_name = "PACK.json")]
    pack: PathBuf,
    /// By what.
    #[arg(long, value_enum, default_value = "category")]
    by: By,
    /// Where the new packs go; it is made if it is not there.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum By {
    Category,
    Language,
    /// The year in which a script was last seen.
    Year,
}

/// More are no use to anybody.
const PARTS_MAX: usize = 1_000;

pub fn run(args: &Args, quiet: bool) -> Result<()> {
    let mut pack = file::read(&args.pack)?;
    let scripts = std::mem::take(&mut pack.scripts);
    let header = pack;
    let mut parts: Vec<Pack> = Vec::new();
    let mut places = HashMap::new();
    for script in scripts {
        let value = match args.by {
            By::Category => file::text(&script.more, "category"),
            By::Language => file::text(&script.more, "language"),
            By::Year => file::text(&script.more, "last_seen").split('-').next().unwrap_or_default(),
        };
        let plain = |c: char| if c.is_alphanumeric() || c == '-' { c } else { '_' };
        let value: String = value.chars().map(plain).collect();
        let value = if value.is_empty() { "other".into() } else { value };
        let place = *places.entry(value).or_insert_with_key(|value| {
            let id = format!("{}-{value}", header.id);
            parts.push(Pack { id, ..header.clone() });
            parts.len() - 1
        });
        ensure!(
            parts.len() <= PARTS_MAX,
            "{}: it would become more than {PARTS_MAX} packs; split it by something else",
            args.pack.display()
        );
        parts[place].scripts.push(script);
    }
    let folder = args.out.display();
    std::fs::create_dir_all(&args.out).with_context(|| format!("{folder}: cannot be made"))?;
    let target = |part: &Pack| args.out.join(format!("{}.json", part.id));
    // All or none: a name that is taken must not be met half way.
    for part in &parts {
        ensure!(!target(part).exists(), "{}: it is there already", target(part).display());
    }
    for part in &parts {
        file::write(&target(part), part)?;
        if !quiet {
            eprintln!("{}: {} scripts", target(part).display(), part.scripts.len());
        }
    }
    Ok(())
}
