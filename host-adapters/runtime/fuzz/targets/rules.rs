//! A file of rules, and findings that go past them.
#![no_main]

use std::sync::Arc;

use callprint::{
    Answer, AnswerKind, Event, Finding, ScriptEvidence, ScriptMatch, Side, TalkSpurt, Tone,
    ToneKind,
    policy::{CallFacts, Judge, Rules},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let rules = match Rules::parse("r.json", bytes) {
        Ok(rules) => Arc::new(rules),
        Err(error) => return assert!(error.to_string().starts_with("r.json: "), "{error}"),
    };
    for outbound in [false, true] {
        let facts = CallFacts {
            id: "c".into(),
            caller: "+4930555".into(),
            outbound,
            ..CallFacts::default()
        };
        let mut judge = Judge::new(rules.clone(), facts);
        let mut number = 0;
        let mut seen = |decision: Option<callprint::policy::Decision>| {
            if let Some(decision) = decision {
                assert_eq!(decision.number, number);
                assert!(decision.record.is_object());
                number += 1;
            }
        };
        for (n, what) in findings().into_iter().enumerate() {
            let ms = 500 * (n as u64 + 1);
            seen(judge.heard(&Finding { known_at: ms * 8, side: Side::Far, what }, ms as f64));
            while let Some(decision) = judge.passed(ms as f64) {
                seen(Some(decision));
            }
        }
        seen(Some(judge.given_up("FAULT")));
    }
});

fn findings() -> Vec<Event> {
    let evidence = ScriptEvidence {
        compared: 12_000,
        bit_error_rate: 0.12,
        tempo: 1.0,
        stretches: 1,
        decades: 7.5,
    };
    let script = |confidence, among: Vec<String>| {
        Event::Script(ScriptMatch {
            match_id: 0,
            script_id: "s".into(),
            pack: "p".into(),
            node: "main".into(),
            among,
            confidence,
            heard_from: 0,
            script_from: 0,
            evidence,
            path: vec!["main".into()],
        })
    };
    let tone = |kind, end| {
        let (detail, freqs_hz) = (String::new(), vec![1_000.0]);
        Event::Tone(Tone { kind, detail, start: 800, end, freqs_hz, level_dbm0: -15.0 })
    };
    let answer = |kind, confidence| Event::Answer(Answer { kind, cause: "C-1".into(), confidence });
    vec![
        Event::Speech(TalkSpurt { start: 0, end: None, level_dbm0: f32::NAN }),
        answer(AnswerKind::Unsure, 0.5),
        answer(AnswerKind::Machine, 0.9),
        tone(ToneKind::Beep, None),
        tone(ToneKind::Beep, Some(1_600)),
        script(0.95, vec!["p/s".into(), "p/t".into()]),
        script(f32::NAN, vec![]),
        script(0.9999, vec![]),
        answer(AnswerKind::Human, f32::INFINITY),
    ]
}
