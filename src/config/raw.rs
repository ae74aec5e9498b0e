//! A TOML document with positions, and a typed reader that collects all faults instead of stopping at the
//! first.
//!
//! Reading a key from a [`TomlTable`] makes it known, and [`TomlTable::finish`] reports every other key as
//! unknown. So there is no second list of keys beside the code that reads them.

use std::cell::RefCell;
#[cfg(test)]
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Fault;
use super::text;
use super::value::PlacedValue;

/// The text of one file, with the faults found so far.
pub(crate) struct Doc<'a> {
    file: String,
    text: &'a str,
    root: Spanned<DeTable<'a>>,
    faults: RefCell<Vec<Fault>>,
    /// Every key that was read, so that a test can compare the documentation with it.
    #[cfg(test)]
    known: RefCell<BTreeSet<String>>,
}

impl<'a> Doc<'a> {
    /// Reads `text`. All syntax errors become faults at once; [`Doc::is_sound`] is false then.
    pub(crate) fn read(file: &Path, text: &'a str) -> Doc<'a> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let doc = Doc {
            file: file.display().to_string(),
            text,
            root,
            faults: RefCell::default(),
            #[cfg(test)]
            known: RefCell::default(),
        };
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            match text::unseen_in_line(text, span.start) {
                // The character is invisible or looks like a space, so the message names its code point.
                Some((at, c)) => {
                    let reason =
                        format!("U+{:04X} is here, which looks like a space or is invisible", c as u32);
                    doc.fault(&(at..at), "", reason, "type this place again: only plain spaces are TOML");
                }
                None => {
                    let remedy = "correct the TOML syntax; the keys are checked after that";
                    doc.fault(&span, "", error.message(), remedy);
                }
            }
        }
        doc
    }

    /// Whether no fault was found so far.
    pub(crate) fn is_sound(&self) -> bool {
        self.faults.borrow().is_empty()
    }

    /// The top-level table of the document.
    pub(crate) fn root(&self) -> TomlTable<'_, 'a> {
        TomlTable {
            doc: self,
            path: String::new(),
            span: 0..0,
            entries: Some(self.root.get_ref()),
            asked: RefCell::default(),
        }
    }

    /// Notes a fault at `span`.
    pub(crate) fn fault(
        &self,
        span: &Range<usize>,
        key: &str,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (line, column) = line_and_column(self.text, span.start);
        self.note(Fault {
            file: self.file.clone(),
            line,
            column,
            key: key.to_owned(),
            reason: reason.into(),
            remedy: remedy.into(),
        });
    }

    /// Adds a fault of another file, such as a model's card.
    pub(crate) fn note(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }

    /// The faults in the order of the file, those of other files last.
    pub(crate) fn into_faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort_by_key(|fault| (fault.file != self.file, fault.line, fault.column));
        faults
    }

    /// Every key that was read, such as `camera.ring_slots`, for the test that all are documented.
    #[cfg(test)]
    pub(crate) fn known_keys(&self) -> BTreeSet<String> {
        self.known.borrow().clone()
    }
}

/// A table of the document, or an absent table in which every key is absent.
pub(crate) struct TomlTable<'d, 'a> {
    doc: &'d Doc<'a>,
    path: String,
    span: Range<usize>,
    entries: Option<&'d DeTable<'a>>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'d, 'a> TomlTable<'d, 'a> {
    /// The document that holds this table.
    pub(crate) fn doc(&self) -> &'d Doc<'a> {
        self.doc
    }

    /// The full name of `key` in this table.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of `key`, which is marked as known; `None` where it is absent.
    pub(crate) fn get(&self, key: &'static str) -> Option<PlacedValue<'d, 'a>> {
        if !self.asked.borrow().contains(&key) {
            self.asked.borrow_mut().push(key);
        }
        #[cfg(test)]
        self.doc.known.borrow_mut().insert(without_index(&self.path_of(key)));
        let value = self.entries?.get(key)?;
        Some(PlacedValue {
            doc: self.doc,
            key: self.path_of(key),
            span: value.span(),
            value: value.get_ref(),
        })
    }

    /// The value of a required key; notes a fault at the table where it is absent.
    pub(crate) fn need(&self, key: &'static str, remedy: &str) -> Option<PlacedValue<'d, 'a>> {
        let field = self.get(key);
        if field.is_none() {
            self.doc.fault(&self.span, &self.path_of(key), "this key is missing", remedy);
        }
        field
    }

    /// Notes a fault at the head of this table.
    pub(crate) fn fault(&self, key: &str, reason: impl Into<String>, remedy: impl Into<String>) {
        self.doc.fault(&self.span, &self.path_of(key), reason, remedy);
    }

    /// The sub-table `key`; a table without keys where it is absent.
    pub(crate) fn table(&self, key: &'static str) -> TomlTable<'d, 'a> {
        self.table_if(key).unwrap_or_else(|| self.child(self.path_of(key), self.span.clone(), None))
    }

    /// The sub-table `key`; `None` where it is absent.
    pub(crate) fn table_if(&self, key: &'static str) -> Option<TomlTable<'d, 'a>> {
        let field = self.get(key)?;
        self.as_table(field, "a table")
    }

    /// The tables of the array `key` (`[[key]]`), in order.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<TomlTable<'d, 'a>> {
        let Some(field) = self.get(key) else { return Vec::new() };
        let DeValue::Array(items) = field.value else {
            return field.wrong_type(&format!("tables written as [[{key}]]")).unwrap_or_default();
        };
        let items = items.iter().enumerate().filter_map(|(index, item)| {
            let key = format!("{}[{index}]", field.key);
            self.as_table(
                PlacedValue { doc: self.doc, key, span: item.span(), value: item.get_ref() },
                "a table",
            )
        });
        items.collect()
    }

