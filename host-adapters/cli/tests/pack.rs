//! Packs as a vendor and a host work with them.

mod common;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use callprint_fixtures as fixtures;
use common::{CALLPRINT, Desk, vendor_pack};
use serde_json::{Value, json};

/// The script findings of a recording: script and node, in order.
fn named(desk: &Desk, wav: &str) -> Vec<(String, String)> {
    let out = desk.ok(&format!("analyze --analyzer a.cwasm --format jsonl {wav}"));
    let line: Value = serde_json::from_str(&out).unwrap();
    let findings = line["findings"].as_array().unwrap().iter();
    let text = |f: &Value, name: &str| f[name].as_str().unwrap().to_owned();
    findings
        .filter(|f| f["kind"] == "script")
        .map(|f| (text(f, "script_id"), text(f, "node")))
        .collect()
}

fn speech(seed: u64, ms: u32) -> Vec<i16> {
    fixtures::speech(7_000 + seed, ms)
}

fn silence(ms: usize) -> Vec<i16> {
    vec![0; ms * 8]
}

/// A script of 6 s and 5 s around a name.
fn with_name(name_seed: u64, name_ms: u32) -> Vec<i16> {
    [speech(1, 6_000), speech(name_seed, name_ms), speech(2, 5_000)].concat()
}

#[test]
fn what_three_calls_have_in_common_is_enrolled_and_known_in_a_fourth() {
    let desk = Desk::new();
    // Offsets that are no multiple of a code's 40 ms, other talk around, other names, other lines.
    for (n, lead_ms, name_ms) in [(0u64, 3_507, 700), (1, 1_231, 900), (2, 5_014, 1_100)] {
        let call =
            [speech(20 + n, lead_ms), with_name(10 + n, name_ms), speech(30 + n, 4_000)].concat();
        let far = fixtures::line(n, &call, 0.3 + 0.1 * n as f32, 40.0);
        let both: Vec<i16> = far.iter().flat_map(|s| [*s, 0]).collect();
        desk.put(&format!("{n}.wav"), fixtures::wav(8_000, 2, &both));
    }
    desk.ok("enroll --script-id offer --find-common --pack p.json 0.wav 1.wav 2.wav");
    let pack = desk.json("p.json");
    let nodes = pack["scripts"][0]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 1);
    assert_eq!(nodes[0]["takes"], 3);
    let codes = nodes[0]["codes"].as_str().unwrap().len() as f64 * 0.75 / 8.0;
    let seconds = codes * 0.04;
    assert!((11.0..12.2).contains(&seconds), "{seconds} s are common, and 11.7 are");
    let [slot] = &nodes[0]["slots"].as_array().unwrap()[..] else { panic!("{pack}") };
    let ms = |name: &str| slot[name].as_f64().unwrap();
    // The first call's: 6000 to 6700 ms; a code spans 310 ms.
    assert!((ms("start_ms") - 6_000.0).abs() < 320.0, "{slot}");
    assert!((ms("end_ms") - 6_700.0).abs() < 320.0, "{slot}");
    assert!((ms("longest_ms") - ms("shortest_ms") - 400.0).abs() < 100.0, "{slot}");

    desk.ok("bake --pack p.json --out a.cwasm");
    let fourth = [speech(40, 2_000), with_name(41, 800)].concat();
    desk.wav("fourth.wav", &fixtures::line(9, &fourth, 0.4, 60.0));
    assert_eq!(named(&desk, "fourth.wav")[0], ("offer".into(), "main".into()));
    desk.wav("other.wav", &speech(40, 12_000));
    assert_eq!(named(&desk, "other.wav"), []);
    desk.fails(
        "enroll --script-id x --find-common --pack q.json 0.wav other.wav",
        &["other.wav", "shares"],
    );
}

