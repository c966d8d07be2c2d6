//! Calls.

use std::{
    ffi::{CString, c_char, c_void},
    mem::ManuallyDrop,
    ptr,
    sync::Arc,
};

use super::{
    guarded,
    host::{CHost, User, asked, null},
    text,
    types::{self, Number, Status},
};
use crate::{
    Error, Event, Finding, Side,
    host::{CallConfig, CallShared, Listener},
    policy::{Action, CallFacts, Decision, Verdict},
    record,
};

#[unsafe(no_mangle)]
pub extern "C" fn callprint_verdict_name(verdict: Number) -> *const c_char {
    let verdict = usize::try_from(verdict).ok().and_then(|n| Verdict::ALL.get(n));
    verdict.map_or(c"UNKNOWN", |verdict| verdict.c_name()).as_ptr()
}

/// The callbacks of a call.
struct Callbacks {
    heard: Option<unsafe extern "C" fn(*mut c_void, *const types::Finding)>,
    decided: Option<unsafe extern "C" fn(*mut c_void, *const types::Decision)>,
    released: Option<unsafe extern "C" fn(*mut c_void)>,
    user: User,
}

impl Listener for Callbacks {
    fn wants_findings(&self) -> bool {
        self.heard.is_some()
    }

    fn heard(&self, finding: &Finding) {
        let Some(heard) = self.heard else { return };
        let json = text::owned(&record::finding(finding).to_string());
        let (name, detail) = names(finding);
        let (name, detail) = (text::owned(name), text::owned(detail));
        let ms = |samples: u64| samples as f64 / 8.0;
        let end = |end: Option<u64>| end.map_or(-1.0, ms);
        let mut c = types::Finding {
            size: size_of::<types::Finding>(),
            kind: 0,
            side: finding.side as Number,
            name: name.as_ptr(),
            detail: detail.as_ptr(),
            start_ms: ms(finding.known_at),
            end_ms: -1.0,
            known_ms: ms(finding.known_at),
            confidence: 1.0,
            freq_hz: 0.0,
            level_dbm0: 0.0,
            json: json.as_ptr(),
        };
        match &finding.what {
            Event::Script(m) => {
                (c.kind, c.start_ms, c.confidence) =
                    (0, ms(m.heard_from), probability(m.confidence));
            }
            Event::Tone(t) => {
                (c.kind, c.start_ms, c.end_ms) = (1, ms(t.start), end(t.end));
                c.freq_hz = finite(t.freqs_hz.first().copied().unwrap_or(0.0));
                c.level_dbm0 = finite(t.level_dbm0);
            }
            Event::Answer(a) => (c.kind, c.confidence) = (2, probability(a.confidence)),
            Event::Speech(s) => {
                (c.kind, c.start_ms, c.end_ms) = (3, ms(s.start), end(s.end));
                c.level_dbm0 = finite(s.level_dbm0);
            }
            Event::Behaviour(b) => (c.kind, c.confidence) = (4, probability(b.confidence)),
        }
        // SAFETY: C gave us the two for each other; what is pointed to outlives the call.
        unsafe { heard(self.user.get(), &c) }
    }

    fn decided(&self, decision: &Decision, added_ms: f64) {
        let Some(decided) = self.decided else { return };
        let texts = Texts::of(decision);
        let mut c = numbers(decision, added_ms);
        texts.point(&mut c);
        // SAFETY: as above.
        unsafe { decided(self.user.get(), &c) }
    }

    fn released(&self) {
        if let Some(released) = self.released {
            // SAFETY: as above.
            unsafe { released(self.user.get()) }
        }
    }
}

/// A number that a hostile analyzer may have made anything of.
fn finite(x: f32) -> f64 {
    if x.is_finite() { x.into() } else { 0.0 }
}

fn probability(x: f32) -> f64 {
    finite(x).clamp(0.0, 1.0)
}

/// What a finding is called in C.
fn names(finding: &Finding) -> (&str, &str) {
    match &finding.what {
        Event::Script(m) => (&m.script_id, &m.pack),
        Event::Tone(t) => (record::tone(t.kind), &t.detail),
        Event::Answer(a) => (record::answer(a.kind), &a.cause),
        Event::Speech(_) => ("", ""),
        Event::Behaviour(b) => (record::behaviour(b.kind), &b.cause),
    }
}

/// No decision.
fn pending() -> types::Decision {
    types::Decision {
        size: size_of::<types::Decision>(),
        number: 0,
        verdict: Verdict::Pending as Number,
        action: 0,
        shadow: 0,
        hangup_cause: 0,
        priority: 1,
        context: c"".as_ptr(),
        extension: c"".as_ptr(),
        rule: c"".as_ptr(),
        script: c"".as_ptr(),
        pack: c"".as_ptr(),
        category: c"".as_ptr(),
        cause: c"".as_ptr(),
        confidence: 0.0,
        known_ms: 0.0,
        added_ms: 0.0,
        json: c"".as_ptr(),
    }
}

/// A decision without its strings.
fn numbers(decision: &Decision, added_ms: f64) -> types::Decision {
    let (hangup_cause, priority) = match &decision.action {
        Action::None | Action::Tag => (0, 1),
        Action::Hangup { cause } | Action::Decoy { cause } => (*cause, 1),
        Action::Transfer { priority, .. } => (0, *priority),
    };
    types::Decision {
        number: decision.number,
        verdict: decision.verdict as Number,
        action: decision.action.number() as Number,
        shadow: decision.shadow.into(),
        hangup_cause,
        priority,
        confidence: decision.confidence,
        known_ms: decision.known_ms,
        added_ms,
        ..pending()
    }
}

