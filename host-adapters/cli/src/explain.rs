//! `callprint explain`: decisions in plain words, with the numbers behind them.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use callprint::evidence_log;
use serde_json::Value;

/// Say in plain words what was decided in a call, why, and on what evidence.
#[derive(clap::Args)]
pub struct Args {
    /// The evidence log; what was rotated away from it is read too.
    #[arg(long, value_name = "EVIDENCE.jsonl")]
    log: PathBuf,
    /// The call, as the switch names it; the last one in the log unless given.
    #[arg(value_name = "CALL")]
    call: Option<String>,
}

pub fn run(args: Args) -> Result<()> {
    let mut unreadable = 0;
    let mut decisions = 0;
    let mut last = None;
    let call = match args.call {
        Some(call) => call,
        None => {
            let mut take = |record: &Value| {
                last = Some(text(record, "call"));
                Ok(())
            };
            each_record(&args.log, &mut 0, &mut take)?;
            last.with_context(|| format!("{}: it has no records", args.log.display()))?
        }
    };
    let mut out = std::io::stdout();
    let mut tell = |record: &Value| {
        if text(record, "call") != call {
            return Ok(());
        }
        if decisions == 0 {
            writeln!(out, "{}", header(record))?;
        }
        decisions += 1;
        write!(out, "{}", decision(record))
    };
    each_record(&args.log, &mut unreadable, &mut tell)?;
    if unreadable > 0 {
        eprintln!("callprint: {}: {unreadable} lines are no records", args.log.display());
    }
    if decisions == 0 {
        bail!("{}: it has no call {call:?}", args.log.display());
    }
    Ok(())
}

fn each_record(
    log: &Path,
    unreadable: &mut u64,
    take: &mut dyn FnMut(&Value) -> std::io::Result<()>,
) -> Result<()> {
    for path in evidence_log::files(log) {
        let file = File::open(&path).with_context(|| format!("{}", path.display()))?;
        for line in BufReader::new(file).split(b'\n') {
            let line = line.with_context(|| format!("{}", path.display()))?;
            match serde_json::from_slice::<Value>(&line) {
                Ok(record) if record["call"].is_string() => take(&record)?,
                _ => *unreadable += 1,
            }
        }
    }
    Ok(())
}

/// Which call it was.
fn header(record: &Value) -> String {
    let number = |name| match text(record, name) {
        number if number.is_empty() => "a number not kept".to_owned(),
        number => number,
    };
    let (call, direction) = (text(record, "call"), text(record, "direction"));
    format!("{call}: {direction}, from {} to {}", number("caller"), number("callee"))
}

/// A decision in words, some lines.
pub fn decision(record: &Value) -> String {
    let s = |name: &str| number(record, name) / 1e3;
    let mut lines = format!("  {:8.3} s  {}", s("known_ms"), text(record, "verdict"));
    let before = text(record, "before");
    if !matches!(before.as_str(), "" | "PENDING") {
        lines += &format!(" (before: {before})");
    }
    let script = text(record, "script");
    if !script.is_empty() {
        lines += &format!(", script {}/{script}", text(record, "pack"));
    }
    for name in ["title", "category"] {
        let value = text(record, name);
        if !value.is_empty() {
            lines += &format!(", {name} {value:?}");
        }
    }
    let mut add = |line: String| lines += &format!("\n              {line}");
    add(format!("{}; {}", action(record), text(record, "cause")));
    match text(record, "rule").as_str() {
        "" => add("it was not analysed".into()),
        "limit" if record.get("when").is_none() => {
            add("nothing else was decided within the time limit".into());
        }
        "allow" if record.get("when").is_none() => {
            add("the other party is on the allow list: not judged".into());
        }
        rule => {
            let rules = text(record, "rules");
            add(format!("rule {rule:?} of {rules}: when {}", record["when"]));
        }
    }
    let time = text(record, "time");
    if !time.is_empty() {
        add(format!("decided {time}"));
    }
    for finding in record["findings"].as_array().into_iter().flatten() {
        add(format!("heard: {}", heard(finding)));
    }
    lines + "\n"
}

