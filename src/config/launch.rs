//! GStreamer launch lines: the whole line for GStreamer, and the part that may be shown.

use std::fmt;

/// A launch line. Printed as text or for debugging it shows only the names of its elements, because a
/// property may hold a password under any name.
#[derive(Clone, PartialEq, Eq)]
pub struct LaunchLine(String);

impl LaunchLine {
    /// Takes the line unchecked; GStreamer checks it when it is used.
    pub fn new(text: impl Into<String>) -> LaunchLine {
        LaunchLine(text.into())
    }

    /// The whole line. For GStreamer only: it may hold secrets.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The names of its elements, in order: the first word between two `!`. A word that is not a name becomes
    /// `…`.
    pub fn elements(&self) -> Vec<&str> {
        let (mut names, mut first, mut rest) = (Vec::new(), true, self.0.trim_start());
        while let Some(start) = rest.chars().next() {
            if start == '!' || start == '(' || start == ')' {
                first = first || start == '!';
                rest = rest[1..].trim_start();
                continue;
            }
            if let Some(after) = after_assignment(rest) {
                (first, rest) = (false, after.trim_start());
                continue;
            }
            let end = rest.find(|c: char| c.is_whitespace() || c == '!').unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            // Caps (`video/x-raw,…`) reach to the next link, and a reference (`name.pad`) is not an element.
            let caps = word.contains('/');
            if first && !caps && !word.contains('.') {
                names.push(if is_name(word) { word } else { "…" });
            }
            rest = if caps { &after[after.find('!').unwrap_or(after.len())..] } else { after.trim_start() };
            first = false;
        }
        names
    }
}

impl fmt::Display for LaunchLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.elements().join(" ! "))
    }
}

impl fmt::Debug for LaunchLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "LaunchLine({self})")
    }
}

/// The rest of `text` after `name = value` at its start, with blanks around `=` and quotes as in GStreamer's
/// grammar.
fn after_assignment(text: &str) -> Option<&str> {
    let name = text.find(|c: char| !is_name_char(c)).filter(|end| *end > 0)?;
    let value = text[name..].trim_start().strip_prefix('=')?.trim_start();
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in value.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (_, '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, c) if c.is_whitespace() => return Some(&value[at..]),
            _ => {}
        }
    }
    Some("")
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_:".contains(c)
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.chars().all(is_name_char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_elements_are_ever_printed() {
        for (line, shown) in [
            ("videotestsrc is-live=true", "videotestsrc"),
            ("rtspsrc location=rtsp://a:SECRET@c user-pw=SECRET ! decodebin", "rtspsrc ! decodebin"),
            ("souphttpsrc user-pw= SECRET proxy-pw=\"SECRET ! SECRET\" ! jpegdec", "souphttpsrc ! jpegdec"),
            ("souphttpsrc user-pw = 'SEC RET' ! jpegdec", "souphttpsrc ! jpegdec"),
            ("souphttpsrc user-pw=two SECRET ! jpegdec", "souphttpsrc ! jpegdec"),
            ("a user-pw=x\\ SECRET ! video/x-raw,pw=SECRET, y=SECRET ! b", "a ! b"),
            ("a!b pw=\"\\\"SECRET\"!c", "a ! b"),
            ("( a name=t t. ! b ) t.SECRET ! c", "a ! b ! c"),
            ("SEC$RET ! b", "… ! b"),
            ("!", ""),
        ] {
            let launch = LaunchLine::new(line);
            assert_eq!(launch.to_string(), shown, "{line}");
            assert!(!format!("{launch:?}").contains("SECRET"), "{launch:?}");
        }
    }
}
