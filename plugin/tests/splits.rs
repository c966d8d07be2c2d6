//! The findings do not depend on how the audio was split into pushes.

mod common;

use std::sync::LazyLock;

use callprint_fixtures as fixtures;
use callprint_plugin::{CallInfo, Finding, Sealed, Session, Side, catalog::Workspace};
use common::{analyze, matches, recording, twenty};
use proptest::prelude::*;

static CATALOG: LazyLock<Sealed> = LazyLock::new(twenty);

/// A call with a script in it, at 8 kHz.
static CALL: LazyLock<Vec<i16>> = LazyLock::new(|| {
    let mut call = fixtures::tone(450.0, 1_000, 4_000.0);
    call.extend(&recording(11)[10_000..60_000]);
    fixtures::line(4, &call, 0.5, 60.0)
});

#[test]
fn from_single_samples_to_all_at_once() {
    for rate_hz in [8_000, 16_000, 44_100] {
        let whole = analyze(&CATALOG, rate_hz, &CALL, CALL.len());
        if rate_hz == 8_000 {
            assert!(!matches(&whole).is_empty(), "the call has a script in it");
        }
        for frame in [1, 7, 80, 136, 160, 240, 480, 882, 8_000] {
            assert_eq!(analyze(&CATALOG, rate_hz, &CALL, frame), whole, "{frame} at {rate_hz} Hz");
        }
    }
}

/// What happens to a stretch of the call.
#[derive(Debug, Clone)]
struct Stretch {
    rate_hz: u32,
    samples: usize,
    lost: bool,
}

fn stretch() -> impl Strategy<Value = Stretch> {
    let rate = prop::sample::select(vec![8_000u32, 8_000, 8_000, 16_000, 44_100]);
    let lost = prop::bool::weighted(0.1);
    (rate, 0..9_000usize, lost).prop_map(|(rate_hz, samples, lost)| Stretch {
        rate_hz,
        samples,
        lost,
    })
}

/// Plays stretches, each cut into parts by `cut`.
fn play(stretches: &[Stretch], mut cut: impl FnMut(usize) -> usize) -> Vec<Finding> {
    let mut session = Session::new(CallInfo::default());
    let (mut work, mut findings) = (Workspace::default(), Vec::new());
    let mut at = 0;
    for stretch in stretches {
        let mut left = stretch.samples.min(CALL.len() - at);
        while left > 0 {
            let n = cut(left).clamp(1, left);
            if stretch.lost {
                session.skip(
                    &CATALOG,
                    &mut work,
                    Side::Far,
                    stretch.rate_hz,
                    n as u64,
                    &mut findings,
                );
            } else {
                let part = &CALL[at..at + n];
                session.push(&CATALOG, &mut work, Side::Far, stretch.rate_hz, part, &mut findings);
            }
            at += n;
            left -= n;
        }
    }
    session.finish(&mut findings);
    findings
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_any_call(stretches in prop::collection::vec(stretch(), 1..12), seed: u64) {
        let whole = play(&stretches, |left| left);
        let mut random = fixtures::Random::new(seed);
        let largest = 1 + random.below(2_000);
        let split = play(&stretches, |_| 1 + random.below(largest));
        prop_assert_eq!(whole, split);
    }
}
