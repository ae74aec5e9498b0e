//! From inputs to a stack: everything is understood, compared and described once, when it is opened.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::axes::{Axes, Counts};
use super::inputs::{Inputs, file_name, find};
use super::metadata::is_ome;
use super::names::{scene, stem};
use super::open::Files;
use super::pages::{Understood, describes_itself};
use super::series::{Content, PlaneRef, Series};
use super::{Inner, Position, StackError, StackOptions, describe, folder, ome_tiff, pages, sequence, times};

/// Opens everything that `inputs` name.
pub(super) fn open(inputs: &[PathBuf], options: &StackOptions) -> Result<Inner, StackError> {
    let axes = options.axes.as_deref().map(Axes::parse).transpose()?;
    if let Some(interval_ms) =
        options.frame_interval_ms.filter(|interval| !(interval.is_finite() && *interval > 0.0))
    {
        return Err(StackError::Interval { interval_ms });
    }
    let inputs = find(inputs, options.pattern.as_deref())?;
    let mut files = Files::default();
    let mut understood = understand_all(&mut files, &inputs, axes.as_ref())?;
    if let Some(axes) = &options.axes {
        understood.assumed.push(format!("the order of planes is {axes}, as it was given"));
    }
    finish(files, inputs, understood, options)
}

/// Understands every file: together by a pattern, or each for itself as one position or several.
fn understand_all(files: &mut Files, inputs: &Inputs, axes: Option<&Axes>) -> Result<Understood, StackError> {
    if let Some(pattern) = &inputs.pattern {
        return folder::by_pattern(files, &inputs.origin, &inputs.files, pattern, axes);
    }
    for path in &inputs.files {
        files.load(path)?;
    }
    if inputs.files.len() > 1 {
        let alone: Vec<_> =
            files.list.iter().filter(|file| !describes_itself(file)).map(|file| file.path.clone()).collect();
        if alone.len() == files.list.len() {
            let pattern = sequence::pattern(&inputs.origin, &inputs.files)?;
            let mut understood = folder::by_pattern(files, &inputs.origin, &inputs.files, &pattern, axes)?;
            understood
                .assumed
                .push("the number in the names counts frames in time (a pattern says otherwise)".to_owned());
            return Ok(understood);
        }
        if let Some(single) = alone.first() {
            let why =
                format!("{} holds one picture and does not say which, others hold stacks", file_name(single));
            return Err(StackError::AmbiguousNames {
                path: inputs.origin.clone(),
                why,
                suggestion: String::new(),
            });
        }
    }
    positions(files, inputs, axes)
}

/// Each file is one position or several.
fn positions(files: &mut Files, inputs: &Inputs, axes: Option<&Axes>) -> Result<Understood, StackError> {
    let mut used = BTreeSet::new();
    let mut all = Understood::default();
    let mut sets = 0;
    for path in &inputs.files {
        let file = files.load(path)?;
        if !used.insert(file) {
            continue;
        }
        let understood = understand(files, file, axes, &mut used)?;
        sets += 1;
        let name = file_name(path);
        let prefix = if inputs.files.len() > 1 { format!("{name}: ") } else { String::new() };
        all.assumed.extend(understood.assumed.into_iter().map(|line| format!("{prefix}{line}")));
        all.format = if sets == 1 {
            understood.format
        } else if all.format == understood.format {
            all.format
        } else {
            "several formats".to_owned()
        };
        for mut series in understood.series {
            if series.name.is_none() && inputs.files.len() > 1 {
                series.name = Some(stem(&name).to_owned());
            }
            if let Some(first) = all.series.first().filter(|first| first.file != series.file) {
                same_kind(files, first, &series)?;
            }
            all.series.push(series);
        }
    }
    let scenes = inputs.files.iter().all(|path| scene(stem(&file_name(path))).is_some());
    if sets > 1 && !scenes {
        all.assumed.push(format!("the {sets} files are positions, in the order of their names"));
    }
    Ok(all)
}

/// Understands what one file holds.
pub(super) fn understand(
    files: &mut Files,
    file: u32,
    axes: Option<&Axes>,
    used: &mut BTreeSet<u32>,
) -> Result<Understood, StackError> {
    match (&files.list[file as usize].content, axes) {
        (Content::Source(_), None) => Ok(of_source(files, file)),
        (Content::Source(source), Some(_)) => {
            let why = format!("{} files say the order of their planes", source.format());
            Err(StackError::Axes { axes: "given".to_owned(), why })
        }
        (Content::Tiff(index), None) if is_ome(&index.description) => ome_tiff::understand(files, file, used),
        _ => pages::understand(files, file, axes),
    }
}

