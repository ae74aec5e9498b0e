//! Names of files: their natural order, their numbers, and patterns of them.

use std::cmp::Ordering;

use super::StackError;
use super::axes::Axis;

/// A part of a name: text, or a run of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Text(&'a str),
    Digits(&'a str),
}

/// A name in its parts.
pub(super) fn parts(name: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        parts.push(if digits { Part::Digits(part) } else { Part::Text(part) });
        rest = after;
    }
    parts
}

/// Numbers in names count by their value: `t2` comes before `t10`.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let key = |digits: &str| {
        let value = digits.trim_start_matches('0');
        (value.len(), value.to_owned(), digits.len())
    };
    for (a, b) in parts(a).iter().zip(&parts(b)) {
        let order = match (a, b) {
            (Part::Digits(a), Part::Digits(b)) => key(a).cmp(&key(b)),
            (Part::Text(a), Part::Text(b)) => a.cmp(b),
            (Part::Digits(_), Part::Text(_)) => Ordering::Less,
            (Part::Text(_), Part::Digits(_)) => Ordering::Greater,
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// Whether `name` matches a pattern in which `*` stands for any text.
pub(super) fn matches_wildcard(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut inside) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while inside < name.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, inside));
            at += 1;
        } else if pattern.get(at) == Some(&name[inside]) {
            at += 1;
            inside += 1;
        } else if let Some((back, taken)) = star {
            star = Some((back, taken + 1));
            at = back + 1;
            inside = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// Name and number of `NAME_sceneN`.
pub(super) fn scene(stem: &str) -> Option<(&str, u64)> {
    let at = stem.rfind("_scene")?;
    let number = &stem[at + "_scene".len()..];
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    Some((&stem[..at], number.parse().ok().filter(|_| digits)?))
}

/// The name without the endings of image files: `movie` of `movie.ome.tif`.
pub(super) fn stem(name: &str) -> &str {
    let without = |name: &str, ending: &str| {
        let at = name.len().checked_sub(ending.len())?;
        (at > 0 && name.get(at..)?.eq_ignore_ascii_case(ending)).then_some(at)
    };
    let at = ["tif", "tiff", "btf", "tf2", "tf8", "nd2", "czi"]
        .iter()
        .find_map(|ending| without(name, &format!(".{ending}")));
    let stem = match at {
        Some(at) => &name[..at],
        None => name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem }),
    };
    without(stem, ".ome").or_else(|| without(stem, ".companion.ome")).map_or(stem, |at| &stem[..at])
}

/// A piece of a name pattern.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Any,
    Field(Axis),
}

/// A name pattern such as `img_t{t}_p{p}_c{c}.tif`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    pub text: String,
    pieces: Vec<Piece>,
}

/// What stands in a name where the pattern has its fields.
pub(super) type Fields<'a> = Vec<(Axis, &'a str)>;

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Pattern, StackError> {
        let fault = |why: String| Err(StackError::Pattern { pattern: text.to_owned(), why });
        let mut pieces: Vec<Piece> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let piece = if let Some(after) = rest.strip_prefix('{') {
                let Some((name, after)) = after.split_once('}') else {
                    return fault("a { has no }".to_owned());
                };
                rest = after;
                match name {
                    "t" | "T" => Piece::Field(Axis::Time),
                    "p" | "P" => Piece::Field(Axis::Position),
                    "c" | "C" => Piece::Field(Axis::Channel),
                    "z" | "Z" => Piece::Field(Axis::Depth),
                    other => return fault(format!("{{{other}}} is not known")),
                }
            } else if let Some(after) = rest.strip_prefix('*') {
                rest = after;
                Piece::Any
            } else {
                let (text, after) = rest.split_at(rest.find(['{', '*']).unwrap_or(rest.len()));
                rest = after;
                Piece::Text(text.to_owned())
            };
            if matches!(piece, Piece::Field(_)) && pieces.contains(&piece) {
                return fault("a field is there twice".to_owned());
            }
            if !matches!(piece, Piece::Text(_))
                && pieces.last().is_some_and(|last| !matches!(last, Piece::Text(_)))
            {
                return fault("two fields touch one another: nothing tells where one ends".to_owned());
            }
            pieces.push(piece);
        }
        if !pieces.iter().any(|piece| matches!(piece, Piece::Field(_))) {
            return fault("it has no field".to_owned());
        }
        if text.contains(['/', '\\']) {
            return fault("it names folders: it is for the files of one folder".to_owned());
        }
        Ok(Pattern { text: text.to_owned(), pieces })
    }

    pub(super) fn has(&self, axis: Axis) -> bool {
        self.pieces.contains(&Piece::Field(axis))
    }

    /// The fields of `name`, or None where it does not match. Times and depths are digits; positions and channels
    /// may be words.
    pub(super) fn fields<'a>(&self, name: &'a str) -> Option<Fields<'a>> {
        let mut fields = Vec::new();
        fields_from(&self.pieces, name, &mut fields).then_some(fields)
    }
}

fn fields_from<'a>(pieces: &[Piece], name: &'a str, fields: &mut Fields<'a>) -> bool {
    let Some((piece, pieces)) = pieces.split_first() else { return name.is_empty() };
    let axis = match piece {
        Piece::Text(text) => {
            return name.strip_prefix(text.as_str()).is_some_and(|rest| fields_from(pieces, rest, fields));
        }
        Piece::Any => None,
        Piece::Field(axis) => Some(*axis),
    };
    let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
    let known = fields.len();
    for end in ends.filter(|end| *end > 0 || axis.is_none()) {
        let (value, rest) = name.split_at(end);
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        if matches!(axis, Some(Axis::Time | Axis::Depth)) && !digits {
            break;
        }
        // A number is taken whole.
        if digits && axis.is_some() && rest.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        fields.extend(axis.map(|axis| (axis, value)));
        if fields_from(pieces, rest, fields) {
            return true;
        }
        fields.truncate(known);
    }
    false
}
