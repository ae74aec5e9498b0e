//! What one worker does with an item: each step on a range of frames, with memory that is used again.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::timelapse::cells::{Background, CellRow, Feature, Labels, Mask, Measurer, Segmenter, Tracker};
use crate::timelapse::stack::{PlaneAddress, Stack, StackReader};
use crate::timelapse::{Pixels, Plane};
use bytemuck::{cast_slice, cast_slice_mut};

use super::RunError;
use super::fov::{FovRun, Measured, RangeRows};
use super::model::{CellModel, ModelTools};
use super::npy::Dtype;
use super::plan::Step;
use crate::config::Experiment;

/// What is computed, as the steps need it.
pub struct Job {
    /// The stack that is read.
    pub stack: Stack,
    /// The settings of the run.
    pub experiment: Experiment,
    /// Numbers of the channels: phase, then fluorescence.
    pub channels: Vec<usize>,
    /// The model that finds the cells, where the recipe names one.
    pub model: Option<CellModel>,
    /// The features of each channel.
    pub features: Vec<Vec<Feature>>,
    /// Set to end the run; looked at before each frame.
    pub cancelled: AtomicBool,
}

/// The tools of one worker.
pub struct Tools {
    reader: Option<StackReader>,
    sized: Option<SizedTools>,
    model: Option<ModelTools>,
    plane: Plane,
    mask: Mask,
    labels: Labels,
    background: Vec<f32>,
    found: Vec<CellRow>,
}

/// Tools for frames of one size.
struct SizedTools {
    width: usize,
    height: usize,
    /// None where a model finds the cells.
    segmenter: Option<Segmenter>,
    background: Background,
    measurer: Measurer,
}

impl Default for Tools {
    fn default() -> Tools {
        Tools {
            reader: None,
            sized: None,
            model: None,
            plane: Plane::empty(),
            mask: Mask::default(),
            labels: Labels::default(),
            background: Vec::new(),
            found: Vec::new(),
        }
    }
}

impl Tools {
    /// Carries out a step on the frames of range `range`. `seen` is called after each frame.
    ///
    /// # Errors
    /// The first frame that failed, or the run was cancelled.
    pub fn run(
        &mut self,
        job: &Job,
        fov: &FovRun,
        step: Step,
        range: usize,
        mut seen: impl FnMut(),
    ) -> Result<(), RunError> {
        let mut tracker = None;
        if step == Step::Track {
            tracker = match fov.tracker.lock().take() {
                Some(tracker) => Some(tracker),
                None => Some(Tracker::new(fov.shape.width, fov.shape.height, &job.experiment.track)?),
            };
        }
        let mut rows = RangeRows::default();
        for frame in fov.ranges[range].clone() {
            if job.cancelled.load(Ordering::Relaxed) {
                return Err(RunError::Cancelled);
            }
            match step {
                Step::Copy => self.copy(job, fov, frame)?,
                Step::Segment => self.segment(job, fov, frame)?,
                Step::Background => self.background(job, fov, frame)?,
                Step::Track => {
                    if let Some(tracker) = &mut tracker {
                        self.track(fov, frame, tracker)?;
                    }
                }
                Step::Measure => self.measure(job, fov, frame, &mut rows)?,
                Step::Table => {}
            }
            seen();
        }
        match step {
            Step::Track => *fov.tracker.lock() = tracker,
            Step::Measure => fov.rows.lock()[range] = rows,
            _ => {}
        }
        Ok(())
    }

    fn copy(&mut self, job: &Job, fov: &FovRun, frame: usize) -> Result<(), RunError> {
        for (at, channel) in job.channels.iter().enumerate() {
            let reader = match &mut self.reader {
                Some(reader) => reader,
                none => none.insert(job.stack.reader()?),
            };
            let address = PlaneAddress { position: fov.shape.fov, channel: *channel, frame, z: 0 };
            reader.read(address, &mut self.plane)?;
            match (&self.plane.pixels, fov.shape.pixels[at]) {
                (Pixels::U16(pixels), Dtype::U16) => fov.write(Step::Copy, at, frame, cast_slice(pixels))?,
                (Pixels::F32(pixels), Dtype::F32) => fov.write(Step::Copy, at, frame, cast_slice(pixels))?,
                // One file of a folder has other pixels than the first: both kinds fit into single precision.
                (Pixels::U16(pixels), _) => {
                    self.background.clear();
                    self.background.extend(pixels.iter().map(|pixel| f32::from(*pixel)));
                    fov.write(Step::Copy, at, frame, cast_slice(&self.background))?;
                }
                (Pixels::F32(_), _) => {
                    return Err(RunError::Item(format!(
                        "frame {frame} of channel {channel} has floating-point pixels, and frame 0 has not; convert the stack"
                    )));
                }
            }
        }
        Ok(())
    }

    fn segment(&mut self, job: &Job, fov: &FovRun, frame: usize) -> Result<(), RunError> {
        self.read_plane(fov, 0, frame)?;
        if let Some(model) = &job.model {
            let tools = match &mut self.model {
                Some(tools) => tools,
                none => none.insert(model.tools()?),
            };
            tools.segment(&self.plane, &mut self.mask)?;
        } else if let Some(segmenter) = &mut sized(&mut self.sized, job, fov)?.segmenter {
            segmenter.segment(&self.plane, &mut self.mask)?;
        }
        fov.write(Step::Segment, 0, frame, &self.mask.pixels)
    }

