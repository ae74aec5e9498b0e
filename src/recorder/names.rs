//! The names of files: a pattern whose placeholders are filled in from the camera and the frame.
//!
//! A time carries its offset from UTC (`14-03-07.123Z`, `15-03-07.123+0100`), so that a name says which time it is, and
//! the hour that daylight saving repeats does not give the same names twice.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Longest text that an experiment contributes to a name, in characters.
const MOST_EXPERIMENT: usize = 48;

/// The values that placeholders stand for.
pub(super) struct NameParts<'a> {
    pub(super) camera: &'a str,
    /// Time of capture, nanoseconds since 1970.
    pub(super) wall_ns: u64,
    pub(super) zone: &'a TimeZone,
    pub(super) frame: u64,
    pub(super) id: u64,
    pub(super) experiment: Option<&'a str>,
}

/// `pattern` filled in: a path below the recorder's folder, without the ending.
pub(super) fn name(pattern: &str, parts: &NameParts<'_>) -> String {
    let moment = Timestamp::from_nanosecond(i128::from(parts.wall_ns)).unwrap_or_default();
    let moment = parts.zone.to_datetime(moment);
    let mut out = String::with_capacity(pattern.len() + 32);
    let mut rest = pattern;
    while let Some((before, tail)) = rest.split_once('{') {
        out.push_str(before);
        let (place, tail) = tail.split_once('}').unwrap_or((tail, ""));
        // Writing to a String cannot fail.
        let _ = match place {
            "camera" => write!(out, "{}", visible(parts.camera)),
            "date" => {
                write!(out, "{:04}-{:02}-{:02}", moment.year(), moment.month(), moment.day())
            }
            "time" => write!(
                out,
                "{:02}-{:02}-{:02}.{:03}{}",
                moment.hour(),
                moment.minute(),
                moment.second(),
                moment.subsec_nanosecond() / 1_000_000,
                offset(parts)
            ),
            "frame" => write!(out, "{:08}", parts.frame),
            "id" => write!(out, "{}", parts.id),
            _ => write!(out, "{}", experiment(parts.experiment)),
        };
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// The offset from UTC: `Z`, or `+0100`.
fn offset(parts: &NameParts<'_>) -> String {
    let moment = Timestamp::from_nanosecond(i128::from(parts.wall_ns)).unwrap_or_default();
    if *parts.zone == TimeZone::UTC {
        return "Z".into();
    }
    let seconds = parts.zone.to_offset(moment).seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

/// An experiment as one part of a path: what could be a separator or hide a file becomes `_`.
fn experiment(id: Option<&str>) -> String {
    let kept = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let text: String = id.unwrap_or("none").chars().take(MOST_EXPERIMENT).map(kept).collect();
    visible(&text)
}

/// A name that begins with a dot would be hidden, or lead elsewhere.
fn visible(name: &str) -> String {
    if name.starts_with('.') { format!("_{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<'a>(zone: &'a TimeZone, experiment: Option<&'a str>) -> NameParts<'a> {
        // 2026-10-25 00:30:00.007 UTC: the first of two times 02:30 in Berlin.
        NameParts { camera: "front", wall_ns: 1_792_888_200_007_000_000, zone, frame: 42, id: 7, experiment }
    }

    #[test]
    fn a_name_says_whether_it_is_utc_or_local_and_the_doubled_hour_gives_two_names() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let pattern = "{camera}/{date}/{time}";
        assert_eq!(name(pattern, &parts(&TimeZone::UTC, None)), "front/2026-10-25/00-30-00.007Z");
        let first = name(pattern, &parts(&berlin, None));
        assert_eq!(first, "front/2026-10-25/02-30-00.007+0200");
        let second = NameParts { wall_ns: 1_792_891_800_007_000_000, ..parts(&berlin, None) };
        assert_eq!(name(pattern, &second), "front/2026-10-25/02-30-00.007+0100");
    }

    #[test]
    fn no_experiment_leads_out_of_the_folder_or_hides_a_file() {
        let named = |id| name("{experiment}/{frame}-{id}", &parts(&TimeZone::UTC, id));
        assert_eq!(named(Some("../../etc/β 7")), "_.._.._etc_β_7/00000042-7");
        assert_eq!(named(Some("..")), "_../00000042-7");
        assert_eq!(named(None), "none/00000042-7");
    }
}
