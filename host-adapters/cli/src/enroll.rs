//! `callprint enroll`: recordings of scripts into a pack.

use std::{
    io::Write,
    num::NonZero,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, Result, bail, ensure};
use callprint_plugin::{
    limits,
    pack::{Codes, Node, Pack, Script},
    script::{Codebook, fingerprint},
};
use serde_json::{Map, Value};

use crate::{audio_file, list, progress};

/// Add recordings of scripts to a pack; it is made if it is not there.
#[derive(clap::Args)]
pub struct Args {
    /// A CSV with the columns script_id and wav; others (category, text, lang, …) are kept with
    /// the script. Lines with the same script_id are recordings of one script.
    #[arg(long, value_name = "REFS.csv", conflicts_with_all = ["script_id", "files"], required_unless_present = "script_id")]
    list: Option<PathBuf>,
    /// The script that the files are recordings of.
    #[arg(long, value_name = "ID", requires = "files")]
    script_id: Option<String>,
    /// The pack to write or extend.
    #[arg(long, value_name = "OUT.json")]
    pack: PathBuf,
    /// What a new pack is called; its file's name unless given.
    #[arg(long)]
    name: Option<String>,
    /// Who ships the pack.
    #[arg(long)]
    vendor: Option<String>,
    /// Category of the scripts that have none of their own: dental, loan, …
    #[arg(long)]
    category: Option<String>,
    /// Recordings of the script.
    #[arg(value_name = "FILE.wav")]
    files: Vec<PathBuf>,
}

/// A recording to enrol.
struct Take {
    script_id: String,
    wav: PathBuf,
    more: Map<String, Value>,
}

pub fn run(args: Args, quiet: bool) -> Result<()> {
    let takes = takes(&args)?;
    let book = Codebook::default();
    let mut pack = open_pack(&args, &book)?;
    let codes = fingerprint_all(&book, &takes, quiet)?;
    let before = pack.scripts.len();
    for (take, codes) in takes.into_iter().zip(codes) {
        add(&mut pack, take, codes, args.category.as_deref())?;
    }
    pack.check().with_context(|| format!("{}", args.pack.display()))?;
    write(&args.pack, &pack)?;
    if !quiet {
        let (all, new) = (pack.scripts.len(), pack.scripts.len() - before);
        eprintln!("{}: {all} scripts, {new} of them new", args.pack.display());
    }
    Ok(())
}

fn takes(args: &Args) -> Result<Vec<Take>> {
    if let Some(path) = &args.list {
        let rows = list::read(path, &["script_id"])?;
        return Ok(rows
            .into_iter()
            .map(|mut row| {
                let id = row.more.remove("script_id");
                let script_id =
                    id.and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default();
                Take { script_id, wav: row.wav, more: row.more }
            })
            .collect());
    }
    let script_id = args.script_id.clone().context("neither --list nor --script-id is given")?;
    let take =
        |wav: &PathBuf| Take { script_id: script_id.clone(), wav: wav.clone(), more: Map::new() };
    Ok(args.files.iter().map(take).collect())
}

/// The pack as it is, or a new one.
fn open_pack(args: &Args, book: &Codebook) -> Result<Pack> {
    let name = args.pack.display();
    let mut pack = match std::fs::read(&args.pack) {
        Ok(json) => Pack::read(&json).with_context(|| format!("{name}"))?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let stem = args.pack.file_stem().map(|s| s.to_string_lossy().into_owned());
            let id = args.name.clone().or(stem).unwrap_or_default();
            Pack::new(&id, book.id())
        }
        Err(e) => return Err(e).with_context(|| format!("{name}: cannot be read")),
    };
    ensure!(
        pack.code == book.id(),
        "{name}: its fingerprints are of code {:?}, this version makes {:?}; enrol all recordings into a new pack",
        pack.code,
        book.id()
    );
    if let Some(given) = args.name.as_ref().filter(|given| **given != pack.id) {
        bail!("{name}: the pack is called {:?}, not {given:?}; leave --name out", pack.id);
    }
    if let Some(vendor) = &args.vendor {
        pack.more.insert("vendor".into(), vendor.clone().into());
    }
    Ok(pack)
}

