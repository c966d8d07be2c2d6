//! `make bench`: what 10,000 scripts cost to bake, to open, to keep and to search.
//!
//! The scripts are spliced from the prompts of Debian's asterisk-core-sounds packages, each piece
//! at a slightly different speed and level, so that no two are alike; where the packages are not
//! installed, from made-up speech, and the output says so. Times are of this machine at this
//! moment; ratios are of interleaved runs.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use callprint::{Analyzer, CallInfo, Options, Side, bake::bake};
use callprint_fixtures::{self as fixtures, Random};
use callprint_plugin as native;
use native::{
    catalog::Workspace,
    pack::{Codes, Node, Pack, Script},
    script::{Codebook, fingerprint},
};

const SCRIPTS: usize = 10_000;
const SCRIPT_S: usize = 10;
const SESSIONS: usize = 1_000;
const RATE_HZ: usize = 8_000;

fn main() {
    let folder = tempfile::tempdir().expect("a folder for the packs");
    let prompts = prompts();
    let (pack, enrol_s) = make_pack(&prompts, SCRIPTS);
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
    println!("analyzer: {:.1} MB (bar 1.3 × index + 15 = {bound:.1})", mb(file));

    let opens = (0..10).map(|_| {
        let start = Instant::now();
        let analyzer = Analyzer::open(&path, &Options { sessions: SESSIONS as u32 }).unwrap();
        (start.elapsed().as_secs_f64() * 1e3, analyzer)
    });
    let mut times: Vec<f64> = opens.map(|(ms, _)| ms).collect();
    println!("open: {:.1} ms (bar 20)", median(&mut times));

    let analyzer = Analyzer::open(&path, &Options { sessions: SESSIONS as u32 + 1 }).unwrap();
    memory(&analyzer, &prompts);
    speed(&analyzer, &pack, &prompts);
}

fn mb(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The prompts, at 8 kHz.
fn prompts() -> Vec<Vec<i16>> {
    let mut files = Vec::new();
    collect(Path::new("/usr/share/asterisk/sounds"), &mut files);
    files.sort();
    let mut all: Vec<Vec<i16>> = files.iter().filter_map(|f| samples(f)).collect();
    if all.is_empty() {
        println!("no asterisk-core-sounds-*-wav installed: made-up speech instead of prompts");
        all = (0..500).map(|n| fixtures::speech(n, 6_000)).collect();
    } else {
        println!("{} prompts of asterisk-core-sounds", all.len());
    }
    all
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // Folders only as themselves: the languages are linked under several names.
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            collect(&entry.path(), files);
        } else if entry.path().extension().is_some_and(|e| e == "wav") {
            files.push(entry.path());
        }
    }
}

/// The samples of a plain 8 kHz 16-bit WAV file of at least a second.
fn samples(path: &Path) -> Option<Vec<i16>> {
    let bytes = fs::read(path).ok()?;
    let data = bytes.windows(4).position(|w| w == b"data")? + 8;
    let samples: Vec<i16> =
        bytes[data..].as_chunks::<2>().0.iter().map(|b| i16::from_le_bytes(*b)).collect();
    (bytes[24..28] == 8_000u32.to_le_bytes() && samples.len() > RATE_HZ).then_some(samples)
}

/// Ten seconds of pieces of prompts.
fn splice(prompts: &[Vec<i16>], random: &mut Random) -> Vec<i16> {
    let mut out = Vec::with_capacity(SCRIPT_S * RATE_HZ);
    while out.len() < SCRIPT_S * RATE_HZ {
        let prompt = &prompts[random.below(prompts.len())];
        let first = random.below(prompt.len() / 2);
        let speed = random.within(0.85, 1.18);
        let gain = random.within(0.4, 1.0);
        let wanted = (RATE_HZ * SCRIPT_S - out.len()).min(3 * RATE_HZ);
        let at = |n: usize| {
            let t = first as f32 + n as f32 * speed;
            let (i, part) = (t as usize, t.fract());
            let pair = prompt.get(i).zip(prompt.get(i + 1));
            pair.map(|(a, b)| (gain * (f32::from(*a) * (1.0 - part) + f32::from(*b) * part)) as i16)
        };
        out.extend((0..wanted).map_while(at));
    }
    out
}

