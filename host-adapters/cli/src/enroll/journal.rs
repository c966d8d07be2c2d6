//! What an enrolment has done so far, so that it need not be done again when it
//! was killed.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Mutex,
};

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

use super::fingerprints::Fingerprint;

/// A file beside the pack; a line for each recording that is done. It goes when the enrolment ends,
/// well or not; only what kills the process leaves it.
pub struct Journal {
    path: PathBuf,
    done: HashMap<Key, Fingerprint>,
    file: Mutex<File>,
}

/// A recording as it was.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Key {
    wav: PathBuf,
    bytes: u64,
    modified_s: i64,
    modified_ns: i64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    key: Key,
    codes: String,
}

impl Journal {
    /// Opens the journal of a pack. `manner` says how fingerprints are made: those made otherwise
    /// are of no use.
    pub fn open(pack: &Path, manner: &str) -> Result<Journal> {
        let name = pack.file_name().unwrap_or_default().to_string_lossy();
        let path = pack.with_file_name(format!(".{name}.enrolling"));
        let head = format!("callprint {} {manner}\n", env!("CARGO_PKG_VERSION"));
        let context = || format!("{}: cannot be written", path.display());
        let done = read(&path, &head);
        let mut options = OpenOptions::new();
        let mut file = if done.is_empty() {
            options.write(true).create(true).truncate(true).open(&path).with_context(context)?
        } else {
            options.append(true).open(&path).with_context(context)?
        };
        // A line that was cut off ends here.
        let start = if done.is_empty() { head } else { "\n".into() };
        file.write_all(start.as_bytes()).with_context(context)?;
        Ok(Journal { path, done, file: Mutex::new(file) })
    }

    /// The fingerprint of a recording that was done before and has not changed.
    pub fn get(&self, wav: &Path) -> Option<Fingerprint> {
        if self.done.is_empty() {
            return None;
        }
        self.done.get(&key(wav).ok()?).cloned()
    }

    /// Notes a fingerprint.
    pub fn put(&self, wav: &Path, print: &Fingerprint) -> Result<()> {
        let bytes: Vec<u8> = print.iter().flat_map(|c| c.to_le_bytes()).collect();
        let line = Line { key: key(wav)?, codes: BASE64.encode(bytes) };
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        let mut file = self.file.lock().expect("no thread panics while it holds the lock");
        file.write_all(text.as_bytes())
            .with_context(|| format!("{}: cannot be written", self.path.display()))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn key(wav: &Path) -> Result<Key> {
    let meta = wav.metadata().context("cannot be read")?;
    Ok(Key {
        wav: wav.canonicalize().context("cannot be read")?,
        bytes: meta.len(),
        modified_s: meta.mtime(),
        modified_ns: meta.mtime_nsec(),
    })
}

/// What was done in the manner that `head` names; lines that are damaged are not.
fn read(path: &Path, head: &str) -> HashMap<Key, Fingerprint> {
    let Ok(file) = File::open(path) else {
        return HashMap::new();
    };
    let mut lines = BufReader::new(file).lines();
    if lines.next().and_then(Result::ok).as_deref() != Some(head.trim_end()) {
        return HashMap::new();
    }
    let parse = |line: String| {
        let line: Line = serde_json::from_str(&line).ok()?;
        let bytes = BASE64.decode(line.codes).ok()?;
        let (codes, rest) = bytes.as_chunks::<8>();
        let codes = codes.iter().map(|c| u64::from_le_bytes(*c)).collect();
        rest.is_empty().then_some((line.key, codes))
    };
    lines.map_while(Result::ok).filter_map(parse).collect()
}
