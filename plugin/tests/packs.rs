//! Packs that others made: read, or refused with a reason; never a panic.

#[allow(dead_code, reason = "of the helpers only some are for packs")]
mod common;

use callprint_fixtures::Random;
use callprint_plugin::{Catalog, limits, pack::Pack, pack::PackError};
use serde_json::{Value, json};

fn good() -> Value {
    serde_json::to_value(common::pack("p", &[common::recording(0), common::recording(1)])).unwrap()
}

fn read(pack: &Value) -> Result<Pack, PackError> {
    Pack::read(pack.to_string().as_bytes())
}

#[test]
fn fields_that_are_not_known_stay_and_other_versions_are_refused() {
    let mut pack = good();
    pack["x-tariff"] = json!({ "deep": [1, null, "中"] });
    pack["scripts"][0]["x-campaign"] = json!(7);
    pack["scripts"][0]["nodes"][0]["x-studio"] = json!("A");
    let same: Value = serde_json::to_value(read(&pack).unwrap()).unwrap();
    assert_eq!(same, pack);
    for version in [json!(2), json!("1"), json!(1.5), json!(null), json!([1])] {
        pack["format_version"] = version.clone();
        let error = read(&pack).unwrap_err();
        assert!(matches!(error, PackError::Unsupported(_)), "{version}: {error}");
    }
}

#[test]
fn a_pack_says_which_analyzer_it_needs() {
    let mut pack = good();
    for (wanted, taken) in [("0.0.9", true), ("0.1.0", true), ("0.1.1", false), ("10.0.0", false)] {
        pack["min_analyzer"] = wanted.into();
        assert_eq!(read(&pack).is_ok(), taken, "{wanted}");
    }
    for wanted in ["", "1", "1.0", "1.0.0.0", "1.0.x", "-1.0.0", "99999999999.0.0"] {
        pack["min_analyzer"] = wanted.into();
        assert!(matches!(read(&pack), Err(PackError::Malformed(_))), "{wanted}");
    }
}

#[test]
fn what_would_take_too_much_is_refused_before_it_is_parsed() {
    let many =
        format!(r#"{{"format":"callprint-pack","x":[0{}]}}"#, ",0".repeat(limits::PACK_VALUES));
    assert!(matches!(Pack::read(many.as_bytes()), Err(PackError::TooLarge(_))));
    // Commas and brackets in text are no values.
    let mut pack = good();
    pack["scripts"][0]["text"] = ",[{\\\"".repeat(limits::PACK_VALUES / 2).into();
    read(&pack).unwrap();
    let deep = format!(r#"{{"format":"callprint-pack","x":{}"#, "[".repeat(100_000));
    assert!(matches!(Pack::read(deep.as_bytes()), Err(PackError::Malformed(_))));
    for count in ["1e999", "99999999999999999999999", "-1"] {
        let text = format!(r#"{{"format":"callprint-pack","format_version":{count}}}"#);
        assert!(Pack::read(text.as_bytes()).is_err(), "{count}");
    }
    let mut twice = good();
    twice["scripts"][1]["id"] = twice["scripts"][0]["id"].clone();
    assert!(matches!(read(&twice), Err(PackError::Duplicate(_))));
    let mut nowhere = good();
    for id in ["", "../../etc/passwd", "a/b", "a\u{0}b", "line\nbreak", &"x".repeat(129)] {
        nowhere["scripts"][0]["id"] = id.into();
        assert!(matches!(read(&nowhere), Err(PackError::Malformed(_))), "{id:?}");
    }
}

/// Bytes changed, taken out, put in, doubled and cut off at random.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = b"{}[]\",:\\0-e\xff"[random.below(12)],
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, random.bits() as u8),
            4 => bytes.truncate(at + 1),
            _ => {
                let end = (at + random.below(200)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
        }
    }
}

#[test]
fn damaged_packs_never_panic() {
    let mut pack = good();
    for script in pack["scripts"].as_array_mut().unwrap() {
        // Short, so that most changes hit the structure.
        script["nodes"][0]["codes"] = "AQIDBAUGBwgAAAAAAAAAAA==".into();
    }
    let good = pack.to_string().into_bytes();
    let mut random = Random::new(8);
    let mut refused = 0;
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        mutate(&mut random, &mut bytes);
        let taken = Pack::read(&bytes).is_ok();
        refused += u32::from(!taken);
        // A catalogue takes a millisecond to make.
        if random.below(50) == 0 {
            let mut catalog = Catalog::default();
            assert!(taken || catalog.add_pack(&bytes).is_err());
            catalog.seal();
        }
    }
    assert!((1_000..20_000).contains(&refused), "{refused} of 20000 were refused");
}
