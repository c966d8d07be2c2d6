//! Whether the analyzer in force can be trusted with new calls.

use std::{
    sync::{Arc, Mutex, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Inner, lock};
use crate::{Analyzer, Error, analyzer, limits, metrics::Fault};

#[derive(Default)]
pub(crate) struct Health(Mutex<State>);

#[derive(Default)]
struct State {
    /// Whose faults these are.
    analyzer: Weak<analyzer::Shared>,
    /// Faults, less calls that ended well.
    excess: u32,
    out_until: Option<Instant>,
    backoff: Duration,
    reason: String,
}

impl Health {
    /// A new analyzer is innocent.
    pub fn reset(&self, analyzer: &Analyzer) {
        let analyzer = Arc::downgrade(&analyzer.shared);
        *lock(&self.0) = State { analyzer, ..State::default() };
    }

    /// Why new calls must not be given to it.
    pub fn out_of_service(&self) -> Option<String> {
        let state = lock(&self.0);
        let left = state.out_until?.checked_duration_since(Instant::now())?;
        let (s, reason) = (left.as_secs() + 1, &state.reason);
        Some(format!("the analyzer is out of service for another {s} s: {reason}"))
    }

    pub fn fault(&self, analyzer: &Analyzer, error: &Error, host: &Inner) {
        let kind = match error {
            Error::Fault { kind, .. } => *kind,
            _ => Fault::Start,
        };
        host.metrics.fault(kind);
        let mut state = lock(&self.0);
        if state.analyzer.as_ptr() != Arc::as_ptr(&analyzer.shared) {
            return;
        }
        state.excess += 1;
        state.reason = error.to_string();
        if state.excess < limits::FAULTS {
            drop(state);
            return host.log.warning(error.to_string());
        }
        let now = Instant::now();
        let (first, longest) = (*limits::BACKOFF.start(), *limits::BACKOFF.end());
        // Calls that were live when it went out of service may fail before they are ended.
        if state.out_until.is_some_and(|until| now < until) {
            return;
        }
        let relapsed =
            state.out_until.is_some_and(|until| now - until < state.backoff.max(first) * 4);
        state.backoff = if relapsed { (state.backoff * 2).min(longest) } else { first };
        state.out_until = Some(now + state.backoff);
        state.excess = 0;
        // What it would still find is not to be trusted, and every call might burn its time.
        analyzer.shared.outages.fetch_add(1, Ordering::Relaxed);
        let s = state.backoff.as_secs();
        drop(state);
        host.log.error(format!(
            "the analyzer is out of service for {s} s after repeated faults: {error}"
        ));
    }

    pub fn ended_well(&self, analyzer: &Analyzer) {
        let mut state = lock(&self.0);
        if state.analyzer.as_ptr() == Arc::as_ptr(&analyzer.shared) {
            state.excess = state.excess.saturating_sub(1);
        }
    }

    pub fn json(&self) -> Value {
        match self.out_of_service() {
            Some(reason) => json!({ "in_service": false, "reason": reason }),
            None => json!({ "in_service": true }),
        }
    }
}
