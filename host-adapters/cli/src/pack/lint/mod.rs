//! `callprint pack lint`: what is wrong with a pack, and what to do about it.

mod collide;
mod identify;
mod line;
mod quality;
mod shelf;
mod talk_off;

use std::{
    collections::HashSet,
    num::NonZero,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Result, ensure};
use callprint_plugin::{
    pack::{Node, Pack, Script},
    script::Codebook,
};
use clap::ValueEnum;
use serde_json::{Value, json};

use self::{identify::Identified, quality::Quality, shelf::Shelf};
use super::{file, schema};
use crate::{print::line, progress};

/// Check a pack: its form, each fingerprint, what it shares with others, what it is mistaken for,
/// and how soon it is recognised. Exit status 2 if there are errors.
#[derive(clap::Args)]
pub struct Args {
    /// The pack.
    #[arg(value_name = "PACK.json")]
    pack: PathBuf,
    /// Packs that are used with it: what they share is said too. May be given several times.
    #[arg(long, value_name = "OTHER.json")]
    with: Vec<PathBuf>,
    /// text: what is wrong. jsonl: a line a script, with all measures.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Text,
    Jsonl,
}

#[derive(Clone, Copy, PartialEq)]
enum Level {
    /// Nothing need be done.
    Note,
    /// It works less well than it could.
    Warning,
    /// It does not work, or harms others.
    Error,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// Something that is wrong, and what to do.
struct Complaint {
    level: Level,
    place: String,
    what: String,
    remedy: String,
}

impl Complaint {
    fn of_script(level: Level, what: String, remedy: &str) -> Complaint {
        Complaint { level, place: String::new(), what, remedy: remedy.into() }
    }

    fn of_node(level: Level, node: &Node, what: String, remedy: &str) -> Complaint {
        Complaint { level, place: format!(", node {:?}", node.id), what, remedy: remedy.into() }
    }
}

/// All there is to say of a script.
struct Verdict {
    qualities: Vec<Quality>,
    identified: Identified,
    complaints: Vec<Complaint>,
}

pub fn run(args: &Args, quiet: bool) -> Result<()> {
    let name = args.pack.display();
    let bytes = file::bytes(&args.pack)?;
    let form = schema::check(&file::json(&args.pack, &bytes)?);
    let checked = file::parse(&args.pack, &bytes)?;
    drop(bytes);
    let mut packs = vec![checked];
    for path in &args.with {
        packs.push(file::read(path)?);
    }
    let book = Codebook::default();
    for (path, pack) in std::iter::once(&args.pack).chain(&args.with).zip(&packs) {
        ensure!(
            pack.code == book.id(),
            "{}: its fingerprints are of code {:?}, this version reads {:?}; enrol its recordings anew",
            path.display(),
            pack.code,
            book.id()
        );
    }
    let verdicts = judge(&Shelf::new(&packs)?, quiet)?;
    let mut errors = form.len();
    let mut warnings = 0;
    for complaint in &form {
        match args.format {
            Format::Text => line(format_args!("error: {complaint}; see models/schema/README.md"))?,
            Format::Jsonl => line(json!({ "level": "error", "what": complaint }))?,
        }
    }
    for (script, verdict) in packs[0].scripts.iter().zip(&verdicts) {
        let count = |level| verdict.complaints.iter().filter(|c| c.level == level).count();
        errors += count(Level::Error);
        warnings += count(Level::Warning);
        match args.format {
            Format::Text => print_text(script, verdict)?,
            Format::Jsonl => line(json_line(script, verdict))?,
        }
    }
    if !quiet {
        summary(&args.pack, &packs[0], &verdicts, errors, warnings);
    }
    ensure!(errors == 0, "{name}: {errors} errors");
    Ok(())
}

/// Looks at all scripts, on all processors.
fn judge(shelf: &Shelf, quiet: bool) -> Result<Vec<Verdict>> {
    let scripts = &shelf.packs[0].scripts;
    let bar = progress::bar(scripts.len(), "checking", quiet);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= scripts.len() {
                break done;
            }
            done.push((n, verdict(shelf, n as u32)));
            bar.inc(1);
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let mut all: Vec<(usize, Verdict)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|w| w.join().expect("workers do not panic")).collect()
    });
    bar.finish_and_clear();
    all.sort_by_key(|(n, _)| *n);
    let mut all: Vec<Verdict> = all.into_iter().map(|(_, verdict)| verdict).collect();
    for (number, complaint) in talk_off::listen(shelf)? {
        all[number as usize].complaints.push(complaint);
    }
    Ok(all)
}

