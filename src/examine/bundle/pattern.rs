//! What looks like a secret by its place in a text: the login and the query of a URL, the value behind a key such as
//! `password`, private keys and hashes of passwords.

use std::ops::Range;

/// Words that, within a key, make its value a secret.
const KEYS: [&str; 9] =
    ["password", "passwd", "passphrase", "passwort", "secret", "token", "apikey", "userpw", "authorization"];
/// Whole keys that do.
const WHOLE_KEYS: [&str; 5] = ["pw", "pwd", "pass", "privatekey", "bearer"];
/// Keys that name a place or a limit and no secret.
const HARMLESS_ENDS: [&str; 7] = ["file", "files", "path", "dir", "chars", "bytes", "ms"];

/// `text` with `instead` in the place of everything that looks like a secret.
pub(super) fn without_secrets(text: &str, instead: &str) -> String {
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for range in secrets(text) {
        if range.start >= at {
            out.push_str(&text[at..range.start]);
            out.push_str(instead);
            at = range.end;
        } else if range.end > at {
            at = range.end;
        }
    }
    out.push_str(&text[at..]);
    out
}

/// The parts of `text` that look like secrets, by their places: sorted by the beginning, some within others.
pub(super) fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    urls(text, &mut found);
    values(text, &mut found);
    blocks(text, &mut found);
    found.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    found
}

/// Logins and queries of URLs. A query may hold a key under any name.
fn urls(text: &str, found: &mut Vec<Range<usize>>) {
    let ends = |c: char| c.is_whitespace() || c.is_control() || "\"'`<>,;)]}|".contains(c);
    for (at, _) in text.match_indices("://") {
        let start = at + 3;
        let end = text[start..].find(ends).map_or(text.len(), |end| start + end);
        let url = &text[start..end];
        // A password may hold what ends a host, written wrongly.
        let host = url.rfind('@').map_or(start, |at| start + at);
        if host > start {
            found.push(start..host);
        }
        if let Some(query) = text[host..end].find('?').filter(|query| host + query + 1 < end) {
            found.push(host + query + 1..end);
        }
    }
}

/// Values behind keys: `password = "x"`, `token=x`, `"secret": "x"`, `Authorization: Basic x`.
fn values(text: &str, found: &mut Vec<Range<usize>>) {
    let part_of_key = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.';
    let mut at = 0;
    while let Some(begin) = text[at..].find(part_of_key).map(|begin| at + begin) {
        let end = text[begin..].find(|c| !part_of_key(c)).map_or(text.len(), |end| begin + end);
        at = end;
        let key = text[begin..end].rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        let Some(kind) = kind_of(&key) else { continue };
        if let Some(range) = value_behind(text, end, kind) {
            at = range.end.max(end);
            found.push(range);
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum KeyKind {
    /// Its value is behind `=` or `:`.
    Assigned,
    /// As well, up to the end of the line: `Authorization: Basic …`.
    Line,
    /// Its value is behind a blank: `Bearer …`.
    Blank,
}

fn kind_of(key: &str) -> Option<KeyKind> {
    let plain: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
    if HARMLESS_ENDS.iter().any(|end| key.ends_with(end)) {
        return None;
    }
    match () {
        () if plain.ends_with("authorization") => Some(KeyKind::Line),
        () if plain == "bearer" => Some(KeyKind::Blank),
        () if WHOLE_KEYS.contains(&&*plain) || KEYS.iter().any(|word| plain.contains(word)) => {
            Some(KeyKind::Assigned)
        }
        () if key.ends_with("_pw") || key.ends_with("-pw") => Some(KeyKind::Assigned),
        () => None,
    }
}

/// The range of the value of a key that ends at `end`.
fn value_behind(text: &str, end: usize, kind: KeyKind) -> Option<Range<usize>> {
    let blank = |c: char| c == ' ' || c == '\t';
    let rest = &text[end..];
    let mut behind = rest.trim_start_matches(['"', '\'', '\\']).trim_start_matches(blank);
    if kind != KeyKind::Blank {
        behind = behind.strip_prefix(['=', ':'])?.trim_start_matches(blank);
    } else if behind.len() == rest.len() {
        return None;
    }
    let quoted = behind.trim_start_matches('\\');
    let (begin, value) = match quoted.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let inner = quoted.trim_start_matches(quote);
            let begin = text.len() - inner.len();
            (begin, closing(inner, quote))
        }
        Some(_) if kind == KeyKind::Line => {
            (text.len() - behind.len(), behind.find(['\n', '\r', '"']).unwrap_or(behind.len()))
        }
        Some(_) => {
            let stops = |c: char| c.is_whitespace() || "\"',;&)}]".contains(c);
            (text.len() - behind.len(), behind.find(stops).unwrap_or(behind.len()))
        }
        None => return None,
    };
    (value > 0).then_some(begin..begin + value)
}

/// Where the quote that closes `inner` is; its length where none does in this line.
fn closing(inner: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            '\n' => return at,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at,
            _ => {}
        }
    }
    inner.len()
}

/// Private keys in PEM, and hashes of passwords.
fn blocks(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, _) in text.match_indices("-----BEGIN ") {
        let head = text[at..].lines().next().unwrap_or_default();
        if head.contains("PRIVATE KEY") {
            let end = text[at..].find("-----END ").map_or(text.len(), |end| at + end);
            found.push(at + head.len()..end);
        }
    }
    for (at, _) in text.match_indices("$argon2") {
        let end = text[at..]
            .find(|c: char| c.is_whitespace() || "\"'".contains(c))
            .map_or(text.len(), |end| at + end);
        found.push(at..end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_removed_and_the_rest_stays() {
        for (text, clean) in [
            ("rtsp://joe:SECRET@cam/live?key=SECRET, then", "rtsp://-@cam/live?-, then"),
            ("mqtt://u:SEC/RET@broker:1883", "mqtt://-@broker:1883"),
            ("password = \"SECRET with \\\" blanks\" # x", "password = \"-\" # x"),
            ("{\"api_token\":\"SECRET\",\"b\":1}", "{\"api_token\":\"-\",\"b\":1}"),
            ("souphttpsrc user-pw=SECRET ! jpegdec", "souphttpsrc user-pw=- ! jpegdec"),
            ("GET /x Authorization: Basic SECRET\nnext", "GET /x Authorization: -\nnext"),
            ("curl -H 'x: Bearer SECRET'", "curl -H 'x: Bearer -'"),
            (
                "-----BEGIN EC PRIVATE KEY-----\nSECRET\n-----END EC PRIVATE KEY-----",
                "-----BEGIN EC PRIVATE KEY-----------END EC PRIVATE KEY-----",
            ),
            ("anna:admin:$argon2id$v=19$SECRET\nb", "anna:admin:-\nb"),
            ("password_file = \"/etc/ocellus/password\"", "password_file = \"/etc/ocellus/password\""),
            ("it refused the user name or password", "it refused the user name or password"),
            ("http://127.0.0.1:8080/healthz", "http://127.0.0.1:8080/healthz"),
            ("a://", "a://"),
            ("token=", "token="),
        ] {
            assert_eq!(without_secrets(text, "-"), clean, "{text}");
        }
    }

    #[test]
    fn any_text_is_taken_without_a_panic() {
        for text in [
            "password=ü\"ö",
            "://ü@ö?ä",
            "bearer",
            "Bearer \u{a0}x",
            "\"token\\\":\\\"x\\\"",
            "$argon2",
            "-----BEGIN PRIVATE KEY",
        ] {
            without_secrets(text, "-");
        }
    }
}
