//! An analyzer, opened: what sessions come from.

use std::{
    fs::File,
    os::{fd::AsRawFd, unix::fs::MetadataExt},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::JoinHandle,
};

use memfd::{FileSeal, MemfdOptions};
use wasmtime::{Engine, component::Component, component::Linker};

use crate::{
    CallInfo, Error, Session,
    bake::Recipe,
    catalogue::Catalogue,
    engine::{self, Limits, contract::AnalyzerPre},
    limits,
};

/// How an analyzer is to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Sessions that may live at a time. Costs address space, not memory.
    pub sessions: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options { sessions: limits::SESSIONS }
    }
}

/// The plugin with its packs, ready to take calls. Cheap to clone; any thread
/// may open sessions, each of which then belongs to one thread at a time.
#[derive(Clone)]
pub struct Analyzer {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub pool: Arc<Pool>,
    pub template: AnalyzerPre<Limits>,
    pub recipe: Recipe,
    pub catalogue: Arc<Catalogue>,
    pub live: AtomicU32,
    /// How often a host has taken it out of service.
    pub outages: AtomicU32,
}

/// Room for instances, of one analyzer or of several that follow one another.
pub(crate) struct Pool {
    pub engine: Engine,
    instances: u32,
    _watchdog: Watchdog,
}

impl Pool {
    pub fn new(instances: u32) -> Result<Arc<Pool>, Error> {
        let engine = engine::for_sessions(instances)
            .map_err(|e| Error::System(format!("no room for {instances} instances: {e:#}")))?;
        let _watchdog = Watchdog::start(engine.clone())
            .map_err(|e| Error::System(format!("no thread for the watchdog: {e}")))?;
        Ok(Arc::new(Pool { engine, instances, _watchdog }))
    }
}

impl Analyzer {
    /// Opens what [`crate::bake`] wrote. Maps the file; reads little of it.
    pub fn open(path: &Path, options: &Options) -> Result<Analyzer, Error> {
        Analyzer::load(&Pool::new(options.sessions)?, path, trusted(path)?)
    }

    /// As [`Analyzer::open`], of a copy in memory. What is mapped of a file that is then overwritten
    /// or cut short, as `cp` does, is other code than was checked, or SIGBUS: a process that must
    /// not end maps none.
    pub(crate) fn open_copied(pool: &Arc<Pool>, path: &Path) -> Result<Analyzer, Error> {
        let copy = sealed_copy(path, trusted(path)?)
            .map_err(|e| Error::System(format!("{}: no copy in memory: {e}", path.display())))?;
        Analyzer::load(pool, path, copy)
    }

    fn load(pool: &Arc<Pool>, path: &Path, mut file: File) -> Result<Analyzer, Error> {
        let (recipe, catalogue) = Recipe::read(path, &mut file)?;
        recipe.check(path)?;
        // By descriptor, not by name: what was checked is what is loaded.
        let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
        // SAFETY: the file is ours and nobody else can write it; wasmtime checks that it was made
        // for its version and this processor.
        let component =
            unsafe { Component::deserialize_file(&pool.engine, opened) }.map_err(|e| {
                let reason = format!("this wasmtime on this processor does not take it ({e:#})");
                Error::Stale { path: path.to_owned(), reason }
            })?;
        let template = Linker::new(&pool.engine)
            .instantiate_pre(&component)
            .and_then(AnalyzerPre::new)
            .map_err(|e| Error::Plugin {
                plugin: path.display().to_string(),
                reason: format!("{e:#}"),
            })?;
        let shared = Shared {
            pool: pool.clone(),
            template,
            recipe,
            catalogue: Arc::new(catalogue),
            live: AtomicU32::new(0),
            outages: AtomicU32::new(0),
        };
        Ok(Analyzer { shared: Arc::new(shared) })
    }

    /// What it was baked from.
    pub fn recipe(&self) -> &Recipe {
        &self.shared.recipe
    }

    /// Categories and titles of its scripts.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.shared.catalogue
    }

    /// Begins a call, in a sandbox of its own.
    pub fn session(&self, info: CallInfo) -> Result<Session, Error> {
        let claim = Claim::new(self.shared.clone())?;
        Session::new(claim, info)
    }

    /// Sessions that live now.
    pub fn live(&self) -> u32 {
        self.shared.live.load(Ordering::Relaxed)
    }
}

/// A place among the sessions provided for.
pub(crate) struct Claim(pub Arc<Shared>);

impl Claim {
    fn new(shared: Arc<Shared>) -> Result<Claim, Error> {
        let limit = shared.pool.instances;
        let claimed = shared
            .live
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| (n < limit).then_some(n + 1));
        match claimed {
            Ok(_) => Ok(Claim(shared)),
            Err(_) => Err(Error::Exhausted { limit }),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A file that nobody else can change.
fn trusted(path: &Path) -> Result<File, Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let meta = file.metadata().map_err(Error::io(path))?;
    let refuse = |reason: String| Error::Unsafe { path: path.to_owned(), reason };
    if !meta.is_file() {
        return Err(refuse("it is not a regular file".into()));
    }
    let me = rustix::process::geteuid().as_raw();
    if meta.uid() != me && meta.uid() != 0 {
        return Err(refuse(format!("it belongs to user {}, not to {me} or root", meta.uid())));
    }
    if meta.mode() & 0o022 != 0 {
        let mode = meta.mode() & 0o777;
        return Err(refuse(format!("its mode is {mode:o}: others can write it")));
    }
    Ok(file)
}

/// A copy without a path, which nothing can change any more; it has the file's name in
/// /proc/PID/maps.
fn sealed_copy(path: &Path, mut file: File) -> Result<File, Box<dyn std::error::Error>> {
    let name: String = path.file_name().unwrap_or_default().to_string_lossy().into();
    let name = limits::clean(&name, limits::TEXT_BYTES);
    let copy = MemfdOptions::new().allow_sealing(true).create(name)?;
    std::io::copy(&mut file, &mut copy.as_file())?;
    copy.add_seals(&[
        FileSeal::SealShrink,
        FileSeal::SealGrow,
        FileSeal::SealWrite,
        FileSeal::SealSeal,
    ])?;
    Ok(copy.into_file())
}

/// Advances the engine's epoch, which deadlines count in.
pub(crate) struct Watchdog {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    pub fn start(engine: Engine) -> std::io::Result<Watchdog> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let run = move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::park_timeout(limits::TICK);
                engine.increment_epoch();
            }
        };
        let thread = std::thread::Builder::new().name("callprint-tick".into()).spawn(run)?;
        Ok(Watchdog { stop, thread: Some(thread) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
