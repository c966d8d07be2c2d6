//! Every bound of the analyzer, with its reason.

/// Slowest and fastest audio taken, in Hz: narrow-band telephony to full-band
/// Opus.
pub const RATE_HZ: std::ops::RangeInclusive<u32> = 8_000..=48_000;

/// Most samples missed at once (nine months at 48 kHz): the clock cannot
/// overflow within any call's life.
pub const SKIP_SAMPLES: u64 = 1 << 40;

/// Hops (10 ms) of missing audio that are walked through one by one: nothing
/// remembers longer.
pub const GAP_HOPS: u64 = 1_000;

/// Largest pack as JSON, in bytes: 23,000 scripts of 10 s. More of them are several packs, so that
/// no bake with one takes a gigabyte.
pub const PACK_BYTES: usize = 64 << 20;

/// Most values in a pack's JSON: twenty for each of so many scripts. Parsed, a value takes up to
/// 160 bytes.
pub const PACK_VALUES: usize = 1 << 19;

/// Most scripts in all packs together: what a match can name.
pub const SCRIPTS: usize = 1 << 20;

/// Most fingerprint codes in all packs together: index positions have 26 bits,
/// 0 excepted (745 hours of recordings; see `script::index`).
pub const CODES: usize = (1 << 26) - 1;

/// Most recordings (nodes) of one script.
pub const NODES_PER_SCRIPT: usize = 1_000;

/// Longest id of a pack, script or node, in bytes: ids end up in channel
/// variables and CDRs.
pub const ID_BYTES: usize = 128;

/// Shortest recording worth enrolling, in codes (0.5 s): less cannot be told
/// from chance.
pub const RECORDING_CODES_MIN: usize = 13;

/// Longest single recording, in codes (1 hour).
pub const RECORDING_CODES_MAX: usize = 90_000;

/// Findings one session may report; a call with more is not worth more CPU.
pub const FINDINGS_PER_SESSION: u32 = 10_000;

/// Nodes listed of the path through a script: no dialogue on the telephone is longer.
pub const PATH: usize = 64;

/// Scripts listed when a stretch belongs to several.
pub const AMONG: usize = 16;