#[test]
fn takes_of_the_same_words_are_one_node_with_slots() {
    let desk = Desk::new();
    let names = [(50, 500), (51, 800)];
    for (n, (seed, ms)) in names.iter().enumerate() {
        desk.wav(&format!("takes/opening.{n}.wav"), &with_name(*seed, *ms));
    }
    desk.wav("takes/bye.wav", &speech(3, 4_000));
    let dialogue = json!({
        "title": "An offer", "language": "en", "start": "opening",
        "nodes": [
            { "id": "opening", "text": "Hello NAME, …", "next": ["bye"], "slots": ["callee-name"] },
            { "id": "bye" },
        ],
    });
    desk.put("takes/script.json", dialogue.to_string());
    desk.ok("enroll --pack p.json takes");
    let pack = desk.json("p.json");
    let script = &pack["scripts"][0];
    assert_eq!(script["id"], "takes");
    assert_eq!(script["title"], "An offer");
    assert_eq!(script["start"], "opening");
    let nodes = script["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 2);
    assert_eq!(nodes[0]["next"], json!(["bye"]));
    assert_eq!(nodes[0]["text"], "Hello NAME, …");
    assert_eq!(nodes[0]["slots"][0]["name"], "callee-name");
    assert!(nodes[1].get("next").is_none());
    assert!(desk.run("pack lint p.json").status.success());
    desk.ok("bake --pack p.json --out a.cwasm");
    let call = [with_name(60, 600), silence(2_000), speech(3, 4_000)].concat();
    desk.wav("call.wav", &fixtures::line(5, &call, 0.4, 40.0));
    let named = named(&desk, "call.wav");
    assert_eq!(named[0], ("takes".into(), "opening".into()), "{named:?}");
    let out = desk.ok("analyze --analyzer a.cwasm call.wav");
    assert!(out.contains("p/takes (opening → bye)"), "{out}");

    for (nodes, words) in [
        (json!([{ "id": "opening", "next": ["gone"] }]), vec!["opening", "gone"]),
        (
            json!([{ "id": "a", "recordings": ["../secret.wav"] }]),
            vec!["../secret.wav", "in the folder"],
        ),
        (json!([{ "id": "a", "recordings": ["/etc/passwd"] }]), vec!["/etc/passwd"]),
        (json!([{ "id": "bye" }, { "id": "bye" }]), vec!["bye", "twice"]),
        (json!([{ "id": "missing" }]), vec!["missing.wav"]),
        (json!([]), vec!["no nodes"]),
    ] {
        desk.put("takes/script.json", json!({ "nodes": nodes }).to_string());
        desk.fails("enroll --pack q.json takes", &words);
    }
    desk.put("takes/script.json", "[".repeat(100_000));
    desk.fails("enroll --pack q.json takes", &["script.json"]);
    assert!(!desk.path("q.json").exists());
}

#[test]
fn ringing_beeps_and_silence_around_a_script_are_cut_off() {
    let desk = Desk::new();
    let ring = fixtures::tone(450.0, 1_000, 6_000.0);
    let ringing = [ring.clone(), silence(4_000), ring.clone(), silence(1_500)].concat();
    let beep = [silence(300), fixtures::tone(1_000.0, 400, 6_000.0), silence(2_000)].concat();
    let whole = [silence(3_000), ringing, speech(4, 6_000), beep].concat();
    desk.wav("loud.wav", &whole);
    desk.wav("clean.wav", &speech(4, 6_000));
    desk.ok("enroll --pack p.json loud.wav clean.wav");
    desk.ok("enroll --no-trim --pack all.json loud.wav");
    let seconds = |pack: &Value, script: usize| {
        let codes = pack["scripts"][script]["nodes"][0]["codes"].as_str().unwrap();
        codes.len() as f64 * 0.75 / 8.0 * 0.04
    };
    let pack = desk.json("p.json");
    let (loud, clean) = (seconds(&pack, 0), seconds(&pack, 1));
    assert!((loud - clean).abs() < 0.7, "{loud} s are left, and {clean} are of speech");
    assert!(seconds(&desk.json("all.json"), 0) > 15.0);
}

#[test]
fn an_enrolment_that_is_killed_goes_on_where_it_was() {
    let desk = Desk::new();
    for n in 0..120 {
        desk.wav(&format!("in/{n:03}.wav"), &speech(100 + n % 12, 20_000));
    }
    desk.ok("enroll --pack whole.json --name p in");
    let journal = desk.path(".p.json.enrolling");
    let mut enroll = Command::new(CALLPRINT)
        .args(["enroll", "--pack", "p.json", "--name", "p", "in"])
        .current_dir(&desk.folder)
        .spawn()
        .unwrap();
    let lines = || fs::read(&journal).map_or(0, |text| text.split(|b| *b == b'\n').count());
    // Killed in the middle, whatever the machine's speed.
    while lines() < 20 && enroll.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    enroll.kill().unwrap();
    enroll.wait().unwrap();
    assert!(journal.exists(), "it was done before it could be killed");
    assert!(!desk.path("p.json").exists());
    // As if the last line had been cut off.
    let text = fs::read(&journal).unwrap();
    fs::write(&journal, &text[..text.len() - 30]).unwrap();
    // What was done is not done again: the first recordings are not read, so they may be damaged.
    for n in 0..5 {
        let path = desk.path(&format!("in/{n:03}.wav"));
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"XXXX", 0).unwrap();
        file.set_modified(modified).unwrap();
    }
    desk.ok("enroll --pack p.json --name p in");
    assert!(!journal.exists());
    assert_eq!(fs::read(desk.path("p.json")).unwrap(), fs::read(desk.path("whole.json")).unwrap());
}

