//! Rules: a JSON file, read once and checked to the last field.

use std::{ops::Range, path::Path};

use serde_json::Value;

use super::{
    Action, Verdict,
    json::{self, Fault, Fields, Node},
    test::{self, Kind, Test},
};
use crate::{AnswerKind, Error, Event, Finding, ToneKind, catalogue::Catalogue, limits};

/// The format version, and the only one read.
const VERSION: u32 = 1;

/// Without a decision by then, UNSURE is decided, unless the file says otherwise.
const LIMIT_MS: u32 = 6_000;

/// Q.850 causes: 21 call rejected, 1 unallocated number.
const HANGUP_CAUSE: u32 = 21;
const DECOY_CAUSE: u32 = 1;

const TOP: &[&str] = &["$schema", "comment", "version", "shadow", "limit_ms", "allow", "rules"];
const RULE: &[&str] = &[
    "name",
    "comment",
    "when",
    "verdict",
    "action",
    "hangup_cause",
    "context",
    "extension",
    "priority",
    "shadow",
];
const WHEN: &[&str] =
    &["also", "unless", "after_ms", "before_ms", "direction", "caller", "callee", "verdict"];

/// The verdicts that rules can give, in lower case as the file has them.
const VERDICTS: &[(&str, Verdict)] = &[
    ("robot", Verdict::Robot),
    ("human", Verdict::Human),
    ("machine", Verdict::Machine),
    ("beep", Verdict::Beep),
    ("fax", Verdict::Fax),
    ("tone", Verdict::Busy),
    ("unsure", Verdict::Unsure),
];

const DIRECTIONS: &[(&str, bool)] = &[("inbound", false), ("outbound", true)];

/// What is done, before its particulars.
#[derive(Clone, Copy, PartialEq)]
enum Doing {
    None,
    Tag,
    Hangup,
    Transfer,
    Decoy,
}

const ACTIONS: &[(&str, Doing)] = &[
    ("none", Doing::None),
    ("tag", Doing::Tag),
    ("hangup", Doing::Hangup),
    ("transfer", Doing::Transfer),
    ("decoy", Doing::Decoy),
];

/// What an admin wants done, checked. Immutable; calls share it.
#[derive(Debug, Default)]
pub struct Rules {
    name: String,
    /// By default as rules say it; 0: none.
    pub(super) limit_ms: u32,
    /// How numbers of the other party begin that are never judged.
    pub(super) allow: Vec<String>,
    pub(super) rules: Vec<Rule>,
    /// The tests of all rules, one after the other.
    pub(super) tests: Vec<Test>,
    /// When rules with `after_ms` come due, the soonest first.
    pub(super) timers: Vec<(f64, usize)>,
    pub(super) shadow: bool,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub name: String,
    /// As the file has it.
    pub when: Value,
    pub heard: Range<usize>,
    pub unless: Range<usize>,
    pub after_ms: Option<f64>,
    pub before_ms: Option<f64>,
    outbound: Option<bool>,
    caller: Vec<String>,
    callee: Vec<String>,
    /// Verdicts of which one must be in force.
    pub in_force: Vec<Verdict>,
    verdict: Option<Verdict>,
    pub action: Action,
    pub shadow: bool,
}

impl Rules {
    /// Reads a file of rules. The error names the field, its value, and what it
    /// may be.
    pub fn read(path: &Path) -> Result<Rules, Error> {
        let size = path.metadata().map_err(Error::io(path))?.len();
        let name = path.display().to_string();
        check_size(&name, size as usize)?;
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        Rules::parse(&name, &bytes)
    }

