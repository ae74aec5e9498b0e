//! What a run reads: the stack, its channels, its fields of view, and the sums of its files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::timelapse::cells::Feature;
use crate::timelapse::stack::{PlaneAddress, Position, Stack};
use crate::timelapse::{Pixels, Plane};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::RunError;
use super::files::FovPaths;
use super::fov::{FovRun, FovShape};
use super::journal::InputFile;
use super::npy::Dtype;
use crate::config::{ChannelFeatures, Experiment};

/// Bytes that are read at once while a file is summed.
const CHUNK: usize = 1 << 20;
const MS_PER_MINUTE: f64 = 60_000.0;

/// The channels of a run: phase first, each with its features.
///
/// # Errors
/// The stack has no such channel.
pub fn channels(stack: &Stack, experiment: &Experiment) -> Result<Vec<ChannelFeatures>, RunError> {
    let phase = experiment.phase.clone();
    let others = match &experiment.fluorescence {
        Some(channels) => channels.clone(),
        None => {
            let features = vec![Feature::IntensityTotal];
            let others = (0..stack.channels().len()).filter(|channel| *channel != phase.channel);
            others.map(|channel| ChannelFeatures { channel, features: features.clone() }).collect()
        }
    };
    let channels: Vec<_> = std::iter::once(phase).chain(others).collect();
    match channels.iter().find(|one| one.channel >= stack.channels().len()) {
        None => Ok(channels),
        Some(missing) => {
            let known = stack.channels().iter().enumerate();
            let channels = known.map(|(number, name)| format!("{number} ({name})")).collect();
            Err(RunError::NoChannel { channel: missing.channel, channels })
        }
    }
}

/// The fields of view of a run.
///
/// # Errors
/// The stack has no such field of view.
pub fn fovs(stack: &Stack, experiment: &Experiment) -> Result<Vec<usize>, RunError> {
    let count = stack.positions().len();
    let fovs = experiment.fovs.clone().unwrap_or_else(|| (0..count).collect());
    match fovs.iter().find(|fov| **fov >= count) {
        Some(fov) => Err(RunError::NoFov { fov: *fov, count }),
        None => Ok(fovs),
    }
}

/// A field of view, whose first planes are read to see what they hold.
///
/// # Errors
/// A plane cannot be read.
pub fn fov_run(stack: &Stack, channels: &[usize], fov: usize, out: &Path) -> Result<FovRun, RunError> {
    let position = &stack.positions()[fov];
    let mut reader = stack.reader()?;
    let mut plane = Plane::empty();
    let mut pixels = Vec::with_capacity(channels.len());
    for channel in channels {
        reader.read(PlaneAddress { position: fov, channel: *channel, frame: 0, z: 0 }, &mut plane)?;
        pixels.push(if matches!(plane.pixels, Pixels::U16(_)) { Dtype::U16 } else { Dtype::F32 });
    }
    let Position { frames, height, width, .. } = *position;
    let shape = FovShape { fov, frames, height, width, pixels, times: times(position) };
    Ok(FovRun::new(shape, FovPaths::new(out, stack.stem(), fov), channels.to_vec()))
}

fn times(position: &Position) -> Vec<f64> {
    match &position.times_ms {
        Some(times) => times.iter().map(|ms| ms / MS_PER_MINUTE).collect(),
        None => (0..position.frames).map(|frame| frame as f64).collect(),
    }
}

/// Length and SHA-256 of each file of the stack, on several threads.
///
/// # Errors
/// A file cannot be read.
pub fn sums(files: &[PathBuf], workers: usize) -> Result<Vec<InputFile>, RunError> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let found = std::thread::scope(|scope| {
        let work = || {
            let mut found = Vec::new();
            while let Some(at) = Some(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                && let Some(path) = files.get(at)
            {
                found.push((at, sum(path)));
            }
            found
        };
        let threads: Vec<_> = (0..workers.clamp(1, files.len().max(1))).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    let mut found = found;
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, sum)| sum).collect()
}

fn sum(path: &Path) -> Result<InputFile, RunError> {
    let fault = |error| RunError::io("read", path, error);
    let mut file = File::open(path).map_err(fault)?;
    let (mut digest, mut chunk, mut bytes) = (Sha256::new(), vec![0; CHUNK], 0);
    loop {
        let read = file.read(&mut chunk).map_err(fault)?;
        if read == 0 {
            break;
        }
        digest.update(&chunk[..read]);
        bytes += read as u64;
    }
    let sha256 = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Ok(InputFile { path, bytes, sha256 })
}

/// Everything that changes the results, by the names of the recipe.
pub fn parameters(
    experiment: &Experiment,
    channels: &[ChannelFeatures],
    fovs: &[usize],
) -> BTreeMap<String, Value> {
    let Experiment { stack, segment, background, track, measure, filter, output, .. } = experiment;
    let channel = |one: &ChannelFeatures| {
        let features: Vec<&str> = one.features.iter().map(|feature| feature.name()).collect();
        json!({ "channel": one.channel, "features": features })
    };
    let known = [
        ("experiment.axes", json!(stack.axes)),
        ("experiment.pattern", json!(stack.pattern)),
        ("experiment.frame_interval_ms", json!(stack.frame_interval_ms)),
        ("experiment.phase", channel(&channels[0])),
        ("experiment.fluorescence", channels[1..].iter().map(channel).collect()),
        ("experiment.fovs", json!(fovs)),
        ("segment.window", json!(segment.window)),
        ("segment.bins", json!(segment.bins)),
        ("segment.sigmas", json!(segment.sigmas)),
        ("segment.morphology", json!(segment.morphology)),
        ("segment.iterations", json!(segment.iterations)),
        ("background.tile", json!(background.tile)),
        ("background.dilation", json!(background.dilation)),
        ("track.min_iou", json!(track.min_iou)),
        ("track.min_area", json!(track.min_area)),
        ("track.max_area", json!(track.max_area)),
        ("track.late_cells", json!(track.late_cells)),
        ("track.max_gap", json!(track.max_gap)),
        ("measure.background_weight", json!(measure.background_weight)),
        ("measure.erosion", json!(measure.erosion)),
        ("filter.min_frames", json!(filter.min_frames)),
        ("filter.border", json!(filter.border)),
        ("output.stacks", json!(output.stacks)),
        ("output.labels", json!(output.labels)),
        ("output.tracking_challenge", json!(output.tracking_challenge)),
    ];
    known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
