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
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use callprint::{Analyzer, CallInfo, Error, Finding, Options, Side, bake, record};
use clap::ValueEnum;
use serde_json::{Value, json};

use crate::{
    SomeFailed,
    audio_file::{self, Recording},
    list, progress,
};

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
        let work = || {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = files.get(n) else {
                    return Ok(());
                };
                let live = args.realtime && jobs == 1 && args.format == Format::Text;
                let result = analyze(&analyzer, file, args.realtime, live);
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
    .or_else(|e: std::io::Error| match e.kind() {
        // Whoever read our output has seen enough.
        std::io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(e).context("cannot write the findings"),
    })?;
    bar.finish_and_clear();
    let failed = failed.into_inner();
    ensure!(failed == 0, SomeFailed { failed, total: files.len() });
    Ok(())
}

/// Opens an analyzer; bakes it again first if wasmtime, processor or plugin
/// have changed since.
pub fn open(path: &Path, sessions: u32, quiet: bool) -> Result<Analyzer> {
    let options = Options { sessions };
    match Analyzer::open(path, &options) {
        Err(Error::Stale { reason, .. }) => {
            if !quiet {
                eprintln!("{}: {reason}: baking it again", path.display());
            }
            bake::again(path)?;
            Ok(Analyzer::open(path, &options)?)
        }
        other => Ok(other?),
    }
}

struct Analysis {
    duration_ms: f64,
    findings: Vec<Finding>,
}

fn analyze(analyzer: &Analyzer, file: &Path, realtime: bool, live: bool) -> Result<Analysis> {
    let Recording { rate_hz, far, near } = &audio_file::read(file)?;
    let mut session = analyzer.session(CallInfo { outbound: false })?;
    let mut findings = Vec::new();
    let frame = *rate_hz as usize / 50;
    let start = Instant::now();
    let mut told = 0;
    for (n, far) in far.chunks(frame).enumerate() {
        findings.extend(session.push(Side::Far, *rate_hz, far)?);
        if let Some(near) = near {
            let first = n * frame;
            findings.extend(session.push(Side::Near, *rate_hz, &near[first..first + far.len()])?);
        }
        if realtime {
            let due = Duration::from_millis(20) * (n as u32 + 1);
            thread::sleep(due.saturating_sub(start.elapsed()));
        }
        if live {
            findings[told..].iter().for_each(|f| println!("{}", text(f)));
            told = findings.len();
        }
    }
    findings.extend(session.finish()?);
    if live {
        findings[told..].iter().for_each(|f| println!("{}", text(f)));
    }
    // Each side is in order; a stable sort puts the two together.
    findings.sort_by_key(|f| f.known_at);
    let duration_ms = far.len() as f64 * 1e3 / f64::from(*rate_hz);
    Ok(Analysis { duration_ms, findings })
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
