//! What a rule asks of one finding.

use super::json::{Fault, Node};
use crate::{
    AnswerKind, BehaviourKind, Event, Finding, Side, ToneKind,
    catalogue::{Catalogue, Entry},
    limits,
};

/// The names of what a test may ask for.
pub const FIELDS: &[&str] = &[
    "kind",
    "script",
    "pack",
    "category",
    "tone",
    "detail",
    "ended",
    "answer",
    "behaviour",
    "cause",
    "confidence",
    "side",
];

pub const KINDS: &[(&str, Kind)] = &[
    ("script", Kind::Script),
    ("tone", Kind::Tone),
    ("answer", Kind::Answer),
    ("speech", Kind::Speech),
    ("behaviour", Kind::Behaviour),
];

pub const TONES: &[(&str, ToneKind)] = &[
    ("beep", ToneKind::Beep),
    ("ringback", ToneKind::Ringback),
    ("busy", ToneKind::Busy),
    ("congestion", ToneKind::Congestion),
    ("dial", ToneKind::Dial),
    ("sit", ToneKind::Sit),
    ("fax-calling", ToneKind::FaxCalling),
    ("fax-answer", ToneKind::FaxAnswer),
    ("fax-flags", ToneKind::FaxFlags),
    ("dtmf", ToneKind::Dtmf),
    ("callback-ringback", ToneKind::CallbackRingback),
];

pub const ANSWERS: &[(&str, AnswerKind)] = &[
    ("human", AnswerKind::Human),
    ("machine", AnswerKind::Machine),
    ("unsure", AnswerKind::Unsure),
];

pub const BEHAVIOURS: &[(&str, BehaviourKind)] = &[
    ("talks-through", BehaviourKind::TalksThrough),
    ("waits-for-speech", BehaviourKind::WaitsForSpeech),
    ("handed-over", BehaviourKind::HandedOver),
];

pub const SIDES: &[(&str, Side)] = &[("far", Side::Far), ("near", Side::Near)];

/// The kinds of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Script,
    Tone,
    Answer,
    Speech,
    Behaviour,
}

/// A name, or with a final `*` how names begin.
#[derive(Debug)]
struct Pattern {
    begins: String,
    exact: bool,
}

impl Pattern {
    fn read(node: &Node) -> Result<Pattern, Fault> {
        let text = node.text(limits::TEXT_BYTES)?;
        let pattern = match text.strip_suffix('*') {
            Some(begins) => Pattern { begins: begins.to_owned(), exact: false },
            None => Pattern { begins: text, exact: true },
        };
        if pattern.begins.contains('*') {
            return Err(node.fault("has a * that is not its last character"));
        }
        Ok(pattern)
    }

    fn matches(&self, name: &str) -> bool {
        if self.exact { name == self.begins } else { name.starts_with(&self.begins) }
    }
}

/// Any of several; everything if empty.
#[derive(Debug, Default)]
struct Patterns(Vec<Pattern>);

impl Patterns {
    fn matches(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|p| p.matches(name))
    }
}

/// Asks for one finding: everything it names must hold.
#[derive(Debug)]
pub struct Test {
    pub kind: Kind,
    script: Patterns,
    pack: Patterns,
    category: Patterns,
    pub tones: Vec<ToneKind>,
    detail: Patterns,
    ended: Option<bool>,
    pub answers: Vec<AnswerKind>,
    behaviours: Vec<BehaviourKind>,
    cause: Patterns,
    confidence: f64,
    side: Side,
}

/// Reads a test; `outer` are names that belong to what it is a part of. None if
/// it asks for nothing.
pub fn read(node: &Node, outer: &[&str]) -> Result<Option<Test>, Fault> {
    let known: Vec<&str> = FIELDS.iter().chain(outer).copied().collect();
    let fields = node.fields(&known)?;
    let patterns = |name| match fields.get(name) {
        Some(node) => {
            let nodes = node.one_or_more(limits::NAMES_PER_TEST)?;
            nodes.iter().map(Pattern::read).collect::<Result<_, _>>().map(Patterns)
        }
        None => Ok(Patterns::default()),
    };
    // What is asked for tells the kind; asking for two kinds at once is a mistake.
    let mut kind: Option<(Kind, &str)> = match fields.get("kind") {
        Some(node) => Some((node.one_of(KINDS)?, "kind")),
        None => None,
    };
    for (name, kinds) in OF_KIND {
        let Some(node) = fields.get(name) else { continue };
        match kind {
            None => kind = Some((kinds[0], name)),
            Some((kind, _)) if kinds.contains(&kind) => {}
            Some((_, other)) => {
                return Err(node.fault(format_args!(
                    "and {other} cannot both hold of one finding; ask for the second in \"also\""
                )));
            }
        }
    }
    let Some((kind, _)) = kind else {
        if let Some(name) = ["detail", "ended", "cause", "confidence", "side"]
            .iter()
            .find(|name| fields.get(name).is_some())
        {
            return Err(node.fault(format_args!(
                "asks for {name}, but not of what: say kind, script, tone, answer or behaviour too"
            )));
        }
        return Ok(None);
    };
    for (name, kinds) in [
        ("detail", &[Kind::Tone][..]),
        ("ended", &[Kind::Tone, Kind::Speech]),
        ("cause", &[Kind::Answer, Kind::Behaviour]),
        ("confidence", &[Kind::Script, Kind::Answer, Kind::Behaviour]),
    ] {
        if let Some(node) = fields.get(name).filter(|_| !kinds.contains(&kind)) {
            let kind = KINDS.iter().find(|(_, k)| *k == kind).map_or("", |(name, _)| name);
            return Err(node.fault(format_args!("says nothing of a finding of kind {kind}")));
        }
    }
    Ok(Some(Test {
        kind,
        script: patterns("script")?,
        pack: patterns("pack")?,
        category: patterns("category")?,
        tones: fields.get("tone").map_or(Ok(vec![]), |n| names(&n, TONES))?,
        detail: patterns("detail")?,
        ended: fields.get("ended").map(|n| n.boolean()).transpose()?,
        answers: fields.get("answer").map_or(Ok(vec![]), |n| names(&n, ANSWERS))?,
        behaviours: fields.get("behaviour").map_or(Ok(vec![]), |n| names(&n, BEHAVIOURS))?,
        cause: patterns("cause")?,
        confidence: fields.get("confidence").map_or(Ok(0.0), |n| n.share())?,
        side: fields.get("side").map_or(Ok(Side::Far), |n| n.one_of(SIDES))?,
    }))
}

