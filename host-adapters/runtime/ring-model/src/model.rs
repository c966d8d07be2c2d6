//! Every order in which a producer and a consumer can run, and every value that a load may then see.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use loom::{model::Builder, sync::Arc, thread};

use crate::{
    ring::{Record, Ring, micros},
    rings::Words,
};

const RATE_HZ: u32 = 8_000;

/// What the media thread does.
#[derive(Clone, Copy)]
enum Step {
    /// A frame of so many samples; each is the number of the step.
    Push(usize),
    Skip(u64),
}
use Step::{Push, Skip};

impl Step {
    fn us(self) -> u64 {
        match self {
            Push(samples) => micros(RATE_HZ, samples as u64),
            Skip(samples) => micros(RATE_HZ, samples),
        }
    }
}

fn length(steps: &[Step]) -> u64 {
    steps.iter().map(|s| s.us()).sum()
}

/// What the worker has been given.
#[derive(Default)]
struct Given {
    us: u64,
}

impl Given {
    /// Takes a record, if there is one: whole, in order, as it was put in.
    fn take(&mut self, ring: &Ring, steps: &[Step]) {
        let Some(next) = ring.peek() else { return };
        let mut samples = Vec::new();
        ring.take(next, &mut samples);
        match next.record {
            Record::Audio { rate_hz, samples: count } => {
                let step = samples[0] as usize;
                assert!(rate_hz == RATE_HZ && matches!(steps[step], Push(n) if n == count));
                assert!(samples.iter().all(|s| *s as usize == step), "torn: {samples:?}");
                assert_eq!(self.us, length(&steps[..step]), "what was before {step} is not there");
                self.us += micros(rate_hz, count as u64);
            }
            Record::Skip { rate_hz, samples } => self.us += micros(rate_hz, samples),
            Record::Gap { us } => self.us += us,
        }
    }
}

/// The worker looks `looks` times while the media thread takes its steps, and then to the end. At
/// every frame, and at the end, it must have been given as much as was put in before, lost or not.
fn explore(steps: &'static [Step], looks: usize) {
    let mut builder = Builder::new();
    // Times that a thread is kept from going on where it could: two show every defect that we have
    // tried, three take minutes.
    let preemptions = std::env::var("PREEMPTIONS").map_or(2, |n| n.parse().unwrap());
    builder.preemption_bound = Some(preemptions);
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let before = RUNS.load(Relaxed);
    builder.check(move || {
        RUNS.fetch_add(1, Relaxed);
        let ring = Arc::new(Ring::new(Words::new()));
        let media = {
            let ring = ring.clone();
            thread::spawn(move || {
                for (n, step) in steps.iter().enumerate() {
                    // SAFETY: the only producer.
                    let taken = unsafe {
                        match *step {
                            Push(samples) => ring.push(RATE_HZ, &vec![n as i16; samples]),
                            Skip(samples) => ring.skip(RATE_HZ, samples),
                        }
                    };
                    assert!(taken);
                }
            })
        };
        let mut given = Given::default();
        (0..looks).for_each(|_| given.take(&ring, steps));
        media.join().unwrap();
        // Looked at without being taken, nothing is lost.
        while ring.peek().is_some() {
            given.take(&ring, steps);
        }
        assert_eq!(given.us, length(steps));
    });
    let runs = RUNS.load(Relaxed) - before;
    println!("{runs} orders of {} steps and {looks} looks", steps.len());
    assert!(runs > 1_000, "hardly any order was tried");
}

#[test]
fn frames_that_wrap_around() {
    explore(&[Push(8), Push(8), Push(4), Push(8)], 3);
}

#[test]
fn frames_that_do_not_fit_are_gaps_in_their_place() {
    explore(&[Push(12), Push(16), Push(12), Skip(3), Push(4)], 3);
}

#[test]
fn what_is_lost_at_the_end_need_not_wait_for_a_frame_that_fits() {
    explore(&[Push(12), Push(30), Push(30)], 4);
}

#[test]
fn a_reader_that_keeps_up_finds_every_new_round() {
    explore(&[Push(1), Skip(1), Push(1), Push(2)], 4);
}
