//! A folder in which the command is run as a user runs it.

#![allow(dead_code, reason = "no test binary needs all of it")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use callprint_fixtures as fixtures;
use serde_json::Value;
use tempfile::TempDir;

pub const CALLPRINT: &str = env!("CARGO_BIN_EXE_callprint");

/// A folder to work in.
pub struct Desk {
    pub folder: TempDir,
}

impl Desk {
    pub fn new() -> Desk {
        Desk { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn wav(&self, name: &str, samples: &[i16]) {
        self.put(name, fixtures::wav(8_000, 1, samples));
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// Runs the command in the folder.
    pub fn run(&self, args: &str) -> Output {
        Command::new(CALLPRINT)
            .current_dir(&self.folder)
            .args(args.split(' '))
            // Registries' logins: of the test, and not of who runs it.
            .env("DOCKER_CONFIG", self.folder.path())
            .env_remove("REGISTRY_AUTH_FILE")
            .output()
            .unwrap()
    }

    /// Runs it and expects it to succeed; its output.
    pub fn ok(&self, args: &str) -> String {
        let output = self.run(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "callprint {args}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs it and expects it to be refused with all of `words`; no file may have come, gone or
    /// changed.
    pub fn fails(&self, args: &str, words: &[&str]) {
        let before = files(self.folder.path());
        let output = self.run(args);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(output.status.code(), Some(2), "callprint {args}: {text}");
        for word in words {
            assert!(text.contains(word), "callprint {args}: {word:?} is not in: {text}");
        }
        assert!(files(self.folder.path()) == before, "callprint {args} left something: {text}");
    }
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let content = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![(path.clone(), fs::read(path).unwrap())],
    };
    let mut files: Vec<_> = entries.flat_map(content).collect();
    files.sort();
    files
}

/// A pack of a few scripts with metadata.
pub fn vendor_pack(desk: &Desk) {
    let mut list =
        String::from("script_id,category,language,first_seen,last_seen,numbers_seen,wav\n");
    for (n, (category, seen)) in
        [("dental", "2026-01-05"), ("loan", "2025-03-01")].iter().enumerate()
    {
        desk.wav(&format!("{category}.wav"), &fixtures::speech(7_200 + n as u64, 8_000));
        list += &format!(
            "{category}-1,{category},en,2025-01-01,{seen},+4930123;+4930124,{category}.wav\n"
        );
    }
    desk.put("refs.csv", list);
    desk.ok("enroll --list refs.csv --pack p.json --vendor Example --quiet");
    desk.ok("pack set p.json licence=CC0-1.0 created=2026-01-10");
}
