//! The way of one side's audio from the media thread to its worker.
//!
//! What does it do? Frames of any rate and length, and gaps between them, come out in the order in
//! which they went in. What does not fit is counted, and comes out as a gap in its place, so that
//! the clock of the call goes on.
//!
//! How does it work? A single producer and a single consumer share a piece of memory, in words of
//! eight bytes. A record is a header and, for audio, the samples; it never wraps: at the end of the
//! memory a mark sends the reader back to the beginning. Whenever the reader has caught up, the
//! producer starts anew at the beginning, so that a call that is served in time uses the same page
//! again and again. Both sides are wait-free: loads, stores, one swap, no loop but the copy.
//!
//! `ring-model` beside `src` shows, by trying all orders in which two threads may run, that neither
//! sees the other's words too early.

use std::sync::atomic::Ordering;
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU32, AtomicU64};

#[cfg(loom)]
use crate::atomic::{AtomicU32, AtomicU64};
use crate::{limits, rings::Words, session::RATE_HZ};

/// Words of a ring.
const WORDS: usize = limits::RING_BYTES / 8;

/// Samples in a word.
const PACKED: usize = 4;

// A header, from the top: kind 2, rate 17, samples 17, arrival 28 bits. In a gap, rate and samples
// together are its duration in µs.
const KIND_SHIFT: u32 = 62;
const RATE_SHIFT: u32 = 45;
const COUNT_SHIFT: u32 = 28;
const COUNT_MAX: u64 = (1 << 17) - 1;
const GAP_US_MAX: u64 = (1 << 34) - 1;
const ARRIVAL_MASK: u64 = (1 << 28) - 1;

const AUDIO: u64 = 0;
const SKIP: u64 = 1;
const GAP: u64 = 2;
const WRAP: u64 = 3;

// What did not fit: where in the ring it belongs, and how much it is in µs.
const LOST_SHIFT: u32 = 40;
const LOST_MASK: u64 = (1 << LOST_SHIFT) - 1;

/// What the reader finds next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Record {
    /// Samples, at a rate.
    Audio { rate_hz: u32, samples: usize },
    /// Samples that the switch says were lost.
    Skip { rate_hz: u32, samples: u64 },
    /// Audio that did not fit into the ring.
    Gap { us: u64 },
}

/// A record, and when it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Next {
    pub record: Record,
    /// As [`now_ms`] had it.
    pub arrived_ms: u32,
    at: Place,
    /// Where the record after it will be.
    after: Place,
}

/// A word of the ring, and how often the ring was started anew before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    round: u32,
    word: usize,
}

impl Place {
    fn load(from: &AtomicU64, order: Ordering) -> Place {
        let packed = from.load(order);
        Place { round: (packed >> 32) as u32, word: packed as u32 as usize }
    }

    fn store(self, to: &AtomicU64, order: Ordering) {
        to.store(u64::from(self.round) << 32 | self.word as u64, order);
    }

    fn at(self, word: usize) -> Place {
        Place { word, ..self }
    }

    /// What tells it from all others that the reader may be at.
    fn tag(self) -> u64 {
        (u64::from(self.round) << 15 | self.word as u64) & ((1 << 24) - 1)
    }
}

/// Milliseconds of a clock that costs no system call, on any machine; its steps are some 4 ms.
/// Wraps around after three days: only differences mean anything.
pub fn now_ms() -> u32 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the struct is there to be written to. With this clock it cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut time) };
    ((time.tv_sec as u64 * 1_000 + time.tv_nsec as u64 / 1_000_000) & ARRIVAL_MASK) as u32
}

/// Milliseconds since a time of [`now_ms`].
pub fn since_ms(then: u32) -> u32 {
    (u64::from(now_ms().wrapping_sub(then)) & ARRIVAL_MASK) as u32
}

/// A cache line of its own: the two sides do not wait for one another's.
#[repr(align(64))]
struct Line<T>(T);

