//! The configuration's text in the form that may be shown: sources without secrets, and no comments, because
//! a commented-out source may hold a secret too.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::source;
use super::url::shown_url;

/// The range of a key or a text in the file, with the text that replaces it, if any.
type ShownPiece = (Range<usize>, Option<String>);

/// The TOML document `text` in the form that may be shown.
pub(super) fn shown_text(text: &str) -> String {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut pieces = Vec::new();
    collect(root.get_ref(), &mut pieces);
    pieces.sort_by_key(|(span, _)| span.start);
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (span, instead) in pieces {
        // The keys of a table's head occur again in each of its parts.
        let (Some(before), Some(own)) = (text.get(at..span.start), text.get(span.clone())) else { continue };
        without_comments(before, &mut out);
        out.push_str(instead.as_deref().unwrap_or(own));
        at = span.end;
    }
    without_comments(text.get(at..).unwrap_or_default(), &mut out);
    out
}

fn collect(table: &DeTable<'_>, pieces: &mut Vec<ShownPiece>) {
    for (key, value) in table {
        pieces.push((key.span(), None));
        value_pieces(key.get_ref(), value.get_ref(), value.span(), pieces);
    }
}

fn value_pieces(key: &str, value: &DeValue<'_>, span: Range<usize>, pieces: &mut Vec<ShownPiece>) {
    match value {
        DeValue::String(text) if key == "source" => pieces.push((span, Some(quoted(&source::shown(text))))),
        DeValue::String(text) if text.contains("://") => pieces.push((span, Some(quoted(&shown_url(text))))),
        DeValue::String(_) => pieces.push((span, None)),
        DeValue::Array(items) => {
            items.iter().for_each(|item| value_pieces(key, item.get_ref(), item.span(), pieces));
        }
        DeValue::Table(table) => collect(table, pieces),
        _ => {}
    }
}

/// TOML escapes the same characters as JSON, in the same way.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Appends the text between two keys or values without comments; a line that holds only a comment is removed.
fn without_comments(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('#') {
        out.push_str(rest[..at].trim_end_matches([' ', '\t']));
        rest = &rest[rest[at..].find('\n').map_or(rest.len(), |end| at + end)..];
        if out.is_empty() || out.ends_with('\n') {
            rest = rest.strip_prefix('\n').unwrap_or(rest);
        }
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_shown_as_everywhere_and_comments_are_left_out() {
        let text = "# source = \"rtsp://a:SECRET@b/c\"\n[device]\nname = \"b#1\" # SECRET\n\n[[camera]]\nname = 'a'\n\
            source = \"rtsp://joe:SECRET@cam/live?token=SECRET\"\n\"ring_slots\" = 8\n[[camera]]\n\
            source = '''launch:souphttpsrc user-pw=\"SECRET\" ! jpegdec'''\nzones = [{ name = \"x\", points = [[0, 1]] }]\n\
            [mqtt]\nurl = \"mqtt://broker:1883\"   # SECRET";
        let expected = "[device]\nname = \"b#1\"\n\n[[camera]]\nname = 'a'\n\
            source = \"rtsp://cam/live\"\n\"ring_slots\" = 8\n[[camera]]\n\
            source = \"launch:souphttpsrc ! jpegdec\"\nzones = [{ name = \"x\", points = [[0, 1]] }]\n\
            [mqtt]\nurl = \"mqtt://broker:1883\"";
        assert_eq!(shown_text(text), expected);
    }

    #[test]
    fn the_annotated_file_keeps_every_value() {
        let text = super::super::Config::default_text();
        let (with, without) = (toml::from_str::<toml::Table>(text), shown_text(text));
        assert_eq!(with.unwrap(), toml::from_str(&without).unwrap());
        assert!(!without.contains('#'));
    }
}