    /// Reads rules; `name` is what errors and records call them.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Rules, Error> {
        check_size(name, bytes.len())?;
        let fault = |reason| Error::Rules { name: name.to_owned(), reason };
        let json = json::parse(bytes).map_err(|e| fault(format!("not valid JSON: {e}")))?;
        read(name, &Node::root(&json)).map_err(fault)
    }

    /// What applies where the admin says nothing: tags, and touches no call.
    pub fn builtin(outbound: bool) -> Rules {
        let (name, json) = if outbound {
            ("built-in, outbound", include_str!("../../../../models/rules/outbound.json"))
        } else {
            ("built-in, inbound", include_str!("../../../../models/rules/inbound.json"))
        };
        Rules::parse(name, json.as_bytes()).expect("a test reads them")
    }

    /// The file they are from, or "built-in, inbound", "built-in, outbound".
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none: only the time limit and the allow list apply.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Audio after which UNSURE is decided if nothing else was, in ms; 0: never.
    pub fn limit_ms(&self) -> u32 {
        self.limit_ms
    }

    /// Names of the rules that wait for a script of which a catalogue has none.
    pub fn without_script(&self, catalogue: &Catalogue) -> Vec<&str> {
        let is_known = |test: &Test| catalogue.iter().any(|(name, entry)| test.is_for(name, entry));
        let waits_in_vain = |rule: &&Rule| {
            let mut tests = self.tests[rule.heard.clone()].iter();
            tests.any(|test| test.kind == Kind::Script && !is_known(test))
        };
        self.rules.iter().filter(waits_in_vain).map(|r| r.name.as_str()).collect()
    }

    /// Names of the rules that act for real and touch the call: not only shadow, not only tags.
    pub fn armed(&self) -> impl Iterator<Item = &str> {
        let acts = |r: &&Rule| !r.shadow && !matches!(r.action, Action::None | Action::Tag);
        self.rules.iter().filter(acts).map(|r| r.name.as_str())
    }
}

fn check_size(name: &str, size: usize) -> Result<(), Error> {
    let max = limits::RULES_BYTES;
    if size > max {
        let reason = format!("the file has {size} bytes, the limit is {max}");
        return Err(Error::Rules { name: name.to_owned(), reason });
    }
    Ok(())
}

fn read(name: &str, root: &Node) -> Result<Rules, Fault> {
    let top = root.fields(TOP)?;
    let version = top.required("version", "write \"version\": 1")?;
    version.integer(VERSION, VERSION)?;
    comment(&top, "comment")?;
    comment(&top, "$schema")?;
    let mut rules = Rules {
        name: name.to_owned(),
        limit_ms: top.get("limit_ms").map_or(Ok(LIMIT_MS), |n| n.integer(0, limits::RULE_MS))?,
        allow: match top.get("allow") {
            Some(node) => numbers(node.list(0, limits::ALLOWED)?)?,
            None => vec![],
        },
        rules: vec![],
        tests: vec![],
        timers: vec![],
        // What the admin has not armed touches no call.
        shadow: top.get("shadow").map_or(Ok(true), |n| n.boolean())?,
    };
    let nodes = top.required("rules", "write \"rules\": [] for none")?.list(0, limits::RULES)?;
    for node in &nodes {
        let rule = rules.read_rule(node)?;
        if let Some(after_ms) = rule.after_ms {
            rules.timers.push((after_ms, rules.rules.len()));
        }
        rules.rules.push(rule);
    }
    // Stable: of those due at once, the first in the file comes first.
    rules.timers.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(rules)
}

fn comment(fields: &Fields, name: &str) -> Result<(), Fault> {
    fields.get(name).map_or(Ok(()), |node| match node.value() {
        Value::String(_) => Ok(()),
        _ => Err(node.fault("must be a text")),
    })
}

impl Rules {
    fn read_rule(&mut self, node: &Node) -> Result<Rule, Fault> {
        let fields = node.fields(RULE)?;
        comment(&fields, "comment")?;
        let named = fields.required("name", "decisions are recorded by it")?;
        let name = named.text(limits::TEXT_BYTES)?;
        if self.rules.iter().any(|r| r.name == name) {
            return Err(named.fault(format_args!("is {name:?}, as is an earlier rule's")));
        }
        let when = fields.required("when", "it says what the rule waits for")?;
        let call = when.fields(&[test::FIELDS, WHEN].concat())?;
        let heard = self.tests.len();
        let primary = test::read(&when, WHEN)?;
        self.tests.extend(primary);
        if let Some(also) = call.get("also") {
            if self.tests.len() == heard {
                return Err(also.fault("adds to nothing: ask for the first finding in \"when\""));
            }
            self.read_tests(&also)?;
        }
        let unless = self.tests.len();
        if let Some(node) = call.get("unless") {
            self.read_tests(&node)?;
        }
        let ms = |name| match call.get(name) {
            Some(node) => node.integer(0, limits::RULE_MS).map(|ms| Some(f64::from(ms))),
            None => Ok(None),
        };
        let (after_ms, before_ms) = (ms("after_ms")?, ms("before_ms")?);
        if heard == unless && after_ms.is_none() {
            return Err(when.fault(
                "waits for nothing: ask for a finding (kind, script, tone, answer, behaviour), or for a time (after_ms)",
            ));
        }
        if let (Some(after), Some(before)) = (after_ms, before_ms)
            && before < after
        {
            return Err(
                when.fault(format_args!("is never: after {after} ms and before {before} ms"))
            );
        }
        let prefixes = |name| match call.get(name) {
            Some(node) => numbers(node.one_or_more(limits::NAMES_PER_TEST)?),
            None => Ok(vec![]),
        };
        let verdict = fields.get("verdict").map(|n| n.one_of(VERDICTS)).transpose()?;
        let speaks_for_itself = match self.tests.get(heard).filter(|_| heard < unless) {
            Some(test) => verdict_is_plain(test),
            None => true,
        };
        if verdict.is_none() && !speaks_for_itself {
            fields.required(
                "verdict",
                "what it waits for does not say by itself who the far side is: write robot, human, machine, …",
            )?;
        }
        Ok(Rule {
            name,
            when: when.value().clone(),
            heard: heard..unless,
            unless: unless..self.tests.len(),
            after_ms,
            before_ms,
            outbound: call.get("direction").map(|n| n.one_of(DIRECTIONS)).transpose()?,
            caller: prefixes("caller")?,
            callee: prefixes("callee")?,
            in_force: call.get("verdict").map_or(Ok(vec![]), |n| test::names(&n, VERDICTS))?,
            verdict,
            action: action(&fields)?,
            shadow: fields.get("shadow").map_or(Ok(self.shadow), |n| n.boolean())?,
        })
    }

