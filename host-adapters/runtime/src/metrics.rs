//! Metrics: what a host did, counted, for Prometheus and `callprint status`.
//!
//! Counting is wait-free where it says so, and always cheap: atomics without
//! order, read when somebody asks.

mod histogram;
mod output;
mod verdicts;

use std::{
    sync::{
        RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

pub use histogram::Histogram;
pub use output::{Server, serve};
pub use verdicts::Verdicts;

use crate::{Error, bake::Recipe, policy::Decision};
use histogram::{LATENCY_MS, PUSH_NS};

/// A sum that only grows. Wait-free, for any thread.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// `n` more.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The sum.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that rises and falls. Wait-free, for any thread.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// `n` more, or less.
    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// From now on `n`.
    pub fn set(&self, n: i64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// The number.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a call went on without analysis from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// As many calls as were provided for were live.
    Full,
    /// There was no analyzer, or it was out of service.
    NotReady,
    /// The workers had no time for another.
    Overload,
}

/// What ended an analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The plugin trapped: out of memory or stack, a defect, an attack.
    Trap,
    /// It did not finish in time.
    Deadline,
    /// It could not be started.
    Start,
    /// It answered what the contract excludes.
    Contract,
}

const SKIPS: [(Skip, &str); 3] =
    [(Skip::Full, "full"), (Skip::NotReady, "not-ready"), (Skip::Overload, "overload")];

const FAULTS: [(Fault, &str); 4] = [
    (Fault::Trap, "trap"),
    (Fault::Deadline, "deadline"),
    (Fault::Start, "start"),
    (Fault::Contract, "contract"),
];

/// All that a host counts. Shared by all its threads.
#[derive(Debug)]
pub struct Metrics {
    /// Calls that are open.
    pub calls_live: Gauge,
    /// Calls whose analysis began.
    pub calls_analysed: Counter,
    /// Calls whose analysis was given up under load.
    pub calls_shed: Counter,
    /// Times that audio was lost before it was analysed, as a ring was full.
    pub gaps: Counter,
    /// How much of it, in samples of 8 kHz.
    pub gap_samples: Counter,
    /// Processor time of the workers, in ns.
    pub cpu_ns: Counter,
    /// Calls whose analysis was begun anew, as another call had ended what they shared.
    pub calls_resumed: Counter,
    /// Findings that nobody took in time.
    pub findings_lost: Counter,
    /// Frames whose rate is none.
    pub frames_refused: Counter,
    /// Analyzers taken into use, after the first.
    pub reloads: Counter,
    /// Analyzers refused, the old one staying in use.
    pub reloads_failed: Counter,
    /// Records of the evidence log that could not be written.
    pub evidence_lost: Counter,
    /// What a push cost the media thread: of some, see [`crate::limits::PUSHES_TIMED`].
    pub push: Histogram,
    /// From the arrival of the audio to the callback with the decision.
    pub verdict_added: Histogram,
    /// Audio needed for the first verdict of a call, of a rule rather than the limit.
    pub verdict_known: Histogram,
    /// From the arrival of a batch's last audio to the end of its analysis.
    pub batch: Histogram,
    skipped: [Counter; SKIPS.len()],
    faults: [Counter; FAULTS.len()],
    verdicts: Verdicts,
    /// Written by control threads only.
    analyzer: RwLock<Analyzer>,
}

/// The analyzer in use, in words.
#[derive(Debug, Default)]
struct Analyzer {
    name: String,
    plugin_sha256: String,
    /// Id, version, scripts of each pack.
    packs: Vec<(String, String, u32)>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let counter = Counter::default;
        Metrics {
            calls_live: Gauge::default(),
            calls_analysed: counter(),
            calls_shed: counter(),
            gaps: counter(),
            gap_samples: counter(),
            cpu_ns: counter(),
            calls_resumed: counter(),
            findings_lost: counter(),
            frames_refused: counter(),
            reloads: counter(),
            reloads_failed: counter(),
            evidence_lost: counter(),
            push: Histogram::new(PUSH_NS),
            verdict_added: Histogram::new(LATENCY_MS),
            verdict_known: Histogram::new(LATENCY_MS),
            batch: Histogram::new(LATENCY_MS),
            skipped: Default::default(),
            faults: Default::default(),
            verdicts: Verdicts::default(),
            analyzer: RwLock::default(),
        }
    }
}

