//! The analysis of one call, on the worker that owns it.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::{
    Inner,
    call::{Shared, Stage},
    cohort::{Cohorts, Place},
    dispatcher::Event,
};
use crate::{
    CallInfo, Error, Finding, Side, limits,
    policy::{Decision, Judge, Verdict},
    ring::{Record, micros, now_ms, since_ms},
};

/// What is known of a side's clock.
#[derive(Default)]
struct Clock {
    /// Audio given so far, in µs.
    us: u64,
    /// Of a gap, in µs: what is less than a sample of 8 kHz.
    rest_us: u64,
}

/// Duration of a sample at 8 kHz, in µs: an integer, so gaps add up.
const SAMPLE_US: u64 = 125;

pub(crate) struct Analysis {
    pub call: Arc<Shared>,
    judge: Judge,
    place: Option<Place>,
    clocks: [Clock; 2],
    /// Audio analysed, of both sides, in µs.
    pub covered_us: u64,
    /// It broke a rule in this turn, which may have taken its time.
    pub faulted: bool,
    /// It is a mailbox that we have called, and somebody waits for its beep.
    pub awaited: bool,
    /// It has had its second chance.
    quarantined: bool,
}

impl Analysis {
    pub fn new(call: Arc<Shared>, cohorts: &mut Cohorts, host: &Inner) -> Analysis {
        let judge = Judge::new(call.rules.clone(), call.facts.clone());
        let judge = judge.knowing(call.analyzer.catalogue());
        let clocks = Default::default();
        let mut this = Analysis {
            call,
            judge,
            place: None,
            clocks,
            covered_us: 0,
            faulted: false,
            awaited: false,
            quarantined: false,
        };
        if this.judge.is_allowed() {
            // Who is on the list is not listened to.
            this.call.set_stage(Stage::Ended);
            this.pass(0.0, now_ms(), host);
            return this;
        }
        match cohorts.place(&this.call.analyzer, this.info()) {
            Ok(place) => {
                this.place = Some(place);
                this.call.set_stage(Stage::Analysed);
                host.metrics.calls_analysed.increment();
            }
            Err(error) => this.fail(&error, host),
        }
        this
    }

    pub fn is_analysed(&self) -> bool {
        self.place.is_some()
    }

    fn info(&self) -> CallInfo {
        CallInfo { outbound: self.call.facts.outbound }
    }

    /// Analyses what has arrived; whether the call is over.
    pub fn turn(&mut self, samples: &mut Vec<i16>, cohorts: &mut Cohorts, host: &Inner) -> bool {
        // Looked at first: what arrived before the call was closed is still analysed.
        let closing = self.call.closing();
        if self.is_analysed() && self.call.is_orphaned() {
            self.give_up("OUT-OF-SERVICE", host);
        }
        while self.step(samples, cohorts, host) {}
        if closing {
            self.end(host);
        }
        closing
    }

    /// Gives the next batch of the side that is behind; whether there may be more.
    fn step(&mut self, samples: &mut Vec<i16>, cohorts: &mut Cohorts, host: &Inner) -> bool {
        let call = self.call.clone();
        let next = |side| call.ring(side).and_then(|ring| Some((side, ring, ring.peek()?)));
        let behind = if self.clocks[0].us <= self.clocks[1].us {
            [Side::Far, Side::Near]
        } else {
            [Side::Near, Side::Far]
        };
        let Some((side, ring, first)) = behind.into_iter().find_map(next) else { return false };
        samples.clear();
        let (mut record, mut arrived_ms) = (first.record, first.arrived_ms);
        ring.take(first, samples);
        // What follows of the same kind goes along.
        while us(record) < u64::from(host.batch_ms) * 1_000
            && let Some(next) = ring.peek()
            && let Some(sum) = joined(record, next.record)
        {
            (record, arrived_ms) = (sum, next.arrived_ms);
            ring.take(next, samples);
        }
        if self.place.as_ref().is_some_and(Place::is_lost) {
            self.resume(cohorts, host);
        }
        let answer = self.give(side, record, samples);
        self.clocks[side as usize].us += us(record);
        self.covered_us += us(record);
        if self.place.is_some() {
            host.metrics.batch.observe(Duration::from_millis(since_ms(arrived_ms).into()));
        }
        match answer {
            Ok(findings) => self.judge_all(findings, arrived_ms, host),
            Err(error) => self.fault(error, host),
        }
        if side == Side::Far && self.place.is_some() {
            let clock_ms = self.clocks[0].us as f64 / 1e3;
            call.clock_ms.store(clock_ms as u64, Relaxed);
            self.pass(clock_ms, arrived_ms, host);
        }
        true
    }

    /// After a panic, which is a defect of ours: whether the call is over.
    pub fn abandon(&mut self, host: &Inner) -> bool {
        if self.call.stage() != Stage::Ended {
            host.log.error("a defect of libcallprint: the analysis of a call panicked");
            self.give_up("DEFECT", host);
        }
        if self.call.closing() {
            self.end(host);
        }
        self.call.closing()
    }

