//! The page: one file, which needs nothing else.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use callprint::{Analyzer, record};
use serde::Serialize;
use serde_json::Value;

use super::{scripts, sound::Sound, spectrogram::Spectrogram};
use crate::{audio_file::Recording, listen::Heard, pack::file};

const FRAME: &str = include_str!("page/frame.html");
const STYLE: &str = include_str!("page/style.css");
const PROGRAM: [&str; 5] = [
    include_str!("page/words.js"),
    include_str!("page/spectrogram.js"),
    include_str!("page/chart.js"),
    include_str!("page/player.js"),
    include_str!("page/main.js"),
];

/// What is known to be in a recording, whether or not it was heard: the demo's truth.
#[derive(Clone, serde::Deserialize, Serialize)]
pub struct Part {
    pub side: String,
    pub from_ms: f64,
    pub until_ms: f64,
    /// What it is.
    pub what: String,
    /// The script that is played, if one is.
    pub script_id: String,
    /// What is said.
    pub text: String,
}

/// What a page tells of.
pub struct Call<'a> {
    pub name: String,
    pub recording: &'a Recording,
    pub heard: &'a Heard,
    pub analyzer: &'a Analyzer,
    pub parts: &'a [Part],
    /// Whether the page carries the audio, to be played.
    pub with_audio: bool,
}

/// What the page's program reads.
#[derive(Serialize)]
struct Data<'a> {
    name: &'a str,
    duration_ms: f64,
    analyzer: &'a str,
    packs: Vec<String>,
    scripts: BTreeMap<String, Value>,
    findings: Vec<Value>,
    parts: &'a [Part],
    far: Spectrogram,
    near: Option<Spectrogram>,
    sound: Option<Sound>,
}

/// Writes the page; an old one is replaced as a whole.
pub fn write(path: &Path, call: &Call) -> Result<()> {
    let Call { recording, heard, .. } = call;
    let recipe = call.analyzer.recipe();
    let rate_hz = recording.rate_hz;
    let data = Data {
        name: &call.name,
        duration_ms: recording.far.len() as f64 * 1e3 / f64::from(rate_hz),
        analyzer: &recipe.analyzer,
        packs: recipe.packs.iter().map(|p| format!("{} {}", p.id, p.version)).collect(),
        scripts: scripts::about(recipe, &heard.findings),
        findings: heard.findings.iter().map(record::finding).collect(),
        parts: call.parts,
        far: Spectrogram::new(rate_hz, &recording.far),
        near: recording.near.as_ref().map(|near| Spectrogram::new(rate_hz, near)),
        sound: call.with_audio.then(|| Sound::new(recording)),
    };
    // Within a script element only "<" could end the data early.
    let data = serde_json::to_string(&data)?.replace('<', "\\u003c");
    let page = FRAME
        .replace("{{style}}", STYLE)
        .replace("{{program}}", &PROGRAM.concat())
        .replace("{{data}}", &data);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{}: cannot be made", folder.display()))?;
    }
    file::replace(path, 0o644, |writer| Ok(writer.write_all(page.as_bytes())?))
}