#[test]
fn compressed_recordings_are_as_good() {
    let desk = Desk::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio");
    for ending in ["flac", "ogg", "mp3"] {
        desk.put(
            &format!("in/{ending}.{ending}"),
            fs::read(folder.join(format!("speech.{ending}"))).unwrap(),
        );
    }
    desk.ok("enroll --pack p.json in");
    // They are of the first four seconds of this.
    desk.wav("call.wav", &fixtures::line(1, &speech(0, 4_000), 0.4, 40.0));
    for ending in ["flac", "ogg", "mp3"] {
        desk.ok(&format!("enroll --pack {ending}.json in/{ending}.{ending}"));
        desk.ok(&format!("bake --pack {ending}.json --out a.cwasm"));
        assert_eq!(named(&desk, "call.wav")[0].0, ending);
    }
    let cut = fs::read(folder.join("speech.flac")).unwrap();
    desk.put("cut.flac", &cut[..cut.len() / 2]);
    desk.fails("enroll --pack q.json cut.flac", &["cut.flac"]);
}

#[test]
fn packs_are_changed_and_compared() {
    let desk = Desk::new();
    vendor_pack(&desk);
    let mut pack = desk.json("p.json");
    assert_eq!(pack["scripts"][0]["numbers_seen"], json!(["+4930123", "+4930124"]));
    pack["x-tariff"] = json!({ "kept": true });
    desk.put("p.json", pack.to_string());
    desk.ok("pack lint p.json");

    fs::copy(desk.path("p.json"), desk.path("old.json")).unwrap();
    desk.ok("pack expire p.json --not-seen-since 2026-01-01");
    let diff = desk.ok("pack diff old.json p.json");
    assert!(diff.contains("- loan-1") && diff.contains("\"1.0.1\""), "{diff}");
    assert!(!diff.contains("dental"), "{diff}");
    desk.fails("pack expire p.json --not-seen-since 2026-01-01", &["nothing"]);
    desk.ok("pack merge --out m.json p.json old.json");
    let merged = desk.json("m.json");
    assert_eq!(merged["scripts"].as_array().unwrap().len(), 2);
    assert_eq!(merged["x-tariff"]["kept"], true);
    desk.ok("pack split m.json --by category --out parts");
    assert_eq!(desk.json("parts/p-loan.json")["scripts"][0]["id"], "loan-1");
    desk.fails("pack split m.json --by category --out parts", &["there already"]);
    desk.ok("pack remove m.json loan-1");
    desk.fails("pack remove m.json loan-1", &["loan-1"]);
    desk.ok("pack set m.json --script dental-1 title=Teeth");
    assert!(desk.ok("pack show m.json dental-1").contains("Teeth"));
    desk.fails("pack set m.json expires=soon", &["soon", "2026-12-31"]);
    desk.fails("pack set m.json codes=x", &["codes"]);
    let stats: Value = serde_json::from_str(&desk.ok("pack stats m.json")).unwrap();
    assert_eq!(stats["categories"], json!({ "dental": 1 }));
    assert!(stats["bytes_per_s"].as_f64().unwrap() < 500.0, "{stats}");

    desk.put("p.json", desk.json("p.json").to_string().replace("\"language\"", "\"lang\""));
    desk.ok("pack convert p.json --out new.json");
    assert_eq!(desk.json("new.json")["scripts"][0]["language"], "en");
    let mut pack = desk.json("p.json");
    pack["code"] = "subband64/0-00000000".into();
    desk.put("p.json", pack.to_string());
    desk.fails(
        "pack convert p.json --out newer.json",
        &["subband64/0-00000000", "recordings are needed"],
    );
    pack["format_version"] = 2.into();
    desk.put("p.json", pack.to_string());
    for task in [
        "show",
        "stats",
        "lint",
        "convert --out x.json",
        "remove x",
        "expire --not-seen-since 2026-01-01",
    ] {
        let (task, rest) =
            task.split_once(' ').map_or((task, String::new()), |(t, r)| (t, format!(" {r}")));
        desk.fails(&format!("pack {task} p.json{rest}"), &["format_version", "2"]);
    }
}

