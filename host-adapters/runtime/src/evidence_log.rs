//! The evidence log: a JSON object a line, one per decision.
//!
//! Every record is written by one call of `write` at the file's end, so that a
//! process killed at any moment loses at most the record it was writing. What
//! is left of that is removed when the log is opened again. A power cut may
//! lose what the system had not yet put on the disk.
//!
//! A log has one process that writes it. Others may read it, and move it away
//! (logrotate): it is then begun anew.

mod numbers;

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value};

pub use numbers::Numbers;

use crate::Error;
use numbers::Writer;

/// A log that is being written.
pub struct EvidenceLog {
    path: PathBuf,
    file: File,
    numbers: Writer,
    bytes_max: u64,
    files: u32,
    /// Written since it was opened, and lost.
    written: u64,
    lost: u64,
    failing: bool,
}

impl EvidenceLog {
    /// Opens a log, or begins one that only its owner and group can read. When
    /// it reaches `bytes_max` it becomes `PATH.1`, what was that `PATH.2`, and so
    /// on; `files` old ones are kept.
    pub fn open(
        path: &Path,
        numbers: Numbers,
        bytes_max: u64,
        files: u32,
    ) -> Result<EvidenceLog, Error> {
        let numbers = Writer::new(numbers, path)?;
        let file = open(path).map_err(Error::io(path))?;
        let path = path.to_owned();
        Ok(EvidenceLog {
            path,
            file,
            numbers,
            bytes_max,
            files,
            written: 0,
            lost: 0,
            failing: false,
        })
    }

    /// Writes a record, an object, with the time before its fields and numbers
    /// as they are to be kept.
    ///
    /// A record that cannot be written is lost and counted: calls go on. Of
    /// failures in a row the first is returned, for an admin to read, the others
    /// are not.
    pub fn append(&mut self, record: &Value) -> Result<(), Error> {
        let line = self.line(record, SystemTime::now());
        match self.write(line.as_bytes()) {
            Ok(()) => {
                self.written += 1;
                self.failing = false;
                Ok(())
            }
            Err(source) => {
                self.lost += 1;
                if std::mem::replace(&mut self.failing, true) {
                    return Ok(());
                }
                Err(Error::io(&self.path)(source))
            }
        }
    }

    /// Records written, and lost because they could not be.
    pub fn counts(&self) -> (u64, u64) {
        (self.written, self.lost)
    }

    fn line(&self, record: &Value, now: SystemTime) -> String {
        let mut line = Map::new();
        line.insert("time".into(), utc(now).into());
        for (name, value) in record.as_object().into_iter().flatten() {
            match (name.as_str(), value) {
                ("caller" | "callee", Value::String(number)) => {
                    if let Some(number) = self.numbers.keep(number) {
                        line.insert(name.clone(), number.into());
                    }
                }
                // What a rule asked of a number tells how it began.
                ("when", Value::Object(when)) if !self.numbers.are_clear() => {
                    let mut when = when.clone();
                    when.retain(|name, _| name != "caller" && name != "callee");
                    line.insert(name.clone(), when.into());
                }
                _ => {
                    line.insert(name.clone(), value.clone());
                }
            }
        }
        Value::from(line).to_string() + "\n"
    }

    fn write(&mut self, line: &[u8]) -> std::io::Result<()> {
        // Somebody may have moved it.
        let ours = self.file.metadata()?;
        let there = fs::metadata(&self.path).ok();
        if there.is_none_or(|there| (there.dev(), there.ino()) != (ours.dev(), ours.ino())) {
            self.file = open(&self.path)?;
        } else if ours.len() > 0 && ours.len() + line.len() as u64 > self.bytes_max {
            self.rotate()?;
        }
        let length = self.file.metadata()?.len();
        // One call: a record is there or is the last, torn one.
        let written = loop {
            match self.file.write(line) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        if written < line.len() {
            // What follows must not be read as its rest.
            self.file.set_len(length)?;
            let all = line.len();
            return Err(std::io::Error::new(
                std::io::ErrorKind::StorageFull,
                format!("only {written} of a record's {all} bytes could be written"),
            ));
        }
        Ok(())
    }

    fn rotate(&mut self) -> std::io::Result<()> {
        if self.files == 0 {
            return self.file.set_len(0);
        }
        for n in (1..self.files).rev() {
            match fs::rename(numbered(&self.path, n), numbered(&self.path, n + 1)) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        fs::rename(&self.path, numbered(&self.path, 1))?;
        self.file = open(&self.path)?;
        Ok(())
    }
}

/// The files of a log, the oldest first: those that were rotated away, and the
/// one being written.
pub fn files(path: &Path) -> Vec<PathBuf> {
    let old = (1..).map(|n| numbered(path, n)).take_while(|p| p.exists());
    let mut files: Vec<PathBuf> = old.collect();
    files.reverse();
    files.push(path.to_owned());
    files
}

fn numbered(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    name.into()
}

/// Opens a log at its end, without what is left of a record that was torn.
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = options.read(true).append(true).create(true).mode(0o640).open(path)?;
    if !file.metadata()?.is_file() {
        // A FIFO or a device has no end to write to, nor a name to rotate.
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let length = file.metadata()?.len();
    let whole = end_of_last_line(&mut file, length)?;
    if whole < length {
        file.set_len(whole)?;
    }
    Ok(file)
}

/// Where the last line ends that ends.
fn end_of_last_line(file: &mut File, length: u64) -> std::io::Result<u64> {
    let mut block = [0; 4096];
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let block = &mut block[..(end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(block)?;
        if let Some(at) = block.iter().rposition(|b| *b == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// A time in UTC, as RFC 3339 has it: `2026-02-28T23:59:59.999Z`.
fn utc(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Years from March, so that the leap day is the last: 400 of them have 146,097 days.
    let day = days + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let ms = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (s, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(s)), text);
        }
    }
}
