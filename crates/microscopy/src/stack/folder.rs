//! Many files of one stack, told apart by their names.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::axes::{Axes, Axis, Counts};
use super::inputs::file_name;
use super::names::{Pattern, natural};
use super::open::Files;
use super::pages::Understood;
use super::series::{PlaneRef, Series};
use super::{StackError, build};

/// A file whose name matches, with what stands in its fields.
#[derive(Clone)]
struct Named {
    path: PathBuf,
    fields: Vec<(Axis, String)>,
}

impl Named {
    fn value(&self, axis: Axis) -> Option<&str> {
        self.fields.iter().find(|(known, _)| *known == axis).map(|(_, value)| value.as_str())
    }
}

/// A value without leading zeros, if it is a number: `1` and `01` are the same.
fn plain(value: &str) -> &str {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { value.trim_start_matches('0') } else { value }
}

/// The values of one axis in names, in their natural order.
struct Values {
    texts: Vec<String>,
    known: HashMap<String, usize>,
}

impl Values {
    fn of(files: &[Named], axis: Axis) -> Values {
        let mut texts: Vec<_> = files.iter().filter_map(|file| file.value(axis)).map(str::to_owned).collect();
        texts.sort_by(|a, b| natural(a, b));
        texts.dedup_by(|a, b| plain(a) == plain(b));
        let known = texts.iter().enumerate().map(|(at, text)| (plain(text).to_owned(), at)).collect();
        Values { texts, known }
    }

    /// How many there are; 1 where names do not have the axis.
    fn count(&self) -> usize {
        self.texts.len().max(1)
    }

    fn index(&self, value: Option<&str>) -> usize {
        value.and_then(|value| self.known.get(plain(value)).copied()).unwrap_or(0)
    }

    fn name(&self, at: usize) -> String {
        self.texts.get(at).cloned().unwrap_or_else(|| at.to_string())
    }
}

/// Understands files by a name pattern.
pub(super) fn by_pattern(
    files: &mut Files,
    origin: &Path,
    paths: &[PathBuf],
    pattern: &Pattern,
    axes: Option<&Axes>,
) -> Result<Understood, StackError> {
    let named = |path: &PathBuf| {
        let name = file_name(path);
        let fields = pattern.fields(&name)?.into_iter().map(|(axis, value)| (axis, value.to_owned()));
        Some(Named { path: path.clone(), fields: fields.collect() })
    };
    let found: Vec<_> = paths.iter().filter_map(named).collect();
    if found.is_empty() {
        let why = format!("none of {} files matches it", paths.len());
        return Err(StackError::Pattern { pattern: pattern.text.clone(), why });
    }
    let format = format!("files by the pattern {}", pattern.text);
    let mut understood = Understood { format, ..Understood::default() };
    if let Some(left) = paths.len().checked_sub(found.len()).filter(|left| *left > 0) {
        understood
            .assumed
            .push(format!("{left} files that do not match the pattern do not belong to the stack"));
    }
    let positions = Values::of(&found, Axis::Position);
    let mut groups = vec![Vec::new(); positions.count()];
    let channels = Values::of(&found, Axis::Channel);
    for file in found {
        groups[positions.index(file.value(Axis::Position))].push(file);
    }
    let mut folder = Folder { files, origin, pattern, axes, channels, first: None, assumed: Vec::new() };
    for (number, group) in groups.iter().enumerate() {
        let mut series = folder.position(group)?;
        series.name = positions.texts.get(number).cloned();
        understood.series.push(series);
    }
    let mut seen = BTreeSet::new();
    understood.assumed.extend(folder.assumed.into_iter().filter(|line| seen.insert(line.clone())));
    Ok(understood)
}

/// A folder that is being read by a pattern.
struct Folder<'a> {
    files: &'a mut Files,
    origin: &'a Path,
    pattern: &'a Pattern,
    axes: Option<&'a Axes>,
    channels: Values,
    /// The first file, with which all others are compared.
    first: Option<Series>,
    assumed: Vec<String>,
}

impl Folder<'_> {
    /// The series of the files of one position.
    fn position(&mut self, group: &[Named]) -> Result<Series, StackError> {
        let [times, depths] = [Axis::Time, Axis::Depth].map(|axis| Values::of(group, axis));
        regular(self.origin, "frame", &times.texts, &mut self.assumed)?;
        regular(self.origin, "z", &depths.texts, &mut self.assumed)?;
        let counts = [times.count(), self.channels.count(), depths.count()];
        let mut places: BTreeMap<usize, Series> = BTreeMap::new();
        for file in group {
            let frame = times.index(file.value(Axis::Time));
            let channel = self.channels.index(file.value(Axis::Channel));
            let z = depths.index(file.value(Axis::Depth));
            let series = self.file(&file.path)?;
            if let Some(other) = places.insert((frame * counts[1] + channel) * counts[2] + z, series) {
                let place = format!("frame {frame}, channel {channel}, z {z}");
                return Err(StackError::SamePlace {
                    path: file.path.clone(),
                    other: self.files.path(other.file),
                    place,
                });
            }
        }
        let expected: usize = counts.iter().product();
        if let Some(missing) = (0..expected).find(|at| !places.contains_key(at)) {
            let position = group.first().and_then(|file| file.value(Axis::Position));
            let position = position.map_or_else(String::new, |position| format!("position {position}, "));
            let frame = times.name(missing / counts[2] / counts[1]);
            let channel = self.channels.name(missing / counts[2] % counts[1]);
            let first =
                format!("{position}frame {frame}, channel {channel}, z {}", depths.name(missing % counts[2]));
            let (path, missing) = (self.origin.to_owned(), expected - places.len());
            return Err(StackError::MissingPlanes { path, missing, expected, first });
        }
        Ok(joined(places.into_values().collect(), counts, &self.channels.texts))
    }

    /// What one file holds: one position, and planes only along axes that the names do not have.
    fn file(&mut self, path: &Path) -> Result<Series, StackError> {
        let file = self.files.load(path)?;
        let fault = |why: String| StackError::Pattern { pattern: self.pattern.text.clone(), why };
        let understood = build::understand(self.files, file, self.axes, &mut BTreeSet::new())?;
        let mut series = understood.series.into_iter();
        let (Some(only), None) = (series.next(), series.next()) else {
            return Err(fault(format!("{} holds several positions", file_name(path))));
        };
        let Counts { frames, channels, depth, .. } = only.counts;
        let counted = [
            (Axis::Time, frames, "frames"),
            (Axis::Channel, channels, "channels"),
            (Axis::Depth, depth, "planes in depth"),
        ];
        for (axis, count, what) in counted {
            if self.pattern.has(axis) && count > 1 {
                let name = file_name(path);
                let why = format!(
                    "{name} holds {count} {what}, and the names count them too: --axes says what its pages are"
                );
                return Err(fault(why));
            }
        }
        let first = self.first.get_or_insert_with(|| only.clone());
        build::same_kind(self.files, first, &only)?;
        if first.counts != only.counts {
            let [this, other] = [&only, first].map(|series| file_name(&self.files.path(series.file)));
            return Err(fault(format!("{this} and {other} hold different numbers of planes")));
        }
        self.assumed.extend(understood.assumed);
        Ok(only)
    }
}

/// One series of the series of its files, which all have the same counts. An axis is either in the names or in the files.
fn joined(parts: Vec<Series>, [frames, channels, depth]: [usize; 3], names: &[String]) -> Series {
    let mut series = parts[0].clone();
    let inner = series.counts;
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
    if !names.is_empty() {
        series.channels = names.iter().cloned().map(Some).collect();
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
    origin: &Path,
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
