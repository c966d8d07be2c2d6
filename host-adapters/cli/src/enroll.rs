//! `callprint enroll`: recordings of scripts into a pack.
//!
//! ```text
//! folder, list or files ─▶ takes ─▶ fingerprints ─▶ takes of a node laid over each other ─▶ pack
//! ```

mod common;
mod fingerprints;
mod journal;
mod tree;
mod trim;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use callprint_plugin::{
    pack::{Codes, Node, Pack, Script},
    script::Codebook,
};
use serde_json::{Map, Value, json};

use self::{common::Part, fingerprints::Fingerprint};
use crate::{list, pack::file};

/// Add recordings of scripts to a pack; it is made if it is not there.
///
/// Recordings are WAV, FLAC, Ogg Vorbis or MP3. Ringing, beeps and silence at their ends are cut
/// off. If the command is ended before it is done, it goes on where it was when it is run again.
#[derive(clap::Args)]
pub struct Args {
    /// A CSV with the columns script_id and wav; others (title, category, text, language, …) are
    /// kept with the script. Lines with the same script_id are recordings of one script: nodes of
    /// it, or takes of one node if the column node has the same name.
    #[arg(long, value_name = "REFS.csv", conflicts_with_all = ["script_id", "files"], required_unless_present = "files")]
    list: Option<PathBuf>,
    /// The script that the files are recordings of; without it each file is a script of its own.
    #[arg(long, value_name = "ID", requires = "files")]
    script_id: Option<String>,
    /// The files are takes of the same words: what is common to them is kept, what differs becomes
    /// a slot.
    #[arg(long, requires = "script_id")]
    takes: bool,
    /// The files are calls in which the script is heard somewhere: what is common to them is cut
    /// out. In stereo the far end is left.
    #[arg(long, requires = "script_id", conflicts_with = "takes")]
    find_common: bool,
    /// The pack to write or extend.
    #[arg(long, value_name = "OUT.json")]
    pack: PathBuf,
    /// What a new pack is called; its file's name unless given.
    #[arg(long)]
    name: Option<String>,
    /// Who ships the pack.
    #[arg(long)]
    vendor: Option<String>,
    /// Category of the scripts that have none of their own: a name of
    /// models/schema/categories.json.
    #[arg(long)]
    category: Option<String>,
    /// Keep ringing, beeps and silence at the ends of recordings.
    #[arg(long)]
    no_trim: bool,
    /// Recordings, or folders of them. A folder in a folder is one script: its files are nodes, and
    /// script.json in it says which follows which.
    #[arg(value_name = "FILE|FOLDER")]
    files: Vec<PathBuf>,
}

/// A recording to enrol.
struct Take {
    wav: PathBuf,
    script_id: String,
    /// The node it is a take of; named after the file if it is a node of its own.
    node: Option<String>,
    /// What is said of the script, and of the node.
    script: Map<String, Value>,
    about: Map<String, Value>,
}

/// How recordings are taken.
#[derive(Clone, Copy)]
struct Manner {
    trim: bool,
    /// A call: of two channels the left one is meant.
    call: bool,
}

pub fn run(args: Args, quiet: bool) -> Result<()> {
    let takes = takes(&args)?;
    let book = Codebook::default();
    let mut pack = open_pack(&args, &book)?;
    let manner = Manner { trim: !args.no_trim && !args.find_common, call: args.find_common };
    let prints = fingerprints::of_all(&book, &takes, manner, &args.pack, quiet)?;
    let before = pack.scripts.len();
    for group in groups(&takes, prints) {
        add(&mut pack, group, args.category.as_deref())?;
    }
    file::write(&args.pack, &pack)?;
    if !quiet {
        let (all, new) = (pack.scripts.len(), pack.scripts.len() - before);
        eprintln!("{}: {all} scripts, {new} of them new", args.pack.display());
        if file::signature_of(&args.pack).exists() {
            eprintln!("{}: its signature no longer fits; sign it again", args.pack.display());
        }
    }
    Ok(())
}

fn takes(args: &Args) -> Result<Vec<Take>> {
    if let Some(path) = &args.list {
        return list::read(path, &["script_id"])?.into_iter().map(from_row).collect();
    }
    let plain = |wav: PathBuf, script_id: String, node: Option<String>| Take {
        wav,
        script_id,
        node,
        script: Map::new(),
        about: Map::new(),
    };
    if let Some(id) = &args.script_id {
        let node = (args.takes || args.find_common).then(|| "main".to_owned());
        ensure!(
            node.is_none() || args.files.len() > 1,
            "one recording has nothing to be compared with; give several"
        );
        return Ok(args.files.iter().map(|f| plain(f.clone(), id.clone(), node.clone())).collect());
    }
    let mut takes = Vec::new();
    for path in &args.files {
        if path.is_dir() {
            takes.extend(tree::scripts_in(path)?);
        } else {
            takes.push(plain(path.clone(), stem(path), None));
        }
    }
    Ok(takes)
}

