//! JSON read with a memory of where: every fault names its path.

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// Reads JSON in which no object has a name twice: of two, which one is meant?
pub fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(bytes).map(|Unambiguous(value)| value)
}

struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Unambiguous)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unambiguous(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, Unambiguous(value))) = entries.next_entry::<String, _>()? {
            let shown = crate::limits::clean(&name, 60);
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom(format_args!("{shown:?} is there twice")));
            }
        }
        Ok(map.into())
    }
}

/// A value and its path, as `rules[2].when.script`.
pub struct Node<'a> {
    path: String,
    value: &'a Value,
}

/// What is wrong, with its path.
pub type Fault = String;

/// The fields of an object.
pub struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
}

impl<'a> Node<'a> {
    pub fn root(value: &'a Value) -> Node<'a> {
        Node { path: String::new(), value }
    }

    /// A fault of this value.
    pub fn fault(&self, reason: impl std::fmt::Display) -> Fault {
        if self.path.is_empty() {
            return format!("the file {reason}");
        }
        format!("{} {reason}", self.path)
    }

    /// A fault that shows the value.
    fn not(&self, wanted: impl std::fmt::Display) -> Fault {
        let mut shown = self.value.to_string();
        if shown.len() > 60 {
            shown = crate::limits::clean(&shown, 60) + "…";
        }
        self.fault(format_args!("is {shown}, and must be {wanted}"))
    }

    /// An object of which `known` are the names.
    pub fn fields(&self, known: &[&str]) -> Result<Fields<'a>, Fault> {
        let Value::Object(map) = self.value else { return Err(self.not("an object")) };
        let fields = Fields { path: self.path.clone(), map };
        for name in map.keys() {
            if !known.contains(&name.as_str()) {
                let path = fields.path_of(&crate::limits::clean(name, 60));
                return Err(match nearest(name, known) {
                    Some(near) => format!("{path}: unknown; did you mean {near}?"),
                    None => format!("{path}: unknown; known here are {}", known.join(", ")),
                });
            }
        }
        Ok(fields)
    }

    pub fn boolean(&self) -> Result<bool, Fault> {
        self.value.as_bool().ok_or_else(|| self.not("true or false"))
    }

    pub fn integer(&self, from: u32, to: u32) -> Result<u32, Fault> {
        // 6000.0 is as good as 6000.
        let number = self.value.as_f64().filter(|x| x.fract() == 0.0);
        number
            .filter(|x| (f64::from(from)..=f64::from(to)).contains(x))
            .map(|x| x as u32)
            .ok_or_else(|| self.not(format_args!("a whole number from {from} to {to}")))
    }

    pub fn share(&self) -> Result<f64, Fault> {
        let number = self.value.as_f64().filter(|x| (0.0..=1.0).contains(x));
        number.ok_or_else(|| self.not("a number from 0 to 1"))
    }

    pub fn text(&self, bytes: usize) -> Result<String, Fault> {
        let wanted = || self.not(format_args!("a text of 1 to {bytes} bytes"));
        let text = self.value.as_str().ok_or_else(wanted)?;
        if text.is_empty() || text.len() > bytes {
            return Err(wanted());
        }
        if text.chars().any(char::is_control) {
            return Err(self.not("free of control characters"));
        }
        Ok(text.to_owned())
    }

    /// One of a few names.
    pub fn one_of<T: Copy>(&self, names: &[(&str, T)]) -> Result<T, Fault> {
        let text = self.value.as_str().unwrap_or_default();
        if let Some((_, value)) = names.iter().find(|(name, _)| *name == text) {
            return Ok(*value);
        }
        let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        let fault = self.not(format_args!("one of {}", known.join(", ")));
        Err(match nearest(text, &known) {
            Some(near) => format!("{fault}; did you mean {near}?"),
            None => fault,
        })
    }

    /// The entries of a list of `from` to `to`.
    pub fn list(&self, from: usize, to: usize) -> Result<Vec<Node<'a>>, Fault> {
        let wanted = || self.not(format_args!("a list of {from} to {to}"));
        let list = self.value.as_array().ok_or_else(wanted)?;
        if !(from..=to).contains(&list.len()) {
            let n = list.len();
            return Err(self.fault(format_args!("has {n} entries, and must have {from} to {to}")));
        }
        let entry = |(n, value)| Node { path: format!("{}[{n}]", self.path), value };
        Ok(list.iter().enumerate().map(entry).collect())
    }

    /// The entries of a list, or the one that stands for a list of one.
    pub fn one_or_more(&self, to: usize) -> Result<Vec<Node<'a>>, Fault> {
        match self.value {
            Value::Array(_) => self.list(1, to),
            value => Ok(vec![Node { path: self.path.clone(), value }]),
        }
    }

    pub fn value(&self) -> &'a Value {
        self.value
    }
}

impl<'a> Fields<'a> {
    pub fn get(&self, name: &str) -> Option<Node<'a>> {
        let value = self.map.get(name)?;
        Some(Node { path: self.path_of(name), value })
    }

    pub fn required(&self, name: &str, what: &str) -> Result<Node<'a>, Fault> {
        self.get(name).ok_or_else(|| format!("{}: missing; {what}", self.path_of(name)))
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

/// The name that was probably meant.
fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    // Half of it wrong is another word.
    let close = |k: &&str| strsim::damerau_levenshtein(name, k) <= 1 + k.len() / 4;
    if name.len() > 64 {
        return None;
    }
    let candidates = known.iter().copied().filter(close);
    candidates.min_by_key(|k| strsim::damerau_levenshtein(name, k))
}
