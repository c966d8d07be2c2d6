//! What the parser takes, and how it says what it does not.

use callprint::{
    AnswerKind, BehaviourKind, ToneKind,
    policy::{CallFacts, Judge, Rules},
};
use callprint_fixtures::Random;
use serde_json::{Value, json};

use crate::{answer, behaviour, schema, script, shipped, speech, tone};

#[test]
fn a_fault_names_its_path_its_value_and_what_may_be_there() {
    let faults: &[(&str, &[&str])] = &[
        ("", &["not valid JSON"]),
        ("[]", &["the file", "must be an object"]),
        (r#"{"rules":[]}"#, &["version: missing", "\"version\": 1"]),
        (r#"{"version":2,"rules":[]}"#, &["version is 2"]),
        (r#"{"version":1}"#, &["rules: missing"]),
        (r#"{"version":1,"rulez":[]}"#, &["rulez: unknown; did you mean rules?"]),
        (r#"{"version":1,"rules":{}}"#, &["rules is {}", "a list"]),
        (r#"{"version":1,"rules":[],"limit_ms":-1}"#, &["limit_ms is -1", "0 to 86400000"]),
        (r#"{"version":1,"rules":[],"limit_ms":"6s"}"#, &["limit_ms is \"6s\"", "whole number"]),
        (r#"{"version":1,"rules":[],"shadow":"no"}"#, &["shadow is \"no\"", "true or false"]),
        (r#"{"version":1,"rules":[],"allow":[" - "]}"#, &["allow[0]", "digits"]),
        (r#"{"version":1,"rules":[],"rules":[]}"#, &["\"rules\" is there twice", "line 1"]),
        (r#"{"version":1,"rules":[3]}"#, &["rules[0] is 3"]),
    ];
    for (json, words) in faults {
        refused(json, words);
    }
    let rules: &[(&str, &[&str])] = &[
        (r#"{"when":{"kind":"script"}}"#, &["rules[0].name: missing"]),
        (r#"{"name":"","when":{"kind":"script"}}"#, &["rules[0].name", "1 to 128"]),
        (r#"{"name":"a"}"#, &["rules[0].when: missing"]),
        (r#"{"name":"a","when":{}}"#, &["rules[0].when waits for nothing", "after_ms"]),
        (r#"{"name":"a","when":{"scirpt":"x"}}"#, &["when.scirpt: unknown; did you mean script?"]),
        (
            r#"{"name":"a","when":{"zzzzzzzz":1}}"#,
            &["when.zzzzzzzz: unknown; known here are kind,"],
        ),
        (
            r#"{"name":"a","when":{"kind":"scripts"}}"#,
            &["when.kind is \"scripts\"", "mean script?"],
        ),
        (r#"{"name":"a","when":{"tone":["beep","bep"]}}"#, &["when.tone[1]", "did you mean beep?"]),
        (r#"{"name":"a","when":{"tone":[]}}"#, &["when.tone has 0 entries"]),
        (r#"{"name":"a","when":{"script":"a*b"}}"#, &["when.script has a *"]),
        (r#"{"name":"a","when":{"script":"x","tone":"beep"}}"#, &["script", "tone", "also"]),
        (r#"{"name":"a","when":{"tone":"beep","confidence":0.5}}"#, &["confidence", "kind tone"]),
        (r#"{"name":"a","when":{"confidence":0.5}}"#, &["asks for confidence, but not of what"]),
        (r#"{"name":"a","when":{"script":"x","confidence":99}}"#, &["confidence is 99", "0 to 1"]),
        (r#"{"name":"a","when":{"tone":"ringback"}}"#, &["rules[0].verdict: missing"]),
        (
            r#"{"name":"a","when":{"kind":"speech"},"verdict":"ROBOT"}"#,
            &["verdict", "robot, human"],
        ),
        (r#"{"name":"a","when":{"script":"x","also":{}}}"#, &["when.also asks for nothing"]),
        (
            r#"{"name":"a","when":{"after_ms":1,"also":{"tone":"beep"}}}"#,
            &["when.also adds to nothing"],
        ),
        (
            r#"{"name":"a","when":{"kind":"script","unless":{"beep":1}}}"#,
            &["when.unless.beep: unknown"],
        ),
        (r#"{"name":"a","when":{"script":"x","after_ms":9,"before_ms":8}}"#, &["is never"]),
        (
            r#"{"name":"a","when":{"kind":"script"},"action":"hang"}"#,
            &["action is \"hang\"", "hangup"],
        ),
        (r#"{"name":"a","when":{"kind":"script"},"action":"transfer"}"#, &["context: missing"]),
        (
            r#"{"name":"a","when":{"kind":"script"},"extension":"1"}"#,
            &["extension is for the action transfer"],
        ),
        (r#"{"name":"a","when":{"kind":"script"},"hangup_cause":21}"#, &["hangup_cause is for"]),
        (
            r#"{"name":"a","when":{"kind":"script"},"action":"decoy","hangup_cause":128}"#,
            &["1 to 127"],
        ),
        (
            r#"{"name":"a","when":{"kind":"script"}},{"name":"a","when":{"kind":"tone"}}"#,
            &["rules[1].name", "earlier"],
        ),
    ];
    for (rule, words) in rules {
        refused(&format!(r#"{{"version":1,"rules":[{rule}]}}"#), words);
    }
    refused(
        &format!(r#"{{"version":1,"rules":[],"comment":"{}"}}"#, "x".repeat(1 << 20)),
        &["limit"],
    );
    let many = vec![r#"{"name":"a","when":{"kind":"script"}}"#; 257].join(",");
    refused(&format!(r#"{{"version":1,"rules":[{many}]}}"#), &["rules has 257 entries", "256"]);
}

fn refused(json: &str, words: &[&str]) {
    let error = match Rules::parse("r.json", json.as_bytes()) {
        Ok(_) => panic!("taken: {json}"),
        Err(error) => error.to_string(),
    };
    assert!(error.starts_with("r.json: "), "{error}");
    assert!(error.len() < 600, "{error}");
    for word in words {
        assert!(error.contains(word), "{word:?} is not in: {error}");
    }
}

#[test]
fn everything_that_ships_is_taken_and_of_the_schema() {
    let explained = include_str!("../../src/policy/README.md").split("```json").skip(1);
    let explained = explained.map(|rest| rest.split("```").next().unwrap());
    let explained: Vec<_> = explained.map(|json| ("README.md".into(), json.into())).collect();
    assert_eq!(explained.len(), 3);
    for (path, json) in shipped().into_iter().chain(explained) {
        Rules::parse(&path, json.as_bytes()).unwrap();
        schema::check(&serde_json::from_str(&json).unwrap())
            .unwrap_or_else(|e| panic!("{path}: {e}"));
    }
}

/// Rules are changed at random: each is refused or taken, and what is taken is
/// of the schema and can be judged by.
#[test]
fn no_rules_whatsoever_bring_the_host_down() {
    let calls = [
        script(900, "us", "implant", 0.999),
        tone(1_000, ToneKind::CallbackRingback, 450.0, None),
        tone(1_200, ToneKind::Beep, 1_000.0, Some(1_190)),
        answer(1_400, AnswerKind::Machine, "LONGGREETING-1-1", 0.9),
        behaviour(1_600, BehaviourKind::TalksThrough, 0.95),
        speech(1_800, None),
    ];
    let mut random = Random::new(5);
    let (mut taken, mut refused) = (0, 0);
    let files = shipped();
    for round in 0..6_000 {
        let (_, json) = &files[round % files.len()];
        let mut bytes = json.clone().into_bytes();
        if round % 3 == 0 {
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len());
                bytes[at] = random.bits() as u8;
            }
        } else {
            let mut value: Value = serde_json::from_slice(&bytes).unwrap();
            for _ in 0..=random.below(2) {
                change(&mut value, &mut random);
            }
            bytes = value.to_string().into_bytes();
        }
        let Ok(rules) = Rules::parse("changed", &bytes) else {
            refused += 1;
            continue;
        };
        taken += 1;
        let value = serde_json::from_slice(&bytes).unwrap();
        if let Err(fault) = schema::check(&value) {
            panic!("taken, but not of the schema ({fault}): {value}");
        }
        let facts = CallFacts { outbound: round % 2 == 0, ..CallFacts::default() };
        let mut judge = Judge::new(rules.into(), facts);
        let mut decided = 0;
        for finding in &calls {
            decided += usize::from(judge.heard(finding, 2_000.0).is_some());
        }
        while judge.passed(1e9).is_some() {
            decided += 1;
        }
        assert!(decided <= 256 + 1);
    }
    // Neither may be so rare that nothing is tested.
    assert!(taken > 500 && refused > 500, "{taken} taken, {refused} refused");
}

/// Changes something somewhere in a value.
fn change(value: &mut Value, random: &mut Random) {
    match value {
        Value::Object(map) if !map.is_empty() && random.below(12) > 0 => {
            let n = random.below(map.len());
            let name = map.keys().nth(n).unwrap().clone();
            match random.below(8) {
                0 => drop(map.remove(&name)),
                1 => {
                    let value = map.remove(&name).unwrap();
                    map.insert(pick(NAMES, random).to_string(), value);
                }
                2 => drop(map.insert(pick(NAMES, random).to_string(), any(random))),
                _ => change(&mut map[&name], random),
            }
        }
        Value::Array(list) if !list.is_empty() && random.below(12) > 0 => {
            let n = random.below(list.len());
            match random.below(8) {
                0 => drop(list.remove(n)),
                1 => list.push(list[n].clone()),
                _ => change(&mut list[n], random),
            }
        }
        value => *value = any(random),
    }
}

const NAMES: &[&str] = &[
    "name",
    "when",
    "verdict",
    "action",
    "shadow",
    "kind",
    "script",
    "tone",
    "also",
    "unless",
    "after_ms",
    "before_ms",
    "confidence",
    "caller",
    "ended",
    "context",
    "comment",
    "side",
    "x",
];

fn pick<'a>(from: &[&'a str], random: &mut Random) -> &'a str {
    from[random.below(from.len())]
}

fn any(random: &mut Random) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(0.5),
        json!(1e300),
        json!(99_999_999_999_u64),
        json!(6000),
        json!(""),
        json!("*"),
        json!("beep"),
        json!("human"),
        json!("tag"),
        json!("transfer"),
        json!("é\u{1}"),
        json!("x".repeat(200)),
        json!([]),
        json!(["+49"]),
        json!(["beep", "sit"]),
        json!({}),
        json!({"tone": "beep"}),
        json!({"kind": "script", "confidence": 0.9}),
    ];
    values[random.below(values.len())].clone()
}
