//! Talk-spurts, who answered, and how they behave, through the session's
//! public face.

#[path = "common/audio.rs"]
mod audio;

use audio::Audio;
use callprint_plugin::{
    CallInfo, Catalog, Event, Finding, Session, Side,
    catalog::Workspace,
    finding::{Answer, AnswerKind, Behaviour, BehaviourKind},
};

/// Both sides in pieces of 20 ms; the near one may be left out.
fn call(far: &Audio, near: Option<&Audio>) -> Vec<Finding> {
    let catalog = Catalog::default().seal();
    let mut work = Workspace::default();
    let mut session = Session::new(CallInfo { outbound: true });
    let mut findings = Vec::new();
    let (far, near) = (far.a_law(), near.map(Audio::a_law));
    for (n, frame) in far.chunks(160).enumerate() {
        session.push(&catalog, &mut work, Side::Far, 8_000, frame, &mut findings);
        if let Some(near) = &near {
            let frame = near.chunks(160).nth(n).unwrap_or(&[]);
            session.push(&catalog, &mut work, Side::Near, 8_000, frame, &mut findings);
        }
    }
    session.finish(&mut findings);
    findings
}

fn answers(far: &Audio) -> Vec<(f64, Answer)> {
    let answer = |f: Finding| match f.what {
        Event::Answer(answer) => Some((f.known_at.ms(), answer)),
        _ => None,
    };
    call(far, None).into_iter().filter_map(answer).collect()
}

fn behaviours(far: &Audio, near: &Audio) -> Vec<Behaviour> {
    let behaviour = |f: Finding| match f.what {
        Event::Behaviour(behaviour) => Some(behaviour),
        _ => None,
    };
    call(far, Some(near)).into_iter().filter_map(behaviour).collect()
}

#[test]
fn few_words_and_silence_are_a_person_whatever_the_noise() {
    for noise in [-75.0, -50.0, -40.0] {
        for (seed, words) in [(1, 500.0), (2, 900.0), (3, 2_200.0)] {
            let before = Audio::default().silence(800.0).speech(words, seed);
            let end = before.ms();
            let audio = before.silence(3_000.0).noise(noise);
            let answers = answers(&audio);
            let [(known, answer)] = &answers[..] else { panic!("{noise} dBm0: {answers:?}") };
            assert_eq!(answer.kind, AnswerKind::Human, "{answer:?}");
            assert!(*known < end + 1_300.0, "known {} ms after the words", known - end);
        }
    }
}

