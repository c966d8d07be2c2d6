//! The host as a switch's module uses it: hostile guests beside good calls, hot swap, admission.

mod endurance;
mod hostile;
mod swap;

use std::{
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex},
    thread,
    time::{Duration, Instant},
};

use callprint::{
    Call, CallConfig, Error, Event, Finding, Host, HostConfig, Listener, Side,
    bake::bake,
    host::Level,
    policy::{CallFacts, Decision, Verdict},
};
use callprint_fixtures as fixtures;

/// How long anything may take before it counts as never: no measure of speed.
const NEVER: Duration = Duration::from_secs(120);

/// The hostile analyzer, and the one that ships, without scripts.
struct Setup {
    folder: tempfile::TempDir,
    hostile: PathBuf,
    real: PathBuf,
}

static SETUP: LazyLock<Setup> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("hostile.wasm");
    std::fs::write(&plugin, fixtures::HOSTILE_PLUGIN).unwrap();
    let (hostile, real) = (folder.path().join("hostile.cwasm"), folder.path().join("real.cwasm"));
    bake(&[], Some(&plugin), &hostile).unwrap();
    bake(&[], None, &real).unwrap();
    Setup { folder, hostile, real }
});

/// What a call was told.
#[derive(Default)]
struct Told {
    /// Of the hostile analyzer: the samples of the far side that it has been given.
    given: u64,
    findings: usize,
    verdicts: Vec<Verdict>,
    released: bool,
}

#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Told>>);

impl Listener for Ear {
    fn heard(&self, finding: &Finding) {
        let mut told = self.0.lock().unwrap();
        assert!(!told.released, "a finding after the last callback");
        told.findings += 1;
        if let Event::Speech(spurt) = &finding.what {
            told.given = spurt.start;
        }
    }

    fn decided(&self, decision: &Decision, _added_ms: f64) {
        let mut told = self.0.lock().unwrap();
        assert!(!told.released, "a decision after the last callback");
        assert_eq!(decision.number as usize, told.verdicts.len(), "decisions are numbered");
        told.verdicts.push(decision.verdict);
    }

    fn released(&self) {
        let mut told = self.0.lock().unwrap();
        assert!(!told.released, "released twice");
        told.released = true;
    }
}

/// A call, what it is told, and how many samples it was given.
struct Line {
    call: Option<Call>,
    ear: Ear,
    pushed: u64,
}

impl Line {
    fn open(host: &Host) -> Result<Line, Error> {
        let ear = Ear::default();
        let facts = CallFacts { id: "test".into(), limit_ms: Some(0), ..CallFacts::default() };
        let config = CallConfig { facts, rules: None, near_side: false };
        let call = host.call(config, Box::new(ear.clone()))?;
        Ok(Line { call: Some(call), ear, pushed: 0 })
    }

    fn push(&mut self, samples: &[i16]) {
        self.call.as_mut().expect("it is open").push(Side::Far, 8_000, samples);
        self.pushed += samples.len() as u64;
    }

    /// Frames of a quarter of a second in all.
    fn talk(&mut self) {
        (0..12).for_each(|_| self.push(&[1; 160]));
    }

    /// Waits until all that was pushed has been analysed.
    fn settle(&self) {
        self.wait("its samples", |told| told.given == self.pushed);
    }

