//! `callprint pack diff`: what changed between two packs.

use std::{collections::HashMap, path::PathBuf};

use anyhow::Result;
use callprint_plugin::pack::{Pack, Script};
use serde_json::{Map, Value};

use super::file;
use crate::print;

/// Print what changed from one pack to another: a line for each field and script.
#[derive(clap::Args)]
pub struct Args {
    /// The pack as it was.
    #[arg(value_name = "OLD.json")]
    old: PathBuf,
    /// The pack as it is.
    #[arg(value_name = "NEW.json")]
    new: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    let (old, new) = (file::read(&args.old)?, file::read(&args.new)?);
    changes(&old, &new).iter().try_for_each(print::line)
}

fn changes(old: &Pack, new: &Pack) -> Vec<String> {
    let mut lines: Vec<String> = fields(&header(old), &header(new))
        .into_iter()
        .map(|change| format!("pack: {change}"))
        .collect();
    let before: HashMap<&str, &Script> = old.scripts.iter().map(|s| (s.id.as_str(), s)).collect();
    let after: HashMap<&str, &Script> = new.scripts.iter().map(|s| (s.id.as_str(), s)).collect();
    for script in old.scripts.iter().filter(|s| !after.contains_key(s.id.as_str())) {
        lines.push(format!("- {}  {:.1} s", script.id, file::script_seconds(script)));
    }
    for script in &new.scripts {
        match before.get(script.id.as_str()) {
            None => lines.push(format!("+ {}  {:.1} s", script.id, file::script_seconds(script))),
            Some(old) => {
                let changes = script_changes(old, script);
                if !changes.is_empty() {
                    lines.push(format!("~ {}  {}", script.id, changes.join("; ")));
                }
            }
        }
    }
    lines
}

fn header(pack: &Pack) -> Map<String, Value> {
    let mut fields = pack.more.clone();
    fields.insert("id".into(), pack.id.as_str().into());
    fields.insert("version".into(), pack.version.as_str().into());
    fields.insert("code".into(), pack.code.as_str().into());
    if let Some(version) = &pack.min_analyzer {
        fields.insert("min_analyzer".into(), version.as_str().into());
    }
    fields
}

fn script_changes(old: &Script, new: &Script) -> Vec<String> {
    let mut changes = fields(&old.more, &new.more);
    for node in old.nodes.iter().filter(|n| new.nodes.iter().all(|m| m.id != n.id)) {
        changes.push(format!("node {} gone", node.id));
    }
    for node in &new.nodes {
        let Some(before) = old.nodes.iter().find(|n| n.id == node.id) else {
            changes.push(format!("node {} new", node.id));
            continue;
        };
        if before.codes != node.codes {
            let (from, to) = (file::seconds(&before.codes), file::seconds(&node.codes));
            changes.push(format!("node {}: fingerprint, {from:.1} s to {to:.1} s", node.id));
        }
        let more = fields(&before.more, &node.more);
        changes.extend(more.into_iter().map(|change| format!("node {}: {change}", node.id)));
    }
    changes
}

fn fields(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let gone = old.iter().filter(|(name, _)| !new.contains_key(*name));
    let gone = gone.map(|(name, value)| format!("{name} was {value}"));
    let other = new.iter().filter_map(|(name, value)| match old.get(name) {
        Some(before) if before == value => None,
        Some(before) => Some(format!("{name} {before} to {value}")),
        None => Some(format!("{name} now {value}")),
    });
    gone.chain(other).collect()
}