    fn background(&mut self, job: &Job, fov: &FovRun, frame: usize) -> Result<(), RunError> {
        self.read_mask(fov, frame)?;
        for at in 1..job.channels.len() {
            self.read_plane(fov, at, frame)?;
            let sized = sized(&mut self.sized, job, fov)?;
            sized.background.estimate(&self.plane, &self.mask, &mut self.background)?;
            fov.write(Step::Background, at - 1, frame, cast_slice(&self.background))?;
        }
        Ok(())
    }

    fn track(&mut self, fov: &FovRun, frame: usize, tracker: &mut Tracker) -> Result<(), RunError> {
        self.read_mask(fov, frame)?;
        tracker.track(&self.mask, &mut self.labels)?;
        fov.write(Step::Track, 0, frame, cast_slice(&self.labels.pixels))
    }

    fn measure(
        &mut self,
        job: &Job,
        fov: &FovRun,
        frame: usize,
        rows: &mut RangeRows,
    ) -> Result<(), RunError> {
        let (width, height) = (fov.shape.width, fov.shape.height);
        self.labels.width = width;
        self.labels.height = height;
        self.labels.pixels.resize(width * height, 0);
        fov.read(Step::Track, 0, frame, cast_slice_mut(&mut self.labels.pixels))?;
        let columns: usize = job.features.iter().map(Vec::len).sum();
        let first = rows.values.len();
        let mut column = 0;
        for (at, features) in job.features.iter().enumerate() {
            self.read_plane(fov, at, frame)?;
            self.background.clear();
            if at > 0 {
                self.background.resize(width * height, 0.0);
                fov.read(Step::Background, at - 1, frame, cast_slice_mut(&mut self.background))?;
            }
            self.found.clear();
            let sized = sized(&mut self.sized, job, fov)?;
            sized.measurer.measure(
                frame,
                &self.labels,
                &self.plane,
                &self.background,
                features,
                &mut self.found,
            )?;
            rows.values.resize(first + self.found.len() * columns, 0.0);
            for (row, cell) in self.found.iter().enumerate() {
                for (index, value) in cell.values.iter().enumerate() {
                    rows.values[first + row * columns + column + index] = *value as f32;
                }
            }
            if at == 0 {
                rows.cells.extend(self.found.iter().map(|cell| Measured {
                    cell: cell.cell,
                    frame: frame as u32,
                    bbox: cell.bbox.map(|side| side as f32),
                }));
            }
            column += features.len();
        }
        Ok(())
    }

    fn read_mask(&mut self, fov: &FovRun, frame: usize) -> Result<(), RunError> {
        self.mask.width = fov.shape.width;
        self.mask.height = fov.shape.height;
        self.mask.pixels.resize(fov.shape.width * fov.shape.height, 0);
        fov.read(Step::Segment, 0, frame, &mut self.mask.pixels)
    }

    /// Reads what was copied of channel `at` into the plane.
    fn read_plane(&mut self, fov: &FovRun, at: usize, frame: usize) -> Result<(), RunError> {
        let count = fov.shape.width * fov.shape.height;
        self.plane.width = fov.shape.width;
        self.plane.height = fov.shape.height;
        match fov.shape.pixels[at] {
            Dtype::F32 => {
                if !matches!(self.plane.pixels, Pixels::F32(_)) {
                    self.plane.pixels = Pixels::F32(Vec::new());
                }
            }
            _ => {
                if !matches!(self.plane.pixels, Pixels::U16(_)) {
                    self.plane.pixels = Pixels::U16(Vec::new());
                }
            }
        }
        match &mut self.plane.pixels {
            Pixels::U16(pixels) => {
                pixels.resize(count, 0);
                fov.read(Step::Copy, at, frame, cast_slice_mut(pixels))
            }
            Pixels::F32(pixels) => {
                pixels.resize(count, 0.0);
                fov.read(Step::Copy, at, frame, cast_slice_mut(pixels))
            }
        }
    }
}

/// The tools for frames of the size of `fov`, made anew where the last field of view had another size.
fn sized<'a>(
    sized: &'a mut Option<SizedTools>,
    job: &Job,
    fov: &FovRun,
) -> Result<&'a mut SizedTools, RunError> {
    let (width, height) = (fov.shape.width, fov.shape.height);
    let other = |tools: &SizedTools| (tools.width, tools.height) != (width, height);
    if sized.as_ref().is_some_and(other) {
        *sized = None;
    }
    let experiment = &job.experiment;
    Ok(match sized {
        Some(tools) => tools,
        none => none.insert(SizedTools {
            width,
            height,
            segmenter: match job.model {
                Some(_) => None,
                None => Some(Segmenter::new(width, height, &experiment.segment)?),
            },
            background: Background::new(width, height, &experiment.background)?,
            measurer: Measurer::new(width, height, &experiment.measure)?,
        }),
    })
}
