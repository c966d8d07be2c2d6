//! The plugin as a component of the world in `wit/callprint.wit`: the only file
//! that knows of WebAssembly.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::RefCell,
};

use crate::{
    catalog::{self, Catalog, Sealed, Workspace},
    finding, pack,
    session::{self, Session},
};

wit_bindgen::generate!({ path: "../wit", world: "analyzer" });

use exports::callprint::analyzer::{
    analysis::{self, GuestSession},
    catalog as wit,
};

/// Clears what it frees. The host keeps an image of the memory after `seal`,
/// and every byte left over from parsing a pack would be in it.
struct Clearing;

// SAFETY: all of it is `System`'s work; a block is cleared while it is still ours.
unsafe impl GlobalAlloc for Clearing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // Small blocks are soon used again.
        if layout.size() >= 4096 {
            unsafe { block.write_bytes(0, layout.size()) };
            std::hint::black_box(block);
        }
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if new_size <= layout.size() {
            // In place: what is cut off is cleared here.
            unsafe { block.add(new_size).write_bytes(0, layout.size() - new_size) };
            std::hint::black_box(block);
            return unsafe { System.realloc(block, layout, new_size) };
        }
        // SAFETY: the caller keeps the same promises for the new size.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        let new = unsafe { self.alloc(new_layout) };
        if !new.is_null() {
            unsafe { block.copy_to_nonoverlapping(new, layout.size()) };
            unsafe { self.dealloc(block, layout) };
        }
        new
    }
}

#[global_allocator]
static ALLOCATOR: Clearing = Clearing;

/// Takes up what parsing has left free, so that what the sessions allocate lies
/// together behind everything: a call's memory counts in pages.
fn close_gaps() {
    // Room for two sessions or so stays behind them: no call begins by having memory added.
    const SIZES: std::ops::RangeInclusive<u32> = 3..=17;
    let end = std::arch::wasm32::memory_size::<0>() * 64 * 1024;
    for size in SIZES.rev().map(|bits| 1 << bits) {
        let layout = Layout::from_size_align(size, 8).expect("8 is a power of two");
        loop {
            // SAFETY: the size is not 0, and what is given back was allocated with it.
            let block = unsafe { ALLOCATOR.alloc(layout) };
            if block.is_null() {
                break;
            }
            if block.addr() >= end {
                unsafe { ALLOCATOR.dealloc(block, layout) };
                break;
            }
        }
    }
}

enum State {
    Filling(Catalog),
    Sealed(Box<(Sealed, Workspace)>),
    Sealing,
}

thread_local! {
    // wasm32 has one thread: this is the instance's state.
    static STATE: RefCell<State> = RefCell::new(State::Filling(Catalog::default()));
}

fn with_catalog<T>(f: impl FnOnce(&mut Catalog) -> T) -> T {
    STATE.with_borrow_mut(|state| match state {
        State::Filling(catalog) => f(catalog),
        _ => panic!("the catalogue is sealed"),
    })
}

fn with_sealed<T>(f: impl FnOnce(&Sealed, &mut Workspace) -> T) -> T {
    STATE.with_borrow_mut(|state| match state {
        State::Sealed(sealed) => f(&sealed.0, &mut sealed.1),
        _ => panic!("the catalogue is not sealed"),
    })
}

struct Analyzer;
export!(Analyzer);

impl wit::Guest for Analyzer {
    fn configure(settings: String) -> Result<(), String> {
        with_catalog(|catalog| catalog.configure(&settings))
    }

    fn expect(pack_bytes: u64) {
        with_catalog(|catalog| catalog.expect(pack_bytes));
    }

    fn add_pack(pack: Vec<u8>) -> Result<wit::PackSummary, wit::PackError> {
        with_catalog(|catalog| catalog.add_pack(&pack)).map(Into::into).map_err(Into::into)
    }

    fn seal() -> wit::CatalogSummary {
        let State::Filling(catalog) = STATE.replace(State::Sealing) else {
            panic!("the catalogue is sealed already");
        };
        let sealed = catalog.seal();
        let workspace = Workspace::default();
        close_gaps();
        let summary = sealed.summary();
        STATE.set(State::Sealed(Box::new((sealed, workspace))));
        wit::CatalogSummary {
            analyzer: summary.analyzer,
            packs: summary.packs.into_iter().map(Into::into).collect(),
            index_bytes: summary.index_bytes,
        }
    }
}

impl From<catalog::PackSummary> for wit::PackSummary {
    fn from(p: catalog::PackSummary) -> Self {
        wit::PackSummary { id: p.id, version: p.version, scripts: p.scripts, duration: p.duration }
    }
}

impl From<pack::PackError> for wit::PackError {
    fn from(e: pack::PackError) -> Self {
        match e {
            pack::PackError::Malformed(m) => wit::PackError::Malformed(m),
            pack::PackError::Unsupported(m) => wit::PackError::Unsupported(m),
            pack::PackError::TooLarge(m) => wit::PackError::TooLarge(m),
            pack::PackError::Duplicate(m) => wit::PackError::Duplicate(m),
        }
    }
}

impl analysis::Guest for Analyzer {
    type Session = Call;
}

struct Call(RefCell<Session>);

impl GuestSession for Call {
    fn new(info: analysis::CallInfo) -> Self {
        with_sealed(|_, _| {});
        Call(RefCell::new(Session::new(session::CallInfo { outbound: info.outbound })))
    }

