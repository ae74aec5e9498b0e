//! Many files of one stack, told apart by their names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::axes::{Axes, Axis, Counts};
use super::inputs::file_name;
use super::names::{Part, Pattern, natural, parts};
use super::open::Files;
use super::pages::Understood;
use super::series::{PlaneRef, Series};
use super::{StackError, build};

/// A pattern for files of one picture each, by what differs in their names.
pub(super) fn sequence(origin: &std::path::Path, files: &[PathBuf]) -> Result<Pattern, StackError> {
    let names: Vec<_> = files.iter().map(|file| file_name(file)).collect();
    let split: Vec<_> = names.iter().map(|name| parts(name)).collect();
    let fault = |why: String, suggestion: String| StackError::AmbiguousNames {
        path: origin.to_owned(),
        why,
        suggestion,
    };
    let Some((first, others)) = split.split_first() else {
        return Err(fault("there is no file".to_owned(), String::new()));
    };
    if files.iter().any(|file| file.parent() != files[0].parent()) {
        return Err(fault("its files of one picture each lie in several folders".to_owned(), String::new()));
    }
    let mut differ = BTreeSet::new();
    for (other, name) in others.iter().zip(names.iter().skip(1)) {
        let same = other.len() == first.len()
            && first.iter().zip(other).enumerate().all(|(at, (a, b))| match (a, b) {
                (Part::Digits(a), Part::Digits(b)) => {
                    if a != b {
                        differ.insert(at);
                    }
                    true
                }
                (a, b) => a == b,
            });
        if !same {
            return Err(fault(format!("{} and {name} differ in more than numbers", names[0]), String::new()));
        }
    }
    let letters = match differ.len() {
        1 => vec!['t'],
        _ => letters(first, &differ),
    };
    let mut text = String::new();
    let mut letters = letters.into_iter();
    for (at, part) in first.iter().enumerate() {
        match part {
            Part::Digits(_) if differ.contains(&at) => text
                .push_str(&letters.next().map_or_else(|| "*".to_owned(), |letter| format!("{{{letter}}}"))),
            Part::Digits(part) | Part::Text(part) => text.push_str(part),
        }
    }
    if differ.len() != 1 {
        let why = format!("its names differ in {} numbers, and nothing says which is the time", differ.len());
        return Err(fault(why, format!(", for instance {text}")));
    }
    Pattern::parse(&text)
}