    fn read_tests(&mut self, node: &Node) -> Result<(), Fault> {
        for node in node.one_or_more(limits::TESTS_PER_RULE)? {
            let test = test::read(&node, &[])?;
            self.tests.push(test.ok_or_else(|| node.fault("asks for nothing"))?);
        }
        Ok(())
    }
}

fn action(fields: &Fields) -> Result<Action, Fault> {
    let doing = fields.get("action").map_or(Ok(Doing::Tag), |n| n.one_of(ACTIONS))?;
    let clears = matches!(doing, Doing::Hangup | Doing::Decoy);
    if let Some(node) = fields.get("hangup_cause").filter(|_| !clears) {
        return Err(node.fault("is for the actions hangup and decoy"));
    }
    for name in ["context", "extension", "priority"] {
        if let Some(node) = fields.get(name).filter(|_| doing != Doing::Transfer) {
            return Err(node.fault("is for the action transfer"));
        }
    }
    let cause = |default| fields.get("hangup_cause").map_or(Ok(default), |n| n.integer(1, 127));
    let place = |name| {
        fields
            .required(name, "the action transfer needs to know where to")?
            .text(limits::TEXT_BYTES)
    };
    Ok(match doing {
        Doing::None => Action::None,
        Doing::Tag => Action::Tag,
        Doing::Hangup => Action::Hangup { cause: cause(HANGUP_CAUSE)? },
        Doing::Decoy => Action::Decoy { cause: cause(DECOY_CAUSE)? },
        Doing::Transfer => Action::Transfer {
            context: place("context")?,
            extension: place("extension")?,
            priority: fields.get("priority").map_or(Ok(1), |n| n.integer(1, 1_000_000))?,
        },
    })
}

fn numbers(nodes: Vec<Node>) -> Result<Vec<String>, Fault> {
    let number = |node: &Node| {
        let bare = bare_number(&node.text(limits::TEXT_BYTES)?);
        if bare.is_empty() { Err(node.fault("has no digits")) } else { Ok(bare) }
    };
    nodes.iter().map(number).collect()
}

/// A number without what people put between the digits.
pub(super) fn bare_number(number: &str) -> String {
    number.chars().filter(|c| !" -.()/".contains(*c)).collect()
}

/// Whether what a test finds says by itself who the far side is.
fn verdict_is_plain(test: &Test) -> bool {
    match test.kind {
        Kind::Script => true,
        Kind::Answer => true,
        Kind::Tone => {
            !test.tones.is_empty() && test.tones.iter().all(|t| tone_verdict(*t, true).is_some())
        }
        Kind::Speech | Kind::Behaviour => false,
    }
}

fn tone_verdict(tone: ToneKind, ended: bool) -> Option<Verdict> {
    Some(match tone {
        ToneKind::Beep if ended => Verdict::Beep,
        ToneKind::Beep => Verdict::Machine,
        ToneKind::FaxCalling | ToneKind::FaxAnswer | ToneKind::FaxFlags => Verdict::Fax,
        ToneKind::Busy | ToneKind::Congestion | ToneKind::Dial | ToneKind::Sit => Verdict::Busy,
        ToneKind::Ringback | ToneKind::Dtmf | ToneKind::CallbackRingback => return None,
    })
}

