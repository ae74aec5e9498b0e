//! A name pattern for numbered files of one picture each, from what differs in their names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::StackError;
use super::inputs::file_name;
use super::names::{Part, Pattern, parts};

/// A pattern for files of one picture each, by what differs in their names.
pub(super) fn pattern(origin: &Path, files: &[PathBuf]) -> Result<Pattern, StackError> {
    let names: Vec<_> = files.iter().map(|file| file_name(file)).collect();
    let split: Vec<_> = names.iter().map(|name| parts(name)).collect();
    let fault = |why: String, suggestion: String| StackError::AmbiguousNames {
        path: origin.to_owned(),
        why,
        suggestion,
    };
    let Some((first, others)) = split.split_first() else {
        return Err(fault("there is no file".to_owned(), String::new()));
    };
    if files.iter().any(|file| file.parent() != files[0].parent()) {
        return Err(fault("its files of one picture each lie in several folders".to_owned(), String::new()));
    }
    let mut differ = BTreeSet::new();
    for (other, name) in others.iter().zip(names.iter().skip(1)) {
        let same = other.len() == first.len()
            && first.iter().zip(other).enumerate().all(|(at, (a, b))| match (a, b) {
                (Part::Digits(a), Part::Digits(b)) => {
                    if a != b {
                        differ.insert(at);
                    }
                    true
                }
                (a, b) => a == b,
            });
        if !same {
            return Err(fault(format!("{} and {name} differ in more than numbers", names[0]), String::new()));
        }
    }
    let letters = match differ.len() {
        1 => vec!['t'],
        _ => letters(first, &differ),
    };
    let mut text = String::new();
    let mut letters = letters.into_iter();
    for (at, part) in first.iter().enumerate() {
        match part {
            Part::Digits(_) if differ.contains(&at) => text
                .push_str(&letters.next().map_or_else(|| "*".to_owned(), |letter| format!("{{{letter}}}"))),
            Part::Digits(part) | Part::Text(part) => text.push_str(part),
        }
    }
    if differ.len() != 1 {
        let why = format!("its names differ in {} numbers, and nothing says which is the time", differ.len());
        return Err(fault(why, format!(", for instance {text}")));
    }
    Pattern::parse(&text)
}

/// Letters of axes for the numbers that differ, by the text in front of each.
fn letters(parts: &[Part<'_>], differ: &BTreeSet<usize>) -> Vec<char> {
    let mut free = vec!['t', 'p', 'c', 'z'];
    let hint = |at: &usize| {
        let Some(Part::Text(text)) = at.checked_sub(1).and_then(|before| parts.get(before)) else {
            return None;
        };
        let word = text.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_lowercase();
        match word.as_str() {
            "t" | "time" | "frame" => Some('t'),
            "p" | "s" | "f" | "xy" | "pos" | "position" | "fov" | "scene" | "field" => Some('p'),
            "c" | "w" | "ch" | "channel" => Some('c'),
            "z" | "slice" => Some('z'),
            _ => None,
        }
    };
    let hints: Vec<_> = differ.iter().map(hint).collect();
    free.retain(|letter| !hints.contains(&Some(*letter)));
    let mut free = free.into_iter();
    hints.into_iter().filter_map(|hint| hint.or_else(|| free.next())).collect()
}
