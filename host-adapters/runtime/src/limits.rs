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

/// Processing time that the plugin may take over a bake, whatever the packs: 300 times what
/// it needs for none.
pub const BAKE_TIME: Duration = Duration::from_secs(5);

/// What it may take besides for every byte of packs: some 30 times what it needs.
pub const BAKE_TIME_PER_BYTE: Duration = Duration::from_nanos(2_000);

/// Age from which a bake's unfinished file is taken to be one that was killed. Writing it takes
/// seconds.
pub const BAKE_LEFTOVER: Duration = Duration::from_secs(600);

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

/// Longest id, category, title, number or name kept or written, in bytes: they
/// end up in channel variables and CDRs.
pub const TEXT_BYTES: usize = 128;

/// Longest text of a finding in a record, in bytes, and most entries of a list:
/// a hostile plugin fills no disk.
pub const RECORD_TEXT_BYTES: usize = 256;
/// See [`RECORD_TEXT_BYTES`].
pub const RECORD_LIST: usize = 64;

/// Largest file of rules, in bytes: some ten thousand numbers.
pub const RULES_BYTES: usize = 1 << 20;

/// Most rules in a file: every finding of every call goes past them.
pub const RULES: usize = 256;

/// Most findings that a rule may ask for, and most that it may exclude.
pub const TESTS_PER_RULE: usize = 8;

/// Most entries in a list of names or numbers in a rule.
pub const NAMES_PER_TEST: usize = 1_000;

/// Most prefixes in an allow list.
pub const ALLOWED: usize = 50_000;

/// Longest time that rules may speak of, in ms of audio: a day.
pub const RULE_MS: u32 = 86_400_000;

/// Scripts counted by name in the metrics; of further ones only the sum, as
/// every name is a time series to whoever collects them.
pub const METRIC_SCRIPTS: usize = 1_024;

/// Longest request read by the metrics' listener, in bytes, and how long a
/// client may take over it: it has one thread.
pub const METRIC_REQUEST_BYTES: usize = 8 << 10;
/// See [`METRIC_REQUEST_BYTES`].
pub const METRIC_REQUEST_TIME: Duration = Duration::from_secs(2);

/// Size from which an evidence log is rotated, in bytes, and how many old ones
/// are kept, unless the host says otherwise.
pub const EVIDENCE_BYTES: u64 = 64 << 20;
/// See [`EVIDENCE_BYTES`].
pub const EVIDENCE_FILES: u32 = 10;

/// `text` without control characters, cut to `bytes` at a character's end.
pub(crate) fn clean(text: &str, bytes: usize) -> String {
    let mut cut = text.len().min(bytes);
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    text[..cut].chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Largest pack file read, in bytes; see the plugin's limit of the same name.
pub const PACK_BYTES: u64 = 64 << 20;

/// Memory of a ring, in bytes: two seconds at 48 kHz. Only what is written to is used.
pub const RING_BYTES: usize = 192 << 10;

/// Most audio that waits in a ring, in µs: a worker that is later than this has lost its call.
pub const RING_US: u64 = 2_000_000;

/// One in so many pushes is timed: to read the clock twice takes a third of what a push takes.
pub const PUSHES_TIMED: u32 = 16;

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

/// How often a worker looks at some of its calls, in ms: each call's turn comes once in `batch_ms`, or
/// in every slice while a beep is awaited.
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

/// A worker that is later than this gives up calls, the newest first, until it can bear the rest.
/// Rings hold two seconds, and being late makes a worker later: all that has piled up is to be done.
pub const TOO_LATE: Duration = Duration::from_millis(600);

/// How soon it must be too late again to give up calls.
pub const TOO_LATE_AGAIN: Duration = Duration::from_secs(3);

/// Share of what it can just bear that a worker keeps when it gives up calls.
pub const LOAD_SHARE: f64 = 0.8;

/// How often a file of metrics is written.
pub const METRICS_FILE: Duration = Duration::from_secs(10);

/// Faults in a row, without a call that ended well between, that take an analyzer out of service.
pub const FAULTS: u32 = 8;

/// How long it is out of service at first, and at most; every time is twice as long as the last.
pub const BACKOFF: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(300);

/// How often the folder of packs is looked at.
pub const WATCH: Duration = Duration::from_secs(2);

/// How often it is looked whether a bake has ended.
pub const BAKE_LOOK: Duration = Duration::from_millis(100);

/// Most instances of a host: each reserves 4 GiB of address space, of which there are 128 TiB. A
/// host of more calls must have cohorts.
pub const INSTANCES_MAX: u32 = 16_384;
