//! From findings and time to decisions.

use std::sync::Arc;

use callprint::{
    AnswerKind, BehaviourKind, Event, Finding, Side, ToneKind,
    catalogue::Catalogue,
    policy::{Action, CallFacts, Decision, Judge, Rules, Verdict},
};

use crate::{answer, behaviour, either, rules, script, shipped, speech, tone};

/// Judges a call: findings at their times, a batch every 100 ms, until `end_ms`.
fn judged(mut judge: Judge, findings: &[Finding], end_ms: u64) -> Vec<Decision> {
    let mut decisions = Vec::new();
    for clock_ms in (0..=end_ms).step_by(100) {
        let batch = (clock_ms.saturating_sub(100) * 8, clock_ms * 8);
        for finding in findings {
            if (finding.known_at > batch.0 || clock_ms == 0) && finding.known_at <= batch.1 {
                decisions.extend(judge.heard(finding, clock_ms as f64));
            }
        }
        decisions.extend(judge.passed(clock_ms as f64));
    }
    for (n, decision) in decisions.iter().enumerate() {
        assert_eq!(decision.number as usize, n);
        assert_eq!(decision.record["verdict"], decision.verdict.name());
    }
    decisions
}

fn inbound() -> CallFacts {
    CallFacts { id: "call-1".into(), caller: "+49 30 5550".into(), ..CallFacts::default() }
}

fn outbound() -> CallFacts {
    CallFacts { outbound: true, ..inbound() }
}

fn by(json: &str, findings: &[Finding], end_ms: u64) -> Vec<Decision> {
    judged(Judge::new(rules(json).into(), inbound()), findings, end_ms)
}

fn names(decisions: &[Decision]) -> Vec<&str> {
    decisions.iter().map(|d| d.rule.as_str()).collect()
}

/// Verdict and cause.
fn told(decisions: &[Decision]) -> Vec<(Verdict, &str)> {
    decisions.iter().map(|d| (d.verdict, d.cause.as_str())).collect()
}

fn catalogue() -> Arc<Catalogue> {
    let pack = r#"{ "id": "us", "version": "1", "scripts": [
        { "id": "implant", "category": "dental", "title": "Implants at half the price", "nodes": [] },
        { "id": "implant-2", "category": "dental", "nodes": [] },
        { "id": "loan", "category": "loan", "nodes": [] },
        { "id": "mailbox", "category": "voicemail-system", "nodes": [] },
        { "id": "nameless", "nodes": [] } ] }"#;
    Catalogue::of_packs(&[pack.as_bytes().to_vec(), b"not a pack".to_vec()]).into()
}

#[test]
fn the_built_in_rules_tag_known_scripts_and_touch_no_call() {
    let judge = || Judge::new(Rules::builtin(false).into(), inbound()).knowing(&catalogue());
    let findings = [script(1_830, "us", "implant", 0.95), script(2_430, "us", "implant", 0.999)];
    let decisions = judged(judge(), &findings, 10_000);
    let [decision] = &decisions[..] else { panic!("{decisions:?}") };
    assert_eq!((decision.verdict, &decision.action), (Verdict::Robot, &Action::Tag));
    assert!(!decision.shadow);
    assert_eq!(decision.cause, "SCRIPT-2430-9990");
    assert_eq!((decision.pack.as_str(), decision.script.as_str()), ("us", "implant"));
    assert_eq!(decision.category, "dental");
    assert_eq!((decision.confidence, decision.known_ms), (0.999, 2_430.0));
    let record = &decision.record;
    assert_eq!(record["call"], "call-1");
    assert_eq!(record["title"], "Implants at half the price");
    assert_eq!(record["when"]["confidence"], 0.99);
    assert_eq!(record["findings"][0]["evidence"]["decades"], 7.5);

    // Nothing known: the limit. Then the script: it supersedes.
    let late = [script(9_000, "us", "loan", 0.9999)];
    let decisions = judged(judge(), &late, 10_000);
    assert_eq!(
        told(&decisions),
        [(Verdict::Unsure, "LIMIT-6000"), (Verdict::Robot, "SCRIPT-9000-9999")]
    );
    assert_eq!(decisions[0].action, Action::None);
    assert_eq!(decisions[1].record["before"], "UNSURE");

    let mailbox = [script(2_000, "us", "mailbox", 0.999)];
    assert_eq!(judged(judge(), &mailbox, 7_000)[0].verdict, Verdict::Machine);
    for outbound in [false, true] {
        assert_eq!(Rules::builtin(outbound).armed().count(), 0);
    }
}

