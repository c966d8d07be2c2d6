//! Which calls share a sandbox. A worker has cohorts of its own: nothing here crosses threads.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use crate::{Analyzer, CallInfo, Error, Finding, Side, limits, sandbox};

/// An instance and the calls in it.
struct Cohort {
    sandbox: RefCell<sandbox::Sandbox>,
    /// Calls in it now, and ever.
    calls: Cell<u32>,
    served: Cell<u32>,
    size: u32,
}

impl Cohort {
    fn new(analyzer: &Analyzer, size: u32) -> Result<Cohort, Error> {
        let sandbox = sandbox::Sandbox::new(analyzer.shared.clone(), size as usize)?;
        let (calls, served) = (Cell::new(0), Cell::new(0));
        Ok(Cohort { sandbox: RefCell::new(sandbox), calls, served, size })
    }

    /// Whether calls may still join.
    fn is_open(&self) -> bool {
        self.calls.get() > 0
            && self.served.get() < limits::COHORT_SERVES
            && !self.sandbox.borrow().is_lost()
    }

    fn is_of(&self, analyzer: &Analyzer) -> bool {
        Arc::ptr_eq(self.sandbox.borrow().shared(), &analyzer.shared)
    }
}

/// A call's place in a cohort.
pub(crate) struct Place {
    cohort: Rc<Cohort>,
    seat: sandbox::Seat,
    left: bool,
}

impl Place {
    fn new(cohort: Rc<Cohort>, info: CallInfo) -> Result<Place, Error> {
        let seat = cohort.sandbox.borrow_mut().begin(info)?;
        cohort.calls.set(cohort.calls.get() + 1);
        cohort.served.set(cohort.served.get() + 1);
        Ok(Place { cohort, seat, left: false })
    }

    /// Whether another call has ended what this one is in.
    pub fn is_lost(&self) -> bool {
        self.cohort.sandbox.borrow().is_lost()
    }

    /// Whether no other call is in it.
    pub fn is_alone(&self) -> bool {
        self.cohort.size == 1
    }

    pub fn push(&self, side: Side, rate_hz: u32, samples: &[i16]) -> Result<Vec<Finding>, Error> {
        self.cohort.sandbox.borrow_mut().push(self.seat, side, rate_hz, samples)
    }

    pub fn skip(&self, side: Side, rate_hz: u32, samples: u64) -> Result<Vec<Finding>, Error> {
        self.cohort.sandbox.borrow_mut().skip(self.seat, side, rate_hz, samples)
    }

    /// What was still open; the place is left.
    pub fn finish(mut self) -> Result<Vec<Finding>, Error> {
        let findings = self.cohort.sandbox.borrow_mut().finish(self.seat)?;
        self.leave()?;
        Ok(findings)
    }

    /// One that was alone takes the instance with it.
    fn leave(&mut self) -> Result<(), Error> {
        if self.is_alone() || std::mem::replace(&mut self.left, true) {
            return Ok(());
        }
        self.cohort.sandbox.borrow_mut().leave(self.seat)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.cohort.calls.set(self.cohort.calls.get() - 1);
        // A fault here is found by whoever is next.
        let _ = self.leave();
    }
}

/// The cohorts of a worker.
pub(crate) struct Cohorts {
    size: u32,
    open: Vec<Rc<Cohort>>,
}

impl Cohorts {
    pub fn new(size: u32) -> Cohorts {
        Cohorts { size, open: Vec::new() }
    }

    /// A place for a call that begins.
    pub fn place(&mut self, analyzer: &Analyzer, info: CallInfo) -> Result<Place, Error> {
        self.sweep();
        let fits = |c: &&Rc<Cohort>| c.calls.get() < c.size && c.is_of(analyzer);
        let cohort = match self.open.iter().find(fits) {
            Some(cohort) => cohort.clone(),
            None => {
                let cohort = Rc::new(Cohort::new(analyzer, self.size)?);
                if self.size > 1 {
                    self.open.push(cohort.clone());
                }
                cohort
            }
        };
        Place::new(cohort, info)
    }

    /// Lets go of instances that are empty, or that nobody may join any more.
    pub fn sweep(&mut self) {
        self.open.retain(|c| c.is_open());
    }

    /// A place for a call that nobody is to share with.
    pub fn quarantine(analyzer: &Analyzer, info: CallInfo) -> Result<Place, Error> {
        Place::new(Rc::new(Cohort::new(analyzer, 1)?), info)
    }
}
