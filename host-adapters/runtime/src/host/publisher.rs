//! Metrics for others: at an address of this machine, or in a file.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use super::Inner;
use crate::{Error, limits, metrics};

pub(crate) enum Publisher {
    /// Until it is dropped.
    Listener(#[expect(dead_code, reason = "it serves by being there")] metrics::Server),
    File {
        stop: Arc<AtomicBool>,
        thread: Option<JoinHandle<()>>,
    },
}

impl Publisher {
    /// `to` is an address, or else a file's path.
    pub fn start(host: &Arc<Inner>, to: &str) -> Result<Publisher, Error> {
        if let Ok(address) = to.parse::<SocketAddr>() {
            return metrics::serve(address, host.metrics.clone()).map(Publisher::Listener);
        }
        let path = PathBuf::from(to);
        // What cannot be written is better said at once.
        host.metrics.write_file(&path)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, host) = (stop.clone(), host.clone());
        let run = move || {
            let mut failing = false;
            while !stopped.load(Ordering::Acquire) {
                thread::park_timeout(limits::METRICS_FILE);
                let written = host.metrics.write_file(&path);
                if let (Err(error), false) = (&written, failing) {
                    host.log.warning(error.to_string());
                }
                failing = written.is_err();
            }
        };
        let thread = thread::Builder::new().name("callprint-prom".into()).spawn(run);
        let thread = thread.map_err(|e| Error::System(format!("no thread for metrics: {e}")))?;
        Ok(Publisher::File { stop, thread: Some(thread) })
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if let Publisher::File { stop, thread } = self {
            stop.store(true, Ordering::Release);
            if let Some(thread) = thread.take() {
                thread.thread().unpark();
                let _ = thread.join();
            }
        }
    }
}
