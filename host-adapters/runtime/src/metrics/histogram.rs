//! Durations in fixed buckets.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde_json::{Value, json};

use super::Page;

/// Upper bounds for what a media thread does, in ns: the bars are 10 and 100 µs.
pub const PUSH_NS: &[u64] =
    &[250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 1_000_000, 10_000_000];

/// Upper bounds for latencies, in ns: the bars are 120 and 250 ms, and scripts
/// are known after 1 to 5 s.
pub const LATENCY_MS: &[u64] = &[
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    80_000_000,
    120_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    1_500_000_000,
    2_000_000_000,
    3_000_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
    120_000_000_000,
];

const BUCKETS: usize = 17;

/// How many durations fell into which bucket. Wait-free, for any thread.
#[derive(Debug)]
pub struct Histogram {
    /// Upper bounds in ns, rising; what is beyond the last has a bucket of its own.
    bounds: &'static [u64],
    counts: [AtomicU64; BUCKETS],
    sum_ns: AtomicU64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [u64]) -> Histogram {
        assert!(bounds.len() < BUCKETS && bounds.is_sorted());
        Histogram { bounds, counts: Default::default(), sum_ns: AtomicU64::new(0) }
    }

    /// Counts a duration.
    pub fn observe(&self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = self.bounds.partition_point(|bound| *bound < ns);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// The bound below which a `share` of the durations are, 0 to 1; infinite if
    /// that is beyond the last one, none if nothing was counted.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let counts = self.counts();
        let all: u64 = counts.iter().sum();
        let mut rank = (share * all as f64).ceil().max(1.0) as u64;
        for (n, count) in counts.iter().enumerate() {
            if rank <= *count {
                return Some(
                    self.bounds.get(n).map_or(Duration::MAX, |ns| Duration::from_nanos(*ns)),
                );
            }
            rank -= count;
        }
        None
    }

    fn counts(&self) -> [u64; BUCKETS] {
        std::array::from_fn(|n| self.counts[n].load(Ordering::Relaxed))
    }

    pub(super) fn render(&self, page: &mut Page) {
        let counts = self.counts();
        let mut below = 0;
        for (n, bound) in self.bounds.iter().enumerate() {
            below += counts[n];
            page.value_of("_bucket", &format!("le=\"{}\"", *bound as f64 / 1e9), below as f64);
        }
        let all: u64 = counts.iter().sum();
        page.value_of("_bucket", "le=\"+Inf\"", all as f64);
        page.value_of("_sum", "", self.sum_ns.load(Ordering::Relaxed) as f64 / 1e9);
        page.value_of("_count", "", all as f64);
    }

    pub(super) fn to_json(&self) -> Value {
        let at_most_ms = |share| {
            let bound = self.quantile(share).filter(|d| *d != Duration::MAX);
            bound.map(|d| d.as_secs_f64() * 1e3)
        };
        json!({
            "count": self.counts().iter().sum::<u64>(),
            "sum_ms": self.sum_ns.load(Ordering::Relaxed) as f64 / 1e6,
            "p50_at_most_ms": at_most_ms(0.5),
            "p99_at_most_ms": at_most_ms(0.99),
            "p999_at_most_ms": at_most_ms(0.999),
        })
    }
}
