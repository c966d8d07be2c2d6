//! Where in the enrolled recordings a code occurs.
//!
//! Three tables, each keyed by 24 of the 64 bits. A noisy code is found by
//! looking it up with every combination of its [`FLIPS`] weakest key bits
//! flipped.
//!
//! What a look-up costs is memory that is touched, so a table is laid out for
//! it. A bitmap says which keys there are: of most probes nothing more is
//! touched than a few pages of that. The rest find their entries in a group, some
//! eight of them, each with six bits of its key beside its position.
//!
//! What is found is bounded whatever the catalogue's size: the likeliest keys
//! come first, and the others only as long as little was found.

use super::Code;
use crate::limits;

const TABLES: usize = 3;
const KEY_BITS: usize = 24;
/// Weak bits tried both ways: 2^4 probes a table. Those that err most are
/// among the weakest (models/fingerprint/README.md has the figures).
const FLIPS: usize = 4;
/// Entries per group, on average.
const PER_GROUP: usize = 8;
/// Bits of the bitmap per code; as long as there are keys, 24 bits at most.
const MAP_BITS_PER_CODE: usize = 8;
const POSITION_BITS: u32 = 26;
const TAG_BITS: u32 = 32 - POSITION_BITS;
/// Positions after which a look-up goes no further down its list of keys.
const FOUND: usize = 48;
/// Which weak bits to flip, the likeliest choices first: none or one, two, more.
const CHOICES: [usize; 1 << FLIPS] = [0, 1, 2, 4, 8, 3, 5, 6, 9, 10, 12, 7, 11, 13, 14, 15];
/// Codes per entry of the list that says which recording a position is in.
const BLOCK: usize = 64;
/// Occurrences of a key beyond this many are left out of its group: they would
/// cost every call that meets it, and the script is found by its other codes.
const KEY_MAX: usize = 32;

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

