//! Packs in OCI registries, as `oci://HOST/NAME/PACK_ID`: a pack's version is a
//! tag, and so is `latest`.
//!
//! ```text
//! tag ─▶ manifest (artifact type, version) ─▶ layers: pack.json, pack.json.minisig
//! ```
//!
//! A manifest as `oras` and other clients read and write it, by the image
//! specification 1.1.

mod auth;
mod registry;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use callprint_plugin::{limits, pack::Pack};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::registry::{Access, Registry};
use super::{
    file,
    source::{LATEST, Offer},
};

/// What such places begin with.
pub const SCHEME: &str = "oci://";

/// The types of what a pack is made of.
const ARTIFACT: &str = "application/vnd.callprint.pack.v1";
const PACK: &str = "application/vnd.callprint.pack.v1+json";
const SIGNATURE: &str = "application/vnd.callprint.pack.v1.minisig";

/// By the image specification.
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const EMPTY_CONTENT: &[u8] = b"{}";
const VERSION: &str = "org.opencontainers.image.version";
const FILE_NAME: &str = "org.opencontainers.image.title";

/// Two layers and some annotations; registries themselves take 4 MiB at most.
const MANIFEST_BYTES: usize = 256 << 10;

/// A signature is a few lines.
const SIGNATURE_BYTES: usize = 4096;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    media_type: String,
    artifact_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: usize,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

impl Descriptor {
    fn of(content: &[u8], media_type: &str, file_name: Option<&str>) -> Descriptor {
        Descriptor {
            media_type: media_type.into(),
            digest: digest(content),
            size: content.len(),
            annotations: file_name.iter().map(|n| (FILE_NAME.into(), n.to_string())).collect(),
        }
    }
}

impl Manifest {
    fn read(place: &str, bytes: &[u8]) -> Result<Manifest> {
        // Of an image it has no artifact type, and of a list of images no layers.
        let manifest: Manifest = serde_json::from_slice(bytes).with_context(|| {
            format!("{place}: it is no pack that `callprint pack push` put there")
        })?;
        ensure!(
            manifest.artifact_type == ARTIFACT,
            "{place}: it is of type {:?}, a pack of {ARTIFACT:?}",
            manifest.artifact_type
        );
        Ok(manifest)
    }

    /// The one layer of a type, if there is any.
    fn layer(&self, place: &str, media_type: &str) -> Result<Option<&Descriptor>> {
        let mut layers = self.layers.iter().filter(|l| l.media_type == media_type);
        let layer = layers.next();
        ensure!(layers.next().is_none(), "{place}: it has several layers of type {media_type:?}");
        Ok(layer)
    }

    fn pack(&self, place: &str) -> Result<&Descriptor> {
        self.layer(place, PACK)?.with_context(|| format!("{place}: it has no layer with a pack"))
    }
}

/// What a registry offers under `latest`.
pub fn latest(place: &str) -> Result<Offer> {
    let mut registry = Registry::new(place, Access::Pull)?;
    let bytes = registry.manifest(LATEST, MANIFEST, MANIFEST_BYTES)?;
    let bytes =
        bytes.with_context(|| format!("{place}: it is not there, or has no tag {LATEST}"))?;
    let manifest = Manifest::read(place, &bytes)?;
    let version = manifest.annotations.get(VERSION).cloned().unwrap_or_default();
    ensure!(
        file::numbers(&version).is_some(),
        "{place}: its annotation {VERSION} is {version:?}, expected a version of three numbers"
    );
    let mut layer = |layer: &Descriptor, max| blob(&mut registry, place, layer, max);
    let pack = layer(manifest.pack(place)?, limits::PACK_BYTES)?;
    let signature = manifest.layer(place, SIGNATURE)?;
    let signature = signature.map(|s| layer(s, SIGNATURE_BYTES)).transpose()?;
    Ok(Offer { version, pack, signature })
}

/// The content that a manifest refers to, and no other.
fn blob(registry: &mut Registry, place: &str, layer: &Descriptor, max: usize) -> Result<Vec<u8>> {
    let Descriptor { digest: named, size, media_type, .. } = layer;
    let hex = named.strip_prefix("sha256:").unwrap_or_default();
    let plain = hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    ensure!(plain, "{place}: {named:?} is no SHA-256 digest, by which its layer is to be had");
    ensure!(*size <= max, "{place}: its {media_type} has {size} bytes, the limit is {max}");
    let content = registry.blob(named, *size)?;
    let found = digest(&content);
    ensure!(
        found == *named && content.len() == *size,
        "{place}: the registry gave {found} ({} bytes) for {named} ({size} bytes); get it again",
        content.len()
    );
    Ok(content)
}

fn digest(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    hash.iter().fold("sha256:".into(), |text, byte| format!("{text}{byte:02x}"))
}

/// Puts a version of a pack into a registry, and makes it the latest.
pub fn push(place: &str, pack: &Pack, bytes: &[u8], signature: Option<&[u8]>) -> Result<()> {
    let mut registry = Registry::new(place, Access::PullAndPush)?;
    let version = pack.version.as_str();
    let at = format!("{place}:{version}");
    let layer = Descriptor::of(bytes, PACK, Some("pack.json"));
    if let Some(there) = registry.manifest(version, MANIFEST, MANIFEST_BYTES)?
        && Manifest::read(&at, &there)?.pack(&at)?.digest != layer.digest
    {
        bail!(
            "{at}: this version is there with other content, and a version never changes; give the \
             pack a higher one"
        );
    }
    let mut layers = vec![layer];
    layers.extend(signature.map(|s| Descriptor::of(s, SIGNATURE, Some("pack.json.minisig"))));
    let mut annotations = BTreeMap::from([(VERSION.into(), version.into())]);
    for (field, name) in [("name", "title"), ("vendor", "vendor"), ("licence", "licenses")] {
        let text = file::text(&pack.more, field);
        if !text.is_empty() {
            annotations.insert(format!("org.opencontainers.image.{name}"), text.into());
        }
    }
    let manifest = Manifest {
        schema_version: 2,
        media_type: MANIFEST.into(),
        artifact_type: ARTIFACT.into(),
        config: Descriptor::of(EMPTY_CONTENT, EMPTY, None),
        layers,
        annotations,
    };
    let manifest = serde_json::to_vec(&manifest)?;
    for content in [bytes, EMPTY_CONTENT].into_iter().chain(signature) {
        registry.upload(&digest(content), content)?;
    }
    // `latest` last: who reads it finds all it leads to.
    registry.tag(version, MANIFEST, &manifest)?;
    registry.tag(LATEST, MANIFEST, &manifest)
}
