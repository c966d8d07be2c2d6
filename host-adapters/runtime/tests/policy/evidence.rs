//! The evidence log on real files.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use callprint::{
    evidence_log::{self, EvidenceLog, Numbers},
    policy::{CallFacts, Judge},
};
use serde_json::{Value, json};

const MB: u64 = 1 << 20;

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn record(n: u64) -> Value {
    json!({ "call": format!("call-{n}"), "caller": "+49305550", "callee": "", "number": n,
            "when": { "kind": "script", "caller": "+4930" } })
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn log(&self) -> PathBuf {
        self.0.path().join("evidence.jsonl")
    }

    fn open(&self, numbers: Numbers) -> EvidenceLog {
        EvidenceLog::open(&self.log(), numbers, MB, 3).unwrap()
    }
}

#[test]
fn a_record_torn_by_a_kill_is_removed_and_nothing_else() {
    let folder = Folder::new();
    let mut log = folder.open(Numbers::Clear);
    (0..3).for_each(|n| log.append(&record(n)).unwrap());
    drop(log);
    let whole = fs::read(folder.log()).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
    // Wherever the write was cut short.
    for cut in last..whole.len() {
        fs::write(folder.log(), &whole[..cut]).unwrap();
        folder.open(Numbers::Clear).append(&record(9)).unwrap();
        let calls: Vec<Value> = lines(&folder.log()).iter().map(|l| l["call"].clone()).collect();
        assert_eq!(calls, ["call-0", "call-1", "call-9"], "cut at {cut}");
    }
    // A last line longer than a block, and nothing but a torn line.
    fs::write(folder.log(), [b"{}\n".as_slice(), &[b'x'; 10_000]].concat()).unwrap();
    drop(folder.open(Numbers::Clear));
    assert_eq!(fs::read(folder.log()).unwrap(), b"{}\n");
    fs::write(folder.log(), [b'x'; 5_000]).unwrap();
    drop(folder.open(Numbers::Clear));
    assert_eq!(fs::read(folder.log()).unwrap(), b"");
}

#[test]
fn numbers_are_kept_as_configured() {
    let folder = Folder::new();
    let kept = |numbers| {
        let _ = fs::remove_file(folder.log());
        folder.open(numbers).append(&record(0)).unwrap();
        lines(&folder.log()).remove(0)
    };
    let clear = kept(Numbers::Clear);
    assert_eq!(
        (&clear["caller"], &clear["when"]["caller"]),
        (&json!("+49305550"), &json!("+4930"))
    );
    assert_eq!(clear.as_object().unwrap().keys().next().unwrap(), "time");
    let omitted = kept(Numbers::Omitted);
    assert!(!omitted.to_string().contains("4930"), "{omitted}");
    assert_eq!((omitted.get("caller"), &omitted["when"]["kind"]), (None, &json!("script")));
    let hashed = kept(Numbers::Hashed);
    assert!(!hashed.to_string().contains("4930"), "{hashed}");
    assert!(hashed["caller"].as_str().unwrap().starts_with("hmac:"));
    assert_eq!(hashed["callee"], "");
    assert_eq!(kept(Numbers::Hashed)["caller"], hashed["caller"], "the key stays");
    let key = folder.0.path().join("evidence.jsonl.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let error = EvidenceLog::open(&folder.log(), Numbers::Hashed, MB, 3).err().unwrap().to_string();
    assert!(error.contains("evidence.jsonl.key") && error.contains("644"), "{error}");
    fs::remove_file(&key).unwrap();
    assert_ne!(kept(Numbers::Hashed)["caller"], hashed["caller"], "another key, another hash");
    let error = "plain".parse::<Numbers>().unwrap_err().to_string();
    assert!(error.contains("\"plain\"") && error.contains("hashed"), "{error}");
}

#[test]
fn a_full_log_is_rotated_and_a_moved_one_begun_anew() {
    let folder = Folder::new();
    let mut log = EvidenceLog::open(&folder.log(), Numbers::Clear, 1_000, 3).unwrap();
    (0..100).for_each(|n| log.append(&record(n)).unwrap());
    let files = evidence_log::files(&folder.log());
    assert_eq!(files.len(), 4);
    let mut numbers = Vec::new();
    for file in &files {
        assert!(fs::metadata(file).unwrap().len() <= 1_000);
        numbers.extend(lines(file).iter().map(|l| l["number"].as_u64().unwrap()));
    }
    // The latest, in order, without a hole.
    let first = numbers[0];
    assert_eq!(numbers, (first..100).collect::<Vec<_>>());
    assert!(numbers.len() > 10);
    fs::rename(folder.log(), folder.0.path().join("moved")).unwrap();
    log.append(&record(100)).unwrap();
    assert_eq!(lines(&folder.log())[0]["number"], 100);
    assert_eq!(log.counts(), (101, 0));
}

#[test]
fn a_log_that_cannot_be_written_is_told_once_and_harms_nobody() {
    let folder = Folder::new();
    let place = folder.0.path().join("logs");
    fs::create_dir(&place).unwrap();
    let path = place.join("evidence.jsonl");
    let mut log = EvidenceLog::open(&path, Numbers::Clear, MB, 3).unwrap();
    log.append(&record(0)).unwrap();
    fs::remove_dir_all(&place).unwrap();
    let error = log.append(&record(1)).unwrap_err().to_string();
    assert!(error.contains("evidence.jsonl"), "{error}");
    log.append(&record(2)).unwrap();
    assert_eq!(log.counts(), (1, 2));
    fs::create_dir(&place).unwrap();
    log.append(&record(3)).unwrap();
    assert_eq!((log.counts(), lines(&path).len()), ((2, 2), 1));
    fs::remove_dir_all(&place).unwrap();
    log.append(&record(4)).unwrap_err();
    let fifo = folder.0.path().join("fifo");
    assert!(EvidenceLog::open(&place.join("x"), Numbers::Clear, MB, 3).is_err());
    fs::create_dir(&fifo).unwrap();
    assert!(EvidenceLog::open(&fifo, Numbers::Clear, MB, 3).is_err());
}

#[test]
fn a_decision_reads_back_as_it_was_made() {
    let folder = Folder::new();
    let call = CallFacts { id: "a\nb".into(), caller: "+1".into(), ..CallFacts::default() };
    let decision = Judge::new(Arc::default(), call).given_up("FAULT");
    folder.open(Numbers::Clear).append(&decision.record).unwrap();
    // What other programs put there is theirs.
    writeln!(fs::OpenOptions::new().append(true).open(folder.log()).unwrap(), "{{}}").unwrap();
    drop(folder.open(Numbers::Clear));
    let mut read = lines(&folder.log()).remove(0);
    assert!(read.as_object_mut().unwrap().shift_remove("time").is_some());
    assert_eq!(read, decision.record);
    assert_eq!(read["call"], "a b");
}

/// Where [`a_process_of_its_own_writes`] is to write.
const LOG: &str = "CALLPRINT_TEST_LOG";

/// This test program once more, writing to a log until it is ended, or a write has failed.
fn writer(log: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "evidence::a_process_of_its_own_writes"]);
    command.env(LOG, log).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