impl Metrics {
    /// A call goes on without analysis. Wait-free.
    pub fn skipped(&self, why: Skip) {
        self.skipped[why as usize].increment();
    }

    /// An analysis was ended. Wait-free.
    pub fn fault(&self, kind: Fault) {
        self.faults[kind as usize].increment();
    }

    /// A decision was delivered, `added` after its audio had arrived. For the
    /// dispatcher thread; bounded, but not wait-free.
    pub fn decided(&self, decision: &Decision, added: Duration) {
        self.verdicts.add(decision);
        // Others were not waited for.
        if decision.confidence > 0.0 {
            self.verdict_added.observe(added);
            if decision.number == 0 && decision.known_ms >= 0.0 {
                let known_ms = decision.known_ms.min(f64::from(u32::MAX)) as u64;
                self.verdict_known.observe(Duration::from_millis(known_ms));
            }
        }
    }

    /// An analyzer was taken into use. For control threads.
    pub fn analyzer(&self, recipe: &Recipe) {
        let packs = recipe.packs.iter();
        let analyzer = Analyzer {
            name: recipe.analyzer.clone(),
            plugin_sha256: recipe.plugin_sha256.clone(),
            packs: packs.map(|p| (p.id.clone(), p.version.clone(), p.scripts)).collect(),
        };
        *self.analyzer.write().unwrap_or_else(|e| e.into_inner()) = analyzer;
    }

    /// All of it in Prometheus' text format, version 0.0.4.
    pub fn render(&self) -> String {
        let mut page = Page::default();
        page.family("callprint_calls_live", "gauge", "Calls that are open.");
        page.value("", self.calls_live.get() as f64);
        let mut sum = |name: &str, help: &str, counter: &Counter, scale: f64| {
            page.family(name, "counter", help);
            page.value("", counter.get() as f64 * scale);
        };
        sum(
            "callprint_calls_analysed_total",
            "Calls whose analysis began.",
            &self.calls_analysed,
            1.0,
        );
        sum(
            "callprint_calls_shed_total",
            "Calls whose analysis was given up under load.",
            &self.calls_shed,
            1.0,
        );
        sum(
            "callprint_gaps_total",
            "Times that audio was lost before it was analysed.",
            &self.gaps,
            1.0,
        );
        sum(
            "callprint_gap_seconds_total",
            "Audio lost before it was analysed.",
            &self.gap_samples,
            1.0 / 8e3,
        );
        sum("callprint_cpu_seconds_total", "Processor time of the workers.", &self.cpu_ns, 1e-9);
        sum(
            "callprint_calls_resumed_total",
            "Analyses begun anew because of another call's fault.",
            &self.calls_resumed,
            1.0,
        );
        sum(
            "callprint_findings_lost_total",
            "Findings that nobody took in time.",
            &self.findings_lost,
            1.0,
        );
        sum(
            "callprint_frames_refused_total",
            "Frames whose rate is none.",
            &self.frames_refused,
            1.0,
        );
        sum(
            "callprint_reloads_total",
            "Analyzers taken into use after the first.",
            &self.reloads,
            1.0,
        );
        sum("callprint_reloads_failed_total", "Analyzers refused.", &self.reloads_failed, 1.0);
        sum(
            "callprint_evidence_lost_total",
            "Records of the evidence log that could not be written.",
            &self.evidence_lost,
            1.0,
        );
        page.family("callprint_calls_skipped_total", "counter", "Calls not analysed, by reason.");
        for (why, name) in SKIPS {
            page.value(&format!("reason=\"{name}\""), self.skipped[why as usize].get() as f64);
        }
        page.family("callprint_faults_total", "counter", "Analyses that were ended, by kind.");
        for (kind, name) in FAULTS {
            page.value(&format!("kind=\"{name}\""), self.faults[kind as usize].get() as f64);
        }
        self.verdicts.render(&mut page);
        for (name, help, histogram) in self.histograms() {
            page.family(&format!("callprint_{name}_seconds"), "histogram", help);
            histogram.render(&mut page);
        }
        let analyzer = self.analyzer.read().unwrap_or_else(|e| e.into_inner());
        page.family("callprint_analyzer_info", "gauge", "The analyzer in use.");
        page.value(
            &format!(
                "analyzer=\"{}\",plugin_sha256=\"{}\"",
                escaped(&analyzer.name),
                escaped(&analyzer.plugin_sha256)
            ),
            1.0,
        );
        page.family("callprint_pack_scripts", "gauge", "Scripts of a pack in use.");
        for (id, version, scripts) in &analyzer.packs {
            let labels = format!("pack=\"{}\",version=\"{}\"", escaped(id), escaped(version));
            page.value(&labels, f64::from(*scripts));
        }
        page.text
    }

