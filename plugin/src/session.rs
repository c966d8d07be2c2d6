//! One call.

use crate::{
    audio::{Chunk, Feed, Frame, Stft},
    catalog::{Sealed, Workspace},
    finding::{Event, Finding, ScriptMatch, Side},
    limits,
    script::{Fingerprinter, Match, Matcher},
    tone::{Tracker, Zoom},
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
struct Far {
    feed: Feed,
    ear: Ear,
}

/// What listens to a side: apart from the feed, so that one can fill the other.
struct Ear {
    stft: Stft,
    fingerprinter: Fingerprinter,
    matcher: Matcher,
    tones: Tracker,
}

impl Session {
    /// Begins a call.
    pub fn new(info: CallInfo) -> Session {
        let ear = Ear {
            stft: Stft::default(),
            fingerprinter: Fingerprinter::default(),
            matcher: Matcher::default(),
            tones: Tracker::new(!info.outbound),
        };
        Session { far: Far { feed: Feed::default(), ear }, near: Feed::default(), told: 0 }
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
                let Workspace { filters, spectrum, zoom } = work;
                feed.push(filters, rate_hz, samples, |chunk| {
                    ear.hear(catalog, spectrum, zoom, chunk, findings);
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
                    ear.hear(catalog, &mut work.spectrum, &mut work.zoom, chunk, findings);
                });
            }
            Side::Near => self.near.skip(rate_hz, samples, |_| {}),
        }
        self.limit(before, findings);
    }

    /// Ends the call.
    pub fn finish(&mut self, findings: &mut Vec<Finding>) {
        let before = findings.len();
        let Far { feed, ear } = &mut self.far;
        let known_at = feed.clock();
        ear.tones.finish(|tone| {
            findings.push(Finding { known_at, side: Side::Far, what: Event::Tone(tone) });
        });
        self.limit(before, findings);
    }

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
        zoom: &mut Zoom,
        chunk: Chunk,
        findings: &mut Vec<Finding>,
    ) {
        let Ear { stft, fingerprinter, matcher, tones } = self;
        stft.push(spectrum, chunk, |frame: Frame| {
            tones.push(&catalog.plans, zoom, &frame, |tone| {
                findings.push(Finding {
                    known_at: frame.known_at,
                    side: Side::Far,
                    what: Event::Tone(tone),
                });
            });
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
