//! Fingerprints in packs: 25 codes of 64 bits a second, 0 where there is none;
//! in JSON base64 of little-endian.

use std::{borrow::Cow, fmt};

use base64::{DecodeSliceError, Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A fingerprint in some form.
pub trait Fingerprint {
    /// How many codes it has.
    fn count(&self) -> usize;
}

/// A fingerprint's codes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Codes(pub Vec<u64>);

impl Fingerprint for Codes {
    fn count(&self) -> usize {
        self.0.len()
    }
}

impl Serialize for Codes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|c| c.to_le_bytes()).collect();
        serializer.serialize_str(&BASE64.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Codes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Encoded::deserialize(deserializer).map(|encoded| Codes(encoded.codes().collect()))
    }
}

/// A fingerprint as it stands in the JSON text, which it borrows: of a large
/// pack the codes are never in memory twice.
#[derive(Debug, Clone)]
pub struct Encoded<'a> {
    text: Cow<'a, str>,
    count: usize,
}

/// Characters decoded at a time, and their bytes and codes.
const PART: usize = 1024;
const PART_BYTES: usize = PART / 4 * 3;
const PART_CODES: usize = PART_BYTES / 8;

impl<'a> Encoded<'a> {
    fn new<E: de::Error>(text: Cow<'a, str>) -> Result<Self, E> {
        let (mut bytes, mut buffer) = (0usize, [0; PART_BYTES]);
        for part in text.as_bytes().chunks(PART) {
            // Only the last part may be padded.
            if !bytes.is_multiple_of(PART_BYTES) {
                return Err(E::custom("base64 that goes on after its padding"));
            }
            bytes += BASE64.decode_slice(part, &mut buffer).map_err(|e| match e {
                DecodeSliceError::DecodeError(e) => E::custom(e),
                DecodeSliceError::OutputSliceTooSmall => E::custom("base64 that is too long"),
            })?;
        }
        if !bytes.is_multiple_of(8) {
            return Err(E::custom(format_args!("{bytes} bytes are not a multiple of 8")));
        }
        Ok(Encoded { text, count: bytes / 8 })
    }

    /// The codes.
    pub fn codes(&self) -> impl Iterator<Item = u64> {
        self.text.as_bytes().chunks(PART).flat_map(|part| {
            let mut bytes = [0; PART_BYTES];
            let length = BASE64.decode_slice(part, &mut bytes).expect("it was valid when read");
            let codes: [u64; PART_CODES] = std::array::from_fn(|n| {
                u64::from_le_bytes(std::array::from_fn(|byte| bytes[8 * n + byte]))
            });
            codes.into_iter().take(length / 8)
        })
    }
}

impl Fingerprint for Encoded<'_> {
    fn count(&self) -> usize {
        self.count
    }
}

impl<'de> Deserialize<'de> for Encoded<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Encoded<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("base64 of 64-bit little-endian codes")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Encoded::new(Cow::Borrowed(text))
            }

            // With escapes in it.
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Encoded::new(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}
