//! Checks JSON by the published schema.
//!
//! A validator of all of JSON Schema would be the largest dependency of this
//! command; the schema of packs uses these few words of it, and a word that is
//! not known here is an error in the schema.

use std::sync::LazyLock;

use serde_json::Value;

use super::{date::Date, file::numbers};

static PACK: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../models/schema/pack.schema.json"))
        .expect("the schema that ships is JSON")
});

/// Complaints beyond this many would not be read.
const COMPLAINTS_MAX: usize = 100;

/// What in a pack is not as the schema has it: where, and what.
pub fn check(pack: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    walk(&PACK, pack, &mut String::from("pack"), &mut complaints);
    complaints
}

fn walk(schema: &Value, value: &Value, place: &mut String, complaints: &mut Vec<String>) {
    let words = schema.as_object().expect("a schema is an object");
    let mut complain = |place: &str, what: String| {
        if complaints.len() < COMPLAINTS_MAX {
            complaints.push(format!("{place}: {what}"));
        }
    };
    for (word, rule) in words {
        match word.as_str() {
            "type" if !is_of_type(value, rule) => {
                complain(place, format!("is {}, expected {}", short(value), bare(rule)));
                return;
            }
            "const" if value != rule => {
                complain(place, format!("is {}, expected {rule}", short(value)));
            }
            "required" => {
                for name in rule.as_array().into_iter().flatten().filter_map(Value::as_str) {
                    if value.get(name).is_none() {
                        complain(place, format!("has no {name:?}"));
                    }
                }
            }
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minimum" => {
                let size = match value {
                    Value::String(text) => text.chars().count() as u64,
                    Value::Array(items) => items.len() as u64,
                    other => other.as_u64().unwrap_or_default(),
                };
                let bound = rule.as_u64().expect("bounds are whole numbers");
                if word.starts_with("min") && size < bound {
                    complain(place, format!("is {}, the least is {bound}", short(value)));
                } else if word.starts_with("max") && size > bound {
                    complain(place, format!("is {size} long, the limit is {bound}"));
                }
            }
            "format" => {
                let text = value.as_str().unwrap_or_default();
                if let Err(what) = check_format(bare(rule), text) {
                    complain(place, what);
                }
            }
            _ => {}
        }
    }
    for (word, rule) in words {
        match word.as_str() {
            "properties" => {
                for (name, rule) in rule.as_object().into_iter().flatten() {
                    if let Some(field) = value.get(name) {
                        nested(rule, field, &format!(".{name}"), place, complaints);
                    }
                }
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    // People find a script by its name rather than by its number.
                    let name = match item.get("id").and_then(Value::as_str) {
                        Some(id) => format!("[{id}]"),
                        None => format!("[{n}]"),
                    };
                    nested(rule, item, &name, place, complaints);
                }
            }
            "$ref" => {
                let path = bare(rule).strip_prefix('#').expect("references stay in the file");
                walk(PACK.pointer(path).expect("what is referred to"), value, place, complaints);
            }
            "$schema" | "$id" | "$defs" | "title" | "description" | "type" | "const"
            | "required" | "minLength" | "maxLength" | "minItems" | "maxItems" | "minimum"
            | "format" => {}
            other => unreachable!("the schema uses {other:?}, which is not known here"),
        }
    }
}

fn nested(
    rule: &Value,
    value: &Value,
    name: &str,
    place: &mut String,
    complaints: &mut Vec<String>,
) {
    let length = place.len();
    place.push_str(name);
    walk(rule, value, place, complaints);
    place.truncate(length);
}

fn is_of_type(value: &Value, rule: &Value) -> bool {
    match bare(rule) {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        other => unreachable!("the schema uses type {other:?}, which is not known here"),
    }
}

fn check_format(format: &str, text: &str) -> Result<(), String> {
    match format {
        "date" => text.parse::<Date>().map(drop),
        "semantic-version" if is_semantic_version(text) => Ok(()),
        "semantic-version" => Err(format!("{text:?} is no version; write it as 1.0.0")),
        other => unreachable!("the schema uses format {other:?}, which is not known here"),
    }
}

/// Three numbers, and what semver.org allows behind them.
fn is_semantic_version(text: &str) -> bool {
    let (rest, build) = text.split_once('+').unwrap_or((text, "x"));
    let (core, pre) = rest.split_once('-').unwrap_or((rest, "x"));
    let words = |text: &str| {
        text.split('.').all(|word| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
    };
    numbers(core).is_some() && words(pre) && words(build)
}

fn bare(rule: &Value) -> &str {
    rule.as_str().expect("the schema has text here")
}

/// A value as it stands, if it is short.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
