//! Where in the enrolled recordings a code occurs.
//!
//! Three tables, each keyed by 24 of the 64 bits. A noisy code is found by
//! looking it up with every combination of its [`FLIPS`] weakest key bits
//! flipped.
//!
//! What a look-up costs is memory that is touched, so a table is laid out for
//! it: twelve buckets share a 16-byte head (where their entries begin, and how
//! many each holds), so that a probe of an empty bucket, the usual case,
//! touches one cache line; an entry carries six more bits of the key's hash,
//! so that a colliding one is dropped before its code is fetched.

use super::Code;
use crate::limits;

const TABLES: usize = 3;
const KEY_BITS: usize = 24;
/// Weak bits tried both ways: 2^4 probes a table. Those that err most are
/// among the weakest (models/fingerprint/README.md has the figures).
const FLIPS: usize = 4;
const BUCKETS_PER_HEAD: usize = 12;
/// Buckets per entry: fewer collisions against more heads.
const BUCKETS_PER_ENTRY: usize = 2;
const POSITION_BITS: u32 = 26;
const TAG_BITS: u32 = 32 - POSITION_BITS;
/// Codes per entry of the list that says which recording a position is in.
const BLOCK: usize = 64;
/// Occurrences of a code beyond this many are left out of the table: they would
/// cost every call that meets it, and the script is found by its other codes.
const BUCKET_MAX: u8 = 64;

/// A recording in the index.
#[derive(Debug, Clone, Copy)]
pub struct Recording {
    /// Position of its first code.
    pub first: u32,
    /// How many codes it has.
    pub codes: u32,
    /// The script, as numbered by the catalogue.
    pub script: u32,
    /// The node within the script, as numbered by the catalogue.
    pub node: u32,
}

#[derive(Clone, Copy)]
#[repr(C, align(16))]
struct Head {
    base: u32,
    counts: [u8; BUCKETS_PER_HEAD],
}

struct Table {
    heads: Vec<Head>,
    entries: Vec<u32>,
}

/// All codes of all recordings, and the tables to find them by.
pub struct Index {
    codes: Vec<u64>,
    recordings: Vec<Recording>,
    /// The recording that each block of [`BLOCK`] codes begins in.
    blocks: Vec<u32>,
    tables: [Table; TABLES],
}

/// Collects recordings for an [`Index`].
#[derive(Default)]
pub struct IndexBuilder {
    codes: Vec<u64>,
    recordings: Vec<Recording>,
}

impl IndexBuilder {
    /// Makes room for `codes` more codes at once. Growing by doubling would
    /// leave holes in the memory that a bake takes its image of.
    pub fn reserve(&mut self, codes: usize) {
        self.codes.reserve_exact(codes.min(limits::CODES - self.codes.len()));
    }

    /// How many codes there are.
    pub fn codes(&self) -> usize {
        self.codes.len()
    }

    /// Adds a recording; at most [`limits::CODES`] codes in all.
    pub fn add(&mut self, script: u32, node: u32, codes: impl ExactSizeIterator<Item = u64>) {
        let first = self.codes.len() as u32;
        self.recordings.push(Recording { first, codes: codes.len() as u32, script, node });
        self.codes.extend(codes);
        assert!(self.codes.len() <= limits::CODES, "the caller keeps to limits::CODES");
    }

    /// Builds the tables.
    pub fn build(self) -> Index {
        let IndexBuilder { mut codes, recordings } = self;
        codes.shrink_to_fit();
        let tables = std::array::from_fn(|table| Table::new(table, &codes));
        let first_of = |block: usize| {
            recordings.partition_point(|r| r.first as usize <= block * BLOCK) as u32 - 1
        };
        let blocks = (0..codes.len().div_ceil(BLOCK)).map(first_of).collect();
        Index { codes, recordings, blocks, tables }
    }
}

/// 24 of the 64 bits, every third; the tables start one apart.
fn key(table: usize, bits: u64) -> u32 {
    let turned = bits.rotate_right(table as u32);
    // Every third bit moved down to the others, in five steps of doubling groups; 22 of them.
    let mut x = turned & 0x9249_2492_4924_9249;
    for (shift, mask) in [
        (2, 0x30c3_0c30_c30c_30c3),
        (4, 0xf00f_00f0_0f00_f00f),
        (8, 0x00ff_0000_ff00_00ff),
        (16, 0xffff_0000_0000_ffff),
        (32, 0x0000_0000_003f_ffff),
    ] {
        x = (x | x >> shift) & mask;
    }
    // Around the end: bits 66 and 69.
    (x | turned >> 2 << 22 & 1 << 22 | turned >> 5 << 23 & 1 << 23) as u32
}

