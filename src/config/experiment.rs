//! A microscopy recipe: one TOML file for each experiment, read and checked like the configuration.

use std::path::{Path, PathBuf};

use crate::timelapse::cells::{
    BackgroundSettings, CellsError, Feature, FeatureChannel, FilterSettings, MeasureSettings,
    SegmentSettings, TrackSettings,
};
use crate::timelapse::stack::StackOptions;
use crate::timelapse::tables;

use super::fault::{Fault, Faults};
use super::raw::{Doc, TomlTable};
use super::segment_model::{self, SegmentModel};
use super::text;
use super::value::PlacedValue;

/// Most channels that a recipe may name.
const MAX_CHANNEL: i64 = 1023;
/// Most workers and most fields of view that are worked on at once.
const MAX_WORKERS: i64 = 1024;
/// Greatest number that a setting in pixels or frames may have; the steps have tighter limits of their own.
const MAX_WHOLE: u32 = 1 << 30;

/// A recipe: what is read, what is computed, and where the results go.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// Files, folders or patterns with `*`; relative paths are meant from the recipe's folder.
    pub input: Vec<PathBuf>,
    /// Folder of the results.
    pub out: PathBuf,
    /// How the files are to be understood.
    pub stack: StackOptions,
    /// The channel in which cells are segmented, and its features.
    pub phase: ChannelFeatures,
    /// The channels whose brightness is measured. `None`: every other channel, with `intensity_total`.
    pub fluorescence: Option<Vec<ChannelFeatures>>,
    /// The fields of view; `None`: all.
    pub fovs: Option<Vec<usize>>,
    /// Threads that work; `None`: one for each core.
    pub workers: Option<usize>,
    /// Fields of view that are worked on at once.
    pub batch_size: usize,
    /// Settings of the segmentation step.
    pub segment: SegmentSettings,
    /// A model that finds the cells instead.
    pub segment_model: Option<SegmentModel>,
    /// Settings of the background.
    pub background: BackgroundSettings,
    /// Settings of the tracker.
    pub track: TrackSettings,
    /// Settings of the measurement step.
    pub measure: MeasureSettings,
    /// Which traces are kept.
    pub filter: FilterSettings,
    /// What is written beside the tables.
    pub output: OutputSettings,
}

/// A channel and what is measured in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelFeatures {
    /// Number of the channel, from 0.
    pub channel: usize,
    /// What is measured, in the order of the columns.
    pub features: Vec<Feature>,
}

/// What is written beside the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputSettings {
    /// Whether PyAMA's `.npy` stacks stay; its viewer needs them.
    pub stacks: bool,
    /// Whether the label images are also written as OME-TIFF.
    pub labels: bool,
    /// Whether tracks and masks are also written in the form of the Cell Tracking Challenge.
    pub tracking_challenge: bool,
}

impl Default for OutputSettings {
    fn default() -> OutputSettings {
        OutputSettings { stacks: true, labels: true, tracking_challenge: false }
    }
}

impl Experiment {
    /// All defaults, for a stack without a recipe.
    pub fn of_stack(input: Vec<PathBuf>, out: PathBuf) -> Experiment {
        Experiment {
            input,
            out,
            stack: StackOptions::default(),
            phase: ChannelFeatures { channel: 0, features: vec![Feature::Area] },
            fluorescence: None,
            fovs: None,
            workers: None,
            batch_size: 2,
            segment: SegmentSettings::default(),
            segment_model: None,
            background: BackgroundSettings::default(),
            track: TrackSettings::default(),
            measure: MeasureSettings::default(),
            filter: FilterSettings::default(),
            output: OutputSettings::default(),
        }
    }

    /// Reads a recipe.
    ///
    /// # Errors
    /// Every fault of the file, each with its line and its remedy.
    pub fn load(file: &Path) -> Result<Experiment, Faults> {
        let text = text::read(file).map_err(|error| {
            Faults(vec![Fault::whole(file, error.to_string(), "correct the path, or make the file readable")])
        })?;
        let doc = Doc::read(file, &text);
        let read = if doc.is_sound() { read(&doc, file) } else { None };
        match (doc.into_faults(), read) {
            (faults, Some(experiment)) if faults.is_empty() => Ok(experiment),
            (faults, _) => Err(Faults(faults)),
        }
    }
}

