//! As much of JSON Schema as the schema of rules uses.

use std::sync::LazyLock;

use serde_json::Value;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../models/schema/rules.schema.json")).unwrap()
});

/// Whether a file of rules is of the schema; if not, why.
pub fn check(value: &Value) -> Result<(), String> {
    valid(value, &SCHEMA)
}

fn valid(value: &Value, schema: &Value) -> Result<(), String> {
    let schema = schema.as_object().expect("a schema is an object");
    for (keyword, wanted) in schema {
        let holds = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" => true,
            // Each with the `if` beside it.
            "then" | "else" => true,
            "$ref" => {
                let pointer = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                valid(value, SCHEMA.pointer(pointer).expect("what a $ref refers to"))?;
                true
            }
            "type" => match wanted.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "number" => value.is_number(),
                "integer" => value.as_f64().is_some_and(|x| x.fract() == 0.0),
                other => panic!("type {other}"),
            },
            "const" => same(value, wanted),
            "enum" => wanted.as_array().unwrap().contains(value),
            "required" => value.as_object().is_none_or(|map| {
                wanted.as_array().unwrap().iter().all(|n| map.contains_key(n.as_str().unwrap()))
            }),
            "properties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    if let Some(schema) = wanted.get(name) {
                        valid(value, schema).map_err(|e| format!("{name}: {e}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                assert_eq!(*wanted, false);
                let known = schema["properties"].as_object().unwrap();
                value.as_object().is_none_or(|map| map.keys().all(|n| known.contains_key(n)))
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    valid(item, wanted)?;
                }
                true
            }
            "minItems" => value.as_array().is_none_or(|list| list.len() >= number(wanted)),
            "maxItems" => value.as_array().is_none_or(|list| list.len() <= number(wanted)),
            "minLength" => value.as_str().is_none_or(|s| s.chars().count() >= number(wanted)),
            "maxLength" => value.as_str().is_none_or(|s| s.chars().count() <= number(wanted)),
            "minimum" => value.as_f64().is_none_or(|x| x >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|x| x <= wanted.as_f64().unwrap()),
            "anyOf" => wanted.as_array().unwrap().iter().any(|s| valid(value, s).is_ok()),
            "allOf" => wanted.as_array().unwrap().iter().all(|s| valid(value, s).is_ok()),
            "not" => valid(value, wanted).is_err(),
            "if" => {
                let branch = if valid(value, wanted).is_ok() { "then" } else { "else" };
                schema.get(branch).is_none_or(|schema| valid(value, schema).is_ok())
            }
            other => panic!("the keyword {other} is not known here"),
        };
        if !holds {
            return Err(format!("{value} breaks {keyword}: {wanted}"));
        }
    }
    Ok(())
}

/// 1.0 is 1.
fn same(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().is_some_and(|a| Some(a) == b.as_f64())
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}
