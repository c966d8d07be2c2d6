//! Lists of recordings in CSV.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

/// A line of a list.
pub struct Row {
    /// The recording; a relative name is relative to the list's folder.
    pub wav: PathBuf,
    /// The other columns that are not empty.
    pub more: Map<String, Value>,
}

/// Reads a list with a header line; `required` columns must be there, and `wav`.
pub fn read(path: &Path, required: &[&str]) -> Result<Vec<Row>> {
    let name = path.display();
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .with_context(|| format!("{name}: cannot be read"))?;
    let header = reader.headers().with_context(|| format!("{name}: not a CSV file"))?.clone();
    // Spreadsheets put a byte order mark before the first name.
    let columns: Vec<&str> = header.iter().map(|c| c.trim_start_matches('\u{feff}')).collect();
    for column in required.iter().chain(&["wav"]) {
        ensure!(
            columns.contains(column),
            "{name}: there is no column {column:?}; its columns are {columns:?}"
        );
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.with_context(|| format!("{name}: not a CSV file"))?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut more: Map<String, Value> = columns
            .iter()
            .zip(&record)
            .filter(|(_, value)| !value.is_empty())
            .map(|(column, value)| (column.to_string(), value.into()))
            .collect();
        for column in required.iter().chain(&["wav"]) {
            ensure!(more.contains_key(*column), "{name}, line {line}: {column:?} is empty");
        }
        let wav = more.remove("wav").and_then(|w| w.as_str().map(|w| folder.join(w)));
        rows.push(Row { wav: wav.expect("checked above"), more });
    }
    ensure!(!rows.is_empty(), "{name}: the list is empty");
    Ok(rows)
}