#[test]
fn a_single_precision_confidence_meets_the_bound_it_stands_for() {
    let json = r#"{ "version": 1, "rules": [
        { "name": "r", "when": { "kind": "script", "confidence": 0.99 } } ] }"#;
    assert_eq!(by(json, &[script(100, "us", "loan", 0.99)], 200).len(), 1);
    assert_eq!(by(json, &[script(100, "us", "loan", 0.9899)], 200).len(), 0);
}

#[test]
fn outbound_calls_are_told_as_answering_machine_detection_tells_them() {
    let call = |findings: &[Finding]| {
        judged(Judge::new(Rules::builtin(true).into(), outbound()), findings, 12_000)
    };
    let machine = |ms| answer(ms, AnswerKind::Machine, "LONGGREETING-5000-5200", 0.9);
    let human = answer(1_400, AnswerKind::Human, "SHORTGREETING-600-500-300", 0.97);
    assert_eq!(
        told(&call(std::slice::from_ref(&human))),
        [(Verdict::Human, "SHORTGREETING-600-500-300")]
    );
    // Taken for a person first; then the beep.
    let beep = tone(9_000, ToneKind::Beep, 1_000.0, None);
    let ended = tone(9_420, ToneKind::Beep, 1_000.0, Some(9_400));
    let by_beep = answer(9_420, AnswerKind::Machine, "BEEP-1000", 0.99);
    let decisions = call(&[human, machine(5_400), beep, ended, by_beep.clone()]);
    assert_eq!(names(&decisions), ["human", "machine", "beep-ended"]);
    assert_eq!(decisions[2].cause, "BEEP-9420-1000");
    let short = tone(9_420, ToneKind::Beep, 440.0, Some(9_400));
    assert_eq!(names(&call(&[short, by_beep])), ["limit", "beep-ended"]);
    // A tone in place of a party is no machine, whatever follows.
    let sit = tone(1_200, ToneKind::Sit, 950.0, Some(1_190));
    let decisions = call(&[sit, answer(1_200, AnswerKind::Machine, "SIT-950", 0.99)]);
    assert_eq!(told(&decisions), [(Verdict::Busy, "SIT-1200-950")]);
    let fax = tone(2_000, ToneKind::FaxAnswer, 2_100.0, None);
    assert_eq!(told(&call(&[fax])), [(Verdict::Fax, "FAX-ANSWER-2000-2100")]);
    assert_eq!(told(&call(&[])), [(Verdict::Unsure, "LIMIT-6000")]);
}

#[test]
fn a_finding_goes_to_the_first_rule_that_it_completes() {
    let json = r#"{ "version": 1, "rules": [
        { "name": "trusted", "when": { "script": "loan*" }, "action": "none" },
        { "name": "later", "when": { "kind": "script", "after_ms": 3000 }, "action": "hangup" },
        { "name": "any", "when": { "kind": "script" }, "action": "hangup" } ] }"#;
    // Reported again and again, and a timer comes due: it stays the first rule's.
    let again: Vec<Finding> =
        [1_000, 2_000, 4_000].map(|ms| script(ms, "us", "loan-9", 0.9)).to_vec();
    assert_eq!(names(&by(json, &again, 7_000)), ["trusted"]);
    let other = script(1_000, "us", "implant", 0.9);
    assert_eq!(names(&by(json, &[other], 7_000)), ["any", "later"]);
}

