//! The judge of one call.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    Action, Decision, Rules, Verdict,
    rules::{bare_number, begins_with_any},
    test::{Candidates, confidence_of},
};
use crate::{Event, Finding, catalogue::Catalogue, limits, record};

/// What is known of a call when it begins.
#[derive(Debug, Clone, Default)]
pub struct CallFacts {
    /// The switch's name of it.
    pub id: String,
    /// Who calls, as the switch has the number; empty if it is not known.
    pub caller: String,
    /// Who is called, likewise.
    pub callee: String,
    /// We placed it.
    pub outbound: bool,
    /// Audio after which UNSURE is decided if nothing else was, in ms; if none,
    /// as the rules say. `Some(0)`: never.
    pub limit_ms: Option<u32>,
}

/// Judges one call by its rules: findings and the passing of time in, decisions out.
///
/// A finding goes to the first rule whose `when` it completes; that rule
/// decides, or has decided before and keeps quiet. Rules with `after_ms` are
/// looked at when that much audio has passed, too. No rule decides twice in a
/// call, so their number bounds the decisions, and what is remembered.
///
/// Takes microseconds, waits for nothing, reads and writes nothing. Belongs to
/// one thread at a time, not a media thread.
pub struct Judge {
    rules: Arc<Rules>,
    catalogue: Arc<Catalogue>,
    call: CallFacts,
    /// Of each rule.
    states: Vec<State>,
    /// Of each test of the rules, the last finding that passed it.
    heard: Vec<Option<Heard>>,
    /// Rules' timers that have come due.
    due: usize,
    limit_ms: Option<f64>,
    /// The other party is on the allow list.
    allowed: bool,
    /// The analysis has ended before the call.
    blind: bool,
    decided: u32,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Waiting,
    Decided,
    /// For other calls.
    Foreign,
}

/// A finding that a rule asked for.
#[derive(Debug, Clone)]
struct Heard {
    what: Arc<Kept>,
    /// An earlier rule made something of it.
    taken: bool,
}

#[derive(Debug)]
struct Kept {
    finding: Finding,
    candidates: Candidates,
}

impl Judge {
    /// Begins a call.
    pub fn new(rules: Arc<Rules>, call: CallFacts) -> Judge {
        let (caller, callee) = (bare_number(&call.caller), bare_number(&call.callee));
        let party = if call.outbound { &callee } else { &caller };
        let state = |is_for| if is_for { State::Waiting } else { State::Foreign };
        let limit_ms = call.limit_ms.unwrap_or(rules.limit_ms);
        Judge {
            states: rules
                .rules
                .iter()
                .map(|rule| state(rule.is_for(call.outbound, &caller, &callee)))
                .collect(),
            heard: vec![None; rules.tests.len()],
            due: 0,
            limit_ms: (limit_ms > 0).then_some(f64::from(limit_ms)),
            allowed: begins_with_any(party, &rules.allow),
            blind: false,
            decided: 0,
            verdict: Verdict::Pending,
            catalogue: Arc::default(),
            call,
            rules,
        }
    }

    /// With what is known of scripts: without it, no script has a category.
    pub fn knowing(mut self, catalogue: &Arc<Catalogue>) -> Judge {
        self.catalogue = catalogue.clone();
        self
    }

    /// Whether the other party is on the allow list: the call needs no analysis.
    /// [`Judge::passed`] says so once, in a decision.
    pub fn is_allowed(&self) -> bool {
        self.allowed
    }

    /// The decision that a finding brings. `clock_ms`: the far side's audio so
    /// far; a finding that claims to be known later was known then.
    pub fn heard(&mut self, finding: &Finding, clock_ms: f64) -> Option<Decision> {
        if self.allowed || self.blind {
            return None;
        }
        let known_ms = (finding.known_at as f64 / 8.0).min(clock_ms);
        let rules = self.rules.clone();
        let candidates = match &finding.what {
            // More than any real catalogue gives: nobody can tell anything from that.
            Event::Script(found)
                if found.among.len().max(found.path.len()) > limits::RECORD_LIST =>
            {
                return None;
            }
            _ => Candidates::of(finding, &self.catalogue),
        };
        let mut candidates = Some(candidates);
        let mut kept: Option<Arc<Kept>> = None;
        let mut winner: Option<usize> = None;
        for (n, rule) in rules.rules.iter().enumerate() {
            if self.states[n] == State::Foreign {
                continue;
            }
            let mut completes = false;
            for t in rule.heard.start..rule.unless.end {
                let known = kept.as_ref().map(|k| &k.candidates).or(candidates.as_ref());
                if !rules.tests[t].matches(finding, known.expect("in one or the other")) {
                    continue;
                }
                let what = kept.get_or_insert_with(|| {
                    let candidates = candidates.take().expect("taken once");
                    Arc::new(Kept { finding: bounded(finding), candidates })
                });
                let taken = winner.is_some();
                // The latest, but rather one that no earlier rule made something of.
                let slot = &mut self.heard[t];
                if !taken || slot.as_ref().is_none_or(|h| h.taken) {
                    *slot = Some(Heard { what: what.clone(), taken });
                }
                completes |= rule.heard.contains(&t);
            }
            if completes && winner.is_none() && self.holds(n, known_ms) {
                winner = Some(n);
            }
        }
        let (n, trigger) = (winner?, kept?);
        self.decide_by(n, Some(&trigger), known_ms)
    }

