//! The `callprint` command.

mod analyze;
mod audio_file;
mod bake;
mod enroll;
mod list;
mod progress;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tells what is really on the line: known scripts, tones, who answered.
///
/// Exit status: 0 all done; 1 some inputs could not be used (each is named, the others were done);
/// 2 wrong usage, or nothing was done.
#[derive(Parser)]
#[command(version)]
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
}

/// Inputs that could not be used, while others were.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {total} files could not be used")]
struct SomeFailed {
    failed: usize,
    total: usize,
}

fn main() -> ExitCode {
    let command = Command::parse();
    let result = match command.task {
        Task::Enroll(args) => enroll::run(args, command.quiet),
        Task::Bake(args) => bake::run(args, command.quiet),
        Task::Analyze(args) => analyze::run(args, command.quiet),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("callprint: {error:#}");
            ExitCode::from(if error.is::<SomeFailed>() { 1 } else { 2 })
        }
    }
}
