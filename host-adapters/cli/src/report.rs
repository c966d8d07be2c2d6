//! `callprint report`: what was heard in a call, as a page to look at.

pub mod page;
mod scripts;
mod sound;
mod spectrogram;

use std::path::PathBuf;

use anyhow::{Context, Result};
use callprint::CallInfo;

use crate::{audio_file, listen::listen, open::open};

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
    /// We placed the call: ringing tone before the answer is no callback's.
    #[arg(long)]
    outbound: bool,
    /// A recording; two channels are the far end (left) and the near end (right).
    #[arg(value_name = "CALL.wav")]
    call: PathBuf,
}

pub fn run(args: Args, quiet: bool) -> Result<()> {
    let name = args.call.display();
    let analyzer = open(&args.analyzer, 1, quiet)?;
    let recording = audio_file::read(&args.call).with_context(|| format!("{name}"))?;
    let info = CallInfo { outbound: args.outbound };
    let heard =
        listen(&analyzer, &recording, info, None, |_, _| ()).with_context(|| format!("{name}"))?;
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
