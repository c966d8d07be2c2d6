//! The packs that are looked at, in the matcher's own index.

use anyhow::{Result, ensure};
use callprint_plugin::{
    limits,
    pack::{Node, Pack, Script},
    script::{Candidates, Code, Index, IndexBuilder, Match, Matcher},
};

/// Scripts of several packs, indexed. The first pack is the one that is checked.
pub struct Shelf<'a> {
    pub index: Index,
    pub packs: &'a [Pack],
    /// By their number in the index: pack, script.
    scripts: Vec<(usize, usize)>,
    /// By number.
    pub recordings: Vec<Recording>,
}

/// A node in the index.
#[derive(Clone, Copy)]
pub struct Recording {
    pub first: u32,
    /// Of the script in the index.
    pub script: u32,
    pub node: usize,
}

impl<'a> Shelf<'a> {
    pub fn new(packs: &'a [Pack]) -> Result<Shelf<'a>> {
        let nodes = || packs.iter().flat_map(|p| &p.scripts).flat_map(|s| &s.nodes);
        let codes: usize = nodes().map(|n| n.codes.0.len()).sum();
        let max = limits::CODES;
        ensure!(
            codes <= max,
            "the packs together have {codes} codes, the limit is {max}; give fewer"
        );
        let mut builder = IndexBuilder::default();
        builder.reserve(codes);
        let (mut scripts, mut recordings) = (Vec::new(), Vec::new());
        let mut first = 0;
        for (p, pack) in packs.iter().enumerate() {
            for (s, script) in pack.scripts.iter().enumerate() {
                let number = scripts.len() as u32;
                scripts.push((p, s));
                for (n, node) in script.nodes.iter().enumerate() {
                    let codes = &node.codes.0;
                    builder.add(number, n as u32, codes.iter().copied());
                    recordings.push(Recording { first, script: number, node: n });
                    first += codes.len() as u32;
                }
            }
        }
        Ok(Shelf { index: builder.build(), packs, scripts, recordings })
    }

    pub fn script(&self, number: u32) -> &'a Script {
        let (pack, script) = self.scripts[number as usize];
        &self.packs[pack].scripts[script]
    }

    pub fn node(&self, recording: &Recording) -> &'a Node {
        &self.script(recording.script).nodes[recording.node]
    }

    /// Whether a script is of the pack that is checked.
    pub fn is_checked(&self, number: u32) -> bool {
        self.scripts[number as usize].0 == 0
    }

    /// A script's name: with its pack's, unless that is the one checked.
    pub fn name(&self, number: u32) -> String {
        let (pack, _) = self.scripts[number as usize];
        match pack {
            0 => format!("{:?}", self.script(number).id),
            _ => format!("{:?} of pack {:?}", self.script(number).id, self.packs[pack].id),
        }
    }

    /// Which recording a position lies in.
    pub fn recording_at(&self, position: u32) -> usize {
        self.recordings.partition_point(|r| r.first <= position) - 1
    }
}

/// What a matcher made of codes as they were heard.
pub struct Heard {
    /// When it was known, in seconds after the first code.
    pub after_s: f64,
    /// The script, or the scripts that it cannot be told from.
    pub scripts: Vec<u32>,
}

/// Plays codes of a recording (25 a second) to a matcher, which hears 50; hands on what it makes
/// of them until `sink` says that it has heard enough.
pub fn play(index: &Index, codes: impl Iterator<Item = Code>, mut sink: impl FnMut(Heard) -> bool) {
    let (mut matcher, mut candidates) = (Matcher::default(), Candidates::default());
    for (n, code) in codes.enumerate() {
        let mut enough = false;
        for number in [2 * n as u64, 2 * n as u64 + 1] {
            matcher.push(index, &mut candidates, number, &code, |found: Match| {
                let scripts =
                    if found.among.is_empty() { vec![found.script] } else { found.among.to_vec() };
                // A code is known 160 ms after its middle.
                let after_s = (number + 1) as f64 * 0.02 + 0.16;
                enough |= sink(Heard { after_s, scripts });
            });
        }
        if enough {
            return;
        }
    }
}
