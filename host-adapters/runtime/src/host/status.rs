//! The state of a host, as JSON.

use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};

use super::{Inner, Stage, call::Shared, lock, worker::Worker};

pub(crate) fn json(host: &Inner, with_calls: bool) -> Value {
    let source = lock(&host.source);
    let analyzer = source.analyzer.as_ref().map(|analyzer| {
        let recipe = analyzer.recipe();
        let packs: Vec<Value> = recipe
            .packs
            .iter()
            .map(|p| json!({ "id": p.id, "version": p.version, "scripts": p.scripts }))
            .collect();
        json!({
            "path": source.path, "analyzer": recipe.analyzer, "plugin_sha256": recipe.plugin_sha256,
            "packs": packs, "index_bytes": recipe.index_bytes,
        })
    });
    drop(source);
    let calls: Vec<_> = lock(&host.calls).values().cloned().collect();
    let mut status = host.counters.json();
    let analysed = calls.iter().filter(|c| c.stage() == Stage::Analysed).count();
    status["calls"]["live"] = calls.len().into();
    status["calls"]["analysed"] = analysed.into();
    status["calls"]["max"] = host.calls_max.into();
    // Those of the live calls too.
    let (gaps, gap_us) = calls.iter().map(|c| c.gaps()).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    status["gaps"]["count"] = (host.counters.gaps.load(Relaxed) + gaps).into();
    status["gaps"]["ms"] = ((host.counters.gap_us.load(Relaxed) + gap_us) / 1_000).into();
    status["analyzer"] = analyzer.into();
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
    let verdict = call.decision().map(|d| format!("{:?}", d.verdict).to_uppercase());
    json!({
        "id": call.facts.id, "stage": stage, "clock_ms": call.clock_ms.load(Relaxed),
        "gaps": call.gaps().0, "verdict": verdict,
    })
}
