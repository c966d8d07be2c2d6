//! `callprint analyze`: recordings of calls in, findings out.

use std::{
    io::Write,
    num::NonZero,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, ensure};
use callprint::{Analyzer, CallInfo, Finding, record};
use clap::ValueEnum;
use serde_json::{Value, json};

use crate::{SomeFailed, audio_file, list, listen::listen, open::open, print, progress};

/// Analyse recordings: each file is one call, pushed in 20 ms frames through a sandbox of its own.
#[derive(clap::Args)]
pub struct Args {
    /// What `callprint bake` made.
    #[arg(long, value_name = "ANALYZER.cwasm")]
    analyzer: PathBuf,
    /// A CSV with the column wav.
    #[arg(
        long,
        value_name = "LIST.csv",
        conflicts_with = "files",
        required_unless_present = "files"
    )]
    list: Option<PathBuf>,
    /// Files analysed at a time; as many as there are processors unless given.
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
    /// Push frames at the pace of a call, and print findings (as text) when they come.
    #[arg(long)]
    realtime: bool,
    /// We placed the calls: ringing tone before the answer is no callback's.
    #[arg(long)]
    outbound: bool,
    /// jsonl: a line a file. text: a line a finding.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Recordings; two channels are the far end (left) and the near end (right).
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Jsonl,
    Text,
}

pub fn run(args: Args, quiet: bool) -> Result<()> {
    let files = match &args.list {
        Some(list) => list::read(list, &[])?.into_iter().map(|row| row.wav).collect(),
        None => args.files.clone(),
    };
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let jobs = args.jobs.map_or(processors, NonZero::get).min(files.len()).max(1);
    let analyzer = open(&args.analyzer, jobs as u32, quiet)?;
    let hide = quiet || (args.format == Format::Text && jobs == 1);
    let bar = progress::bar(files.len(), "analysing", hide);
    let next = AtomicUsize::new(0);
    let out = Mutex::new(InOrder::default());
    let failed = AtomicUsize::new(0);
    thread::scope(|scope| {
        let work = || -> Result<()> {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = files.get(n) else {
                    return Ok(());
                };
                let live = args.realtime && jobs == 1 && args.format == Format::Text;
                let mut told = Ok(());
                let result = analyze(&args, &analyzer, file, live, &mut told);
                told?;
                if let Err(e) = &result {
                    failed.fetch_add(1, Ordering::Relaxed);
                    bar.suspend(|| eprintln!("callprint: {}: {e:#}", file.display()));
                }
                let text = match args.format {
                    Format::Jsonl => format!("{}\n", json_line(file, result)),
                    Format::Text if live => String::new(),
                    Format::Text => text_lines(file, result),
                };
                out.lock().expect("no thread panics while it holds the lock").put(n, text)?;
                bar.inc(1);
            }
        };
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|w| w.join().expect("workers do not panic"))
    })
    .context("the findings cannot be written")?;
    bar.finish_and_clear();
    let failed = failed.into_inner();
    ensure!(failed == 0, SomeFailed { failed, total: files.len() });
    Ok(())
}

struct Analysis {
    duration_ms: f64,
    findings: Vec<Finding>,
}

/// What becomes known of a file. If `live`, it is printed at once; `told` says how that went.
fn analyze(
    args: &Args,
    analyzer: &Analyzer,
    file: &Path,
    live: bool,
    told: &mut Result<()>,
) -> Result<Analysis> {
    let recording = audio_file::read(file)?;
    let info = CallInfo { outbound: args.outbound };
    let speed = args.realtime.then_some(1.0);
    let heard = listen(analyzer, &recording, info, speed, |_, found| {
        if live && told.is_ok() {
            *told = found.iter().try_for_each(|f| print::line(text(f)));
        }
    })?;
    let duration_ms = recording.far.len() as f64 * 1e3 / f64::from(recording.rate_hz);
    Ok(Analysis { duration_ms, findings: heard.findings })
}

fn json_line(file: &Path, result: Result<Analysis>) -> Value {
    let file = file.to_string_lossy();
    match result {
        Ok(Analysis { duration_ms, findings }) => {
            let findings: Vec<Value> = findings.iter().map(record::finding).collect();
            json!({ "file": file, "duration_ms": duration_ms, "findings": findings })
        }
        Err(e) => json!({ "file": file, "error": format!("{e:#}") }),
    }
}

fn text_lines(file: &Path, result: Result<Analysis>) -> String {
    let Ok(Analysis { duration_ms, findings }) = result else {
        return String::new();
    };
    let mut lines = format!("{} ({:.1} s)\n", file.display(), duration_ms / 1e3);
    if findings.is_empty() {
        lines += "  nothing known\n";
    }
    for finding in &findings {
        lines += &format!("{}\n", text(finding));
    }
    lines
}

/// A finding in a line.
fn text(finding: &Finding) -> String {
    let known_at_s = finding.known_at as f64 / 8e3;
    format!("  {known_at_s:8.3} s  {}", record::text(finding))
}

/// Puts what threads make back into order.
#[derive(Default)]
struct InOrder {
    next: usize,
    waiting: std::collections::BTreeMap<usize, String>,
}

impl InOrder {
    fn put(&mut self, n: usize, text: String) -> std::io::Result<()> {
        self.waiting.insert(n, text);
        let mut out = std::io::stdout().lock();
        while let Some(text) = self.waiting.remove(&self.next) {
            out.write_all(text.as_bytes())?;
            self.next += 1;
        }
        out.flush()
    }
}
