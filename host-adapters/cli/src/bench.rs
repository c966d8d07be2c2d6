//! `callprint bench`: how much this machine can take.

mod audio;
mod load;

use std::{ops::RangeInclusive, path::PathBuf};

use anyhow::{Context, Result, ensure};
use callprint::{Analyzer, limits};
use clap::{Subcommand, builder::RangedI64ValueParser};
use serde_json::{Value, json};

use load::{Load, Measured};

/// Measure what this machine can take.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Capacity(Capacity),
}

/// Live calls at their own pace in one process, speech on each: what they cost, and how many there
/// may be.
#[derive(clap::Args)]
struct Capacity {
    /// Live calls.
    #[arg(long, default_value = "1000", value_parser = within(1..=limits::CALLS_MAX))]
    calls: u32,
    /// Finds the most calls with a p99.9 of batch latency of at most 250 ms and no gap; begins at
    /// --calls.
    #[arg(long)]
    find_limit: bool,
    /// How long a load is kept up, in seconds.
    #[arg(long, default_value = "20", value_parser = within(5..=86_400))]
    duration: u32,
    /// The analyzer; one of --scripts scripts is made where none is given.
    #[arg(long, value_name = "ANALYZER.cwasm")]
    analyzer: Option<PathBuf>,
    /// Scripts of ten seconds in the analyzer that is made.
    #[arg(long, default_value = "10000")]
    scripts: usize,
    /// WAV files of speech, at any depth: what the calls play, and what scripts are spliced of.
    #[arg(long, value_name = "DIR", default_value = "/usr/share/asterisk/sounds")]
    speech: PathBuf,
    /// Where the analyzer that is made is kept for the next time.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    keep: PathBuf,
    /// Analysing threads.
    #[arg(long, default_value = "1", value_parser = within(1..=limits::WORKERS_MAX))]
    workers: u32,
    /// Calls sharing a sandbox instance.
    #[arg(long, default_value_t = limits::COHORT, value_parser = within(1..=limits::COHORT_MAX))]
    cohort: u32,
    /// Audio analysed at a time, in ms.
    #[arg(long, default_value_t = limits::BATCH_MS, value_parser = within(limits::BATCH_MS_RANGE))]
    batch_ms: u32,
    /// text or json.
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

fn within(range: RangeInclusive<u32>) -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(i64::from(*range.start())..=i64::from(*range.end()))
}

pub fn run(args: Args, quiet: bool) -> Result<()> {
    let What::Capacity(args) = args.what;
    let clips = audio::clips(&args.speech)?;
    let analyzer = match &args.analyzer {
        Some(path) => path.clone(),
        None => audio::analyzer(&clips, args.scripts, &args.keep, quiet)?,
    };
    let load = |calls| {
        let load = Load {
            calls,
            duration_s: args.duration,
            workers: args.workers,
            cohort: args.cohort,
            batch_ms: args.batch_ms,
        };
        let measured = load::run(&load, &analyzer, &clips)?;
        if !quiet {
            eprintln!("{calls} calls: {}", measured.line());
        }
        Ok::<_, anyhow::Error>(measured)
    };
    let mut measured = load(args.calls)?;
    if args.find_limit {
        measured = find_limit(measured, load)?;
        ensure!(measured.is_borne(), "even {} calls are too many", measured.calls);
    }
    let opened = Analyzer::open(&analyzer, &callprint::Options { sessions: 64 })?;
    let (ratio, crossing_us) = load::against_native(&opened, &clips)?;
    let found = args.find_limit.then_some(measured.calls);
    let report = report(&args, &measured, found, ratio, crossing_us);
    if args.format == "json" {
        println!("{report:#}");
    } else {
        for (name, value) in report.as_object().into_iter().flatten() {
            println!("{name:<26} {value}");
        }
    }
    Ok(())
}

/// The highest load that is borne, to one part in 16.
fn find_limit(first: Measured, load: impl Fn(u32) -> Result<Measured>) -> Result<Measured> {
    let mut too_many = (!first.is_borne()).then_some(first.calls);
    let mut best = first.is_borne().then_some(first);
    loop {
        let borne = best.as_ref().map(|best| best.calls);
        let next = match (borne, too_many) {
            (Some(borne), None) if borne < limits::CALLS_MAX => (borne * 2).min(limits::CALLS_MAX),
            (None, Some(too_many)) => too_many / 2,
            (Some(borne), Some(too_many)) if too_many - borne > borne / 16 => {
                (borne + too_many) / 2
            }
            _ => break,
        };
        ensure!(next > 0, "not even one call is borne");
        let measured = load(next)?;
        if measured.is_borne() {
            best = Some(measured);
        } else {
            too_many = Some(next);
        }
    }
    best.context("no load is borne")
}

fn report(
    args: &Capacity,
    m: &Measured,
    limit: Option<u32>,
    ratio: Option<f64>,
    crossing_us: f64,
) -> Value {
    let per_core = match limit {
        Some(limit) => f64::from(limit) / f64::from(args.workers),
        None => f64::from(m.calls) / m.cores,
    };
    json!({
        "calls": m.calls,
        "calls_per_core": per_core.round(),
        "calls_per_core_is": if limit.is_some() { "the highest load borne" } else { "calls / processor time" },
        "cores": rounded(m.cores),
        "cpu_us_per_call_second": rounded(m.cores * 1e6 / f64::from(m.calls)),
        "wasm_over_native": ratio.map(rounded),
        "private_bytes_per_call": m.private_bytes.round(),
        "page_table_bytes_per_call": m.page_table_bytes.round(),
        "push_ns_p50": m.push_ns.share(0.5),
        "push_ns_p999": m.push_ns.share(0.999),
        "push_ns_p9999": m.push_ns.share(0.9999),
        "push_ns_max": m.push_ns.max,
        "pushes": m.push_ns.count,
        "push_histogram_ns": m.push_ns.json(),
        "media_thread_waited_ms": rounded(m.waited_ms),
        "machine_stole_ms": rounded(m.stolen_ms),
        "verdict_added_ms_p50": load::share(&m.added_ms, 0.5),
        "verdict_added_ms_p999": load::share(&m.added_ms, 0.999),
        "verdicts": m.added_ms.len(),
        "batch_ms_p999_at_most": m.batch_p999_ms,
        "crossing_us": rounded(crossing_us),
        "gaps": m.gaps,
        "shed": m.shed,
        "refused": m.refused,
        "faults": m.faults,
        "workers": args.workers,
        "cohort": args.cohort,
        "batch_ms": args.batch_ms,
        "duration_s": args.duration,
    })
}

fn rounded(x: f64) -> f64 {
    (x * 1e3).round() / 1e3
}
