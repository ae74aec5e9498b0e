//! One field of view under way: its files, its tracker, and the rows that were measured so far.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::timelapse::cells::Tracker;
use parking_lot::Mutex;

use super::RunError;
use super::files::{FovPaths, partial, publish};
use super::npy::{Dtype, NpyFile, Shape};
use super::plan::{Step, ranges};

/// A cell in a frame, as small as it can be kept until the traces are filtered.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// The id of the cell, from 1.
    pub cell: u32,
    /// Index of the frame.
    pub frame: u32,
    /// Bounding box x0, y0, x1, y1, pixels.
    pub bbox: [f32; 4],
}

/// The rows of one range of frames. `values` has as many numbers for each row as there are columns.
#[derive(Clone, Debug, Default)]
pub struct RangeRows {
    /// The cells, frame by frame.
    pub cells: Vec<Measured>,
    /// The features, of single precision as PyAMA has them.
    pub values: Vec<f32>,
}

/// The size of the frames of a field of view, and what its channels hold.
#[derive(Clone, Debug)]
pub struct FovShape {
    /// Its number in the stack, which its files are called after.
    pub fov: usize,
    /// Number of frames in time.
    pub frames: usize,
    /// Number of rows of a frame, pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// What the pixels of each channel are: the phase channel, then those of fluorescence.
    pub pixels: Vec<Dtype>,
    /// Minutes of each frame; the number of the frame where the stack has no times.
    pub times: Vec<f64>,
}

/// One field of view.
pub struct FovRun {
    /// The size of its frames, and their kind.
    pub shape: FovShape,
    /// The names of its files.
    pub paths: FovPaths,
    /// The ranges of frames, one for each item of a step.
    pub ranges: Vec<Range<usize>>,
    /// Numbers of its channels: phase, then fluorescence.
    channels: Vec<usize>,
    stacks: [OnceLock<Vec<Stack>>; 4],
    /// Held by the one worker that makes the stacks of a step.
    making: Mutex<()>,
    /// Taken along by the item that tracks.
    pub tracker: Mutex<Option<Tracker>>,
    /// The rows of each range.
    pub rows: Mutex<Vec<RangeRows>>,
    /// Frames of each step that are complete, for progress.
    frames_done: [AtomicUsize; 6],
}

/// A stack that a step writes.
struct Stack {
    file: NpyFile,
    path: PathBuf,
}

impl FovRun {
    /// A field of view whose channels are `channels`: phase first.
    pub fn new(shape: FovShape, paths: FovPaths, channels: Vec<usize>) -> FovRun {
        let ranges = ranges(shape.frames);
        let rows = Mutex::new(vec![RangeRows::default(); ranges.len()]);
        let (tracker, stacks, making, frames_done) = Default::default();
        FovRun { shape, paths, ranges, channels, stacks, making, tracker, rows, frames_done }
    }

    /// The paths and kinds of the stacks that a step writes.
    fn stacks_of(&self, step: Step) -> Vec<(PathBuf, Dtype)> {
        let phase = self.channels[0];
        let file = |ending: String| self.paths.file(&ending);
        match step {
            Step::Copy => {
                let kinds = std::iter::once("pc").chain(std::iter::repeat("fl"));
                let each = self.channels.iter().zip(kinds).zip(&self.shape.pixels);
                each.map(|((channel, kind), dtype)| (file(format!("{kind}_ch_{channel}.npy")), *dtype))
                    .collect()
            }
            Step::Segment => vec![(file(format!("seg_ch_{phase}.npy")), Dtype::Bool)],
            Step::Track => vec![(file(format!("seg_labeled_ch_{phase}.npy")), Dtype::U16)],
            Step::Background => {
                let each = self.channels[1..].iter();
                each.map(|channel| (file(format!("fl_background_ch_{channel}.npy")), Dtype::F32)).collect()
            }
            Step::Measure | Step::Table => Vec::new(),
        }
    }

    fn npy_shape(&self, dtype: Dtype) -> Shape {
        let FovShape { frames, height, width, .. } = self.shape;
        Shape { dtype, frames, height, width }
    }

    /// Bytes of all stacks.
    pub fn stack_bytes(&self) -> u64 {
        let stacks = Step::ALL.into_iter().flat_map(|step| self.stacks_of(step));
        stacks.map(|(_, dtype)| self.npy_shape(dtype).frame_bytes() * self.shape.frames as u64).sum()
    }

    /// The stacks that a step writes, made at their first use.
    ///
    /// # Errors
    /// The system refuses to make them.
    fn stacks(&self, step: Step) -> Result<&[Stack], RunError> {
        let cell = &self.stacks[step as usize];
        if let Some(stacks) = cell.get() {
            return Ok(stacks);
        }
        let _alone = self.making.lock();
        if cell.get().is_none() {
            let folder = self.paths.folder();
            fs::create_dir_all(&folder).map_err(|error| RunError::io("make the folder", &folder, error))?;
            let made = self.stacks_of(step).into_iter().map(|(path, dtype)| {
                let aside = partial(&path);
                let file = NpyFile::create(&aside, self.npy_shape(dtype));
                Ok(Stack { file: file.map_err(|error| RunError::io("write", &aside, error))?, path })
            });
            let made = made.collect::<Result<Vec<_>, RunError>>()?;
            let _ = cell.set(made);
        }
        Ok(cell.get().map_or(&[], Vec::as_slice))
    }

    /// Opens the stacks of a step that an earlier run completed. Whether all are there, as they should be.
    pub fn reopen(&self, step: Step) -> bool {
        let opened = self.stacks_of(step).into_iter().map(|(path, dtype)| {
            let file = NpyFile::open(&path, self.npy_shape(dtype)).ok()?;
            Some(Stack { file, path })
        });
        let Some(opened) = opened.collect::<Option<Vec<_>>>() else { return false };
        step == Step::Measure || step == Step::Table || self.stacks[step as usize].set(opened).is_ok()
    }

    /// Writes a frame of the stack `at` of a step.
    ///
    /// # Errors
    /// The system refuses to write.
    pub fn write(&self, step: Step, at: usize, frame: usize, bytes: &[u8]) -> Result<(), RunError> {
        let stack = &self.stacks(step)?[at];
        stack.file.write(frame, bytes).map_err(|error| RunError::io("write", stack.file.path(), error))
    }

    /// Reads a frame of the stack `at` of a step.
    ///
    /// # Errors
    /// The system refuses to read.
    pub fn read(&self, step: Step, at: usize, frame: usize, bytes: &mut [u8]) -> Result<(), RunError> {
        let stack = &self.stacks(step)?[at];
        stack.file.read(frame, bytes).map_err(|error| RunError::io("read", stack.file.path(), error))
    }

    /// Syncs the stacks of a step whose frames are all written, and gives them their names.
    ///
    /// # Errors
    /// The system refuses.
    pub fn publish(&self, step: Step) -> Result<(), RunError> {
        for stack in self.stacks(step)? {
            stack.file.sync().map_err(|error| RunError::io("sync", stack.file.path(), error))?;
            publish(stack.file.path(), &stack.path)?;
        }
        Ok(())
    }

    /// Removes the stacks, which nobody asked for.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove_stacks(&self) -> Result<(), RunError> {
        for (path, _) in Step::ALL.into_iter().flat_map(|step| self.stacks_of(step)) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(RunError::io("remove", &path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Counts a frame of a step as complete; how many are now.
    pub fn frame_done(&self, step: Step) -> usize {
        self.frames_done[step as usize].fetch_add(1, Ordering::Relaxed) + 1
    }
}
