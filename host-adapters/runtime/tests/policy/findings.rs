//! Findings as a session tells them, for the judge's tests.

use callprint::{
    Answer, AnswerKind, Behaviour, BehaviourKind, Event, Finding, ScriptEvidence, ScriptMatch,
    Side, TalkSpurt, Tone, ToneKind,
};

/// A finding of the far side, known after so many ms.
pub fn far(known_ms: u64, what: Event) -> Finding {
    Finding { known_at: known_ms * 8, side: Side::Far, what }
}

pub fn script(known_ms: u64, pack: &str, id: &str, confidence: f32) -> Finding {
    let evidence = ScriptEvidence {
        compared: 12_000,
        bit_error_rate: 0.12,
        tempo: 1.0,
        stretches: 1,
        decades: 7.5,
    };
    far(
        known_ms,
        Event::Script(ScriptMatch {
            match_id: 0,
            script_id: id.into(),
            pack: pack.into(),
            node: "opening".into(),
            among: vec![],
            confidence,
            heard_from: 2_400,
            script_from: 800,
            evidence,
            path: vec!["opening".into()],
        }),
    )
}

/// A script of which it cannot be told which it is.
pub fn either(known_ms: u64, among: &[&str], confidence: f32) -> Finding {
    let (pack, id) = among[0].split_once('/').unwrap();
    let mut finding = script(known_ms, pack, id, confidence);
    let Event::Script(found) = &mut finding.what else { unreachable!() };
    found.among = among.iter().map(|s| s.to_string()).collect();
    finding
}

pub fn tone(known_ms: u64, kind: ToneKind, hz: f32, end_ms: Option<u64>) -> Finding {
    let start = known_ms.saturating_sub(100) * 8;
    let end = end_ms.map(|ms| ms * 8);
    let (detail, freqs_hz) = (String::new(), vec![hz]);
    far(known_ms, Event::Tone(Tone { kind, detail, start, end, freqs_hz, level_dbm0: -15.0 }))
}

pub fn answer(known_ms: u64, kind: AnswerKind, cause: &str, confidence: f32) -> Finding {
    far(known_ms, Event::Answer(Answer { kind, cause: cause.into(), confidence }))
}

pub fn behaviour(known_ms: u64, kind: BehaviourKind, confidence: f32) -> Finding {
    let cause = "THROUGH-1600".into();
    far(known_ms, Event::Behaviour(Behaviour { kind, cause, confidence }))
}

pub fn speech(known_ms: u64, end_ms: Option<u64>) -> Finding {
    let end = end_ms.map(|ms| ms * 8);
    far(known_ms, Event::Speech(TalkSpurt { start: 800, end, level_dbm0: -20.0 }))
}