    /// The named tables of `key` (`[key.NAME]`), in the order of the file.
    pub(crate) fn named(&self, key: &'static str) -> Vec<(String, TomlTable<'d, 'a>)> {
        let Some(parent) = self.table_if(key) else { return Vec::new() };
        let mut found: Vec<_> = parent.entries.into_iter().flat_map(|entries| entries.iter()).collect();
        found.sort_by_key(|(name, _)| name.span().start);
        let found = found.into_iter().filter_map(|(name, value)| {
            let name = name.get_ref().to_string();
            let field = PlacedValue {
                doc: self.doc,
                key: parent.path_of(&name),
                span: value.span(),
                value: value.get_ref(),
            };
            Some((name, self.as_table(field, &format!("a table written as [{key}.NAME]"))?))
        });
        found.collect()
    }

    /// Ends the reading of this table, and notes every key that was not read as unknown.
    pub(crate) fn finish(self) {
        let asked = self.asked.borrow();
        for (key, _) in self.entries.into_iter().flat_map(|entries| entries.iter()) {
            let name: &str = key.get_ref();
            if !asked.contains(&name) {
                self.doc.fault(&key.span(), &self.path_of(name), "unknown key", nearest(name, &asked));
            }
        }
    }

    fn as_table(&self, field: PlacedValue<'d, 'a>, what: &str) -> Option<TomlTable<'d, 'a>> {
        match field.value {
            DeValue::Table(entries) => Some(self.child(field.key, field.span, Some(entries))),
            _ => field.wrong_type(what),
        }
    }

    fn child(&self, path: String, span: Range<usize>, entries: Option<&'d DeTable<'a>>) -> TomlTable<'d, 'a> {
        TomlTable { doc: self.doc, path, span, entries, asked: RefCell::default() }
    }
}

/// Line and column in characters, both from 1, of the byte `at`.
pub(crate) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The key without its indices: `camera[0].name` becomes `camera.name`.
#[cfg(test)]
fn without_index(key: &str) -> String {
    let parts = key.split('[').enumerate();
    parts
        .map(
            |(index, part)| {
                if index == 0 { part } else { part.split_once(']').map_or(part, |(_, rest)| rest) }
            },
        )
        .collect()
}

/// Most words that a remedy lists, because a classifier may have a thousand classes.
const LISTED: usize = 16;

/// The remedy for an unknown word: the most similar known one, else those that contain it, else all up to a
/// limit.
pub(crate) fn nearest(word: &str, known: &[&str]) -> String {
    let best = known.iter().map(|known| (strsim::damerau_levenshtein(word, known), known)).min();
    match best {
        Some((distance, known)) if distance <= 1 + word.len() / 4 => format!("did you mean \"{known}\"?"),
        _ => {
            let holding: Vec<&str> =
                known.iter().copied().filter(|known| !word.is_empty() && known.contains(word)).collect();
            let known = if holding.is_empty() { known } else { &holding };
            let more = known.len().saturating_sub(LISTED);
            let listed = known[..known.len() - more].join(if known.iter().any(|word| word.contains(',')) {
                "; "
            } else {
                ", "
            });
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("use one of: {listed}{more}")
        }
    }
}