/// The category of the prompts of voice mailboxes: machines, but no robots.
const VOICEMAIL: &str = "voicemail";

impl Rule {
    /// Whether it is for calls like this.
    pub fn is_for(&self, outbound: bool, caller: &str, callee: &str) -> bool {
        self.outbound.is_none_or(|o| o == outbound)
            && (self.caller.is_empty() || begins_with_any(caller, &self.caller))
            && (self.callee.is_empty() || begins_with_any(callee, &self.callee))
    }

    /// The verdict where `finding` was the first that it asks for; `category`
    /// is that of its scripts.
    pub fn verdict(&self, finding: Option<(&Finding, &str)>) -> Verdict {
        let plain = finding.and_then(|(finding, category)| match &finding.what {
            Event::Script(_) if category == VOICEMAIL => Some(Verdict::Machine),
            Event::Script(_) => Some(Verdict::Robot),
            Event::Answer(answer) => Some(match answer.kind {
                AnswerKind::Human => Verdict::Human,
                AnswerKind::Machine => Verdict::Machine,
                AnswerKind::Unsure => Verdict::Unsure,
            }),
            Event::Tone(tone) => tone_verdict(tone.kind, tone.end.is_some()),
            Event::Speech(_) | Event::Behaviour(_) => None,
        });
        self.verdict.or(plain).unwrap_or(Verdict::Unsure)
    }
}

pub(super) fn begins_with_any(number: &str, prefixes: &[String]) -> bool {
    prefixes.iter().any(|p| number.starts_with(p.as_str()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SCHEMA: &str = include_str!("../../../../models/schema/rules.schema.json");

    /// What the schema lists at a pointer: names of properties, or values of an enum.
    fn listed(schema: &Value, pointer: &str) -> BTreeSet<String> {
        match schema.pointer(pointer) {
            Some(Value::Object(map)) => map.keys().cloned().collect(),
            Some(Value::Array(list)) => {
                list.iter().map(|v| v.as_str().unwrap().to_owned()).collect()
            }
            other => panic!("{pointer}: {other:?}"),
        }
    }

    fn own<T>(names: &[(&str, T)]) -> BTreeSet<String> {
        names.iter().map(|(name, _)| name.to_string()).collect()
    }

    #[test]
    fn the_schema_knows_what_the_parser_knows_and_nothing_else() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let set = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<BTreeSet<_>>();
        let test = set(test::FIELDS);
        let when: BTreeSet<String> = test.union(&set(WHEN)).cloned().collect();
        assert_eq!(listed(&schema, "/properties"), set(TOP));
        assert_eq!(listed(&schema, "/$defs/rule/properties"), set(RULE));
        assert_eq!(listed(&schema, "/$defs/when/properties"), when);
        assert_eq!(listed(&schema, "/$defs/finding/properties"), test);
        assert_eq!(listed(&schema, "/$defs/verdict/enum"), own(VERDICTS));
        assert_eq!(listed(&schema, "/$defs/rule/properties/action/enum"), own(ACTIONS));
        assert_eq!(listed(&schema, "/$defs/when/properties/direction/enum"), own(DIRECTIONS));
        assert_eq!(listed(&schema, "/$defs/kind/enum"), own(test::KINDS));
        assert_eq!(listed(&schema, "/$defs/tone/enum"), own(test::TONES));
        assert_eq!(listed(&schema, "/$defs/answer/enum"), own(test::ANSWERS));
        assert_eq!(listed(&schema, "/$defs/behaviour/enum"), own(test::BEHAVIOURS));
        assert_eq!(listed(&schema, "/$defs/side/enum"), own(test::SIDES));
        let bound =
            |pointer: &str| schema.pointer(pointer).and_then(Value::as_u64).unwrap() as usize;
        assert_eq!(bound("/properties/limit_ms/maximum"), limits::RULE_MS as usize);
        assert_eq!(bound("/properties/limit_ms/default"), LIMIT_MS as usize);
        assert_eq!(bound("/properties/rules/maxItems"), limits::RULES);
        assert_eq!(bound("/properties/allow/maxItems"), limits::ALLOWED);
        assert_eq!(bound("/$defs/text/maxLength"), limits::TEXT_BYTES);
        assert_eq!(bound("/$defs/findings/anyOf/1/maxItems"), limits::TESTS_PER_RULE);
        assert_eq!(bound("/$defs/names/anyOf/1/maxItems"), limits::NAMES_PER_TEST);
        assert_eq!(bound("/$defs/ms/maximum"), limits::RULE_MS as usize);
    }
}
