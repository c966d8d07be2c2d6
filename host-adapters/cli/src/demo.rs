//! `callprint demo`: a call from the audio that ships, from enrolment to report. Also a check: it
//! fails unless the script that is played is the one that is recognised.

use std::{
    collections::BTreeMap,
    fmt::Display,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use callprint::{
    Analyzer, CallInfo, Error, Event, Finding, Options, ScriptMatch, TalkSpurt, record,
};

use crate::{
    audio_file, list,
    listen::{Heard, listen},
    pack::file,
    report::page::{self, Part},
};

/// Characters of what is said that are shown.
const TEXT_SHOWN: usize = 16;

/// Enrol a few scripts, bake an analyzer, and let it hear a call: what it recognises is shown as
/// the call goes on.
#[derive(clap::Args)]
pub struct Args {
    /// Also write a report, one HTML file; what was baked is kept beside it for the next time.
    #[arg(long, value_name = "REPORT.html")]
    html: Option<PathBuf>,
    /// The demo's recordings: scripts.csv, call.wav, call.csv and what they name.
    #[arg(long, value_name = "DIR", default_value = "models/demo")]
    audio: PathBuf,
    /// Plays the call so many times as fast as it was.
    #[arg(long, default_value = "20", value_parser = speed)]
    speed: f64,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if (0.1..=1_000.0).contains(&speed) => Ok(speed),
        _ => Err("it must be a number from 0.1 to 1000".into()),
    }
}

pub fn run(args: Args, quiet: bool) -> Result<()> {
    let screen = Screen { quiet, bold: io::stdout().is_terminal() };
    let audio = Audio::read(&args.audio).context(
        "the demo's audio cannot be used; run this in callprint's source tree, or give --audio",
    )?;
    let scratch = tempfile::tempdir().context("no folder for temporary files")?;
    let folder = match args.html.as_deref().map(Path::parent) {
        Some(Some(parent)) => parent,
        Some(None) => Path::new("."),
        None => scratch.path(),
    };
    let analyzer = analyzer(&audio.list, folder, scratch.path(), &screen)?;

    let duration_s = audio.call.far.len() as f64 / f64::from(audio.call.rate_hz);
    let known: Vec<&str> = audio.scripts.keys().map(String::as_str).collect();
    screen.line(format_args!("Scripts known: {}.", known.join(", ")));
    screen.line(format_args!(
        "Now a call of {duration_s:.1} s comes in, played {} times as fast as it was.\n",
        args.speed
    ));
    let heard = play(&analyzer, &audio, args.speed, &screen)?;
    let verdict = Verdict::of(&heard.findings);
    verdict.show(&audio, &heard, duration_s, &screen);

    if let Some(html) = &args.html {
        let call = page::Call {
            name: "A call of the demo".into(),
            recording: &audio.call,
            heard: &heard,
            analyzer: &analyzer,
            parts: &audio.parts,
            with_audio: true,
        };
        page::write(html, &call)?;
        screen.line(format_args!("  report     {}", html.display()));
    }
    verdict.check(&audio)
}

/// The demo's recordings.
struct Audio {
    /// The list of scripts, as for `callprint enroll`.
    list: PathBuf,
    /// The scripts' categories.
    scripts: BTreeMap<String, String>,
    call: audio_file::Recording,
    /// What is to be heard in the call.
    parts: Vec<Part>,
}

impl Audio {
    fn read(folder: &Path) -> Result<Audio> {
        let list = folder.join("scripts.csv");
        let text = |row: &list::Row, column: &str| {
            row.more.get(column).and_then(|v| v.as_str()).unwrap_or_default().to_owned()
        };
        let scripts = list::read(&list, &["script_id", "category"])?;
        let scripts =
            scripts.iter().map(|row| (text(row, "script_id"), text(row, "category"))).collect();
        let (wav, truth) = (folder.join("call.wav"), folder.join("call.csv"));
        let call = audio_file::read(&wav).with_context(|| format!("{}", wav.display()))?;
        let context = || format!("{}", truth.display());
        let mut rows = csv::Reader::from_path(&truth).with_context(context)?;
        let parts = rows.deserialize().collect::<Result<_, _>>().with_context(context)?;
        Ok(Audio { list, scripts, call, parts })
    }

