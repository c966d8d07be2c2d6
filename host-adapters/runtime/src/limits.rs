//! Every bound of the runtime, with its reason.

use std::time::Duration;

/// How much an analyzer's memory may grow beyond its image in a session, in
/// bytes: some twenty times what a call needs.
pub const SESSION_GROWTH_BYTES: usize = 2 << 20;

/// How much an analyzer may hand over in answer to one push, in bytes: a thousand findings.
pub const FINDINGS_BYTES: usize = 256 << 10;

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
pub const PACK_BYTES: u64 = 1 << 30;

/// Memory of a ring, in bytes: two seconds at 48 kHz. Only what is written to is used.
pub const RING_BYTES: usize = 192 << 10;

/// Most audio that waits in a ring, in µs: a worker that is later than this has lost its call.
pub const RING_US: u64 = 2_000_000;

/// A page, in bytes, of the processors we run on; what a larger page costs is memory only.
pub const PAGE_BYTES: usize = 4 << 10;

/// Findings that wait for the dispatcher at most: some seconds' worth of a full host.
pub const EVENTS: usize = 16_384;

/// Calls that an instance serves one after another before it is given up: its memory is then as
/// good as new, whatever holes the calls have left in it.
pub const COHORT_SERVES: u32 = 1_000;

/// Calls sharing an instance, unless the host says otherwise.
pub const COHORT: u32 = 16;

/// Most calls sharing an instance.
pub const COHORT_MAX: u32 = 256;

/// Most live calls of a host.
pub const CALLS_MAX: u32 = 65_536;

/// How often a worker looks at some of its calls, in ms: each call's turn comes once in `batch_ms`.
pub const SLICE_MS: u32 = 20;

/// Audio analysed at a time, in ms, unless the host says otherwise: below it the processor's
/// caches are filled more often than used, above it decisions come late.
pub const BATCH_MS: u32 = 100;

/// Bounds of what the host may say instead.
pub const BATCH_MS_RANGE: std::ops::RangeInclusive<u32> = 20..=500;

/// Most analysing threads.
pub const WORKERS_MAX: u32 = 256;

/// Stack of a worker, in bytes: wasmtime wants half a megabyte for guests, and a native stack that
/// overflows would end the process.
pub const STACK_BYTES: usize = 8 << 20;

/// How much lower than the switch's own the workers' priority is.
pub const NICE: i32 = 5;

/// A worker that is later than this takes no new calls.
pub const LATE: Duration = Duration::from_millis(150);

/// A worker that is later than this gives up calls, the newest first. Rings hold two seconds.
pub const TOO_LATE: Duration = Duration::from_millis(600);

/// Share of its calls that a worker gives up at a time when it is too late.
pub const SHED_SHARE: usize = 20;

/// Decisions of one call; an analyzer that brings about more is at fault.
pub const DECISIONS: u32 = 1_000;

/// Findings that count as heard from one push, and bytes of any one string of them.
pub const FINDING_TEXT_BYTES: usize = 4_096;

/// Faults in a row, without a call that ended well between, that take an analyzer out of service.
pub const FAULTS: u32 = 8;

/// How long it is out of service at first, and at most; every time is twice as long as the last.
pub const BACKOFF: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(300);

/// How often the folder of packs is looked at.
pub const WATCH: Duration = Duration::from_secs(2);

/// Most instances of a host: each reserves 4 GiB of address space, of which there are 128 TiB. A
/// host of more calls must have cohorts.
pub const INSTANCES_MAX: u32 = 16_384;
