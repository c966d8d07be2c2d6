//! What the analyzer knows before any call.

use crate::{
    audio::{Filters, Spectrum},
    limits,
    pack::{Pack, PackError},
    script::{Codebook, Index, IndexBuilder, REFERENCE_STEP},
    tone::{Plans, Zoom},
};

/// A catalogue being filled.
#[derive(Default)]
pub struct Catalog {
    book: Codebook,
    packs: Vec<PackSummary>,
    scripts: Vec<ScriptName>,
    index: IndexBuilder,
    plans: Plans,
}

/// What a pack brought.
#[derive(Debug, Clone)]
pub struct PackSummary {
    /// The pack's id.
    pub id: String,
    /// Its own version.
    pub version: String,
    /// Scripts in it.
    pub scripts: u32,
    /// Duration of all its recordings, in samples of 8 kHz.
    pub duration: u64,
}

/// The sealed catalogue in numbers.
#[derive(Debug, Clone)]
pub struct CatalogSummary {
    /// Name and version of the analyzer.
    pub analyzer: String,
    /// The packs, in the order they were added.
    pub packs: Vec<PackSummary>,
    /// Bytes of fingerprints and look-up tables.
    pub index_bytes: u64,
}

/// The names of a script, found by its number.
pub(crate) struct ScriptName {
    pub pack: u32,
    pub id: Box<str>,
    pub nodes: Box<[Box<str>]>,
    /// It is a prompt of a voice mailbox.
    pub voicemail: bool,
}

/// The `category` of scripts that a voice mailbox says.
const VOICEMAIL: &str = "voicemail-system";

/// A catalogue that is complete: what sessions work with.
pub struct Sealed {
    pub(crate) book: Codebook,
    pub(crate) index: Index,
    pub(crate) scripts: Vec<ScriptName>,
    pub(crate) packs: Vec<PackSummary>,
    pub(crate) plans: Plans,
}

/// Buffers that a push needs and no session keeps; one per thread.
#[derive(Default)]
pub struct Workspace {
    pub(crate) filters: Filters,
    pub(crate) spectrum: Spectrum,
    pub(crate) zoom: Zoom,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

impl Catalog {
    /// Sets what can be set, from a JSON object.
    pub fn configure(&mut self, settings: &str) -> Result<(), String> {
        let Settings {} = serde_json::from_str(settings).map_err(|e| format!("settings: {e}"))?;
        Ok(())
    }

    /// Says how many bytes of packs are to come: a hint that keeps the memory
    /// compact. In JSON a code takes 10⅔ bytes.
    pub fn expect(&mut self, pack_bytes: u64) {
        let codes = pack_bytes.saturating_mul(3) / 32;
        self.index.reserve(codes.min(limits::CODES as u64) as usize);
    }

    /// Adds a pack, or refuses it and changes nothing.
    pub fn add_pack(&mut self, json: &[u8]) -> Result<PackSummary, PackError> {
        let pack = Pack::read(json)?;
        if pack.code != self.book.id() {
            return Err(PackError::Unsupported(format!(
                "pack {:?} has fingerprints of code {:?}, this analyzer reads {:?}; enrol its recordings anew",
                pack.id,
                pack.code,
                self.book.id()
            )));
        }
        if self.packs.iter().any(|p| p.id == pack.id) {
            return Err(PackError::Duplicate(format!("pack {:?} was added already", pack.id)));
        }
        let recordings = || pack.scripts.iter().flat_map(|s| &s.nodes);
        let codes: usize = recordings().map(|n| n.codes.0.len()).sum();
        let check = |what: &str, n: usize, max: usize| {
            if n <= max {
                return Ok(());
            }
            Err(PackError::TooLarge(format!(
                "all packs together have {n} {what}, the limit is {max}"
            )))
        };
        check("codes", self.index.codes() + codes, limits::CODES)?;
        check("scripts", self.scripts.len() + pack.scripts.len(), limits::SCRIPTS)?;
        let number = self.packs.len() as u32;
        for script in &pack.scripts {
            for (node, content) in script.nodes.iter().enumerate() {
                let codes = content.codes.0.iter().copied();
                self.index.add(self.scripts.len() as u32, node as u32, codes);
            }
            self.scripts.push(ScriptName {
                pack: number,
                id: script.id.as_str().into(),
                nodes: script.nodes.iter().map(|n| n.id.as_str().into()).collect(),
                voicemail: script.more.get("category").is_some_and(|c| c == VOICEMAIL),
            });
        }
        let summary = PackSummary {
            id: pack.id,
            version: pack.version,
            scripts: pack.scripts.len() as u32,
            duration: codes as u64 * REFERENCE_STEP as u64 * 160,
        };
        self.packs.push(summary.clone());
        Ok(summary)
    }

    /// Builds the index.
    pub fn seal(self) -> Sealed {
        let Catalog { book, packs, scripts, index, plans } = self;
        Sealed { book, index: index.build(), scripts, packs, plans }
    }
}

impl Sealed {
    /// What is in it.
    pub fn summary(&self) -> CatalogSummary {
        CatalogSummary {
            analyzer: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).into(),
            packs: self.packs.clone(),
            index_bytes: self.index.bytes() as u64,
        }
    }
}