pub struct Ring {
    words: Words,
    /// Written by the producer only.
    producer: Line<Producer>,
    /// Written by the consumer only.
    consumer: Line<Consumer>,
    /// Written by both; see [`LOST_SHIFT`].
    lost: AtomicU64,
}

#[derive(Default)]
struct Producer {
    /// The first word that is free. Always below `WORDS`: a mark has room there.
    tail: AtomicU64,
    /// Audio written so far, in µs; wraps around.
    written_us: AtomicU32,
    /// How many times audio did not fit, and how much.
    gaps: AtomicU32,
    gap_us: AtomicU64,
    /// The furthest word ever used.
    reached: AtomicU32,
}

#[derive(Default)]
struct Consumer {
    /// The first word that is not read yet.
    head: AtomicU64,
    /// Audio read so far, in µs; wraps around.
    read_us: AtomicU32,
    /// What was lost and was seen by `peek`, but is not taken yet, in µs.
    seen_us: AtomicU64,
}

// SAFETY: words between head and tail belong to the consumer, the others to the producer; the two
// hand them over by release and acquire. That there is one of each is their callers' promise.
unsafe impl Sync for Ring {}

/// Duration of samples, in µs, rounded.
pub fn micros(rate_hz: u32, samples: u64) -> u64 {
    let rate_hz = u64::from(rate_hz);
    let (s, rest) = (samples / rate_hz, samples % rate_hz);
    s.saturating_mul(1_000_000).saturating_add((rest * 1_000_000 + rate_hz / 2) / rate_hz)
}

impl Ring {
    /// An empty one.
    pub fn new(words: Words) -> Ring {
        Ring {
            words,
            producer: Line(Producer::default()),
            consumer: Line(Consumer::default()),
            lost: AtomicU64::new(0),
        }
    }

    /// Its memory, and the furthest word of it ever used.
    pub fn used(&self) -> (&Words, usize) {
        (&self.words, self.producer.0.reached.load(Ordering::Relaxed) as usize)
    }

    /// Appends a frame. False if the rate is none, and nothing else happened.
    ///
    /// # Safety
    ///
    /// One thread at a time may be in `push` or `skip`.
    pub unsafe fn push(&self, rate_hz: u32, samples: &[i16]) -> bool {
        if !RATE_HZ.contains(&rate_hz) {
            return false;
        }
        let us = micros(rate_hz, samples.len() as u64);
        let waiting = self
            .producer
            .0
            .written_us
            .load(Ordering::Relaxed)
            .wrapping_sub(self.consumer.0.read_us.load(Ordering::Relaxed));
        let fits = samples.len() as u64 <= COUNT_MAX && u64::from(waiting) + us <= limits::RING_US;
        let words = 1 + samples.len().div_ceil(PACKED);
        let header = AUDIO << KIND_SHIFT
            | u64::from(rate_hz) << RATE_SHIFT
            | (samples.len() as u64 & COUNT_MAX) << COUNT_SHIFT;
        // SAFETY: the caller's promise.
        let Some(at) = (unsafe { self.start(fits, words, header, us) }) else { return true };
        // SAFETY: `start` found these words free.
        unsafe { self.words.put(at.word + 1, samples) };
        let written = self.producer.0.written_us.load(Ordering::Relaxed);
        self.producer.0.written_us.store(written.wrapping_add(us as u32), Ordering::Relaxed);
        self.publish(at.at(at.word + words));
        true
    }

    /// Appends a gap. False if the rate is none, and nothing else happened.
    ///
    /// # Safety
    ///
    /// As for [`Ring::push`].
    pub unsafe fn skip(&self, rate_hz: u32, samples: u64) -> bool {
        if !RATE_HZ.contains(&rate_hz) {
            return false;
        }
        let us = micros(rate_hz, samples);
        let header = if samples <= COUNT_MAX {
            SKIP << KIND_SHIFT | u64::from(rate_hz) << RATE_SHIFT | samples << COUNT_SHIFT
        } else {
            GAP << KIND_SHIFT | us.min(GAP_US_MAX) << COUNT_SHIFT
        };
        // SAFETY: the caller's promise.
        if let Some(at) = unsafe { self.start(true, 1, header, us) } {
            self.publish(at.at(at.word + 1));
        }
        true
    }

