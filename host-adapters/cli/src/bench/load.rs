//! A load, kept up for a while.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use callprint::{
    Analyzer, Call, CallConfig, CallInfo, Error, Finding, Host, HostConfig, Listener, Side,
    policy::{CallFacts, Decision},
};
use callprint_fixtures::Random;
use callprint_plugin as native;
use serde_json::{Value, json};

use super::audio::RATE_HZ;

/// Samples of a frame, and how many frames a second.
const FRAME: usize = RATE_HZ / 50;
/// Calls do not send their frames all at once: they come in so many groups.
const GROUPS: usize = 20;
/// A load is borne while the p99.9 of batch latency is at most this.
const BATCH_MS: f64 = 250.0;

pub struct Load {
    pub calls: u32,
    pub duration_s: u32,
    pub workers: u32,
    pub cohort: u32,
    pub batch_ms: u32,
}

pub struct Measured {
    pub calls: u32,
    /// Processors that the workers used.
    pub cores: f64,
    pub private_bytes: f64,
    pub page_table_bytes: f64,
    pub push_ns: Spread,
    /// Time that media and machine were kept from running.
    pub waited_ms: f64,
    pub stolen_ms: f64,
    pub added_ms: Vec<f64>,
    pub batch_p999_ms: Option<f64>,
    pub gaps: u64,
    pub shed: u64,
    pub refused: u32,
    pub faults: u64,
}

impl Measured {
    pub fn is_borne(&self) -> bool {
        self.gaps + self.shed + self.faults == 0
            && self.refused == 0
            && self.batch_p999_ms.is_some_and(|ms| ms <= BATCH_MS)
    }

    pub fn line(&self) -> String {
        format!(
            "{:.2} cores, {} B a call, push p99.9 {} ns, batch p99.9 ≤ {:?} ms, {} gaps, {} shed, {} refused",
            self.cores,
            (self.private_bytes + self.page_table_bytes).round(),
            self.push_ns.share(0.999),
            self.batch_p999_ms,
            self.gaps,
            self.shed,
            self.refused
        )
    }
}

/// Durations by powers of two, in eighths.
#[derive(Clone)]
pub struct Spread {
    counts: Vec<u64>,
    pub count: u64,
    pub max: u64,
}

impl Spread {
    fn new() -> Spread {
        Spread { counts: vec![0; 64 * 8], count: 0, max: 0 }
    }

    fn bucket(ns: u64) -> usize {
        let ns = ns.max(8);
        let power = ns.ilog2();
        power as usize * 8 + (ns >> (power - 3) & 7) as usize
    }

    fn add(&mut self, ns: u64) {
        self.counts[Spread::bucket(ns)] += 1;
        self.count += 1;
        self.max = self.max.max(ns);
    }

    fn bound(bucket: usize) -> u64 {
        (8 + bucket as u64 % 8 + 1) << (bucket / 8) >> 3
    }

    /// What that share of them is at most.
    pub fn share(&self, share: f64) -> u64 {
        let rank = (share * self.count as f64).ceil() as u64;
        let mut below = 0;
        let bucket = self.counts.iter().position(|n| {
            below += n;
            below >= rank
        });
        bucket.map_or(0, Spread::bound).min(self.max)
    }

    pub fn json(&self) -> Value {
        let used = self.counts.iter().enumerate().filter(|(_, n)| **n > 0);
        used.map(|(b, n)| json!([Spread::bound(b), n])).collect()
    }
}

#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<f64>>>);

impl Listener for Ear {
    fn heard(&self, _: &Finding) {}

    fn decided(&self, decision: &Decision, added_ms: f64) {
        if decision.known_ms > 0.0 {
            self.0.lock().expect("nobody panics with it").push(added_ms);
        }
    }

    fn released(&self) {}
}

pub fn share(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = ((share * sorted.len() as f64).ceil() as usize).max(1);
    sorted.get(rank - 1).copied()
}

struct Talker {
    call: Call,
    clip: usize,
    at: usize,
}