fn key_bit(table: usize, n: usize) -> usize {
    (table + TABLES * n) % 64
}

/// A bijective mix (the finaliser of MurmurHash3): speech uses few of the keys.
fn mix(key: u32) -> u32 {
    let mut h = key.wrapping_add(0x9e37_79b9);
    h = (h ^ h >> 16).wrapping_mul(0x85eb_ca6b);
    h = (h ^ h >> 13).wrapping_mul(0xc2b2_ae35);
    h ^ h >> 16
}

impl Table {
    fn new(table: usize, codes: &[u64]) -> Table {
        let entries = codes.iter().filter(|c| **c != 0).count();
        let heads = (entries * BUCKETS_PER_ENTRY).div_ceil(BUCKETS_PER_HEAD).max(1);
        let empty = Head { base: 0, counts: [0; BUCKETS_PER_HEAD] };
        let mut this = Table { heads: vec![empty; heads], entries: Vec::new() };
        for code in codes.iter().filter(|c| **c != 0) {
            let (head, bucket, _) = this.place(mix(key(table, *code)));
            let count = &mut this.heads[head].counts[bucket];
            *count = (*count + 1).min(BUCKET_MAX);
        }
        let mut total = 0;
        for head in &mut this.heads {
            head.base = total;
            total += head.counts.iter().map(|c| u32::from(*c)).sum::<u32>();
        }
        // 0 marks a free entry, so positions are stored plus one.
        this.entries = vec![0; total as usize];
        for (position, code) in codes.iter().enumerate().filter(|(_, c)| **c != 0) {
            let (head, bucket, tag) = this.place(mix(key(table, *code)));
            let entries = this.bucket(head, bucket);
            if let Some(free) = this.entries[entries].iter_mut().find(|e| **e == 0) {
                *free = tag << POSITION_BITS | (position as u32 + 1);
            }
        }
        this
    }

    /// Head, bucket within the head, and tag of a hash.
    fn place(&self, hash: u32) -> (usize, usize, u32) {
        let buckets = self.heads.len() as u64 * BUCKETS_PER_HEAD as u64;
        let bucket = ((u64::from(hash) * buckets) >> 32) as usize;
        (bucket / BUCKETS_PER_HEAD, bucket % BUCKETS_PER_HEAD, hash & ((1 << TAG_BITS) - 1))
    }

    fn bucket(&self, head: usize, bucket: usize) -> std::ops::Range<usize> {
        let Head { base, counts } = &self.heads[head];
        let before: u32 = counts[..bucket].iter().map(|c| u32::from(*c)).sum();
        let first = (base + before) as usize;
        first..first + usize::from(counts[bucket])
    }

    fn bytes(&self) -> usize {
        self.heads.len() * size_of::<Head>() + self.entries.len() * size_of::<u32>()
    }
}

impl Index {
    /// The code at a position; 0 where there is none.
    pub fn code(&self, position: u32) -> u64 {
        self.codes[position as usize]
    }

    /// The recording that a position lies in, its number first, and its codes up
    /// to there: `reach` at most, the position's own last.
    pub fn before(&self, position: u32, reach: u32) -> ((u32, Recording), &[u64]) {
        let (number, recording) = self.recording_at(position);
        let first = recording.first.max((position + 1).saturating_sub(reach));
        ((number, recording), &self.codes[first as usize..=position as usize])
    }

    /// Number and content of the recording that a position lies in.
    pub fn recording_at(&self, position: u32) -> (u32, Recording) {
        let mut number = self.blocks[position as usize / BLOCK];
        while let Some(next) = self.recordings.get(number as usize + 1)
            && next.first <= position
        {
            number += 1;
        }
        (number, self.recordings[number as usize])
    }

    /// A recording by number.
    pub fn recording(&self, number: u32) -> Recording {
        self.recordings[number as usize]
    }

    /// Memory of codes, recordings and tables.
    pub fn bytes(&self) -> usize {
        self.codes.len() * size_of::<u64>()
            + self.recordings.len() * size_of::<Recording>()
            + self.blocks.len() * size_of::<u32>()
            + self.tables.iter().map(Table::bytes).sum::<usize>()
    }

