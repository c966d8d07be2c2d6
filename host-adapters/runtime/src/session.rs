//! One call in its sandbox.

use std::time::Duration;

use wasmtime::{Store, component::ResourceAny};

use crate::{
    CallInfo, Error, Finding, Side,
    analyzer::Claim,
    engine::{Limits, contract::Analyzer as Instance},
    limits,
};

/// Slowest and fastest audio taken, in Hz: the contract's bounds.
const RATE_HZ: std::ops::RangeInclusive<u32> = 8_000..=48_000;

/// One call: an instance of the plugin, its memory a copy-on-write view of the
/// analyzer's.
///
/// After an [`Error::Fault`] the session is over; every further use of it
/// returns the same error.
pub struct Session {
    store: Store<Limits>,
    instance: Instance,
    resource: ResourceAny,
    fault: Option<String>,
    _claim: Claim,
}

impl Session {
    pub(crate) fn new(claim: Claim, info: CallInfo) -> Result<Session, Error> {
        let shared = &claim.0;
        let fault = |e: wasmtime::Error| Error::Fault { reason: reason(&e) };
        let memory_bytes = shared.recipe.memory_bytes + limits::SESSION_GROWTH_BYTES;
        let mut store = Store::new(&shared.engine, Limits::new(memory_bytes));
        store.limiter(|limits| limits);
        store.set_epoch_deadline(ticks(limits::PUSH_TIME));
        let instance = shared.template.instantiate(&mut store).map_err(fault)?;
        let resource = instance
            .callprint_analyzer_analysis()
            .session()
            .call_constructor(&mut store, info)
            .map_err(fault)?;
        Ok(Session { store, instance, resource, fault: None, _claim: claim })
    }

    /// Gives the next audio of a side: mono, `rate_hz` 8000 to 48000, any
    /// number of samples. Returns what became known by it.
    pub fn push(
        &mut self,
        side: Side,
        rate_hz: u32,
        samples: &[i16],
    ) -> Result<Vec<Finding>, Error> {
        check_rate(rate_hz)?;
        let mut findings = Vec::new();
        for part in samples.chunks(limits::PUSH_SAMPLES) {
            let audio = Duration::from_secs(1).mul_f64(part.len() as f64 / f64::from(rate_hz));
            let found = self.guarded(audio, |instance, store, resource| {
                let guest = instance.callprint_analyzer_analysis();
                guest.session().call_push(store, resource, side, rate_hz, part)
            })?;
            findings.extend(found);
        }
        Ok(findings)
    }

    /// Says that the next `samples` samples of a side, at `rate_hz`, were lost.
    pub fn skip(&mut self, side: Side, rate_hz: u32, samples: u64) -> Result<Vec<Finding>, Error> {
        check_rate(rate_hz)?;
        self.guarded(Duration::ZERO, |instance, store, resource| {
            let guest = instance.callprint_analyzer_analysis();
            guest.session().call_skip(store, resource, side, rate_hz, samples)
        })
    }

    /// Ends the call; returns what was still open.
    pub fn finish(mut self) -> Result<Vec<Finding>, Error> {
        self.guarded(Duration::ZERO, |instance, store, resource| {
            instance.callprint_analyzer_analysis().session().call_finish(store, resource)
        })
    }

    /// Runs guest code under a deadline; `audio` is how much it is to process.
    fn guarded(
        &mut self,
        audio: Duration,
        call: impl FnOnce(&Instance, &mut Store<Limits>, ResourceAny) -> wasmtime::Result<Vec<Finding>>,
    ) -> Result<Vec<Finding>, Error> {
        if let Some(reason) = &self.fault {
            return Err(Error::Fault { reason: reason.clone() });
        }
        self.store.set_epoch_deadline(ticks(limits::PUSH_TIME + audio.mul_f64(limits::PUSH_SHARE)));
        call(&self.instance, &mut self.store, self.resource).map_err(|e| {
            let reason = reason(&e);
            self.fault = Some(reason.clone());
            Error::Fault { reason }
        })
    }
}

fn check_rate(rate_hz: u32) -> Result<(), Error> {
    if RATE_HZ.contains(&rate_hz) {
        return Ok(());
    }
    Err(Error::Usage(format!("a rate of {rate_hz} Hz is not within 8000 to 48000; resample it")))
}

/// Epochs until a deadline.
pub(crate) fn ticks(time: Duration) -> u64 {
    // One more: the present tick is partly over.
    time.as_millis().div_ceil(limits::TICK.as_millis()) as u64 + 1
}

/// A trap in few words; the backtrace of a stripped guest says nothing.
fn reason(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::Interrupt) => "it did not finish in time".into(),
        Some(trap) => format!("it trapped: {trap}"),
        None => format!("{error:#}"),
    }
}