    fn push(
        &self,
        side: analysis::Side,
        rate_hz: u32,
        samples: Vec<i16>,
    ) -> Vec<analysis::Finding> {
        let mut findings = Vec::new();
        with_sealed(|sealed, work| {
            let mut session = self.0.borrow_mut();
            session.push(sealed, work, side.into(), rate_hz, &samples, &mut findings);
        });
        findings.into_iter().map(Into::into).collect()
    }

    fn skip(&self, side: analysis::Side, rate_hz: u32, samples: u64) -> Vec<analysis::Finding> {
        let mut findings = Vec::new();
        with_sealed(|sealed, work| {
            let mut session = self.0.borrow_mut();
            session.skip(sealed, work, side.into(), rate_hz, samples, &mut findings);
        });
        findings.into_iter().map(Into::into).collect()
    }

    fn finish(&self) -> Vec<analysis::Finding> {
        let mut findings = Vec::new();
        self.0.borrow_mut().finish(&mut findings);
        findings.into_iter().map(Into::into).collect()
    }
}

impl From<analysis::Side> for finding::Side {
    fn from(side: analysis::Side) -> Self {
        match side {
            analysis::Side::Far => finding::Side::Far,
            analysis::Side::Near => finding::Side::Near,
        }
    }
}

impl From<finding::Side> for analysis::Side {
    fn from(side: finding::Side) -> Self {
        match side {
            finding::Side::Far => analysis::Side::Far,
            finding::Side::Near => analysis::Side::Near,
        }
    }
}

impl From<finding::Finding> for analysis::Finding {
    fn from(f: finding::Finding) -> Self {
        let what = match f.what {
            finding::Event::Script(m) => analysis::Event::Script(m.into()),
            finding::Event::Tone(t) => analysis::Event::Tone(t.into()),
            finding::Event::Answer(a) => analysis::Event::Answer(a.into()),
            finding::Event::Speech(s) => analysis::Event::Speech(s.into()),
            finding::Event::Behaviour(b) => analysis::Event::Behaviour(b.into()),
        };
        analysis::Finding { known_at: f.known_at.0, side: f.side.into(), what }
    }
}

impl From<finding::ScriptMatch> for analysis::ScriptMatch {
    fn from(m: finding::ScriptMatch) -> Self {
        let e = m.evidence;
        analysis::ScriptMatch {
            match_id: m.match_id,
            script_id: m.script_id,
            pack: m.pack,
            node: m.node,
            among: m.among,
            confidence: m.confidence,
            heard_from: m.heard_from.0,
            script_from: m.script_from,
            evidence: analysis::ScriptEvidence {
                compared: e.compared,
                bit_error_rate: e.bit_error_rate,
                tempo: e.tempo,
                stretches: e.stretches,
                decades: e.decades,
            },
            path: m.path,
        }
    }
}

impl From<finding::ToneKind> for analysis::ToneKind {
    fn from(kind: finding::ToneKind) -> Self {
        use finding::ToneKind as Kind;
        match kind {
            Kind::Beep => analysis::ToneKind::Beep,
            Kind::Ringback => analysis::ToneKind::Ringback,
            Kind::Busy => analysis::ToneKind::Busy,
            Kind::Congestion => analysis::ToneKind::Congestion,
            Kind::Dial => analysis::ToneKind::Dial,
            Kind::Sit => analysis::ToneKind::Sit,
            Kind::FaxCalling => analysis::ToneKind::FaxCalling,
            Kind::FaxAnswer => analysis::ToneKind::FaxAnswer,
            Kind::FaxFlags => analysis::ToneKind::FaxFlags,
            Kind::Dtmf => analysis::ToneKind::Dtmf,
            Kind::CallbackRingback => analysis::ToneKind::CallbackRingback,
        }
    }
}

impl From<finding::Tone> for analysis::Tone {
    fn from(t: finding::Tone) -> Self {
        analysis::Tone {
            kind: t.kind.into(),
            detail: t.detail,
            start: t.start.0,
            end: t.end.map(|e| e.0),
            freqs_hz: t.freqs_hz,
            level_dbm0: t.level.0,
        }
    }
}

impl From<finding::Answer> for analysis::Answer {
    fn from(a: finding::Answer) -> Self {
        let kind = match a.kind {
            finding::AnswerKind::Human => analysis::AnswerKind::Human,
            finding::AnswerKind::Machine => analysis::AnswerKind::Machine,
            finding::AnswerKind::Unsure => analysis::AnswerKind::Unsure,
        };
        analysis::Answer { kind, cause: a.cause, confidence: a.confidence }
    }
}

impl From<finding::TalkSpurt> for analysis::TalkSpurt {
    fn from(s: finding::TalkSpurt) -> Self {
        analysis::TalkSpurt { start: s.start.0, end: s.end.map(|e| e.0), level_dbm0: s.level.0 }
    }
}

impl From<finding::Behaviour> for analysis::Behaviour {
    fn from(b: finding::Behaviour) -> Self {
        use finding::BehaviourKind as Kind;
        let kind = match b.kind {
            Kind::TalksThrough => analysis::BehaviourKind::TalksThrough,
            Kind::WaitsForSpeech => analysis::BehaviourKind::WaitsForSpeech,
            Kind::HandedOver => analysis::BehaviourKind::HandedOver,
        };
        analysis::Behaviour { kind, cause: b.cause, confidence: b.confidence }
    }
}
