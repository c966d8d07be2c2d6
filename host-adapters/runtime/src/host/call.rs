//! A live call, as its media threads, its worker and the dispatcher share it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering},
};

use super::{Inner, lock};
use crate::{
    Analyzer, Finding, Side, limits,
    metrics::Metrics,
    policy::{CallFacts, Decision, Rules},
    ring::Ring,
    rings::Rings,
    ticks::{self, Tick},
};

/// What a call wants to be told, on the dispatcher's thread. What is slow belongs elsewhere: other
/// calls wait for it.
pub trait Listener: Send + Sync {
    /// Whether [`Listener::heard`] is of interest; asked once.
    fn wants_findings(&self) -> bool {
        true
    }

    /// Something was heard.
    fn heard(&self, finding: &Finding);

    /// Something was decided, `added_ms` after the audio that it rests on had arrived.
    fn decided(&self, decision: &Decision, added_ms: f64);

    /// The last of all.
    fn released(&self);
}

/// How a call begins.
pub struct CallConfig {
    /// What is known of it.
    pub facts: CallFacts,
    /// Name given to [`super::Host::rules`]; none: "inbound" or "outbound".
    pub rules: Option<String>,
    /// Audio of the near side will be pushed too.
    pub near_side: bool,
}

/// Where a call's analysis stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its worker has not met it yet.
    Waiting,
    /// It is analysed.
    Analysed,
    /// Its analysis was ended; the call goes on.
    Ended,
}

pub(crate) struct Shared {
    pub number: u64,
    pub facts: CallFacts,
    pub rules: Arc<Rules>,
    /// What analyses it, to its end.
    pub analyzer: Analyzer,
    /// How often that had been out of service when the call began.
    outages: u32,
    pub listener: Box<dyn Listener>,
    pub wants_findings: bool,
    far: Ring,
    near: Option<Ring>,
    rings: Arc<Rings>,
    closing: AtomicBool,
    stage: AtomicU8,
    /// Of the far side, in ms.
    pub clock_ms: AtomicU64,
    /// Frames that could not be taken, of any side.
    refused: AtomicU32,
    /// Frames and gaps, of any side; some are not counted where two media threads are at it.
    pushes: AtomicU32,
    metrics: Arc<Metrics>,
    tick: Tick,
    decision: Mutex<Option<Arc<Decision>>>,
}

impl Shared {
    /// None if there is no ring left.
    pub fn new(
        number: u64,
        config: CallConfig,
        rules: Arc<Rules>,
        analyzer: Analyzer,
        listener: Box<dyn Listener>,
        host: &Inner,
    ) -> Option<Shared> {
        let rings = &host.rings;
        let far = rings.take()?;
        let near = if config.near_side {
            let Some(near) = rings.take() else {
                rings.give_back(&far);
                return None;
            };
            Some(near)
        } else {
            None
        };
        Some(Shared {
            number,
            facts: config.facts,
            rules,
            outages: analyzer.shared.outages.load(Ordering::Relaxed),
            analyzer,
            wants_findings: listener.wants_findings(),
            listener,
            far,
            near,
            rings: rings.clone(),
            closing: AtomicBool::new(false),
            stage: AtomicU8::new(Stage::Waiting as u8),
            clock_ms: AtomicU64::new(0),
            refused: AtomicU32::new(0),
            pushes: AtomicU32::new(0),
            metrics: host.metrics.clone(),
            tick: host.tick,
            decision: Mutex::new(None),
        })
    }

    pub fn ring(&self, side: Side) -> Option<&Ring> {
        match side {
            Side::Far => Some(&self.far),
            Side::Near => self.near.as_ref(),
        }
    }

    /// The next frame of a side. Wait-free.
    ///
    /// # Safety
    ///
    /// One thread at a time for each side may be in `push` or `skip`, and none once the call is
    /// closed.
    pub unsafe fn push(&self, side: Side, rate_hz: u32, samples: &[i16]) {
        // SAFETY: the caller's promise.
        self.counted(side, |ring| unsafe { ring.push(rate_hz, samples) });
    }

    /// A gap of a side. Wait-free.
    ///
    /// # Safety
    ///
    /// As for [`Shared::push`].
    pub unsafe fn skip(&self, side: Side, rate_hz: u32, samples: u64) {
        // SAFETY: the caller's promise.
        self.counted(side, |ring| unsafe { ring.skip(rate_hz, samples) });
    }

    fn counted(&self, side: Side, write: impl FnOnce(&Ring) -> bool) {
        // What nobody analyses need not be copied.
        if self.stage.load(Ordering::Relaxed) == Stage::Ended as u8 {
            return;
        }
        let pushes = self.pushes.load(Ordering::Relaxed);
        self.pushes.store(pushes.wrapping_add(1), Ordering::Relaxed);
        let begin = pushes.is_multiple_of(limits::PUSHES_TIMED).then(ticks::now);
        if !self.ring(side).is_some_and(write) {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(took) = begin.and_then(|begin| self.tick.since(begin)) {
            self.metrics.push.observe(took);
        }
    }

    pub fn refused(&self) -> u32 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Says that no more audio will come; whether this was the first time.
    pub fn close(&self) -> bool {
        !self.closing.swap(true, Ordering::AcqRel)
    }

    pub fn closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Relaxed) {
            0 => Stage::Waiting,
            1 => Stage::Analysed,
            _ => Stage::Ended,
        }
    }

    pub fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// Whether its analyzer has been taken out of service since it began.
    pub fn is_orphaned(&self) -> bool {
        self.analyzer.shared.outages.load(Ordering::Relaxed) != self.outages
    }

    pub fn decision(&self) -> Option<Arc<Decision>> {
        lock(&self.decision).clone()
    }

    pub fn set_decision(&self, decision: Arc<Decision>) {
        *lock(&self.decision) = Some(decision);
    }

    /// Gaps of both sides: how many, and how long in µs.
    pub fn gaps(&self) -> (u64, u64) {
        [Some(&self.far), self.near.as_ref()].into_iter().flatten().fold((0, 0), |(n, us), ring| {
            let (more, more_us) = ring.gaps();
            (n + u64::from(more), us + more_us)
        })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.rings.give_back(&self.far);
        if let Some(near) = &self.near {
            self.rings.give_back(near);
        }
    }
}

/// A call that was begun; dropping it closes it.
pub struct Call(pub(crate) Arc<Shared>);

impl Call {
    /// Gives the next frame of a side: mono, 8000 to 48000 Hz. Wait-free; what does not fit is
    /// counted as a gap.
    pub fn push(&mut self, side: Side, rate_hz: u32, samples: &[i16]) {
        // SAFETY: `&mut` keeps all others out.
        unsafe { self.0.push(side, rate_hz, samples) }
    }

    /// Says that the next `samples` samples of a side were lost. Wait-free.
    pub fn skip(&mut self, side: Side, rate_hz: u32, samples: u64) {
        // SAFETY: `&mut` keeps all others out.
        unsafe { self.0.skip(side, rate_hz, samples) }
    }

    /// The decision in force.
    pub fn decision(&self) -> Option<Arc<Decision>> {
        self.0.decision()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.close();
    }
}
