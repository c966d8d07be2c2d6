//! What comes before and after a script: ringing, beeps, silence.

use std::ops::Range;

use callprint_plugin::{
    CallInfo, Event, Finding, Sealed, Session, Side, catalog::Workspace, script::span_samples,
};

/// Codes (20 ms) in a row over something that is no tone: speech. A click has fewer.
const SPEECH_CODES: usize = 12;

/// The codes over speech and what is between: what `tones` or silence is at the ends is left out.
pub fn speech(codes: &[u64], tones: &[Range<u64>]) -> Range<usize> {
    let is_speech = |n: &usize| {
        let span = span_samples(*n as u64);
        codes[*n] != 0 && !tones.iter().any(|t| t.start < span.end && span.start < t.end)
    };
    let first = run(0..codes.len(), is_speech);
    let last = run((0..codes.len()).rev(), is_speech);
    match (first, last) {
        (Some(first), Some(last)) if first <= last => first..last + 1,
        _ => 0..0,
    }
}

/// The first of the first [`SPEECH_CODES`] in a row that are speech.
fn run(numbers: impl Iterator<Item = usize>, is_speech: impl Fn(&usize) -> bool) -> Option<usize> {
    let (mut begun, mut length) = (None, 0);
    for n in numbers {
        if !is_speech(&n) {
            (begun, length) = (None, 0);
            continue;
        }
        begun.get_or_insert(n);
        length += 1;
        if length == SPEECH_CODES {
            return begun;
        }
    }
    None
}

/// Where the analyzer hears tones, in samples of 8 kHz.
pub fn tones(
    nothing: &Sealed,
    work: &mut Workspace,
    rate_hz: u32,
    samples: &[i16],
) -> Vec<Range<u64>> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut session = Session::new(CallInfo { outbound: true });
    for second in samples.chunks(rate_hz as usize) {
        session.push(nothing, work, Side::Far, rate_hz, second, &mut findings);
    }
    session.finish(&mut findings);
    let tone = |f: Finding| match f.what {
        Event::Tone(tone) => {
            let end = tone.end.map_or(f.known_at.0, |end| end.0);
            Some(tone.start.0..end)
        }
        _ => None,
    };
    findings.into_iter().filter_map(tone).collect()
}
