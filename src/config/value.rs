//! Reads single values, and reports those with a wrong type or outside their range.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use super::raw::{Doc, TomlTable, nearest};

/// A value of the file with its place.
pub(crate) struct PlacedValue<'d, 'a> {
    pub(super) doc: &'d Doc<'a>,
    pub(super) key: String,
    pub(super) span: Range<usize>,
    pub(super) value: &'d DeValue<'a>,
}

impl<'d, 'a> PlacedValue<'d, 'a> {
    /// Notes a fault at this value.
    pub(crate) fn fault(&self, reason: impl Into<String>, remedy: impl Into<String>) {
        self.doc.fault(&self.span, &self.key, reason, remedy);
    }

    /// Notes a fault: the value is not of the type that `wanted` describes. Always `None`.
    pub(crate) fn wrong_type<T>(&self, wanted: &str) -> Option<T> {
        let found = match self.value {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.fault(format!("wrong type: this is {found}"), format!("write {wanted}"));
        None
    }

    /// The value as text; notes a fault where it is not.
    pub(crate) fn text(&self) -> Option<&'d str> {
        match self.value {
            DeValue::String(text) => Some(text),
            _ => self.wrong_type("text in quotes"),
        }
    }

    /// The items of a list; notes a fault where it is not a list. `of` names the items in the message.
    pub(crate) fn items(&self, of: &str) -> Option<Vec<PlacedValue<'d, 'a>>> {
        let DeValue::Array(items) = self.value else { return self.wrong_type(&format!("a list of {of}")) };
        let items = items.iter().enumerate().map(|(index, item)| PlacedValue {
            doc: self.doc,
            key: format!("{}[{index}]", self.key),
            span: item.span(),
            value: item.get_ref(),
        });
        Some(items.collect())
    }

    /// A list of texts; notes a fault where an item is not text.
    pub(crate) fn texts(&self) -> Option<Vec<String>> {
        self.items("texts")?.iter().map(|item| item.text().map(str::to_owned)).collect()
    }

    /// A list of numbers in `range`; notes a fault where an item is not.
    pub(crate) fn numbers(&self, range: RangeInclusive<f64>) -> Option<Vec<f32>> {
        self.items("numbers")?.iter().map(|item| item.number(range.clone())).collect()
    }

    /// Whether the value is a list.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.value, DeValue::Array(_))
    }

    /// Whether the value is text.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.value, DeValue::String(_))
    }

    /// Whether the value is a table.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    /// A whole number in `range`; notes a fault where it is not.
    pub(crate) fn whole(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let DeValue::Integer(integer) = self.value else { return self.wrong_type("a whole number") };
        let value = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        value.filter(|value| range.contains(value)).or_else(|| self.out_of_range(integer, &range))
    }

    /// A number in `range`, whole or not; notes a fault where it is not.
    pub(crate) fn number(&self, range: RangeInclusive<f64>) -> Option<f32> {
        let value: f64 = match self.value {
            DeValue::Float(float) => float.as_str().parse().ok()?,
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok()? as f64,
            _ => return self.wrong_type("a number"),
        };
        if range.contains(&value) { Some(value as f32) } else { self.out_of_range(value, &range) }
    }

    /// A finite number with all of its digits; notes a fault where it is none.
    pub(crate) fn real(&self) -> Option<f64> {
        let value: Option<f64> = match self.value {
            DeValue::Float(float) => float.as_str().replace('_', "").parse().ok(),
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|value| value as f64)
            }
            _ => return self.wrong_type("a number"),
        };
        let value = value.filter(|value| value.is_finite());
        if value.is_none() {
            self.fault("this is not a finite number", "write a number such as 0.5 or 1e-6");
        }
        value
    }

    /// Text, or a number or boolean as it is written; notes a fault where it is something else.
    pub(crate) fn plain_text(&self) -> Option<String> {
        match self.value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Boolean(value) => Some(value.to_string()),
            DeValue::Integer(_) | DeValue::Float(_) => self.real().map(|value| value.to_string()),
            _ => self.wrong_type("a text or a number"),
        }
    }

    /// The value as a boolean; notes a fault where it is not.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            _ => self.wrong_type("true or false, without quotes"),
        }
    }

    /// The meaning of a word out of `words`; notes a fault where it is another.
    pub(crate) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.fault(format!("\"{text}\" is not known here"), nearest(text, &known));
        None
    }

    fn out_of_range<T, N: Display>(&self, value: impl Display, range: &RangeInclusive<N>) -> Option<T> {
        self.fault(
            format!("{value} is out of range"),
            format!("write a value from {} to {}", range.start(), range.end()),
        );
        None
    }
}

/// Reads single keys, with a default or `None` where the key is absent or faulty.
impl<'d, 'a> TomlTable<'d, 'a> {
    /// The whole number `key` in `range`, or its default.
    pub(crate) fn whole<N: TryFrom<i64> + Into<i64> + Copy>(
        &self,
        key: &'static str,
        default: N,
        range: RangeInclusive<N>,
    ) -> N {
        let range = (*range.start()).into()..=(*range.end()).into();
        let value = self.get(key).and_then(|field| field.whole(range));
        value.and_then(|value| N::try_from(value).ok()).unwrap_or(default)
    }

    /// The number `key` in `range`, if given.
    pub(crate) fn number(&self, key: &'static str, range: RangeInclusive<f64>) -> Option<f32> {
        self.get(key)?.number(range)
    }

    /// The boolean `key`, or its default.
    pub(crate) fn boolean(&self, key: &'static str, default: bool) -> bool {
        self.get(key).and_then(|field| field.boolean()).unwrap_or(default)
    }

    /// The text `key`, if given.
    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        Some(self.get(key)?.text()?.to_owned())
    }

    /// The folder `key` in which the service writes, if given; notes a fault where its path is empty.
    pub(crate) fn folder(&self, key: &'static str) -> Option<PathBuf> {
        let field = self.get(key)?;
        match field.text()? {
            "" => {
                let remedy = "name a folder that the service may write, or leave the key out";
                field.fault("the path is empty", remedy);
                None
            }
            path => Some(path.into()),
        }
    }

    /// The meaning of the word `key` out of `words`, if given.
    pub(crate) fn word<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.get(key)?.word(words)
    }

    /// The duration `key` in milliseconds, as its name says (`…_ms`), or its default.
    pub(crate) fn millis(&self, key: &'static str, default: u32, range: RangeInclusive<u32>) -> Duration {
        Duration::from_millis(u64::from(self.whole(key, default, range)))
    }
}