    /// The decision that the passing of time brings, `clock_ms` of the far
    /// side's audio having passed. Where several came due, the next call brings
    /// the next: call until there is none, or with every batch.
    pub fn passed(&mut self, clock_ms: f64) -> Option<Decision> {
        if self.blind {
            return None;
        }
        if self.allowed {
            return (self.decided == 0)
                .then(|| self.settle(Verdict::Unsure, "allow", "ALLOWED".into(), 0.0));
        }
        let rules = self.rules.clone();
        loop {
            let limit_ms = self.limit_ms.filter(|_| self.decided == 0);
            let timer = rules.timers.get(self.due).filter(|(due_ms, _)| *due_ms <= clock_ms);
            match (timer, limit_ms.filter(|limit_ms| *limit_ms <= clock_ms)) {
                (Some(&(due_ms, n)), limit_ms) if limit_ms.is_none_or(|limit| due_ms <= limit) => {
                    self.due += 1;
                    let first = &self.heard[rules.rules[n].heard.clone()];
                    // What an earlier rule made something of is not for this one.
                    let is_free =
                        first.first().is_none_or(|h| h.as_ref().is_some_and(|h| !h.taken));
                    if self.states[n] != State::Waiting || !is_free || !self.holds(n, due_ms) {
                        continue;
                    }
                    // The first of those that come due at once has decided.
                    while rules.timers.get(self.due).is_some_and(|t| t.0 == due_ms) {
                        self.due += 1;
                    }
                    return self.decide_by(n, None, due_ms);
                }
                (_, Some(limit_ms)) => {
                    let cause = format!("LIMIT-{limit_ms:.0}");
                    return Some(self.settle(Verdict::Unsure, "limit", cause, limit_ms));
                }
                _ => return None,
            }
        }
    }

    /// The decision of a call whose analysis ends before it does, or never begins:
    /// NOTREADY. It is the last one: what is not heard any more, silence least of
    /// all, says nothing. `cause` is upper-case, with hyphens: `FAULT`, `OVERLOAD`.
    pub fn given_up(&mut self, cause: &str) -> Decision {
        self.blind = true;
        let cause = limits::clean(cause, limits::TEXT_BYTES);
        self.settle(Verdict::NotReady, "", cause, 0.0)
    }

    /// Whether a rule's `when` is fulfilled at a time.
    fn holds(&self, n: usize, now_ms: f64) -> bool {
        let rule = &self.rules.rules[n];
        self.states[n] != State::Foreign
            && self.heard[rule.heard.clone()].iter().all(Option::is_some)
            && self.heard[rule.unless.clone()].iter().all(Option::is_none)
            && rule.after_ms.is_none_or(|after_ms| now_ms >= after_ms)
            && rule.before_ms.is_none_or(|before_ms| now_ms <= before_ms)
            && (rule.in_force.is_empty() || rule.in_force.contains(&self.verdict))
    }

    /// What a rule decides; nothing if it has before. `trigger`: the finding
    /// that completed it, if it was not time.
    fn decide_by(
        &mut self,
        n: usize,
        trigger: Option<&Arc<Kept>>,
        known_ms: f64,
    ) -> Option<Decision> {
        if std::mem::replace(&mut self.states[n], State::Decided) == State::Decided {
            return None;
        }
        let rules = self.rules.clone();
        let rule = &rules.rules[n];
        let mut findings: Vec<&Arc<Kept>> = Vec::new();
        for heard in self.heard[rule.heard.clone()].iter().flatten() {
            if !findings.iter().any(|f| Arc::ptr_eq(f, &heard.what)) {
                findings.push(&heard.what);
            }
        }
        let first = findings.first().map(|f| (&f.finding, f.candidates.common().2));
        let verdict = rule.verdict(first.as_ref().map(|(f, category)| (*f, category.as_str())));
        let scripts = trigger.into_iter().chain(findings.iter().copied());
        let script = scripts.map(|f| f.candidates.common()).find(|s| *s != Default::default());
        let (pack, script, category) = script.unwrap_or_default();
        let sure = findings.iter().map(|f| confidence(&f.finding));
        let decision = Decision {
            number: self.decided,
            verdict,
            action: rule.action.clone(),
            shadow: rule.shadow,
            rule: rule.name.clone(),
            script,
            pack,
            category,
            cause: match trigger {
                Some(trigger) => cause(&trigger.finding, known_ms),
                None => format!("TIME-{known_ms:.0}"),
            },
            confidence: sure.reduce(f64::min).unwrap_or(0.0),
            known_ms,
            record: Value::Null,
        };
        let findings = findings.iter().map(|f| record::finding(&f.finding)).collect();
        Some(self.recorded(decision, Some(&rule.when), findings))
    }

