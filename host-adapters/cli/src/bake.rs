//! `callprint bake`: packs in, an analyzer out.

use std::path::PathBuf;

use anyhow::Result;
use callprint::bake::{Recipe, bake};

use crate::pack::Trust;

/// Make an analyzer, the file a switch loads, from packs.
#[derive(clap::Args)]
pub struct Args {
    /// A pack; may be given several times.
    #[arg(long, required = true, value_name = "PACK.json")]
    pack: Vec<PathBuf>,
    /// The analyzer to write. An old one is replaced as a whole, or stays.
    #[arg(long, value_name = "ANALYZER.cwasm")]
    out: PathBuf,
    /// Another plugin than the built-in one: a component of the world
    /// callprint:analyzer/analyzer.
    #[arg(long, value_name = "PLUGIN.wasm")]
    plugin: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
}

pub fn run(args: Args, quiet: bool) -> Result<()> {
    args.pack.iter().try_for_each(|pack| args.trust.check(pack))?;
    let recipe = bake(&args.pack, args.plugin.as_deref(), &args.out)?;
    if !quiet {
        eprintln!("{}: {}", args.out.display(), describe(&recipe));
    }
    Ok(())
}

/// An analyzer in a line.
pub fn describe(recipe: &Recipe) -> String {
    let scripts: u32 = recipe.packs.iter().map(|p| p.scripts).sum();
    let minutes = recipe.packs.iter().map(|p| p.duration_s).sum::<f64>() / 60.0;
    let packs: Vec<String> =
        recipe.packs.iter().map(|p| format!("{} {}", p.id, p.version)).collect();
    format!(
        "{scripts} scripts ({minutes:.1} min) of {}; index {:.1} MB; {}",
        packs.join(", "),
        recipe.index_bytes as f64 / 1e6,
        recipe.analyzer
    )
}
