//! A clip through the whole path.

use std::{
    f32::consts::TAU,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use super::{Call, CallConfig, Inner, Listener};
use crate::{
    Event, Finding, Side, ToneKind,
    policy::{CallFacts, Decision, Rules, Verdict},
    record,
};

const RATE_HZ: u32 = 8_000;
const FRAME: usize = 160;

/// The clip: something like a voice, a pause, the beep of a mailbox, and silence.
const BEEP_HZ: f32 = 1_000.0;
const BEEP_MS: std::ops::Range<usize> = 1_500..2_000;
const CLIP_MS: usize = 2_800;

/// How much later than its end the beep may be decided, in ms of audio and of the clock.
const PATIENCE: Duration = Duration::from_secs(5);

enum Told {
    Beep(Finding),
    Decided(Verdict, f64),
    Released,
}

struct Ear(mpsc::Sender<Told>);

impl Listener for Ear {
    fn heard(&self, finding: &Finding) {
        if matches!(&finding.what, Event::Tone(t) if t.kind == ToneKind::Beep && t.end.is_some()) {
            let _ = self.0.send(Told::Beep(finding.clone()));
        }
    }

    fn decided(&self, decision: &Decision, added_ms: f64) {
        let _ = self.0.send(Told::Decided(decision.verdict, added_ms));
    }

    fn released(&self) {
        let _ = self.0.send(Told::Released);
    }
}

pub(crate) fn run(host: &Inner) -> Result<String, String> {
    let (tell, told) = mpsc::channel();
    let facts = CallFacts { id: "selftest".into(), outbound: true, ..CallFacts::default() };
    let config = CallConfig { facts, rules: None, near_side: false };
    let rules = Arc::new(Rules::builtin(true));
    let call = host.begin(config, Some(rules), Box::new(Ear(tell))).map_err(|e| e.to_string())?;
    let mut call = Call(call);
    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    for (n, frame) in clip().chunks(FRAME).enumerate() {
        let due = Duration::from_millis(20) * n as u32;
        thread::sleep(due.saturating_sub(start.elapsed()));
        let before = Instant::now();
        call.push(Side::Far, RATE_HZ, frame);
        let took = before.elapsed();
        slowest = slowest.max(took);
    }
    drop(call);
    let (mut beep, mut decided, mut refused) = (None, None, None);
    loop {
        match told.recv_timeout(PATIENCE) {
            Ok(Told::Beep(finding)) => beep = Some(finding),
            Ok(Told::Decided(Verdict::Beep, added_ms)) => decided = Some(added_ms),
            Ok(Told::Decided(Verdict::NotReady, _)) => refused = Some(()),
            Ok(Told::Decided(..)) => {}
            Ok(Told::Released) => break,
            Err(_) => return Err(format!("the call was not released within {PATIENCE:?}")),
        }
    }
    if refused.is_some() {
        return Err("the analysis was ended; the log says why".into());
    }
    let beep = beep.ok_or("the beep in the clip was not heard")?;
    let added_ms = decided.ok_or("the beep was heard, but not decided upon")?;
    Ok(format!(
        "{}; decided {added_ms:.0} ms after its audio had arrived; slowest push {:.1} µs",
        record::text(&beep),
        slowest.as_secs_f64() * 1e6
    ))
}

fn clip() -> Vec<i16> {
    let sample = |n: usize| {
        let (ms, t) = (n / 8, n as f32 / RATE_HZ as f32);
        let voice = || {
            let syllable = (0.5 - 0.5 * (TAU * 4.0 * t).cos()).powi(2);
            let pitch = TAU * (120.0 * t - 3.0 * (TAU * 0.7 * t).cos());
            let buzz: f32 = (1..20).map(|k| (pitch * k as f32).sin() / k as f32).sum();
            4_000.0 * syllable * buzz
        };
        match ms {
            200..1_200 => voice() as i16,
            _ if BEEP_MS.contains(&ms) => (6_000.0 * (TAU * BEEP_HZ * t).sin()) as i16,
            _ => 0,
        }
    };
    (0..CLIP_MS * 8).map(sample).collect()
}
