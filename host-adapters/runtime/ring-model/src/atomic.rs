//! Loom's atomics, each with a turn that every use of it takes.
//!
//! Loom tries another order of two uses only where it sees that one may matter to the other, and for
//! that it remembers the last load alone: a producer that loads its own position before it stores it
//! hides the consumer's earlier load, and orders are left out. Uses of a turn are never left out, and
//! being relaxed they order nothing else.

use std::sync::atomic::Ordering;

macro_rules! atomic {
    ($name:ident, $number:ty) => {
        #[derive(Default)]
        pub struct $name {
            value: loom::sync::atomic::$name,
            turn: loom::sync::atomic::AtomicUsize,
        }

        impl $name {
            pub fn new(value: $number) -> $name {
                $name { value: loom::sync::atomic::$name::new(value), turn: Default::default() }
            }

            fn take_turn(&self) -> &loom::sync::atomic::$name {
                self.turn.fetch_add(1, Ordering::Relaxed);
                &self.value
            }

            pub fn load(&self, order: Ordering) -> $number {
                self.take_turn().load(order)
            }

            pub fn store(&self, value: $number, order: Ordering) {
                self.take_turn().store(value, order);
            }

            pub fn swap(&self, value: $number, order: Ordering) -> $number {
                self.take_turn().swap(value, order)
            }

            pub fn compare_exchange(
                &self,
                current: $number,
                new: $number,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$number, $number> {
                self.take_turn().compare_exchange(current, new, success, failure)
            }
        }
    };
}

atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);
