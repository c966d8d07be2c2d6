//! Rules, the judge, and what is kept of decisions, through their public face.

mod evidence;
mod findings;
mod judging;
mod metrics;
mod reading;
mod schema;

use callprint::policy::Rules;
use findings::{answer, behaviour, either, script, speech, tone};

fn rules(json: &str) -> Rules {
    Rules::parse("r.json", json.as_bytes()).unwrap()
}

/// A file of rules that ships.
fn shipped() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/rules");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    assert!(files.len() >= 5);
    files
}
