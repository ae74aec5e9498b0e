//! Reads the texts at one place of a JSON answer, which may be large: everything else is skipped and takes no memory.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::types::Explanation;

/// The most pictures of one answer.
const MOST_PICTURES: usize = 16;

/// The texts at `pointer` of an answer. A fault repeats nothing of the answer, which may hold a key.
pub(super) fn pictures_in(answer: &[u8], pointer: &str) -> Result<Vec<String>, Explanation> {
    let fault = |cause: &str| Explanation::new(cause, "correct jobs.generate.answer, or ask the service");
    let steps: Vec<String> =
        pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let mut json = serde_json::Deserializer::from_slice(answer);
    let found = Follow(&steps).deserialize(&mut json).and_then(|found| json.end().map(|()| found));
    match found.map_err(|_| fault("the service answers with something else than JSON"))? {
        Found::Text(text) => Ok(vec![text]),
        Found::Texts(texts) if !texts.is_empty() => Ok(texts),
        Found::TooMany(count) => {
            Err(fault(&format!("the answer has {count} pictures, at most {MOST_PICTURES} are taken")))
        }
        _ => Err(fault(&format!("the answer has no picture at {pointer:?} (jobs.generate.answer)"))),
    }
}

/// What is where a pointer leads to.
enum Found {
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
    /// A list of so many entries.
    TooMany(usize),
    /// Nothing, or something that is no text.
    Other,
}

/// Follows what is left of a pointer (RFC 6901).
#[derive(Clone, Copy)]
struct Follow<'p>(&'p [String]);

impl<'de> DeserializeSeed<'de> for Follow<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Found, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Follow<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Found, E> {
        Ok(if self.0.is_empty() { Found::Text(text.to_owned()) } else { Found::Other })
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Found, A::Error> {
        let Some((step, rest)) = self.0.split_first() else { return texts(items) };
        let Some(at) = index(step) else {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Found::Other);
        };
        for _ in 0..at {
            if items.next_element::<IgnoredAny>()?.is_none() {
                return Ok(Found::Other);
            }
        }
        let found = items.next_element_seed(Follow(rest))?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found.unwrap_or(Found::Other))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Found, A::Error> {
        let mut found = Found::Other;
        while let Some(key) = fields.next_key::<String>()? {
            match self.0.split_first() {
                Some((step, rest)) if *step == key => found = fields.next_value_seed(Follow(rest))?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// The texts of a list. All of it is read, and no more texts are kept than are taken.
fn texts<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Found, A::Error> {
    let (mut texts, mut is_other) = (Vec::new(), false);
    while texts.len() < MOST_PICTURES && !is_other {
        match items.next_element_seed(Follow(&[]))? {
            // A list within the list is no text.
            Some(Found::Text(text)) => texts.push(text),
            Some(_) => is_other = true,
            None => return Ok(Found::Texts(texts)),
        }
    }
    let mut more = 0;
    while items.next_element::<IgnoredAny>()?.is_some() {
        more += 1;
    }
    Ok(match (is_other, more) {
        (true, _) => Found::Other,
        (false, 0) => Found::Texts(texts),
        (false, more) => Found::TooMany(texts.len() + more),
    })
}

/// The place in a list that a step of a pointer names.
fn index(step: &str) -> Option<usize> {
    let is_plain = step.bytes().all(|byte| byte.is_ascii_digit()) && (step == "0" || !step.starts_with('0'));
    step.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_found_where_the_pointer_says_and_a_fault_repeats_no_answer() {
        let found = |answer: &str, pointer| pictures_in(answer.as_bytes(), pointer);
        assert_eq!(found(r#"{"data": [{"b64": "x"}]}"#, "/data/0/b64"), Ok(vec!["x".into()]));
        assert_eq!(found(r#"{"a/b": {"~": "x"}, "c": [1, {}, [null]]}"#, "/a~1b/~0"), Ok(vec!["x".into()]));
        assert_eq!(found(r#""x""#, ""), Ok(vec!["x".into()]));
        assert_eq!(found(r#"{"urls": ["x", "y"]}"#, "/urls"), Ok(vec!["x".into(), "y".into()]));
        let many = format!("{{\"urls\": [{}\"x\"]}}", "\"x\", ".repeat(MOST_PICTURES));
        for (answer, pointer) in [
            ("SECRET", ""),
            (r#"{"key": "SECRET"}"#, "/data"),
            (r#"{"data": 7}"#, "/data"),
            (r#"{"data": []}"#, "/data"),
            (r#"{"data": [["SECRET"]]}"#, "/data"),
            (r#"{"data": ["SECRET"]}"#, "/data/1"),
            (r#"{"data": ["SECRET"]}"#, "/data/00"),
            (r#"{"data": "SECRET"} SECRET"#, "/data"),
            (r#"{"data": "SECRET", "x": tru}"#, "/data"),
            (r#"{"data": ["SECRET", 7]}"#, "/data"),
            (&many, "/urls"),
        ] {
            let why = found(answer, pointer).unwrap_err().to_string();
            assert!(!why.contains("SECRET"), "{why}");
        }
    }
}
