//! The whole path, through the real sandbox.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use callprint::{Analyzer, CallInfo, Error, Event, Finding, Options, Side, Tone, bake::bake};
use callprint_fixtures as fixtures;
use callprint_plugin as native;
use native::{
    catalog::Workspace,
    pack::{Codes, Node, Pack, Script},
    script::{Codebook, fingerprint},
};

/// Twenty scripts of 10 s, and an analyzer of them.
struct Setup {
    folder: tempfile::TempDir,
    pack: PathBuf,
    analyzer: PathBuf,
}

static SETUP: LazyLock<Setup> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let book = Codebook::default();
    let mut pack = Pack::new("test", book.id());
    for n in 0..20 {
        let codes = Codes(fingerprint(&book, 8_000, &recording(n)));
        let node = Node { id: "main".into(), codes, more: Default::default() };
        let script = Script { id: format!("s{n}"), nodes: vec![node], more: Default::default() };
        pack.scripts.push(script);
    }
    let path = folder.path().join("test.json");
    fs::write(&path, serde_json::to_vec(&pack).unwrap()).unwrap();
    let analyzer = folder.path().join("analyzer.cwasm");
    bake(std::slice::from_ref(&path), None, &analyzer).unwrap();
    Setup { folder, pack: path, analyzer }
});

fn recording(n: u64) -> Vec<i16> {
    fixtures::speech(1_000 + n, 10_000)
}

fn open() -> Analyzer {
    Analyzer::open(&SETUP.analyzer, &Options { sessions: 8 }).unwrap()
}

fn analyze(analyzer: &Analyzer, rate_hz: u32, samples: &[i16], frame: usize) -> Vec<Finding> {
    let mut session = analyzer.session(CallInfo { outbound: false }).unwrap();
    let mut findings = Vec::new();
    for part in samples.chunks(frame) {
        findings.extend(session.push(Side::Far, rate_hz, part).unwrap());
    }
    findings.extend(session.finish().unwrap());
    findings
}

/// The same, without wasm.
fn analyze_natively(rate_hz: u32, samples: &[i16]) -> Vec<native::Finding> {
    let mut catalog = native::Catalog::default();
    catalog.add_pack(&fs::read(&SETUP.pack).unwrap()).unwrap();
    let catalog = catalog.seal();
    let mut session = native::Session::new(native::CallInfo::default());
    let (mut work, mut findings) = (Workspace::default(), Vec::new());
    session.push(&catalog, &mut work, native::Side::Far, rate_hz, samples, &mut findings);
    session.finish(&mut findings);
    findings
}

/// All there is to a finding, to the last bit of every number.
macro_rules! spelled_out {
    ($known_at:expr, $what:expr, $event:ident, $instant:expr, $level:expr) => {
        match $what {
            $event::Script(m) => {
                let e = m.evidence;
                format!(
                    "{} {} {} {} {:?} {:x} {} {} {} {:x} {:x} {} {:x}",
                    $known_at,
                    m.script_id,
                    m.pack,
                    m.node,
                    m.among,
                    m.confidence.to_bits(),
                    $instant(m.heard_from),
                    m.script_from,
                    e.compared,
                    e.bit_error_rate.to_bits(),
                    e.tempo.to_bits(),
                    e.stretches,
                    e.decades.to_bits()
                )
            }
            $event::Tone(t) => {
                let hz: Vec<u32> = t.freqs_hz.iter().map(|f| f.to_bits()).collect();
                format!(
                    "{} tone {} {} {} {:?} {hz:x?} {:x}",
                    $known_at,
                    t.kind as u8,
                    t.detail,
                    $instant(t.start),
                    t.end.map($instant),
                    $level(t).to_bits()
                )
            }
            $event::Answer(a) => {
                let confidence = a.confidence.to_bits();
                format!("{} answer {} {} {confidence:x}", $known_at, a.kind as u8, a.cause)
            }
            $event::Speech(s) => {
                let (start, end) = ($instant(s.start), s.end.map($instant));
                format!("{} speech {start} {end:?}", $known_at)
            }
            $event::Behaviour(b) => {
                let confidence = b.confidence.to_bits();
                format!("{} behaviour {} {} {confidence:x}", $known_at, b.kind as u8, b.cause)
            }
        }
    };
}

fn spelled_out(finding: &Finding) -> String {
    spelled_out!(finding.known_at, &finding.what, Event, |t: u64| t, |t: &Tone| t.level_dbm0)
}

fn spelled_out_natively(finding: &native::Finding) -> String {
    use native::{Event, Instant, finding::Tone};
    spelled_out!(finding.known_at.0, &finding.what, Event, |t: Instant| t.0, |t: &Tone| t.level.0)
}

