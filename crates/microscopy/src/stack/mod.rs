//! Image stacks: what files hold which planes, and the planes themselves.
//!
//! A stack is opened once: the headers of all files are read, held against the files' lengths, and understood. After
//! that each thread reads planes by its own [`StackReader`]. What the files do not say is either refused or written
//! into [`Stack::description`] on a line that begins with `assumed:`.

mod axes;
mod build;
mod describe;
mod error;
mod folder;
mod inputs;
mod metadata;
mod names;
mod ome_series;
mod ome_tiff;
mod open;
mod pages;
mod read;
mod sequence;
mod series;
mod source;
mod tiff;
mod times;
#[cfg(feature = "nd2-czi")]
mod vendor;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use series::{PlaneRef, StackFile};

pub use error::StackError;
pub use read::StackReader;
pub use source::{PlaneReader, PlaneSource, SourceError};
pub use write::{PixelKind, PlanePixels, StackWriter, WriteError, WriteSettings};

/// How files are to be understood, where they do not say it themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StackOptions {
    /// The order of the planes in files that do not say it, slowest first, for instance `PTCZ` or `T5C2`.
    pub axes: Option<String>,
    /// The name pattern of a folder of pictures, for instance `img_t{t}_p{p}_c{c}.tif`. Times and depths are digits,
    /// positions and channels may be words.
    pub pattern: Option<String>,
    /// Time between frames where the files have no time stamps, or wrong ones, milliseconds.
    pub frame_interval_ms: Option<f64>,
}

/// One field of view.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// Its name in the file, or its number.
    pub name: String,
    /// Number of moments in time.
    pub frames: usize,
    /// Planes in depth; the first is read unless another is asked for.
    pub depth: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Rows of the picture.
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

/// An opened stack: every header was read and checked, no pixel yet. Clones share what was read.
#[derive(Clone, Debug)]
pub struct Stack(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stem: String,
    paths: Vec<PathBuf>,
    files: Vec<StackFile>,
    positions: Vec<Position>,
    channels: Vec<String>,
    /// Of each position: frame by frame, in a frame channel by channel, in a channel by depth.
    planes: Vec<Vec<PlaneRef>>,
    description: String,
}

impl Stack {
    /// Reads the headers of `inputs`: files, folders, patterns with `*`, or a path whose name is a name pattern.
    ///
    /// # Errors
    /// Every fault of [`StackError`], with the file and what to do next.
    pub fn open(inputs: &[PathBuf], options: &StackOptions) -> Result<Stack, StackError> {
        build::open(inputs, options).map(|inner| Stack(Arc::new(inner)))
    }

    /// A stack of one file that the caller reads, for instance a video. `path` is the file.
    ///
    /// # Errors
    /// The file is not there, or its times go back.
    pub fn from_source(
        path: &Path,
        source: Box<dyn PlaneSource>,
        options: &StackOptions,
    ) -> Result<Stack, StackError> {
        build::of_one_source(path, source, options).map(|inner| Stack(Arc::new(inner)))
    }

    /// The fields of view, in the order of their numbers.
    pub fn positions(&self) -> &[Position] {
        &self.0.positions
    }

    /// The names of the channels; a channel without a name has its number.
    pub fn channels(&self) -> &[String] {
        &self.0.channels
    }

    /// What was understood, for a person: format, positions, times, channels, pixel size; and every guess.
    pub fn description(&self) -> String {
        self.0.description.clone()
    }

    /// The files that it consists of, sorted.
    pub fn files(&self) -> &[PathBuf] {
        &self.0.paths
    }

    /// The name that results are called after: the file without `.ome.tif`, or the folder.
    pub fn stem(&self) -> &str {
        &self.0.stem
    }

    /// A reader with files of its own, for one thread.
    ///
    /// # Errors
    /// A file is no longer there, or has changed.
    pub fn reader(&self) -> Result<StackReader, StackError> {
        StackReader::new(Arc::clone(&self.0))
    }
}

/// Whether a path looks like something that [`Stack::open`] reads, by its name.
pub fn is_stack(path: &Path) -> bool {
    has_ending(path, &["tif", "tiff", "btf", "tf2", "tf8"]) || (cfg!(feature = "nd2-czi") && is_vendor(path))
}

/// Whether a path looks like a video by its name: [`Stack::from_source`] takes it, [`Stack::open`] does not.
pub fn is_video(path: &Path) -> bool {
    has_ending(path, &["avi", "mkv", "mov", "mp4", "m4v", "mpg", "ogv", "webm", "wmv"])
}

/// Whether a path looks like a file of a microscope's own program.
fn is_vendor(path: &Path) -> bool {
    has_ending(path, &["nd2", "czi"])
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().unwrap_or_default();
    endings.iter().any(|known| ending.eq_ignore_ascii_case(known))
}
