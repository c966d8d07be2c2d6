//! What recordings of one script have in common.
//!
//! The first recording is compared with each other one along every diagonal:
//! every way to lay one over the other. Stretches on which codes agree are
//! extended as far as they do, and the best that lie in the same order in both
//! are kept. What all recordings share is the script; what lies between is a
//! slot, or parts two nodes if it is long.

use callprint_plugin::script::{REFERENCE_STEP, span_samples};
use serde_json::{Value, json};

use super::fingerprints::Fingerprint;

/// Stretches (reference codes, 40 ms) that prove that two recordings are of one script, and bits of
/// 64 that may differ on average. That another script of the same voice does as well at one of a
/// million places follows from plugin/src/script/evidence.rs: .29 over 2 s, .21 over 1 s.
const SEEDS: [(usize, u32); 2] = [(50, 18), (25, 13)];

/// Codes at the end of a seed that tell how well the two recordings agree.
const ANCHOR: usize = 12;

/// Bits in which codes of different sounds differ.
const CHANCE_BITS: u32 = 32;

/// A stretch ends where codes agree no more, by so many bits in all: six codes by chance.
const EDGE_DROP: i32 = 100;

/// Less than this (codes) is not kept: half a second.
const STRETCH_MIN: usize = 13;

/// So much (codes) must be common: less is never recognised.
const COMMON_MIN: usize = 33;

/// A gap of fewer codes is a disturbance: a slot makes a longer one, as codes span 310 ms.
const DISTURBANCE: usize = 5;

/// A gap of more (codes; 3 s), in any recording, ends a node: what comes after may come much later.
const SLOT_MAX: usize = 75;

/// A node: reference codes, and the slots that were found in them.
pub struct Part {
    pub codes: Vec<u64>,
    pub slots: Vec<Value>,
}

/// A stretch on a diagonal: reference codes of the first recording, and where it is in the other:
/// code `n` of the first is code `2n + shift` of the other.
#[derive(Clone, Copy)]
struct Stretch {
    from: usize,
    until: usize,
    shift: i64,
    weight: u64,
}

/// The nodes that takes of a script amount to; else the number of a take that has nothing in common
/// with the first.
pub fn parts(takes: &[&Fingerprint]) -> Result<Vec<Part>, usize> {
    let mut codes: Vec<u64> = takes[0].iter().step_by(REFERENCE_STEP).copied().collect();
    if takes.len() == 1 {
        return Ok(vec![Part { codes, slots: Vec::new() }]);
    }
    // Where each other take has what the first has at a code; none where it does not.
    let mut places: Vec<Vec<Option<i64>>> = Vec::new();
    for (n, take) in takes.iter().enumerate().skip(1) {
        let chosen = chain(stretches(&codes, take));
        if chosen.iter().map(|s| s.until - s.from).sum::<usize>() < COMMON_MIN {
            return Err(n);
        }
        let mut place = vec![None; codes.len()];
        for stretch in chosen {
            for (n, place) in place.iter_mut().enumerate().take(stretch.until).skip(stretch.from) {
                *place = Some((REFERENCE_STEP * n) as i64 + stretch.shift);
            }
        }
        places.push(place);
    }
    let is_common: Vec<bool> =
        (0..codes.len()).map(|n| places.iter().all(|p| p[n].is_some())).collect();
    let kept = kept(&is_common);
    if kept.iter().map(|(from, until)| until - from).sum::<usize>() < COMMON_MIN {
        return Err(takes.len() - 1);
    }
    vote(&mut codes, &takes[1..], &places);
    Ok(nodes(&codes, &kept, &places))
}

/// Runs that are common, over disturbances, and long enough.
fn kept(is_common: &[bool]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (n, _) in is_common.iter().enumerate().filter(|(_, common)| **common) {
        match runs.last_mut() {
            Some((_, until)) if n - *until < DISTURBANCE => *until = n + 1,
            _ => runs.push((n, n + 1)),
        }
    }
    runs.retain(|(from, until)| until - from >= STRETCH_MIN);
    runs
}