#[test]
fn several_findings_together_weigh_more_than_each() {
    let json = r#"{ "version": 1, "limit_ms": 0, "rules": [
        { "name": "callback", "verdict": "robot", "action": "decoy", "shadow": false,
          "when": { "tone": "callback-ringback",
                    "also": [ { "behaviour": "talks-through", "confidence": 0.8 } ],
                    "unless": { "answer": "human", "confidence": 0.97 } } } ] }"#;
    let ring = tone(1_500, ToneKind::CallbackRingback, 450.0, None);
    let through = behaviour(7_000, BehaviourKind::TalksThrough, 0.95);
    assert_eq!(by(json, std::slice::from_ref(&ring), 9_000), []);
    assert_eq!(by(json, std::slice::from_ref(&through), 9_000), []);
    for findings in [[ring.clone(), through.clone()], [through.clone(), ring.clone()]] {
        let decisions = by(json, &findings, 9_000);
        let [decision] = &decisions[..] else { panic!("{decisions:?}") };
        assert_eq!(decision.action, Action::Decoy { cause: 1 });
        assert_eq!(decision.confidence, 0.95, "that of the least sure");
        assert_eq!(decision.known_ms, 7_000.0);
        assert_eq!(decision.record["findings"].as_array().unwrap().len(), 2);
    }
    let weak = behaviour(7_000, BehaviourKind::TalksThrough, 0.7);
    assert_eq!(by(json, &[ring.clone(), weak], 9_000), []);
    let person = answer(2_000, AnswerKind::Human, "SHORTGREETING-300-500-0", 0.97);
    assert_eq!(by(json, &[ring, person, through], 9_000), []);
}

#[test]
fn time_decides_when_it_has_passed_and_only_then() {
    let json = r#"{ "version": 1, "limit_ms": 2500, "rules": [
        { "name": "early", "when": { "tone": "beep", "before_ms": 1000 } },
        { "name": "dead-air", "when": { "after_ms": 3000, "unless": { "kind": "speech" } },
          "action": "hangup" },
        { "name": "same-time", "when": { "after_ms": 3000 } },
        { "name": "long-talk", "when": { "verdict": "unsure", "after_ms": 5000 } } ] }"#;
    let beep = |ms| tone(ms, ToneKind::Beep, 1_000.0, Some(ms));
    assert_eq!(names(&by(json, &[beep(1_000)], 2_000)), ["early"]);
    assert_eq!(names(&by(json, &[beep(1_001)], 2_000)), [""; 0]);
    let silent = by(json, &[], 6_000);
    assert_eq!(names(&silent), ["limit", "dead-air", "long-talk"]);
    let known: Vec<f64> = silent.iter().map(|d| d.known_ms).collect();
    assert_eq!(known, [2_500.0, 3_000.0, 5_000.0]);
    assert_eq!(names(&by(json, &[speech(500, None)], 6_000)), ["limit", "same-time", "long-talk"]);
    // All at once, as after a stall: one at a time, in their order.
    let mut judge = Judge::new(rules(json).into(), inbound());
    let mut at_once = Vec::new();
    while let Some(decision) = judge.passed(60_000.0) {
        at_once.push(decision);
    }
    assert_eq!(names(&at_once), ["limit", "dead-air", "long-talk"]);
    // The call's own limit comes before the rules'; 0 is none.
    for (limit_ms, first) in [(1_000, "LIMIT-1000"), (0, "TIME-3000")] {
        let call = CallFacts { limit_ms: Some(limit_ms), ..inbound() };
        assert_eq!(judged(Judge::new(rules(json).into(), call), &[], 6_000)[0].cause, first);
    }
}

#[test]
fn what_may_be_several_scripts_matches_only_if_all_of_them_do() {
    let json = r#"{ "version": 1, "rules": [
        { "name": "dental", "when": { "category": "dental" }, "action": "hangup" },
        { "name": "implant", "when": { "script": "implant", "pack": "us" } },
        { "name": "any", "when": { "kind": "script" } } ] }"#;
    let call = |finding: Finding| {
        judged(Judge::new(rules(json).into(), inbound()).knowing(&catalogue()), &[finding], 3_000)
            .remove(0)
    };
    let both = call(either(2_000, &["us/implant", "us/implant-2"], 0.99));
    assert_eq!((both.rule.as_str(), both.category.as_str()), ("dental", "dental"));
    assert_eq!((both.pack.as_str(), both.script.as_str()), ("us", ""), "it cannot be told");
    let mixed = call(either(2_000, &["us/implant", "us/loan"], 0.99));
    assert_eq!((mixed.rule.as_str(), mixed.category.as_str()), ("any", ""));
    assert_eq!(mixed.verdict, Verdict::Robot);
    assert_eq!(call(script(2_000, "us", "implant-2", 0.9)).rule, "dental");
    assert_eq!(call(script(2_000, "us", "nameless", 0.9)).rule, "any");
}