#[test]
fn whoever_reads_may_stop_and_a_disk_may_be_full() {
    let desk = Desk::new();
    vendor_pack(&desk);
    fs::copy(desk.path("p.json"), desk.path("q.json")).unwrap();
    desk.ok("pack set q.json licence=MIT");
    for task in ["show p.json", "stats p.json", "lint --format jsonl p.json", "diff p.json q.json"]
    {
        let run = |out: Stdio| {
            let mut command = Command::new(CALLPRINT);
            command.arg("pack").args(task.split(' ')).current_dir(&desk.folder).stdout(out);
            let done = command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
            (done.status.code(), String::from_utf8(done.stderr).unwrap())
        };
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let (status, errors) = run(full.into());
        assert_eq!(status, Some(2), "{task}: {errors}");
        assert!(errors.contains("standard output cannot be written: No space"), "{task}: {errors}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (status, errors) = run(writer.into());
        assert_eq!(status, Some(0), "{task}: {errors}");
    }
}

#[test]
fn lint_says_what_is_wrong_and_what_to_do() {
    let desk = Desk::new();
    let opening = speech(300, 3_000);
    let music: Vec<i16> = (0..48_000u32)
        .map(|n| {
            // Two notes by turns, twice a second.
            let hz = if n / 2_000 % 2 == 0 { 600.0 } else { 900.0 };
            (6_000.0 * (n as f32 * hz * std::f32::consts::TAU / 8_000.0).sin()) as i16
        })
        .collect();
    desk.wav("in/good.wav", &speech(301, 8_000));
    desk.wav("in/first.wav", &[opening.clone(), speech(302, 6_000)].concat());
    desk.wav("in/second.wav", &[opening, speech(303, 6_000)].concat());
    desk.wav("in/same.wav", &fixtures::line(4, &speech(301, 8_000), 0.5, 20.0));
    desk.wav("in/short.wav", &speech(304, 1_000));
    desk.wav("in/gaps.wav", &[speech(305, 2_000), silence(5_000), speech(306, 2_000)].concat());
    desk.wav("in/music.wav", &music);
    desk.ok("enroll --no-trim --category dental --pack p.json in");
    let output = desk.run("pack lint p.json");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stdout).unwrap();
    let says = |script: &str, words: &[&str]| {
        let found = text.lines().any(|line| {
            line.contains(&format!("script {script:?}")) && words.iter().all(|w| line.contains(w))
        });
        assert!(found, "{script} {words:?} is not said in:\n{text}");
    };
    says("first", &["warning", "3.", "\"second\"", "group"]);
    says("second", &["\"first\""]);
    says("same", &["error", "same recording", "\"good\"", "remove"]);
    says("short", &["error", "1.3 s are needed", "record more"]);
    says("gaps", &["warning", "silence"]);
    says("music", &["error", "come again and again"]);
    assert!(!text.lines().any(|l| l.contains("error") && l.contains("script \"first\"")), "{text}");

    // Another pack that has a script of this one.
    desk.ok("pack remove p.json same short gaps music first second");
    desk.ok("enroll --category dental --pack q.json in/same.wav");
    desk.ok("pack lint p.json");
    desk.fails("pack lint p.json --with q.json", &["\"same\" of pack \"q\"", "same recording"]);
    // What people say anyway.
    let ordinary = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/packs/ordinary.json");
    fs::copy(ordinary, desk.path("o.json")).unwrap();
    desk.fails("pack lint o.json", &["ordinary audio is taken for it"]);
    let line = desk.ok("pack lint p.json --format jsonl");
    let line: Value = serde_json::from_str(&line).unwrap();
    let after_s = line["identified_after_s"].as_f64().unwrap();
    assert!((1.0..3.0).contains(&after_s), "{line}");

    let mut pack = desk.json("p.json");
    pack["version"] = "one".into();
    pack["expires"] = "2026-02-30".into();
    pack["scripts"][0]["nodes"][0]["next"] = json!(["gone"]);
    pack["scripts"][0]["nodes"][0]["slots"] = json!([{ "start_ms": -1 }]);
    desk.put("p.json", pack.to_string());
    desk.fails("pack lint p.json", &["pack.version", "1.0.0", "2026-02-30", "end_ms", "\"gone\""]);
}