/// Letters of axes for the numbers that differ, by the text in front of each.
fn letters(parts: &[Part<'_>], differ: &BTreeSet<usize>) -> Vec<char> {
    let mut free = vec!['t', 'p', 'c', 'z'];
    let hint = |at: &usize| {
        let Some(Part::Text(text)) = at.checked_sub(1).and_then(|before| parts.get(before)) else {
            return None;
        };
        let word = text.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_lowercase();
        match word.as_str() {
            "t" | "time" | "frame" => Some('t'),
            "p" | "s" | "f" | "xy" | "pos" | "position" | "fov" | "scene" | "field" => Some('p'),
            "c" | "w" | "ch" | "channel" => Some('c'),
            "z" | "slice" => Some('z'),
            _ => None,
        }
    };
    let hints: Vec<_> = differ.iter().map(hint).collect();
    free.retain(|letter| !hints.contains(&Some(*letter)));
    let mut free = free.into_iter();
    hints.into_iter().filter_map(|hint| hint.or_else(|| free.next())).collect()
}

/// The values of one axis in names, in their natural order.
fn values(found: &[(PathBuf, Vec<(Axis, String)>)], axis: Axis) -> Vec<String> {
    let mut values: Vec<_> = found.iter().filter_map(|(_, fields)| value(fields, axis)).collect();
    values.sort_by(|a, b| natural(a, b));
    values.dedup();
    values
}

fn value(fields: &[(Axis, String)], axis: Axis) -> Option<String> {
    fields.iter().find(|(known, _)| *known == axis).map(|(_, value)| value.clone())
}

/// Understands files by a name pattern.
pub(super) fn by_pattern(
    files: &mut Files,
    origin: &std::path::Path,
    paths: &[PathBuf],
    pattern: &Pattern,
    axes: Option<&Axes>,
) -> Result<Understood, StackError> {
    let matched = |path: &PathBuf| {
        let name = file_name(path);
        let fields = pattern.fields(&name)?;
        Some((
            path.clone(),
            fields.into_iter().map(|(axis, value)| (axis, value.to_owned())).collect::<Vec<_>>(),
        ))
    };
    let found: Vec<_> = paths.iter().filter_map(matched).collect();
    if found.is_empty() {
        let why = format!("none of {} files matches it", paths.len());
        return Err(StackError::Pattern { pattern: pattern.text.clone(), why });
    }
    let mut understood =
        Understood { format: format!("files by the pattern {}", pattern.text), ..Understood::default() };
    let left = paths.len() - found.len();
    if left > 0 {
        understood
            .assumed
            .push(format!("{left} files that do not match the pattern do not belong to the stack"));
    }
    let channels = values(&found, Axis::Channel);
    let positions =
        if pattern.has(Axis::Position) { values(&found, Axis::Position) } else { vec![String::new()] };
    for position in &positions {
        let here: Vec<_> = found
            .iter()
            .filter(|(_, fields)| value(fields, Axis::Position).unwrap_or_default() == *position)
            .cloned()
            .collect();
        let mut series =
            position_series(files, origin, pattern, &here, &channels, axes, &mut understood.assumed)?;
        series.name = (!position.is_empty()).then(|| position.clone());
        understood.series.push(series);
    }
    let mut seen = BTreeSet::new();
    understood.assumed.retain(|line| seen.insert(line.clone()));
    Ok(understood)
}

/// The series of one position.
fn position_series(
    files: &mut Files,
    origin: &std::path::Path,
    pattern: &Pattern,
    here: &[(PathBuf, Vec<(Axis, String)>)],
    channels: &[String],
    axes: Option<&Axes>,
    assumed: &mut Vec<String>,
) -> Result<Series, StackError> {
    let [times, depths] = [Axis::Time, Axis::Depth].map(|axis| values(here, axis));
    regular(origin, "frame", &times, assumed)?;
    regular(origin, "z", &depths, assumed)?;
    let counts = [times.len().max(1), channels.len().max(1), depths.len().max(1)];
    let mut places: BTreeMap<usize, Series> = BTreeMap::new();
    let mut first: Option<Series> = None;
    for (path, fields) in here {
        let series = file_series(files, path, pattern, axes, assumed)?;
        let first = first.get_or_insert_with(|| series.clone());
        build::same_kind(files, first, &series)?;
        let index = |axis, values: &[String]| {
            value(fields, axis).and_then(|value| values.iter().position(|known| *known == value)).unwrap_or(0)
        };
        let place = [index(Axis::Time, &times), index(Axis::Channel, channels), index(Axis::Depth, &depths)];
        let at = (place[0] * counts[1] + place[1]) * counts[2] + place[2];
        let file = series.file;
        if let Some(other) = places.insert(at, series) {
            let place = format!("frame {}, channel {}, z {}", place[0], place[1], place[2]);
            return Err(StackError::SamePlace {
                path: files.path(file),
                other: files.path(other.file),
                place,
            });
        }
    }
    let expected: usize = counts.iter().product();
    if let Some(missing) = (0..expected).find(|at| !places.contains_key(at)) {
        let name = |values: &[String], at: usize| values.get(at).cloned().unwrap_or_else(|| at.to_string());
        let channel = name(channels, missing / counts[2] % counts[1]);
        let place = here
            .first()
            .and_then(|(_, fields)| value(fields, Axis::Position))
            .map(|position| format!("position {position}, "))
            .unwrap_or_default();
        let first = format!(
            "{place}frame {}, channel {channel}, z {}",
            name(&times, missing / counts[2] / counts[1]),
            name(&depths, missing % counts[2])
        );
        return Err(StackError::MissingPlanes {
            path: origin.to_owned(),
            missing: expected - places.len(),
            expected,
            first,
        });
    }
    Ok(joined(places, counts, channels))
}

/// What one file holds: one position, and planes only along axes that the names do not have.
fn file_series(
    files: &mut Files,
    path: &std::path::Path,
    pattern: &Pattern,
    axes: Option<&Axes>,
    assumed: &mut Vec<String>,
) -> Result<Series, StackError> {
    let file = files.load(path)?;
    let fault = |why: String| StackError::Pattern { pattern: pattern.text.clone(), why };
    let understood = build::understand(files, file, axes, &mut BTreeSet::new())?;
    assumed.extend(understood.assumed);
    let mut series = understood.series.into_iter();
    let (Some(only), None) = (series.next(), series.next()) else {
        return Err(fault(format!("{} holds several positions", file_name(path))));
    };
    let Counts { frames, channels, depth, .. } = only.counts;
    for (axis, count, name) in [
        (Axis::Time, frames, "frames"),
        (Axis::Channel, channels, "channels"),
        (Axis::Depth, depth, "planes in depth"),
    ] {
        if pattern.has(axis) && count > 1 {
            return Err(fault(format!(
                "{} holds {count} {name}, and the names count them too; --axes says what its pages are",
                file_name(path)
            )));
        }
    }
    Ok(only)
}

/// One series of the series of its files. An axis is either in the names or in the files.
fn joined(
    places: BTreeMap<usize, Series>,
    [frames, channels, depth]: [usize; 3],
    names: &[String],
) -> Series {
    let parts: Vec<Series> = places.into_values().collect();
    let inner = parts[0].counts;
    let counts = Counts {
        positions: 1,
        frames: frames * inner.frames,
        channels: channels * inner.channels,
        depth: depth * inner.depth,
    };
    let mut planes: Vec<PlaneRef> = Vec::with_capacity(counts.frames * counts.channels * counts.depth);
    for frame in 0..counts.frames {
        for channel in 0..counts.channels {
            for z in 0..counts.depth {
                let outer =
                    (frame / inner.frames * channels + channel / inner.channels) * depth + z / inner.depth;
                planes.extend(parts[outer].plane(
                    frame % inner.frames,
                    channel % inner.channels,
                    z % inner.depth,
                ));
            }
        }
    }
    let first = parts.into_iter().next();
    let mut series = first.unwrap_or_else(|| unreachable!("a position has at least one file"));
    if !names.is_empty() {
        series.channels = names.iter().map(|name| Some(name.clone())).collect();
    }
    if inner.frames != counts.frames {
        series.times_ms = None;
    }
    series.counts = counts;
    series.planes = planes;
    series
}

/// Numbers of frames must have equal distances: a missing one would shift all that follow it.
fn regular(
    origin: &std::path::Path,
    what: &str,
    values: &[String],
    assumed: &mut Vec<String>,
) -> Result<(), StackError> {
    let numbers: Vec<u64> = values.iter().filter_map(|value| value.parse().ok()).collect();
    let steps: Vec<_> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let Some(step) = steps.iter().min().copied() else { return Ok(()) };
    if let Some(at) = steps.iter().position(|other| *other != step) {
        let expected = (numbers[numbers.len() - 1] - numbers[0]) / step.max(1) + 1;
        let missing = (expected as usize).saturating_sub(numbers.len());
        return Err(StackError::MissingPlanes {
            path: origin.to_owned(),
            missing,
            expected: expected as usize,
            first: format!("{what} {}", numbers[at] + step),
        });
    }
    if step != 1 {
        assumed.push(format!("the names count every {step}th {what}, and none is missing"));
    }
    Ok(())
}