fn read(doc: &Doc<'_>, file: &Path) -> Option<Experiment> {
    let base = file.parent().unwrap_or(Path::new("."));
    let root = doc.root();
    let table = root.table("experiment");
    let input = table.need("input", "name the stack: input = \"stacks/*.ome.tif\"").and_then(paths);
    let out = table.need("out", "name the folder of the results: out = \"results\"").and_then(|at| {
        let text = at.text()?;
        if text.is_empty() {
            at.fault("the folder of the results has no name", "for instance out = \"results\"");
        }
        Some(base.join(text))
    });
    let input = input.unwrap_or_default().iter().map(|path| base.join(path)).collect();
    let mut experiment = Experiment::of_stack(input, out.unwrap_or_default());
    experiment.stack = stack(&table);
    if let Some(phase) = table.table_if("phase") {
        let usual = [Feature::Area];
        experiment.phase = channel(phase, FeatureChannel::Phase, &usual).unwrap_or(experiment.phase);
    }
    if table.get("fluorescence").is_some() {
        let usual = [Feature::IntensityTotal];
        let channels = table.tables("fluorescence").into_iter();
        experiment.fluorescence =
            Some(channels.filter_map(|one| channel(one, FeatureChannel::Fluorescence, &usual)).collect());
    }
    experiment.fovs = table.get("fovs").and_then(|at| fovs(&at));
    experiment.workers = table.get("workers").and_then(|at| workers(&at));
    experiment.batch_size = table.whole("batch_size", 2u32, 1..=MAX_WORKERS as u32) as usize;
    table.finish();
    steps(&root, file, &mut experiment);
    let output = root.table("output");
    experiment.output = OutputSettings {
        stacks: output.boolean("stacks", true),
        labels: output.boolean("labels", true),
        tracking_challenge: output.boolean("tracking_challenge", false),
    };
    output.finish();
    twice(&root, &experiment);
    root.finish();
    Some(experiment)
}

/// A channel that is named twice would write two columns of one name.
fn twice(root: &TomlTable<'_, '_>, experiment: &Experiment) {
    let channels: Vec<usize> = experiment.fluorescence.iter().flatten().map(|one| one.channel).collect();
    if let Some(again) = channels.iter().enumerate().find(|(at, channel)| channels[..*at].contains(channel)) {
        let reason = format!("channel {} is named twice", again.1);
        root.fault("experiment.fluorescence", reason, "name each channel once, with all its features");
    }
}

fn paths(at: PlacedValue<'_, '_>) -> Option<Vec<PathBuf>> {
    let texts = if at.is_list() { at.texts()? } else { vec![at.text()?.to_owned()] };
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        at.fault("no stack is named", "for instance input = \"stacks/*.ome.tif\"");
    }
    Some(texts.into_iter().map(PathBuf::from).collect())
}

fn stack(table: &TomlTable<'_, '_>) -> StackOptions {
    let interval = table.get("frame_interval_ms");
    StackOptions {
        axes: table.text("axes"),
        pattern: table.text("pattern"),
        frame_interval_ms: interval.and_then(|at| at.number(0.001..=1e12)).map(f64::from),
    }
}

fn channel(table: TomlTable<'_, '_>, kind: FeatureChannel, usual: &[Feature]) -> Option<ChannelFeatures> {
    let number = table
        .need("channel", "give the number of the channel, from 0")
        .and_then(|at| at.whole(0..=MAX_CHANNEL));
    let features = match table.get("features") {
        Some(list) => features(&list, kind),
        None => Some(usual.to_vec()),
    };
    table.finish();
    Some(ChannelFeatures { channel: number? as usize, features: features? })
}

