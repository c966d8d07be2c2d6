//! Stretches that a recording shares with others.

use std::collections::HashMap;

use super::{
    super::file::CODE_MS,
    Complaint, Level,
    shelf::{Recording, Shelf},
};

/// Codes at the same place of both, looked up in the index, that make a pair worth comparing.
const VOTES_MIN: u32 = 4;

/// Pairs compared at most for a recording: what shares with more is shared anyway.
const PAIRS_MAX: usize = 32;

/// Bits that may differ, of 64, on average over [`WINDOW`] codes, in what counts as the same: twice
/// the same voice saying the same is beyond it, the same recording on a bad line within.
const BITS_MAX: u32 = 18;

/// A second: less is a word.
const WINDOW: usize = 25;

/// A shared stretch this long (codes) is enough to name a script by.
const NAMEABLE: usize = 33;

/// A shared stretch.
struct Shared {
    other: Recording,
    /// Codes from the beginning of each.
    from: usize,
    other_from: usize,
    codes: usize,
}

/// What there is to say of what a recording shares.
pub fn complaints(shelf: &Shelf, number: usize) -> Vec<Complaint> {
    let recording = shelf.recordings[number];
    let mut shared = shared(shelf, number);
    shared.sort_by_key(|s| std::cmp::Reverse(s.codes));
    let Some(most) = shared.first() else {
        return Vec::new();
    };
    let node = shelf.node(&recording);
    let seconds = |codes: usize| (codes * CODE_MS) as f64 / 1e3;
    let all = node.codes.0.iter().filter(|c| **c != 0).count();
    let (duration, other) = (seconds(most.codes), shelf.name(most.other.script));
    let same_script = most.other.script == recording.script;
    let (from, other_from) = (seconds(most.from), seconds(most.other_from));
    let mut scripts: Vec<u32> = shared.iter().map(|s| s.other.script).collect();
    scripts.sort_unstable();
    scripts.dedup();
    let others = match scripts.len() - 1 {
        0 => String::new(),
        n if n + 1 >= PAIRS_MAX => format!(", and stretches with {n} or more others"),
        n => format!(", and stretches with {n} others"),
    };
    let complaint = if same_script && most.other.first == recording.first {
        let what =
            format!("{duration:.1} s are in it twice, from {from:.1} s and from {other_from:.1} s");
        Complaint::of_node(Level::Note, node, what, "nothing, if the script repeats itself")
    } else if same_script {
        let other = &shelf.node(&most.other).id;
        let what = format!(
            "{duration:.1} s (from {from:.1} s) are in node {other:?} too (from {other_from:.1} s)"
        );
        let remedy = "if they are takes of the same words, enrol them as takes; else nothing";
        Complaint::of_node(Level::Note, node, what, remedy)
    } else if most.codes * 10 >= all * 8 {
        let what = format!("it is the same recording as script {other}{others}");
        let remedy = if shelf.is_checked(most.other.script) {
            "take one of them out with `callprint pack remove`"
        } else {
            "take it out, or use one of the packs"
        };
        Complaint::of_node(Level::Error, node, what, remedy)
    } else {
        let what = format!(
            "{duration:.1} s (from {from:.1} s) are in script {other} too (from {other_from:.1} s){others}"
        );
        let (level, remedy) = if most.codes < NAMEABLE {
            (Level::Note, "nothing: it is too short to name a script by")
        } else {
            (
                Level::Warning,
                "both are named as a group until they part; leave the shared part out of one of them if that is too late",
            )
        };
        Complaint::of_node(level, node, what, remedy)
    };
    vec![complaint]
}

/// The longest stretch shared with each other recording, and with itself elsewhere.
fn shared(shelf: &Shelf, number: usize) -> Vec<Shared> {
    let recording = shelf.recordings[number];
    let codes = &shelf.node(&recording).codes.0;
    let mut votes: HashMap<(usize, i64), u32> = HashMap::new();
    let mut positions = Vec::new();
    for (n, code) in codes.iter().enumerate().filter(|(_, c)| **c != 0) {
        let here = recording.first + n as u32;
        positions.clear();
        shelf.index.find_exact(*code, &mut positions);
        for &position in &positions {
            let apart = i64::from(position) - i64::from(here);
            // Neighbours in time are alike in any speech.
            if apart.unsigned_abs() >= 2 * WINDOW as u64
                && (shelf.index.code(position) ^ code).count_ones() <= BITS_MAX
            {
                *votes.entry((shelf.recording_at(position), apart)).or_default() += 1;
            }
        }
    }
    let mut pairs: Vec<((usize, i64), u32)> =
        votes.into_iter().filter(|(_, votes)| *votes >= VOTES_MIN).collect();
    // The places too, so that the order is the same each time.
    pairs.sort_by_key(|(place, votes)| (std::cmp::Reverse(*votes), *place));
    let mut best: HashMap<usize, Shared> = HashMap::new();
    for ((other_number, apart), _) in pairs.into_iter().take(PAIRS_MAX) {
        let other = shelf.recordings[other_number];
        let shift = i64::from(recording.first) + apart - i64::from(other.first);
        let other_codes = &shelf.node(&other).codes.0;
        let Some((from, length)) = longest_run(codes, other_codes, shift) else {
            continue;
        };
        let found =
            Shared { other, from, other_from: (from as i64 + shift) as usize, codes: length };
        let known = best.get(&other_number).map_or(0, |b| b.codes);
        if length > known {
            best.insert(other_number, found);
        }
    }
    best.into_values().collect()
}

/// The longest run on which `a[n]` is much as `b[n + shift]`: its beginning in `a`, its length.
fn longest_run(a: &[u64], b: &[u64], shift: i64) -> Option<(usize, usize)> {
    let from = usize::try_from(-shift).unwrap_or(0);
    let until = a.len().min(usize::try_from(b.len() as i64 - shift).ok()?);
    let distance = |n: usize| {
        let (a, b) = (a[n], b[(n as i64 + shift) as usize]);
        if a == 0 || b == 0 { None } else { Some((a ^ b).count_ones()) }
    };
    let distances: Vec<Option<u32>> = (from..until).map(distance).collect();
    let alike = distances.windows(WINDOW).map(|window| {
        let (bits, codes) =
            window.iter().flatten().fold((0, 0), |(bits, codes), d| (bits + d, codes + 1));
        codes * 5 >= WINDOW as u32 * 4 && bits <= BITS_MAX * codes
    });
    let alike: Vec<bool> = alike.collect();
    let mut best = None;
    let mut start = 0;
    for run in alike.split(|a| !a) {
        if !run.is_empty() && best.is_none_or(|(_, length)| run.len() + WINDOW - 1 > length) {
            best = Some((from + start, run.len() + WINDOW - 1));
        }
        start += run.len() + 1;
    }
    best
}