#[test]
fn only_what_a_pinned_key_signed_is_taken() {
    let desk = Desk::new();
    vendor_pack(&desk);
    fs::create_dir(desk.path("keys")).unwrap();
    desk.ok("pack keygen keys/us");
    desk.ok("pack keygen other");
    desk.fails("pack keygen other", &["never overwritten"]);
    desk.fails("pack verify --keys keys p.json", &["not signed", "--allow-unsigned"]);
    desk.fails("bake --keys keys --pack p.json --out a.cwasm", &["not signed", "--allow-unsigned"]);
    desk.ok("bake --keys keys --allow-unsigned --pack p.json --out a.cwasm");
    desk.ok("pack sign --key keys/us.key p.json");
    desk.ok("pack verify --keys keys p.json");
    desk.ok("pack verify --keys keys/us.pub p.json");
    desk.ok("bake --keys keys --pack p.json --out a.cwasm");
    desk.fails("pack verify --keys other.pub p.json", &["not pinned"]);

    // A lower version in place of a higher, a pack in place of another, one that has expired.
    fs::copy(desk.path("p.json"), desk.path("new.json")).unwrap();
    desk.ok("pack set new.json version=1.2.0");
    desk.ok("pack sign --key keys/us.key new.json");
    desk.ok("pack verify --keys keys --replaces p.json new.json");
    desk.fails(
        "pack verify --keys keys --replaces new.json p.json",
        &["1.0.0 is lower than 1.2.0"],
    );
    desk.ok("pack set new.json id=another");
    desk.ok("pack sign --key keys/us.key new.json");
    desk.fails("pack verify --keys keys --replaces p.json new.json", &["\"another\"", "\"p\""]);
    desk.ok("pack set new.json expires=2026-01-31");
    desk.fails("pack verify --keys keys new.json", &["changed", "get it again"]);
    desk.fails("bake --keys keys --allow-unsigned --pack new.json --out a.cwasm", &["changed"]);
    desk.ok("pack sign --key keys/us.key new.json");
    desk.fails("pack verify --keys keys new.json", &["expired on 2026-01-31"]);
    desk.fails("bake --keys keys --pack new.json --out a.cwasm", &["expired"]);

    let whole = fs::read(desk.path("p.json")).unwrap();
    desk.put("p.json", &whole[..whole.len() - 1]);
    desk.fails("pack verify --keys keys p.json", &["p.json", "changed"]);
    desk.put("p.json.minisig", "untrusted comment: x\nAAAA\n");
    desk.fails("pack verify --keys keys p.json", &["no signature of minisign"]);
    let open = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666);
    fs::set_permissions(desk.path("keys/us.pub"), open).unwrap();
    desk.fails("pack verify --keys keys p.json", &["us.pub", "666"]);
}

