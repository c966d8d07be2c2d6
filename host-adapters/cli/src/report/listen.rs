//! A recording, played to a session as a call comes in.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use callprint::{Analyzer, CallInfo, Error, Finding, Side};

use crate::audio_file::Recording;

/// What came of listening to a call.
pub struct Heard {
    /// The findings, by when they became known.
    pub findings: Vec<Finding>,
    /// Processor time that it took.
    pub busy: Duration,
}

/// Plays a recording in frames of 20 ms, `speed` times as fast as the call was (at once if none),
/// and hands out after every frame how much of the call has been played, in seconds, and what
/// became known by it.
pub fn listen(
    analyzer: &Analyzer,
    info: CallInfo,
    recording: &Recording,
    speed: Option<f64>,
    mut tell: impl FnMut(f64, &[Finding]),
) -> Result<Heard, Error> {
    let Recording { rate_hz, far, near } = recording;
    let rate_hz = *rate_hz;
    let mut session = analyzer.session(info)?;
    let mut findings = Vec::new();
    let mut take = |found: Vec<Finding>, played: usize| {
        tell(played as f64 / f64::from(rate_hz), &found);
        findings.extend(found);
    };
    let (start, busy_before) = (Instant::now(), processor_time());
    let frame = rate_hz as usize / 50;
    for first in (0..far.len()).step_by(frame) {
        let until = far.len().min(first + frame);
        let mut found = session.push(Side::Far, rate_hz, &far[first..until])?;
        if let Some(near) = near {
            found.extend(session.push(Side::Near, rate_hz, &near[first..until])?);
        }
        if let Some(speed) = speed {
            let due_s = until as f64 / f64::from(rate_hz) / speed;
            thread::sleep(Duration::from_secs_f64(due_s).saturating_sub(start.elapsed()));
        }
        take(found, until);
    }
    take(session.finish()?, far.len());
    // Each side is in order; a stable sort puts the two together.
    findings.sort_by_key(|f| f.known_at);
    Ok(Heard { findings, busy: processor_time().saturating_sub(busy_before) })
}

/// What this thread has used so far; other than by the clock, that is the same on a busy machine.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let used = stat.split(' ').next().and_then(|ns| ns.parse().ok());
    Duration::from_nanos(used.unwrap_or(0))
}
