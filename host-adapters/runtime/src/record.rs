//! Findings as JSON: what the command prints, what logs and policies keep.
//! Times are milliseconds since the call began.

use serde_json::{Map, Value, json};

use crate::{AnswerKind, BehaviourKind, Event, Finding, Side, ToneKind};

/// A finding as a JSON object. `kind` says which fields there are.
pub fn finding(finding: &Finding) -> Value {
    let mut record = match &finding.what {
        Event::Script(m) => json!({
            "kind": "script",
            "match_id": m.match_id,
            "script_id": m.script_id,
            "pack": m.pack,
            "node": m.node,
            "among": m.among,
            "confidence": rounded(m.confidence, 4),
            "heard_from_ms": ms(m.heard_from),
            "script_from_ms": ms(m.script_from),
            "evidence": {
                "compared_ms": ms(m.evidence.compared),
                "bit_error_rate": rounded(m.evidence.bit_error_rate, 4),
                "tempo": rounded(m.evidence.tempo, 4),
                "stretches": m.evidence.stretches,
                "decades": rounded(m.evidence.decades, 2),
            },
            "path": m.path,
        }),
        Event::Tone(t) => json!({
            "kind": "tone",
            "tone": tone(t.kind),
            "detail": t.detail,
            "start_ms": ms(t.start),
            "end_ms": t.end.map(ms),
            "freqs_hz": t.freqs_hz.iter().map(|f| rounded(*f, 1)).collect::<Vec<_>>(),
            "level_dbm0": rounded(t.level_dbm0, 1),
        }),
        Event::Answer(a) => json!({
            "kind": "answer",
            "answer": answer(a.kind),
            "cause": a.cause,
            "confidence": rounded(a.confidence, 4),
        }),
        Event::Speech(s) => json!({
            "kind": "speech",
            "start_ms": ms(s.start),
            "end_ms": s.end.map(ms),
            "level_dbm0": rounded(s.level_dbm0, 1),
        }),
        Event::Behaviour(b) => json!({
            "kind": "behaviour",
            "behaviour": behaviour(b.kind),
            "cause": b.cause,
            "confidence": rounded(b.confidence, 4),
        }),
    };
    let fields: &mut Map<String, Value> = record.as_object_mut().expect("an object, above");
    fields.insert("known_at_ms".into(), ms(finding.known_at));
    let side = match finding.side {
        Side::Far => "far",
        Side::Near => "near",
    };
    fields.insert("side".into(), side.into());
    record
}

pub(crate) fn answer(kind: AnswerKind) -> &'static str {
    match kind {
        AnswerKind::Human => "human",
        AnswerKind::Machine => "machine",
        AnswerKind::Unsure => "unsure",
    }
}

pub(crate) fn behaviour(kind: BehaviourKind) -> &'static str {
    match kind {
        BehaviourKind::TalksThrough => "talks-through",
        BehaviourKind::WaitsForSpeech => "waits-for-speech",
        BehaviourKind::HandedOver => "handed-over",
    }
}

/// A kind of tone in words, as rules and records have it.
pub fn tone(kind: ToneKind) -> &'static str {
    match kind {
        ToneKind::Beep => "beep",
        ToneKind::Ringback => "ringback",
        ToneKind::Busy => "busy",
        ToneKind::Congestion => "congestion",
        ToneKind::Dial => "dial",
        ToneKind::Sit => "sit",
        ToneKind::FaxCalling => "fax-calling",
        ToneKind::FaxAnswer => "fax-answer",
        ToneKind::FaxFlags => "fax-flags",
        ToneKind::Dtmf => "dtmf",
        ToneKind::CallbackRingback => "callback-ringback",
    }
}

/// Samples of 8 kHz in milliseconds: an eighth of one at most is exact.
fn ms(samples: u64) -> Value {
    json!(samples as f64 / 8.0)
}

/// A number without the noise of single precision; null if it is none.
fn rounded(x: f32, decimals: i32) -> Value {
    let scale = 10f64.powi(decimals);
    json!((f64::from(x) * scale).round() / scale)
}

/// A finding in words, without when it was known.
pub fn text(finding: &Finding) -> String {
    let s = |samples: u64| samples as f64 / 8e3;
    let until = |end: Option<u64>| end.map_or("…".into(), |e| format!("{:.2} s", s(e)));
    match &finding.what {
        Event::Script(m) => {
            let what = if m.among.is_empty() {
                let path = if m.path.len() > 1 { m.path.join(" → ") } else { m.node.clone() };
                format!("{}/{} ({path})", m.pack, m.script_id)
            } else {
                format!("one of {}", m.among.join(", "))
            };
            format!(
                "script {what}, confidence {}, heard from {:.2} s (its {:.2} s)",
                confidence(m.confidence),
                s(m.heard_from),
                s(m.script_from)
            )
        }
        Event::Tone(t) => {
            let hz: Vec<String> = t.freqs_hz.iter().map(|f| format!("{f:.0}")).collect();
            let (kind, hz) = (tone(t.kind), hz.join("+"));
            let detail = if t.detail.is_empty() { String::new() } else { format!(" {}", t.detail) };
            let level = t.level_dbm0;
            format!(
                "{kind}{detail}, {hz} Hz, {level:.0} dBm0, {:.2} s to {}",
                s(t.start),
                until(t.end)
            )
        }
        Event::Answer(a) => format!(
            "answered by {}: {}, confidence {}",
            match a.kind {
                AnswerKind::Human => "a person",
                AnswerKind::Machine => "a machine",
                AnswerKind::Unsure => "somebody; unsure",
            },
            a.cause,
            confidence(a.confidence)
        ),
        Event::Speech(t) => {
            let side = if finding.side == Side::Far { "far" } else { "near" };
            format!(
                "{side} end speaks, {:.2} s to {}, {:.0} dBm0",
                s(t.start),
                until(t.end),
                t.level_dbm0
            )
        }
        Event::Behaviour(b) => {
            let does = match b.kind {
                BehaviourKind::TalksThrough => "talks on through our speech",
                BehaviourKind::WaitsForSpeech => "waits for us to speak",
                BehaviourKind::HandedOver => "another voice has taken over",
            };
            format!("far end {does}: {}, confidence {}", b.cause, confidence(b.confidence))
        }
    }
}

/// A probability in four digits; cut, not rounded, since nothing is ever quite certain.
pub fn confidence(p: f32) -> String {
    format!("{:.4}", (f64::from(p) * 1e4).floor().min(9_999.0) / 1e4)
}