pub fn run(load: &Load, analyzer: &Path, clips: &[Vec<i16>]) -> Result<Measured> {
    let config = HostConfig {
        workers: Some(load.workers),
        calls_max: load.calls,
        cohort: load.cohort,
        batch_ms: load.batch_ms,
        log: Some(Box::new(|_, _| {})),
        ..HostConfig::new(analyzer)
    };
    let host = Host::open(config)?;
    let (private, tables) = memory();
    let ear = Ear::default();
    let mut random = Random::new(7);
    let mut refused = 0;
    let mut groups: Vec<Vec<Talker>> = (0..GROUPS).map(|_| Vec::new()).collect();
    for n in 0..load.calls as usize {
        // Verdicts at all times but the first seconds.
        let limit_ms = 2_000 + random.below(load.duration_s as usize * 1_000 - 3_000) as u32;
        let facts =
            CallFacts { id: n.to_string(), limit_ms: Some(limit_ms), ..CallFacts::default() };
        let config = CallConfig { facts, rules: None, near_side: false };
        match host.call(config, Box::new(ear.clone())) {
            Ok(call) => {
                let clip = random.below(clips.len());
                groups[n % GROUPS].push(Talker { call, clip, at: random.below(clips[clip].len()) });
            }
            Err(Error::Unavailable(_) | Error::Exhausted { .. }) => refused += 1,
            Err(error) => return Err(error.into()),
        }
        // They come one after another, as calls do.
        if n % 100 == 99 {
            thread::sleep(Duration::from_millis(20));
        }
    }
    thread::sleep(Duration::from_millis(500));
    let counted = host.counted();
    let (cpu_before, start) = (counted.cpu_ns.get(), Instant::now());
    let (waited, stolen) = (run_delay_ns(), stolen_ticks());
    let mut push_ns = Spread::new();
    let mut frame = [0; FRAME];
    for turn in 0..u64::from(load.duration_s) * 50 * GROUPS as u64 {
        let due = Duration::from_micros(20_000 / GROUPS as u64) * turn as u32;
        thread::sleep(due.saturating_sub(start.elapsed()));
        for talker in &mut groups[turn as usize % GROUPS] {
            talker.next(clips, &mut frame);
            let before = Instant::now();
            talker.call.push(Side::Far, RATE_HZ as u32, &frame);
            push_ns.add(before.elapsed().as_nanos() as u64);
        }
    }
    let elapsed = start.elapsed();
    let cores = (counted.cpu_ns.get() - cpu_before) as f64 / elapsed.as_nanos() as f64;
    let (private_after, tables_after) = memory();
    let calls = f64::from(load.calls - refused);
    let status = host.status(false);
    let number = |path: &str| status.pointer(path).and_then(Value::as_f64);
    let faults = status["faults"].as_object().into_iter().flatten();
    let measured = Measured {
        calls: load.calls,
        cores,
        private_bytes: (private_after - private).max(0.0) / calls,
        page_table_bytes: (tables_after - tables).max(0.0) / calls,
        push_ns,
        waited_ms: (run_delay_ns() - waited) as f64 / 1e6,
        stolen_ms: (stolen_ticks() - stolen) as f64 * 10.0,
        added_ms: ear.0.lock().expect("nobody panics with it").clone(),
        batch_p999_ms: number("/latencies/batch/p999_at_most_ms"),
        gaps: number("/gaps").unwrap_or(0.0) as u64,
        shed: counted.calls_shed.get(),
        refused,
        faults: faults.filter_map(|(_, n)| n.as_u64()).sum(),
    };
    ensure!(measured.push_ns.count > 0, "no call was taken");
    Ok(measured)
}

impl Talker {
    /// The next frame of its recording, which begins again after a second of silence.
    fn next(&mut self, clips: &[Vec<i16>], frame: &mut [i16; FRAME]) {
        let clip = &clips[self.clip];
        frame.fill(0);
        if self.at + FRAME <= clip.len() {
            frame.copy_from_slice(&clip[self.at..self.at + FRAME]);
        }
        self.at += FRAME;
        if self.at > clip.len() + RATE_HZ {
            (self.at, self.clip) = (0, (self.clip + 1) % clips.len());
        }
    }
}

/// Private memory of this process and its page tables, in bytes.
fn memory() -> (f64, f64) {
    let number = |file: &str, names: &[&str]| {
        let text = fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        let lines = text.lines().filter(|l| names.iter().any(|n| l.starts_with(n)));
        lines.filter_map(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok()).sum::<f64>() * 1024.0
    };
    let private = number("smaps_rollup", &["Private_Dirty:", "Private_Clean:"]);
    (private, number("status", &["VmPTE:"]))
}

/// How long this thread was ready to run and did not, in ns.
fn run_delay_ns() -> u64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').nth(1).and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

/// What the hypervisor took from this machine, in hundredths of a second.
fn stolen_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().next().unwrap_or_default();
    line.split_whitespace().nth(8).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Wasm's time by native code's for the same calls, by turns (none if the packs that the analyzer
/// was baked from are no longer there); and what an empty push costs, in µs.
pub fn against_native(analyzer: &Analyzer, clips: &[Vec<i16>]) -> Result<(Option<f64>, f64)> {
    let info = CallInfo { outbound: false };
    let calls: Vec<&[i16]> =
        clips.iter().take(60).map(|c| &c[..c.len().min(10 * RATE_HZ)]).collect();
    let wasm = || -> Result<f64> {
        let start = processor_s();
        for call in &calls {
            let mut session = analyzer.session(info)?;
            for part in call.chunks(RATE_HZ / 10) {
                session.push(Side::Far, RATE_HZ as u32, part)?;
            }
        }
        Ok(processor_s() - start)
    };
    let mut session = analyzer.session(info)?;
    let start = processor_s();
    for _ in 0..20_000 {
        session.push(Side::Far, RATE_HZ as u32, &[])?;
    }
    let crossing_us = (processor_s() - start) * 1e6 / 20_000.0;
    let packs: std::io::Result<Vec<_>> =
        analyzer.recipe().packs.iter().map(|p| fs::read(&p.path)).collect();
    let Ok(packs) = packs else { return Ok((None, crossing_us)) };
    let mut catalog = native::Catalog::default();
    for pack in packs {
        if catalog.add_pack(&pack).is_err() {
            return Ok((None, crossing_us));
        }
    }
    let catalog = catalog.seal();
    let mut work = native::catalog::Workspace::default();
    let mut natively = || {
        let start = processor_s();
        for call in &calls {
            let mut session = native::Session::new(native::CallInfo::default());
            let mut found = Vec::new();
            for part in call.chunks(RATE_HZ / 10) {
                session.push(
                    &catalog,
                    &mut work,
                    native::Side::Far,
                    RATE_HZ as u32,
                    part,
                    &mut found,
                );
            }
        }
        processor_s() - start
    };
    let mut ratios = Vec::new();
    for _ in 0..7 {
        ratios.push(wasm()? / natively());
    }
    Ok((share(&ratios, 0.5), crossing_us))
}

/// Processor time of this thread, in seconds.
fn processor_s() -> f64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}
