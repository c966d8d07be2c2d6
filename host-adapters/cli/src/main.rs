//! The `callprint` command.

mod analyze;
mod audio_file;
mod bake;
mod bench;
mod demo;
mod enroll;
mod explain;
mod list;
mod listen;
mod open;
mod pack;
mod policy;
mod print;
mod progress;
mod report;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tells what is really on the line: known scripts, tones, who answered.
///
/// Exit status: 0 all done; 1 some inputs could not be used (each is named, the others were done);
/// 2 wrong usage, or nothing was done.
#[derive(Parser)]
#[command(name = "callprint", version)]
struct Command {
    /// Show no progress; errors only.
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Enroll(enroll::Args),
    Bake(bake::Args),
    Analyze(analyze::Args),
    Report(report::Args),
    Policy(policy::Args),
    Explain(explain::Args),
    Pack(pack::Args),
    Demo(demo::Args),
    Bench(bench::Args),
}

/// Inputs that could not be used, while others were.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {total} files could not be used")]
struct SomeFailed {
    failed: usize,
    total: usize,
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("callprint: {error:#}");
            let some = error.downcast_ref::<SomeFailed>().is_some_and(|f| f.failed < f.total);
            ExitCode::from(if some { 1 } else { 2 })
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

fn run(Command { quiet, task }: Command) -> anyhow::Result<()> {
    match task {
        Task::Enroll(args) => enroll::run(args, quiet),
        Task::Bake(args) => bake::run(args, quiet),
        Task::Analyze(args) => analyze::run(args, quiet),
        Task::Report(args) => report::run(args, quiet),
        Task::Policy(args) => policy::run(args, quiet),
        Task::Explain(args) => explain::run(args),
        Task::Pack(args) => pack::run(args, quiet),
        Task::Demo(args) => demo::run(args, quiet),
        Task::Bench(args) => bench::run(args, quiet),
    }
}

/// Runs a command as if it had been typed, but without its progress.
fn run_line(args: &[String]) -> anyhow::Result<()> {
    let words = ["callprint", "--quiet"].into_iter().chain(args.iter().map(String::as_str));
    run(Command::try_parse_from(words)?)
}
