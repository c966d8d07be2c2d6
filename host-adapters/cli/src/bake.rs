//! `callprint bake`: packs in, an analyzer out.

use std::path::PathBuf;

use anyhow::{Context, Result};
use callprint::bake::{PackFile, Recipe, bake_files};

use crate::pack::Trust;

/// Make an analyzer, the file a switch loads, from packs.
#[derive(clap::Args)]
pub struct Args {
    /// A pack; may be given several times. With none the analyzer knows no script: it hears tones
    /// and tells who answered.
    #[arg(long, value_name = "PACK.json")]
    pack: Vec<PathBuf>,
    /// The analyzer to write. An old one is replaced as a whole, or stays.
    #[arg(long, value_name = "ANALYZER.cwasm")]
    out: PathBuf,
    /// Another plugin than the built-in one: a component of the world
    /// callprint:analyzer/analyzer.
    #[arg(long, value_name = "PLUGIN.wasm")]
    plugin: Option<PathBuf>,
    /// Stay out of the way of what else runs here: low priority, at most 8 GiB of memory, no
    /// open file of whoever started it.
    #[arg(long)]
    background: bool,
    #[command(flatten)]
    trust: Trust,
}

/// Address space of a bake in the background, in bytes. Baking 10,000 scripts needs half of it.
const BACKGROUND_BYTES: libc::rlim_t = 8 << 30;

pub fn run(args: Args, quiet: bool) -> Result<()> {
    if args.background {
        stand_back().context("the bake cannot be kept out of the way")?;
    }
    let packs = args.pack.iter().map(|p| PackFile::read(p)).collect::<Result<Vec<_>, _>>()?;
    args.trust.check(&packs)?;
    let recipe = bake_files(&packs, args.plugin.as_deref(), &args.out)?;
    if !quiet {
        eprintln!("{}: {}", args.out.display(), describe(&recipe));
    }
    Ok(())
}

/// For a switch that has started us: it must not feel it, whatever it has left open or set.
fn stand_back() -> std::io::Result<()> {
    let check = |answer: libc::c_int| match answer {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    };
    let memory = libc::rlimit { rlim_cur: BACKGROUND_BYTES, rlim_max: BACKGROUND_BYTES };
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: plain calls with valid arguments; nothing of ours is open above standard error, and no
    // other thread is there to read the environment.
    unsafe {
        // One thread compiles: the other processors are the switch's.
        std::env::set_var("RAYON_NUM_THREADS", "1");
        check(libc::close_range(3, libc::c_uint::MAX, 0))?;
        check(libc::sched_setscheduler(0, libc::SCHED_BATCH, &param))?;
        check(libc::setpriority(libc::PRIO_PROCESS, 0, 10))?;
        check(libc::setrlimit(libc::RLIMIT_AS, &memory))
    }
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
