//! The command as a user runs it.

mod common;

use std::{
    fs,
    process::{Command, Stdio},
    sync::LazyLock,
    thread,
    time::Duration,
};

use callprint_fixtures as fixtures;
use common::{CALLPRINT, Desk};
use serde_json::Value;

/// A desk with three recordings and a list of them.
fn with_recordings() -> Desk {
    let desk = Desk::new();
    let mut list = String::from("\u{feff}script_id, category, wav\n");
    for (n, category) in ["dental", "loan", "flat"].iter().enumerate() {
        desk.wav(&format!("{category}.wav"), &script(n as u64));
        list += &format!("{category}-1, {category}, {category}.wav\n");
    }
    desk.put("refs.csv", list);
    desk
}

fn script(n: u64) -> Vec<i16> {
    fixtures::speech(500 + n, 10_000)
}

/// One desk for all tests that only read it; a bake takes seconds.
static BAKED: LazyLock<Desk> = LazyLock::new(|| {
    let desk = with_recordings();
    desk.ok("enroll --list refs.csv --pack p.json --vendor us --quiet");
    desk.ok("bake --pack p.json --out a.cwasm --quiet");
    desk
});

fn json_lines(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Script ids with the millisecond they were first known at.
fn scripts(line: &Value) -> Vec<(String, f64)> {
    let mut seen: Vec<(String, f64)> = Vec::new();
    for finding in line["findings"].as_array().unwrap() {
        if finding["kind"] == "script" {
            let id = finding["script_id"].as_str().unwrap().to_owned();
            if !seen.iter().any(|(s, _)| *s == id) {
                seen.push((id, finding["known_at_ms"].as_f64().unwrap()));
            }
        }
    }
    seen
}

#[test]
fn three_scripts_in_one_recording_are_found_at_their_places() {
    let desk = &*BAKED;
    let mut call = vec![0; 8_000];
    for n in [2, 0, 1] {
        call.extend(&script(n)[8_000..48_000]);
        call.extend([0; 4_000]);
    }
    let call = fixtures::line(3, &call, 0.4, 40.0);
    desk.wav("mixed.wav", &call);
    let lines = json_lines(&desk.ok("analyze --analyzer a.cwasm --format jsonl mixed.wav"));
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["file"], "mixed.wav");
    assert_eq!(lines[0]["duration_ms"], call.len() as f64 / 8.0);
    let found = scripts(&lines[0]);
    let ids: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["flat-1", "dental-1", "loan-1"]);
    for ((id, known_at_ms), begins_ms) in found.iter().zip([1_000.0, 6_500.0, 12_000.0]) {
        let after_ms = known_at_ms - begins_ms;
        assert!((500.0..3_000.0).contains(&after_ms), "{id} was known after {after_ms} ms");
    }
    let findings = lines[0]["findings"].as_array().unwrap();
    let times: Vec<f64> = findings.iter().map(|f| f["known_at_ms"].as_f64().unwrap()).collect();
    assert!(times.is_sorted());
    let text = desk.ok("analyze --analyzer a.cwasm mixed.wav");
    assert!(text.contains("dental-1"), "{text}");
}

