//! `callprint pack merge`: several packs into one.

use std::{collections::HashMap, path::PathBuf};

use anyhow::{Result, ensure};

use super::file;

/// Put the scripts of several packs into one. The first pack's metadata is kept.
#[derive(clap::Args)]
pub struct Args {
    /// The pack to write.
    #[arg(long, value_name = "OUT.json")]
    out: PathBuf,
    /// What it is called; as the first pack unless given.
    #[arg(long)]
    name: Option<String>,
    /// Where packs have different scripts of the same id, take the later one.
    #[arg(long)]
    replace: bool,
    /// The packs, two or more.
    #[arg(required = true, num_args = 2.., value_name = "PACK.json")]
    packs: Vec<PathBuf>,
}

pub fn run(args: &Args, quiet: bool) -> Result<()> {
    let (first, others) = args.packs.split_first().expect("clap asks for two");
    let mut merged = file::read(first)?;
    if let Some(name) = &args.name {
        merged.id = name.clone();
    }
    let mut places: HashMap<String, usize> =
        merged.scripts.iter().enumerate().map(|(n, s)| (s.id.clone(), n)).collect();
    for path in others {
        let pack = file::read(path)?;
        let name = path.display();
        ensure!(
            pack.code == merged.code,
            "{name}: its fingerprints are of code {:?}, those of {} of {:?}; enrol the older ones anew",
            pack.code,
            first.display(),
            merged.code
        );
        for script in pack.scripts {
            let Some(place) = places.get(&script.id) else {
                places.insert(script.id.clone(), merged.scripts.len());
                merged.scripts.push(script);
                continue;
            };
            let there = &mut merged.scripts[*place];
            let same = serde_json::to_value(&*there)? == serde_json::to_value(&script)?;
            ensure!(
                same || args.replace,
                "{name}: script {:?} is another in a pack before; take one out with \
                 `callprint pack remove`, or let the later one replace it with --replace",
                script.id
            );
            *there = script;
        }
    }
    file::write_changed(&args.out, &mut merged, quiet)
}
