//! Speech for the bench: what calls play, and scripts spliced of it, no two alike.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use callprint::bake::bake;
use callprint_fixtures::{self as fixtures, Random};
use callprint_plugin::{
    pack::{Codes, Node, Pack, Script},
    script::{Codebook, fingerprint},
};

use crate::{audio_file, progress};

pub const RATE_HZ: usize = 8_000;
const SCRIPT_S: usize = 10;

/// All recordings of at least a second, as far as they are of 8 kHz.
pub fn clips(folder: &Path) -> Result<Vec<Vec<i16>>> {
    let clips: Vec<Vec<i16>> = fixtures::wav_files(folder)
        .iter()
        .filter_map(|path| audio_file::read(path).ok())
        .filter(|r| r.rate_hz as usize == RATE_HZ && r.far.len() > RATE_HZ)
        .map(|r| r.far)
        .collect();
    ensure!(
        !clips.is_empty(),
        "{}: no WAV file of 8 kHz and a second or more; name a folder of speech with --speech \
         (Debian's asterisk-core-sounds-en-wav is one)",
        folder.display()
    );
    Ok(clips)
}

/// The analyzer of so many scripts, made if it is not there from the last time.
pub fn analyzer(clips: &[Vec<i16>], scripts: usize, keep: &Path, quiet: bool) -> Result<PathBuf> {
    let out = keep.join(format!("capacity-{scripts}.cwasm"));
    if callprint::Analyzer::open(&out, &callprint::Options { sessions: 1 }).is_ok() {
        return Ok(out);
    }
    fs::create_dir_all(keep).with_context(|| format!("{}", keep.display()))?;
    let book = Codebook::default();
    let mut pack = Pack::new("bench", book.id());
    let mut random = Random::new(1);
    let bar = progress::bar(scripts, "enrolling", quiet);
    for n in 0..scripts {
        let codes = Codes(fingerprint(&book, RATE_HZ as u32, &splice(clips, &mut random)));
        let node = Node { id: "main".into(), codes, more: Default::default() };
        let script = Script { id: format!("s{n}"), nodes: vec![node], more: Default::default() };
        pack.scripts.push(script);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let path = keep.join(format!("capacity-{scripts}.json"));
    fs::write(&path, serde_json::to_vec(&pack)?).with_context(|| format!("{}", path.display()))?;
    bake(&[path], None, &out)?;
    Ok(out)
}

/// Ten seconds of pieces of recordings, each at a speed and level of its own.
fn splice(clips: &[Vec<i16>], random: &mut Random) -> Vec<i16> {
    let mut out = Vec::with_capacity(SCRIPT_S * RATE_HZ);
    while out.len() < SCRIPT_S * RATE_HZ {
        let clip = &clips[random.below(clips.len())];
        let first = random.below(clip.len() / 2);
        let (speed, gain) = (random.within(0.85, 1.18), random.within(0.4, 1.0));
        let wanted = (SCRIPT_S * RATE_HZ - out.len()).min(3 * RATE_HZ);
        out.extend(fixtures::faster(clip, first, speed, gain).take(wanted));
    }
    out
}