#[test]
fn natively_and_in_wasm_the_findings_are_the_same_to_the_last_bit() {
    let analyzer = open();
    let mut scripts = 0;
    for (n, rate_hz) in [(2, 8_000), (9, 8_000), (13, 16_000), (4, 44_100), (6, 11_025)] {
        let clean: Vec<i16> = recording(n)
            .iter()
            .flat_map(|s| std::iter::repeat_n(*s, rate_hz as usize / 8_000))
            .collect();
        for noise_rms in [0.0, 100.0, 1_000.0] {
            let beep = fixtures::tone(1_000.0 * 8_000.0 / rate_hz as f32, 700, 6_000.0);
            let call = fixtures::line(n, &[beep, clean.clone()].concat(), 0.5, noise_rms);
            let wasm: Vec<_> =
                analyze(&analyzer, rate_hz, &call, 960).iter().map(spelled_out).collect();
            let native: Vec<_> =
                analyze_natively(rate_hz, &call).iter().map(spelled_out_natively).collect();
            assert_eq!(wasm, native, "script {n} at {rate_hz} Hz with noise {noise_rms}");
            scripts += wasm.len();
        }
    }
    assert!(scripts > 10, "hardly anything was found, so hardly anything was compared");
}

#[test]
fn calls_do_not_touch_one_another() {
    let analyzer = open();
    let (a, b) = (recording(1), recording(2));
    // With another call going on beside it, and without.
    let findings = |mut beside: Option<callprint::Session>| {
        let mut call = analyzer.session(CallInfo { outbound: false }).unwrap();
        let mut findings = Vec::new();
        for (a, b) in a.chunks(160).zip(b.chunks(160)) {
            findings.extend(call.push(Side::Far, 8_000, a).unwrap());
            findings.extend(call.push(Side::Near, 8_000, b).unwrap());
            if let Some(other) = &mut beside {
                other.push(Side::Near, 8_000, a).unwrap();
                other.push(Side::Far, 8_000, b).unwrap();
            }
        }
        findings.extend(call.finish().unwrap());
        findings.iter().map(spelled_out).collect::<Vec<_>>()
    };
    let other = analyzer.session(CallInfo { outbound: true }).unwrap();
    let alone = findings(None);
    assert!(alone.iter().any(|f| f.contains("s1")), "{alone:?}");
    assert_eq!(findings(Some(other)), alone);
}

#[test]
fn more_sessions_than_provided_for_are_refused_and_their_places_come_back() {
    let analyzer = open();
    let info = CallInfo { outbound: false };
    let sessions: Vec<_> = (0..8).map(|_| analyzer.session(info).unwrap()).collect();
    assert_eq!(analyzer.live(), 8);
    assert!(matches!(analyzer.session(info), Err(Error::Exhausted { limit: 8 })));
    drop(sessions);
    assert_eq!(analyzer.live(), 0);
    analyzer.session(info).unwrap();
}

#[test]
fn a_rate_outside_the_contract_is_refused_and_the_session_goes_on() {
    let mut session = open().session(CallInfo { outbound: false }).unwrap();
    for rate_hz in [0, 7_999, 48_001, u32::MAX] {
        assert!(matches!(session.push(Side::Far, rate_hz, &[0; 80]), Err(Error::Usage(_))));
        assert!(matches!(session.skip(Side::Far, rate_hz, 80), Err(Error::Usage(_))));
    }
    session.push(Side::Far, 8_000, &[0; 80]).unwrap();
}

/// A copy of the analyzer to spoil.
fn copy(name: &str) -> PathBuf {
    let path = SETUP.folder.path().join(name);
    fs::copy(&SETUP.analyzer, &path).unwrap();
    path
}

fn refusal(path: &Path) -> Error {
    Analyzer::open(path, &Options::default()).err().expect("it must not open")
}

#[test]
fn what_is_not_ours_is_not_loaded() {
    let foreign = SETUP.folder.path().join("foreign.cwasm");
    for content in [&b""[..], b"\x7fELF", &[0; 100_000]] {
        fs::write(&foreign, content).unwrap();
        assert!(matches!(refusal(&foreign), Error::NotAnAnalyzer { .. }));
    }
    let cut = copy("cut.cwasm");
    let whole = fs::read(&cut).unwrap();
    fs::write(&cut, &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(refusal(&cut), Error::NotAnAnalyzer { .. }));
    assert!(matches!(refusal(Path::new("/nowhere")), Error::Io { .. }));
}

#[test]
fn what_others_can_write_is_not_loaded() {
    let shared = copy("shared.cwasm");
    for mode in [0o664, 0o646] {
        fs::set_permissions(&shared, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(refusal(&shared), Error::Unsafe { .. }), "mode {mode:o}");
    }
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o600)).unwrap();
    Analyzer::open(&shared, &Options { sessions: 1 }).unwrap();
}

#[test]
fn an_analyzer_of_another_runtime_is_stale_and_can_be_baked_again() {
    let old = copy("old.cwasm");
    let mut content = fs::read(&old).unwrap();
    let version = format!("callprint {}", env!("CARGO_PKG_VERSION"));
    let at = content.windows(version.len()).rposition(|w| w == version.as_bytes()).unwrap();
    content[at..at + version.len()].copy_from_slice(&version.replace('0', "9").into_bytes());
    fs::write(&old, content).unwrap();
    assert!(matches!(refusal(&old), Error::Stale { .. }));
    callprint::bake::again(&old).unwrap();
    Analyzer::open(&old, &Options { sessions: 1 }).unwrap();
}