fn features(list: &PlacedValue<'_, '_>, kind: FeatureChannel) -> Option<Vec<Feature>> {
    let mut found = Vec::new();
    for item in list.items("features")? {
        match item.text()?.parse::<Feature>() {
            Err(unknown) => item.fault(
                format!("there is no feature {:?}", unknown.name),
                format!("did you mean \"{}\"?", unknown.nearest),
            ),
            Ok(feature) if feature.channel() != kind => {
                let reason = format!("{feature} is not measured in a {kind} channel");
                item.fault(reason, format!("move it to a {} channel", feature.channel()));
            }
            Ok(feature) if found.contains(&feature) => {
                item.fault(format!("{feature} is named twice"), "name it once");
            }
            Ok(feature) => found.push(feature),
        }
    }
    Some(found)
}

fn fovs(at: &PlacedValue<'_, '_>) -> Option<Vec<usize>> {
    match tables::parse_fovs(at.text()?) {
        Ok(fovs) => Some(fovs),
        Err(error) => {
            at.fault(error.to_string(), "numbers and ranges with commas: fovs = \"0-3, 5\"");
            None
        }
    }
}

fn workers(at: &PlacedValue<'_, '_>) -> Option<usize> {
    if at.is_text() {
        return at.word(&[("auto", ())]).and(None);
    }
    at.whole(1..=MAX_WORKERS).map(|workers| workers as usize)
}

fn steps(root: &TomlTable<'_, '_>, file: &Path, experiment: &mut Experiment) {
    let number = |table: &TomlTable<'_, '_>, key: &'static str, usual: usize| {
        table.whole(key, usual as u32, 0..=MAX_WHOLE) as usize
    };
    let table = root.table("segment");
    let SegmentSettings { window, bins, sigmas, morphology, iterations } = experiment.segment;
    experiment.segment = SegmentSettings {
        window: number(&table, "window", window),
        bins: number(&table, "bins", bins),
        sigmas: table.number("sigmas", -1000.0..=1000.0).unwrap_or(sigmas),
        morphology: number(&table, "morphology", morphology),
        iterations: number(&table, "iterations", iterations),
    };
    experiment.segment_model = segment_model::read(&table, file);
    end(table, experiment.segment.validate());
    let table = root.table("background");
    experiment.background = BackgroundSettings {
        tile: number(&table, "tile", experiment.background.tile),
        dilation: number(&table, "dilation", experiment.background.dilation),
    };
    end(table, experiment.background.validate());
    let table = root.table("track");
    let area = |key| {
        table
            .get(key)
            .and_then(|at: PlacedValue<'_, '_>| at.whole(0..=i64::from(MAX_WHOLE)))
            .map(|area| area as usize)
    };
    experiment.track = TrackSettings {
        min_iou: table.number("min_iou", 0.0..=1.0).map_or(experiment.track.min_iou, decimal),
        min_area: area("min_area"),
        max_area: area("max_area"),
        late_cells: table.boolean("late_cells", false),
        max_gap: number(&table, "max_gap", 0),
    };
    end(table, experiment.track.validate());
    let table = root.table("measure");
    experiment.measure = MeasureSettings {
        background_weight: table.number("background_weight", 0.0..=1.0).map_or(1.0, decimal),
        erosion: number(&table, "erosion", experiment.measure.erosion),
    };
    end(table, experiment.measure.validate());
    let table = root.table("filter");
    experiment.filter = FilterSettings {
        min_frames: number(&table, "min_frames", experiment.filter.min_frames),
        border: number(&table, "border", experiment.filter.border),
    };
    table.finish();
}

/// The number that a person wrote: `0.1` and not the nearest number of single precision.
fn decimal(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

/// Ends a table; what the step itself refuses is a fault of the table.
fn end(table: TomlTable<'_, '_>, checked: Result<(), CellsError>) {
    if let Err(error) = checked {
        table.fault("", error.to_string(), "correct the value, or remove the key to use the default");
    }
    table.finish();
}

#[cfg(test)]
#[path = "experiment_tests.rs"]
mod tests;
