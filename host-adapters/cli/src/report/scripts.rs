//! What the packs say of the scripts that were heard.

use std::collections::BTreeMap;

use callprint::{Event, Finding, bake::Recipe};
use callprint_plugin::pack::Pack;
use serde_json::{Map, Value, json};

use crate::pack::file::CODE_MS;

/// Of every script in `findings` (as `pack/script`) what its pack says, and the duration of its
/// recordings. The packs are where they were when the analyzer was baked, or this stays unsaid.
pub fn about(recipe: &Recipe, findings: &[Finding]) -> BTreeMap<String, Value> {
    let mut about = BTreeMap::new();
    for pack in recipe.packs.iter().filter_map(|p| std::fs::read(&p.path).ok()) {
        let Ok(pack) = Pack::read(&pack) else {
            continue;
        };
        for script in &pack.scripts {
            let name = format!("{}/{}", pack.id, script.id);
            if !findings.iter().any(|f| names(f, &name)) {
                continue;
            }
            let nodes: Map<String, Value> = script
                .nodes
                .iter()
                .map(|n| (n.id.clone(), json!({ "duration_ms": n.codes.0.len() * CODE_MS })))
                .collect();
            let mut facts = script.more.clone();
            facts.insert("nodes".into(), nodes.into());
            about.insert(name, facts.into());
        }
    }
    about
}

/// Whether a finding speaks of a script.
fn names(finding: &Finding, name: &str) -> bool {
    match &finding.what {
        Event::Script(m) => {
            m.among.iter().any(|other| other == name)
                || name.strip_prefix(&m.pack).and_then(|n| n.strip_prefix('/'))
                    == Some(&m.script_id)
        }
        _ => false,
    }
}