#[test]
fn every_encoding_gives_the_same_verdict() {
    let desk = &*BAKED;
    let audio = &script(1)[..32_000];
    let bytes = |f: &dyn Fn(i16) -> Vec<u8>| audio.iter().flat_map(|s| f(*s)).collect::<Vec<u8>>();
    let files: &[(&str, Vec<u8>)] = &[
        ("pcm16", fixtures::wav(8_000, 1, audio)),
        ("pcm8", fixtures::wav_of(8_000, 1, 1, 8, &bytes(&|s| vec![((s >> 8) + 128) as u8]))),
        (
            "pcm24",
            fixtures::wav_of(
                8_000,
                1,
                1,
                24,
                &bytes(&|s| (i32::from(s) << 8).to_le_bytes()[..3].to_vec()),
            ),
        ),
        (
            "pcm32",
            fixtures::wav_of(
                8_000,
                1,
                1,
                32,
                &bytes(&|s| (i32::from(s) << 16).to_le_bytes().to_vec()),
            ),
        ),
        (
            "float",
            fixtures::wav_of(
                8_000,
                1,
                3,
                32,
                &bytes(&|s| (f32::from(s) / 32_768.0).to_le_bytes().to_vec()),
            ),
        ),
        ("a-law", fixtures::wav_of(8_000, 1, 6, 8, &bytes(&|s| vec![a_law(s)]))),
        ("mu-law", fixtures::wav_of(8_000, 1, 7, 8, &bytes(&|s| vec![mu_law(s)]))),
        (
            "stereo",
            fixtures::wav(8_000, 2, &audio.iter().flat_map(|s| [*s, 0]).collect::<Vec<_>>()),
        ),
    ];
    let mut list = String::from("wav,truth\n");
    for (name, content) in files {
        desk.put(&format!("{name}.wav"), content);
        list += &format!("{name}.wav,loan\n");
    }
    desk.put("raw.al", bytes(&|s| vec![a_law(s)]));
    desk.put("raw.ul", bytes(&|s| vec![mu_law(s)]));
    list += "raw.al,loan\nraw.ul,loan\n";
    desk.put("calls.csv", list);
    let lines =
        json_lines(&desk.ok("analyze --analyzer a.cwasm --list calls.csv --jobs 2 --format jsonl"));
    assert_eq!(lines.len(), files.len() + 2);
    for line in &lines {
        let found = scripts(line);
        assert_eq!(found.len(), 1, "{line}");
        assert_eq!(found[0].0, "loan-1");
        assert!(found[0].1 < 2_500.0, "{line}");
        assert_eq!(line["duration_ms"], 4_000.0, "{line}");
    }
    // In the order of the list, whichever was done first.
    assert!(lines[0]["file"].as_str().unwrap().ends_with("pcm16.wav"));
    assert!(lines[9]["file"].as_str().unwrap().ends_with("raw.ul"));
}

/// ITU-T G.711, by search: the decoder under test is the other way round.
fn a_law(sample: i16) -> u8 {
    let x = (i32::from(sample) >> 3).clamp(-4_096, 4_095);
    let (sign, x) = if x >= 0 { (0x80, x) } else { (0, -x - 1) };
    let segment = (0..8).find(|s| x < 32 << s).unwrap();
    let mantissa = if segment == 0 { x >> 1 } else { x >> segment } & 0x0f;
    (sign | (segment as u8) << 4 | mantissa as u8) ^ 0x55
}

fn mu_law(sample: i16) -> u8 {
    let magnitude = (i32::from(sample).abs() >> 2).min(8_158) + 33;
    let segment = (0..8).find(|s| magnitude < 64 << s).unwrap();
    let code = (segment as u8) << 4 | ((magnitude >> (segment + 1)) & 0x0f) as u8;
    !(if sample < 0 { 0x80 | code } else { code })
}