#[test]
fn calls_are_told_apart_by_number_and_direction() {
    let json = r#"{ "version": 1, "allow": ["+49 (30) 1234"], "rules": [
        { "name": "abroad", "when": { "kind": "speech", "caller": ["+1", "+44"] }, "verdict": "unsure" },
        { "name": "ours", "when": { "kind": "speech", "callee": "030-55" }, "verdict": "unsure" },
        { "name": "out", "when": { "kind": "speech", "direction": "outbound" }, "verdict": "unsure" } ] }"#;
    let call = |caller: &str, callee: &str, outbound| {
        let id = "c".into();
        let (caller, callee) = (caller.into(), callee.into());
        let facts = CallFacts { id, caller, callee, outbound, limit_ms: None };
        let judge = Judge::new(rules(json).into(), facts);
        let allowed = judge.is_allowed();
        let decisions = judged(judge, &[speech(500, None)], 9_000);
        assert_eq!(allowed, decisions[0].rule == "allow");
        assert!(!allowed || decisions.len() == 1);
        decisions[0].rule.clone()
    };
    assert_eq!(call("+44 20 1", "0305", false), "abroad");
    assert_eq!(call("0441", "030 5512", false), "ours");
    assert_eq!(call("0441", "0", false), "limit");
    assert_eq!(call("", "", true), "out");
    assert_eq!(call("+49301234-5", "", false), "allow");
    assert_eq!(call("+44 20 1", "+4930123499", false), "abroad", "the allow list is the caller's");
    assert_eq!(call("", "+4930123499", true), "allow", "and the called one's where we call");
}

#[test]
fn our_own_side_is_not_the_one_judged() {
    let json = r#"{ "version": 1, "limit_ms": 0, "rules": [
        { "name": "far", "when": { "tone": "dtmf", "detail": "5" }, "verdict": "unsure" },
        { "name": "near", "when": { "tone": "dtmf", "side": "near" }, "verdict": "unsure" } ] }"#;
    let mut key = tone(1_000, ToneKind::Dtmf, 770.0, None);
    let Event::Tone(tone) = &mut key.what else { unreachable!() };
    tone.detail = "5".into();
    assert_eq!(names(&by(json, std::slice::from_ref(&key), 2_000)), ["far"]);
    key.side = Side::Near;
    assert_eq!(names(&by(json, &[key], 2_000)), ["near"]);
}

#[test]
fn what_a_hostile_plugin_says_is_bounded() {
    let json = r#"{ "version": 1, "rules": [ { "name": "r", "when": { "kind": "script" } },
        { "name": "s", "when": { "kind": "answer", "confidence": 0.1 }, "verdict": "human" },
        { "name": "t", "when": { "kind": "answer" }, "verdict": "human" } ] }"#;
    let long = "\u{0}é".repeat(1 << 16);
    let mut judge = Judge::new(rules(json).into(), inbound());
    let mut finding = script(0, &long, &long, f32::NAN);
    finding.known_at = u64::MAX;
    let decision = judge.heard(&finding, 500.0).unwrap();
    assert_eq!((decision.known_ms, decision.confidence), (500.0, 0.0));
    assert!(decision.script.len() <= 128 && decision.record.to_string().len() < 4_096);
    assert!(!decision.record.to_string().contains("\\u0000"));
    let everything: Vec<String> = (0..100_000).map(|n| format!("us/{n}")).collect();
    let everything: Vec<&str> = everything.iter().map(String::as_str).collect();
    assert_eq!(judge.heard(&either(0, &everything, 1.0), 500.0), None);
    let nan = answer(600, AnswerKind::Human, &long, f32::NAN);
    let decision = judge.heard(&nan, f64::NAN).unwrap();
    assert_eq!((decision.rule.as_str(), decision.confidence), ("t", 0.0));
    assert!(decision.cause.len() <= 128);
    assert_eq!(judge.passed(f64::NAN), None);
}

