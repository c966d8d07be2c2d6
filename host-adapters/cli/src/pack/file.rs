//! Packs as files.

use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use callprint_plugin::{
    limits,
    pack::{Codes, Pack, Script, check_structure},
};
use serde_json::{Map, Value};

use super::date::Date;

/// Milliseconds per code.
pub const CODE_MS: usize = 40;

/// Reads and checks a pack.
pub fn read(path: &Path) -> Result<Pack> {
    parse(path, &bytes(path)?)
}

/// Checks the bytes of a pack that were read from `path`.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Pack> {
    Pack::read(bytes).with_context(|| format!("{}", path.display()))
}

/// The same as mere JSON; nothing is parsed that would take far more memory than its text.
pub fn json(path: &Path, bytes: &[u8]) -> Result<Value> {
    let context = || format!("{}", path.display());
    check_structure(bytes).with_context(context)?;
    serde_json::from_slice(bytes).with_context(context)
}

/// A pack's bytes, not yet looked at.
pub fn bytes(path: &Path) -> Result<Vec<u8>> {
    bounded(path, limits::PACK_BYTES)
}

/// A file's bytes if there are at most `max`.
pub fn bounded(path: &Path, max: usize) -> Result<Vec<u8>> {
    let context = || format!("{}: cannot be read", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(context)?;
    file.take(max as u64 + 1).read_to_end(&mut bytes).with_context(context)?;
    ensure!(bytes.len() <= max, "{}: it has more than {max} bytes, the limit", path.display());
    Ok(bytes)
}

/// Writes a pack in place of what was there, as a whole or not at all.
pub fn write(path: &Path, pack: &Pack) -> Result<()> {
    pack.check().with_context(|| format!("{}", path.display()))?;
    replace(path, 0o644, |writer| Ok(serde_json::to_writer_pretty(writer, pack)?))
}

/// Writes a file in place of what was there, as a whole or not at all.
pub fn replace(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let context = || format!("{}: cannot be written", path.display());
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".callprint-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
        .tempfile_in(folder)
        .with_context(context)?;
    let mut writer = std::io::BufWriter::new(&mut file);
    fill(&mut writer).with_context(context)?;
    writer.flush().with_context(context)?;
    drop(writer);
    file.as_file().sync_all().with_context(context)?;
    file.persist(path).with_context(context)?;
    // The new name must survive a power cut too.
    File::open(folder).and_then(|f| f.sync_all()).with_context(context)
}

/// Writes a pack that a tool has changed: a new version, made today.
pub fn write_changed(path: &Path, pack: &mut Pack, quiet: bool) -> Result<()> {
    let Some(version) = next_version(&pack.version) else {
        anyhow::bail!(
            "{}: its version is {:?}, and must be three numbers to be followed by a next one; \
             give it one with `callprint pack set {} version=1.0.0`",
            path.display(),
            pack.version,
            path.display()
        );
    };
    pack.version = version;
    pack.more.insert("created".into(), Date::today().to_string().into());
    write(path, pack)?;
    if !quiet {
        let scripts = pack.scripts.len();
        eprintln!("{}: {} {}, {scripts} scripts", path.display(), pack.id, pack.version);
        if signature_of(path).exists() {
            eprintln!("{}: its signature no longer fits; sign it again", path.display());
        }
    }
    Ok(())
}

/// The next patch of a version of three numbers.
fn next_version(version: &str) -> Option<String> {
    let [major, minor, patch] = numbers(version)?;
    Some(format!("{major}.{minor}.{}", patch.checked_add(1)?))
}

/// The three numbers of a version that has nothing else.
pub fn numbers(version: &str) -> Option<[u32; 3]> {
    let mut parts = version.split('.').map(|part| {
        let plain = part == "0" || !part.starts_with(['0', '+']);
        part.parse().ok().filter(|_| plain)
    });
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

/// Where a pack's signature is.
pub fn signature_of(pack: &Path) -> PathBuf {
    let mut name = pack.as_os_str().to_owned();
    name.push(".minisig");
    name.into()
}

/// A field that is text; "" where there is none.
pub fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The duration of codes, in seconds.
pub fn seconds(codes: &Codes) -> f64 {
    (codes.0.len() * CODE_MS) as f64 / 1e3
}

/// The duration of all recordings of a script, in seconds.
pub fn script_seconds(script: &Script) -> f64 {
    script.nodes.iter().map(|n| seconds(&n.codes)).sum()
}