#[test]
fn a_pack_is_extended_and_never_overwritten() {
    let desk = with_recordings();
    desk.ok("enroll --script-id dental-1 --pack p.json --name mine --category dental dental.wav");
    let first = fs::read_to_string(desk.path("p.json")).unwrap();
    let mut pack: Value = serde_json::from_str(&first).unwrap();
    // What others put into a pack stays.
    pack["licence"] = "CC0-1.0".into();
    pack["scripts"][0]["numbers_seen"] = serde_json::json!(["+4930123456"]);
    desk.put("p.json", pack.to_string().as_bytes());
    desk.ok("enroll --script-id loan-1 --pack p.json loan.wav");
    desk.ok("enroll --script-id dental-1 --pack p.json flat.wav");
    let pack: Value = desk.json("p.json");
    assert_eq!(pack["id"], "mine");
    assert_eq!(pack["licence"], "CC0-1.0");
    assert_eq!(pack["scripts"][0]["numbers_seen"][0], "+4930123456");
    assert_eq!(pack["scripts"][0]["category"], "dental");
    assert_eq!(pack["scripts"][0]["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(pack["scripts"][1]["id"], "loan-1");
    desk.fails("enroll --script-id loan-1 --pack p.json loan.wav", &["loan.wav", "already"]);
    desk.fails("enroll --script-id x --pack p.json --name other flat.wav", &["mine", "--name"]);
    desk.put("p.json", b"{}");
    desk.fails("enroll --script-id x --pack p.json flat.wav", &["p.json", "format"]);
}

#[test]
fn recordings_that_cannot_be_used_are_named_with_reason_and_remedy() {
    let desk = with_recordings();
    let whole = fixtures::wav(8_000, 1, &script(0));
    let bad: &[(&str, Vec<u8>, &[&str])] = &[
        ("cut.wav", whole[..20_000].to_vec(), &["cut short", "80000", "9978"]),
        ("empty.wav", vec![], &["0 bytes"]),
        ("header.wav", whole[..44].to_vec(), &["cut short"]),
        ("song.wav", b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90\x64".repeat(50), &["not a WAV", "ffmpeg"]),
        ("seven.wav", fixtures::wav(8_000, 7, &[0; 7_000]), &["7 channels", "mix or split"]),
        ("slow.wav", fixtures::wav(4_000, 1, &script(0)), &["4000 Hz", "8000 to 48000"]),
        ("short.wav", fixtures::wav(8_000, 1, &script(0)[..4_000]), &["speech", "record more"]),
        ("silent.wav", fixtures::wav(8_000, 1, &[0; 80_000]), &["0 ms of speech"]),
        ("two.wav", fixtures::wav(8_000, 2, &script(0)), &["two channels", "split"]),
    ];
    for (name, content, words) in bad {
        desk.put(name, content);
        let words: Vec<&str> = words.iter().chain(&[*name]).copied().collect();
        desk.fails(&format!("enroll --script-id x --pack p.json dental.wav {name}"), &words);
    }
    desk.fails("enroll --script-id x --pack p.json none.wav", &["none.wav", "No such file"]);
    desk.put("columns.csv", b"script,wav\na,dental.wav\n");
    desk.fails("enroll --list columns.csv --pack p.json", &["columns.csv", "script_id", "wav"]);
    desk.put("ragged.csv", b"script_id,wav\na\n");
    desk.fails("enroll --list ragged.csv --pack p.json", &["ragged.csv"]);
    desk.put("hole.csv", b"script_id,wav\na,\n");
    desk.fails("enroll --list hole.csv --pack p.json", &["hole.csv", "line 2", "wav"]);
}

#[test]
fn one_bad_call_does_not_keep_the_others_from_analysis() {
    let desk = &*BAKED;
    desk.put("damaged.wav", b"RIFF");
    let output =
        desk.run("analyze --analyzer a.cwasm --format jsonl damaged.wav dental.wav gone.wav");
    assert_eq!(output.status.code(), Some(1));
    let lines = json_lines(&String::from_utf8(output.stdout).unwrap());
    assert!(lines[0]["error"].as_str().unwrap().contains("WAV"));
    assert_eq!(scripts(&lines[1])[0].0, "dental-1");
    assert!(lines[2]["error"].is_string());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("gone.wav") && errors.contains("2 of 3"), "{errors}");
}

#[test]
fn a_pack_that_cannot_be_read_bakes_nothing() {
    let desk = with_recordings();
    desk.ok("enroll --list refs.csv --pack p.json");
    let good: Value = desk.json("p.json");
    let change = |f: &dyn Fn(&mut Value)| {
        let mut pack = good.clone();
        f(&mut pack);
        desk.put("bad.json", pack.to_string().as_bytes());
    };
    let bake = "bake --pack bad.json --out a.cwasm";
    change(&|p| p["format_version"] = 2.into());
    desk.fails(bake, &["bad.json", "format_version", "2"]);
    change(&|p| p["format"] = "other".into());
    desk.fails(bake, &["bad.json", "other"]);
    change(&|p| p["code"] = "another/1".into());
    desk.fails(bake, &["bad.json", "another/1", "enrol"]);
    change(&|p| p["scripts"][0]["nodes"][0]["codes"] = "AAAA".into());
    desk.fails(bake, &["bad.json", "multiple of 8"]);
    change(&|p| p["scripts"][1]["id"] = p["scripts"][0]["id"].clone());
    desk.fails(bake, &["bad.json", "dental-1", "twice"]);
    desk.fails("bake --pack p.json --pack p.json --out a.cwasm", &["p.json", "added already"]);
    desk.fails("bake --pack none.json --out a.cwasm", &["none.json", "No such file"]);
    desk.put("p.wasm", b"not wasm");
    desk.fails("bake --pack p.json --plugin p.wasm --out a.cwasm", &["p.wasm"]);
    desk.fails("analyze --analyzer p.json dental.wav", &["p.json", "callprint bake"]);
}

#[test]
fn a_bake_that_cannot_finish_leaves_the_old_analyzer() {
    let desk = with_recordings();
    desk.ok("enroll --list refs.csv --pack p.json");
    desk.ok("bake --pack p.json --out a.cwasm");
    full_disk(&desk);
    for after_ms in [1, 100, 500, 1_000, 2_000] {
        let mut bake = Command::new(CALLPRINT)
            .args(["bake", "--pack", "p.json", "--out", "a.cwasm"])
            .current_dir(&desk.folder)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(after_ms));
        bake.kill().unwrap();
        bake.wait().unwrap();
        let line = json_lines(&desk.ok("analyze --analyzer a.cwasm --format jsonl dental.wav"));
        assert_eq!(scripts(&line[0])[0].0, "dental-1");
    }
}

/// Bakes over an analyzer on a disk that has no room for a second one.
fn full_disk(desk: &Desk) {
    let room_kb = fs::metadata(desk.path("a.cwasm")).unwrap().len() * 3 / 2 / 1024;
    let script = format!(
        "mount -t tmpfs -o size={room_kb}k none full && cp a.cwasm full && \
         ! {CALLPRINT} bake --pack p.json --out full/a.cwasm && \
         cmp a.cwasm full/a.cwasm && [ \"$(ls -A full)\" = a.cwasm ]"
    );
    fs::create_dir(desk.path("full")).unwrap();
    let run = |command: &str| {
        let args = ["--map-root-user", "--mount", "sh", "-c", command];
        Command::new("unshare").args(args).current_dir(&desk.folder).output()
    };
    if !run("mount -t tmpfs none full").is_ok_and(|o| o.status.success()) {
        return fixtures::skipped(
            "a full disk",
            "this system lets us mount nothing, not even in a namespace",
        );
    }
    let output = run(&script).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(errors.contains("full/a.cwasm") && errors.contains("space"), "{errors}");
}

#[test]
fn rules_are_tried_out_on_recordings() {
    let desk = &*BAKED;
    let call = [vec![0; 4_000], script(0)[8_000..64_000].to_vec()].concat();
    desk.wav("robot.wav", &call);
    desk.put("rules.json", r#"{ "version": 1, "allow": ["+49"], "rules": [
            { "name": "no-teeth", "when": { "category": "dent*", "confidence": 0.9 },
              "action": "hangup" },
            { "name": "gone", "when": { "script": "loan-7" }, "action": "hangup", "shadow": false } ] }"#,
    );
    let test = "policy test --rules rules.json --analyzer a.cwasm";
    let lines = json_lines(&desk.ok(&format!("{test} --format jsonl robot.wav flat.wav")));
    let decision = &lines[0]["decisions"][0];
    assert_eq!((&decision["verdict"], &decision["rule"]), (&"ROBOT".into(), &"no-teeth".into()));
    assert_eq!(
        (&decision["category"], &decision["script"]),
        (&"dental".into(), &"dental-1".into())
    );
    assert_eq!((&decision["shadow"], &decision["hangup_cause"]), (&true.into(), &21.into()));
    let known_ms = decision["known_ms"].as_f64().unwrap();
    assert!((1_000.0..3_500.0).contains(&known_ms), "{known_ms}");
    // Another script, which no rule asks for.
    assert_eq!(lines[1]["decisions"][0]["cause"], "LIMIT-6000");
    let text = desk.ok(&format!("{test} robot.wav"));
    for words in
        ["ROBOT", "in shadow, would: hang up", "no-teeth", "of the bits differ", "dental-1"]
    {
        assert!(text.contains(words), "{words:?} is not in: {text}");
    }
    let allowed = desk.ok(&format!("{test} --caller +49301 robot.wav"));
    assert!(allowed.contains("allow list") && !allowed.contains("ROBOT"), "{allowed}");
    // Without rules, the built-in ones; without an analyzer, no scripts.
    let built_in = desk.ok("policy test --analyzer a.cwasm robot.wav");
    assert!(built_in.contains("known-script") && built_in.contains("tag the call"), "{built_in}");
    let beep = [vec![0; 8_000], fixtures::tone(1_000.0, 400, 8_000.0), vec![0; 16_000]].concat();
    desk.wav("beep.wav", &beep);
    let outbound = desk.ok("policy test --outbound --quiet beep.wav");
    assert!(outbound.contains("BEEP") && outbound.contains("beep-ended"), "{outbound}");
    let some = desk.run(&format!("{test} gone.wav robot.wav"));
    assert_eq!(some.status.code(), Some(1));

    let lint = desk.ok("policy lint --analyzer a.cwasm rules.json");
    assert!(lint.contains("2 rules") && lint.contains("touched by gone"), "{lint}");
    assert!(
        lint.contains("\"gone\" waits for a script") && !lint.contains("\"no-teeth\""),
        "{lint}"
    );
}

