//! The values of a JSON object with their keys, nested ones joined by points.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::point::Reason;

/// Objects in one another that are read.
const DEEPEST: usize = 16;

/// A value of an object. `null` and arrays are left out.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Leaf {
    Number(f64),
    Integer(i128),
    /// NaN or an infinity, which JSON does not have and Python writes.
    NotFinite,
    Text(String),
}

/// The values of the object that `bytes` are.
pub(super) fn leaves(bytes: &[u8]) -> Result<Vec<(String, Leaf)>, Reason> {
    let bytes = bytes.trim_ascii();
    let text = super::fields::decode(bytes);
    let found = match read(&text) {
        Err(error) => {
            read(&with_words_quoted(&text)).map_err(|_| Reason::Json { what: error.to_string() })?
        }
        Ok(found) => found,
    };
    if !bytes.starts_with(b"{") {
        return Err(Reason::NotAnObject);
    }
    let mut names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Reason::Twice { column: pair[0].to_owned() }),
        None => Ok(found),
    }
}

fn read(text: &str) -> Result<Vec<(String, Leaf)>, serde_json::Error> {
    let mut found = Vec::new();
    let mut reader = serde_json::Deserializer::from_str(text);
    Leaves { name: String::new(), depth: 0, found: &mut found }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(found)
}

/// The words `NaN`, `Infinity` and `-Infinity` outside strings become strings.
fn with_words_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 16);
    let (mut rest, mut in_string) = (text, false);
    while let Some(first) = rest.chars().next() {
        let word =
            ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| !in_string && rest.starts_with(word));
        let length = if let Some(word) = word {
            quoted.extend(["\"", NOT_FINITE, "\""]);
            word.len()
        } else if in_string && first == '\\' {
            let escape = rest.chars().take(2).map(char::len_utf8).sum();
            quoted.push_str(&rest[..escape]);
            escape
        } else {
            in_string ^= first == '"';
            quoted.push(first);
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    quoted
}

/// Stands for a number that is not finite: no writer has this text.
const NOT_FINITE: &str = "\u{f8ff}not finite\u{f8ff}";

/// Collects the values below `name`.
struct Leaves<'a> {
    name: String,
    depth: usize,
    found: &'a mut Vec<(String, Leaf)>,
}

impl Leaves<'_> {
    fn push(self, leaf: Leaf) {
        self.found.push((self.name, leaf));
    }
}

impl<'de> DeserializeSeed<'de> for Leaves<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Leaves<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.push(Leaf::Integer(value.into()));
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.push(Leaf::Integer(value.into()));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.push(Leaf::Integer(value.into()));
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.push(Leaf::Number(value));
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.push(if value == NOT_FINITE { Leaf::NotFinite } else { Leaf::Text(value.to_owned()) });
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        if self.depth == DEEPEST {
            return Err(A::Error::custom(format!("more than {DEEPEST} objects in one another")));
        }
        while let Some(key) = entries.next_key::<Cow<'de, str>>()? {
            let name = if self.name.is_empty() { key.into_owned() } else { format!("{}.{key}", self.name) };
            entries.next_value_seed(Leaves { name, depth: self.depth + 1, found: self.found })?;
        }
        Ok(())
    }
}
