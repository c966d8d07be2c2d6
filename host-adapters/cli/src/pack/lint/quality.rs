//! What a fingerprint is worth by itself.

use callprint_plugin::pack::Node;

use super::{super::file::CODE_MS, Complaint, Level};

/// What can be told of a node's codes.
pub struct Quality {
    /// Codes over something, outside of slots.
    pub speech: usize,
    /// Share of the codes outside of slots that are over silence, hum or steady tones.
    pub empty_share: f64,
    /// The longest run of such codes.
    pub longest_gap: usize,
    /// Mean over the 64 bits of the entropy of a bit: 1 if each is as often 0 as 1.
    pub entropy: f64,
    /// Share of the codes that occur again, half a second or more apart: none in speech.
    pub repeated_share: f64,
}

/// Less than this is found within no call: the evidence asks for more.
const SPEECH_MIN: usize = 33;
/// Less than this is found only if it is heard from its beginning, on a good line.
const SPEECH_LITTLE: usize = 75;

/// Four in ten codes over nothing: pauses of speech make up to three.
const EMPTY_MAX: f64 = 0.4;

/// A gap longer than what a slot may move ends an alignment.
const GAP_MAX: usize = 100;

/// Every bit of a second and more of any sound is 0 about as often as 1; of a fingerprint that was
/// made up it may not be.
const ENTROPY_MIN: f64 = 0.9;

/// A melody or a tone that comes again and again has nearly all, two lines of a refrain half.
const REPEATED_MAX: f64 = 0.5;

/// What occurs again: so many codes apart at least and at most, and so few bits of 64 different.
const AGAIN: std::ops::Range<usize> = 13..1_500;
const AGAIN_BITS: u32 = 10;

pub fn measure(node: &Node) -> Quality {
    let codes = &node.codes.0;
    // How many slots begin and end at each code: there may be any number, one over the other.
    let mut edges = vec![0i32; codes.len() + 1];
    for (start_ms, end_ms) in slots(node).filter(|(start_ms, end_ms)| start_ms < end_ms) {
        let at = |ms: u64| ms.div_ceil(CODE_MS as u64).min(codes.len() as u64) as usize;
        edges[at(start_ms)] += 1;
        edges[at(end_ms)] -= 1;
    }
    let mut slots = 0;
    let is_empty = codes.iter().zip(&edges).map(|(code, edge)| {
        slots += edge;
        *code == 0 && slots == 0
    });
    let empty: Vec<bool> = is_empty.collect();
    let filled: Vec<u64> = codes.iter().copied().filter(|c| *c != 0).collect();
    let gaps = empty.split(|e| !e).map(<[bool]>::len);
    let empties = empty.iter().filter(|e| **e).count();
    Quality {
        speech: filled.len(),
        empty_share: empties as f64 / (empties + filled.len()).max(1) as f64,
        longest_gap: gaps.max().unwrap_or_default(),
        entropy: entropy(&filled),
        repeated_share: repeated_share(&filled),
    }
}

/// From and until when, in milliseconds, slots last.
fn slots(node: &Node) -> impl Iterator<Item = (u64, u64)> {
    let slots = node.more.get("slots").and_then(|s| s.as_array()).into_iter().flatten();
    slots.filter_map(|s| Some((s["start_ms"].as_u64()?, s["end_ms"].as_u64()?)))
}

fn entropy(codes: &[u64]) -> f64 {
    let share = |bit: u32| {
        codes.iter().filter(|c| *c >> bit & 1 == 1).count() as f64 / codes.len().max(1) as f64
    };
    let of = |p: f64| {
        if p > 0.0 && p < 1.0 { -p * p.log2() - (1.0 - p) * (1.0 - p).log2() } else { 0.0 }
    };
    (0..64).map(|bit| of(share(bit))).sum::<f64>() / 64.0
}

fn repeated_share(codes: &[u64]) -> f64 {
    let again = |n: &usize| {
        let near = |other: Option<&u64>| {
            other.is_some_and(|other| (codes[*n] ^ other).count_ones() <= AGAIN_BITS)
        };
        AGAIN.take_while(|apart| *apart < codes.len()).any(|apart| {
            near(codes.get(n + apart)) || n.checked_sub(apart).is_some_and(|m| near(codes.get(m)))
        })
    };
    (0..codes.len()).filter(again).count() as f64 / codes.len().max(1) as f64
}

impl Quality {
    pub fn complaints(&self, node: &Node, only_node: bool) -> Vec<Complaint> {
        let seconds = |codes: usize| (codes * CODE_MS) as f64 / 1e3;
        let mut complaints = Vec::new();
        let mut complain = |level, what: String, remedy: &str| {
            complaints.push(Complaint::of_node(level, node, what, remedy));
        };
        let speech = seconds(self.speech);
        if self.speech < SPEECH_MIN {
            let level = if only_node { Level::Error } else { Level::Warning };
            let what =
                format!("{speech:.1} s of speech, and {:.1} s are needed", seconds(SPEECH_MIN));
            complain(level, what, "record more of the script, or take the node out");
        } else if self.speech < SPEECH_LITTLE && only_node {
            let what = format!("{speech:.1} s of speech only");
            complain(Level::Warning, what, "record more of the script if there is more");
        }
        if self.empty_share > EMPTY_MAX {
            let what = format!("{:.0} % silence or steady tone", self.empty_share * 100.0);
            complain(Level::Warning, what, "cut the silence out, or record the speech louder");
        }
        if self.longest_gap > GAP_MAX {
            let what =
                format!("{:.1} s of silence or steady tone on end", seconds(self.longest_gap));
            complain(
                Level::Warning,
                what,
                "enrol what comes before and after as nodes of their own",
            );
        }
        if self.repeated_share > REPEATED_MAX {
            let what = format!("{:.0} % of it come again and again", self.repeated_share * 100.0);
            complain(Level::Error, what, "enrol speech only: this is ringing, music or a loop");
        }
        if self.speech >= SPEECH_MIN && self.entropy < ENTROPY_MIN {
            let what = format!(
                "its fingerprint is of no sound: {:.2} bits of entropy in a bit",
                self.entropy
            );
            complain(Level::Error, what, "enrol its recording again");
        }
        complaints
    }
}
