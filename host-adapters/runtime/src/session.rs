//! One call in its sandbox.

use crate::{
    CallInfo, Error, Finding, Side, analyzer::Claim, limits, sandbox::Sandbox, sandbox::Seat,
};

/// Slowest and fastest audio taken, in Hz: the contract's bounds.
pub(crate) const RATE_HZ: std::ops::RangeInclusive<u32> = 8_000..=48_000;

/// One call: an instance of the plugin, its memory a copy-on-write view of the
/// analyzer's.
///
/// After an [`Error::Fault`] the session is over; every further use of it
/// returns the same error.
pub struct Session {
    sandbox: Sandbox,
    seat: Seat,
    _claim: Claim,
}

impl Session {
    pub(crate) fn new(claim: Claim, info: CallInfo) -> Result<Session, Error> {
        let mut sandbox = Sandbox::new(claim.0.clone(), 1)?;
        let seat = sandbox.begin(info)?;
        Ok(Session { sandbox, seat, _claim: claim })
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
            findings.extend(self.sandbox.push(self.seat, side, rate_hz, part)?);
        }
        Ok(findings)
    }

    /// Says that the next `samples` samples of a side, at `rate_hz`, were lost.
    pub fn skip(&mut self, side: Side, rate_hz: u32, samples: u64) -> Result<Vec<Finding>, Error> {
        check_rate(rate_hz)?;
        self.sandbox.skip(self.seat, side, rate_hz, samples)
    }

    /// Ends the call; returns what was still open.
    pub fn finish(mut self) -> Result<Vec<Finding>, Error> {
        self.sandbox.finish(self.seat)
    }
}

fn check_rate(rate_hz: u32) -> Result<(), Error> {
    if RATE_HZ.contains(&rate_hz) {
        return Ok(());
    }
    Err(Error::Usage(format!("a rate of {rate_hz} Hz is not within 8000 to 48000; resample it")))
}
