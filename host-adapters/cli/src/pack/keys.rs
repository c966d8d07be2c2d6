//! The vendors' keys that a host has pinned, and what it takes from whom.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use callprint::bake::PackFile;
use callprint_plugin::pack::Pack;
use minisign_verify::{Error, PublicKey, Signature};

use super::{date::Date, file};

/// A key's or a signature's file is a few lines.
const FILE_BYTES: usize = 4096;

/// Which packs are taken.
#[derive(clap::Args)]
pub struct Trust {
    /// Take only packs signed with one of these keys: a public key of minisign, or a folder of them
    /// (*.pub).
    #[arg(long, value_name = "KEYS")]
    keys: Option<PathBuf>,
    /// With --keys, take packs without a signature too; never one whose signature is wrong.
    #[arg(long, requires = "keys")]
    allow_unsigned: bool,
}

impl Trust {
    /// Refuses packs unless they may be taken. Without keys every pack may: it was named by who runs
    /// the command.
    pub fn check(&self, packs: &[PackFile]) -> Result<()> {
        let Some(keys) = &self.keys else {
            return Ok(());
        };
        let keys = load(keys)?;
        for PackFile { path, content } in packs {
            let signature = signature(path)?;
            if self.allow_unsigned && signature.is_none() {
                continue;
            }
            let name = path.display().to_string();
            check_signature(&name, content, signature.as_deref(), &keys)?;
            check_expiry(&name, &file::parse(path, content)?)?;
        }
        Ok(())
    }
}

/// A pinned key.
pub struct Key {
    /// Its file.
    pub name: String,
    key: PublicKey,
}

/// Reads a key, or all `*.pub` of a folder.
pub fn load(path: &Path) -> Result<Vec<Key>> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let context = || format!("{}: cannot be read", path.display());
        let entries = std::fs::read_dir(path).with_context(context)?;
        let entries = entries.map(|e| Ok(e?.path())).collect::<Result<Vec<_>>>();
        files = entries.with_context(context)?;
        files.retain(|f| f.extension().is_some_and(|e| e == "pub"));
        files.sort();
        ensure!(!files.is_empty(), "{}: no key (*.pub) is in it", path.display());
    }
    files.iter().map(|file| read_key(file)).collect()
}

fn read_key(path: &Path) -> Result<Key> {
    let name = path.display().to_string();
    refuse_writable(path)?;
    let bytes = file::bounded(path, FILE_BYTES)?;
    let text = String::from_utf8(bytes).ok().with_context(|| format!("{name}: it is no text"))?;
    let key = PublicKey::decode(&text).map_err(|_| {
        anyhow::anyhow!("{name}: it is no public key of minisign, as `callprint pack keygen` makes")
    })?;
    Ok(Key { name, key })
}

/// A key that others can replace pins nothing.
fn refuse_writable(path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let context = || format!("{}: cannot be read", path.display());
    let mode = path.metadata().with_context(context)?.mode() & 0o777;
    ensure!(
        mode & 0o022 == 0,
        "{}: its mode is {mode:o}: others can replace the key; take that away with `chmod go-w`",
        path.display()
    );
    Ok(())
}

/// The signature's file beside a pack, if there is one.
pub fn signature(pack: &Path) -> Result<Option<Vec<u8>>> {
    let path = file::signature_of(pack);
    path.exists().then(|| file::bounded(&path, FILE_BYTES)).transpose()
}

/// Refuses a pack's bytes unless the signature is one of a pinned key over them; the name of that
/// key.
pub fn check_signature(
    name: &str,
    bytes: &[u8],
    signature: Option<&[u8]>,
    keys: &[Key],
) -> Result<String> {
    let Some(signature) = signature else {
        bail!(
            "{name}: it is not signed (there is no .minisig beside it); have its vendor sign it, or \
             bake or fetch it with --allow-unsigned if you know where it is from"
        );
    };
    let text = std::str::from_utf8(signature).ok();
    let signature = text
        .and_then(|text| Signature::decode(text).ok())
        .with_context(|| format!("{name}.minisig: it is no signature of minisign; get it again"))?;
    let mut reason = None;
    for key in keys {
        match key.key.verify(bytes, &signature, false) {
            Ok(()) => return Ok(key.name.clone()),
            // Another key's; that of another vendor may follow.
            Err(Error::UnexpectedKeyId) => {}
            Err(error) => reason = Some((key, error)),
        }
    }
    match reason {
        Some((key, error)) => bail!(
            "{name}: it is not what was signed with {}, or its signature was changed ({error}); get it again",
            key.name
        ),
        None => bail!(
            "{name}: it was signed with a key that is not pinned ({}); pin the vendor's key if you trust it",
            signature.untrusted_comment()
        ),
    }
}

/// Refuses a pack whose last day is over.
pub fn check_expiry(name: &str, pack: &Pack) -> Result<()> {
    let Some(expires) = pack.more.get("expires") else {
        return Ok(());
    };
    let day = expires.as_str().unwrap_or_default().parse::<Date>();
    let day = day.map_err(|e| anyhow::anyhow!("{name}: `expires`: {e}"))?;
    let today = Date::today();
    ensure!(day >= today, "{name}: it expired on {day}, and today is {today}; get a newer one");
    Ok(())
}

/// Refuses a pack that is not newer than the one it would replace, or is another.
pub fn check_newer(name: &str, pack: &Pack, old: &Pack) -> Result<()> {
    ensure!(pack.id == old.id, "{name}: it is {:?}, and would replace {:?}", pack.id, old.id);
    let (Some(new), Some(before)) = (file::numbers(&pack.version), file::numbers(&old.version))
    else {
        bail!("{name}: versions {:?} and {:?} cannot be compared", pack.version, old.version);
    };
    ensure!(
        new >= before,
        "{name}: its version {} is lower than {}, which it would replace; an old pack may have been \
         put in place of a new one",
        pack.version,
        old.version
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::minisign::SigningKey, *};

    #[test]
    fn no_bit_of_a_signed_pack_can_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        let public = folder.path().join("us.pub");
        let key = SigningKey::new([7; 40]);
        std::fs::write(&public, key.public_file()).unwrap();
        let keys = load(&public).unwrap();
        let pack: Vec<u8> = (0..10_000u32).map(|n| ((n * n) >> 3) as u8).collect();
        let signature = key.sign(&pack, "timestamp:1\tpack:p\tversion:1.0.0").into_bytes();
        let check =
            |pack: &[u8], signature: &[u8]| check_signature("p", pack, Some(signature), &keys);
        check(&pack, &signature).unwrap();
        for n in 0..1_000 {
            let mut changed = pack.clone();
            changed[n * 9_973 % 10_000] ^= 1 << (n % 8);
            let error = check(&changed, &signature).unwrap_err();
            assert!(error.to_string().contains("changed"), "{error}");
        }
        for length in [0, 1, 5_000, 9_999] {
            assert!(check(&pack[..length], &signature).is_err());
        }
        // All of the signature but its first line, which is not signed and says nothing.
        let first = signature.iter().position(|b| *b == b'\n').unwrap();
        for bit in first * 8 + 8..signature.len() * 8 - 8 {
            let mut changed = signature.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&pack, &changed).is_err(), "bit {bit}");
        }
        for length in 0..signature.len() - 1 {
            assert!(check(&pack, &signature[..length]).is_err(), "{length} bytes");
        }
        let other = SigningKey::new([8; 40]);
        let error = check(&pack, other.sign(&pack, "").as_bytes()).unwrap_err();
        assert!(error.to_string().contains("not pinned"), "{error}");
    }
}
