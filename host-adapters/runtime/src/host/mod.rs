//! A host: all that one switch's module needs, on threads of its own.
//!
//! ```text
//! media thread ─▶ ring ─▶ worker: sandbox, judge ─▶ queue ─▶ dispatcher: callbacks
//! ```

mod analysis;
mod call;
mod cohort;
mod dispatcher;
mod health;
mod log;
mod publisher;
mod selftest;
mod status;
mod watch;
mod worker;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

pub(crate) use call::Shared as CallShared;
pub use call::{Call, CallConfig, Listener, Stage};
pub use log::{Level, Sink};

use crate::{
    Analyzer, Error,
    analyzer::Pool,
    evidence_log::{EvidenceLog, Numbers},
    limits,
    metrics::{Metrics, Skip},
    policy::{Decision, Rules},
    rings::Rings,
    ticks::Tick,
};
use worker::{Worker, without_signals};

/// How a host runs.
pub struct HostConfig {
    /// What `callprint bake` wrote.
    pub analyzer: PathBuf,
    /// Folder of packs, watched and baked into `analyzer` when it changes.
    pub packs: Option<PathBuf>,
    /// The `callprint` command, which bakes in a process of its own; none: found on PATH.
    pub command: Option<PathBuf>,
    /// JSON lines, one per decision.
    pub evidence_log: Option<PathBuf>,
    /// Numbers in that log.
    pub numbers: Numbers,
    /// Address or file of the metrics.
    pub metrics: Option<String>,
    /// Analysing threads; none: half of the processors.
    pub workers: Option<u32>,
    /// Live calls at most.
    pub calls_max: u32,
    /// Audio analysed at a time.
    pub batch_ms: u32,
    /// Calls sharing a sandbox instance.
    pub cohort: u32,
    /// What an admin should read; none: standard error.
    pub log: Option<Sink>,
}

impl HostConfig {
    /// With the defaults.
    pub fn new(analyzer: impl Into<PathBuf>) -> HostConfig {
        HostConfig {
            analyzer: analyzer.into(),
            packs: None,
            command: None,
            evidence_log: None,
            numbers: Numbers::Clear,
            metrics: None,
            workers: None,
            calls_max: limits::SESSIONS,
            batch_ms: limits::BATCH_MS,
            cohort: limits::COHORT,
            log: None,
        }
    }

    fn check(&self) -> Result<(), Error> {
        let within = |name: &str, value: u32, low: u32, high: u32| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(Error::Usage(format!("{name} is {value}; it must be {low} to {high}")))
        };
        within("workers", self.workers.unwrap_or(1), 1, limits::WORKERS_MAX)?;
        within("calls_max", self.calls_max, 1, limits::CALLS_MAX)?;
        let batch = limits::BATCH_MS_RANGE;
        within("batch_ms", self.batch_ms, *batch.start(), *batch.end())?;
        let cohort_min = self.calls_max.div_ceil(limits::INSTANCES_MAX);
        within("cohort", self.cohort, cohort_min, limits::COHORT_MAX)?;
        Ok(())
    }
}

/// What the threads of a host share.
pub(crate) struct Inner {
    pub metrics: Arc<Metrics>,
    pub health: health::Health,
    pub queue: dispatcher::Queue,
    pub log: log::Log,
    pub batch_ms: u32,
    pub cohort: u32,
    calls_max: u32,
    workers: Vec<Worker>,
    rings: Arc<Rings>,
    tick: Tick,
    pool: Arc<Pool>,
    /// Live calls by number.
    calls: Mutex<HashMap<u64, Arc<call::Shared>>>,
    /// Told when one is over.
    released: Condvar,
    next_call: AtomicU64,
    rules: Mutex<HashMap<String, Arc<Rules>>>,
    source: Mutex<Source>,
    closing: AtomicBool,
}

/// The analyzer in force.
struct Source {
    path: PathBuf,
    analyzer: Option<Analyzer>,
}