/// What was done, or would have been.
fn action(record: &Value) -> String {
    let cause = number(record, "hangup_cause");
    let cause = format!("cause {cause}{}", q850(cause));
    let done = match text(record, "action").as_str() {
        "tag" => "tag the call".to_owned(),
        "hangup" => format!("hang up with {cause}"),
        "transfer" => format!(
            "transfer to {},{},{}",
            text(record, "context"),
            text(record, "extension"),
            number(record, "priority")
        ),
        "decoy" => format!("play \"number not in service\" and hang up with {cause}"),
        _ => "let the call go on".to_owned(),
    };
    if record["shadow"] == true { format!("in shadow, would: {done}") } else { done }
}

/// The causes of ITU-T Q.850 that rules are likely to give.
fn q850(cause: f64) -> &'static str {
    match cause as u32 {
        1 => " (unallocated number)",
        16 => " (normal clearing)",
        17 => " (user busy)",
        19 => " (no answer)",
        21 => " (call rejected)",
        27 => " (destination out of order)",
        34 => " (no circuit available)",
        41 => " (temporary failure)",
        _ => "",
    }
}

/// A finding's record in words, with its numbers.
fn heard(finding: &Value) -> String {
    let s = |value: &Value| value.as_f64().unwrap_or(0.0) / 1e3;
    let n = |value: &Value| value.as_f64().unwrap_or(0.0);
    let confidence = n(&finding["confidence"]);
    let known = format!("known after {:.3} s", s(&finding["known_at_ms"]));
    let what = match text(finding, "kind").as_str() {
        "script" => {
            let list = |name: &str| -> Vec<&str> {
                let items = finding[name].as_array().into_iter().flatten();
                items.filter_map(Value::as_str).collect()
            };
            let (among, path) = (list("among"), list("path"));
            let script = if among.is_empty() {
                let (pack, script) = (text(finding, "pack"), text(finding, "script_id"));
                let node = text(finding, "node");
                let nodes = if path.len() > 1 { path.join(" → ") } else { node };
                format!("{pack}/{script} ({nodes})")
            } else {
                format!("one of {}", among.join(", "))
            };
            let evidence = &finding["evidence"];
            format!(
                "script {script}, confidence {confidence:.4}; from {:.2} s of the call (its {:.2} s) {:.2} s compared in {} stretches, {:.1} % of the bits differ (chance: 50 %), tempo {:.3}; another script does as well in one of 10^{:.1} looks",
                s(&finding["heard_from_ms"]),
                s(&finding["script_from_ms"]),
                s(&evidence["compared_ms"]),
                n(&evidence["stretches"]),
                n(&evidence["bit_error_rate"]) * 100.0,
                n(&evidence["tempo"]),
                n(&evidence["decades"]),
            )
        }
        "tone" => {
            let hz = finding["freqs_hz"].as_array().into_iter().flatten();
            let hz: Vec<String> = hz.map(|hz| format!("{:.0}", n(hz))).collect();
            format!(
                "{} {} of {} Hz, {:.0} dBm0, {}",
                text(finding, "tone"),
                text(finding, "detail"),
                hz.join("+"),
                n(&finding["level_dbm0"]),
                span(finding)
            )
        }
        "answer" => {
            let (answer, cause) = (text(finding, "answer"), text(finding, "cause"));
            format!("answered by {answer}, confidence {confidence:.2}: {cause}")
        }
        "speech" => format!("speech, {}", span(finding)),
        _ => {
            let (behaviour, cause) = (text(finding, "behaviour"), text(finding, "cause"));
            format!("{behaviour}, confidence {confidence:.2}: {cause}")
        }
    };
    let side = if finding["side"] == "near" { "our side: " } else { "" };
    format!("{side}{what}; {known}")
}

fn span(finding: &Value) -> String {
    let s = |name| finding[name].as_f64().map(|ms: f64| ms / 1e3);
    let start = s("start_ms").unwrap_or(0.0);
    match s("end_ms") {
        Some(end) => format!("{start:.2} s to {end:.2} s"),
        None => format!("since {start:.2} s"),
    }
}

/// A field as text, free of what a terminal would obey.
fn text(record: &Value, name: &str) -> String {
    let text = record[name].as_str().unwrap_or("");
    text.chars().filter(|c| !c.is_control()).collect()
}

fn number(record: &Value, name: &str) -> f64 {
    record[name].as_f64().unwrap_or(0.0)
}
