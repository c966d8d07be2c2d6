//! `make bench`: what 10,000 scripts cost to bake, to open, to keep and to search.
//!
//! Times are processor time of the thread that measures, on this machine at this moment; ratios are
//! of interleaved runs.

mod material;
mod stages;

use std::{fs, time::Instant};

use callprint::{Analyzer, CallInfo, Options, Side, bake::bake};
use callprint_plugin as native;
use material::{Material, RATE_HZ, SCRIPT_S, calls};

const SCRIPTS: usize = 10_000;
const SESSIONS: usize = 1_000;

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the packs");
    let start = Instant::now();
    let material = Material::new();
    let pack = material.pack(SCRIPTS);
    let enrol_s = start.elapsed().as_secs_f64();
    let pack_path = folder.path().join("bench.json");
    let json = serde_json::to_vec(&pack).expect("a pack is plain data");
    fs::write(&pack_path, &json).expect("room for the pack");
    let seconds = (SCRIPTS * SCRIPT_S) as f64;
    println!("{SCRIPTS} scripts of {SCRIPT_S} s, spliced and enrolled in {enrol_s:.1} s");
    println!(
        "pack: {:.1} MB of JSON, {:.0} bytes per second of script",
        mb(json.len()),
        json.len() as f64 / seconds
    );

    let path = folder.path().join("bench.cwasm");
    let start = Instant::now();
    let recipe = bake(&[pack_path], None, &path).expect("the pack can be baked");
    println!("bake: {:.1} s (bar 60)", start.elapsed().as_secs_f64());
    let (index, file) = (recipe.index_bytes as usize, fs::metadata(&path).unwrap().len() as usize);
    let bound = 1.3 * mb(index) + 15.0;
    println!(
        "index: {:.1} MB, {:.0} bytes per second of script (bar 700)",
        mb(index),
        index as f64 / seconds
    );
    println!(
        "analyzer: {:.1} MB, {:.2} × index (bar 1.3 × index + 15 = {bound:.1})",
        mb(file),
        mb(file) / mb(index)
    );

    let opens = (0..10).map(|_| {
        let start = Instant::now();
        let analyzer = Analyzer::open(&path, &Options { sessions: SESSIONS as u32 }).unwrap();
        (start.elapsed().as_secs_f64() * 1e3, analyzer)
    });
    let mut times: Vec<f64> = opens.map(|(ms, _)| ms).collect();
    println!("open: {:.1} ms (bar 20)", median(&mut times));

    let analyzer = Analyzer::open(&path, &Options { sessions: SESSIONS as u32 + 1 }).unwrap();
    let unknown = calls(&material.held_out, 3, 40);
    memory(&analyzer, &unknown);
    let mut catalog = native::Catalog::default();
    catalog.add_pack(&json).expect("the pack is good");
    let catalog = catalog.seal();
    speed("real speech that matches nothing", &analyzer, &catalog, &unknown);
    let worst = calls(&material.enrolled, 4, 10);
    speed("splices of what 10,000 scripts are made of", &analyzer, &catalog, &worst);
    let index = stages::index_of(&material, SCRIPTS);
    stages::stages(&catalog, &index, &unknown);
    stages::growth(&material, &index, &unknown);
}

/// Microseconds that `work` takes per second of audio.
fn per_second(audio_s: f64, work: impl FnOnce()) -> f64 {
    let before = processor_ns();
    work();
    (processor_ns() - before) * 1e-3 / audio_s
}

/// Processor time of this thread, in nanoseconds.
fn processor_ns() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux has it");
    text.split_whitespace().next().and_then(|ns| ns.parse().ok()).expect("it begins with a number")
}

fn mb(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A number (in kB) from a file of /proc/self.
fn proc(file: &str, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/self/{file}")).expect("Linux has it");
    let line = text.lines().find(|l| l.starts_with(name)).expect("Linux has it");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number of kB")
}

/// A thousand calls at once, each with five seconds of audio.
fn memory(analyzer: &Analyzer, calls: &[Vec<i16>]) {
    let info = CallInfo { outbound: false };
    let private =
        || proc("smaps_rollup", "Private_Dirty:") + proc("smaps_rollup", "Private_Clean:");
    let (before, tables_before) = (private(), proc("status", "VmPTE:"));
    let n = SESSIONS as f64;
    let open = || -> Vec<_> {
        (0..SESSIONS).map(|_| analyzer.session(info).expect("a session")).collect()
    };
    let start = processor_ns();
    let mut sessions = open();
    let us = (processor_ns() - start) * 1e-3 / n;
    let fresh = (private() - before) / n;
    println!("new session: {us:.0} µs (bar 100), {fresh:.0} kB private");
    for (session, call) in sessions.iter_mut().zip(calls.iter().cycle()) {
        for part in call[..5 * RATE_HZ].chunks(RATE_HZ / 10) {
            session.push(Side::Far, RATE_HZ as u32, part).expect("the session goes on");
        }
    }
    let (kb, tables_kb) =
        ((private() - before) / n, (proc("status", "VmPTE:") - tables_before) / n);
    println!(
        "memory of a session: {kb:.0} kB private (bar 96), and {tables_kb:.0} kB of page tables"
    );
    drop(sessions);
    let start = processor_ns();
    let sessions = open();
    let us = (processor_ns() - start) * 1e-3 / n;
    println!("new session where another has ended: {us:.0} µs");
    drop(sessions);
}

/// The same calls in wasm and natively, in turn.
fn speed(name: &str, analyzer: &Analyzer, catalog: &native::Sealed, calls: &[Vec<i16>]) {
    let audio_s = (calls.len() * SCRIPT_S) as f64;
    let in_wasm = || {
        for call in calls {
            let mut session = analyzer.session(CallInfo { outbound: false }).expect("a session");
            for part in call.chunks(RATE_HZ / 10) {
                session.push(Side::Far, RATE_HZ as u32, part).expect("the session goes on");
            }
        }
    };
    let (mut wasm, mut natively, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..7 {
        let (a, b) =
            (per_second(audio_s, in_wasm), per_second(audio_s, || stages::whole(catalog, calls)));
        wasm.push(a);
        natively.push(b);
        ratios.push(a / b);
    }
    println!(
        "{name}: {:.0} µs per second of a call in wasm, {:.0} natively, wasm/native {:.2} (goal 1.3)",
        median(&mut wasm),
        median(&mut natively),
        median(&mut ratios)
    );
}