/// Of which kinds of finding each of these can be asked.
const OF_KIND: [(&str, &[Kind]); 6] = [
    ("script", &[Kind::Script]),
    ("pack", &[Kind::Script]),
    ("category", &[Kind::Script]),
    ("tone", &[Kind::Tone]),
    ("answer", &[Kind::Answer]),
    ("behaviour", &[Kind::Behaviour]),
];

/// One or several of a few names.
pub fn names<T: Copy>(node: &Node, known: &[(&str, T)]) -> Result<Vec<T>, Fault> {
    node.one_or_more(limits::NAMES_PER_TEST)?.iter().map(|n| n.one_of(known)).collect()
}

/// Scripts that a finding names: one, or all that it may be.
#[derive(Debug, Default)]
pub struct Candidates {
    /// Pack, id, category of each.
    list: Vec<(String, String, String)>,
}

impl Candidates {
    /// Of a script finding; none of others.
    pub fn of(finding: &Finding, catalogue: &Catalogue) -> Candidates {
        let Event::Script(found) = &finding.what else { return Candidates::default() };
        let candidate = |pack: &str, id: &str| {
            let id_of = |text| limits::clean(text, limits::TEXT_BYTES);
            let (pack, id) = (id_of(pack), id_of(id));
            let category = catalogue.category(&format!("{pack}/{id}")).to_owned();
            (pack, id, category)
        };
        let list = match &found.among[..] {
            [] => vec![candidate(&found.pack, &found.script_id)],
            among => among
                .iter()
                .map(|name| name.split_once('/').unwrap_or(("", name)))
                .map(|(pack, id)| candidate(pack, id))
                .collect(),
        };
        Candidates { list }
    }

    /// Pack, id and category as far as all candidates agree on them.
    pub fn common(&self) -> (String, String, String) {
        let Some((pack, id, category)) = self.list.first() else { return Default::default() };
        let agreed = |value: &String, of: fn(&(String, String, String)) -> &String| {
            let all = self.list.iter().all(|candidate| of(candidate) == value);
            if all { value.clone() } else { String::new() }
        };
        // Only of one pack is an id a name.
        let pack = agreed(pack, |c| &c.0);
        let id = if pack.is_empty() { String::new() } else { agreed(id, |c| &c.1) };
        (pack, id, agreed(category, |c| &c.2))
    }
}

impl Test {
    /// Whether a script is one that is asked for, by its name `pack/script`.
    pub fn is_for(&self, name: &str, entry: Entry) -> bool {
        let (pack, id) = name.split_once('/').unwrap_or(("", name));
        self.fits(pack, id, entry.category)
    }

    fn fits(&self, pack: &str, id: &str, category: &str) -> bool {
        self.pack.matches(pack) && self.script.matches(id) && self.category.matches(category)
    }

    /// Whether a finding is what is asked for. `candidates` are its.
    pub fn matches(&self, finding: &Finding, candidates: &Candidates) -> bool {
        if finding.side != self.side {
            return false;
        }
        let sure = |confidence: f32| {
            self.confidence == 0.0 || confidence_of(confidence) >= self.confidence
        };
        let ended = |end: Option<u64>| self.ended.is_none_or(|ended| ended == end.is_some());
        match (&finding.what, self.kind) {
            (Event::Script(found), Kind::Script) => {
                let mut candidates = candidates.list.iter();
                sure(found.confidence) && candidates.all(|(p, id, c)| self.fits(p, id, c))
            }
            (Event::Tone(tone), Kind::Tone) => {
                (self.tones.is_empty() || self.tones.contains(&tone.kind))
                    && ended(tone.end)
                    && self.detail.matches(&tone.detail)
            }
            (Event::Answer(answer), Kind::Answer) => {
                (self.answers.is_empty() || self.answers.contains(&answer.kind))
                    && sure(answer.confidence)
                    && self.cause.matches(&answer.cause)
            }
            (Event::Speech(spurt), Kind::Speech) => ended(spurt.end),
            (Event::Behaviour(behaviour), Kind::Behaviour) => {
                (self.behaviours.is_empty() || self.behaviours.contains(&behaviour.kind))
                    && sure(behaviour.confidence)
                    && self.cause.matches(&behaviour.cause)
            }
            _ => false,
        }
    }
}

/// A confidence as a plugin may give it: 0 to 1, and 0 if it is no number.
pub fn confidence_of(confidence: f32) -> f64 {
    // In ten-thousandths, as in records: 0.99 in single precision is less than 0.99.
    let confidence = (f64::from(confidence) * 1e4).round() / 1e4;
    if confidence.is_nan() { 0.0 } else { confidence.clamp(0.0, 1.0) }
}
