//! Where the time goes, natively, stage by stage; and how look-ups grow with the catalogue.

use callprint_fixtures::Random;
use callprint_plugin::{
    CallInfo, Sealed, Session, Side,
    audio::{Feed, Filters, Frame, Spectrum, Stft},
    catalog::Workspace,
    script::{Candidates, Code, Codebook, Fingerprinter, Index, IndexBuilder, Matcher},
    tone::{Plans, Tracker, Zoom},
};

use crate::{
    material::{Material, RATE_HZ, SCRIPT_S},
    median, per_second,
};

/// Every stage's µs per second of a call.
pub fn stages(catalog: &Sealed, index: &Index, calls: &[Vec<i16>]) {
    let audio_s = (calls.len() * SCRIPT_S) as f64;
    let (book, plans) = (Codebook::default(), Plans::default());
    let (mut filters, mut spectrum, mut zoom) =
        (Filters::default(), Spectrum::default(), Zoom::default());
    let mut candidates = Candidates::default();
    let wide: Vec<Vec<i16>> = calls.iter().map(|call| doubled(call)).collect();
    let mut runs: [Vec<f64>; 8] = Default::default();
    for _ in 0..5 {
        let mut feed = |calls: &[Vec<i16>], rate_hz: usize| {
            for call in calls {
                let mut feed = Feed::default();
                for part in call.chunks(rate_hz / 10) {
                    feed.push(&mut filters, rate_hz as u32, part, |_| {});
                }
            }
        };
        runs[0].push(per_second(audio_s, || feed(calls, RATE_HZ)));
        runs[1].push(per_second(audio_s, || feed(&wide, 2 * RATE_HZ)));
        runs[2].push(per_second(audio_s, || frames(&mut spectrum, calls, |_| {})));
        let mut codes: Vec<(u64, Code)> = Vec::new();
        runs[3].push(per_second(audio_s, || {
            codes.clear();
            let mut fingerprinter = Fingerprinter::default();
            frames(&mut spectrum, calls, |frame| codes.extend(fingerprinter.push(&book, frame)));
        }));
        let mut found = Vec::new();
        runs[4].push(per_second(audio_s, || look_up(index, &codes, &mut found)));
        runs[5].push(per_second(audio_s, || {
            let mut matcher = Matcher::default();
            for (number, code) in &codes {
                // Every call begins anew at 0.
                if *number == 0 {
                    matcher = Matcher::default();
                }
                matcher.push(index, &mut candidates, *number, code, |_| {});
            }
        }));
        runs[6].push(per_second(audio_s, || {
            let mut tracker = Tracker::new(true);
            frames(&mut spectrum, calls, |frame| {
                if frame.index == 0 {
                    tracker = Tracker::new(true);
                }
                tracker.push(&plans, &mut zoom, frame, |_| {});
            });
        }));
        runs[7].push(per_second(audio_s, || whole(catalog, calls)));
    }
    let [plain, resample, stft, fingerprint, find, script, tones, all] =
        runs.map(|mut run| median(&mut run));
    println!("natively, µs per second of a call that matches nothing:");
    println!("  resampling from 16 kHz  {:6.0} (8 kHz {plain:.0})", resample);
    println!("  spectra                 {:6.0}", stft - plain);
    println!("  fingerprint             {:6.0}", fingerprint - stft);
    println!("  look-up                 {find:6.0}");
    println!("  match                   {:6.0}", script - find);
    println!("  tones                   {:6.0}", tones - stft);
    println!("  who answered            {:6.0}", all - fingerprint - script - (tones - stft));
    println!("  in all                  {all:6.0}");
    println!("up to and including the look-up: {:.0} µs (bar 300)", fingerprint + find);
}

fn doubled(call: &[i16]) -> Vec<i16> {
    call.iter().flat_map(|s| [*s, *s]).collect()
}

/// The frames of all calls.
fn frames(spectrum: &mut Spectrum, calls: &[Vec<i16>], mut sink: impl FnMut(&Frame)) {
    let mut filters = Filters::default();
    for call in calls {
        let (mut feed, mut stft) = (Feed::default(), Stft::default());
        for part in call.chunks(RATE_HZ / 10) {
            feed.push(&mut filters, RATE_HZ as u32, part, |chunk| {
                stft.push(spectrum, chunk, |frame| sink(&frame));
            });
        }
    }
}

fn look_up(index: &Index, codes: &[(u64, Code)], found: &mut Vec<u32>) {
    for (_, code) in codes.iter().filter(|(_, code)| code.bits != 0) {
        found.clear();
        index.find(code, found);
    }
    std::hint::black_box(found);
}

/// The calls from beginning to end.
pub fn whole(catalog: &Sealed, calls: &[Vec<i16>]) {
    let mut work = Workspace::default();
    let mut findings = Vec::new();
    for call in calls {
        let mut session = Session::new(CallInfo::default());
        for part in call.chunks(RATE_HZ / 10) {
            session.push(catalog, &mut work, Side::Far, RATE_HZ as u32, part, &mut findings);
        }
    }
}

/// Scripts as an index alone.
pub fn index_of(material: &Material, scripts: usize) -> Index {
    let mut builder = IndexBuilder::default();
    builder.reserve(scripts * SCRIPT_S * 25);
    let mut random = Random::new(1);
    for script in 0..scripts {
        builder.add(script as u32, 0, material.script(&mut random).into_iter());
    }
    builder.build()
}

/// How much longer a look-up takes among a hundred times as many scripts.
pub fn growth(material: &Material, middle: &Index, calls: &[Vec<i16>]) {
    let audio_s = (calls.len() * SCRIPT_S) as f64;
    let (small, large) = (index_of(material, 1_000), index_of(material, 100_000));
    let (book, mut spectrum) = (Codebook::default(), Spectrum::default());
    let mut fingerprinter = Fingerprinter::default();
    let mut codes: Vec<(u64, Code)> = Vec::new();
    frames(&mut spectrum, calls, |frame| codes.extend(fingerprinter.push(&book, frame)));
    let mut runs: [Vec<f64>; 3] = Default::default();
    let (mut found, mut candidates) = (Vec::new(), Candidates::default());
    let mut script: [Vec<f64>; 3] = Default::default();
    for _ in 0..5 {
        for (n, index) in [&small, middle, &large].into_iter().enumerate() {
            runs[n].push(per_second(audio_s, || look_up(index, &codes, &mut found)));
            script[n].push(per_second(audio_s, || {
                let mut matcher = Matcher::default();
                for (number, code) in &codes {
                    matcher.push(index, &mut candidates, *number, code, |_| {});
                }
            }));
        }
    }
    let [a, b, c] = runs.map(|mut run| median(&mut run));
    println!(
        "look-up among 1,000 / 10,000 / 100,000 scripts: {a:.0} / {b:.0} / {c:.0} µs per second, {:.2} times (bar 1.5)",
        c / a
    );
    let [a, b, c] = script.map(|mut run| median(&mut run));
    println!("look-up and match: {a:.0} / {b:.0} / {c:.0} µs per second, {:.2} times", c / a);
}