/// Fingerprints all recordings, on all processors; all or none.
fn fingerprint_all(book: &Codebook, takes: &[Take], quiet: bool) -> Result<Vec<Vec<u64>>> {
    let bar = progress::bar(takes.len(), "enrolling", quiet);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(take) = takes.get(n) else { break done };
            let codes = fingerprint_file(book, &take.wav)
                .with_context(|| format!("{}", take.wav.display()));
            bar.inc(1);
            done.push((n, codes));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(takes.len());
    let mut all: Vec<(usize, Result<Vec<u64>>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let join =
            |w: std::thread::ScopedJoinHandle<Vec<_>>| w.join().expect("workers do not panic");
        workers.into_iter().flat_map(join).collect()
    });
    bar.finish_and_clear();
    all.sort_by_key(|(n, _)| *n);
    let (mut codes, mut failed) = (Vec::new(), 0);
    for (_, result) in all {
        match result {
            Ok(c) => codes.push(c),
            Err(e) => {
                failed += 1;
                eprintln!("callprint: {e:#}");
            }
        }
    }
    let total = takes.len();
    ensure!(
        failed == 0,
        "{failed} of {total} recordings cannot be enrolled; the pack was left as it is"
    );
    Ok(codes)
}

fn fingerprint_file(book: &Codebook, path: &Path) -> Result<Vec<u64>> {
    let recording = audio_file::read(path)?;
    ensure!(
        recording.near.is_none(),
        "it has two channels, and a script's recording has one; split it"
    );
    let codes = fingerprint(book, recording.rate_hz, &recording.far);
    let of_use = codes.iter().filter(|c| **c != 0).count();
    let (min, max) = (limits::RECORDING_CODES_MIN, limits::RECORDING_CODES_MAX);
    ensure!(
        of_use >= min,
        "there are only {} ms of speech in it, and must be {}; record more",
        of_use * 40,
        min * 40
    );
    ensure!(
        codes.len() <= max,
        "it lasts {} s, the limit is {}; split it",
        codes.len() / 25,
        max / 25
    );
    Ok(codes)
}

/// Adds a recording as a further node of its script.
fn add(pack: &mut Pack, take: Take, codes: Vec<u64>, category: Option<&str>) -> Result<()> {
    let position = pack.scripts.iter().position(|s| s.id == take.script_id);
    let at = position.unwrap_or_else(|| {
        let mut more = take.more.clone();
        if let Some(category) = category {
            more.entry("category").or_insert(category.into());
        }
        pack.scripts.push(Script { id: take.script_id.clone(), nodes: Vec::new(), more });
        pack.scripts.len() - 1
    });
    let script = &mut pack.scripts[at];
    let codes = Codes(codes);
    if let Some(same) = script.nodes.iter().find(|n| n.codes == codes) {
        let (wav, script) = (take.wav.display(), &take.script_id);
        bail!("{wav}: script {script:?} has this very recording already, as node {:?}", same.id);
    }
    let file = take.wav.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let mut id = file.clone();
    let mut n = 2;
    while script.nodes.iter().any(|node| node.id == id) {
        id = format!("{file}-{n}");
        n += 1;
    }
    script.nodes.push(Node { id, codes, more: Map::new() });
    Ok(())
}

/// Replaces the pack as a whole, or leaves it.
fn write(path: &Path, pack: &Pack) -> Result<()> {
    let context = || format!("{}: cannot be written", path.display());
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".callprint-pack-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        .with_context(context)?;
    let mut writer = std::io::BufWriter::new(&mut file);
    serde_json::to_writer_pretty(&mut writer, pack).with_context(context)?;
    writer.flush().with_context(context)?;
    drop(writer);
    file.as_file().sync_all().with_context(context)?;
    file.persist(path).with_context(context)?;
    Ok(())
}