#[test]
fn an_analyzer_is_not_baked_again_from_a_pack_that_has_changed() {
    let [pack, old] = ["changed.json", "changed.cwasm"].map(|n| SETUP.folder.path().join(n));
    fs::copy(&SETUP.pack, &pack).unwrap();
    bake(std::slice::from_ref(&pack), None, &old).unwrap();
    callprint::bake::again(&old).unwrap();
    let before = fs::read(&old).unwrap();
    fs::write(&pack, [fs::read(&pack).unwrap(), b"\n".to_vec()].concat()).unwrap();
    let error = callprint::bake::again(&old).unwrap_err();
    assert!(matches!(&error, Error::Stale { reason, .. } if reason.contains("changed.json")));
    assert!(fs::read(&old).unwrap() == before, "the old one is gone");
}

#[test]
fn the_plugin_imports_nothing() {
    let engine = wasmtime::Engine::default();
    let component = wasmtime::component::Component::new(&engine, callprint::PLUGIN).unwrap();
    let ty = component.component_type();
    assert_eq!(ty.imports(&engine).map(|(name, _)| name.to_owned()).collect::<Vec<_>>(), [""; 0]);
}

/// What is said of a plugin, and of the pack it is given; nothing may have been written.
fn bake_refusal(plugin: &[u8], pack: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let [wasm, json, out] = ["plugin.wasm", "p.json", "never.cwasm"].map(|n| folder.path().join(n));
    fs::write(&wasm, plugin).unwrap();
    fs::write(&json, pack).unwrap();
    let error = bake(&[json], Some(&wasm), &out).unwrap_err();
    assert!(matches!(error, Error::Plugin { .. }), "{error}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "something was written");
    let error = error.to_string();
    assert!(error.contains("plugin.wasm"), "{error}");
    error
}

#[test]
fn a_plugin_that_is_none_is_refused() {
    let empty_component = b"\0asm\x0d\0\x01\0";
    let empty_module = b"\0asm\x01\0\0\0";
    let cut = &callprint::PLUGIN[..callprint::PLUGIN.len() / 2];
    for content in [&b"not wasm"[..], empty_component, empty_module, cut] {
        bake_refusal(content, b"{}");
    }
}

#[test]
fn a_plugin_of_another_version_or_that_imports_something_is_refused() {
    let (ours, other) = (b"@0.1.0", b"@0.2.0");
    let mut plugin = fixtures::HOSTILE_PLUGIN.to_vec();
    let mut names = 0;
    for at in 0..plugin.len() - ours.len() {
        if plugin[at..].starts_with(ours) {
            plugin[at..at + ours.len()].copy_from_slice(other);
            names += 1;
        }
    }
    assert!(names > 1, "the plugin names the contract's version");
    let error = bake_refusal(&plugin, b"{}");
    assert!(error.contains("callprint:analyzer/analyzer@0.1.0"), "{error}");
    // A section of one import more: a resource type of the host's, named "host".
    let import = [&[10, 9, 1, 0, 4][..], b"host", &[3, 1]].concat();
    let error = bake_refusal(&[fixtures::HOSTILE_PLUGIN, &import].concat(), b"{}");
    assert!(error.contains("it imports \"host\""), "{error}");
}

/// The packs that conformance/hostile/guest.wat reads.
#[test]
fn a_plugin_that_misbehaves_while_it_is_given_packs_bakes_nothing() {
    for (pack, words) in [
        (b"!1", ["add-pack", "p.json", "unreachable"]),
        (b"!2", ["add-pack", "p.json", "did not finish in time"]),
        (b"!3", ["add-pack", "p.json", "unreachable"]),
        (b"!4", ["add-pack", "p.json", "stack"]),
        (b"?1", ["seal", "plugin.wasm", "unreachable"]),
        (b"?2", ["seal", "plugin.wasm", "did not finish in time"]),
        (b"?4", ["seal", "plugin.wasm", "stack"]),
        (b"{}", ["seal", "plugin.wasm", "it tells of 0 packs"]),
    ] {
        let error = bake_refusal(fixtures::HOSTILE_PLUGIN, pack);
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
}

#[test]
fn what_a_killed_bake_has_left_is_removed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let leftover = |name: &str, age_s: u64| {
        let path = folder.path().join(name);
        let file = fs::File::create(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age_s)).unwrap();
        path
    };
    let (old, new) = (leftover(".callprint-bake-old", 700), leftover(".callprint-bake-new", 10));
    bake(&[], None, &folder.path().join("a.cwasm")).unwrap();
    assert!(!old.exists() && new.exists(), "what may still be written stays");
}
