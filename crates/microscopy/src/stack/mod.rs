//! Image stacks: what files hold which planes, and the planes themselves.

use std::path::{Path, PathBuf};

use crate::Plane;

/// How files are to be understood, where they do not say it themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StackOptions {
    /// The order of the planes in files that do not say it, slowest first, for instance `PTCZ` or `T5C2`.
    pub axes: Option<String>,
    /// The name pattern of a folder of pictures, for instance `img_t{t}_p{p}_c{c}.tif`.
    pub pattern: Option<String>,
    /// Time between frames where the files have no time stamps, milliseconds.
    pub frame_interval_ms: Option<f64>,
}

/// One field of view.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// Its name in the file, or its number.
    pub name: String,
    /// Moments in time.
    pub frames: usize,
    /// Planes in depth; the first is read unless another is asked for.
    pub depth: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Size of a pixel, micrometres, x and y.
    pub pixel_size_um: Option<[f64; 2]>,
    /// The moment of each frame, milliseconds from the first; of the first channel. None: the file has none.
    pub times_ms: Option<Vec<f64>>,
}

/// Which plane of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaneAddress {
    /// Index of the position.
    pub position: usize,
    /// Index of the channel.
    pub channel: usize,
    /// Index of the frame.
    pub frame: usize,
    /// Index of the plane in depth.
    pub z: usize,
}

/// Why a stack was refused.
#[derive(Debug, thiserror::Error)]
pub enum StackError {}

/// An opened stack: every header was read and checked, no pixel yet.
#[derive(Debug)]
pub struct Stack {}

impl Stack {
    /// Reads the headers of `inputs`: files, folders or patterns with `*`.
    ///
    /// # Errors
    /// Every fault of [`StackError`], with the file and what to do next.
    pub fn open(inputs: &[PathBuf], options: &StackOptions) -> Result<Stack, StackError> {
        let _ = (inputs, options);
        unimplemented!()
    }

    /// The fields of view, in the order of their numbers.
    pub fn positions(&self) -> &[Position] {
        unimplemented!()
    }

    /// The names of the channels; a channel without a name has its number.
    pub fn channels(&self) -> &[String] {
        unimplemented!()
    }

    /// What was understood, for a person: format, positions, times, channels, pixel size; and every guess.
    pub fn description(&self) -> String {
        unimplemented!()
    }

    /// The files that it consists of, sorted.
    pub fn files(&self) -> &[PathBuf] {
        unimplemented!()
    }

    /// The name that results are called after: the file without `.ome.tif`, or the folder.
    pub fn stem(&self) -> &str {
        unimplemented!()
    }

    /// A reader with files of its own, for one thread.
    ///
    /// # Errors
    /// A file is no longer there, or has changed.
    pub fn reader(&self) -> Result<StackReader, StackError> {
        unimplemented!()
    }
}

/// Reads planes; holds open files and scratch memory.
#[derive(Debug)]
pub struct StackReader {}

impl StackReader {
    /// Reads one plane into `plane`, whose memory is used again.
    ///
    /// # Errors
    /// The file ends early, is damaged, or the address is not in the stack.
    pub fn read(&mut self, address: PlaneAddress, plane: &mut Plane) -> Result<(), StackError> {
        let _ = (address, plane);
        unimplemented!()
    }
}

/// Whether a path looks like something that [`Stack::open`] reads, by its name.
pub fn is_stack(path: &Path) -> bool {
    let _ = path;
    unimplemented!()
}