#[test]
fn bad_rules_are_refused_with_path_and_nearest_name() {
    let desk = with_recordings();
    let rules = r#"{ "version": 1, "rules": [ { "name": "r", "when": { "scirpt": "x" } } ] }"#;
    desk.put("bad.json", rules.as_bytes());
    let words = ["bad.json", "rules[0].when.scirpt", "did you mean script?"];
    desk.fails("policy test --rules bad.json dental.wav", &words);
    desk.fails("policy lint bad.json", &words);
    desk.fails("policy lint none.json", &["none.json", "No such file"]);
}

#[test]
fn decisions_are_explained_from_the_evidence_log() {
    let calls =
        BAKED.ok("policy test --analyzer a.cwasm --format jsonl --caller 030 dental.wav loan.wav");
    let desk = with_recordings();
    let mut log = String::new();
    for line in json_lines(&calls) {
        for decision in line["decisions"].as_array().unwrap() {
            log += &format!("{decision}\n");
        }
    }
    desk.put("log.jsonl", format!("{log}{{\"call\": \"torn"));
    let loan = desk.ok("explain --log log.jsonl");
    assert!(loan.starts_with("loan.wav: inbound, from 030 to a number not kept\n"), "{loan}");
    assert!(loan.contains("loan-1") && !loan.contains("dental"), "{loan}");
    // What was rotated away is read too.
    fs::rename(desk.path("log.jsonl"), desk.path("log.jsonl.1")).unwrap();
    desk.put("log.jsonl", "");
    let dental = desk.ok("explain --log log.jsonl dental.wav");
    for words in ["dental-1", "known-script", "tag the call", "SCRIPT-", "10^"] {
        assert!(dental.contains(words), "{words:?} is not in: {dental}");
    }
    desk.fails("explain --log log.jsonl other.wav", &["log.jsonl", "other.wav"]);
    desk.fails("explain --log none.jsonl", &["none.jsonl", "No such file"]);
}

