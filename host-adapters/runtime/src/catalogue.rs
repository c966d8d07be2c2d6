//! What packs say of their scripts besides the fingerprints: category, title.
//!
//! Part of an analyzer's file, where it is one text, a line a script, sorted:
//! `pack/script TAB category TAB title`. It is read in one go and searched as
//! it stands, so that opening an analyzer costs the same with many scripts.

use serde::Deserialize;
use serde_json::Value;

use crate::limits;

/// Categories and titles of scripts.
#[derive(Debug, Default)]
pub struct Catalogue {
    text: String,
    /// Where the lines begin.
    lines: Vec<u32>,
}

/// What is known of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// As "dental"; empty if the pack does not say.
    pub category: &'a str,
    /// For people to read; empty if the pack does not say.
    pub title: &'a str,
}

#[derive(Deserialize)]
struct Pack {
    id: String,
    scripts: Vec<Script>,
}

#[derive(Deserialize)]
struct Script {
    id: String,
    #[serde(default)]
    category: Value,
    #[serde(default)]
    title: Value,
}

impl Catalogue {
    /// Of packs that a plugin has taken. A plugin may read packs of its own
    /// making: of such, nothing is known here.
    pub fn of_packs(packs: &[impl AsRef<[u8]>]) -> Catalogue {
        let mut lines = Vec::new();
        let read = packs.iter().filter_map(|p| serde_json::from_slice::<Pack>(p.as_ref()).ok());
        for pack in read {
            for script in pack.scripts {
                let (category, title) = (field(&script.category), field(&script.title));
                lines.push(format!("{}/{}\t{category}\t{title}\n", pack.id, script.id));
            }
        }
        // By name alone: a tab sorts before what a longer name goes on with.
        lines.sort_unstable();
        Catalogue::parse(lines.concat())
    }

    /// From the text of [`Catalogue::text`].
    pub(crate) fn parse(text: String) -> Catalogue {
        let mut lines = vec![];
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            lines.push(start as u32);
            start += line.len();
        }
        Catalogue { text, lines }
    }

    /// The lines.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Looks up `pack/script`.
    pub fn get(&self, name: &str) -> Option<Entry<'_>> {
        let found = self.lines.binary_search_by(|start| self.line(*start).0.cmp(name)).ok()?;
        Some(self.line(self.lines[found]).1)
    }

    /// The category of `pack/script`; empty if it is not known.
    pub fn category(&self, name: &str) -> &str {
        self.get(name).map_or("", |entry| entry.category)
    }

    /// All scripts: names with what is known of them, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Entry<'_>)> {
        self.lines.iter().map(|start| self.line(*start))
    }

    fn line(&self, start: u32) -> (&str, Entry<'_>) {
        let rest = &self.text[start as usize..];
        let mut fields = rest[..rest.find('\n').unwrap_or(rest.len())].split('\t');
        let mut next = || fields.next().unwrap_or("");
        (next(), Entry { category: next(), title: next() })
    }
}

/// A text of a pack as a field: others than texts say nothing.
fn field(value: &Value) -> String {
    limits::clean(value.as_str().unwrap_or(""), limits::TEXT_BYTES)
}
