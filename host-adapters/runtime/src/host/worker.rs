//! The threads that analyse. A worker has calls of its own, each of which has its turn once in
//! `batch_ms`, some in every slice of it; nobody wakes it. A call whose beep is awaited has a turn in
//! every slice: who leaves a message is to speak at once.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{Inner, analysis::Analysis, call::Shared, cohort::Cohorts, lock};
use crate::{engine::thread_time, limits};

/// What others see of a worker.
#[derive(Default)]
pub(crate) struct Worker {
    /// Calls that it has yet to meet.
    inbox: Mutex<Vec<Arc<Shared>>>,
    /// Calls that it has, the inbox included.
    calls: AtomicU32,
    late_us: AtomicU64,
    busy_ns: AtomicU64,
    stop: AtomicBool,
}

impl Worker {
    pub fn give(&self, call: Arc<Shared>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        lock(&self.inbox).push(call);
    }

    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    /// How far behind its timetable it is.
    pub fn late(&self) -> Duration {
        Duration::from_micros(self.late_us.load(Ordering::Relaxed))
    }

    /// Processor time that it has used.
    pub fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy_ns.load(Ordering::Relaxed))
    }

    /// To be followed by joining its thread; its calls must be over.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }
}

pub(crate) fn run(worker: &Worker, host: &Inner) {
    lower_priority(host);
    let slices = (host.batch_ms / limits::SLICE_MS).max(1);
    let slice = Duration::from_micros(u64::from(host.batch_ms) * 1_000 / u64::from(slices));
    let mut calls: Vec<Vec<Analysis>> = (0..slices).map(|_| Vec::new()).collect();
    let mut cohorts = Cohorts::new(host.cohort);
    let mut samples = Vec::new();
    let (mut pace, mut too_late) = (Pace::default(), None);
    let mut due = Instant::now();
    for turn in (0..slices as usize).cycle() {
        if worker.stop.load(Ordering::Acquire) {
            return;
        }
        due += slice;
        let now = Instant::now();
        if now < due {
            thread::sleep(due - now);
        }
        let begin = Instant::now();
        let late = begin.saturating_duration_since(due);
        worker.late_us.store(late.as_micros() as u64, Ordering::Relaxed);
        let arrived = std::mem::take(&mut *lock(&worker.inbox));
        for call in arrived {
            let emptiest = calls.iter_mut().min_by_key(|c| c.len()).expect("at least one slice");
            emptiest.push(Analysis::new(call, &mut cohorts, host));
        }
        let is_too_late = late > limits::TOO_LATE;
        if is_too_late {
            // Once may be the machine's doing, or one call's; what has piled up is soon done.
            if too_late.is_some_and(|last: Instant| begin - last < limits::TOO_LATE_AGAIN) {
                shed(&mut calls, pace.bearable(), host);
            }
            due = begin;
        }
        let (mut covered_us, mut faulted) = (0, false);
        let mut take_turn = |call: &mut Analysis| {
            let before_us = call.covered_us;
            let over =
                catch_unwind(AssertUnwindSafe(|| call.turn(&mut samples, &mut cohorts, host)));
            covered_us += call.covered_us - before_us;
            faulted |= std::mem::take(&mut call.faulted);
            let over = over.unwrap_or_else(|_| call.abandon(host));
            if over {
                worker.calls.fetch_sub(1, Ordering::Relaxed);
            }
            !over
        };
        for (n, calls) in calls.iter_mut().enumerate() {
            calls.retain_mut(|call| (n != turn && !call.awaited) || take_turn(call));
        }
        cohorts.sweep();
        let busy = thread_time();
        if faulted {
            // The time that a call has burnt is not the other calls' load.
            due = Instant::now();
        } else {
            pace.add(covered_us, busy - worker.busy());
        }
        if is_too_late {
            // Now, not when the turn began: under a great load one takes seconds.
            too_late = Some(Instant::now());
        }
        host.metrics.cpu_ns.add((busy - worker.busy()).as_nanos() as u64);
        worker.busy_ns.store(busy.as_nanos() as u64, Ordering::Relaxed);
    }
}

/// How fast a worker has been of late.
#[derive(Default)]
struct Pace {
    covered_us: f64,
    spent_us: f64,
}

impl Pace {
    fn add(&mut self, covered_us: u64, spent: Duration) {
        // What was long ago counts less and less.
        self.covered_us = 0.9 * self.covered_us + covered_us as f64;
        self.spent_us = 0.9 * self.spent_us + spent.as_micros() as f64;
    }

    /// How many sides of calls it can analyse in real time, with something to spare, if it is let
    /// run. Where it is not, rings overflow, which is better than to give up for good.
    fn bearable(&self) -> usize {
        (limits::LOAD_SHARE * self.covered_us / self.spent_us.max(1.0)) as usize
    }
}

/// Gives up the newest of the calls that are still analysed, down to `bearable`.
fn shed(calls: &mut [Vec<Analysis>], bearable: usize, host: &Inner) {
    let mut analysed: Vec<&mut Analysis> =
        calls.iter_mut().flatten().filter(|c| c.is_analysed()).collect();
    analysed.sort_by_key(|c| c.call.number);
    for call in analysed.into_iter().skip(bearable.max(1)) {
        host.metrics.calls_shed.increment();
        call.give_up("OVERLOAD", host);
    }
}

/// Below the media threads, whatever the switch has made of the thread that opened the host. The
/// switch's signals are not for this thread either.
fn lower_priority(host: &Inner) {
    // SAFETY: plain calls on this thread, with valid arguments.
    unsafe {
        let param = libc::sched_param { sched_priority: 0 };
        libc::pthread_setschedparam(libc::pthread_self(), libc::SCHED_OTHER, &param);
        let thread = libc::syscall(libc::SYS_gettid) as libc::id_t;
        let nice = libc::getpriority(libc::PRIO_PROCESS, thread) + limits::NICE;
        if libc::setpriority(libc::PRIO_PROCESS, thread, nice.min(19)) != 0 {
            host.log.notice("the analysing threads' priority could not be lowered");
        }
    }
}

/// Runs `spawn` with all signals blocked that are not a thread's own doing: threads inherit it.
pub(crate) fn without_signals<T>(spawn: impl FnOnce() -> T) -> T {
    // SAFETY: the sets are filled before they are used.
    unsafe {
        let mut all = std::mem::zeroed();
        let mut old = std::mem::zeroed();
        libc::sigfillset(&mut all);
        for own in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP] {
            libc::sigdelset(&mut all, own);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut old);
        let result = spawn();
        libc::pthread_sigmask(libc::SIG_SETMASK, &old, std::ptr::null_mut());
        result
    }
}