#[test]
fn noise_alone_tells_nothing() {
    let answers = answers(&Audio::default().silence(7_000.0).noise(-35.0));
    let [(_, answer)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(answer.kind, AnswerKind::Unsure);
}

#[test]
fn long_greeting_is_a_machine_and_a_beep_settles_it() {
    let greeting = Audio::default().silence(400.0).speech(8_000.0, 11);
    let heard = answers(&greeting.clone().silence(500.0));
    let (known, answer) = heard.last().expect("an answer");
    assert_eq!(answer.kind, AnswerKind::Machine, "{answer:?}");
    assert!(*known < 7_500.0, "known at {known} ms");

    let short = Audio::default().silence(400.0).speech(1_500.0, 12).silence(300.0);
    let heard = answers(&short.tone(&[1_300.0], 400.0, -12.0).silence(2_000.0));
    let (_, answer) = heard.last().expect("an answer");
    assert_eq!(answer.kind, AnswerKind::Machine);
    assert!(answer.cause.starts_with("BEEP-"), "{}", answer.cause);
}

#[test]
fn a_beep_tells_before_it_ends_and_leaves_no_talk_spurt() {
    let greeting = Audio::default().silence(400.0).speech(1_500.0, 12).silence(300.0);
    let from = greeting.ms();
    let far = greeting.tone(&[1_300.0], 600.0, -12.0).silence(2_000.0).noise(-70.0);
    let findings = call(&far, None);
    let machine = findings.iter().find_map(|f| match &f.what {
        Event::Answer(answer) if answer.cause.starts_with("BEEP-") => Some(f.known_at.ms()),
        _ => None,
    });
    assert!(machine.is_some_and(|ms| ms < from + 300.0), "{machine:?}, beep from {from} ms");
    let late = findings.iter().filter(|f| match &f.what {
        Event::Speech(spurt) => spurt.start.ms() > from - 100.0,
        _ => false,
    });
    assert_eq!(late.count(), 0, "{findings:?}");
}

#[test]
fn who_talks_on_in_pieces_to_nobody_is_a_machine() {
    let far = (0..6).fold(Audio::default().silence(400.0), |audio, n| {
        audio.speech(1_300.0, 40 + n).silence(800.0)
    });
    let heard = answers(&far.noise(-70.0));
    assert_eq!(heard[0].1.kind, AnswerKind::Human, "{heard:?}");
    let (_, last) = heard.last().expect("an answer");
    assert_eq!(last.kind, AnswerKind::Machine, "{heard:?}");
    assert!(last.cause.starts_with("MONOLOGUE-"), "{heard:?}");
}

#[test]
fn talk_spurts_have_their_edges() {
    let far = Audio::default().silence(1_000.0).speech(1_500.0, 21).silence(1_000.0).noise(-60.0);
    let spurts: Vec<_> = call(&far, None)
        .into_iter()
        .filter_map(|f| match f.what {
            Event::Speech(spurt) => Some(spurt),
            _ => None,
        })
        .collect();
    let first = spurts.iter().find(|s| s.end.is_none()).expect("a beginning");
    let last = spurts.iter().rev().find_map(|s| s.end).expect("an end");
    assert!((first.start.ms() - 1_000.0).abs() < 120.0, "{spurts:?}");
    assert!((last.ms() - 2_500.0).abs() < 200.0, "{spurts:?}");
}

#[test]
fn who_talks_through_ours_is_told_from_who_stops() {
    let near = || {
        Audio::default()
            .silence(3_000.0)
            .speech(1_600.0, 31)
            .silence(2_000.0)
            .speech(1_600.0, 32)
            .silence(2_000.0)
    };
    let robot = Audio::default().silence(300.0).speech(10_000.0, 33);
    let found = behaviours(&robot, &near());
    assert!(found.iter().any(|b| b.kind == BehaviourKind::TalksThrough), "{found:?}");
    let person = Audio::default()
        .silence(300.0)
        .speech(3_000.0, 34)
        .silence(1_700.0)
        .speech(1_700.0, 35)
        .silence(4_000.0);
    let found = behaviours(&person, &near());
    assert!(found.iter().all(|b| b.kind != BehaviourKind::TalksThrough), "{found:?}");
}

#[test]
fn who_waits_for_a_voice_is_noticed() {
    let silence = Audio::default().silence(5_000.0).noise(-60.0);
    let found = behaviours(&silence, &silence);
    assert!(found.iter().any(|b| b.kind == BehaviourKind::WaitsForSpeech), "{found:?}");
}

#[test]
fn another_voice_after_ours_is_a_hand_over() {
    let near = Audio::default().silence(4_500.0).speech(1_200.0, 41).silence(6_000.0);
    let (first, then) =
        (Audio::default().speech(4_000.0, 42), Audio::default().speech(6_000.0, 43));
    let join = |louder: f64| {
        let mut far = first.clone().silence(2_200.0);
        far.0.extend(then.0.iter().map(|s| (s * louder).clamp(-0.9, 0.9)));
        far.noise(-60.0)
    };
    let handed_over = |louder| {
        let found = behaviours(&join(louder), &near);
        found.iter().any(|b| b.kind == BehaviourKind::HandedOver)
    };
    assert!(!handed_over(1.0));
    assert!(handed_over(0.3));
}
