//! One JSON object: its numbers are channels, nested keys are joined by points.

use super::columns::is_name;
use super::leaves::{Leaf, leaves};
use super::parser::Parsed;
use super::settings::FormatSettings;
use crate::point::{BadLine, Point, Reason};

/// Keys of the time, where the settings name none.
const TIME_KEYS: [&str; 3] = ["timestamp", "time", "t"];

/// Reads one object; of a wrong one nothing is taken.
pub(super) fn record(settings: &FormatSettings, time_ns: i64, line: u64, bytes: &[u8], out: &mut Parsed) {
    let bad = |reason, out: &mut Parsed| out.refuse(BadLine::new(line, reason, bytes));
    let leaves = match leaves(bytes) {
        Ok(leaves) => leaves,
        Err(reason) => return bad(reason, out),
    };
    let key = time_key(settings, &leaves);
    let time_ns = match (settings.time.is_in_file(), key) {
        (false, _) => time_ns,
        (true, Some(key)) => match time_of(settings, &leaves, key) {
            Ok(time_ns) => time_ns,
            Err(reason) => return bad(reason, out),
        },
        (true, None) => {
            let column = settings.time_column.as_deref().unwrap_or(TIME_KEYS[0]).to_owned();
            return bad(Reason::NoTime { column }, out);
        }
    };
    for (name, leaf) in &leaves {
        if settings.time.is_in_file() && Some(name.as_str()) == key || !is_name(name) || !settings.takes(name)
        {
            continue;
        }
        let value = match leaf {
            Leaf::Number(value) => *value,
            Leaf::Integer(value) => *value as f64,
            Leaf::NotFinite => {
                bad(Reason::NotFinite { column: name.clone() }, out);
                continue;
            }
            // Text is a comment, unless the settings name it as a channel.
            Leaf::Text(_) if settings.channels.is_empty() => continue,
            Leaf::Text(_) => {
                bad(Reason::NotANumber { column: name.clone() }, out);
                continue;
            }
        };
        if let Some(channel) = out.channel(name) {
            out.points.push(Point { channel, time_ns, value });
        }
    }
}

fn time_key<'a>(settings: &'a FormatSettings, leaves: &[(String, Leaf)]) -> Option<&'a str> {
    let has = |key: &str| leaves.iter().any(|(name, _)| name == key);
    match &settings.time_column {
        Some(key) => Some(key.as_str()).filter(|key| has(key)),
        None => TIME_KEYS.into_iter().find(|key| has(key)),
    }
}

fn time_of(settings: &FormatSettings, leaves: &[(String, Leaf)], key: &str) -> Result<i64, Reason> {
    let leaf = leaves.iter().find(|(name, _)| name == key).map(|(_, leaf)| leaf);
    // The shortest text of a floating-point number is the one that was written.
    let text = match leaf {
        Some(Leaf::Number(value)) => value.to_string(),
        Some(Leaf::Integer(value)) => value.to_string(),
        Some(Leaf::Text(text)) => text.clone(),
        Some(Leaf::NotFinite) | None => return Err(Reason::NoTime { column: key.to_owned() }),
    };
    settings.time.read(&text, false, &settings.zone)
}