    /// All of it as a JSON object, with quantiles in place of buckets.
    pub fn to_json(&self) -> Value {
        let skipped =
            SKIPS.map(|(why, name)| (name.to_owned(), json!(self.skipped[why as usize].get())));
        let faults =
            FAULTS.map(|(kind, name)| (name.to_owned(), json!(self.faults[kind as usize].get())));
        let latencies = self.histograms().map(|(name, _, h)| (name.to_owned(), h.to_json()));
        let analyzer = self.analyzer.read().unwrap_or_else(|e| e.into_inner());
        let packs = analyzer.packs.iter();
        json!({
            "analyzer": analyzer.name,
            "plugin_sha256": analyzer.plugin_sha256,
            "packs": packs
                .map(|(id, version, scripts)| json!({"id": id, "version": version, "scripts": scripts}))
                .collect::<Vec<_>>(),
            "calls": {
                "live": self.calls_live.get(),
                "analysed": self.calls_analysed.get(),
                "shed": self.calls_shed.get(),
                "resumed": self.calls_resumed.get(),
                "skipped": Value::Object(skipped.into_iter().collect()),
            },
            "findings_lost": self.findings_lost.get(),
            "frames_refused": self.frames_refused.get(),
            "gaps": self.gaps.get(),
            "gap_ms": self.gap_samples.get() as f64 / 8.0,
            "faults": Value::Object(faults.into_iter().collect()),
            "cpu_s": self.cpu_ns.get() as f64 / 1e9,
            "reloads": self.reloads.get(),
            "reloads_failed": self.reloads_failed.get(),
            "evidence_lost": self.evidence_lost.get(),
            "latencies": Value::Object(latencies.into_iter().collect()),
            "verdicts": self.verdicts.to_json(),
        })
    }

    /// Writes them to a file, which is replaced as a whole: for the textfile
    /// collector of Prometheus' node exporter.
    pub fn write_file(&self, path: &std::path::Path) -> Result<(), Error> {
        output::replace(path, self.render().as_bytes()).map_err(Error::io(path))
    }

    fn histograms(&self) -> [(&'static str, &'static str, &Histogram); 4] {
        [
            ("push", "What a push cost the media thread; some are timed.", &self.push),
            (
                "verdict_added",
                "From the arrival of the audio that decided to the decision's delivery.",
                &self.verdict_added,
            ),
            ("verdict_known", "Audio needed for a call's first verdict.", &self.verdict_known),
            ("batch", "From the arrival of audio to the end of its analysis.", &self.batch),
        ]
    }
}

/// Prometheus' text, being written.
#[derive(Default)]
struct Page {
    text: String,
    name: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.name = name.to_owned();
        self.text += &format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn value(&mut self, labels: &str, value: f64) {
        self.value_of("", labels, value);
    }

    fn value_of(&mut self, suffix: &str, labels: &str, value: f64) {
        let name = &self.name;
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        self.text += &format!("{name}{suffix}{labels} {value}\n");
    }
}

/// A label's value.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