/// See the module.
pub struct Host {
    inner: Arc<Inner>,
    threads: Vec<JoinHandle<()>>,
    dispatcher: Option<JoinHandle<()>>,
    watch: Option<watch::Watch>,
    publisher: Option<publisher::Publisher>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What was behind it is whole: nothing here panics half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Host {
    /// Opens a host: threads, memory, the analyzer.
    pub fn open(config: HostConfig) -> Result<Host, Error> {
        config.check()?;
        // The switch's signals are not for our threads.
        without_signals(|| Host::open_checked(config))
    }

    fn open_checked(config: HostConfig) -> Result<Host, Error> {
        let processors = thread::available_parallelism().map_or(1, |n| n.get() as u32);
        let workers = config.workers.unwrap_or((processors / 2).clamp(1, limits::WORKERS_MAX));
        let log = config.log.map_or_else(log::Log::stderr, log::Log);
        let builtin = |name: &str, outbound| (name.to_owned(), Arc::new(Rules::builtin(outbound)));
        let rules = [builtin("inbound", false), builtin("outbound", true)].into();
        let inner = Arc::new(Inner {
            metrics: Arc::default(),
            health: health::Health::default(),
            queue: dispatcher::Queue::default(),
            log,
            batch_ms: config.batch_ms,
            cohort: config.cohort,
            calls_max: config.calls_max,
            workers: (0..workers).map(|_| Worker::default()).collect(),
            rings: Arc::new(Rings::new(config.calls_max * 2)?),
            tick: Tick::measure(),
            pool: Pool::new(config.calls_max.min(limits::INSTANCES_MAX) + workers)?,
            calls: Mutex::default(),
            released: Condvar::new(),
            next_call: AtomicU64::new(0),
            rules: Mutex::new(rules),
            source: Mutex::new(Source { path: config.analyzer.clone(), analyzer: None }),
            closing: AtomicBool::new(false),
        });
        let opened = inner.load(None);
        if let Err(error) = opened {
            if config.packs.is_none() {
                return Err(error);
            }
            inner.log.notice(format!("{error}; calls are not analysed until it is baked"));
        }
        let log = config.evidence_log.map(|path| {
            EvidenceLog::open(&path, config.numbers, limits::EVIDENCE_BYTES, limits::EVIDENCE_FILES)
        });
        let log = log.transpose()?;
        let mut host =
            Host { inner, threads: Vec::new(), dispatcher: None, watch: None, publisher: None };
        if let Some(to) = config.metrics {
            host.publisher = Some(publisher::Publisher::start(&host.inner, &to)?);
        }
        host.start(log, config.packs, config.command)?;
        Ok(host)
    }

    fn start(
        &mut self,
        log: Option<EvidenceLog>,
        packs: Option<PathBuf>,
        command: Option<PathBuf>,
    ) -> Result<(), Error> {
        let system = |e| Error::System(format!("no thread for the host: {e}"));
        for n in 0..self.inner.workers.len() {
            let inner = self.inner.clone();
            let run = move || worker::run(&inner.workers[n], &inner);
            let thread = thread::Builder::new()
                .name(format!("callprint-{n}"))
                .stack_size(limits::STACK_BYTES);
            self.threads.push(thread.spawn(run).map_err(system)?);
        }
        let inner = self.inner.clone();
        let run = move || {
            let mut log = log;
            let recorded = |decision: &Decision| inner.record(log.as_mut(), decision);
            let released = |call: &call::Shared| inner.forget(call);
            dispatcher::run(&inner.queue, &inner.metrics, recorded, released);
        };
        let thread = thread::Builder::new().name("callprint-tell".into());
        self.dispatcher = Some(thread.spawn(run).map_err(system)?);
        if let Some(packs) = packs {
            let command = command.unwrap_or("callprint".into());
            let watch = watch::Watch::start(self.inner.clone(), packs, command);
            self.watch = Some(watch.map_err(system)?);
        }
        Ok(())
    }

    /// Reads the analyzer again, or another one. New calls take it, old ones end on the old one; a
    /// bad one is refused and the old one stays in force.
    pub fn reload(&self, path: Option<&Path>) -> Result<(), Error> {
        self.inner.load(path)
    }

    /// Adds or replaces the rules that calls refer to as `name`; none: the built-in rules.
    pub fn rules(&self, name: &str, path: Option<&Path>) -> Result<(), Error> {
        let rules = match path {
            Some(path) => Rules::read(path)?,
            None => Rules::builtin(name == "outbound"),
        };
        lock(&self.inner.rules).insert(name.to_owned(), Arc::new(rules));
        Ok(())
    }

    /// Begins a call.
    pub fn call(&self, config: CallConfig, listener: Box<dyn Listener>) -> Result<Call, Error> {
        self.inner.begin(config, None, listener).map(Call)
    }

    /// Plays a clip through the whole path; one line with latencies, or with what is wrong.
    pub fn selftest(&self) -> Result<String, String> {
        selftest::run(&self.inner)
    }

    /// The state of the host; with `calls`, also of every call.
    pub fn status(&self, calls: bool) -> serde_json::Value {
        status::json(&self.inner, calls)
    }

    /// The same in Prometheus' text format.
    pub fn metrics(&self) -> String {
        self.inner.metrics.render()
    }

    /// What it has counted.
    pub fn counted(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Closes every call and returns those that nobody had closed.
    pub(crate) fn close_calls(&self) -> Vec<Arc<call::Shared>> {
        self.inner.closing.store(true, Ordering::Release);
        let mut calls = lock(&self.inner.calls);
        let ours = calls.values().filter(|c| c.close()).cloned().collect();
        while !calls.is_empty() && !self.threads.is_empty() {
            calls = self.inner.released.wait(calls).unwrap_or_else(PoisonError::into_inner);
        }
        ours
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.watch = None;
        self.publisher = None;
        self.close_calls();
        self.inner.workers.iter().for_each(Worker::stop);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        self.inner.queue.put(dispatcher::Event::End);
        if let Some(thread) = self.dispatcher.take() {
            let _ = thread.join();
        }
    }
}

impl Inner {
    /// Puts an analyzer in force.
    fn load(&self, path: Option<&Path>) -> Result<(), Error> {
        let path = path.map_or_else(|| lock(&self.source).path.clone(), Path::to_owned);
        let opened = Analyzer::open_copied(&self.pool, &path);
        let mut source = lock(&self.source);
        let first = source.analyzer.is_none();
        let analyzer = opened.inspect_err(|_| {
            if !first {
                self.metrics.reloads_failed.increment();
            }
        })?;
        if !first {
            self.metrics.reloads.increment();
        }
        self.metrics.analyzer(analyzer.recipe());
        source.analyzer = Some(analyzer.clone());
        source.path = path;
        self.health.reset(&analyzer);
        Ok(())
    }

    /// How late the latest worker is.
    fn late(&self) -> Duration {
        self.workers.iter().map(Worker::late).max().unwrap_or_default()
    }

    fn begin(
        &self,
        config: CallConfig,
        rules: Option<Arc<Rules>>,
        listener: Box<dyn Listener>,
    ) -> Result<Arc<call::Shared>, Error> {
        let refused = |why, error| {
            self.metrics.skipped(why);
            Err(error)
        };
        let rules = match rules {
            Some(rules) => rules,
            None => self.find_rules(&config)?,
        };
        let unavailable = |reason: String| refused(Skip::NotReady, Error::Unavailable(reason));
        if self.closing.load(Ordering::Acquire) {
            return unavailable("the host is closing".into());
        }
        if let Some(reason) = self.health.out_of_service() {
            return unavailable(reason);
        }
        let Some(analyzer) = lock(&self.source).analyzer.clone() else {
            return unavailable("there is no analyzer yet; it is being baked".into());
        };
        let late = self.late();
        if late > limits::LATE {
            let ms = late.as_millis();
            let reason = format!("the analysis is {ms} ms late, so new calls are left out");
            return refused(Skip::Overload, Error::Unavailable(reason));
        }
        let mut calls = lock(&self.calls);
        let number = self.next_call.fetch_add(1, Ordering::Relaxed);
        let room = calls.len() < self.calls_max as usize;
        let call = room
            .then(|| call::Shared::new(number, config, rules, analyzer, listener, self))
            .flatten();
        let Some(call) = call else {
            let limit = self.calls_max;
            return refused(Skip::Full, Error::Exhausted { limit });
        };
        let call = Arc::new(call);
        calls.insert(number, call.clone());
        drop(calls);
        self.metrics.calls_live.add(1);
        let idlest = self.workers.iter().min_by_key(|w| w.calls()).expect("at least one worker");
        idlest.give(call.clone());
        Ok(call)
    }

    fn find_rules(&self, config: &CallConfig) -> Result<Arc<Rules>, Error> {
        let direction = if config.facts.outbound { "outbound" } else { "inbound" };
        let name = config.rules.as_deref().unwrap_or(direction);
        let rules = lock(&self.rules);
        rules.get(name).cloned().ok_or_else(|| {
            let mut known: Vec<&str> = rules.keys().map(String::as_str).collect();
            known.sort_unstable();
            Error::Usage(format!("there are no rules {name:?}; there are {}", known.join(", ")))
        })
    }

    /// Keeps what a complaint needs.
    fn record(&self, log: Option<&mut EvidenceLog>, decision: &Decision) {
        let Some(log) = log else { return };
        let (_, lost) = log.counts();
        if let Err(error) = log.append(&decision.record) {
            self.log.error(format!("{error}; decisions are not recorded until this is better"));
        }
        self.metrics.evidence_lost.add(log.counts().1 - lost);
    }

    /// A call is over.
    fn forget(&self, call: &call::Shared) {
        let (gaps, us) = call.gaps();
        self.metrics.gaps.add(gaps);
        self.metrics.gap_samples.add(us / 125);
        self.metrics.frames_refused.add(call.refused().into());
        self.metrics.calls_live.add(-1);
        let mut calls = lock(&self.calls);
        calls.remove(&call.number);
        if calls.is_empty() {
            self.released.notify_all();
        }
    }
}