/// Each bit as most takes have it.
fn vote(codes: &mut [u64], others: &[&Fingerprint], places: &[Vec<Option<i64>>]) {
    for (n, code) in codes.iter_mut().enumerate().filter(|(_, c)| **c != 0) {
        let mut ones = [0i32; 64];
        let mut count = |bits: u64| {
            ones.iter_mut()
                .enumerate()
                .for_each(|(bit, n)| *n += if bits >> bit & 1 == 1 { 2 } else { -2 });
        };
        count(*code);
        for (take, place) in others.iter().zip(places) {
            let there = place[n].and_then(|p| take.get(usize::try_from(p).ok()?));
            there.filter(|bits| **bits != 0).into_iter().for_each(|bits| count(*bits));
        }
        // A tie goes to the first.
        let tie = |bit: usize| if *code >> bit & 1 == 1 { 1 } else { -1 };
        let voted = (0..64).fold(0, |bits, bit| bits | u64::from(ones[bit] + tie(bit) > 0) << bit);
        *code = voted.max(1);
    }
}

/// Codes between kept runs become slots, or part nodes.
fn nodes(codes: &[u64], kept: &[(usize, usize)], places: &[Vec<Option<i64>>]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    // Where the present node begins.
    let mut first = 0;
    for (n, (from, until)) in kept.iter().enumerate() {
        let gap = n.checked_sub(1).map(|before| kept[before].1..*from);
        let lengths = gap.clone().map(|gap| gap_lengths(&gap, places));
        let joins = lengths
            .as_ref()
            .is_some_and(|lengths| lengths.iter().all(|l| *l <= SLOT_MAX as i64 * 40));
        if let (Some(gap), Some(lengths), true) = (gap, lengths, joins) {
            let part = parts.last_mut().expect("a gap follows a run");
            part.slots.push(slot(first, &gap, &lengths));
            part.codes.extend(gap.map(|_| 0));
        } else {
            first = *from;
            parts.push(Part { codes: Vec::new(), slots: Vec::new() });
        }
        let part = parts.last_mut().expect("pushed above");
        part.codes.extend(&codes[*from..*until]);
    }
    parts
}

/// How long a gap is in each take, in milliseconds.
fn gap_lengths(gap: &std::ops::Range<usize>, places: &[Vec<Option<i64>>]) -> Vec<i64> {
    let here = gap.len() as i64 * 40;
    let there = places.iter().filter_map(|p| Some((p[gap.end]? - p[gap.start - 1]? - 2) * 20));
    std::iter::once(here).chain(there).collect()
}

/// A slot. Codes reach into their surroundings: it begins where the last common one ends, and ends
/// where the next begins.
fn slot(first: usize, gap: &std::ops::Range<usize>, lengths: &[i64]) -> Value {
    let span = |n: usize| span_samples(((n - first) * REFERENCE_STEP) as u64);
    let start_ms = span(gap.start - 1).end / 8;
    let end_ms = (span(gap.end).start / 8).max(start_ms);
    let reach = gap.len() as i64 * 40 - (end_ms - start_ms) as i64;
    let (shortest, longest) =
        (lengths.iter().min().unwrap_or(&0) - reach, lengths.iter().max().unwrap_or(&0) - reach);
    json!({
        "start_ms": start_ms,
        "end_ms": end_ms,
        "shortest_ms": shortest.max(0),
        "longest_ms": longest.max(0),
    })
}

/// All stretches on which two recordings agree.
fn stretches(a: &[u64], b: &[u64]) -> Vec<Stretch> {
    let mut found = Vec::new();
    let (mut bits, mut counts) = (Vec::new(), Vec::new());
    let step = REFERENCE_STEP as i64;
    for shift in -(a.len() as i64 * step)..b.len() as i64 {
        // The codes of `a` that `b` has a partner for.
        let from = (-shift).max(0) as u64;
        let from = from.div_ceil(step as u64) as usize;
        let until = (b.len() as i64 - shift).max(0) as u64;
        let until = a.len().min(until.div_ceil(step as u64) as usize);
        if until < from + SEEDS[1].0 {
            continue;
        }
        bits.clear();
        counts.clear();
        let (mut bit_sum, mut count) = (0u32, 0u32);
        bits.push(0);
        counts.push(0);
        for n in from..until {
            let (x, y) = (a[n], b[(n as i64 * step + shift) as usize]);
            if x != 0 && y != 0 {
                bit_sum += (x ^ y).count_ones();
                count += 1;
            }
            bits.push(bit_sum);
            counts.push(count);
        }
        let diagonal = Diagonal { bits: &bits, counts: &counts };
        for (start, end) in diagonal.runs() {
            // How much better than chance.
            let chance = u64::from(CHANCE_BITS * (counts[end] - counts[start]));
            let weight = chance.saturating_sub(u64::from(bits[end] - bits[start]));
            found.push(Stretch { from: from + start, until: from + end, shift, weight });
        }
    }
    found
}

