//! Fields of a line, and the numbers in them.

use std::borrow::Cow;

use crate::point::Reason;

/// Why a field is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberFault {
    Text,
    NotFinite,
    Ambiguous,
}

impl NumberFault {
    /// The reason, with the name of the column.
    pub(super) fn of(self, column: &str) -> Reason {
        let column = column.to_owned();
        match self {
            NumberFault::Text => Reason::NotANumber { column },
            NumberFault::NotFinite => Reason::NotFinite { column },
            NumberFault::Ambiguous => Reason::Ambiguous { column },
        }
    }
}

/// The finite number that a field has.
pub(super) fn number(field: &str, decimal_comma: bool) -> Result<f64, NumberFault> {
    let field = field.trim();
    // Visual C++ writes 1.#INF, 1.#QNAN and -1.#IND.
    if field.contains('#') {
        let special = ["#INF", "#QNAN", "#SNAN", "#IND"].iter().any(|word| field.contains(word));
        return Err(if special { NumberFault::NotFinite } else { NumberFault::Text });
    }
    let value: Result<f64, _> = if !decimal_comma {
        field.parse()
    } else if field.contains('.') {
        return Err(NumberFault::Ambiguous);
    } else {
        field.replacen(',', ".", 1).parse()
    };
    match value {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(NumberFault::NotFinite),
        Err(_) => Err(NumberFault::Text),
    }
}

/// The fields of a line. A quoted field may hold separators, and a doubled quotation mark is one; it ends on its line.
pub(super) fn split(line: &str, separator: u8) -> Result<Vec<Cow<'_, str>>, Reason> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        if let Some(quoted) = rest.trim_start_matches(' ').strip_prefix('"') {
            let (field, after) = unquote(quoted)?;
            fields.push(field);
            rest = after.trim_start_matches(' ');
            match rest.as_bytes().first() {
                None => return Ok(fields),
                Some(byte) if *byte == separator => rest = &rest[1..],
                Some(_) => return Err(Reason::Quote),
            }
        } else {
            match memchr::memchr(separator, rest.as_bytes()) {
                Some(end) => {
                    fields.push(Cow::Borrowed(&rest[..end]));
                    rest = &rest[end + 1..];
                }
                None => {
                    fields.push(Cow::Borrowed(rest));
                    return Ok(fields);
                }
            }
        }
    }
}

/// What stands before the closing quotation mark, and what follows it.
fn unquote(text: &str) -> Result<(Cow<'_, str>, &str), Reason> {
    let mut field = String::new();
    let mut from = 0;
    loop {
        let end = from + memchr::memchr(b'"', &text.as_bytes()[from..]).ok_or(Reason::Quote)?;
        if text.as_bytes().get(end + 1) == Some(&b'"') {
            field.push_str(&text[from..=end]);
            from = end + 2;
        } else if field.is_empty() {
            return Ok((Cow::Borrowed(&text[from..end]), &text[end + 1..]));
        } else {
            field.push_str(&text[from..end]);
            return Ok((Cow::Owned(field), &text[end + 1..]));
        }
    }
}

/// Text of a line: UTF-8, or else Latin-1, which LabVIEW and Excel write for units such as °C.
pub(super) fn decode(line: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(line) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(line.iter().map(|byte| char::from(*byte)).collect()),
    }
}
