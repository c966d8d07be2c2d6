//! One call.

use crate::{
    audio::{Chunk, Feed, Frame, Stft},
    catalog::{Sealed, Workspace},
    finding::{Event, Finding, ScriptMatch, Side},
    limits,
    script::{Fingerprinter, Match, Matcher},
};

/// What is known of a call when it begins.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallInfo {
    /// True when we placed the call, false when it was placed to us.
    pub outbound: bool,
}

/// One call: both sides, what was heard of them, and what was told.
pub struct Session {
    far: Far,
    near: Feed,
    told: u32,
}

/// The side being judged.
#[derive(Default)]
struct Far {
    feed: Feed,
    ear: Ear,
}

/// What listens to a side: apart from the feed, so that one can fill the other.
#[derive(Default)]
struct Ear {
    stft: Stft,
    fingerprinter: Fingerprinter,
    matcher: Matcher,
}

impl Session {
    /// Begins a call.
    pub fn new(_info: CallInfo) -> Session {
        Session { far: Far::default(), near: Feed::default(), told: 0 }
    }

    /// Takes the next audio of a side; adds what became known to `findings`.
    ///
    /// # Panics
    /// When `rate_hz` is outside of [`limits::RATE_HZ`].
    pub fn push(
        &mut self,
        catalog: &Sealed,
        work: &mut Workspace,
        side: Side,
        rate_hz: u32,
        samples: &[i16],
        findings: &mut Vec<Finding>,
    ) {
        check_rate(rate_hz);
        let before = findings.len();
        match side {
            Side::Far => {
                let Far { feed, ear } = &mut self.far;
                let Workspace { filters, spectrum } = work;
                feed.push(filters, rate_hz, samples, |chunk| {
                    ear.hear(catalog, spectrum, chunk, findings);
                });
            }
            Side::Near => self.near.push(&mut work.filters, rate_hz, samples, |_| {}),
        }
        self.limit(before, findings);
    }

    /// Notes that the next `samples` samples of a side are missing.
    ///
    /// # Panics
    /// When `rate_hz` is outside of [`limits::RATE_HZ`].
    pub fn skip(
        &mut self,
        catalog: &Sealed,
        work: &mut Workspace,
        side: Side,
        rate_hz: u32,
        samples: u64,
        findings: &mut Vec<Finding>,
    ) {
        check_rate(rate_hz);
        let before = findings.len();
        match side {
            Side::Far => {
                let Far { feed, ear } = &mut self.far;
                feed.skip(rate_hz, samples, |chunk| {
                    ear.hear(catalog, &mut work.spectrum, chunk, findings);
                });
            }
            Side::Near => self.near.skip(rate_hz, samples, |_| {}),
        }
        self.limit(before, findings);
    }

    /// Ends the call.
    pub fn finish(&mut self, _findings: &mut Vec<Finding>) {}

    fn limit(&mut self, before: usize, findings: &mut Vec<Finding>) {
        let room = limits::FINDINGS_PER_SESSION - self.told;
        findings.truncate(before + room as usize);
        self.told += (findings.len() - before) as u32;
    }
}

fn check_rate(rate_hz: u32) {
    assert!(limits::RATE_HZ.contains(&rate_hz), "rate {rate_hz} Hz is not within 8000 to 48000");
}

impl Ear {
    fn hear(
        &mut self,
        catalog: &Sealed,
        spectrum: &mut crate::audio::Spectrum,
        chunk: Chunk,
        findings: &mut Vec<Finding>,
    ) {
        let Ear { stft, fingerprinter, matcher } = self;
        stft.push(spectrum, chunk, |frame: Frame| {
            let Some((number, code)) = fingerprinter.push(&catalog.book, &frame) else {
                return;
            };
            matcher.push(&catalog.index, number, &code, |found| {
                findings.push(Finding {
                    known_at: frame.known_at,
                    side: Side::Far,
                    what: Event::Script(name(catalog, found)),
                });
            });
        });
    }
}

/// Puts names to the numbers of a match.
fn name(catalog: &Sealed, found: Match) -> ScriptMatch {
    let script = &catalog.scripts[found.script as usize];
    let full = |number: &u32| {
        let script = &catalog.scripts[*number as usize];
        format!("{}/{}", catalog.packs[script.pack as usize].id, script.id)
    };
    ScriptMatch {
        match_id: found.match_id,
        script_id: script.id.to_string(),
        pack: catalog.packs[script.pack as usize].id.clone(),
        node: script.nodes[found.node as usize].to_string(),
        among: found.among.iter().map(full).collect(),
        confidence: found.confidence,
        heard_from: found.heard_from,
        script_from: found.script_from,
        evidence: found.evidence,
    }
}
