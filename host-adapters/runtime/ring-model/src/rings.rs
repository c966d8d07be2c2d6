//! Words in place of the runtime's mapped memory, each of which says who touches it: loom fails where
//! two threads do at a time.

#[cfg(loom)]
use loom::cell::UnsafeCell;
#[cfg(not(loom))]
use std::cell::UnsafeCell;

use crate::{Error, limits, ring::Ring};

pub struct Words(Box<[UnsafeCell<u64>]>);

impl Words {
    pub fn new() -> Words {
        Words((0..limits::RING_BYTES / 8).map(|_| UnsafeCell::new(0)).collect())
    }

    pub unsafe fn read(&self, at: usize) -> u64 {
        with(&self.0[at], |word| unsafe { *word })
    }

    pub unsafe fn write(&self, at: usize, word: u64) {
        with_mut(&self.0[at], |to| unsafe { *to = word });
    }

    pub unsafe fn put(&self, at: usize, samples: &[i16]) {
        for (n, part) in samples.chunks(4).enumerate() {
            let word = part.iter().rev().fold(0, |word, s| word << 16 | u64::from(*s as u16));
            unsafe { self.write(at + n, word) };
        }
    }

    pub unsafe fn get(&self, at: usize, count: usize, samples: &mut Vec<i16>) {
        let word = |n: usize| unsafe { self.read(at + n / 4) };
        samples.extend((0..count).map(|n| (word(n) >> (16 * (n % 4))) as i16));
    }
}

#[cfg(loom)]
fn with<T>(cell: &UnsafeCell<u64>, f: impl FnOnce(*const u64) -> T) -> T {
    cell.with(f)
}

#[cfg(loom)]
fn with_mut<T>(cell: &UnsafeCell<u64>, f: impl FnOnce(*mut u64) -> T) -> T {
    cell.with_mut(f)
}

#[cfg(not(loom))]
fn with<T>(cell: &UnsafeCell<u64>, f: impl FnOnce(*const u64) -> T) -> T {
    f(cell.get())
}

#[cfg(not(loom))]
fn with_mut<T>(cell: &UnsafeCell<u64>, f: impl FnOnce(*mut u64) -> T) -> T {
    f(cell.get())
}

/// For the ring's own tests, under Miri.
pub struct Rings;

impl Rings {
    pub fn new(_: u32) -> Result<Rings, Error> {
        Ok(Rings)
    }

    pub fn take(&self) -> Option<Ring> {
        Some(Ring::new(Words::new()))
    }
}
