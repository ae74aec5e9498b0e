//! Removes secrets from text. Two nets, one behind the other: every secret that this box is known to have, in each form in
//! which text may carry it; and whatever looks like a secret by its place, known or not.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::pattern;

/// What stands in the place of a secret, and in that of a name.
pub(super) const REMOVED: &str = "[removed]";
const NAMED: &str = "[name]";
/// Shorter secrets are removed by their place only: removing `abc` everywhere would spoil the text and show what it was.
const SHORTEST: usize = 4;
/// Shorter names are no names: letters that number things.
const SHORTEST_NAME: usize = 2;
/// Shorter pieces of base64 occur by chance.
const SHORTEST_BASE64: usize = 6;

/// The secrets and the names of a box.
#[derive(Default)]
pub(super) struct Redactor {
    /// Every form of every secret, the longest first.
    forms: Vec<String>,
    names: Vec<String>,
}

impl Redactor {
    pub fn new(
        secrets: impl IntoIterator<Item = String>,
        names: impl IntoIterator<Item = String>,
    ) -> Redactor {
        let longer = |least: usize| move |text: &String| text.chars().count() >= least;
        let mut forms: Vec<String> =
            secrets.into_iter().filter(longer(SHORTEST)).flat_map(|secret| forms(&secret)).collect();
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        let mut names: Vec<String> = names.into_iter().filter(longer(SHORTEST_NAME)).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        Redactor { forms, names }
    }

    /// `text` without secrets and names.
    pub fn redact(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for form in &self.forms {
            if clean.contains(form.as_str()) {
                clean = clean.replace(form.as_str(), REMOVED);
            }
        }
        clean = pattern::without_secrets(&clean, REMOVED);
        for name in &self.names {
            clean = without_name(&clean, name);
        }
        clean
    }
}

/// The forms in which a text may carry `secret`: as it is, escaped as in JSON, percent-encoded, as hexadecimal digits, and as
/// base64 at each of the three places where it can begin within a longer text.
fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let percent = |keep: &dyn Fn(u8) -> bool, upper: bool| {
        let one = |byte: &u8| match keep(*byte) {
            true => char::from(*byte).to_string(),
            false if upper => format!("%{byte:02X}"),
            false => format!("%{byte:02x}"),
        };
        bytes.iter().map(one).collect::<String>()
    };
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let in_user = |byte: u8| unreserved(byte) || b"!$&'()*+,;=".contains(&byte);
    let mut forms = vec![secret.to_owned()];
    forms.push(serde_json::Value::from(secret).to_string().trim_matches('"').to_owned());
    for upper in [true, false] {
        forms.extend([
            percent(&unreserved, upper),
            percent(&in_user, upper),
            percent(&|byte: u8| byte.is_ascii_alphanumeric(), upper),
        ]);
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    forms.extend([hex.to_uppercase(), hex]);
    for before in 0..3 {
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let encoded = engine.encode([&[0; 2][..before], bytes].concat());
            // The first digits depend on what is before, the last on what follows.
            let (first, end) = ((before * 8).div_ceil(6), (before + bytes.len()) * 8 / 6);
            let stable = encoded.get(first..end).unwrap_or_default();
            if stable.len() >= SHORTEST_BASE64 {
                forms.push(stable.to_owned());
            }
        }
    }
    forms
}

/// `text` without the whole word, or words, `name`.
fn without_name(text: &str, name: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    while let Some(at) = rest.find(name) {
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        let last = before.chars().next_back().or(out.chars().next_back());
        let whole = !joins(last) && !joins(after.chars().next());
        out.push_str(before);
        out.push_str(if whole { NAMED } else { name });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_removed_in_every_form_that_text_may_carry() {
        let secret = "p@ss/wörd+1";
        let redactor = Redactor::new([secret.to_owned(), "ab".into()], []);
        let engines = [STANDARD_NO_PAD, URL_SAFE_NO_PAD];
        let mut texts = vec![
            format!("it is {secret}."),
            "rtsp://x/p%40ss%2Fw%C3%B6rd%2B1 and p%40ss%2fw%c3%b6rd+1".to_owned(),
        ];
        for user in ["", "a", "joe:", "admin:", "user1:"] {
            texts.extend(
                engines.iter().map(|engine| format!("[{}]", engine.encode(format!("{user}{secret}")))),
            );
        }
        for text in &texts {
            let clean = redactor.redact(text);
            assert!(clean.contains(REMOVED), "{text} became {clean}");
            let inner: Vec<String> =
                engines.iter().map(|engine| engine.encode(secret)[..6].to_owned()).collect();
            for part in ["wörd", "w%C3", "w%c3"].into_iter().chain(inner.iter().map(String::as_str)) {
                assert!(!clean.contains(part), "{text} became {clean}");
            }
        }
        assert_eq!(redactor.redact("about abacus"), "about abacus");
    }

    #[test]
    fn names_are_removed_as_whole_words() {
        let redactor = Redactor::new([], ["Anna Meier".to_owned(), "anna".into(), "Al".into()]);
        assert_eq!(
            redactor.redact("Anna Meier (anna) enrolled by annabel; Alarm, Al"),
            "[name] ([name]) enrolled by annabel; Alarm, [name]"
        );
    }
}
