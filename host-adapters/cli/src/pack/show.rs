//! `callprint pack show`: a pack in words.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use callprint_plugin::pack::{Node, Script};
use serde_json::Value;

use super::file;
use crate::print::line;

/// Print what is in a pack: a line a script, or all of the scripts named.
#[derive(clap::Args)]
pub struct Args {
    /// The pack.
    #[arg(value_name = "PACK.json")]
    pack: PathBuf,
    /// Scripts to show in full.
    #[arg(value_name = "SCRIPT_ID")]
    scripts: Vec<String>,
}

pub fn run(args: &Args) -> Result<()> {
    let pack = file::read(&args.pack)?;
    for id in &args.scripts {
        let script = pack.scripts.iter().find(|s| s.id == *id);
        ensure!(script.is_some(), "{}: there is no script {id:?}", args.pack.display());
    }
    if args.scripts.is_empty() {
        line(format_args!("{} {}", pack.id, pack.version))?;
        for name in ["name", "vendor", "licence", "created", "expires"] {
            if let Some(value) = pack.more.get(name) {
                line(format_args!("{name:9} {}", plain(value)))?;
            }
        }
        line(format_args!("code      {}", pack.code))?;
        let total: f64 = pack.scripts.iter().map(file::script_seconds).sum();
        line(format_args!("scripts   {}, {:.1} min", pack.scripts.len(), total / 60.0))?;
        pack.scripts.iter().try_for_each(short)
    } else {
        pack.scripts.iter().filter(|s| args.scripts.contains(&s.id)).try_for_each(full)
    }
}

fn short(script: &Script) -> Result<()> {
    let about: Vec<&str> = ["category", "language", "title"]
        .into_iter()
        .map(|name| file::text(&script.more, name))
        .filter(|text| !text.is_empty())
        .collect();
    let (seconds, nodes) = (file::script_seconds(script), script.nodes.len());
    let nodes = if nodes == 1 { String::new() } else { format!(", {nodes} nodes") };
    line(format_args!("  {}  {seconds:.1} s{nodes}  {}", script.id, about.join(", ")))
}

fn full(script: &Script) -> Result<()> {
    line(format_args!("{}  {:.1} s", script.id, file::script_seconds(script)))?;
    for (name, value) in &script.more {
        line(format_args!("  {name}: {}", plain(value)))?;
    }
    script.nodes.iter().try_for_each(node)
}

fn node(node: &Node) -> Result<()> {
    line(format_args!("  node {}  {:.1} s", node.id, file::seconds(&node.codes)))?;
    for (name, value) in &node.more {
        line(format_args!("    {name}: {}", plain(value)))?;
    }
    Ok(())
}

/// Text without its quotes, lists without their brackets.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name} {}", plain(value)))
            .collect::<Vec<_>>()
            .join(" "),
        other => other.to_string(),
    }
}