#[test]
fn hostile_packs_take_little_and_are_refused_or_survived() {
    let desk = Desk::new();
    desk.wav("in/a.wav", &speech(500, 3_000));
    desk.ok("enroll --pack good.json in");
    let good = desk.json("good.json");
    let scripts = |scripts: Value| {
        let mut pack = good.clone();
        pack["scripts"] = scripts;
        pack.to_string()
    };
    let script = |n: usize, node: Value| json!({ "id": format!("s{n}"), "nodes": [node] });
    // 1.5 GB of addresses, and 10 s of a processor.
    let run = |task: &str, words: &[&str]| {
        let line = format!("ulimit -v 1500000; ulimit -t 10; exec {CALLPRINT} -q {task}");
        let mut command = Command::new("sh");
        let output = command.args(["-ec", &line]).current_dir(&desk.folder).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 2)), "{task}: {} {said}", output.status);
        for word in words {
            assert!(said.contains(word), "{task}: {word:?} is not in: {said:.500}");
        }
    };
    let tasks = ["pack lint", "pack convert --out o.json", "pack show"];
    let all = |words: &[&str]| tasks.iter().for_each(|task| run(&format!("{task} p.json"), words));
    let head = good.to_string().replace("\"scripts\"", "\"x\":1,\"y\"");
    desk.put("p.json", head.replace("\"x\":1", &format!("\"x\":[{}0]", "0,".repeat(30_000_000))));
    all(&["30000", "JSON values, the limit is"]);
    desk.put("p.json", head.replace("\"x\":1", &format!("\"x\":{}", "[".repeat(2_000_000))));
    all(&["p.json"]);
    for id in ["..", ".", "../../etc", "a\u{7}"] {
        desk.put("p.json", good.to_string().replacen("\"good\"", &json!(id).to_string(), 1));
        all(&["pack id", "must have 1 to 128 bytes"]);
    }
    let hour = good["scripts"][0]["nodes"][0]["codes"].as_str().unwrap();
    let hour = hour.trim_end_matches('=')[..96].repeat(9_900);
    let slots = vec![json!({ "start_ms": 0, "end_ms": 1_000_000_000_000u64 }); 150_000];
    desk.put(
        "p.json",
        scripts(json!([script(0, json!({ "id": "n", "codes": hour, "slots": slots }))])),
    );
    run("pack lint p.json", &["\"s0\""]);
    let next = vec![json!("n999"); 500];
    let nodes: Vec<Value> =
        (0..1_000).map(|n| json!({ "id": format!("n{n}"), "codes": "", "next": next })).collect();
    desk.put("p.json", scripts(json!([{ "id": "s", "nodes": nodes }])));
    run("pack lint p.json", &["\"s\""]);
    let many = (0..100_000)
        .map(|n| json!({ "id": n.to_string(), "nodes": [], "category": n.to_string() }));
    desk.put("p.json", scripts(many.collect()));
    run("pack split p.json --out parts", &["more than 1000 packs"]);
    run("pack lint p.json", &["error"]);
    let mut pack = good.clone();
    pack["name"] = "\u{1b}[2J\u{9b}31m".into();
    desk.put("p.json", pack.to_string());
    let shown = desk.ok("pack show p.json");
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
}
