//! Packs: what a vendor ships.
//!
//! A pack is a JSON file; models/schema/README.md describes it field by field.
//! What the analyzer does not use (titles, texts, vendors' own fields) is kept
//! by every tool and refused by none.

mod bounds;
mod codes;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use bounds::check_structure;
pub use codes::{Codes, Encoded, Fingerprint};

use crate::limits;

/// The value of `format` in every pack.
pub const FORMAT: &str = "callprint-pack";

/// The format version written, and the only one read.
pub const FORMAT_VERSION: u32 = 1;

/// A pack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pack<C = Codes> {
    /// [`FORMAT`].
    pub format: String,
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Names the pack in findings; unique in an analyzer.
    pub id: String,
    /// The pack's own version.
    pub version: String,
    /// Which code the fingerprints are made of: [`crate::script::Codebook::id`].
    pub code: String,
    /// The oldest analyzer that may read the pack, as `0.1.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_analyzer: Option<String>,
    /// The scripts.
    pub scripts: Vec<Script<C>>,
    /// Whatever else the vendor has to say: name, vendor, licence, …
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A script: what one outbound campaign says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Script<C = Codes> {
    /// Names the script in findings; unique in its pack.
    pub id: String,
    /// Its recordings.
    pub nodes: Vec<Node<C>>,
    /// Category, text, language, …
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A recording of a script: its opening, an answer, its closing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Node<C = Codes> {
    /// Names the node; unique in its script.
    pub id: String,
    /// The fingerprint.
    pub codes: C,
    /// Text, file, …
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Why a pack was refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PackError {
    /// Not a pack: where, and what is wrong.
    #[error("not a valid pack: {0}")]
    Malformed(String),
    /// A version or code that is not read: what was found, what is read.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// Beyond a limit: which, the value, the bound.
    #[error("too large: {0}")]
    TooLarge(String),
    /// There already: the id.
    #[error("duplicate: {0}")]
    Duplicate(String),
}

use PackError::{Duplicate, Malformed, TooLarge, Unsupported};

impl Pack {
    /// A pack without scripts.
    pub fn new(id: &str, code: &str) -> Pack {
        Pack {
            format: FORMAT.into(),
            format_version: FORMAT_VERSION,
            id: id.into(),
            version: "1.0.0".into(),
            code: code.into(),
            min_analyzer: None,
            scripts: Vec::new(),
            more: Map::new(),
        }
    }

    /// Reads a pack and checks that it keeps to format and limits.
    pub fn read(json: &[u8]) -> Result<Pack, PackError> {
        Pack::parse(json)
    }
}

impl<C: Fingerprint> Pack<C> {
    /// As [`Pack::read`], with fingerprints in any form.
    pub fn parse<'a>(json: &'a [u8]) -> Result<Pack<C>, PackError>
    where
        C: Deserialize<'a>,
    {
        if json.len() > limits::PACK_BYTES {
            let (n, max) = (json.len(), limits::PACK_BYTES);
            return Err(TooLarge(format!("the pack has {n} bytes, the limit is {max}")));
        }
        bounds::check_structure(json)?;
        // First of all what it claims to be: another version may look different throughout.
        #[derive(Deserialize)]
        struct Claim {
            format: Option<Value>,
            format_version: Option<Value>,
        }
        let claim: Claim = serde_json::from_slice(json).map_err(|e| Malformed(e.to_string()))?;
        if claim.format.as_ref().and_then(Value::as_str) != Some(FORMAT) {
            let found = claim.format.map_or("nothing".into(), |f| f.to_string());
            return Err(Malformed(format!("`format` is {found}, expected {FORMAT:?}")));
        }
        if claim.format_version != Some(FORMAT_VERSION.into()) {
            let found = claim.format_version.map_or("missing".into(), |v| v.to_string());
            return Err(Unsupported(format!(
                "`format_version` is {found}, this analyzer reads {FORMAT_VERSION}"
            )));
        }
        let pack: Pack<C> = serde_json::from_slice(json).map_err(|e| Malformed(e.to_string()))?;
        pack.check()?;
        Ok(pack)
    }

    /// Checks ids, sizes and uniqueness.
    pub fn check(&self) -> Result<(), PackError> {
        check_id("pack id", &self.id)?;
        if let Some(wanted) = &self.min_analyzer {
            bounds::check_min_analyzer(wanted)?;
        }
        if self.scripts.len() > limits::SCRIPTS {
            let (n, max) = (self.scripts.len(), limits::SCRIPTS);
            return Err(TooLarge(format!("the pack has {n} scripts, the limit is {max}")));
        }
        let mut seen = std::collections::HashSet::new();
        for script in &self.scripts {
            check_id("script id", &script.id)?;
            if !seen.insert(script.id.as_str()) {
                return Err(Duplicate(format!("script {:?} is in the pack twice", script.id)));
            }
            script.check()?;
        }
        Ok(())
    }
}

impl<C: Fingerprint> Script<C> {
    fn check(&self) -> Result<(), PackError> {
        let script = &self.id;
        let count = self.nodes.len();
        if count > limits::NODES_PER_SCRIPT {
            let max = limits::NODES_PER_SCRIPT;
            return Err(TooLarge(format!(
                "script {script:?} has {count} nodes, the limit is {max}"
            )));
        }
        for (n, node) in self.nodes.iter().enumerate() {
            check_id("node id", &node.id)?;
            if self.nodes[..n].iter().any(|other| other.id == node.id) {
                let node = &node.id;
                return Err(Duplicate(format!("node {node:?} is in script {script:?} twice")));
            }
            let (codes, max) = (node.codes.count(), limits::RECORDING_CODES_MAX);
            if codes > max {
                let node = &node.id;
                return Err(TooLarge(format!(
                    "node {node:?} of script {script:?} has {codes} codes, the limit is {max}"
                )));
            }
        }
        Ok(())
    }
}

fn check_id(what: &str, id: &str) -> Result<(), PackError> {
    let max = limits::ID_BYTES;
    // Folders and files are called after packs.
    let dots = matches!(id, "." | "..");
    let wrong = id.contains(|c: char| c.is_control() || c == '/');
    if id.is_empty() || id.len() > max || dots || wrong {
        return Err(Malformed(format!(
            "{what} {id:?} must have 1 to {max} bytes, without control characters and \"/\", and not \
             be \".\" or \"..\""
        )));
    }
    Ok(())
}
