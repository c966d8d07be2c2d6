//! What takes minutes, and a machine to itself: run by `make endurance`, one after another, and
//! printing what was seen.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use callprint::{Host, Side, limits};
use callprint_fixtures::{Random, speech};

use super::{Line, SETUP, config, open_line, swap};

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// Private memory and page tables, in kB.
    memory_kb: u64,
    descriptors: usize,
    threads: usize,
}

impl Held {
    fn now() -> Held {
        let number = |file: &str, names: &[&str]| -> u64 {
            let text = fs::read_to_string(format!("/proc/self/{file}")).unwrap();
            let lines = text.lines().filter(|l| names.iter().any(|n| l.starts_with(n)));
            lines.map(|l| l.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum()
        };
        let count = |folder: &str| fs::read_dir(folder).unwrap().count();
        let private = number("smaps_rollup", &["Private_Dirty:", "Private_Clean:"]);
        Held {
            memory_kb: private + number("status", &["VmPTE:"]),
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
        }
    }

    /// The same threads and descriptors, and no more memory than the allocator's whims.
    fn is_flat_since(self, then: Held) {
        assert_eq!((self.threads, self.descriptors), (then.threads, then.descriptors));
        assert!(self.memory_kb < then.memory_kb * 11 / 10 + 4_096, "{then:?} became {self:?}");
    }
}

#[test]
#[ignore = "minutes: make endurance"]
fn a_thousand_reloads_under_five_hundred_calls() {
    let (mut early, mut late) = (None, None);
    swap::reloads("endurance", 1_000, 500, |reload| {
        if reload % 100 == 0 {
            println!("reload {reload}: {:?}", Held::now());
        }
        match reload {
            // Each line has been replaced by now: as many analyzers live as ever will.
            600 => early = Some(Held::now()),
            999 => late = Some(Held::now()),
            _ => {}
        }
    });
    late.unwrap().is_flat_since(early.unwrap());
}

/// Two hours of fifty telephone lines, calls of 10 to 50 s one after another on each, some with both
/// sides, as fast as they can be analysed; a reload every five minutes.
#[test]
#[ignore = "minutes: make endurance"]
fn two_hours_of_calls_leave_nothing_behind() {
    const LINES: usize = 50;
    /// What a ring holds, less a frame.
    const STEP: usize = 1_900 * 8;
    const STEPS: usize = 7_200_000 / 1_900;
    let (mut config, _) = config(&SETUP.real, 16);
    config.calls_max = 2 * LINES as u32;
    // Nobody waits for a clock here but for this.
    config.batch_ms = 50;
    let host = Host::open(config).unwrap();
    let mut random = Random::new(5);
    let voices: Vec<Vec<i16>> = (0..20).map(|n| speech(n, 30_000)).collect();
    // A call, how many steps it has yet to live, and its voice.
    let mut lines: Vec<(Line, usize, usize)> = Vec::new();
    let (mut calls, mut early) = (0, None);
    for step in 0..STEPS {
        for (line, left, _) in &mut lines {
            *left -= 1;
            if *left == 0 {
                line.call = None;
            }
        }
        let over = lines.extract_if(.., |(_, left, _)| *left == 0);
        over.for_each(|(mut line, ..)| line.close());
        while lines.len() < LINES {
            lines.push((open_line(&host), 5 + random.below(21), random.below(voices.len())));
            calls += 1;
        }
        for (line, left, voice) in &mut lines {
            let voice = &voices[*voice];
            let from = *left * STEP % (voice.len() - STEP);
            voice[from..from + STEP].chunks(160).for_each(|frame| line.push(frame));
        }
        await_analysis(&host, &lines);
        if step % (STEPS / 24) == 0 {
            host.reload(None).unwrap();
            println!("{:3} min, {calls} calls: {:?}", step * 19 / 600, Held::now());
            if step * 5 > STEPS && early.is_none() {
                early = Some(Held::now());
            }
        }
    }
    let late = Held::now();
    println!("{calls} calls, {} s of processor time", host.counted().cpu_ns.get() / 1_000_000_000);
    lines.iter_mut().for_each(|(line, ..)| line.close());
    let status = host.status(false);
    assert_eq!((&status["gaps"], &status["faults"]["deadline"]), (&0.into(), &0.into()));
    late.is_flat_since(early.unwrap());
}

/// Until all that was pushed has been analysed.
fn await_analysis(host: &Host, lines: &[(Line, usize, usize)]) {
    let pushed: u64 = lines.iter().map(|(line, ..)| line.pushed / 8).sum();
    let start = Instant::now();
    loop {
        let status = host.status(true);
        let live = status["live"].as_array().unwrap();
        if live.iter().map(|call| call["clock_ms"].as_u64().unwrap()).sum::<u64>() >= pushed {
            return;
        }
        assert!(start.elapsed() < super::NEVER, "{status}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Three times as many calls as a processor can bear, all speaking at once for a minute; then a third
/// of them.
#[test]
#[ignore = "minutes: make endurance"]
fn three_times_the_limit_harms_no_media_thread_and_is_soon_forgotten() {
    let bearable = bearable();
    let calls = (3 * bearable) as u32;
    let (mut config, _) = config(&SETUP.real, limits::COHORT);
    config.calls_max = calls + 100;
    let host = Host::open(config).unwrap();
    let mut lines: Vec<Line> = (0..calls).map(|_| open_line(&host)).collect();
    println!("{bearable} calls fill a processor; {calls} begin to speak");
    let mut push_ns = talk(&mut lines, Duration::from_secs(60), || ());
    push_ns.sort_unstable();
    let share = |share: f64| push_ns[((push_ns.len() - 1) as f64 * share) as usize];
    let (status, counted) = (host.status(false), host.counted());
    println!(
        "{} pushes: p50 {} ns, p99.9 {} ns, p99.99 {} ns, longest {} ns; {} analyses shed, \
         {} gaps, {} new calls left out; batch {}",
        push_ns.len(),
        share(0.5),
        share(0.999),
        share(0.9999),
        push_ns[push_ns.len() - 1],
        counted.calls_shed.get(),
        status["gaps"],
        status["calls"]["skipped"]["overload"],
        status["latencies"]["batch"],
    );
    assert!(counted.calls_shed.get() > 0, "{status}");
    // What is left is what was shed and what can be borne.
    lines.truncate(bearable / 2);
    let end = Instant::now();
    let mut recovered = None;
    talk(&mut lines, Duration::from_secs(5), || {
        if recovered.is_none() && Line::open(&host).is_ok() {
            recovered = Some(end.elapsed());
        }
    });
    println!("new calls are taken {recovered:?} after the load has ended");
    assert!(recovered.is_some(), "{}", host.status(false));
}

/// How many calls one worker can bear, by what some cost.
fn bearable() -> usize {
    let (config, _) = config(&SETUP.real, limits::COHORT);
    let host = Host::open(config).unwrap();
    let mut lines: Vec<Line> = (0..200).map(|_| open_line(&host)).collect();
    talk(&mut lines, Duration::from_secs(5), || ());
    (200.0 * 5e9 / host.counted().cpu_ns.get() as f64) as usize
}

/// All speak in real time; what every push took, in ns. `each` is called every 20 ms.
fn talk(lines: &mut [Line], duration: Duration, mut each: impl FnMut()) -> Vec<u32> {
    let voice = speech(7, 20_000);
    let frames: Vec<&[i16]> = voice.chunks_exact(160).collect();
    let (start, mut took) = (Instant::now(), Vec::new());
    for turn in 0..duration.as_millis() as usize / 20 {
        thread::sleep((Duration::from_millis(20) * turn as u32).saturating_sub(start.elapsed()));
        for (n, line) in lines.iter_mut().enumerate() {
            let frame = frames[(turn + n * 7) % frames.len()];
            let call = line.call.as_mut().unwrap();
            let before = Instant::now();
            call.push(Side::Far, 8_000, frame);
            took.push(before.elapsed().as_nanos() as u32);
        }
        each();
    }
    took
}
