//! Known scripts are named, at the right place, and nothing else is.

mod common;

use callprint_fixtures as fixtures;
use callprint_plugin::{
    CallInfo, Event, Session, Side,
    catalog::Workspace,
    finding::AnswerKind,
    pack::{Node, Script},
};
use common::{analyze, matches, pack, recording, sealed, twenty};

#[test]
fn a_script_is_named_within_three_seconds_and_placed_right() {
    let catalog = twenty();
    for n in [0, 7, 19] {
        // From its fourth second, after 1.5 s of a quiet line.
        let mut call = vec![0; 12_000];
        call.extend(&recording(n)[32_000..]);
        let call = fixtures::line(n, &call, 0.3, 30.0);
        let findings = analyze(&catalog, 8_000, &call, 160);
        let found = matches(&findings);
        let (known_at, first) = *found.first().unwrap_or_else(|| panic!("s{n} was not found"));
        assert_eq!(first.script_id, format!("s{n}"));
        assert!(known_at < 12_000 + 24_000, "s{n} was known only at {known_at}");
        let heard = first.heard_from.0 as i64 - 12_000;
        let script = first.script_from as i64 - 32_000;
        assert!((heard - script).abs() < 400, "placed wrong: heard {heard}, script {script}");
        assert!(found.iter().all(|(_, m)| m.script_id == first.script_id));
        assert!((first.evidence.tempo - 1.0).abs() < 0.03);
    }
}

#[test]
fn what_is_not_enrolled_is_not_named() {
    let catalog = twenty();
    let speech = (0..20).map(|seed| fixtures::speech(90_000 + seed, 30_000));
    let others = [
        vec![0; 80_000],
        fixtures::noise(1, 80_000, 1_000.0),
        vec![i16::MIN; 80_000],
        fixtures::tone(450.0, 10_000, 8_000.0),
    ];
    for call in speech.chain(others) {
        let findings = analyze(&catalog, 8_000, &call, 160);
        assert_eq!(matches(&findings), []);
    }
}

#[test]
fn the_path_through_a_dialogue_is_told_as_it_is_taken() {
    let mut pack = pack("dialogue", &[recording(6), recording(7), recording(8), recording(9)]);
    // Three of them are nodes of one script, the last is another.
    let other = pack.scripts.pop().unwrap();
    let nodes = pack.scripts.drain(..).zip(["opening", "price", "bye"]);
    let nodes: Vec<Node> = nodes
        .map(|(mut script, name)| Node { id: name.into(), ..script.nodes.remove(0) })
        .collect();
    pack.scripts.push(Script { id: "offer".into(), nodes, more: Default::default() });
    pack.scripts.push(other);
    let catalog = sealed(&pack);
    let paths = |nodes: &[u64]| {
        let mut call = fixtures::speech(77, 3_000);
        for n in nodes {
            call.extend(&recording(*n)[..40_000]);
            call.extend(fixtures::speech(80 + n, 2_000));
        }
        let findings = analyze(&catalog, 8_000, &fixtures::line(2, &call, 0.3, 30.0), 160);
        let found = matches(&findings);
        let mut paths: Vec<String> = found.iter().map(|(_, m)| m.path.join(" ")).collect();
        assert!(found.iter().all(|(_, m)| m.script_id == "offer"), "{paths:?}");
        assert!(found.iter().all(|(_, m)| m.match_id == 0), "{paths:?}");
        paths.dedup();
        paths
    };
    assert_eq!(paths(&[6]), ["opening"]);
    assert_eq!(paths(&[6, 8]), ["opening", "opening bye"]);
    assert_eq!(paths(&[7, 6, 8]), ["price", "price opening", "price opening bye"]);
    // What is said again is no news.
    assert_eq!(paths(&[6, 7, 6]), ["opening", "opening price"]);
}