    fn wait(&self, what: &str, is: impl Fn(&Told) -> bool) {
        let start = Instant::now();
        while !is(&self.ear.0.lock().unwrap()) {
            let told = self.ear.0.lock().unwrap();
            assert!(
                start.elapsed() < NEVER,
                "{what} never came: {} of {} samples, {:?}, released: {}",
                told.given,
                self.pushed,
                told.verdicts,
                told.released
            );
            drop(told);
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn verdicts(&self) -> Vec<Verdict> {
        self.ear.0.lock().unwrap().verdicts.clone()
    }

    fn close(&mut self) {
        self.call = None;
        self.wait("released()", |told| told.released);
    }
}

type Lines = Arc<Mutex<Vec<String>>>;

fn config(analyzer: &std::path::Path, cohort: u32) -> (HostConfig, Lines) {
    let lines = Lines::default();
    let written = lines.clone();
    let log = move |_: Level, line: &str| written.lock().unwrap().push(line.to_owned());
    let config = HostConfig {
        workers: Some(1),
        calls_max: 256,
        cohort,
        log: Some(Box::new(log)),
        ..HostConfig::new(analyzer)
    };
    (config, lines)
}

/// A busy machine makes workers late, and a late worker takes no calls: here they can wait.
fn open_line(host: &Host) -> Line {
    let start = Instant::now();
    loop {
        match Line::open(host) {
            Err(Error::Unavailable(reason)) if reason.contains("late") => {
                assert!(start.elapsed() < NEVER, "{reason}");
                thread::sleep(Duration::from_millis(20));
            }
            line => return line.expect("the call begins"),
        }
    }
}

#[test]
fn the_selftest_passes_through_the_whole_path() {
    let (config, _) = config(&SETUP.real, 16);
    let host = Host::open(config).unwrap();
    let report = host.selftest().unwrap();
    assert!(report.contains("beep"), "{report}");
}

#[test]
fn more_calls_than_provided_for_are_refused_and_their_places_come_back() {
    let (mut config, _) = config(&SETUP.hostile, 2);
    config.calls_max = 4;
    let host = Host::open(config).unwrap();
    let mut lines: Vec<Line> = (0..4).map(|_| open_line(&host)).collect();
    assert!(matches!(Line::open(&host), Err(Error::Exhausted { limit: 4 })));
    lines[0].close();
    let mut line = open_line(&host);
    line.talk();
    line.settle();
    let status = host.status(true);
    assert_eq!(status["live"].as_array().unwrap().len(), 4);
    // One in 16 pushes is timed, each call's first among them.
    assert_eq!(status["latencies"]["push"]["count"], 1);
    assert!(status["latencies"]["push"]["sum_ms"].as_f64().unwrap() > 0.0);
}

#[test]
fn audio_that_does_not_fit_is_a_gap_and_the_clock_goes_on() {
    let (config, _) = config(&SETUP.hostile, 16);
    let host = Host::open(config).unwrap();
    // Frames of 20 ms, of which a batch is full, and of 30 ms, of which it is not.
    for samples in [160, 240] {
        let mut line = open_line(&host);
        // A minute at once: two seconds of it fit, and what the worker takes meanwhile.
        (0..60 * 8_000 / samples).for_each(|_| line.push(&vec![1; samples]));
        line.settle();
        line.close();
    }
    assert!(host.counted().gaps.get() > 0);
}

#[test]
fn closing_a_host_closes_its_calls() {
    let (config, _) = config(&SETUP.hostile, 16);
    let host = Host::open(config).unwrap();
    let mut line = open_line(&host);
    line.talk();
    drop(host);
    let told = line.ear.0.lock().unwrap();
    assert!(told.released && told.given == line.pushed, "{} of {}", told.given, line.pushed);
}

#[test]
fn records_that_cannot_be_written_are_counted_and_harm_no_call() {
    let folder = SETUP.folder.path().join("evidence");
    std::fs::create_dir(&folder).unwrap();
    let (mut config, said) = config(&SETUP.hostile, 1);
    config.evidence_log = Some(folder.join("evidence.jsonl"));
    let host = Host::open(config).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    for lost in 1..=2 {
        let mut line = open_line(&host);
        // A trap, of which a decision is made.
        line.push(&[1_001; 160]);
        line.close();
        assert_eq!(line.verdicts(), [Verdict::NotReady]);
        assert_eq!(host.counted().evidence_lost.get(), lost);
    }
    let said = said.lock().unwrap();
    let told: Vec<_> = said.iter().filter(|line| line.contains("evidence.jsonl")).collect();
    assert_eq!(told.len(), 1, "{said:?}");
}

#[test]
fn configs_out_of_range_are_refused_with_name_value_and_range() {
    for (name, value, spoil) in [
        ("workers", "257", (|c| c.workers = Some(257)) as fn(&mut HostConfig)),
        ("calls_max", "0", |c| c.calls_max = 0),
        ("batch_ms", "19", |c| c.batch_ms = 19),
        ("cohort", "257", |c| c.cohort = 257),
        // Instances have 4 GiB of addresses each: so many calls must share them.
        ("cohort", "1", |c| (c.calls_max, c.cohort) = (20_000, 1)),
    ] {
        let (mut config, _) = config(&SETUP.hostile, 16);
        spoil(&mut config);
        let error = Host::open(config).err().expect("it is refused").to_string();
        assert!(error.contains(name) && error.contains(value) && error.contains("to"), "{error}");
    }
}