#[test]
fn wrong_usage_is_told_apart() {
    let desk = &*BAKED;
    for args in ["", "analyze", "bake", "enroll --pack p.json", "nonsense"] {
        let output = desk.run(args);
        assert_eq!(output.status.code(), Some(2), "callprint {args}");
    }
    assert!(desk.ok("--help").contains("Exit status"));
}

#[test]
fn an_analyzer_of_another_version_is_baked_again() {
    let desk = with_recordings();
    desk.ok("enroll --list refs.csv --pack p.json --quiet");
    desk.ok("bake --pack p.json --out a.cwasm --quiet");
    desk.wav("call.wav", &script(1));
    // The recipe is JSON at the end of the file.
    let make_old = || {
        let mut bytes = fs::read(desk.path("a.cwasm")).unwrap();
        let ours = format!("callprint {}", env!("CARGO_PKG_VERSION"));
        let at = bytes.windows(ours.len()).rposition(|w| w == ours.as_bytes()).unwrap();
        bytes[at..at + ours.len()].copy_from_slice(ours.replace('.', "9").as_bytes());
        desk.put("a.cwasm", &bytes);
    };
    for command in ["analyze --analyzer a.cwasm", "report --analyzer a.cwasm --out r.html"] {
        make_old();
        let output = desk.run(&format!("{command} call.wav"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        assert!(errors.contains("baking it again"), "{errors}");
    }
    let page = fs::read_to_string(desk.path("r.html")).unwrap();
    assert!(page.contains("loan-1"));
    assert!(!page.contains("https://"), "a report needs nothing else");
    assert!(desk.ok("analyze --analyzer a.cwasm call.wav").contains("loan-1"));
    // Only of the packs that were looked at when it was baked.
    make_old();
    desk.put("p.json", desk.json("p.json").to_string().replace("loan-1", "loan-2"));
    let words = ["p.json", "a.cwasm", "has changed since", "callprint bake"];
    desk.fails("analyze --analyzer a.cwasm call.wav", &words);
}

#[test]
fn ringing_is_a_callback_only_where_the_call_was_placed_to_us() {
    let desk = &*BAKED;
    let pulse = fixtures::tone(450.0, 1_000, 3_000.0);
    let call = [&pulse[..], &[0; 32_000], &pulse, &[0; 32_000], &pulse].concat();
    desk.wav("ringing.wav", &call);
    for (flag, tone) in [("", "callback-ringback"), (" --outbound", "ringback")] {
        let line = format!("analyze --analyzer a.cwasm --format jsonl{flag} ringing.wav");
        let findings = &json_lines(&desk.ok(&line))[0]["findings"];
        let kinds: Vec<_> =
            findings.as_array().unwrap().iter().filter_map(|f| f["tone"].as_str()).collect();
        assert!(kinds.contains(&tone), "{line}: {kinds:?}");
        assert!(flag.is_empty() || !kinds.contains(&"callback-ringback"), "{line}: {kinds:?}");
    }
}

#[test]
fn the_demo_hears_what_is_played() {
    let desk = Desk::new();
    let audio = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/demo");
    let demo = format!("demo --audio {audio} --speed 1000 --html out/report.html");
    let first = desk.ok(&demo);
    for heard in ["callback-ringback", "dental", "another voice has taken over", "Verdict"] {
        assert!(first.contains(heard), "{heard:?} is not in:\n{first}");
    }
    assert!(!first.contains("beep"), "nobody beeps in:\n{first}");
    assert!(desk.ok(&demo).contains("nothing has changed since"));
    assert!(desk.path("out/report.html").exists());
}