#[test]
fn more_scripts_than_are_followed_may_play_at_once() {
    // More than there are places for hold the same; what was heard before gives way to them, and what
    // the first and the last share with others finds no place of its own.
    let [first, shared, end, last] = [3, 4, 5, 6].map(recording);
    let (first, end) = (&first[..40_000], &end[..32_000]);
    let mut recordings = vec![[first, end].concat(), [&last, end].concat()];
    recordings.extend(vec![end.to_vec(); 5]);
    recordings.extend(vec![shared.clone(); 40]);
    let catalog = sealed(&pack("many", &recordings));
    let call = [first, &shared, end, &last].concat();
    let findings = analyze(&catalog, 8_000, &fixtures::line(1, &call, 0.3, 30.0), 160);
    let found = matches(&findings);
    assert_eq!(found[0].1.script_id, "s0");
    let begin = (call.len() - last.len()) as u64;
    let known = found.iter().find(|(_, m)| m.script_id == "s1" && m.among.is_empty());
    assert!(known.expect("s1 is played").0 < begin + 24_000, "{known:?}, it began at {begin}");
}

#[test]
fn a_voice_mailbox_prompt_tells_who_answered() {
    let mut pack = pack("prompts", &[recording(3), recording(4)]);
    pack.scripts[0].more.insert("category".into(), "voicemail-system".into());
    pack.scripts[1].more.insert("category".into(), "loan".into());
    let catalog = sealed(&pack);
    let answer_to = |n: u64| {
        let findings = analyze(&catalog, 8_000, &fixtures::line(n, &recording(n), 0.3, 30.0), 160);
        findings.into_iter().find_map(|f| match f.what {
            Event::Answer(answer) if answer.cause.starts_with("PROMPT-") => Some(answer),
            _ => None,
        })
    };
    let answer = answer_to(3).expect("a prompt was heard");
    assert_eq!((answer.kind, answer.cause.as_str()), (AnswerKind::Machine, "PROMPT-s0"));
    assert_eq!(answer_to(4), None);
}

/// Samples at another rate, by interpolation: rough, as lines are.
fn at_rate(samples: &[i16], rate_hz: u32) -> Vec<i16> {
    let step = 8_000.0 / f64::from(rate_hz);
    (0..)
        .map(|n| n as f64 * step)
        .take_while(|t| *t < (samples.len() - 1) as f64)
        .map(|t| {
            let (at, part) = (t as usize, t.fract());
            let (a, b) = (f64::from(samples[at]), f64::from(samples[at + 1]));
            (a + (b - a) * part) as i16
        })
        .collect()
}

#[test]
fn any_rate_will_do_and_it_may_change_within_the_call() {
    let catalog = twenty();
    let whole = recording(3);
    for rate_hz in [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 44_099, 48_000] {
        let findings = analyze(&catalog, rate_hz, &at_rate(&whole, rate_hz), 333);
        let (known_at, first) = matches(&findings)[0];
        assert_eq!(first.script_id, "s3", "at {rate_hz} Hz");
        assert!(known_at < 24_000, "at {rate_hz} Hz it was known only at {known_at}");
        let offset = first.heard_from.0 as i64 - first.script_from as i64;
        assert!(offset.abs() < 200, "at {rate_hz} Hz the offset is {offset}");
    }
    let mut session = Session::new(CallInfo::default());
    let (mut work, mut findings) = (Workspace::default(), Vec::new());
    for (n, second) in whole.chunks(8_000).enumerate() {
        let rate_hz = [8_000, 16_000, 48_000][n % 3];
        let audio = at_rate(second, rate_hz);
        session.push(&catalog, &mut work, Side::Far, rate_hz, &audio, &mut findings);
    }
    assert_eq!(matches(&findings)[0].1.script_id, "s3");
}

#[test]
fn lost_audio_moves_nothing() {
    let catalog = twenty();
    let whole = recording(5);
    let mut session = Session::new(CallInfo::default());
    let (mut work, mut findings) = (Workspace::default(), Vec::new());
    for (n, frame) in whole.chunks(160).enumerate() {
        // A tenth is lost, in pieces of 60 ms.
        if n % 30 < 3 {
            session.skip(&catalog, &mut work, Side::Far, 8_000, 160, &mut findings);
        } else {
            session.push(&catalog, &mut work, Side::Far, 8_000, frame, &mut findings);
        }
    }
    let (known_at, first) = matches(&findings)[0];
    assert_eq!(first.script_id, "s5");
    assert!(known_at < 40_000);
    assert!(first.heard_from.0.abs_diff(first.script_from) < 400);
    // A silly amount ends nothing.
    session.skip(&catalog, &mut work, Side::Far, 8_000, u64::MAX, &mut findings);
    session.push(&catalog, &mut work, Side::Far, 8_000, &whole[..8_000], &mut findings);
}