fn verdict(shelf: &Shelf, number: u32) -> Verdict {
    let script = shelf.script(number);
    let qualities: Vec<Quality> = script.nodes.iter().map(quality::measure).collect();
    let mut complaints = metadata(script);
    let first = shelf.recordings.partition_point(|r| r.script < number);
    let mut of_use = true;
    for (n, (node, quality)) in script.nodes.iter().zip(&qualities).enumerate() {
        let faults = quality.complaints(node, script.nodes.len() == 1);
        if faults.iter().all(|fault| fault.level != Level::Error) {
            complaints.extend(collide::complaints(shelf, first + n));
        } else {
            // It has to be enrolled anew: nobody asks what it is like, and it may be like everything.
            of_use = false;
        }
        complaints.extend(faults);
    }
    let mut identified = Identified::default();
    if of_use {
        identified = identify::identify(shelf, number);
        complaints.extend(identified.complaints(shelf));
    }
    Verdict { qualities, identified, complaints }
}

/// What metadata lacks, beyond what the schema asks for.
fn metadata(script: &Script) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut complain = |what: String, remedy: &str| {
        complaints.push(Complaint::of_script(Level::Note, what, remedy));
    };
    let category = file::text(&script.more, "category");
    if category.is_empty() {
        complain(
            "it has no category, so no policy can name it".into(),
            "give it one of models/schema/categories.json",
        );
    } else if !known_category(category) {
        let what = format!("its category {category:?} is not of the published list");
        complain(what, "use one of models/schema/categories.json if one fits");
    }
    if script.more.contains_key("lang") {
        complain(
            "the format has no field `lang`".into(),
            "call it `language`, as `callprint pack convert` does",
        );
    }
    let nodes: HashSet<&str> = script.nodes.iter().map(|n| n.id.as_str()).collect();
    let start = script.more.get("start").and_then(Value::as_str).into_iter();
    let next = script.nodes.iter().filter_map(|n| n.more.get("next")?.as_array()).flatten();
    for id in start.chain(next.filter_map(Value::as_str)).filter(|id| !nodes.contains(id)) {
        let what = format!("node {id:?} is referred to, and is not there");
        let complaint =
            Complaint::of_script(Level::Error, what, "enrol it, or take the reference out");
        complaints.push(complaint);
    }
    complaints
}

fn known_category(category: &str) -> bool {
    static LIST: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| {
        serde_json::from_str(include_str!("../../../../../models/schema/categories.json"))
            .expect("the list that ships is JSON")
    });
    LIST["categories"].get(category).is_some()
}

fn print_text(script: &Script, verdict: &Verdict) -> Result<()> {
    verdict.complaints.iter().try_for_each(|Complaint { level, place, what, remedy }| {
        let level = level.word();
        line(format_args!("{level}: script {:?}{place}: {what}; {remedy}", script.id))
    })
}

fn json_line(script: &Script, verdict: &Verdict) -> Value {
    let round = |x: f64| (x * 1e3).round() / 1e3;
    let nodes: Vec<Value> = script
        .nodes
        .iter()
        .zip(&verdict.qualities)
        .map(|(node, q)| {
            json!({
                "node": node.id,
                "speech_s": round((q.speech * file::CODE_MS) as f64 / 1e3),
                "empty_share": round(q.empty_share),
                "entropy": round(q.entropy),
                "repeated_share": round(q.repeated_share),
            })
        })
        .collect();
    let complaints: Vec<Value> = verdict
        .complaints
        .iter()
        .map(|c| json!({ "level": c.level.word(), "what": c.what, "do": c.remedy }))
        .collect();
    json!({
        "script": script.id,
        "identified_after_s": verdict.identified.median_s().map(round),
        "nodes": nodes,
        "complaints": complaints,
    })
}

fn summary(
    path: &std::path::Path,
    pack: &Pack,
    verdicts: &[Verdict],
    errors: usize,
    warnings: usize,
) {
    let mut times: Vec<f64> = verdicts.iter().filter_map(|v| v.identified.median_s()).collect();
    times.sort_by(f64::total_cmp);
    let (scripts, named) = (pack.scripts.len(), times.len());
    let soon = match times.get(named / 2) {
        Some(median) => format!(
            "; {named} named on a telephone line, half of them within {median:.1} s, nine in ten within {:.1} s",
            times[named * 9 / 10]
        ),
        None => String::new(),
    };
    eprintln!("{}: {scripts} scripts, {errors} errors, {warnings} warnings{soon}", path.display());
}