    /// Adds every position whose key may be that of `code`, weak bits either
    /// way, to `found`; some more than once.
    pub fn find(&self, code: &Code, found: &mut Vec<u32>) {
        let mut buckets = [Bucket::default(); TABLES << FLIPS];
        let mut count = 0;
        for (number, table) in self.tables.iter().enumerate() {
            let key = key(number, code.bits);
            let weak = weakest(number, &code.margins);
            for choice in 0..1u32 << FLIPS {
                let flips = (0..FLIPS).fold(0, |f, n| f | (choice >> n & 1) << weak[n]);
                let bucket = table.bucket_of(number, key ^ flips);
                buckets[count] = bucket;
                count += usize::from(bucket.entries > 0);
            }
        }
        // First all heads, then all entries: memory is waited for twice and not 48 times.
        for bucket in &buckets[..count] {
            self.tables[usize::from(bucket.table)].read(bucket, found);
        }
    }

    /// As [`Index::find`] for an undisturbed code: no bit is flipped.
    pub fn find_exact(&self, bits: u64, found: &mut Vec<u32>) {
        for (number, table) in self.tables.iter().enumerate() {
            table.read(&table.bucket_of(number, key(number, bits)), found);
        }
    }
}

/// Where a key's entries are, if it has any.
#[derive(Clone, Copy, Default)]
struct Bucket {
    table: u8,
    tag: u8,
    /// Within the head.
    number: u8,
    entries: u8,
    head: u32,
}

impl Table {
    fn bucket_of(&self, table: usize, key: u32) -> Bucket {
        let (head, number, tag) = self.place(mix(key));
        let entries = self.heads[head].counts[number];
        Bucket {
            table: table as u8,
            tag: tag as u8,
            number: number as u8,
            entries,
            head: head as u32,
        }
    }

    fn read(&self, bucket: &Bucket, found: &mut Vec<u32>) {
        for entry in &self.entries[self.bucket(bucket.head as usize, bucket.number.into())] {
            if entry >> POSITION_BITS == u32::from(bucket.tag) {
                found.push((entry & ((1 << POSITION_BITS) - 1)) - 1);
            }
        }
    }
}

/// The key bits of a table whose margins are smallest.
fn weakest(table: usize, margins: &[i32; 64]) -> [usize; FLIPS] {
    let mut best = [(i32::MAX, 0); FLIPS];
    for n in 0..KEY_BITS {
        let candidate = (margins[key_bit(table, n)], n);
        if candidate < best[FLIPS - 1] {
            best[FLIPS - 1] = candidate;
            let mut at = FLIPS - 1;
            while at > 0 && best[at] < best[at - 1] {
                best.swap(at, at - 1);
                at -= 1;
            }
        }
    }
    best.map(|(_, n)| n)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes as different as hashes.
    fn codes(n: u32) -> Vec<u64> {
        (0..n).map(|i| u64::from(mix(i)) << 32 | u64::from(mix(!i))).collect()
    }

    #[test]
    fn every_code_is_found_also_with_its_weakest_bits_wrong() {
        let all = codes(5_000);
        let mut builder = IndexBuilder::default();
        builder.add(0, 0, all[..2_000].iter().copied());
        builder.add(1, 0, all[2_000..].iter().copied());
        let index = builder.build();
        for (position, bits) in all.iter().enumerate() {
            let mut margins = [1_000; 64];
            // Four bits of the first table's key are weak, and wrong.
            let mut wrong = *bits;
            for n in [1, 5, 11, 23] {
                margins[key_bit(0, n)] = 1;
                wrong ^= 1 << key_bit(0, n);
            }
            let mut found = Vec::new();
            index.find(&Code { bits: wrong, margins }, &mut found);
            assert!(found.contains(&(position as u32)), "code {position} is not found");
        }
        let (number, recording) = index.recording_at(2_000);
        assert_eq!((number, recording.script, recording.first), (1, 1, 2_000));
    }

    #[test]
    fn a_key_is_every_third_bit() {
        for bits in codes(1_000) {
            for table in 0..TABLES {
                let plain = (0..KEY_BITS)
                    .fold(0, |key, n| key | ((bits >> key_bit(table, n)) as u32 & 1) << n);
                assert_eq!(key(table, bits), plain, "table {table} of {bits:x}");
            }
        }
    }

    #[test]
    fn codes_that_occur_everywhere_cost_a_bounded_number_of_candidates() {
        let mut builder = IndexBuilder::default();
        builder.add(0, 0, vec![42u64; 1_000].into_iter());
        let index = builder.build();
        let mut found = Vec::new();
        index.find_exact(42, &mut found);
        assert_eq!(found.len(), TABLES * usize::from(BUCKET_MAX));
    }
}
