//! Folders of recordings, and the `script.json` that says how they belong
//! together.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Take, stem};
use crate::{audio_file, pack::file};

const FILE: &str = "script.json";

/// A script's dialogue is text for people; more than this is a mistake.
const FILE_BYTES: usize = 4 << 20;

/// `script.json`: metadata of the script, and its nodes.
#[derive(Deserialize)]
struct Dialogue {
    /// The folder's name unless given.
    id: Option<String>,
    nodes: Vec<DialogueNode>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Deserialize)]
struct DialogueNode {
    id: String,
    /// Takes of it, files of the folder; those called after the node unless given.
    recordings: Option<Vec<String>>,
    /// Text, what follows, names of slots.
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// The scripts of a folder: every recording is one, and every folder in it; or the one that its
/// `script.json` describes.
pub(super) fn scripts_in(folder: &Path) -> Result<Vec<Take>> {
    if folder.join(FILE).exists() {
        return dialogue(folder);
    }
    let mut takes = Vec::new();
    for path in entries(folder)? {
        if path.join(FILE).exists() {
            takes.extend(dialogue(&path)?);
        } else if path.is_dir() {
            let name = file_name(&path);
            let files: Vec<PathBuf> =
                entries(&path)?.into_iter().filter(|f| audio_file::is_recording(f)).collect();
            takes.extend(files.into_iter().map(|wav| take(wav, &name)));
        } else if audio_file::is_recording(&path) {
            let name = stem(&path);
            takes.push(take(path, &name));
        }
    }
    ensure!(!takes.is_empty(), "{}: there are no recordings in it", folder.display());
    Ok(takes)
}

fn take(wav: PathBuf, script_id: &str) -> Take {
    Take { wav, script_id: script_id.into(), node: None, script: Map::new(), about: Map::new() }
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("{}: cannot be read", folder.display());
    let entries = std::fs::read_dir(folder).with_context(context)?;
    let mut paths =
        entries.map(|e| Ok(e?.path())).collect::<Result<Vec<_>>>().with_context(context)?;
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

fn dialogue(folder: &Path) -> Result<Vec<Take>> {
    let path = folder.join(FILE);
    let name = path.display();
    let bytes = file::bounded(&path, FILE_BYTES)?;
    let dialogue: Dialogue = serde_json::from_slice(&bytes).with_context(|| format!("{name}"))?;
    let script_id = dialogue.id.clone().unwrap_or_else(|| file_name(folder));
    check_references(&dialogue).with_context(|| format!("{name}"))?;
    let mut takes = Vec::new();
    for node in dialogue.nodes {
        let files = match &node.recordings {
            Some(files) => files.iter().map(|f| inside(folder, f)).collect::<Result<Vec<_>>>(),
            None => named_after(folder, &node.id),
        };
        let files = files.with_context(|| format!("{name}, node {:?}", node.id))?;
        takes.extend(files.into_iter().map(|wav| Take {
            wav,
            script_id: script_id.clone(),
            node: Some(node.id.clone()),
            script: dialogue.more.clone(),
            about: node.more.clone(),
        }));
    }
    Ok(takes)
}

/// Refuses a dialogue that leads nowhere.
fn check_references(dialogue: &Dialogue) -> Result<()> {
    ensure!(!dialogue.nodes.is_empty(), "it has no nodes");
    let known = |id: &str| dialogue.nodes.iter().any(|n| n.id == id);
    for (n, node) in dialogue.nodes.iter().enumerate() {
        let first = dialogue.nodes.iter().position(|other| other.id == node.id);
        ensure!(first == Some(n), "node {:?} is there twice", node.id);
        let next = match node.more.get("next") {
            None => &[][..],
            Some(Value::Array(next)) => next,
            Some(other) => {
                bail!("`next` of node {:?} is {other}, expected a list of nodes", node.id)
            }
        };
        for id in next {
            let there = id.as_str().is_some_and(known);
            ensure!(there, "node {:?} leads to {id}, which is not there", node.id);
        }
    }
    if let Some(start) = dialogue.more.get("start") {
        ensure!(start.as_str().is_some_and(known), "`start` is {start}, which is no node");
    }
    Ok(())
}

/// A file of the folder; nothing outside of it is taken.
fn inside(folder: &Path, file: &str) -> Result<PathBuf> {
    let plain = Path::new(file).components().all(|c| matches!(c, Component::Normal(_)));
    ensure!(plain && !file.is_empty(), "recording {file:?} is not a file in the folder");
    Ok(folder.join(file))
}

/// The recordings called `NODE.wav`, `NODE.2.wav`, `NODE.late.flac`, …
fn named_after(folder: &Path, node: &str) -> Result<Vec<PathBuf>> {
    let mut files = entries(folder)?;
    files.retain(|f| {
        audio_file::is_recording(f) && file_name(f).split_once('.').is_some_and(|(n, _)| n == node)
    });
    ensure!(!files.is_empty(), "there is no recording of it, as {node}.wav");
    Ok(files)
}