/// Running sums along a diagonal.
struct Diagonal<'a> {
    bits: &'a [u32],
    counts: &'a [u32],
}

impl Diagonal<'_> {
    fn agrees(&self, from: usize, length: usize, most: u32) -> bool {
        let until = from + length;
        if until >= self.bits.len() {
            return false;
        }
        let (bits, count) =
            (self.bits[until] - self.bits[from], self.counts[until] - self.counts[from]);
        // Four fifths speech, or it would be mostly pauses that are compared.
        count as usize * 5 >= length * 4 && bits <= most * count
    }

    /// Runs around seeds, as far as their edges agree.
    fn runs(&self) -> Vec<(usize, usize)> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        let length = self.bits.len() - 1;
        let mut n = 0;
        while n < length {
            let seed = SEEDS.iter().find(|(codes, most)| self.agrees(n, *codes, *most));
            let Some((codes, _)) = seed else {
                n += 1;
                continue;
            };
            let least = runs.last().map_or(0, |(_, end)| *end);
            // The first window that suffices may begin well before what agrees, and ends within it.
            let last = n + codes - 1;
            let agree = self.half_way(n + codes - ANCHOR, ANCHOR);
            let start = self.edge((least..last).rev(), last, agree);
            let end = self.edge(n + codes..length, last, agree) + 1;
            if end >= start + STRETCH_MIN {
                runs.push((start, end));
            }
            n = end;
        }
        runs
    }

    /// Bits half way between what differs in a seed and what differs by chance: a code that spans the
    /// edge of what is common lies on the one side or the other as most of it does.
    fn half_way(&self, from: usize, length: usize) -> u32 {
        let until = from + length;
        let (bits, count) =
            (self.bits[until] - self.bits[from], self.counts[until] - self.counts[from]);
        (bits / count.max(1) + CHANCE_BITS) / 2
    }

    /// How far codes agree, to within `agree` bits, from `at` on: up to where they agree best in all, before they disagree
    /// for good. Pauses neither do nor do not.
    fn edge(&self, numbers: impl Iterator<Item = usize>, at: usize, agree: u32) -> usize {
        let (mut score, mut best, mut edge) = (0i32, 0i32, at);
        for n in numbers {
            let count = self.counts[n + 1] - self.counts[n];
            let bits = self.bits[n + 1] - self.bits[n];
            score += (agree * count) as i32 - bits as i32;
            if score > best {
                (best, edge) = (score, n);
            }
            if score < best - EDGE_DROP {
                break;
            }
        }
        edge
    }
}

/// The stretches of most weight that lie in the same order in both recordings.
fn chain(stretches: Vec<Stretch>) -> Vec<Stretch> {
    let Some(best) =
        stretches.iter().max_by_key(|s| (s.weight, std::cmp::Reverse(s.from))).copied()
    else {
        return Vec::new();
    };
    let there = |s: &Stretch, n: usize| (n * REFERENCE_STEP) as i64 + s.shift;
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for stretch in stretches {
        let Stretch { from, until, shift, weight } = stretch;
        let share = |from: usize, until: usize| {
            (until >= from + STRETCH_MIN).then(|| {
                let weight = weight * (until - from) as u64 / (stretch.until - stretch.from) as u64;
                Stretch { from, until, shift, weight }
            })
        };
        // Clipped to what lies before the best in both, and to what lies behind it.
        let limit =
            (there(&best, best.from) - shift).div_euclid(REFERENCE_STEP as i64).max(0) as usize;
        before.extend(share(from, until.min(best.from).min(limit)));
        let limit = (there(&best, best.until) - shift).max(0) as u64;
        let limit = limit.div_ceil(REFERENCE_STEP as u64) as usize;
        after.extend(share(from.max(best.until).max(limit), until));
    }
    let mut chosen = chain(before);
    chosen.push(best);
    chosen.extend(chain(after));
    chosen
}
