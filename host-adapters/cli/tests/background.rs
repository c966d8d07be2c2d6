//! Bakes that nobody waits for: those of a host that watches a folder of packs, and those that are
//! killed.

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use callprint::{Analyzer, Host, HostConfig, Options, host::Level};
use callprint_fixtures::{Random, speech};
use common::{CALLPRINT, Desk};

/// How long anything may take before it counts as never: no measure of speed.
const NEVER: Duration = Duration::from_secs(900);

type Lines = Arc<Mutex<Vec<String>>>;

/// A desk with two packs of one script each, outside of the folder that is watched.
fn with_packs() -> Desk {
    let desk = Desk::new();
    for (n, name) in ["first", "second"].into_iter().enumerate() {
        desk.wav(&format!("{name}.wav"), &speech(n as u64, 5_000));
        desk.ok(&format!("enroll --pack {name}.json --name {name} --quiet {name}.wav"));
    }
    fs::create_dir(desk.path("packs")).unwrap();
    desk
}

/// A host that watches, and what it says.
fn watching(desk: &Desk, command: impl AsRef<Path>) -> (Host, Lines) {
    let said = Lines::default();
    let written = said.clone();
    let log = move |_: Level, line: &str| written.lock().unwrap().push(line.to_owned());
    let config = HostConfig {
        packs: Some(desk.path("packs")),
        command: Some(command.as_ref().into()),
        workers: Some(1),
        calls_max: 8,
        log: Some(Box::new(log)),
        ..HostConfig::new(desk.path("a.cwasm"))
    };
    (Host::open(config).unwrap(), said)
}

/// The packs in force.
fn packs(host: &Host) -> Vec<String> {
    let status = host.status(false);
    let packs = status["packs"].as_array().unwrap().iter();
    packs.map(|p| p["id"].as_str().unwrap().to_owned()).collect()
}

fn wait(what: &str, said: &Lines, is: impl Fn() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < NEVER, "{what}: never; {:?}", said.lock().unwrap());
        thread::sleep(Duration::from_millis(20));
    }
}

fn heard(said: &Lines, words: &[&str]) -> usize {
    let said = said.lock().unwrap();
    said.iter().filter(|line| words.iter().all(|word| line.contains(word))).count()
}

#[test]
fn a_folder_of_packs_is_watched() {
    let desk = with_packs();
    fs::copy(desk.path("first.json"), desk.path("packs/first.json")).unwrap();
    // Nothing has been baked yet.
    let (host, said) = watching(&desk, CALLPRINT);
    wait("the first bake", &said, || packs(&host) == ["first"]);
    fs::copy(desk.path("second.json"), desk.path("packs/second.json")).unwrap();
    wait("a new pack", &said, || packs(&host) == ["first", "second"]);
    fs::write(desk.path("packs/bad.json"), "{}").unwrap();
    wait("a bad pack", &said, || heard(&said, &["not baked", "bad.json"]) > 0);
    assert_eq!(packs(&host), ["first", "second"], "the old one is in force");
    fs::remove_file(desk.path("packs/bad.json")).unwrap();
    fs::remove_file(desk.path("packs/first.json")).unwrap();
    wait("a pack that is gone", &said, || packs(&host) == ["second"]);
    // Gone, or not mounted, is not empty.
    fs::rename(desk.path("packs"), desk.path("elsewhere")).unwrap();
    wait("no folder", &said, || heard(&said, &["packs", "stay as they were baked"]) > 0);
    let reloads = host.counted().reloads.get();
    fs::rename(desk.path("elsewhere"), desk.path("packs")).unwrap();
    drop(host);
    // What is there is what is baked: nothing is to be done.
    let (host, again) = watching(&desk, CALLPRINT);
    wait("the old one", &again, || packs(&host) == ["second"]);
    thread::sleep(Duration::from_secs(5));
    assert_eq!(host.counted().reloads.get(), 0, "{:?}", again.lock().unwrap());
    assert_eq!(reloads, 2, "{:?}", said.lock().unwrap());
    assert_eq!(heard(&said, &["stay as they were baked"]), 1, "told once");
}

#[test]
fn a_command_that_cannot_be_run_is_named() {
    let desk = with_packs();
    fs::copy(desk.path("first.json"), desk.path("packs/first.json")).unwrap();
    let (_host, said) = watching(&desk, "/nowhere/callprint");
    wait("the error", &said, || heard(&said, &["/nowhere/callprint", "set the path"]) > 0);
}

#[test]
fn a_host_that_closes_does_not_wait_for_its_bake() {
    let desk = with_packs();
    fs::copy(desk.path("first.json"), desk.path("packs/first.json")).unwrap();
    let [command, started] = ["bake.sh", "started"].map(|name| desk.path(name));
    let script = format!("#!/bin/sh\necho $$ >{}\nexec sleep 10000\n", started.display());
    fs::write(&command, script).unwrap();
    fs::set_permissions(&command, fs::Permissions::from_mode(0o755)).unwrap();
    let (host, said) = watching(&desk, &command);
    let pid = || fs::read_to_string(&started).ok().filter(|pid| pid.ends_with('\n'));
    wait("the bake", &said, || pid().is_some());
    drop(host);
    let process = format!("/proc/{}", pid().unwrap().trim());
    assert!(!fs::exists(process).unwrap(), "the bake goes on");
}

#[test]
#[ignore = "minutes: make endurance"]
fn fifty_bakes_killed_at_random_leave_an_analyzer_that_loads() {
    let desk = with_packs();
    desk.ok("bake --pack first.json --out a.cwasm --quiet");
    let bake = || {
        Command::new(CALLPRINT)
            .args(["bake", "--quiet", "--pack", "first.json", "--pack", "second.json"])
            .args(["--out", "a.cwasm"])
            .current_dir(&desk.folder)
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let start = Instant::now();
    assert!(bake().wait().unwrap().success());
    let whole_us = start.elapsed().as_micros() as usize;
    let seed = std::process::id().into();
    let mut random = Random::new(seed);
    let mut killed = 0;
    for _ in 0..50 {
        let mut bake = bake();
        thread::sleep(Duration::from_micros(random.below(whole_us) as u64));
        bake.kill().unwrap();
        killed += usize::from(!bake.wait().unwrap().success());
        let analyzer = Analyzer::open(&desk.path("a.cwasm"), &Options { sessions: 1 });
        let packs = analyzer.map(|a| a.recipe().packs.len()).map_err(|e| e.to_string());
        assert_eq!(packs, Ok(2), "seed {seed}");
    }
    println!("{killed} of 50 bakes of some {} ms killed", whole_us / 1_000);
    assert!(killed > 20, "seed {seed}: they were not killed while they baked");
}