    /// Nobody can tell: the call goes on.
    fn settle(&mut self, verdict: Verdict, rule: &str, cause: String, known_ms: f64) -> Decision {
        let decision = Decision {
            number: self.decided,
            verdict,
            action: Action::None,
            shadow: false,
            rule: rule.into(),
            script: String::new(),
            pack: String::new(),
            category: String::new(),
            cause,
            confidence: 0.0,
            known_ms,
            record: Value::Null,
        };
        self.recorded(decision, None, vec![])
    }

    /// The decision with its record; it is in force from here on.
    fn recorded(
        &mut self,
        mut decision: Decision,
        when: Option<&Value>,
        findings: Vec<Value>,
    ) -> Decision {
        let text = |text: &str| Value::from(limits::clean(text, limits::TEXT_BYTES));
        let mut record = Map::new();
        let mut put = |name: &str, value: Value| record.insert(name.into(), value);
        put("call", text(&self.call.id));
        put("direction", if self.call.outbound { "outbound" } else { "inbound" }.into());
        put("caller", text(&self.call.caller));
        put("callee", text(&self.call.callee));
        put("number", decision.number.into());
        put("verdict", decision.verdict.name().into());
        put("before", self.verdict.name().into());
        put("known_ms", json!(decision.known_ms));
        put("confidence", json!(decision.confidence));
        put("cause", decision.cause.as_str().into());
        put("script", decision.script.as_str().into());
        put("pack", decision.pack.as_str().into());
        put("category", decision.category.as_str().into());
        let name = format!("{}/{}", decision.pack, decision.script);
        if let Some(entry) = self.catalogue.get(&name).filter(|e| !e.title.is_empty()) {
            put("title", entry.title.into());
        }
        put("rules", text(self.rules.name()));
        put("rule", decision.rule.as_str().into());
        put("shadow", decision.shadow.into());
        decision.action.describe(&mut record);
        if let Some(when) = when {
            record.insert("when".into(), when.clone());
        }
        record.insert("findings".into(), findings.into());
        decision.record = record.into();
        self.decided += 1;
        self.verdict = decision.verdict;
        decision
    }
}

fn confidence(finding: &Finding) -> f64 {
    match &finding.what {
        Event::Script(found) => confidence_of(found.confidence),
        Event::Answer(answer) => confidence_of(answer.confidence),
        Event::Behaviour(behaviour) => confidence_of(behaviour.confidence),
        Event::Tone(_) | Event::Speech(_) => 1.0,
    }
}

/// An upper-case name and numbers.
fn cause(finding: &Finding, known_ms: f64) -> String {
    match &finding.what {
        Event::Script(_) => format!("SCRIPT-{known_ms:.0}-{:.0}", confidence(finding) * 1e4),
        Event::Tone(tone) => {
            let hz = tone.freqs_hz.first().copied().filter(|hz| hz.is_finite()).unwrap_or(0.0);
            format!("{}-{known_ms:.0}-{hz:.0}", record::tone(tone.kind).to_uppercase())
        }
        Event::Speech(_) => format!("SPEECH-{known_ms:.0}"),
        Event::Answer(answer) => limits::clean(&answer.cause, limits::TEXT_BYTES),
        Event::Behaviour(behaviour) => limits::clean(&behaviour.cause, limits::TEXT_BYTES),
    }
}

/// A finding with its texts cut to what is kept.
fn bounded(finding: &Finding) -> Finding {
    let mut finding = finding.clone();
    let cut = |text: &mut String| *text = limits::clean(text, limits::RECORD_TEXT_BYTES);
    match &mut finding.what {
        Event::Script(found) => {
            [&mut found.script_id, &mut found.pack, &mut found.node].into_iter().for_each(cut);
            found.among.iter_mut().chain(&mut found.path).for_each(cut);
        }
        Event::Tone(tone) => {
            cut(&mut tone.detail);
            tone.freqs_hz.truncate(limits::RECORD_LIST);
        }
        Event::Answer(answer) => cut(&mut answer.cause),
        Event::Behaviour(behaviour) => cut(&mut behaviour.cause),
        Event::Speech(_) => {}
    }
    finding
}