    /// Finds room for a record and for the gap before it, if there is one, and writes both headers:
    /// where the record begins. None if it does not fit; then it counts as lost.
    unsafe fn start(&self, fits: bool, words: usize, header: u64, us: u64) -> Option<Place> {
        let lost = self.lost.load(Ordering::Relaxed);
        let reserved = if fits { self.reserve(words + usize::from(lost != 0)) } else { None };
        let Some(mut at) = reserved else {
            self.lose(us);
            return None;
        };
        let arrived = u64::from(now_ms());
        // The reader may have taken the gap meanwhile.
        let lost = if lost == 0 { 0 } else { self.lost.swap(0, Ordering::AcqRel) & LOST_MASK };
        if lost != 0 {
            let gap = GAP << KIND_SHIFT | lost.min(GAP_US_MAX) << COUNT_SHIFT | arrived;
            // SAFETY: reserved.
            unsafe { self.words.write(at.word, gap) };
            at.word += 1;
        }
        // SAFETY: reserved.
        unsafe { self.words.write(at.word, header | arrived) };
        Some(at)
    }

    /// Where `words` words in a row are free, if anywhere.
    fn reserve(&self, words: usize) -> Option<Place> {
        let tail = Place::load(&self.producer.0.tail, Ordering::Relaxed);
        let head = Place::load(&self.consumer.0.head, Ordering::Acquire);
        if head == tail {
            let anew = Place { round: tail.round.wrapping_add(1), word: 0 };
            return (words < WORDS).then_some(anew);
        }
        // A reader that has not noticed the new round is at its beginning.
        let head = if head.round == tail.round { head.word } else { 0 };
        let ahead = if tail.word < head { head } else { WORDS };
        if tail.word + words < ahead {
            return Some(tail);
        }
        if tail.word < head || words >= head {
            return None;
        }
        // SAFETY: `tail` is free and within the memory. It is published with what follows.
        unsafe { self.words.write(tail.word, WRAP << KIND_SHIFT) };
        Some(tail.at(0))
    }

    fn publish(&self, tail: Place) {
        let reached = &self.producer.0.reached;
        if tail.word > reached.load(Ordering::Relaxed) as usize {
            reached.store(tail.word as u32, Ordering::Relaxed);
        }
        tail.store(&self.producer.0.tail, Ordering::Release);
    }

