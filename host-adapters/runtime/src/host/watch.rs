//! Watches the folder of packs, and bakes in a process of its own.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::SystemTime,
};

use super::{Inner, lock};
use crate::limits;

pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The packs of a folder, as far as it shows from outside.
type Sight = Vec<(PathBuf, u64, Option<SystemTime>)>;

impl Watch {
    pub fn start(host: Arc<Inner>, packs: PathBuf, command: PathBuf) -> std::io::Result<Watch> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let run = move || watch(&host, &packs, &command, &stopped);
        let thread = thread::Builder::new().name("callprint-packs".into()).spawn(run)?;
        Ok(Watch { stop, thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn watch(host: &Inner, packs: &Path, command: &Path, stop: &AtomicBool) {
    let mut baked = baked_from(host);
    let mut last = Sight::new();
    let mut failing = false;
    while !stop.load(Ordering::Acquire) {
        match look(packs) {
            // Two looks alike: nobody is writing any more.
            Ok(now) => {
                if now == last && baked.as_ref() != Some(&now) {
                    bake(host, &now, command, stop);
                    baked = Some(now.clone());
                }
                (last, failing) = (now, false);
            }
            // A folder that is not there, or not mounted, does not mean that there are no packs.
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    let packs = packs.display();
                    host.log.error(format!("{packs}: {error}; the packs stay as they were baked"));
                }
            }
        }
        thread::park_timeout(limits::WATCH);
    }
}

/// What the analyzer in force was baked from, as far as the files are still what they were.
fn baked_from(host: &Inner) -> Option<Sight> {
    let source = lock(&host.source);
    let baked = fs::metadata(&source.path).and_then(|m| m.modified()).ok()?;
    let recipe = source.analyzer.as_ref()?.recipe();
    let packs = recipe.packs.iter().map(|p| sight(p.path.clone()));
    let mut sight: Sight = packs.collect::<Option<_>>()?;
    sight.sort();
    let older = sight.iter().all(|(_, _, modified)| modified.is_some_and(|m| m <= baked));
    older.then_some(sight)
}

fn sight(path: PathBuf) -> Option<(PathBuf, u64, Option<SystemTime>)> {
    let path = path.canonicalize().ok()?;
    let meta = fs::metadata(&path).ok()?;
    Some((path, meta.len(), meta.modified().ok()))
}

fn look(packs: &Path) -> std::io::Result<Sight> {
    let files = fs::read_dir(packs)?.flatten().map(|entry| entry.path());
    let packs = files.filter(|p| p.extension().is_some_and(|e| e == "json"));
    let mut sight: Sight = packs.filter_map(sight).collect();
    sight.sort();
    Ok(sight)
}

fn bake(host: &Inner, packs: &Sight, command: &Path, stop: &AtomicBool) {
    let out = lock(&host.source).path.clone();
    let mut bake = Command::new(command);
    bake.args(["--quiet", "bake", "--background", "--out"]).arg(&out);
    for (path, ..) in packs {
        bake.arg("--pack").arg(path);
    }
    bake.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let before = fs::metadata(&out).and_then(|m| m.modified()).ok();
    let said = match bake.spawn() {
        Ok(child) => wait(child, stop),
        Err(error) => {
            let command = command.display();
            return host.log.error(format!(
                "{command}: cannot be run ({error}), so the packs were not baked; set the path of \
                 the callprint command"
            ));
        }
    };
    let Some(said) = said else { return };
    // A switch may reap its children before we do: what counts is the file.
    let after = fs::metadata(&out).and_then(|m| m.modified()).ok();
    if after.is_none() || after == before {
        return host.log.error(format!("the packs were not baked: {}", said.trim()));
    }
    match host.load(None) {
        Ok(()) => host.log.notice(format!("{}: baked anew and in force", out.display())),
        Err(error) => host.log.error(format!("what was baked is not in force: {error}")),
    }
}

/// What a bake said; none if the host was closed meanwhile, which does not wait for it.
fn wait(mut bake: Child, stop: &AtomicBool) -> Option<String> {
    while let Ok(None) = bake.try_wait() {
        if stop.load(Ordering::Acquire) {
            let _ = bake.kill();
            let _ = bake.wait();
            return None;
        }
        thread::park_timeout(limits::BAKE_LOOK);
    }
    let mut said = Vec::new();
    // Told to be quiet, it says no more than a pipe holds.
    bake.stderr.take()?.read_to_end(&mut said).ok()?;
    Some(String::from_utf8_lossy(&said).into_owned())
}