    /// The part of the call that plays a script.
    fn script(&self) -> Option<&Part> {
        self.parts.iter().find(|p| !p.script_id.is_empty())
    }
}

/// Opens the analyzer that was baked last time, or bakes it: with the very commands that a user
/// would give.
fn analyzer(list: &Path, folder: &Path, scratch: &Path, screen: &Screen) -> Result<Analyzer> {
    let (pack, baked) = (folder.join("scripts.json"), folder.join("analyzer.cwasm"));
    let fresh = scratch.join("scripts-new.json");
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let enroll = |pack: &Path| {
        ["enroll", "--list", &text(list), "--name", "demo", "--pack", &text(pack)]
            .map(str::to_owned)
    };
    let bake = ["bake", "--pack", &text(&pack), "--out", &text(&baked)].map(str::to_owned);
    for command in [&enroll(&pack)[..], &bake[..]] {
        screen.line(format_args!("$ callprint {}", command.join(" ")));
    }
    // Enrolling takes a moment, and tells whether recordings or fingerprints have changed.
    crate::run_line(&enroll(&fresh))?;
    let context = || format!("{}: cannot be written", pack.display());
    let fresh = std::fs::read(&fresh).with_context(context)?;
    let options = Options { sessions: 1 };
    if std::fs::read(&pack).is_ok_and(|old| old == fresh)
        && let Ok(analyzer) = Analyzer::open(&baked, &options)
    {
        screen.line("(both were done the last time, and nothing has changed since)");
        return Ok(analyzer);
    }
    std::fs::create_dir_all(folder).with_context(context)?;
    file::replace(&pack, 0o644, |writer| Ok(writer.write_all(&fresh)?))?;
    crate::run_line(&bake)?;
    Ok(Analyzer::open(&baked, &options)?)
}

/// Plays the call, and shows side by side what is on the line and what is recognised.
fn play(analyzer: &Analyzer, audio: &Audio, speed: f64, screen: &Screen) -> Result<Heard, Error> {
    screen.line("   call time   later by");
    let mut parts: Vec<&Part> = audio.parts.iter().collect();
    parts.sort_by(|a, b| a.from_ms.total_cmp(&b.from_ms));
    let mut parts = parts.into_iter().peekable();
    listen(analyzer, &audio.call, CallInfo { outbound: false }, Some(speed), |played_s, found| {
        while let Some(part) = parts.next_if(|p| p.from_ms <= played_s * 1e3) {
            let at_s = part.from_ms / 1e3;
            let text = match part.text.char_indices().nth(TEXT_SHOWN) {
                Some((end, _)) => format!(": {}…", &part.text[..end]),
                None if part.text.is_empty() => String::new(),
                None => format!(": {}", part.text),
            };
            screen.faint(format_args!(
                "  {at_s:8.2} s              on the line ({}): {}{text}",
                part.side, part.what
            ));
        }
        for finding in found {
            // A line a talk-spurt will do.
            if matches!(finding.what, Event::Speech(TalkSpurt { end: None, .. })) {
                continue;
            }
            let known_s = seconds(finding.known_at);
            let later = began(finding)
                .map_or(" ".repeat(10), |began| format!("{:8.2} s", known_s - seconds(began)));
            screen.strong(format_args!("  {known_s:8.2} s {later}  {}", record::text(finding)));
        }
    })
}

/// Where that which a finding reports began (or ended, where it reports an end).
fn began(finding: &Finding) -> Option<u64> {
    match &finding.what {
        Event::Script(m) => Some(m.heard_from),
        Event::Tone(t) => Some(t.end.unwrap_or(t.start)),
        Event::Speech(s) => Some(s.end.unwrap_or(s.start)),
        Event::Answer(_) | Event::Behaviour(_) => None,
    }
}