/// A line of a list.
fn from_row(row: list::Row) -> Result<Take> {
    let mut script = row.more;
    let mut text =
        |name: &str| script.shift_remove(name).and_then(|v| v.as_str().map(str::to_owned));
    let script_id = text("script_id").unwrap_or_default();
    let (node, next) = (text("node"), text("next"));
    let mut about = Map::new();
    if let Some(next) = next {
        about.insert("next".into(), next.split(';').map(str::trim).collect());
    }
    if let Some(Value::String(numbers)) = script.get("numbers_seen") {
        let numbers: Value = numbers.split(';').map(str::trim).collect();
        script.insert("numbers_seen".into(), numbers);
    }
    Ok(Take { wav: row.wav, script_id, node, script, about })
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The pack as it is, or a new one.
fn open_pack(args: &Args, book: &Codebook) -> Result<Pack> {
    let name = args.pack.display();
    let mut pack = if args.pack.exists() {
        file::read(&args.pack)?
    } else {
        let id = args.name.clone().unwrap_or_else(|| stem(&args.pack));
        Pack::new(&id, book.id())
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

/// Takes of one node, with their fingerprints.
type Group<'a> = Vec<(&'a Take, Fingerprint)>;

/// Puts takes of the same node together; in the order in which they were given.
fn groups(takes: &[Take], prints: Vec<Fingerprint>) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for (take, print) in takes.iter().zip(prints) {
        let Some(node) = &take.node else {
            groups.push(vec![(take, print)]);
            continue;
        };
        let place = *places.entry((&take.script_id, node)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push((take, print));
    }
    groups
}

/// Adds a node to its script; several if takes part for long.
fn add(pack: &mut Pack, group: Group, category: Option<&str>) -> Result<()> {
    let (take, _) = group[0];
    let takes = group.len();
    let prints: Vec<&Fingerprint> = group.iter().map(|(_, print)| print).collect();
    let parts = common::parts(&prints).map_err(|other| {
        let (a, b) = (take.wav.display(), group[other].0.wav.display());
        anyhow::anyhow!("{b}: it shares no 1.3 s with {a}; are they recordings of the same script?")
    })?;
    // Scripts are many, nodes of one are few; who enrols them gives one after the other.
    let position = pack.scripts.iter().rposition(|s| s.id == take.script_id);
    let at = position.unwrap_or_else(|| {
        let mut more = take.script.clone();
        if let Some(category) = category {
            more.entry("category").or_insert(category.into());
        }
        pack.scripts.push(Script { id: take.script_id.clone(), nodes: Vec::new(), more });
        pack.scripts.len() - 1
    });
    let script = &mut pack.scripts[at];
    let name = take.node.clone().unwrap_or_else(|| stem(&take.wav));
    let several = parts.len() > 1;
    for (n, Part { codes, mut slots }) in parts.into_iter().enumerate() {
        let codes = Codes(codes);
        if let Some(same) = script.nodes.iter().find(|n| n.codes == codes) {
            let (wav, script) = (take.wav.display(), &take.script_id);
            bail!(
                "{wav}: script {script:?} has this very recording already, as node {:?}",
                same.id
            );
        }
        let wanted = if several { format!("{name}-{}", n + 1) } else { name.clone() };
        let id = free_id(script, &wanted);
        let mut more = if n == 0 { take.about.clone() } else { Map::new() };
        let names = more.shift_remove("slots");
        for (slot, name) in slots.iter_mut().zip(names.iter().filter_map(Value::as_array).flatten())
        {
            slot["name"] = name.clone();
        }
        if takes > 1 {
            more.insert("takes".into(), json!(takes));
        }
        if !slots.is_empty() {
            more.insert("slots".into(), slots.into());
        }
        if n > 0 {
            let before = script.nodes.last_mut().expect("the part before");
            before.more.insert("next".into(), json!([id]));
        }
        script.nodes.push(Node { id, codes, more });
    }
    Ok(())
}

fn free_id(script: &Script, wanted: &str) -> String {
    let mut id = wanted.to_owned();
    let mut n = 2;
    while script.nodes.iter().any(|node| node.id == id) {
        id = format!("{wanted}-{n}");
        n += 1;
    }
    id
}
