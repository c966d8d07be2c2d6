//! A file of rules, and findings that go past them.
#![no_main]

#[path = "../../tests/policy/findings.rs"]
mod findings;

use std::sync::Arc;

use callprint::{
    AnswerKind, BehaviourKind, Finding, ToneKind,
    policy::{CallFacts, Judge, Rules},
};
use findings::{answer, behaviour, either, script, speech, tone};
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
        for finding in call() {
            let ms = finding.known_at as f64 / 8.0;
            seen(judge.heard(&finding, ms));
            while let Some(decision) = judge.passed(ms) {
                seen(Some(decision));
            }
        }
        seen(Some(judge.given_up("FAULT")));
    }
});

/// Each when it is known.
fn call() -> [Finding; 10] {
    [
        speech(500, None),
        answer(1_000, AnswerKind::Unsure, "C-1", 0.5),
        answer(1_500, AnswerKind::Machine, "C-1", 0.9),
        tone(2_000, ToneKind::Beep, f32::NAN, None),
        tone(2_500, ToneKind::Beep, 1_000.0, Some(1_600)),
        either(3_000, &["p/s", "p/t"], 0.95),
        script(3_500, "p", "s", f32::NAN),
        script(4_000, "p", "s", 0.9999),
        behaviour(4_500, BehaviourKind::HandedOver, 0.9),
        answer(5_000, AnswerKind::Human, "C-1", f32::INFINITY),
    ]
}
