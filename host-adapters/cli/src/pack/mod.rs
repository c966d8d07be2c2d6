//! `callprint pack`: what vendors and hosts do with packs besides enrolling
//! and baking.

mod convert;
mod date;
mod diff;
mod expire;
mod fetch;
pub mod file;
mod http;
mod keys;
mod lint;
mod merge;
mod minisign;
mod oci;
mod push;
mod remove;
mod schema;
mod set;
mod show;
mod sign;
mod source;
mod split;
mod stats;
mod verify;

pub use keys::Trust;

use anyhow::Result;
use clap::Subcommand;

/// Look at packs, check them, change them, sign them.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Show(show::Args),
    Stats(stats::Args),
    Lint(lint::Args),
    Diff(diff::Args),
    Set(set::Args),
    Merge(merge::Args),
    Split(split::Args),
    Remove(remove::Args),
    Expire(expire::Args),
    Convert(convert::Args),
    Keygen(sign::KeygenArgs),
    Sign(sign::Args),
    Verify(verify::Args),
    Push(push::Args),
    Fetch(fetch::Args),
    Rollback(fetch::RollbackArgs),
}

pub fn run(args: Args, quiet: bool) -> Result<()> {
    match args.task {
        Task::Show(args) => show::run(&args),
        Task::Stats(args) => stats::run(&args),
        Task::Lint(args) => lint::run(&args, quiet),
        Task::Diff(args) => diff::run(&args),
        Task::Set(args) => set::run(&args, quiet),
        Task::Merge(args) => merge::run(&args, quiet),
        Task::Split(args) => split::run(&args, quiet),
        Task::Remove(args) => remove::run(&args, quiet),
        Task::Expire(args) => expire::run(&args, quiet),
        Task::Convert(args) => convert::run(&args, quiet),
        Task::Keygen(args) => sign::keygen(&args, quiet),
        Task::Sign(args) => sign::run(&args, quiet),
        Task::Verify(args) => verify::run(&args, quiet),
        Task::Push(args) => push::run(&args, quiet),
        Task::Fetch(args) => fetch::run(&args, quiet),
        Task::Rollback(args) => fetch::rollback(&args, quiet),
    }
}
