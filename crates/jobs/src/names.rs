//! Texts that come from outside: which characters and lengths are taken.

use std::fmt;

/// What a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameField {
    /// The kind of a job.
    Kind,
    /// The name that people see.
    Name,
    /// The label of a job in its workflow.
    Label,
    /// The key that only one job may have.
    UniqueKey,
    /// The name of a step.
    Step,
}

impl fmt::Display for NameField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameField::Kind => "kind",
            NameField::Name => "name",
            NameField::Label => "label",
            NameField::UniqueKey => "unique_key",
            NameField::Step => "step",
        })
    }
}

/// A text that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is nothing in it.
    #[error("{field} is empty: give it 1 to {max} characters")]
    Empty {
        /// What the text is for.
        field: NameField,
        /// Characters that are allowed.
        max: usize,
    },
    /// There is too much of it.
    #[error("{field} has {chars} characters, at most {max} are allowed: shorten \"{shown}…\"")]
    Long {
        /// What the text is for.
        field: NameField,
        /// Characters that it has.
        chars: usize,
        /// Characters that are allowed.
        max: usize,
        /// The first characters of it.
        shown: String,
    },
    /// A character that could change a terminal, a path or the order of the text.
    #[error("{field} has the character U+{code:04X} at position {position}, which is not allowed: {allowed}")]
    Character {
        /// What the text is for.
        field: NameField,
        /// The character's number in Unicode.
        code: u32,
        /// Its position in characters, from 1.
        position: usize,
        /// What is allowed instead.
        allowed: &'static str,
    },
    /// A name that is a path upwards.
    #[error("{field} is \"{shown}\", a path: give a name without a folder that does not begin with \"..\"")]
    Path {
        /// What the text is for.
        field: NameField,
        /// The name that was given.
        shown: String,
    },
}

/// Checks a text that people read: printable, no part of a path, at most `max` characters.
pub(crate) fn check_name(field: NameField, text: &str, max: usize) -> Result<(), NameError> {
    check(field, text, max, "use printable characters, without / and \\", |c| {
        !is_invisible(c) && c != '/' && c != '\\'
    })?;
    if text.starts_with("..") || text == "." {
        return Err(NameError::Path { field, shown: text.into() });
    }
    Ok(())
}

/// Checks a key: printable, at most `max` characters. It names no file, so slashes are allowed.
pub(crate) fn check_key(text: &str, max: usize) -> Result<(), NameError> {
    check(NameField::UniqueKey, text, max, "use printable characters", |c| !is_invisible(c))
}

/// Checks a word of a program: lower case letters, digits, `_` and `-`, at most `max` characters.
pub(crate) fn check_word(field: NameField, text: &str, max: usize) -> Result<(), NameError> {
    check(field, text, max, "use a-z, 0-9, _ and -", |c| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-'
    })
}

fn check(
    field: NameField,
    text: &str,
    max: usize,
    allowed: &'static str,
    takes: impl Fn(char) -> bool,
) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { field, max });
    }
    // In bytes first: counting the characters of a very long text is work as well.
    let chars = if text.len() > max { text.chars().count() } else { 0 };
    let wrong = text.chars().take(max + 1).enumerate().find(|(_, c)| !takes(*c));
    if let Some((at, c)) = wrong {
        return Err(NameError::Character { field, code: c.into(), position: at + 1, allowed });
    }
    if chars > max {
        return Err(NameError::Long { field, chars, max, shown: text.chars().take(20).collect() });
    }
    Ok(())
}

/// Control characters, and those that turn the direction of text or take no space.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// A reason as it is kept: what is invisible becomes a space, and at most `max` characters stay.
pub(crate) fn clean(text: &str, max: usize) -> String {
    let mut chars = text.chars();
    let mut kept: String = chars.by_ref().take(max).map(|c| if is_invisible(c) { ' ' } else { c }).collect();
    if chars.next().is_some() {
        kept.push('…');
    }
    kept
}
