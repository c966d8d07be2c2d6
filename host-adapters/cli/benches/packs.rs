//! `make bench`: what it takes to enrol 10,000 scripts of 10 s, and to lint them.
//!
//! Processor time of the command, halved for two cores, as others may be at work on this machine;
//! and the time that went by. The recordings are made-up speech.

use std::{
    fs,
    path::Path,
    process::{Child, Command},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use callprint_fixtures as fixtures;

const SCRIPTS: usize = 10_000;
const SCRIPT_S: usize = 10;

/// Each recording is played at these speeds: so far apart that they are different scripts.
const SPEEDS: [f32; 5] = [0.70, 0.82, 0.96, 1.12, 1.31];

fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder to work in");
    let folder = folder.path();
    make_recordings(&folder.join("in"));
    let bars = [("enrol", 120.0), ("lint", 60.0)];
    let report = |(what, bar): (&str, f64), child: Child| {
        let (start, before) = (Instant::now(), children_s());
        let status = { child }.wait().expect("a process of ours");
        assert!(status.success(), "{what} failed: {status}");
        let (wall_s, busy_s) = (start.elapsed().as_secs_f64(), children_s() - before);
        println!(
            "{what} {SCRIPTS} scripts of {SCRIPT_S} s: {:.1} s of two cores (bar {bar}), {wall_s:.1} s went by",
            busy_s / 2.0
        );
    };
    report(bars[0], callprint(folder, "enroll --name bench --pack whole.json in"));
    let size = fs::metadata(folder.join("whole.json")).expect("the pack").len();
    let per_s = size as f64 / (SCRIPTS * SCRIPT_S) as f64;
    println!("pack: {per_s:.0} bytes of JSON per second of script (bar 500)");

    let mut killed = callprint(folder, "enroll --name bench --pack half.json in");
    let journal = folder.join(".half.json.enrolling");
    let done = || fs::read(&journal).map_or(0, |text| text.split(|b| *b == b'\n').count());
    while done() < SCRIPTS / 2 && killed.try_wait().expect("a process of ours").is_none() {
        thread::sleep(Duration::from_millis(100));
    }
    // SIGKILL.
    killed.kill().expect("it is ours");
    killed.wait().expect("it is ours");
    let left = SCRIPTS - done().min(SCRIPTS);
    report(
        ("killed, and the rest enrolled of", 60.0),
        callprint(folder, "enroll --name bench --pack half.json in"),
    );
    let read = |name: &str| fs::read(folder.join(name)).expect("the pack");
    assert!(read("whole.json") == read("half.json"), "the pack is not what it is without a kill");
    println!("killed when {left} were left: the same bytes");
    report(bars[1], callprint(folder, "pack lint whole.json"));
}

fn callprint(folder: &Path, args: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callprint"));
    command.arg("--quiet").args(args.split(' ')).current_dir(folder).spawn().expect("it was built")
}

fn make_recordings(folder: &Path) {
    fs::create_dir(folder).expect("room");
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= SCRIPTS / SPEEDS.len() {
                return;
            }
            let speech = fixtures::speech(50_000 + n as u64, SCRIPT_S as u32 * 1_320);
            for (m, speed) in SPEEDS.iter().enumerate() {
                let faster = fixtures::faster(&speech, 0, *speed, 1.0);
                let recording: Vec<i16> = faster.take(SCRIPT_S * 8_000).collect();
                let wav = fixtures::wav(8_000, 1, &recording);
                fs::write(folder.join(format!("{n:04}-{m}.wav")), wav).expect("1.6 GB of room");
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
}

/// Processor time of the commands that have ended.
fn children_s() -> f64 {
    // SAFETY: a plain structure that is filled in.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        assert_eq!(libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage), 0);
        usage
    };
    let s = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 * 1e-6;
    s(usage.ru_utime) + s(usage.ru_stime)
}