#[test]
fn a_call_that_is_not_analysed_says_so() {
    let decision = Judge::new(Arc::default(), outbound()).given_up("FAULT");
    assert_eq!((decision.verdict, &decision.action), (Verdict::NotReady, &Action::None));
    assert_eq!((decision.cause.as_str(), decision.shadow), ("FAULT", false));
    assert_eq!(decision.record["direction"], "outbound");
    assert_eq!(decision.record["verdict"], "NOTREADY");
}

#[test]
fn an_analysis_that_ends_early_hangs_nobody_up() {
    let json = r#"{ "version": 1, "shadow": false, "rules": [
        { "name": "speech", "when": { "kind": "speech" }, "verdict": "human" },
        { "name": "silent", "when": { "after_ms": 8000, "unless": { "tone": "beep" } },
          "action": "hangup" } ] }"#;
    let mut judge = Judge::new(rules(json).into(), inbound());
    judge.heard(&speech(500, None), 600.0).unwrap();
    let decision = judge.given_up("FAULT");
    assert_eq!((decision.number, decision.verdict), (1, Verdict::NotReady));
    assert_eq!(decision.record["before"], "HUMAN");
    assert_eq!((judge.passed(60_000.0), judge.heard(&speech(9_000, None), 9e3)), (None, None));
}

#[test]
fn the_examples_do_what_they_say() {
    let example = |name: &str| {
        let (_, json) = shipped().into_iter().find(|(path, _)| path.ends_with(name)).unwrap();
        Arc::new(rules(&json))
    };
    let screening = example("silent-screening.json");
    assert_eq!(screening.armed().count(), 0, "shadow until the admin arms it");
    let robot = |ms| script(ms, "us", "implant", 0.9999);
    let first = judged(Judge::new(screening.clone(), inbound()), &[robot(2_000)], 9_000).remove(0);
    assert_eq!((first.rule.as_str(), first.shadow), ("sure-robot", true));
    assert_eq!(first.action, Action::Decoy { cause: 1 });
    let talk = [speech(500, None), robot(20_000)];
    let late = judged(Judge::new(screening.clone(), inbound()), &talk, 21_000);
    assert_eq!(names(&late), ["limit", "robot-in-talk"]);
    assert_eq!(late[1].action, Action::Tag);

    let reminder = example("leave-message.json");
    let greeting = answer(5_200, AnswerKind::Machine, "LONGGREETING-5000-5000", 0.9);
    let beep = tone(12_000, ToneKind::Beep, 1_000.0, Some(11_980));
    let call = [greeting.clone(), beep];
    let decisions = judged(Judge::new(reminder.clone(), outbound()), &call, 60_000);
    assert_eq!(names(&decisions), ["wait-for-beep", "speak-after-beep"]);
    assert_eq!(decisions[1].verdict, Verdict::Beep);
    let place = ("reminders".to_owned(), "message".to_owned());
    let (context, extension) = place;
    assert_eq!(decisions[1].action, Action::Transfer { context, extension, priority: 1 });
    let decisions = judged(Judge::new(reminder, outbound()), &[greeting], 60_000);
    assert_eq!(names(&decisions), ["wait-for-beep", "no-beep"]);
    assert_eq!(decisions[1].action, Action::Hangup { cause: 16 });

    let dialer = example("answering-machine.json");
    let unsure = [answer(2_000, AnswerKind::Machine, "GREETING-4400-1150-0", 0.65)];
    let decisions = judged(Judge::new(dialer.clone(), outbound()), &unsure, 9_000);
    assert_eq!((names(&decisions), &decisions[0].action), (vec!["perhaps-machine"], &Action::Tag));
    let busy = [tone(1_500, ToneKind::Busy, 425.0, None)];
    let decisions = judged(Judge::new(dialer, outbound()), &busy, 9_000);
    assert_eq!(decisions[0].action, Action::Hangup { cause: 17 });
    assert_eq!(decisions[0].verdict, Verdict::Busy);
}
