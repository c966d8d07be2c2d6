//! An instance of the plugin, and the sessions in it.

use std::{sync::Arc, time::Duration};

use wasmtime::{Store, StoreContextMut, Trap, UpdateDeadline, component::ResourceAny};

use crate::{
    CallInfo, Error, Finding, Side,
    analyzer::Shared,
    engine::{Deadline, Limits, contract::Analyzer as Instance},
    limits,
    metrics::Fault,
};

/// An instance of the plugin, its memory a copy-on-write view of the analyzer's. Any number of
/// calls may share it; a fault of one ends it for all.
pub(crate) struct Sandbox {
    store: Store<Limits>,
    instance: Instance,
    fault: Option<(Fault, String)>,
    /// A call did not come back: what it left is not to be used.
    running: bool,
    shared: Arc<Shared>,
}

/// A session in a sandbox; of use in that one only.
#[derive(Clone, Copy)]
pub(crate) struct Seat(ResourceAny);

impl Sandbox {
    /// A fresh one, with memory for `seats` sessions at a time.
    pub fn new(shared: Arc<Shared>, seats: usize) -> Result<Sandbox, Error> {
        let memory_bytes = shared.recipe.memory_bytes + seats * limits::SESSION_GROWTH_BYTES;
        let mut store = Store::new(&shared.pool.engine, Limits::new(memory_bytes));
        store.limiter(|limits| limits);
        store.set_hostcall_fuel(limits::FINDINGS_BYTES);
        store.epoch_deadline_callback(Sandbox::at_tick);
        store.set_epoch_deadline(1);
        let instance = shared
            .template
            .instantiate(&mut store)
            .map_err(|e| Error::Fault { kind: Fault::Start, reason: reason(&e) })?;
        Ok(Sandbox { store, instance, fault: None, running: false, shared })
    }

    /// Ends what runs too long.
    pub fn at_tick(mut store: StoreContextMut<Limits>) -> wasmtime::Result<UpdateDeadline> {
        if store.data_mut().deadline.passed() {
            return Err(Trap::Interrupt.into());
        }
        Ok(UpdateDeadline::Continue(1))
    }

    /// What it is an instance of.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Whether a fault has ended it.
    pub fn is_lost(&self) -> bool {
        self.fault.is_some() || self.running
    }

    pub fn begin(&mut self, info: CallInfo) -> Result<Seat, Error> {
        self.guarded(Duration::ZERO, |instance, store| {
            instance.callprint_analyzer_analysis().session().call_constructor(store, info)
        })
        .map(Seat)
    }

    /// See [`crate::Session::push`]; one crossing, so `samples` must not be many.
    pub fn push(
        &mut self,
        seat: Seat,
        side: Side,
        rate_hz: u32,
        samples: &[i16],
    ) -> Result<Vec<Finding>, Error> {
        let audio = Duration::from_secs(1).mul_f64(samples.len() as f64 / f64::from(rate_hz));
        self.guarded(audio, |instance, store| {
            let guest = instance.callprint_analyzer_analysis();
            guest.session().call_push(store, seat.0, side, rate_hz, samples)
        })
    }

    pub fn skip(
        &mut self,
        seat: Seat,
        side: Side,
        rate_hz: u32,
        samples: u64,
    ) -> Result<Vec<Finding>, Error> {
        self.guarded(Duration::ZERO, |instance, store| {
            let guest = instance.callprint_analyzer_analysis();
            guest.session().call_skip(store, seat.0, side, rate_hz, samples)
        })
    }

    /// Ends a session, which may only `leave` afterwards.
    pub fn finish(&mut self, seat: Seat) -> Result<Vec<Finding>, Error> {
        self.guarded(Duration::ZERO, |instance, store| {
            instance.callprint_analyzer_analysis().session().call_finish(store, seat.0)
        })
    }

    /// Gives a session's memory free.
    pub fn leave(&mut self, seat: Seat) -> Result<(), Error> {
        self.guarded(Duration::ZERO, |_, store| seat.0.resource_drop(store))
    }

    /// Runs guest code under a deadline; `audio` is how much it is to process.
    fn guarded<T>(
        &mut self,
        audio: Duration,
        call: impl FnOnce(&Instance, &mut Store<Limits>) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        if let Some((kind, reason)) = self.fault.clone() {
            return Err(Error::Fault { kind, reason });
        }
        let budget = limits::PUSH_TIME + audio.mul_f64(limits::PUSH_SHARE);
        self.store.data_mut().deadline = Deadline::new(budget);
        self.store.set_epoch_deadline(1);
        self.running = true;
        let answer = call(&self.instance, &mut self.store);
        self.running = false;
        answer.map_err(|e| {
            let (kind, reason) = (kind(&e), reason(&e));
            self.fault = Some((kind, reason.clone()));
            Error::Fault { kind, reason }
        })
    }
}

fn kind(error: &wasmtime::Error) -> Fault {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Fault::Deadline,
        Some(_) => Fault::Trap,
        None => Fault::Contract,
    }
}

/// A trap in few words; the backtrace of a stripped guest says nothing.
pub(crate) fn reason(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => "it did not finish in time".into(),
        Some(trap) => format!("it trapped: {trap}"),
        None => format!("{error:#}"),
    }
}
