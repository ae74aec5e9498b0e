//! Computes hashes and the seal: the SHA-256 of `evidence.json` with the seal's own 64 digits written as
//! zeros.
//!
//! The seal is over the file's bytes rather than over a normal form of its values, so that no reader has to agree on
//! how numbers are written; `sha256sum` after one `sed` checks it too.

use crate::types::sha256;

/// Placeholder for the digits of the seal.
pub(super) const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// The end of the file after the seal.
const TAIL: &str = "\"\n}\n";

/// Puts the seal into `text`, whose last value is [`BLANK`].
pub(super) fn seal(mut text: String) -> String {
    text.push('\n');
    let digits = sha256(text.as_bytes());
    if let Some((at, _)) = sealed(&text) {
        text.replace_range(at..at + BLANK.len(), &digits);
    }
    text
}

/// The seal that `text` carries and the one that it should carry; `None` where it has none.
pub(super) fn check(text: &str) -> Option<(String, String)> {
    let (at, digits) = sealed(text)?;
    let mut blank = text.to_owned();
    blank.replace_range(at..at + BLANK.len(), BLANK);
    Some((digits.to_owned(), sha256(blank.as_bytes())))
}

/// The offset of the seal's digits in `text`, and the digits.
fn sealed(text: &str) -> Option<(usize, &str)> {
    let body = text.strip_suffix(TAIL)?;
    let at = body.len().checked_sub(BLANK.len())?;
    let (head, digits) = (body.get(..at)?, body.get(at..)?);
    let is_seal = digits.bytes().all(|b| b.is_ascii_hexdigit()) && head.ends_with("\"seal\": \"");
    is_seal.then_some((at, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        format!("{{\n  \"verdict\": \"ng\",\n  \"seal\": \"{BLANK}\"\n}}")
    }

    #[test]
    fn a_sealed_text_holds_its_own_seal() {
        let (carried, right) = check(&seal(text())).unwrap();
        assert_eq!(carried, right);
        assert_ne!(carried, BLANK);
    }

    #[test]
    fn one_changed_letter_breaks_the_seal() {
        let (carried, right) = check(&seal(text()).replace("ng", "ok")).unwrap();
        assert_ne!(carried, right);
    }

    #[test]
    fn a_text_that_is_cut_short_has_no_seal() {
        let sealed = seal(text());
        for end in 0..sealed.len() {
            assert_eq!(check(&sealed[..end]), None);
        }
    }
}
