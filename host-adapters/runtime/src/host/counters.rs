//! What a host counts.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use serde_json::{Value, json};

use super::lock;
use crate::policy::{Decision, Verdict};

/// Upper bounds of a histogram's buckets, in ms.
const BOUNDS_MS: [f64; 12] =
    [5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 125.0, 150.0, 200.0, 250.0, 500.0, 1000.0];

/// How often a time fell into which range.
#[derive(Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS_MS.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    /// Counts a time.
    pub fn record(&self, ms: f64) {
        let bucket = BOUNDS_MS.iter().position(|b| ms <= *b).unwrap_or(BOUNDS_MS.len());
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum_us.fetch_add((ms * 1e3) as u64, Relaxed);
    }

    fn json(&self) -> Value {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Relaxed)).collect();
        json!({ "le_ms": BOUNDS_MS, "counts": counts, "sum_ms": self.sum_us.load(Relaxed) / 1_000 })
    }
}

/// All of a host; any thread but a media thread.
#[derive(Default)]
pub struct Counters {
    /// Calls begun.
    pub opened: AtomicU64,
    /// Calls refused for want of room, of an analyzer, or because of a fault.
    pub skipped: AtomicU64,
    /// Calls refused, or whose analysis was ended, for want of time.
    pub shed: AtomicU64,
    /// Calls over.
    pub released: AtomicU64,
    /// Times that audio did not fit into a ring, of calls that are over.
    pub gaps: AtomicU64,
    /// The same, in µs of audio.
    pub gap_us: AtomicU64,
    /// Frames refused for their rate, of calls that are over.
    pub refused: AtomicU64,
    /// Analyses that broke a rule.
    pub faults: AtomicU64,
    /// Calls begun again because another call of their cohort broke a rule.
    pub resumed: AtomicU64,
    /// Findings left out because nobody took them.
    pub left_out: AtomicU64,
    /// Decisions.
    pub decisions: AtomicU64,
    /// From the arrival of audio to its analysis.
    pub batch: Histogram,
    /// From the arrival of audio to the decision that rests on it.
    pub added: Histogram,
    verdicts: Mutex<Vec<(Verdict, u64)>>,
}

impl Counters {
    pub(crate) fn decided(&self, decision: &Decision, added_ms: f64) {
        self.decisions.fetch_add(1, Relaxed);
        self.added.record(added_ms);
        let mut verdicts = lock(&self.verdicts);
        match verdicts.iter_mut().find(|(v, _)| *v == decision.verdict) {
            Some((_, n)) => *n += 1,
            None => verdicts.push((decision.verdict, 1)),
        }
    }

    pub(crate) fn json(&self) -> Value {
        let n = |counter: &AtomicU64| counter.load(Relaxed);
        let verdicts: serde_json::Map<String, Value> = lock(&self.verdicts)
            .iter()
            .map(|(v, n)| (format!("{v:?}").to_uppercase(), (*n).into()))
            .collect();
        json!({
            "calls": {
                "opened": n(&self.opened), "released": n(&self.released),
                "skipped": n(&self.skipped), "shed": n(&self.shed),
            },
            "gaps": { "count": n(&self.gaps), "ms": n(&self.gap_us) / 1_000 },
            "frames_refused": n(&self.refused),
            "faults": { "analyses": n(&self.faults), "resumed": n(&self.resumed) },
            "findings_left_out": n(&self.left_out),
            "decisions": n(&self.decisions),
            "verdicts": verdicts,
            "latency": { "batch": self.batch.json(), "decision": self.added.json() },
        })
    }
}
