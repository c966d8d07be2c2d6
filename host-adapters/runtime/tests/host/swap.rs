//! Reloading under live calls.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use callprint::{Error, Host};

use super::{Line, NEVER, SETUP, config, open_line};

#[test]
fn reloads_under_live_calls_lose_no_frame_and_leave_nothing_behind() {
    reloads("swap", 200, 50, |_| ());
}

/// Reloads under so many calls, by two analyzers' names of its own, so that no other test's mappings
/// are counted. `each` is told of every reload, and at last of all when nothing is live any more.
pub fn reloads(name: &str, reloads: usize, calls: usize, mut each: impl FnMut(usize)) {
    let [a, b] = ["a", "b"].map(|which| {
        let path = SETUP.folder.path().join(format!("{name}-{which}.cwasm"));
        fs::copy(&SETUP.hostile, &path).unwrap();
        path
    });
    let (mut config, _) = config(&a, 16);
    config.calls_max = 2 * calls as u32;
    let host = Host::open(config).unwrap();
    let mut lines: Vec<Line> = (0..calls).map(|_| open_line(&host)).collect();
    for reload in 0..reloads {
        host.reload(Some(if reload % 2 == 0 { &b } else { &a })).unwrap();
        each(reload);
        // Some go, some come; all go on.
        let n = reload % lines.len();
        lines[n].settle();
        lines[n].close();
        lines[n] = open_line(&host);
        lines.iter_mut().for_each(|line| line.push(&[1; 160]));
    }
    for line in &mut lines {
        line.settle();
        assert!(line.verdicts().is_empty());
        line.close();
    }
    let counted = host.counted();
    assert_eq!((counted.gaps.get(), counted.reloads.get()), (0, reloads as u64));
    // The last reload was to the first one: of the others nothing may be left but what a worker
    // lets go at its next turn.
    let start = Instant::now();
    let old = format!("{name}-b.cwasm");
    while fs::read_to_string("/proc/self/maps").unwrap().contains(&old) {
        assert!(start.elapsed() < NEVER, "an old analyzer is still mapped");
        thread::sleep(Duration::from_millis(5));
    }
    each(reloads);
}

#[test]
fn a_file_that_is_cut_short_under_live_calls_harms_none() {
    let path = SETUP.folder.path().join("cut-short.cwasm");
    fs::copy(&SETUP.hostile, &path).unwrap();
    let (config, _) = config(&path, 16);
    let host = Host::open(config).unwrap();
    let mut line = open_line(&host);
    // As `cp` over it begins.
    fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    for line in [&mut line, &mut open_line(&host)] {
        line.talk();
        line.settle();
    }
    assert!(matches!(host.reload(None), Err(Error::NotAnAnalyzer { .. })));
}

#[test]
fn a_bad_analyzer_is_refused_and_the_old_one_stays() {
    let (config, _) = config(&SETUP.hostile, 16);
    let host = Host::open(config).unwrap();
    let mut line = open_line(&host);
    let bad = SETUP.folder.path().join("bad.cwasm");
    fs::write(&bad, b"no analyzer").unwrap();
    assert!(matches!(host.reload(Some(&bad)), Err(Error::NotAnAnalyzer { .. })));
    let mut cut = fs::read(&SETUP.real).unwrap();
    cut.truncate(cut.len() / 2);
    fs::write(&bad, cut).unwrap();
    assert!(host.reload(Some(&bad)).is_err());
    for line in [&mut line, &mut open_line(&host)] {
        line.talk();
        line.settle();
    }
    assert_eq!(host.counted().reloads_failed.get(), 2);
    host.reload(None).unwrap();
}
