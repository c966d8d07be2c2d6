//! The state of a host, as JSON.

use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};

use super::{Inner, Stage, call::Shared, lock, worker::Worker};

pub(crate) fn json(host: &Inner, with_calls: bool) -> Value {
    let calls: Vec<_> = lock(&host.calls).values().cloned().collect();
    let mut status = host.metrics.to_json();
    let analysed = calls.iter().filter(|c| c.stage() == Stage::Analysed).count();
    status["calls"]["in_analysis"] = analysed.into();
    status["calls"]["max"] = host.calls_max.into();
    // Those of the live calls too.
    let (gaps, gap_us) = calls.iter().map(|c| c.gaps()).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    status["gaps"] = (host.metrics.gaps.get() + gaps).into();
    status["gap_ms"] = json!(host.metrics.gap_samples.get() as f64 / 8.0 + gap_us as f64 / 1e3);
    status["path"] = json!(lock(&host.source).path);
    status["health"] = host.health.json();
    status["workers"] = host.workers.iter().map(worker).collect();
    status["batch_ms"] = host.batch_ms.into();
    status["cohort"] = host.cohort.into();
    if with_calls {
        status["live"] = calls.iter().map(|c| call(c)).collect();
    }
    status
}

fn worker(worker: &Worker) -> Value {
    json!({
        "calls": worker.calls(),
        "late_ms": worker.late().as_millis() as u64,
        "processor_s": worker.busy().as_secs_f64(),
    })
}

fn call(call: &Shared) -> Value {
    let stage = match call.stage() {
        Stage::Waiting => "waiting",
        Stage::Analysed => "analysed",
        Stage::Ended => "ended",
    };
    let verdict = call.decision().map(|d| d.verdict.name());
    json!({
        "id": call.facts.id, "stage": stage, "clock_ms": call.clock_ms.load(Relaxed),
        "gaps": call.gaps().0, "verdict": verdict,
    })
}