fn make_pack(prompts: &[Vec<i16>], scripts: usize) -> (Pack, f64) {
    let start = Instant::now();
    let book = Codebook::default();
    let mut pack = Pack::new("bench", book.id());
    let mut random = Random::new(1);
    for n in 0..scripts {
        let codes = Codes(fingerprint(&book, 8_000, &splice(prompts, &mut random)));
        let node = Node { id: "main".into(), codes, more: Default::default() };
        let script = Script { id: format!("s{n}"), nodes: vec![node], more: Default::default() };
        pack.scripts.push(script);
    }
    (pack, start.elapsed().as_secs_f64())
}

/// A number (in kB) from a file of /proc/self.
fn proc(file: &str, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/self/{file}")).expect("Linux has it");
    let line = text.lines().find(|l| l.starts_with(name)).expect("Linux has it");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number of kB")
}

/// A thousand calls at once, each with five seconds of audio.
fn memory(analyzer: &Analyzer, prompts: &[Vec<i16>]) {
    let info = CallInfo { outbound: false };
    let private =
        || proc("smaps_rollup", "Private_Dirty:") + proc("smaps_rollup", "Private_Clean:");
    let (before, tables_before) = (private(), proc("status", "VmPTE:"));
    let start = Instant::now();
    let mut sessions: Vec<_> =
        (0..SESSIONS).map(|_| analyzer.session(info).expect("a session")).collect();
    let us = start.elapsed().as_secs_f64() * 1e6 / SESSIONS as f64;
    println!("new session: {us:.0} µs (bar 100)");
    let mut random = Random::new(2);
    for session in &mut sessions {
        for part in splice(prompts, &mut random)[..5 * RATE_HZ].chunks(RATE_HZ / 10) {
            session.push(Side::Far, 8_000, part).expect("the session goes on");
        }
    }
    let n = SESSIONS as f64;
    let (kb, tables_kb) =
        ((private() - before) / n, (proc("status", "VmPTE:") - tables_before) / n);
    println!(
        "memory of a session: {kb:.0} kB private (bar 96), and {tables_kb:.0} kB of page tables"
    );
}

/// The same calls in wasm and natively, in turn.
fn speed(analyzer: &Analyzer, pack: &Pack, prompts: &[Vec<i16>]) {
    let mut catalog = native::Catalog::default();
    catalog.add_pack(&serde_json::to_vec(pack).expect("plain data")).expect("the pack is good");
    let catalog = catalog.seal();
    let mut random = Random::new(3);
    let calls: Vec<Vec<i16>> = (0..100).map(|_| splice(prompts, &mut random)).collect();
    let (mut wasm, mut natively, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..9 {
        let start = Instant::now();
        for call in &calls {
            let mut session = analyzer.session(CallInfo { outbound: false }).expect("a session");
            for part in call.chunks(RATE_HZ / 10) {
                session.push(Side::Far, 8_000, part).expect("the session goes on");
            }
        }
        let wasm_s = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let mut work = Workspace::default();
        for call in &calls {
            let mut session = native::Session::new(native::CallInfo::default());
            let mut findings = Vec::new();
            for part in call.chunks(RATE_HZ / 10) {
                session.push(&catalog, &mut work, native::Side::Far, 8_000, part, &mut findings);
            }
        }
        let native_s = start.elapsed().as_secs_f64();
        let audio_s = (calls.len() * SCRIPT_S) as f64;
        wasm.push(wasm_s / audio_s * 1e6);
        natively.push(native_s / audio_s * 1e6);
        ratios.push(wasm_s / native_s);
    }
    println!(
        "analysis: {:.0} µs per second of a call in wasm, {:.0} natively",
        median(&mut wasm),
        median(&mut natively)
    );
    println!("wasm/native: {:.2} (goal 1.3)", median(&mut ratios));
}