/// The series of a source that is no TIFF.
fn of_source(files: &Files, file: u32) -> Understood {
    let Content::Source(source) = &files.list[file as usize].content else { return Understood::default() };
    let channels = source.channels();
    let mut page = 0u32;
    let mut series = Vec::new();
    for position in source.positions() {
        let planes = position.frames * channels.len() * position.depth;
        series.push(Series {
            name: Some(position.name.clone()),
            file,
            counts: Counts {
                positions: 1,
                frames: position.frames,
                channels: channels.len(),
                depth: position.depth,
            },
            width: position.width,
            height: position.height,
            pixels: source.pixels().to_owned().into(),
            pixel_size_um: position.pixel_size_um,
            times_ms: position.times_ms.clone(),
            channels: channels.iter().cloned().map(Some).collect(),
            planes: (0..planes as u32)
                .map(|number| PlaneRef { file, page: page + number, sample: 0 })
                .collect(),
        });
        page += planes as u32;
    }
    Understood { format: source.format().to_owned(), assumed: source.assumptions(), series }
}

/// Files that are put together must have pictures of one size and kind.
pub(super) fn same_kind(files: &Files, first: &Series, other: &Series) -> Result<(), StackError> {
    if (first.width, first.height, &first.pixels) == (other.width, other.height, &other.pixels) {
        return Ok(());
    }
    Err(StackError::Mixed {
        path: files.path(other.file),
        page: 1,
        first: files.path(first.file),
        this: other.kind(),
        other: first.kind(),
    })
}

/// Compares the positions, checks their times, and describes the stack.
fn finish(
    files: Files,
    inputs: Inputs,
    understood: Understood,
    options: &StackOptions,
) -> Result<Inner, StackError> {
    let Understood { format, mut assumed, series } = understood;
    let Some(first) = series.first() else {
        return Err(StackError::NoImages { path: inputs.origin, looked: "it holds no picture".to_owned() });
    };
    same_channels(&files, &series)?;
    let name = |(channel, name): (usize, Option<String>)| name.unwrap_or_else(|| channel.to_string());
    let names = first.channels.iter().cloned().chain(std::iter::repeat(None));
    let channels: Vec<_> = names.take(first.counts.channels).enumerate().map(name).collect();
    let mut pixels: Vec<_> = series.iter().map(|series| series.pixels.to_string()).collect();
    pixels.sort();
    pixels.dedup();
    let (mut positions, mut planes) = (Vec::new(), Vec::new());
    for (number, series) in series.into_iter().enumerate() {
        let name = series.name.unwrap_or_else(|| number.to_string());
        let Counts { frames, depth, .. } = series.counts;
        let times_ms =
            times::settle(&name, series.times_ms, frames, options.frame_interval_ms, &mut assumed)?;
        let Series { width, height, pixel_size_um, .. } = series;
        positions.push(Position { name, frames, depth, width, height, pixel_size_um, times_ms });
        planes.push(series.planes);
    }
    let description = describe::describe(&describe::Facts {
        format: &format,
        pixels: &pixels.join(", "),
        files: files.list.len(),
        positions: &positions,
        channels: &channels,
        assumed: &assumed,
        notes: &inputs.notes,
    });
    let mut paths: Vec<_> = files.list.iter().map(|file| file.path.clone()).collect();
    paths.sort();
    Ok(Inner { stem: inputs.stem, paths, files: files.list, positions, channels, planes, description })
}

/// All positions must have as many channels as the first.
fn same_channels(files: &Files, series: &[Series]) -> Result<(), StackError> {
    let other = series.first().map_or(0, |first| first.counts.channels);
    match series.iter().enumerate().find(|(_, series)| series.counts.channels != other) {
        Some((position, series)) => Err(StackError::MixedChannels {
            path: files.path(series.file),
            position,
            this: series.counts.channels,
            other,
        }),
        None => Ok(()),
    }
}

/// A stack of one source, opened by the caller.
pub(super) fn of_one_source(
    path: &Path,
    source: Box<dyn super::PlaneSource>,
    options: &StackOptions,
) -> Result<Inner, StackError> {
    let mut files = Files::default();
    let file = files.add_source(path, source)?;
    let understood = of_source(&files, file);
    let name = file_name(path);
    let inputs = Inputs {
        files: vec![path.to_owned()],
        origin: path.to_owned(),
        stem: stem(&name).to_owned(),
        pattern: None,
        notes: Vec::new(),
    };
    finish(files, inputs, understood, options)
}
