//! Analyses that break the rules, each beside a hundred calls that lose nothing.

use callprint::{Error, Host, limits, policy::Verdict};

use super::{Line, SETUP, config, open_line};

/// The misdeeds of `conformance/hostile/guest.wat` that end an analysis, and what is said of them.
const ENDING: [(i16, &str); 9] = [
    (1, "unreachable"),
    (2, "did not finish in time"),
    (3, "unreachable"),
    (4, "stack"),
    (5, "out of bounds"),
    (6, "fuel"),
    (8, "discriminant"),
    (10, "divide by zero"),
    (12, "utf-8"),
];

/// Those that come when the call ends, and what is said of them; the last is one that a call alone in
/// its instance has no occasion for.
const AT_THE_END: [(i16, &str); 3] =
    [(9, "unreachable"), (11, "did not finish in time"), (13, "did not finish in time")];

fn trigger(misdeed: i16) -> [i16; 160] {
    [1_000 + misdeed; 160]
}

/// A host, a hundred good calls that have talked, and one for mischief.
fn scene(cohort: u32) -> (Host, super::Lines, Vec<Line>, Line) {
    let (config, said) = config(&SETUP.hostile, cohort);
    let host = Host::open(config).unwrap();
    let mut good: Vec<Line> = (0..50).map(|_| open_line(&host)).collect();
    let mut evil = open_line(&host);
    good.extend((0..50).map(|_| open_line(&host)));
    for line in good.iter_mut().chain([&mut evil]) {
        line.talk();
    }
    good.iter().chain([&evil]).for_each(Line::settle);
    (host, said, good, evil)
}

/// All good calls go on, to the last sample.
fn unharmed(host: &Host, good: &mut [Line]) {
    good.iter_mut().for_each(Line::talk);
    for line in good.iter_mut() {
        line.settle();
        assert!(line.verdicts().is_empty(), "{:?}", line.verdicts());
    }
    good.iter_mut().for_each(Line::close);
    assert_eq!(host.counted().gaps.get(), 0);
}

#[test]
fn alone_in_its_instance_a_call_that_breaks_a_rule_ends_and_no_other() {
    for (misdeed, reason) in ENDING {
        let (host, said, mut good, mut evil) = scene(1);
        evil.push(&trigger(misdeed));
        evil.wait("NOTREADY", |told| told.verdicts == [Verdict::NotReady]);
        unharmed(&host, &mut good);
        evil.talk();
        evil.close();
        let said = said.lock().unwrap();
        assert!(said.len() == 1 && said[0].contains(reason), "misdeed {misdeed}: {said:?}");
        assert_eq!(host.counted().calls_resumed.get(), 0);
    }
}

#[test]
fn in_a_cohort_the_others_begin_again_and_the_one_goes_on_alone_once() {
    for (misdeed, reason) in ENDING {
        let (host, said, mut good, mut evil) = scene(16);
        evil.push(&trigger(misdeed));
        evil.talk();
        evil.settle();
        assert!(evil.verdicts().is_empty());
        good.iter_mut().for_each(Line::talk);
        good.iter().for_each(Line::settle);
        let resumed = host.counted().calls_resumed.get();
        assert_eq!(resumed, 15, "all others of its cohort, and no more");
        evil.push(&trigger(misdeed));
        evil.wait("NOTREADY", |told| told.verdicts == [Verdict::NotReady]);
        unharmed(&host, &mut good);
        assert_eq!(host.counted().calls_resumed.get(), resumed, "in quarantine it harms nobody");
        evil.close();
        let said = said.lock().unwrap();
        assert!(said.len() == 2 && said[1].contains(reason), "misdeed {misdeed}: {said:?}");
    }
}

#[test]
fn nonsense_within_the_contract_is_passed_on_as_such() {
    let (host, said, mut good, mut evil) = scene(16);
    let before = evil.ear.0.lock().unwrap().findings;
    evil.push(&trigger(7));
    evil.wait("the nonsense", |told| told.findings > before);
    unharmed(&host, &mut good);
    assert!(evil.verdicts().is_empty() && said.lock().unwrap().is_empty());
}

#[test]
fn a_misdeed_at_the_end_of_a_call_still_releases_it() {
    for (cohort, misdeeds) in [(1, &AT_THE_END[..2]), (16, &AT_THE_END[..])] {
        for (misdeed, reason) in misdeeds {
            let (host, said, mut good, mut evil) = scene(cohort);
            evil.push(&trigger(*misdeed));
            evil.close();
            unharmed(&host, &mut good);
            let said = said.lock().unwrap();
            assert!(said.len() == 1 && said[0].contains(reason), "misdeed {misdeed}: {said:?}");
        }
    }
}

#[test]
fn repeated_faults_take_the_analyzer_out_of_service_until_it_is_reloaded() {
    let (config, said) = config(&SETUP.hostile, 1);
    let host = Host::open(config).unwrap();
    let mut good = open_line(&host);
    let refusal = (0..100).find_map(|_| match Line::open(&host) {
        Ok(mut line) => {
            line.push(&trigger(1));
            line.wait("the end of it", |told| !told.verdicts.is_empty());
            line.close();
            None
        }
        Err(Error::Unavailable(reason)) if reason.contains("out of service") => Some(reason),
        Err(Error::Unavailable(_)) => None,
        Err(error) => panic!("{error}"),
    });
    assert!(refusal.expect("it goes out of service").contains("unreachable"));
    assert!(said.lock().unwrap().iter().any(|line| line.contains("out of service for 1 s")));
    good.wait("NOTREADY", |told| told.verdicts == [Verdict::NotReady]);
    good.close();
    host.reload(None).unwrap();
    open_line(&host).close();
}

#[test]
fn an_analyzer_that_goes_out_of_service_burns_no_more_time_on_the_calls_it_has() {
    let (config, _) = config(&SETUP.hostile, 1);
    let host = Host::open(config).unwrap();
    let mut lines: Vec<Line> = (0..20).map(|_| open_line(&host)).collect();
    lines.iter_mut().for_each(|line| line.push(&trigger(1)));
    for line in &mut lines {
        line.wait("NOTREADY", |told| told.verdicts == [Verdict::NotReady]);
        line.close();
    }
    assert_eq!(host.status(false)["faults"]["trap"], limits::FAULTS);
}
