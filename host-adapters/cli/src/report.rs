//! `callprint report`: what was heard in a call, as a page to look at.

pub mod listen;
pub mod page;
mod scripts;
mod sound;
mod spectrogram;

use std::path::PathBuf;

use anyhow::{Context, Result};
use callprint::{Analyzer, CallInfo, Options};

use crate::audio_file;

/// Analyse a recording and write a page that shows what was heard, where, and when it was known.
#[derive(clap::Args)]
pub struct Args {
    /// What `callprint bake` made.
    #[arg(long, value_name = "ANALYZER.cwasm")]
    analyzer: PathBuf,
    /// The page to write: one HTML file that needs nothing else.
    #[arg(long, value_name = "REPORT.html")]
    out: PathBuf,
    /// Put the call's audio into the page, to be played there.
    #[arg(long)]
    with_audio: bool,
    /// A recording; two channels are the far end (left) and the near end (right).
    #[arg(value_name = "CALL.wav")]
    call: PathBuf,
}

pub fn run(args: Args, quiet: bool) -> Result<()> {
    let name = args.call.display();
    let analyzer = Analyzer::open(&args.analyzer, &Options { sessions: 1 })?;
    let recording = audio_file::read(&args.call).with_context(|| format!("{name}"))?;
    let heard =
        listen::listen(&analyzer, CallInfo { outbound: false }, &recording, None, |_, _| ())
            .with_context(|| format!("{name}"))?;
    let call = page::Call {
        name: args.call.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        recording: &recording,
        heard: &heard,
        analyzer: &analyzer,
        parts: &[],
        with_audio: args.with_audio,
    };
    page::write(&args.out, &call)?;
    if !quiet {
        let count = heard.findings.len();
        eprintln!("{}: {count} findings in {name}", args.out.display());
    }
    Ok(())
}
