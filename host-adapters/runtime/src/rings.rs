//! Memory for rings: reserved at once, used where it is written to.

use std::{
    ops::Range,
    ptr,
    sync::{Mutex, PoisonError},
};

use crate::{Error, limits, ring::Ring};

/// The memory of one ring, in words of eight bytes. Which thread may touch which, the ring knows.
pub struct Words {
    first: *mut u64,
    slot: u32,
}

// SAFETY: memory that nobody else has been given.
unsafe impl Send for Words {}

impl Words {
    /// # Safety
    ///
    /// The word is within the ring, and nobody writes it now.
    pub unsafe fn read(&self, at: usize) -> u64 {
        // SAFETY: the caller's promise.
        unsafe { self.first.add(at).read() }
    }

    /// # Safety
    ///
    /// The word is within the ring, and nobody else touches it now.
    pub unsafe fn write(&self, at: usize, word: u64) {
        // SAFETY: the caller's promise.
        unsafe { self.first.add(at).write(word) }
    }

    /// Writes samples from a word on.
    ///
    /// # Safety
    ///
    /// As for [`Words::write`], of all the words that they fill.
    pub unsafe fn put(&self, at: usize, samples: &[i16]) {
        // SAFETY: the caller's promise.
        unsafe {
            let to = self.first.add(at).cast();
            ptr::copy_nonoverlapping(samples.as_ptr(), to, samples.len());
        }
    }

    /// Appends what [`Words::put`] wrote.
    ///
    /// # Safety
    ///
    /// As for [`Words::read`], of all the words that they fill.
    pub unsafe fn get(&self, at: usize, count: usize, samples: &mut Vec<i16>) {
        // SAFETY: the caller's promise.
        let there = unsafe { std::slice::from_raw_parts(self.first.add(at).cast(), count) };
        samples.extend_from_slice(there);
    }
}

/// See the module.
pub struct Rings {
    memory: *mut u8,
    bytes: usize,
    free: Mutex<Vec<u32>>,
}

// SAFETY: the pointer is only divided among slots, each of which is handed out once.
unsafe impl Send for Rings {}
unsafe impl Sync for Rings {}

impl Rings {
    pub fn new(count: u32) -> Result<Rings, Error> {
        let bytes = count as usize * limits::RING_BYTES;
        let (read_write, kind) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
        );
        // SAFETY: a new mapping, wherever there is room.
        let memory = unsafe { libc::mmap(ptr::null_mut(), bytes, read_write, kind, -1, 0) };
        if memory == libc::MAP_FAILED {
            let error = std::io::Error::last_os_error();
            return Err(Error::System(format!("{bytes} bytes for the rings of calls: {error}")));
        }
        // A huge page would cost every ring all of its memory. Where the kernel knows of none, it
        // refuses, and that is as well.
        // SAFETY: the mapping is ours.
        unsafe { libc::madvise(memory, bytes, libc::MADV_NOHUGEPAGE) };
        let free = Mutex::new((0..count).rev().collect());
        Ok(Rings { memory: memory.cast(), bytes, free })
    }

    /// A fresh ring, its first page in memory so that the media thread need not wait for it.
    pub fn take(&self) -> Option<Ring> {
        let slot = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        // SAFETY: the slot is within the mapping, and nobody else has it.
        let first = unsafe {
            let memory = self.memory.add(slot as usize * limits::RING_BYTES);
            memory.write_volatile(0);
            memory.cast()
        };
        Some(Ring::new(Words { first, slot }))
    }

    /// Takes a ring back that nobody uses any more, and its memory but for the first page.
    pub fn give_back(&self, ring: &Ring) {
        let (words, reached) = ring.used();
        let used: Range<usize> = limits::PAGE_BYTES..reached * 8;
        if !used.is_empty() {
            // SAFETY: within the ring's own memory.
            unsafe {
                let from = words.first.cast::<u8>().add(used.start);
                libc::madvise(from.cast(), used.len(), libc::MADV_DONTNEED);
            }
        }
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(words.slot);
    }
}

impl Drop for Rings {
    fn drop(&mut self) {
        // SAFETY: our own mapping; whoever has a ring keeps this alive.
        unsafe { libc::munmap(self.memory.cast(), self.bytes) };
    }
}
