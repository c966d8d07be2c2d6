//! What is made of findings: the rules of a direction, in their simplest form. They only tag.

use std::{path::Path, sync::Arc};

use serde_json::{Value, json};

use crate::{AnswerKind, Error, Event, Finding, Side, ToneKind, record};

/// What a decision says of the far side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// A known script.
    Robot,
    /// A person.
    Human,
    /// A voice mailbox, an announcement, an IVR.
    Machine,
    /// The beep has ended.
    Beep,
    /// A fax machine.
    Fax,
    /// A call-progress tone instead of a party.
    Busy,
    /// The time limit passed.
    Unsure,
    /// Not analysed.
    NotReady,
}

/// What the switch is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    None,
    /// Set variables, raise events.
    Tag,
    /// Clear the call.
    Hangup {
        /// ITU-T Q.850.
        cause: u32,
    },
    /// Send the call elsewhere.
    Transfer {
        /// Where in the dialplan.
        context: String,
        /// Which extension.
        extension: String,
        /// Which priority.
        priority: u32,
    },
    /// Play SIT and "number not in service", then clear.
    Decoy {
        /// ITU-T Q.850.
        cause: u32,
    },
}

/// What the rules made of what was heard.
#[derive(Debug, Clone)]
pub struct Decision {
    /// 0, 1, 2 … in a call; later ones supersede earlier ones.
    pub number: u32,
    /// What the far side is.
    pub verdict: Verdict,
    /// What to do.
    pub action: Action,
    /// Record it only.
    pub shadow: bool,
    /// The rule's name.
    pub rule: String,
    /// The script, of a robot.
    pub script: String,
    /// Its pack.
    pub pack: String,
    /// Its category.
    pub category: String,
    /// Upper-case name and numbers.
    pub cause: String,
    /// 0 to 1.
    pub confidence: f64,
    /// The audio that was needed, in ms.
    pub known_ms: f64,
    /// All of it.
    pub record: Value,
}

/// What is known of a call.
#[derive(Debug, Clone, Default)]
pub struct CallFacts {
    /// The switch's name of it.
    pub id: String,
    /// Who calls.
    pub caller: Option<String>,
    /// Who is called.
    pub callee: Option<String>,
    /// We placed it.
    pub outbound: bool,
    /// Audio after which it is unsure, in ms.
    pub limit_ms: Option<u32>,
}

/// Rules, read once, used by many calls.
#[derive(Debug)]
pub struct Rules {
    name: &'static str,
}

impl Rules {
    /// Reads rules from a file.
    pub fn read(path: &Path) -> Result<Rules, Error> {
        Err(Error::Usage(format!("{}: this build has the built-in rules only", path.display())))
    }

    /// The rules that need no file.
    pub fn builtin(outbound: bool) -> Rules {
        Rules { name: if outbound { "built-in outbound" } else { "built-in inbound" } }
    }
}

/// The judge of one call.
pub struct Judge {
    rules: Arc<Rules>,
    facts: CallFacts,
    count: u32,
    last: Option<(Verdict, String)>,
}

impl Judge {
    /// For a call that begins.
    pub fn new(rules: Arc<Rules>, facts: CallFacts) -> Judge {
        Judge { rules, facts, count: 0, last: None }
    }

    /// To be told of every finding.
    pub fn heard(&mut self, finding: &Finding, _clock_ms: f64) -> Option<Decision> {
        if finding.side == Side::Near {
            return None;
        }
        let known_ms = finding.known_at as f64 / 8.0;
        let (verdict, cause, confidence) = match &finding.what {
            Event::Script(m) if !self.facts.outbound => {
                let length_ms = m.evidence.compared / 8;
                let cause = format!("SCRIPT-{length_ms}-{:.0}", m.confidence * 1e4);
                (Verdict::Robot, cause, f64::from(m.confidence))
            }
            Event::Answer(a) if self.facts.outbound => match a.kind {
                AnswerKind::Human => (Verdict::Human, a.cause.clone(), f64::from(a.confidence)),
                AnswerKind::Machine => (Verdict::Machine, a.cause.clone(), f64::from(a.confidence)),
                AnswerKind::Unsure => return None,
            },
            Event::Tone(t) if self.facts.outbound => match t.kind {
                ToneKind::Beep if t.end.is_some() => {
                    let length_ms = (t.end.unwrap_or(t.start) - t.start) / 8;
                    let hz = t.freqs_hz.first().copied().unwrap_or(0.0);
                    (Verdict::Beep, format!("BEEP-{hz:.0}-{length_ms}"), 1.0)
                }
                ToneKind::FaxAnswer | ToneKind::FaxCalling | ToneKind::FaxFlags => {
                    (Verdict::Fax, "FAX".into(), 1.0)
                }
                ToneKind::Busy | ToneKind::Congestion | ToneKind::Dial | ToneKind::Sit => {
                    (Verdict::Busy, format!("{:?}", t.kind).to_uppercase(), 1.0)
                }
                _ => return None,
            },
            _ => return None,
        };
        let (script, pack) = match &finding.what {
            Event::Script(m) => (m.script_id.clone(), m.pack.clone()),
            _ => Default::default(),
        };
        let news = (verdict, script.clone());
        if self.last.as_ref() == Some(&news) {
            return None;
        }
        self.last = Some(news);
        let mut decision = self.decide(verdict, cause, confidence, known_ms);
        decision.record["findings"] = json!([record::finding(finding)]);
        Some(Decision { script, pack, ..decision })
    }

    /// To be told how far the call's clock has got, in ms of audio of the far side.
    pub fn passed(&mut self, clock_ms: f64) -> Option<Decision> {
        let limit_ms = f64::from(self.facts.limit_ms?);
        if self.last.is_some() || clock_ms < limit_ms {
            return None;
        }
        self.last = Some((Verdict::Unsure, String::new()));
        Some(self.decide(Verdict::Unsure, format!("LIMIT-{limit_ms:.0}"), 0.0, clock_ms))
    }

    /// For a call that is not analysed, or no longer.
    pub fn not_ready(facts: &CallFacts, cause: &str) -> Decision {
        let rules = Arc::new(Rules { name: "" });
        let mut judge = Judge::new(rules, facts.clone());
        Decision { action: Action::None, ..judge.decide(Verdict::NotReady, cause.into(), 0.0, 0.0) }
    }

    fn decide(
        &mut self,
        verdict: Verdict,
        cause: String,
        confidence: f64,
        known_ms: f64,
    ) -> Decision {
        let number = self.count;
        self.count += 1;
        let record = json!({
            "call": self.facts.id, "number": number, "verdict": format!("{verdict:?}"),
            "rule": self.rules.name, "cause": cause, "confidence": confidence, "known_ms": known_ms,
        });
        Decision {
            number,
            verdict,
            action: Action::Tag,
            shadow: false,
            rule: self.rules.name.into(),
            script: String::new(),
            pack: String::new(),
            category: String::new(),
            cause,
            confidence,
            known_ms,
            record,
        }
    }
}