    fn give(&mut self, side: Side, record: Record, samples: &[i16]) -> Result<Vec<Finding>, Error> {
        let Some(place) = &self.place else { return Ok(Vec::new()) };
        match record {
            Record::Audio { rate_hz, .. } => {
                let mut findings = Vec::new();
                for part in samples.chunks(limits::PUSH_SAMPLES) {
                    findings.extend(place.push(side, rate_hz, part)?);
                }
                Ok(findings)
            }
            Record::Skip { rate_hz, samples } => place.skip(side, rate_hz, samples),
            Record::Gap { us } => {
                let clock = &mut self.clocks[side as usize];
                let us = us + clock.rest_us;
                clock.rest_us = us % SAMPLE_US;
                place.skip(side, 8_000, us / SAMPLE_US)
            }
        }
    }

    /// Begins again where another call has ended the instance: what this call was hearing is
    /// forgotten, its clock goes on.
    fn resume(&mut self, cohorts: &mut Cohorts, host: &Inner) {
        self.place = None;
        host.metrics.calls_resumed.increment();
        let place = cohorts.place(&self.call.analyzer, self.info());
        self.take(place, host);
    }

    /// Ends the analysis that broke a rule, or, where other calls shared the instance and may be to
    /// blame, lets it go on alone, once.
    fn fault(&mut self, error: Error, host: &Inner) {
        self.faulted = true;
        let alone = self.place.as_ref().is_none_or(Place::is_alone);
        self.place = None;
        if alone || self.quarantined {
            return self.fail(&error, host);
        }
        self.quarantined = true;
        host.health.fault(&self.call.analyzer, &error, host);
        let place = Cohorts::quarantine(&self.call.analyzer, self.info());
        self.take(place, host);
    }

    fn take(&mut self, place: Result<Place, Error>, host: &Inner) {
        let begun = place.and_then(|place| {
            for (side, clock) in [Side::Far, Side::Near].into_iter().zip(&self.clocks) {
                place.skip(side, 8_000, clock.us / SAMPLE_US)?;
            }
            Ok(place)
        });
        match begun {
            Ok(place) => self.place = Some(place),
            Err(error) => self.fail(&error, host),
        }
    }

    fn fail(&mut self, error: &Error, host: &Inner) {
        host.health.fault(&self.call.analyzer, error, host);
        self.give_up("FAULT", host);
    }

    /// Ends the analysis; the call goes on.
    pub fn give_up(&mut self, cause: &str, host: &Inner) {
        self.place = None;
        self.call.set_stage(Stage::Ended);
        let decision = self.judge.given_up(cause);
        self.decide(decision, now_ms(), host);
    }

    fn end(&mut self, host: &Inner) {
        if let Some(place) = self.place.take() {
            match place.finish() {
                Ok(findings) => {
                    self.judge_all(findings, now_ms(), host);
                    host.health.ended_well(&self.call.analyzer);
                }
                Err(error) => host.health.fault(&self.call.analyzer, &error, host),
            }
        }
        self.call.set_stage(Stage::Ended);
        host.queue.put(Event::Released(self.call.clone()));
    }

    fn judge_all(&mut self, findings: Vec<Finding>, arrived_ms: u32, host: &Inner) {
        let clock_ms = self.clocks[0].us as f64 / 1e3;
        for finding in findings {
            let decision = self.judge.heard(&finding, clock_ms);
            if self.call.wants_findings && !host.queue.put(Event::Heard(self.call.clone(), finding))
            {
                host.metrics.findings_lost.increment();
            }
            if let Some(decision) = decision {
                self.decide(decision, arrived_ms, host);
            }
        }
    }

    fn pass(&mut self, clock_ms: f64, arrived_ms: u32, host: &Inner) {
        while let Some(decision) = self.judge.passed(clock_ms) {
            self.decide(decision, arrived_ms, host);
        }
    }

    fn decide(&mut self, decision: Decision, arrived_ms: u32, host: &Inner) {
        self.awaited = self.call.facts.outbound && decision.verdict == Verdict::Machine;
        let decision = Arc::new(decision);
        self.call.set_decision(decision.clone());
        host.queue.put(Event::Decided(self.call.clone(), decision, arrived_ms));
    }
}

fn us(record: Record) -> u64 {
    match record {
        Record::Audio { rate_hz, samples } => micros(rate_hz, samples as u64),
        Record::Skip { rate_hz, samples } => micros(rate_hz, samples),
        Record::Gap { us } => us,
    }
}

/// Two records as one, if they can be.
fn joined(a: Record, b: Record) -> Option<Record> {
    match (a, b) {
        (Record::Audio { rate_hz, samples }, Record::Audio { rate_hz: rate, samples: more })
            if rate_hz == rate =>
        {
            Some(Record::Audio { rate_hz, samples: samples + more })
        }
        (Record::Skip { rate_hz, samples }, Record::Skip { rate_hz: rate, samples: more })
            if rate_hz == rate =>
        {
            Some(Record::Skip { rate_hz, samples: samples + more })
        }
        (Record::Gap { us }, Record::Gap { us: more }) => Some(Record::Gap { us: us + more }),
        _ => None,
    }
}
