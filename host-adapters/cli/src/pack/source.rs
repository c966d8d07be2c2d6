//! Where packs are fetched from: a folder, a web server that serves one, or an
//! OCI registry.
//!
//! ```text
//! PLACE/PACK_ID/latest                       the version to take, as text
//! PLACE/PACK_ID/VERSION.json, ….minisig      the pack, and its signature
//! ```

use std::path::Path;

use anyhow::{Context, Result, ensure};
use callprint_plugin::limits;

use super::{file, oci};

/// The file, or tag, that leads to the latest version. It is written last.
pub const LATEST: &str = "latest";

/// A version, or a signature, is a few lines.
const SMALL_BYTES: usize = 4096;

/// A pack as it is offered, with its signature if it has one.
pub struct Offer {
    pub version: String,
    pub pack: Vec<u8>,
    pub signature: Option<Vec<u8>>,
}

/// What `PLACE/PACK_ID` offers now.
pub fn latest(place: &str) -> Result<Offer> {
    if place.starts_with(oci::SCHEME) {
        return oci::latest(place);
    }
    let get = |name: &str, max: usize| -> Result<Option<Vec<u8>>> {
        if place.starts_with("http://") || place.starts_with("https://") {
            super::http::get(&format!("{}/{name}", place.trim_end_matches('/')), max)
        } else {
            from_folder(&Path::new(place).join(name), max)
        }
    };
    let required = |name: &str, max: usize| {
        get(name, max)?.with_context(|| format!("{place}/{name}: it is not there"))
    };
    let version = String::from_utf8(required(LATEST, SMALL_BYTES)?).unwrap_or_default();
    let version = version.trim().to_owned();
    ensure!(
        file::numbers(&version).is_some(),
        "{place}/{LATEST}: {version:?} is no version of three numbers"
    );
    let pack = required(&format!("{version}.json"), limits::PACK_BYTES)?;
    let signature = get(&format!("{version}.json.minisig"), SMALL_BYTES)?;
    Ok(Offer { version, pack, signature })
}

fn from_folder(path: &Path, max: usize) -> Result<Option<Vec<u8>>> {
    if !path.exists() {
        return Ok(None);
    }
    file::bounded(path, max).map(Some)
}
