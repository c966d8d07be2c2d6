//! Whether a script is heard where none is: in what is ordinarily said on the telephone.

use anyhow::{Context, Result, ensure};
use callprint_plugin::{pack::Pack, script::Code};

use super::{
    super::file::CODE_MS,
    Complaint, Level,
    shelf::{self, Shelf},
};

/// Fingerprints of conversations, prompts and music; models/packs/README.md says whose.
const ORDINARY: &[u8] = include_bytes!("../../../../../models/packs/ordinary.json");

/// Plays ordinary speech to a matcher that knows the scripts; by script, what it was taken for.
pub fn listen(shelf: &Shelf) -> Result<Vec<(u32, Complaint)>> {
    let ordinary = Pack::read(ORDINARY).context("models/packs/ordinary.json")?;
    ensure!(
        shelf.packs[0].code == ordinary.code,
        "models/packs/ordinary.json, which lint plays to packs, is of code {:?}, and this version reads \
         {:?}; build it again with `python3 models/packs/build.py ordinary`, then callprint",
        ordinary.code,
        shelf.packs[0].code
    );
    let mut complaints: Vec<(u32, Complaint)> = Vec::new();
    for script in &ordinary.scripts {
        for node in &script.nodes {
            let codes = node.codes.0.iter().map(|bits| Code { bits: *bits, margins: [1; 64] });
            shelf::play(&shelf.index, codes, |found| {
                for number in found.scripts {
                    let known = complaints.iter().any(|(script, _)| *script == number);
                    if shelf.is_checked(number) && !known {
                        let at_s = (found.after_s * 1e3) as usize / CODE_MS * CODE_MS;
                        let what = format!(
                            "ordinary audio is taken for it ({}, at {:.1} s)",
                            script.id,
                            at_s as f64 / 1e3
                        );
                        let remedy = "take out what everybody may say or play: greetings, network announcements, music";
                        complaints.push((number, Complaint::of_script(Level::Error, what, remedy)));
                    }
                }
                false
            });
        }
    }
    Ok(complaints)
}