    fn lose(&self, us: u64) {
        let producer = &self.producer.0;
        producer.gaps.store(producer.gaps.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        let all = producer.gap_us.load(Ordering::Relaxed).saturating_add(us);
        producer.gap_us.store(all, Ordering::Relaxed);
        if us == 0 {
            return;
        }
        let here = Place::load(&producer.tail, Ordering::Relaxed).tag() << LOST_SHIFT;
        let old = self.lost.load(Ordering::Relaxed);
        let sum = |old: u64| here | (old & LOST_MASK).saturating_add(us).min(LOST_MASK);
        // The reader may take the old one, but puts nothing in its place.
        let kept = self.lost.compare_exchange(old, sum(old), Ordering::AcqRel, Ordering::Relaxed);
        if kept.is_err() {
            self.lost.store(sum(0), Ordering::Release);
        }
    }

    /// The next record, however often it is asked for before it is taken. One thread at a time may
    /// be in `peek` or `take`.
    pub fn peek(&self) -> Option<Next> {
        let mut at = Place::load(&self.consumer.0.head, Ordering::Relaxed);
        let tail = Place::load(&self.producer.0.tail, Ordering::Acquire);
        let seen_us = &self.consumer.0.seen_us;
        if at == tail && seen_us.load(Ordering::Relaxed) == 0 {
            seen_us.store(self.take_lost(at), Ordering::Relaxed);
        }
        // Frames that came after it was seen come after it.
        let us = seen_us.load(Ordering::Relaxed);
        if us != 0 {
            let record = Record::Gap { us };
            return Some(Next { record, arrived_ms: now_ms(), at, after: at });
        }
        if at == tail {
            return None;
        }
        if at.round != tail.round {
            at = tail.at(0);
        }
        // SAFETY: between head and tail there are whole records.
        let mut header = unsafe { self.words.read(at.word) };
        if header >> KIND_SHIFT == WRAP {
            at.word = 0;
            // SAFETY: a mark is followed by a record at the beginning.
            header = unsafe { self.words.read(0) };
        }
        let count = header >> COUNT_SHIFT & COUNT_MAX;
        let rate_hz = (header >> RATE_SHIFT & COUNT_MAX) as u32;
        let (record, words) = match header >> KIND_SHIFT {
            AUDIO => {
                let samples = count as usize;
                (Record::Audio { rate_hz, samples }, 1 + samples.div_ceil(PACKED))
            }
            SKIP => (Record::Skip { rate_hz, samples: count }, 1),
            _ => (Record::Gap { us: header >> COUNT_SHIFT & GAP_US_MAX }, 1),
        };
        let arrived_ms = (header & ARRIVAL_MASK) as u32;
        Some(Next { record, arrived_ms, at, after: at.at(at.word + words) })
    }

    /// All is read: what was lost after it, in µs, need not wait for a frame that fits.
    fn take_lost(&self, at: Place) -> u64 {
        let lost = self.lost.load(Ordering::Acquire);
        if lost == 0 || lost >> LOST_SHIFT != at.tag() {
            return 0;
        }
        let taken = self.lost.compare_exchange(lost, 0, Ordering::AcqRel, Ordering::Relaxed);
        taken.map_or(0, |lost| lost & LOST_MASK)
    }

    /// Removes the record that was seen by `peek`; its samples, if any, are appended to `samples`.
    pub fn take(&self, next: Next, samples: &mut Vec<i16>) {
        if next.at == next.after {
            self.consumer.0.seen_us.store(0, Ordering::Relaxed);
        }
        if let Record::Audio { rate_hz, samples: count } = next.record {
            // SAFETY: the record is ours until `head` moves on.
            unsafe { self.words.get(next.at.word + 1, count, samples) };
            let us = micros(rate_hz, count as u64) as u32;
            let read = self.consumer.0.read_us.load(Ordering::Relaxed);
            self.consumer.0.read_us.store(read.wrapping_add(us), Ordering::Relaxed);
        }
        next.after.store(&self.consumer.0.head, Ordering::Release);
    }

    /// How many times audio did not fit, and how much of it, in µs.
    pub fn gaps(&self) -> (u32, u64) {
        let producer = &self.producer.0;
        (producer.gaps.load(Ordering::Relaxed), producer.gap_us.load(Ordering::Relaxed))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::rings::Rings;

    /// Reads all there is: samples, and gaps as negative µs.
    fn drain(ring: &Ring, out: &mut Vec<i64>) {
        let mut samples = Vec::new();
        while let Some(next) = ring.peek() {
            match next.record {
                Record::Audio { .. } => {}
                Record::Skip { rate_hz, samples } => out.push(-(micros(rate_hz, samples) as i64)),
                Record::Gap { us } => out.push(-(us as i64)),
            }
            ring.take(next, &mut samples);
            out.extend(samples.drain(..).map(i64::from));
        }
    }

    #[test]
    fn what_goes_in_comes_out_in_order_and_what_does_not_fit_is_a_gap_in_its_place() {
        let rings = Rings::new(1).unwrap();
        let ring = rings.take().unwrap();
        let mut out = Vec::new();
        // Three seconds while nobody reads, of which two fit.
        for frame in 0..150 {
            assert!(unsafe { ring.push(8_000, &[frame; 160]) });
        }
        assert_eq!(ring.gaps(), (50, 1_000_000));
        drain(&ring, &mut out);
        assert_eq!(out.len(), 100 * 160 + 1);
        assert_eq!(out.last(), Some(&-1_000_000));
        // Whoever looks and does not take it finds it again, before what came later.
        (0..101).for_each(|_| assert!(unsafe { ring.push(8_000, &[1; 160]) }));
        (0..100).for_each(|_| ring.take(ring.peek().unwrap(), &mut Vec::new()));
        let gap = Record::Gap { us: 20_000 };
        assert_eq!(ring.peek().unwrap().record, gap);
        unsafe { ring.push(8_000, &[1; 160]) };
        assert_eq!(ring.peek().unwrap().record, gap);
        drain(&ring, &mut out);
        assert_eq!(out[100 * 160 + 1..], [&[-20_000][..], &[1; 160]].concat());
        out.clear();
        for frame in 0..101 {
            unsafe { ring.push(8_000, &[frame; 160]) };
        }
        let mut one = Vec::new();
        ring.take(ring.peek().unwrap(), &mut one);
        unsafe { ring.push(8_000, &[7; 160]) };
        drain(&ring, &mut out);
        assert_eq!(out[99 * 160], -20_000);
        assert_eq!(out[99 * 160 + 1..], [7; 160]);
        assert!(!unsafe { ring.push(7_999, &[0; 10]) } && !unsafe { ring.skip(48_001, 10) });
    }

    #[test]
    fn a_ring_that_is_read_in_time_stays_within_a_page() {
        let rings = Rings::new(1).unwrap();
        let ring = rings.take().unwrap();
        let mut out = Vec::new();
        for frame in 0..10_000 {
            unsafe { ring.push(8_000, &[frame as i16; 160]) };
            if frame % 5 == 4 {
                drain(&ring, &mut out);
            }
        }
        assert_eq!(out.len(), 10_000 * 160);
        assert!(out.chunks(160).enumerate().all(|(n, f)| f == [n as i64; 160]));
        assert!(ring.used().1 * 8 <= limits::PAGE_BYTES);
    }

    #[test]
    fn two_threads_lose_nothing_between_them() {
        let rings = Rings::new(1).unwrap();
        let ring = rings.take().unwrap();
        let frames = 300_000u32;
        let shape = |n: u32| ([8_000, 16_000, 48_000][n as usize % 3], 2 + n as usize * 7 % 997);
        let expected: u64 = (0..frames).map(|n| micros(shape(n).0, shape(n).1 as u64)).sum();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..frames {
                    let (rate, len) = shape(n);
                    let mut frame = [n as i16; 1_000];
                    frame[1] = (n >> 16) as i16;
                    if n % 11 == 0 {
                        unsafe { ring.skip(rate, len as u64) };
                    } else {
                        unsafe { ring.push(rate, &frame[..len]) };
                    }
                    // Neither always full nor always empty.
                    if n % 64 == 0 {
                        std::thread::yield_now();
                    }
                }
            });
            let (mut samples, mut us, mut next_frame, mut audio) = (Vec::new(), 0, 0, 0);
            while us < expected {
                let Some(next) = ring.peek() else {
                    std::thread::yield_now();
                    continue;
                };
                us += match next.record {
                    Record::Audio { rate_hz, samples } => micros(rate_hz, samples as u64),
                    Record::Skip { rate_hz, samples } => micros(rate_hz, samples),
                    Record::Gap { us } => us,
                };
                samples.clear();
                ring.take(next, &mut samples);
                if let [low, high, rest @ ..] = &samples[..] {
                    let n = u32::from(*high as u16) << 16 | u32::from(*low as u16);
                    assert!(rest.iter().all(|s| s == low), "frame {n} is torn");
                    assert!(n >= next_frame, "frame {n} after {next_frame}");
                    assert_eq!(samples.len(), shape(n).1);
                    next_frame = n + 1;
                    audio += 1;
                }
            }
            assert_eq!(us, expected);
            assert!(audio > 1_000, "hardly anything fitted, so hardly anything was compared");
        });
        assert!(ring.peek().is_none());
    }
}
