//! The thread on which calls are told what was heard and decided.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use super::{call::Shared, lock};
use crate::{Finding, limits, metrics::Metrics, policy::Decision, ring::since_ms};

pub(crate) enum Event {
    Heard(Arc<Shared>, Finding),
    /// With the arrival of the audio that it rests on.
    Decided(Arc<Shared>, Arc<Decision>, u32),
    Released(Arc<Shared>),
    /// No more will come.
    End,
}

/// Bounded: while a callback hangs, findings are counted and left out; decisions and releases, of
/// which a call has few, are kept.
#[derive(Default)]
pub(crate) struct Queue {
    events: Mutex<VecDeque<Event>>,
    filled: Condvar,
}

impl Queue {
    /// False if it was left out. From workers only.
    pub fn put(&self, event: Event) -> bool {
        let mut events = lock(&self.events);
        if matches!(event, Event::Heard(..)) && events.len() >= limits::EVENTS {
            return false;
        }
        events.push_back(event);
        drop(events);
        self.filled.notify_one();
        true
    }

    fn take(&self) -> Event {
        let mut events = lock(&self.events);
        loop {
            if let Some(event) = events.pop_front() {
                return event;
            }
            events = self.filled.wait(events).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Delivers until the end. `recorded` is shown every decision; `released` every call that is over,
/// before its last callback.
pub(crate) fn run(
    queue: &Queue,
    metrics: &Metrics,
    mut recorded: impl FnMut(&Decision),
    released: impl Fn(&Shared),
) {
    loop {
        // What a callback in Rust does wrong is not the other calls' fault.
        let guarded = |callback: &dyn Fn()| {
            let _ = catch_unwind(AssertUnwindSafe(callback));
        };
        match queue.take() {
            Event::Heard(call, finding) => guarded(&|| call.listener.heard(&finding)),
            Event::Decided(call, decision, arrived_ms) => {
                let added = Duration::from_millis(since_ms(arrived_ms).into());
                metrics.decided(&decision, added);
                guarded(&|| call.listener.decided(&decision, added.as_secs_f64() * 1e3));
                recorded(&decision);
            }
            Event::Released(call) => {
                released(&call);
                guarded(&|| call.listener.released());
            }
            Event::End => return,
        }
    }
}