#[ignore = "the other tests run it, as a process that they kill"]
fn a_process_of_its_own_writes() {
    let path = PathBuf::from(std::env::var_os(LOG).unwrap());
    let mut log = EvidenceLog::open(&path, Numbers::Clear, 64 * MB, 0).unwrap();
    let mut n = fs::read_to_string(&path).unwrap().lines().count() as u64;
    while log.append(&record(n)).is_ok() {
        n += 1;
    }
    // The disk is full; many more are lost, and told no more.
    (0..100).for_each(|n| log.append(&record(n)).unwrap());
    assert_eq!(log.counts().1, 101);
}

#[test]
fn a_killed_writer_leaves_whole_records_without_a_hole() {
    let folder = Folder::new();
    for after_ms in [3, 10, 20, 30, 40, 50] {
        let mut writer = writer(&folder.log()).spawn().unwrap();
        while fs::metadata(folder.log()).map_or(0, |m| m.len()) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(after_ms));
        writer.kill().unwrap();
        writer.wait().unwrap();
        drop(folder.open(Numbers::Clear));
    }
    let numbers: Vec<u64> =
        lines(&folder.log()).iter().map(|l| l["number"].as_u64().unwrap()).collect();
    assert!(numbers.len() > 100, "{} records", numbers.len());
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_costs_records_and_nothing_else() {
    let folder = Folder::new();
    let full = folder.0.path().join("full");
    fs::create_dir(&full).unwrap();
    let in_namespace = |script: &str, command: Option<Command>| {
        let mut run = Command::new("unshare");
        run.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]).arg(&full);
        if let Some(command) = command {
            run.arg(command.get_program()).args(command.get_args());
            run.env(LOG, full.join("evidence.jsonl"));
        }
        run.output()
    };
    let mount = "mount -t tmpfs -o size=64k none \"$1\"";
    if !in_namespace(mount, None).is_ok_and(|o| o.status.success()) {
        let why = "this system lets us mount nothing, not even in a namespace";
        return callprint_fixtures::skipped("a full disk", why);
    }
    // What is on the disk when it is full comes out by the standard output.
    let script =
        format!("{mount} && log=\"$1/evidence.jsonl\" && shift && \"$@\" >&2 && cat \"$log\"");
    let output = in_namespace(&script, Some(writer(&full))).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with('\n') && text.len() > 32_000, "{} bytes", text.len());
    for (n, line) in text.lines().enumerate() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["number"], n);
    }
}
