//! JSON and URLs with the values of a request in braces, such as `{prompt}`.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// What is encoded in a part of a URL: all but the unreserved characters (RFC 3986, 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `text` as a part of a path or a value of a query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A value by its name.
pub(super) type Values = BTreeMap<String, Value>;

/// A piece of a template's text.
enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// `text` in its pieces. Braces around anything but a name (`a-z`, digits, `_`) are text.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut rest, mut from) = (Vec::new(), text, 0);
    while let Some(open) = rest[from..].find('{').map(|at| from + at) {
        let name = rest[open + 1..].split('}').next().unwrap_or_default();
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_closed = rest.as_bytes().get(open + 1 + name.len()) == Some(&b'}');
        if name.is_empty() || !is_closed || !name.bytes().all(is_letter) {
            from = open + 1;
            continue;
        }
        pieces.push(Piece::Text(&rest[..open]));
        pieces.push(Piece::Name(name));
        rest = &rest[open + name.len() + 2..];
        from = 0;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// The names in braces of `text`.
pub(super) fn names_in_text(text: &str) -> BTreeSet<String> {
    let names = pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Name(name) => Some(name.to_owned()),
        Piece::Text(_) => None,
    });
    names.collect()
}

/// The names in braces of all texts of `json`.
pub(super) fn names_in_json(json: &Value) -> BTreeSet<String> {
    match json {
        Value::String(text) => names_in_text(text),
        Value::Array(items) => items.iter().flat_map(names_in_json).collect(),
        Value::Object(fields) => fields.values().flat_map(names_in_json).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => BTreeSet::new(),
    }
}

/// `url` with encoded values; a name without a value stays as it is.
pub(super) fn filled_url(url: &str, values: &Values) -> String {
    filled_text(url, values, encoded)
}

/// `json` with the values in their places. A text that is nothing but one name becomes the value with its type; names within
/// a text become text.
pub(super) fn filled_json(json: &Value, values: &Values) -> Value {
    match json {
        Value::String(text) => {
            let whole = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match whole.and_then(|name| values.get(name)) {
                Some(value) => value.clone(),
                None => Value::String(filled_text(text, values, str::to_owned)),
            }
        }
        Value::Array(items) => items.iter().map(|item| filled_json(item, values)).collect(),
        Value::Object(fields) => {
            let filled = fields.iter().map(|(key, value)| (key.clone(), filled_json(value, values)));
            Value::Object(filled.collect())
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain.clone(),
    }
}

fn filled_text(text: &str, values: &Values, encode: impl Fn(&str) -> String) -> String {
    let parts = pieces(text).into_iter().map(|piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Name(name) => match values.get(name) {
            Some(Value::String(value)) => encode(value),
            Some(value) => encode(&value.to_string()),
            None => format!("{{{name}}}"),
        },
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values() -> Values {
        [("prompt".to_owned(), json!("a \"red\" {seed} shoe/7")), ("seed".to_owned(), json!(7))].into()
    }

    #[test]
    fn values_keep_their_type_and_a_value_is_not_a_template() {
        let template = json!({
            "prompt": "{prompt}", "seed": "{seed}", "list": ["no {seed}", 5], "other": "{ seed } {Seed} {", "x": "{absent}"
        });
        let filled = filled_json(&template, &values());
        let expected = json!({
            "prompt": "a \"red\" {seed} shoe/7", "seed": 7, "list": ["no 7", 5], "other": "{ seed } {Seed} {", "x": "{absent}"
        });
        assert_eq!(filled, expected);
        let names: Vec<String> = names_in_json(&template).into_iter().collect();
        assert_eq!(names, ["absent", "prompt", "seed"]);
    }

    #[test]
    fn a_value_cannot_leave_its_place_in_a_url() {
        let url = filled_url("https://host/v1/{prompt}/{seed}?a={seed}", &values());
        assert_eq!(url, "https://host/v1/a%20%22red%22%20%7Bseed%7D%20shoe%2F7/7?a=7");
        assert_eq!(names_in_text("/{a}/{b}{a}").into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
