//! `callprint policy`: rules, checked and tried out without a switch.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use callprint::{
    Analyzer, CallInfo,
    bake::bake,
    policy::{CallFacts, Decision, Judge, Rules},
};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use crate::{SomeFailed, analyze, audio_file, explain, report::listen::listen};

/// Check rules, and try them out on recordings.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Test(Test),
    Lint(Lint),
}

/// Play recordings as calls and print what would be decided, when, and why.
#[derive(clap::Args)]
struct Test {
    /// The rules; the built-in ones unless given.
    #[arg(long, value_name = "RULES.json")]
    rules: Option<PathBuf>,
    /// What `callprint bake` made; without it no script is known, only tones and answers.
    #[arg(long, value_name = "ANALYZER.cwasm")]
    analyzer: Option<PathBuf>,
    /// We placed these calls.
    #[arg(long)]
    outbound: bool,
    /// The caller's number, as the switch would have it.
    #[arg(long, default_value = "")]
    caller: String,
    /// The called number, likewise.
    #[arg(long, default_value = "")]
    callee: String,
    /// Decide UNSURE after so much audio, in ms, whatever the rules say; 0: never.
    #[arg(long, value_name = "MS")]
    limit_ms: Option<u32>,
    /// jsonl: a line a file. text: in words.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Recordings; two channels are the far end (left) and the near end (right).
    #[arg(value_name = "CALL.wav", required = true)]
    calls: Vec<PathBuf>,
}

/// Read rules as a switch would, and say what they amount to.
#[derive(clap::Args)]
struct Lint {
    /// Also tell rules that wait for scripts which this analyzer does not know.
    #[arg(long, value_name = "ANALYZER.cwasm")]
    analyzer: Option<PathBuf>,
    /// The rules.
    #[arg(value_name = "RULES.json", required = true)]
    rules: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Jsonl,
    Text,
}

pub fn run(args: Args, quiet: bool) -> Result<()> {
    match args.task {
        Task::Test(args) => test(args, quiet),
        Task::Lint(args) => lint(args, quiet),
    }
}

fn test(args: Test, quiet: bool) -> Result<()> {
    let rules = Arc::new(match &args.rules {
        Some(path) => Rules::read(path)?,
        None => Rules::builtin(args.outbound),
    });
    let analyzer = match &args.analyzer {
        Some(path) => analyze::open(path, 1, quiet)?,
        None => without_scripts(quiet)?,
    };
    let mut out = std::io::stdout();
    let mut failed = 0;
    for file in &args.calls {
        let name = file.to_string_lossy();
        match decisions(&args, &analyzer, &rules, file) {
            Ok((duration_ms, decisions)) if args.format == Format::Jsonl => {
                let records: Vec<_> = decisions.into_iter().map(|d| d.record).collect();
                let line =
                    json!({ "file": name, "duration_ms": duration_ms, "decisions": records });
                writeln!(out, "{line}")?;
            }
            Ok((duration_ms, decisions)) => {
                writeln!(out, "{name} ({:.1} s)", duration_ms / 1e3)?;
                if decisions.is_empty() {
                    writeln!(out, "  nothing decided")?;
                }
                for decision in decisions {
                    write!(out, "{}", explain::decision(&decision.record))?;
                }
            }
            Err(error) => {
                failed += 1;
                eprintln!("callprint: {name}: {error:#}");
                if args.format == Format::Jsonl {
                    let line = json!({ "file": name, "error": format!("{error:#}") });
                    writeln!(out, "{line}")?;
                }
            }
        }
    }
    ensure!(failed == 0, SomeFailed { failed, total: args.calls.len() });
    Ok(())
}

/// The duration of a call, in ms, and what is decided in it.
fn decisions(
    args: &Test,
    analyzer: &Analyzer,
    rules: &Arc<Rules>,
    file: &Path,
) -> Result<(f64, Vec<Decision>)> {
    let recording = audio_file::read(file)?;
    let call = CallFacts {
        id: file.to_string_lossy().into_owned(),
        caller: args.caller.clone(),
        callee: args.callee.clone(),
        outbound: args.outbound,
        limit_ms: args.limit_ms,
    };
    let mut judge = Judge::new(rules.clone(), call).knowing(analyzer.catalogue());
    let mut decisions = Vec::new();
    let info = CallInfo { outbound: args.outbound };
    listen(analyzer, info, &recording, None, |played_s, findings| {
        let clock_ms = played_s * 1e3;
        decisions.extend(findings.iter().filter_map(|f| judge.heard(f, clock_ms)));
        decisions.extend(std::iter::from_fn(|| judge.passed(clock_ms)));
    })?;
    Ok((recording.far.len() as f64 * 1e3 / f64::from(recording.rate_hz), decisions))
}

/// An analyzer that knows tones and answers only.
fn without_scripts(quiet: bool) -> Result<Analyzer> {
    if !quiet {
        eprintln!("no --analyzer: no script is known, only tones and answers");
    }
    let folder = tempfile::tempdir().context("no folder for an analyzer")?;
    let path = folder.path().join("analyzer.cwasm");
    bake(&[], None, &path)?;
    // It is mapped: the file may go.
    analyze::open(&path, 1, quiet)
}

fn lint(args: Lint, quiet: bool) -> Result<()> {
    let analyzer = match &args.analyzer {
        Some(path) => Some(analyze::open(path, 1, quiet)?),
        None => None,
    };
    let mut out = std::io::stdout();
    let mut failed = 0;
    for path in &args.rules {
        let rules = match Rules::read(path) {
            Ok(rules) => rules,
            Err(error) => {
                failed += 1;
                eprintln!("callprint: {error}");
                continue;
            }
        };
        writeln!(out, "{}", summary(&rules))?;
        for rule in analyzer.iter().flat_map(|a| rules.without_script(a.catalogue())) {
            writeln!(out, "  {rule:?} waits for a script, and this analyzer knows none such")?;
        }
    }
    let total = args.rules.len();
    ensure!(failed == 0, SomeFailed { failed, total });
    Ok(())
}

/// Rules in a line.
fn summary(rules: &Rules) -> String {
    let limit = match rules.limit_ms() {
        0 => "no time limit".into(),
        ms => format!("UNSURE after {:.1} s", f64::from(ms) / 1e3),
    };
    let armed: Vec<&str> = rules.armed().collect();
    let armed = match armed.len() {
        0 => "no call is touched".into(),
        _ => format!("calls are touched by {}", armed.join(", ")),
    };
    format!("{}: {} rules; {limit}; {armed}", rules.name(), rules.len())
}
