//! One call.

use crate::{
    answer::{Conversation, Nature},
    audio::{Chunk, Feed, Filters, Frame, Hops, Stft},
    catalog::{Scratch, Sealed, Workspace},
    finding::{Event, Finding, ScriptMatch, Side},
    limits,
    script::{Fingerprinter, Match, Matcher},
    tone::Tracker,
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
    near: Near,
    conversation: Conversation,
    told: u32,
}

/// Our own side.
#[derive(Default)]
struct Near {
    feed: Feed,
    hops: Hops,
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
        Session {
            far: Far { feed: Feed::default(), ear },
            near: Near::default(),
            conversation: Conversation::default(),
            told: 0,
        }
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
        self.take(catalog, work, side, rate_hz, Given::Samples(samples), findings);
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
        self.take(catalog, work, side, rate_hz, Given::Missing(samples), findings);
    }

    fn take(
        &mut self,
        catalog: &Sealed,
        work: &mut Workspace,
        side: Side,
        rate_hz: u32,
        given: Given,
        findings: &mut Vec<Finding>,
    ) {
        assert!(
            limits::RATE_HZ.contains(&rate_hz),
            "rate {rate_hz} Hz is not within 8000 to 48000"
        );
        let before = findings.len();
        let Workspace { filters, scratch } = work;
        let conversation = &mut self.conversation;
        match side {
            Side::Far => {
                let Far { feed, ear } = &mut self.far;
                given.to(feed, filters, rate_hz, |chunk| {
                    ear.hear(catalog, scratch, conversation, chunk, findings);
                });
            }
            Side::Near => {
                let Near { feed, hops } = &mut self.near;
                given.to(feed, filters, rate_hz, |chunk| {
                    hear_near(hops, conversation, chunk, findings);
                });
            }
        }
        self.limit(before, findings);
    }

    /// Ends the call.
    pub fn finish(&mut self, findings: &mut Vec<Finding>) {
        let before = findings.len();
        let Far { feed, ear } = &mut self.far;
        let known_at = feed.clock();
        ear.tones.finish(|tone| {
            let mut tell = |what| findings.push(Finding { known_at, side: Side::Far, what });
            self.conversation.tone(&tone, &mut tell);
            tell(Event::Tone(tone));
        });
        self.conversation.finish(known_at, |far, what| {
            let side = if far { Side::Far } else { Side::Near };
            let known_at = if far { known_at } else { self.near.feed.clock() };
            findings.push(Finding { known_at, side, what });
        });
        self.limit(before, findings);
    }

    fn limit(&mut self, before: usize, findings: &mut Vec<Finding>) {
        let room = limits::FINDINGS_PER_SESSION - self.told;
        findings.truncate(before + room as usize);
        self.told += (findings.len() - before) as u32;
    }
}

/// What comes of a side: samples, or how many are missing.
enum Given<'a> {
    Samples(&'a [i16]),
    Missing(u64),
}

impl Given<'_> {
    fn to(self, feed: &mut Feed, filters: &mut Filters, rate_hz: u32, sink: impl FnMut(Chunk)) {
        match self {
            Given::Samples(samples) => feed.push(filters, rate_hz, samples, sink),
            Given::Missing(samples) => feed.skip(rate_hz, samples, sink),
        }
    }
}

impl Ear {
    fn hear(
        &mut self,
        catalog: &Sealed,
        scratch: &mut Scratch,
        conversation: &mut Conversation,
        chunk: Chunk,
        findings: &mut Vec<Finding>,
    ) {
        let Ear { stft, fingerprinter, matcher, tones } = self;
        let Scratch { spectrum, zoom, candidates } = scratch;
        stft.push(spectrum, chunk, |frame: Frame| {
            let mut tell = |what: Event| {
                findings.push(Finding { known_at: frame.known_at, side: Side::Far, what });
            };
            tones.push(&catalog.plans, zoom, &frame, |tone| {
                conversation.tone(&tone, &mut tell);
                tell(Event::Tone(tone));
            });
            let nature = if tones.is_sounding() {
                Nature::Tone
            } else if tones.may_be_sounding() {
                Nature::Undecided
            } else {
                Nature::Open
            };
            conversation.far(&frame, nature, tones.is_progressing(), tell);
            let Some((number, code)) = fingerprinter.push(&catalog.book, &frame) else {
                return;
            };
            let mut tell = |what: Event| {
                findings.push(Finding { known_at: frame.known_at, side: Side::Far, what });
            };
            matcher.push(&catalog.index, candidates, number, &code, |found| {
                let voicemail = catalog.scripts[found.script as usize].voicemail;
                let found = name(catalog, found);
                if voicemail {
                    conversation.prompt(&found, &mut tell);
                }
                tell(Event::Script(found));
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
        path: found.path.iter().map(|node| script.nodes[*node as usize].to_string()).collect(),
    }
}

fn hear_near(
    hops: &mut Hops,
    conversation: &mut Conversation,
    chunk: Chunk,
    findings: &mut Vec<Finding>,
) {
    hops.push(chunk, |index, known_at, hop| {
        conversation.near(index, hop, |what| {
            // How the far side behaves is told when our side speaks.
            let side = match what {
                Event::Behaviour(_) => Side::Far,
                _ => Side::Near,
            };
            findings.push(Finding { known_at, side, what });
        });
    });
}