/// The strings of a decision, in the order in which room is found for them: the longest last.
struct Texts([CString; 8]);

impl Texts {
    fn of(d: &Decision) -> Texts {
        let (context, extension) = match &d.action {
            Action::Transfer { context, extension, .. } => (&**context, &**extension),
            _ => ("", ""),
        };
        let json = d.record.to_string();
        let all = [context, extension, &d.rule, &d.script, &d.pack, &d.category, &d.cause, &json];
        Texts(all.map(text::owned))
    }

    fn fields(c: &mut types::Decision) -> [&mut *const c_char; 8] {
        [
            &mut c.context,
            &mut c.extension,
            &mut c.rule,
            &mut c.script,
            &mut c.pack,
            &mut c.category,
            &mut c.cause,
            &mut c.json,
        ]
    }

    fn point(&self, c: &mut types::Decision) {
        for (field, text) in Texts::fields(c).into_iter().zip(&self.0) {
            *field = text.as_ptr();
        }
    }

    /// Copies them into `room`, cut where there is no more.
    unsafe fn place(&self, c: &mut types::Decision, mut room: *mut c_char, mut size: usize) {
        if room.is_null() {
            return;
        }
        for (field, text) in Texts::fields(c).into_iter().zip(&self.0) {
            // An empty one needs no room, and there is none for it at the end.
            let Ok(text) = text.to_str() else { continue };
            if size == 0 || text.is_empty() {
                continue;
            }
            // SAFETY: the caller's promise.
            unsafe {
                let used = text::write(text, room, size).min(size);
                *field = room;
                (room, size) = (room.add(used), size - used);
            }
        }
    }
}

/// # Safety
///
/// As callprint.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_call_open(
    host: *mut CHost,
    config: *const types::CallConfig,
    call: *mut *const CallShared,
    error: *mut c_char,
    error_size: usize,
) -> Status {
    // SAFETY: the header's words.
    unsafe {
        if !call.is_null() {
            *call = ptr::null();
        }
        asked(host, error, error_size, |host| {
            if call.is_null() {
                return Err(null("call"));
            }
            let c = types::read(config)?;
            let string = |p, name| Ok::<_, Error>(text::read(p, name)?.map(str::to_owned));
            let unknown = c.flags & !(types::OUTBOUND | types::NEAR_SIDE);
            if unknown != 0 {
                return Err(Error::Usage(format!("flags has unknown bits {unknown:#x}")));
            }
            let facts = CallFacts {
                id: string(c.id, "id")?.ok_or_else(|| null("id"))?,
                caller: string(c.caller, "caller")?.unwrap_or_default(),
                callee: string(c.callee, "callee")?.unwrap_or_default(),
                outbound: c.flags & types::OUTBOUND != 0,
                limit_ms: (c.limit_ms != 0).then_some(c.limit_ms),
            };
            let callbacks = Callbacks {
                heard: c.heard,
                decided: c.decided,
                released: c.released,
                user: User(c.user),
            };
            let near_side = c.flags & types::NEAR_SIDE != 0;
            let config = CallConfig { facts, rules: string(c.rules, "rules")?, near_side };
            let opened = ManuallyDrop::new(host.call(config, Box::new(callbacks))?);
            // SAFETY: read once; the wrapper, which would close the call, is forgotten.
            *call = Arc::into_raw(ptr::read(&opened.0));
            Ok(())
        })
    }
}

fn side(number: Number) -> Option<Side> {
    match number {
        0 => Some(Side::Far),
        1 => Some(Side::Near),
        _ => None,
    }
}

/// # Safety
///
/// As callprint.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_call_push(
    call: *const CallShared,
    side_: Number,
    rate_hz: u32,
    samples: *const i16,
    count: usize,
) {
    // SAFETY: the header's words.
    unsafe {
        let (Some(call), Some(side)) = (call.as_ref(), side(side_)) else { return };
        if count > 0 && !samples.is_null() {
            call.push(side, rate_hz, std::slice::from_raw_parts(samples, count));
        }
    }
}

/// # Safety
///
/// As callprint.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_call_skip(
    call: *const CallShared,
    side_: Number,
    rate_hz: u32,
    samples: u64,
) {
    // SAFETY: the header's words.
    unsafe {
        let (Some(call), Some(side)) = (call.as_ref(), side(side_)) else { return };
        call.skip(side, rate_hz, samples);
    }
}

/// # Safety
///
/// As callprint.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_call_poll(
    call: *const CallShared,
    decision: *mut types::Decision,
    to: *mut c_char,
    size: usize,
) {
    if decision.is_null() {
        return;
    }
    guarded((), || {
        // SAFETY: the header's words.
        unsafe {
            let room = (&raw const (*decision).size).read().min(size_of::<types::Decision>());
            let latest = call.as_ref().and_then(CallShared::decision);
            let mut c = latest.as_ref().map_or_else(pending, |latest| numbers(latest, 0.0));
            if let Some(latest) = &latest {
                Texts::of(latest).place(&mut c, to, size);
            }
            c.size = room;
            decision.cast::<u8>().copy_from_nonoverlapping((&raw const c).cast(), room);
        }
    });
}

/// # Safety
///
/// As callprint.h says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callprint_call_close(call: *const CallShared) {
    if call.is_null() {
        return;
    }
    guarded((), || {
        // SAFETY: the handle's last use.
        let call = unsafe { Arc::from_raw(call) };
        call.close();
    });
}
