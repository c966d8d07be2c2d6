//! A catalogue of made-up scripts, and calls in which they are heard.

use callprint_fixtures as fixtures;
use callprint_plugin::{
    CallInfo, Catalog, Event, Finding, Sealed, Session, Side,
    catalog::Workspace,
    finding::ScriptMatch,
    pack::{Codes, Node, Pack, Script},
    script::{Codebook, fingerprint},
};

/// Script `n`: 10 s.
pub fn recording(n: u64) -> Vec<i16> {
    fixtures::speech(1_000 + n, 10_000)
}

/// A pack of recordings, each a script of its own called `s0`, `s1`, …
pub fn pack(id: &str, recordings: &[Vec<i16>]) -> Pack {
    let book = Codebook::default();
    let mut pack = Pack::new(id, book.id());
    for (n, samples) in recordings.iter().enumerate() {
        let codes = Codes(fingerprint(&book, 8_000, samples));
        let node = Node { id: "main".into(), codes, more: Default::default() };
        let script = Script { id: format!("s{n}"), nodes: vec![node], more: Default::default() };
        pack.scripts.push(script);
    }
    pack
}

pub fn sealed(pack: &Pack) -> Sealed {
    let mut catalog = Catalog::default();
    let json = serde_json::to_vec(pack).unwrap();
    catalog.expect(json.len() as u64);
    catalog.add_pack(&json).unwrap();
    catalog.seal()
}

/// Twenty scripts.
pub fn twenty() -> Sealed {
    let recordings: Vec<_> = (0..20).map(recording).collect();
    sealed(&pack("test", &recordings))
}

/// All findings of a call whose far side is pushed in parts of `frame` samples.
pub fn analyze(catalog: &Sealed, rate_hz: u32, samples: &[i16], frame: usize) -> Vec<Finding> {
    let mut session = Session::new(CallInfo::default());
    let mut work = Workspace::default();
    let mut findings = Vec::new();
    for part in samples.chunks(frame) {
        session.push(catalog, &mut work, Side::Far, rate_hz, part, &mut findings);
    }
    session.finish(&mut findings);
    findings
}

/// The script matches among findings.
pub fn matches(findings: &[Finding]) -> Vec<(u64, &ScriptMatch)> {
    findings
        .iter()
        .filter_map(|f| match &f.what {
            Event::Script(m) => Some((f.known_at.0, m)),
            #[allow(unreachable_patterns, reason = "there will be other kinds")]
            _ => None,
        })
        .collect()
}