fn seconds(samples: u64) -> f64 {
    samples as f64 / 8e3
}

/// What the findings come to.
struct Verdict<'a> {
    /// The first and the last report of every script that was named.
    scripts: BTreeMap<&'a str, (&'a Finding, &'a ScriptMatch)>,
    /// The last report of every tone, the last answer, the behaviours.
    others: Vec<&'a Finding>,
}

impl Verdict<'_> {
    fn of(findings: &[Finding]) -> Verdict<'_> {
        let mut scripts = BTreeMap::new();
        let mut others: Vec<&Finding> = Vec::new();
        for finding in findings {
            match &finding.what {
                Event::Script(m) if m.among.is_empty() => {
                    scripts.entry(m.script_id.as_str()).or_insert((finding, m)).1 = m;
                }
                Event::Script(_) | Event::Speech(_) => {}
                what => {
                    others.retain(|o| match (&o.what, what) {
                        (Event::Tone(old), Event::Tone(new)) => {
                            (old.kind, old.start) != (new.kind, new.start)
                        }
                        (Event::Answer(_), Event::Answer(_)) => false,
                        _ => true,
                    });
                    others.push(finding);
                }
            }
        }
        Verdict { scripts, others }
    }

    fn show(&self, audio: &Audio, heard: &Heard, duration_s: f64, screen: &Screen) {
        screen.line("\nVerdict");
        if self.scripts.is_empty() {
            screen.strong("  script     none that is known");
        }
        for (id, (first, last)) in &self.scripts {
            let category = audio.scripts.get(*id).map_or("", String::as_str);
            let known_s = seconds(first.known_at);
            let after = audio.script().filter(|p| p.script_id == *id).map_or(String::new(), |p| {
                let (from, until) = (known_s - p.from_ms / 1e3, p.until_ms / 1e3 - known_s);
                format!("; known {from:.2} s after it began, {until:.1} s before it ended")
            });
            let confidence = record::confidence(last.confidence);
            screen.strong(format_args!(
                "  script     {id} ({category}), confidence {confidence}{after}"
            ));
        }
        for other in &self.others {
            let label = match other.what {
                Event::Tone(_) => "tone",
                Event::Answer(_) => "answer",
                _ => "behaviour",
            };
            screen.line(format_args!("  {label:<9}  {}", record::text(other)));
        }
        let busy_s = heard.busy.as_secs_f64();
        if busy_s > 0.0 {
            let times = duration_s / busy_s;
            screen.line(format_args!(
                "  speed      {busy_s:.2} s of processor time, {times:.0} times as fast as the call"
            ));
        }
    }

    fn check(&self, audio: &Audio) -> Result<()> {
        let expected = audio.script().map_or("", |p| p.script_id.as_str());
        let named: Vec<&str> = self.scripts.keys().copied().collect();
        ensure!(
            named == [expected],
            "the call plays {expected:?}, recognised were {named:?}: run `make test`"
        );
        Ok(())
    }
}

/// Standard output, as far as it is wanted. Whoever reads it may stop: the check goes on.
struct Screen {
    quiet: bool,
    /// Whether what was recognised can be set off from the rest.
    bold: bool,
}

impl Screen {
    fn line(&self, text: impl Display) {
        if !self.quiet {
            let _ = writeln!(io::stdout(), "{text}");
        }
    }

    fn strong(&self, text: impl Display) {
        self.styled("1", text);
    }

    fn faint(&self, text: impl Display) {
        self.styled("2", text);
    }

    fn styled(&self, code: &str, text: impl Display) {
        if self.bold {
            self.line(format_args!("\x1b[{code}m{text}\x1b[0m"));
        } else {
            self.line(text);
        }
    }
}
