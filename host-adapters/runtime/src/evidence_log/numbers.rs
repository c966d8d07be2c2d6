//! Telephone numbers in the log: as they are, hashed, or not at all.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::Error;

/// How numbers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// As they are.
    #[default]
    Clear,
    /// As `hmac:` and 32 hexadecimal digits, the same for the same number: calls
    /// of one number can be told together, the number cannot be told without the
    /// key, which is in `LOG.key`.
    Hashed,
    /// Not at all.
    Omitted,
}

impl std::str::FromStr for Numbers {
    type Err = Error;

    fn from_str(name: &str) -> Result<Numbers, Error> {
        match name {
            "clear" => Ok(Numbers::Clear),
            "hashed" => Ok(Numbers::Hashed),
            "omitted" => Ok(Numbers::Omitted),
            _ => Err(Error::Usage(format!(
                "numbers are kept as \"clear\", \"hashed\" or \"omitted\", not {name:?}"
            ))),
        }
    }
}

/// What turns numbers into what is kept.
pub(super) enum Writer {
    Clear,
    Hashed([u8; 32]),
    Omitted,
}

impl Writer {
    pub fn new(numbers: Numbers, log: &Path) -> Result<Writer, Error> {
        Ok(match numbers {
            Numbers::Clear => Writer::Clear,
            Numbers::Omitted => Writer::Omitted,
            Numbers::Hashed => Writer::Hashed(key(log)?),
        })
    }

    pub fn are_clear(&self) -> bool {
        matches!(self, Writer::Clear)
    }

    /// What is kept of a number.
    pub fn keep(&self, number: &str) -> Option<String> {
        match self {
            Writer::Clear => Some(number.to_owned()),
            Writer::Omitted => None,
            Writer::Hashed(_) if number.is_empty() => Some(String::new()),
            Writer::Hashed(key) => {
                let mac = hmac(key, number.as_bytes());
                Some(mac[..16].iter().fold("hmac:".into(), |text, b| format!("{text}{b:02x}")))
            }
        }
    }
}

/// HMAC-SHA-256 (RFC 2104). Numbers are few enough to try them all: a hash
/// without a key would hide none.
fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(key).for_each(|(b, k)| *b ^= k);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

/// The key beside a log, made if there is none.
fn key(log: &Path) -> Result<[u8; 32], Error> {
    let mut path = log.as_os_str().to_owned();
    path.push(".key");
    let path = PathBuf::from(path);
    if !path.exists() {
        make_key(&path).map_err(Error::io(&path))?;
    }
    let mode = fs::metadata(&path).map_err(Error::io(&path))?.mode() & 0o777;
    if mode & 0o077 != 0 {
        let reason = format!("its mode is {mode:o}: others can read the key; chmod 600 it");
        return Err(Error::Usage(format!("{}: {reason}", path.display())));
    }
    let bytes = fs::read(&path).map_err(Error::io(&path))?;
    bytes.try_into().map_err(|bytes: Vec<u8>| {
        let n = bytes.len();
        Error::Usage(format!(
            "{}: it has {n} bytes, and a key has 32; remove it to begin with a new key",
            path.display()
        ))
    })
}

fn make_key(path: &Path) -> std::io::Result<()> {
    let mut key = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".callprint-key-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        // Somebody else was quicker: theirs is as good.
        Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(|_| ()).map_err(|e| e.error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_standard() {
        // Of RFC 4231, whose second case has a short key: padded with zeros, as here.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mac = hmac(&key, b"what do ya want for nothing?");
        let hex: String = mac.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