struct Table {
    /// Which keys there are, by their lowest bits.
    map: Vec<u64>,
    /// Where each group's entries begin, and where the last one's end.
    groups: Vec<u32>,
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
    pub fn add(&mut self, script: u32, node: u32, codes: impl Iterator<Item = u64>) {
        let first = self.codes.len();
        self.codes.extend(codes);
        let codes = (self.codes.len() - first) as u32;
        self.recordings.push(Recording { first: first as u32, codes, script, node });
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

/// Spreads keys over the groups, each to a place of its own: speech uses few
/// of the keys, and those lie close together.
fn mix(key: u32) -> u32 {
    const MASK: u32 = (1 << KEY_BITS) - 1;
    let mut h = key.wrapping_mul(0x9e_3779) & MASK;
    h = (h ^ h >> 13).wrapping_mul(0xeb_ca6b) & MASK;
    h ^ h >> 12
}

impl Table {
    fn new(table: usize, codes: &[u64]) -> Table {
        let count = codes.iter().filter(|c| **c != 0).count();
        let map_bits =
            (count * MAP_BITS_PER_CODE).next_power_of_two().clamp(1 << 16, 1 << KEY_BITS);
        let mut this = Table {
            map: vec![0; map_bits / 64],
            groups: vec![0; count.div_ceil(PER_GROUP) + 1],
            entries: vec![0; count],
        };
        let keys = || {
            let all = codes.iter().enumerate().filter(|(_, code)| **code != 0);
            all.map(|(position, code)| (position as u32, key(table, *code)))
        };
        for (_, key) in keys() {
            let (word, bit) = this.mapped(key);
            this.map[word] |= 1 << bit;
            let (group, _) = this.place(key);
            this.groups[group + 1] += 1;
        }
        for n in 1..this.groups.len() {
            this.groups[n] += this.groups[n - 1];
        }
        let mut ends = this.groups.clone();
        for (position, key) in keys() {
            let (group, tag) = this.place(key);
            let (first, end) = (this.groups[group] as usize, ends[group] as usize);
            let same = this.entries[first..end].iter().filter(|e| **e >> POSITION_BITS == tag);
            if same.count() < KEY_MAX {
                this.entries[end] = tag << POSITION_BITS | position;
                ends[group] += 1;
            }
        }
        // Closes the gaps that left-out occurrences leave.
        let mut total = 0;
        for (group, end) in this.groups.iter_mut().zip(&ends[..count.div_ceil(PER_GROUP)]) {
            let (first, end) = (*group as usize, *end as usize);
            this.entries.copy_within(first..end, total);
            *group = total as u32;
            total += end - first;
        }
        *this.groups.last_mut().expect("there is an end") = total as u32;
        this.entries.truncate(total);
        this.entries.shrink_to_fit();
        this
    }

    /// Word and bit of a key in the map.
    fn mapped(&self, key: u32) -> (usize, u32) {
        // The map's length is a power of two.
        ((key as usize / 64) & (self.map.len() - 1), key % 64)
    }

    fn has(&self, key: u32) -> bool {
        let (word, bit) = self.mapped(key);
        self.map[word] >> bit & 1 != 0
    }

    /// Group and tag of a key.
    fn place(&self, key: u32) -> (usize, u32) {
        let (mixed, groups) = (mix(key), self.groups.len() as u64 - 1);
        let group = (u64::from(mixed) * groups) >> KEY_BITS;
        (group as usize, mixed & ((1 << TAG_BITS) - 1))
    }

    fn bytes(&self) -> usize {
        size_of_val(&self.map[..]) + size_of_val(&self.groups[..]) + size_of_val(&self.entries[..])
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

    /// Adds positions whose key may be that of `code`, weak bits either way, to
    /// `found`: the likeliest keys' first, [`FOUND`] and some more; a few may
    /// come more than once.
    pub fn find(&self, code: &Code, found: &mut Vec<u32>) {
        let keys: [[u32; CHOICES.len()]; TABLES] = std::array::from_fn(|table| {
            flipped(key(table, code.bits), weakest(table, &code.margins))
        });
        for choices in [&CHOICES[..5], &CHOICES[5..11], &CHOICES[11..]] {
            let mut probes = [Probe::default(); TABLES * 6];
            let mut count = 0;
            for choice in choices {
                for (table, keys) in keys.iter().enumerate() {
                    let key = keys[*choice];
                    probes[count] = Probe { table, key, ..Probe::default() };
                    count += usize::from(self.tables[table].has(key));
                }
            }
            // Step by step for all, and no branch hangs on what is read: memory is waited for once a
            // step and not once a probe.
            let probes = &mut probes[..count];
            for probe in probes.iter_mut() {
                self.tables[probe.table].open(probe);
            }
            let touched = probes.iter().map(|probe| self.tables[probe.table].first(probe));
            std::hint::black_box(touched.fold(0, |all, entry| all ^ entry));
            for probe in probes {
                self.tables[probe.table].read(probe, found);
            }
            if found.len() >= FOUND {
                return;
            }
        }
    }

    /// As [`Index::find`] for an undisturbed code: no bit is flipped.
    pub fn find_exact(&self, bits: u64, found: &mut Vec<u32>) {
        for (number, table) in self.tables.iter().enumerate() {
            let mut probe = Probe { key: key(number, bits), ..Probe::default() };
            if table.has(probe.key) {
                table.open(&mut probe);
                table.read(&probe, found);
            }
        }
    }
}

/// A key that is looked up in a table, and where its group is.
#[derive(Clone, Copy, Default)]
struct Probe {
    table: usize,
    key: u32,
    tag: u32,
    first: u32,
    end: u32,
}

impl Table {
    fn open(&self, probe: &mut Probe) {
        let (group, tag) = self.place(probe.key);
        (probe.tag, probe.first, probe.end) = (tag, self.groups[group], self.groups[group + 1]);
    }

    fn read(&self, probe: &Probe, found: &mut Vec<u32>) {
        let entries = &self.entries[probe.first as usize..probe.end as usize];
        let mut count = found.len();
        found.resize(count + entries.len(), 0);
        for entry in entries {
            found[count] = entry & ((1 << POSITION_BITS) - 1);
            count += usize::from(entry >> POSITION_BITS == probe.tag);
        }
        found.truncate(count);
    }

    /// The first entry of a probe's group, to have it at hand when it is read.
    fn first(&self, probe: &Probe) -> u32 {
        self.entries.get(probe.first as usize).copied().unwrap_or(0)
    }
}

/// A key with every choice of its weak bits flipped.
fn flipped(key: u32, weak: [usize; FLIPS]) -> [u32; CHOICES.len()] {
    let mut keys = [key; CHOICES.len()];
    for choice in 1..keys.len() {
        let (lowest, others) = (choice.trailing_zeros() as usize, choice & (choice - 1));
        keys[choice] = keys[others] ^ 1 << weak[lowest];
    }
    keys
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
        (1..=u64::from(n))
            .map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .map(|x| x ^ x >> 29)
            .collect()
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
        assert_eq!(found.len(), TABLES * KEY_MAX);
    }
}
