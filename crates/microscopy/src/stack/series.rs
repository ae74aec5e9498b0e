//! Planes in their order: what one position of one input is, before inputs are put together.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::SystemTime;

use super::axes::{Counts, Order};
use super::source::PlaneSource;
use super::tiff::{Shape, TiffIndex};

/// Where a plane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlaneRef {
    /// Index of the file.
    pub file: u32,
    /// Index of its page, or number of the plane in a source that is no TIFF.
    pub page: u32,
    /// Which value of a pixel with several.
    pub sample: u32,
}

/// A position with its planes.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub name: Option<String>,
    /// The file that describes it, for messages.
    pub file: u32,
    pub counts: Counts,
    pub width: usize,
    pub height: usize,
    /// The kind of its pixels, for instance "16 bit".
    pub pixels: Cow<'static, str>,
    pub pixel_size_um: Option<[f64; 2]>,
    pub times_ms: Option<Vec<f64>>,
    pub channels: Vec<Option<String>>,
    /// Frame by frame, in a frame channel by channel, in a channel by depth.
    pub planes: Vec<PlaneRef>,
}

impl Series {
    /// A series of a page's size and kind without planes.
    pub(super) fn of_shape(file: u32, shape: &Shape) -> Series {
        Series {
            name: None,
            file,
            counts: Counts::ONE,
            width: shape.width as usize,
            height: shape.height as usize,
            pixels: shape.sample.name().into(),
            pixel_size_um: None,
            times_ms: None,
            channels: Vec::new(),
            planes: Vec::new(),
        }
    }

    /// Size and kind of its pictures, for a person.
    pub(super) fn kind(&self) -> String {
        format!("{} x {}, {}", self.width, self.height, self.pixels)
    }

    pub(super) fn plane(&self, frame: usize, channel: usize, z: usize) -> Option<PlaneRef> {
        let inside = frame < self.counts.frames && channel < self.counts.channels && z < self.counts.depth;
        let number = (frame * self.counts.channels + channel) * self.counts.depth + z;
        inside.then(|| self.planes.get(number).copied()).flatten()
    }
}

/// One series a position, from planes in `order`. Each page gives as many channels as its pixels have values.
pub(super) fn series_of_order(file: u32, shape: &Shape, order: &Order) -> Vec<Series> {
    let samples = usize::from(shape.samples);
    let mut counts = order.counts();
    let channels = counts.channels;
    counts.channels *= samples;
    let each = counts.frames * counts.channels * counts.depth;
    let mut empty = Series::of_shape(file, shape);
    empty.counts = Counts { positions: 1, ..counts };
    empty.channels = vec![None; counts.channels];
    empty.planes = vec![PlaneRef { file, page: 0, sample: 0 }; each];
    let mut all = vec![empty; counts.positions];
    for number in 0..counts.positions * counts.frames * channels * counts.depth {
        let place = order.place(number);
        for sample in 0..samples {
            let channel = place.channels * samples + sample;
            let at = (place.frames * counts.channels + channel) * counts.depth + place.depth;
            all[place.positions].planes[at] = PlaneRef { file, page: number as u32, sample: sample as u32 };
        }
    }
    all
}

/// A file of the stack.
#[derive(Debug)]
pub(super) struct StackFile {
    pub path: PathBuf,
    /// Bytes when it was opened.
    pub len: u64,
    pub modified: Option<SystemTime>,
    pub content: Content,
}

/// What holds the planes.
#[derive(Debug)]
pub(super) enum Content {
    Tiff(TiffIndex),
    Source(Box<dyn PlaneSource>),
}
