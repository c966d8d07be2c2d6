//! A file that somebody says is a recording.
#![no_main]

use std::{fs::File, io::Write, os::fd::AsRawFd, path::PathBuf};

use libfuzzer_sys::fuzz_target;

#[path = "../../../cli/src/audio_file.rs"]
#[allow(dead_code, reason = "the command uses more of it")]
mod audio_file;

fuzz_target!(|bytes: &[u8]| {
    let mut file: File = tempfile::tempfile_in("/dev/shm").unwrap();
    file.write_all(bytes).unwrap();
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    match audio_file::read(&path) {
        Ok(recording) => {
            assert!((8_000..=48_000).contains(&recording.rate_hz) && !recording.far.is_empty());
            assert!(recording.near.is_none_or(|near| near.len() == recording.far.len()));
        }
        Err(error) => assert!(!format!("{error:#}").is_empty()),
    }
});
