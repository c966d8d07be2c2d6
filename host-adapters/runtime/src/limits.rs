//! Every bound of the runtime, with its reason.

use std::time::Duration;

/// How much an analyzer's memory may grow beyond its image in a session, in
/// bytes: some twenty times what a call needs.
pub const SESSION_GROWTH_BYTES: usize = 2 << 20;

/// How much memory a bake may use, in bytes: the largest catalogue and what is
/// parsed on the way.
pub const BAKE_BYTES: usize = 3 << 30;

/// How long a bake may take. 10,000 scripts take a few seconds.
pub const BAKE_TIME: Duration = Duration::from_secs(600);

/// Processing time that a push may take over and above [`PUSH_SHARE`] of the
/// duration of its audio: a thousand times what it needs.
pub const PUSH_TIME: Duration = Duration::from_millis(250);

/// Share of the duration of the audio pushed that may go into processing it.
pub const PUSH_SHARE: f64 = 0.5;

/// The watchdog's tick. Deadlines are rounded up to it.
pub const TICK: Duration = Duration::from_millis(10);

/// Most samples handed to a guest in one crossing; a longer push is split. One
/// second at 48 kHz: 96 kB of guest memory.
pub const PUSH_SAMPLES: usize = 48_000;

/// Sessions that may live at a time, unless the host says otherwise.
pub const SESSIONS: u32 = 4_096;

/// Largest pack file read, in bytes; see the plugin's limit of the same name.
pub const PACK_BYTES: u64 = 320 << 20;
