//! Verdicts, counted by what they say and by script.

use std::{collections::BTreeMap, sync::Mutex};

use serde_json::{Value, json};

use super::{Counter, Page, escaped};
use crate::{limits, policy::Decision, policy::Verdict};

const ACTIONS: [&str; 5] = ["none", "tag", "hangup", "transfer", "decoy"];

/// Decisions by verdict, action and shadow; and by script, of which only so
/// many are told apart as a collector can bear.
#[derive(Debug)]
pub struct Verdicts {
    /// By [`slot`].
    all: [Counter; Verdict::ALL.len() * ACTIONS.len() * 2],
    /// Pack, script, category, action. A lock, as only the dispatcher adds.
    scripts: Mutex<BTreeMap<Script, u64>>,
}

type Script = (String, String, String, &'static str);

/// Stands for scripts beyond those that are counted by name.
const OTHER: &str = "(other)";

impl Default for Verdicts {
    fn default() -> Verdicts {
        Verdicts { all: std::array::from_fn(|_| Counter::default()), scripts: Mutex::default() }
    }
}

fn slot(verdict: Verdict, action: usize, shadow: bool) -> usize {
    (verdict as usize * ACTIONS.len() + action) * 2 + usize::from(shadow)
}

impl Verdicts {
    pub(super) fn add(&self, decision: &Decision) {
        let action = decision.action.number() as usize;
        self.all[slot(decision.verdict, action, decision.shadow)].increment();
        if decision.script.is_empty() && decision.category.is_empty() {
            return;
        }
        let mut scripts = self.scripts.lock().unwrap_or_else(|e| e.into_inner());
        let Decision { pack, script, category, .. } = decision;
        let mut key = (pack.clone(), script.clone(), category.clone(), ACTIONS[action]);
        if scripts.len() >= limits::METRIC_SCRIPTS && !scripts.contains_key(&key) {
            key = (OTHER.into(), OTHER.into(), OTHER.into(), ACTIONS[action]);
        }
        *scripts.entry(key).or_default() += 1;
    }

    /// Verdict, action, shadow and how often, of those that occurred.
    fn counts(&self) -> impl Iterator<Item = (Verdict, &'static str, bool, u64)> {
        let kinds = Verdict::ALL.into_iter().flat_map(|verdict| {
            (0..ACTIONS.len()).flat_map(move |action| [false, true].map(|s| (verdict, action, s)))
        });
        let count = |(verdict, action, shadow)| {
            let count = self.all[slot(verdict, action, shadow)].get();
            (verdict, ACTIONS[action], shadow, count)
        };
        kinds.map(count).filter(|c| c.3 > 0)
    }

    pub(super) fn render(&self, page: &mut Page) {
        page.family("callprint_verdicts_total", "counter", "Decisions, by verdict and action.");
        for (verdict, action, shadow, count) in self.counts() {
            let verdict = verdict.name();
            let labels = format!("verdict=\"{verdict}\",action=\"{action}\",shadow=\"{shadow}\"");
            page.value(&labels, count as f64);
        }
        page.family("callprint_scripts_total", "counter", "Decisions by a known script.");
        let scripts = self.scripts.lock().unwrap_or_else(|e| e.into_inner());
        for ((pack, script, category, action), count) in scripts.iter() {
            let (pack, script) = (escaped(pack), escaped(script));
            let category = escaped(category);
            let labels = format!(
                "pack=\"{pack}\",script=\"{script}\",category=\"{category}\",action=\"{action}\""
            );
            page.value(&labels, *count as f64);
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let count = |(verdict, action, shadow, count): (Verdict, &str, bool, u64)| json!({"verdict": verdict.name(), "action": action, "shadow": shadow, "count": count});
        self.counts().map(count).collect()
    }
}
