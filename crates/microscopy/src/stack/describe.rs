//! What was understood of a stack, as text for a person.

use std::fmt::Write;

use super::Position;

/// What the text is made of.
pub(super) struct Facts<'a> {
    pub format: &'a str,
    pub pixels: &'a str,
    pub files: usize,
    pub positions: &'a [Position],
    pub channels: &'a [String],
    pub assumed: &'a [String],
    pub notes: &'a [String],
}

/// Positions that are listed one by one.
const LISTED: usize = 32;

/// One fact a line; each guess on a line that begins with "assumed:".
pub(super) fn describe(facts: &Facts<'_>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing into a string does not fail.
        let _ = writeln!(text, "{name}: {value}");
    };
    line(
        "format",
        if facts.files == 1 {
            facts.format.to_owned()
        } else {
            format!("{}, {} files", facts.format, facts.files)
        },
    );
    line("positions", facts.positions.len().to_string());
    let channels: Vec<_> =
        facts.channels.iter().enumerate().map(|(number, name)| format!("{number} {name}")).collect();
    line("channels", format!("{} ({})", facts.channels.len(), channels.join(", ")));
    line("pixels", facts.pixels.to_owned());
    for position in facts.positions.iter().take(LISTED) {
        line(&format!("position {}", position.name), one(position));
    }
    if let Some(left) = facts.positions.len().checked_sub(LISTED).filter(|left| *left > 0) {
        line("position", format!("and {left} more"));
    }
    for assumed in facts.assumed {
        line("assumed", assumed.clone());
    }
    for note in facts.notes {
        line("note", note.clone());
    }
    text
}

fn one(position: &Position) -> String {
    let Position { frames, depth, width, height, pixel_size_um, times_ms, .. } = position;
    let size = match pixel_size_um {
        Some([x, y]) if x == y => format!("{} \u{b5}m a pixel", short(*x)),
        Some([x, y]) => format!("{} x {} \u{b5}m a pixel", short(*x), short(*y)),
        None => "pixel size unknown".to_owned(),
    };
    let times = match times_ms.as_deref() {
        Some([_, .., last]) => format!("0 to {} s", short(last / 1e3)),
        Some(_) => "one moment".to_owned(),
        None => "no time stamps".to_owned(),
    };
    let depth = if *depth > 1 { format!(" x {depth} deep") } else { String::new() };
    format!("{frames} frames{depth}, {width} x {height} pixels, {size}, {times}")
}

/// At most six digits behind the point, without zeros at the end.
fn short(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
