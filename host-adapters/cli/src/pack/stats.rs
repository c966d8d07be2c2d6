//! `callprint pack stats`: packs in numbers.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::Result;
use callprint_plugin::pack::Pack;
use serde_json::{Value, json};

use super::file;
use crate::print;

/// Print numbers about packs, a line of JSON each.
#[derive(clap::Args)]
pub struct Args {
    /// The packs.
    #[arg(required = true, value_name = "PACK.json")]
    packs: Vec<PathBuf>,
}

pub fn run(args: &Args) -> Result<()> {
    for path in &args.packs {
        let bytes = file::bytes(path)?;
        print::line(format_args!("{}", numbers(&file::parse(path, &bytes)?, bytes.len())))?;
    }
    Ok(())
}

fn numbers(pack: &Pack, bytes: usize) -> Value {
    let nodes = || pack.scripts.iter().flat_map(|s| &s.nodes);
    let codes: usize = nodes().map(|n| n.codes.0.len()).sum();
    let empty: usize = nodes().flat_map(|n| &n.codes.0).filter(|c| **c == 0).count();
    let seconds = (codes * file::CODE_MS) as f64 / 1e3;
    let mut lengths: Vec<f64> = pack.scripts.iter().map(file::script_seconds).collect();
    lengths.sort_by(f64::total_cmp);
    let slots =
        nodes().filter_map(|n| n.more.get("slots")?.as_array()).map(Vec::len).sum::<usize>();
    let last_seen = pack.scripts.iter().map(|s| file::text(&s.more, "last_seen")).max();
    json!({
        "id": pack.id,
        "version": pack.version,
        "scripts": pack.scripts.len(),
        "nodes": nodes().count(),
        "slots": slots,
        "duration_s": seconds,
        "shortest_s": lengths.first(),
        "median_s": lengths.get(lengths.len() / 2),
        "longest_s": lengths.last(),
        "silent_share": empty as f64 / codes.max(1) as f64,
        "bytes": bytes,
        "bytes_per_s": bytes as f64 / seconds.max(0.04),
        "last_seen": last_seen.filter(|day| !day.is_empty()),
        "categories": counts(pack, "category"),
        "languages": counts(pack, "language"),
    })
}

/// How many scripts have which value of a field; without it, under "".
fn counts<'a>(pack: &'a Pack, field: &str) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for script in &pack.scripts {
        *counts.entry(file::text(&script.more, field)).or_default() += 1;
    }
    counts
}
