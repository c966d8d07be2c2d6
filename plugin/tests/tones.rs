//! Tones through the session's public face.

#[path = "common/audio.rs"]
mod audio;

use std::f64::consts::PI;

use audio::{Audio, RATE};
use callprint_plugin::{
    CallInfo, Catalog, Event, Finding, Session, Side,
    catalog::Workspace,
    finding::{Tone, ToneKind},
};

/// The findings on the far side, pushed in pieces of the given lengths in turn.
fn hear_in(pieces: &[usize], outbound: bool, samples: &[i16]) -> Vec<Finding> {
    let catalog = Catalog::default().seal();
    let mut work = Workspace::default();
    let mut session = Session::new(CallInfo { outbound });
    let (mut findings, mut rest) = (Vec::new(), samples);
    for length in pieces.iter().cycle() {
        let (now, later) = rest.split_at(rest.len().min(*length));
        session.push(&catalog, &mut work, Side::Far, 8_000, now, &mut findings);
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    session.finish(&mut findings);
    findings
}

/// The tones in them: those that have ended, and when each was first known, in ms.
fn tones(findings: &[Finding]) -> Vec<(Tone, f64)> {
    let tones = || {
        findings.iter().filter_map(|f| match &f.what {
            Event::Tone(tone) => Some((tone, f.known_at.ms())),
            _ => None,
        })
    };
    let first_known = |ended: &Tone| {
        tones().find(|(t, _)| t.kind == ended.kind && t.start == ended.start).expect("itself").1
    };
    tones().filter(|(t, _)| t.end.is_some()).map(|(t, _)| (t.clone(), first_known(t))).collect()
}

fn hear(audio: &Audio) -> Vec<(Tone, f64)> {
    tones(&hear_in(&[1_600], true, &audio.a_law()))
}

fn assert_ms(what: &str, is: f64, should_be: f64, tolerance: f64) {
    assert!(
        (is - should_be).abs() <= tolerance,
        "{what}: {is} ms, not {should_be} ± {tolerance} ms"
    );
}

#[test]
fn beep_after_a_greeting_is_found_with_its_edges() {
    for (hz, ms, dbm0) in [
        (vec![620.0], 300.0, -12.0),
        (vec![1_400.0], 80.0, -20.0),
        (vec![850.0, 1_150.0], 400.0, -15.0),
        (vec![2_400.0], 2_500.0, -30.0),
    ] {
        let before = Audio::default().speech(2_500.0, 3).silence(300.0);
        let start = before.ms();
        let audio = before.tone(&hz, ms, dbm0).silence(1_000.0).noise(-62.0);
        let found = hear(&audio);
        let [(beep, known)] = &found[..] else { panic!("{hz:?}: {found:?}") };
        assert_eq!(beep.kind, ToneKind::Beep);
        assert_ms("start", beep.start.ms(), start, 10.0);
        assert_ms("end", beep.end.expect("ended").ms(), start + ms, 10.0);
        assert!(*known <= start + 100.0, "{hz:?} known {} ms after its onset", known - start);
        assert!((beep.level.0 - dbm0 as f32).abs() < 1.5, "{} dBm0", beep.level.0);
        for f in &hz {
            let nearest = beep.freqs_hz.iter().any(|g| (f64::from(*g) - f).abs() < 0.01 * f);
            assert!(nearest, "{f} Hz is not among {:?}", beep.freqs_hz);
        }
    }
}

#[test]
fn swept_beep_has_its_first_and_last_frequency() {
    let before = Audio::default().speech(1_500.0, 5).silence(200.0);
    let mut audio = before.clone();
    let (mut phase, n) = (0.0, 4_000);
    for k in 0..n {
        phase += 2.0 * PI * (800.0 + 400.0 * f64::from(k) / f64::from(n)) / RATE;
        audio.0.push(0.2 * f64::sin(phase));
    }
    let found = hear(&audio.silence(500.0));
    let [(beep, _)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(beep.kind, ToneKind::Beep);
    let [from, to] = beep.freqs_hz[..] else { panic!("{:?}", beep.freqs_hz) };
    assert!((from - 800.0).abs() < 40.0 && (to - 1_200.0).abs() < 40.0, "{from} to {to} Hz");
}

#[test]
fn speech_and_noise_are_no_tones() {
    let audio = (0..20).fold(Audio::default(), |a, n| a.speech(2_000.0, n).silence(400.0));
    assert_eq!(hear(&audio), []);
    assert_eq!(hear(&Audio::default().silence(10_000.0).noise(-20.0)), []);
}

#[test]
fn melody_is_not_one_beep_after_another() {
    let notes = [523.3, 587.3, 659.3, 784.0, 880.0, 1_046.5];
    let melody = (0..30).fold(Audio::default(), |audio, n| {
        audio.tone(&[notes[n * n % 6]], 250.0, -20.0).silence(20.0)
    });
    let beeps = hear(&melody).iter().filter(|(t, _)| t.kind == ToneKind::Beep).count();
    assert!(beeps <= 2, "{beeps} beeps");
}

/// A voice holding a vowel: overtones of `hz` under two formants, with a vibrato
/// of ±1.5 %, 5.3 times a second.
fn sing(mut audio: Audio, hz: f64, formants_hz: [f64; 2], ms: f64) -> Audio {
    let mut phase = 0.0;
    for n in 0..(ms * RATE / 1e3) as u32 {
        let at = f64::from(n) / RATE;
        phase += 2.0 * PI * hz * (1.0 + 0.015 * f64::sin(2.0 * PI * 5.3 * at)) / RATE;
        let overtone = |h: u32| {
            let h = f64::from(h);
            let gain = |formant: f64| 1.0 / (1.0 + ((h * hz - formant) / 120.0).powi(2));
            formants_hz.map(gain).iter().sum::<f64>() * f64::sin(h * phase)
        };
        audio.0.push(0.15 * (1..8).map(overtone).sum::<f64>());
    }
    audio
}

#[test]
fn sung_vowels_are_no_beeps() {
    for formants_hz in [[730.0, 1_090.0], [270.0, 2_290.0]] {
        for (hz, ms) in [(196.0, 300.0), (262.0, 2_000.0), (330.0, 900.0), (440.0, 900.0)] {
            let before = Audio::default().speech(1_500.0, 7).silence(400.0);
            let song = sing(before, hz, formants_hz, ms).silence(800.0);
            assert_eq!(hear(&song), [], "{hz} Hz under {formants_hz:?} Hz, {ms} ms");
        }
    }
}

#[test]
fn ringing_after_answer_is_a_callback_line() {
    let ring = |a: Audio| a.tone(&[450.0], 1_000.0, -15.0).silence(4_000.0);
    let audio = ring(ring(Audio::default().silence(700.0)));
    for (outbound, kind) in [(true, ToneKind::Ringback), (false, ToneKind::CallbackRingback)] {
        let found = tones(&hear_in(&[1_600], outbound, &audio.a_law()));
        let [(tone, known)] = &found[..] else { panic!("{found:?}") };
        assert_eq!(tone.kind, kind);
        assert!(tone.detail.contains("cn"), "{}", tone.detail);
        assert_ms("start", tone.start.ms(), 700.0, 20.0);
        assert_ms("end", tone.end.expect("ended").ms(), 6_700.0, 20.0);
        assert!(*known < 1_850.0, "known at {known} ms");
    }
}

#[test]
fn plans_are_told_apart() {
    use ToneKind::{Busy, Congestion, Dial, Ringback};
    let cases: [(&[f64], &[f64], ToneKind, &str); 8] = [
        (&[440.0, 480.0], &[2_000.0, 4_000.0], Ringback, "us"),
        (&[480.0, 620.0], &[500.0, 500.0], Busy, "us"),
        (&[480.0, 620.0], &[250.0, 250.0], Congestion, "us"),
        (&[350.0, 440.0], &[5_000.0, 0.0], Dial, "us"),
        (&[400.0, 450.0], &[400.0, 200.0, 400.0, 2_000.0], Ringback, "uk"),
        (&[450.0], &[350.0, 350.0], Busy, "cn"),
        (&[450.0], &[700.0, 700.0], Congestion, "cn"),
        (&[425.0], &[480.0, 480.0], Busy, "de"),
    ];
    for (hz, cadence, kind, plan) in cases {
        let mut audio = Audio::default().silence(500.0);
        while audio.ms() < 5_000.0 {
            for on_off in cadence.chunks(2) {
                audio = audio.tone(hz, on_off[0], -20.0).silence(on_off[1]);
            }
        }
        let found = hear(&audio.silence(1_000.0));
        let [(tone, _)] = &found[..] else { panic!("{hz:?} {cadence:?}: {found:?}") };
        assert_eq!(tone.kind, kind, "{hz:?} {cadence:?}");
        assert!(tone.detail.split('/').any(|p| p == plan), "{hz:?} {cadence:?}: {}", tone.detail);
        assert_ms("start", tone.start.ms(), 500.0, 20.0);
    }
}

#[test]
fn special_information_tone_is_named_and_no_beep() {
    let audio = Audio::default()
        .silence(500.0)
        .tone(&[985.2], 380.0, -15.0)
        .tone(&[1_370.6], 274.0, -15.0)
        .tone(&[1_776.7], 380.0, -15.0)
        .silence(800.0);
    let found = hear(&audio);
    let [(tone, _)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((tone.kind, tone.detail.as_str()), (ToneKind::Sit, "vacant-code"));
    assert_ms("start", tone.start.ms(), 500.0, 20.0);
    assert_ms("end", tone.end.expect("ended").ms(), 1_534.0, 20.0);
    assert_eq!(tone.freqs_hz.len(), 3);
}

/// A beginning that ends at every tenth of a hop in turn, with or without somebody
/// speaking.
fn beginnings() -> impl Iterator<Item = (bool, Audio)> {
    let spoken = |n: u32| Audio::default().speech(2_500.0, n.into());
    let before = move |n| [(true, spoken(n)), (false, Audio::default())];
    (0..10).flat_map(move |n| before(n).map(|(s, a)| (s, a.silence(400.0 + f64::from(n)))))
}

#[test]
fn beep_that_may_open_a_special_information_tone_is_known_soon_after_it() {
    for (spoken, before) in beginnings() {
        for (hz, ms) in [(1_000.0, 400.0), (950.0, 330.0), (920.0, 280.0)] {
            let end = before.ms() + ms;
            let found = hear(&before.clone().tone(&[hz], ms, -15.0).silence(800.0).noise(-55.0));
            let [(beep, known)] = &found[..] else { panic!("{hz} Hz: {found:?}") };
            assert_eq!(beep.kind, ToneKind::Beep);
            assert_ms("end", beep.end.expect("ended").ms(), end, 10.0);
            let within = if spoken { 60.0 } else { 90.0 };
            assert!(*known <= end + within, "{hz} Hz: known {} ms after its end", known - end);
        }
    }
}

#[test]
fn special_information_tone_is_no_beep_whatever_its_pauses() {
    for (spoken, before) in beginnings() {
        // With somebody speaking before, no longer than specified.
        for gap in [0.0, 10.0, 20.0, 30.0, 50.0].into_iter().take(if spoken { 4 } else { 5 }) {
            for dbm0 in [-10.0, -30.0] {
                let audio = before.clone().tone(&[950.0], 330.0, dbm0).silence(gap);
                let audio = audio.tone(&[1_400.0], 330.0, dbm0).silence(gap);
                let found = hear(&audio.tone(&[1_800.0], 330.0, dbm0).silence(800.0).noise(-55.0));
                let [(tone, _)] = &found[..] else { panic!("{gap} ms, {spoken}: {found:?}") };
                assert_eq!(tone.kind, ToneKind::Sit, "{gap} ms, {spoken}");
            }
        }
    }
}

#[test]
fn keys_within_q24_are_received_and_others_not() {
    let low = [697.0, 770.0, 852.0, 941.0];
    let high = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
    let keys = "123A456B789C*0#D";
    let dial = |ms: f64, off: f64| {
        keys.chars().enumerate().fold(Audio::default().silence(300.0), |audio, (n, _)| {
            let hz = [low[n / 4] * (1.0 + off), high[n % 4] * (1.0 - off)];
            audio.tone(&hz, ms, -12.0).silence(60.0)
        })
    };
    let received = |audio: Audio| -> String {
        hear(&audio.silence(300.0)).iter().map(|(t, _)| t.detail.as_str()).collect()
    };
    assert_eq!(received(dial(50.0, 0.0)), keys);
    assert_eq!(received(dial(100.0, 0.014)), keys);
    assert_eq!(received(dial(22.0, 0.0)), "");
    assert_eq!(received(dial(100.0, 0.036)), "");
}

#[test]
fn fax_machines_are_heard() {
    let calling = |a: Audio| a.tone(&[1_100.0], 500.0, -15.0).silence(3_000.0);
    let found = hear(&calling(calling(Audio::default().silence(400.0))).silence(1_000.0));
    let [(tone, _)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(tone.kind, ToneKind::FaxCalling);

    let found =
        hear(&Audio::default().silence(400.0).tone(&[2_100.0], 3_000.0, -15.0).silence(500.0));
    let [(tone, _)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(tone.kind, ToneKind::FaxAnswer);

    let mut audio = Audio::default().silence(400.0);
    let mut phase = 0.0;
    for n in 0..8_000 {
        let bit = [0, 1, 1, 1, 1, 1, 1, 0][n * 300 / 8_000 % 8];
        phase += 2.0 * PI * if bit == 1 { 1_650.0 } else { 1_850.0 } / RATE;
        audio.0.push(0.1 * f64::sin(phase));
    }
    let found = hear(&audio.silence(500.0));
    let [(tone, _)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(tone.kind, ToneKind::FaxFlags);
    assert_ms("start", tone.start.ms(), 400.0, 30.0);
    assert_ms("end", tone.end.expect("ended").ms(), 1_400.0, 40.0);
}

#[test]
fn findings_do_not_depend_on_the_split() {
    let samples = Audio::default()
        .speech(1_200.0, 9)
        .silence(130.0)
        .tone(&[1_020.0], 700.0, -14.0)
        .silence(300.0)
        .tone(&[770.0, 1_477.0], 90.0, -14.0)
        .silence(500.0)
        .a_law();
    let whole = hear_in(&[samples.len()], true, &samples);
    assert!(!whole.is_empty());
    for pieces in [&[1][..], &[80], &[160], &[480], &[136, 1, 799]] {
        assert_eq!(hear_in(pieces, true, &samples), whole, "{pieces:?}");
    }
}

#[test]
fn lost_audio_ends_no_tone() {
    let catalog = Catalog::default().seal();
    let mut work = Workspace::default();
    let mut session = Session::new(CallInfo { outbound: true });
    let mut findings = Vec::new();
    let samples =
        Audio::default().silence(500.0).tone(&[1_500.0], 2_000.0, -14.0).silence(500.0).a_law();
    for (n, frame) in samples.chunks(160).enumerate() {
        if [60, 61, 90].contains(&n) {
            session.skip(&catalog, &mut work, Side::Far, 8_000, 160, &mut findings);
        } else {
            session.push(&catalog, &mut work, Side::Far, 8_000, frame, &mut findings);
        }
    }
    let found = tones(&findings);
    let [(tone, _)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(tone.kind, ToneKind::Beep);
    assert_ms("end", tone.end.expect("ended").ms(), 2_500.0, 20.0);
}
