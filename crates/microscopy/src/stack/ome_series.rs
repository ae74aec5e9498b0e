//! One image of OME-XML, held against the pages that are there.

use std::collections::HashMap;

use super::StackError;
use super::axes::{Axis, Counts, Order};
use super::metadata::{Image, TiffData};
use super::ome_tiff::FileSet;
use super::series::{Content, PlaneRef, Series};

/// The series of image `number`, whose pages are in `data`.
pub(super) fn series(
    set: &mut FileSet<'_>,
    image: &Image,
    number: usize,
    data: &[TiffData],
    assumed: &mut Vec<String>,
) -> Result<Series, StackError> {
    let fault = |set: &FileSet<'_>, why: String| {
        Err(StackError::Metadata { path: set.path.to_owned(), kind: "OME-XML", why })
    };
    let samples = image.samples.max(1);
    if !image.channels.is_multiple_of(samples) {
        return fault(set, format!("{} channels cannot have {samples} values a pixel", image.channels));
    }
    let counts = Counts { channels: image.channels / samples, ..image.counts() };
    let Some(claimed) = counts.planes() else {
        return fault(set, "it has more planes than can be counted".to_owned());
    };
    let sizes = Sizes { image, counts, claimed };
    let places = assign(set, &sizes, number, data)?;
    let frames = sizes.whole_frames(&places);
    if frames < image.frames {
        // A recording that was stopped lacks its last frames; anything else is damage.
        if frames == 0 || places.len() - frames * sizes.each() >= sizes.each() {
            return Err(sizes.missing(set, &places, number));
        }
        let promised = image.frames;
        assumed.push(format!(
            "the recording of position {number} was stopped: its metadata promises {promised} frames, {frames} are there"
        ));
    }
    let planes: Vec<_> = (0..frames * sizes.each()).filter_map(|plane| places.get(&plane).copied()).collect();
    same_pages(set, &planes)?;
    described(set, image, number, &planes, frames)
}

/// How many planes an image has by its metadata, with channels as pages have them.
struct Sizes<'a> {
    image: &'a Image,
    counts: Counts,
    claimed: usize,
}

impl Sizes<'_> {
    /// Planes of a frame.
    fn each(&self) -> usize {
        self.counts.channels * self.counts.depth
    }

    fn order(&self) -> Order {
        let mut counts = self.counts;
        Order::new(self.image.order.iter().rev().map(|axis| (*axis, *counts.of(*axis))).collect::<Vec<_>>())
    }

    /// The number of a block's first plane in the order of the file.
    fn first(&self, block: &TiffData) -> Option<usize> {
        let Counts { frames, channels, depth, .. } = self.counts;
        if block.frame >= frames || block.channel >= channels || block.z >= depth {
            return None;
        }
        let place = |axis: &Axis| match axis {
            Axis::Time => (block.frame, frames),
            Axis::Channel => (block.channel, channels),
            Axis::Depth | Axis::Position => (block.z, depth),
        };
        Some(self.image.order.iter().rev().map(place).fold(0, |number, (at, count)| number * count + at))
    }

    /// Frames of which every plane is there, before the first that lacks one.
    fn whole_frames(&self, places: &HashMap<usize, PlaneRef>) -> usize {
        let whole =
            |frame: &usize| (0..self.each()).all(|plane| places.contains_key(&(frame * self.each() + plane)));
        (0..self.counts.frames).take_while(whole).count()
    }

    fn missing(&self, set: &FileSet<'_>, places: &HashMap<usize, PlaneRef>, number: usize) -> StackError {
        let missing = (0..self.claimed).find(|plane| !places.contains_key(plane)).unwrap_or(0);
        let (frame, channel) = (missing / self.each(), missing % self.each() / self.counts.depth);
        let first =
            format!("image {number}, frame {frame}, channel {channel}, z {}", missing % self.counts.depth);
        let (path, missing) = (set.path.to_owned(), self.claimed - places.len());
        StackError::MissingPlanes { path, missing, expected: self.claimed, first }
    }
}

/// The page of each plane. There are never more entries than pages, whatever the metadata claims.
fn assign(
    set: &mut FileSet<'_>,
    sizes: &Sizes<'_>,
    number: usize,
    data: &[TiffData],
) -> Result<HashMap<usize, PlaneRef>, StackError> {
    let path = set.path.to_owned();
    let fault = |why: String| StackError::Metadata { path: path.clone(), kind: "OME-XML", why };
    let order = sizes.order();
    let mut places: HashMap<usize, PlaneRef> = HashMap::new();
    let mut assigned = 0usize;
    for block in data {
        let file = set.file(block)?;
        let first = block.page.unwrap_or(0);
        let count = block.planes.unwrap_or(if block.page.is_some() { 1 } else { sizes.claimed });
        let start = sizes.first(block).filter(|start| *start < sizes.claimed);
        let start = start.ok_or_else(|| fault(format!("image {number} has planes outside its sizes")))?;
        let count = count.min(sizes.claimed - start).min(set.pages(file).saturating_sub(first));
        assigned = assigned.saturating_add(count);
        for step in 0..count {
            let place = order.place(start + step);
            let at =
                (place.frames * sizes.counts.channels + place.channels) * sizes.counts.depth + place.depth;
            let plane = PlaneRef { file, page: (first + step) as u32, sample: 0 };
            let twice = places.insert(at, plane).is_some_and(|known| known != plane);
            if twice || assigned > sizes.claimed {
                return Err(fault(format!("image {number} has planes with two pages")));
            }
        }
    }
    Ok(places)
}

/// All pages must be of one size and kind.
fn same_pages(set: &FileSet<'_>, planes: &[PlaneRef]) -> Result<(), StackError> {
    let mut shapes = planes.iter().filter_map(|plane| Some((plane, shape(set, plane)?)));
    let Some((first_plane, first)) = shapes.next() else { return Ok(()) };
    match shapes.find(|(_, other)| !other.is_like(first)) {
        Some((plane, other)) => Err(StackError::Mixed {
            path: set.files.path(plane.file),
            page: plane.page as usize + 1,
            first: set.files.path(first_plane.file),
            this: other.describe(),
            other: first.describe(),
        }),
        None => Ok(()),
    }
}

fn shape<'a>(set: &'a FileSet<'_>, plane: &PlaneRef) -> Option<&'a super::tiff::Shape> {
    match &set.files.list[plane.file as usize].content {
        Content::Tiff(index) => index.shape(plane.page as usize),
        Content::Source(_) => None,
    }
}

/// The series with what the metadata says of it, which the pages must not contradict.
fn described(
    set: &FileSet<'_>,
    image: &Image,
    number: usize,
    planes: &[PlaneRef],
    frames: usize,
) -> Result<Series, StackError> {
    let fault = |why: String| Err(StackError::Metadata { path: set.path.to_owned(), kind: "OME-XML", why });
    let samples = image.samples.max(1);
    let Some(first) = planes.first().and_then(|plane| shape(set, plane)) else {
        return fault(format!("image {number} has no page"));
    };
    if (first.width as usize, first.height as usize) != (image.width, image.height) {
        let (width, height) = (image.width, image.height);
        return fault(format!(
            "image {number} is {width} x {height} by its sizes, and its pages are {}",
            first.describe()
        ));
    }
    if usize::from(first.samples) != samples {
        let pages = first.samples;
        return fault(format!(
            "image {number} has {samples} values a pixel by its channels, and its pages have {pages}"
        ));
    }
    let mut series = Series::of_shape(set.own, first);
    series.name = image.name.clone().filter(|name| !name.trim().is_empty());
    series.counts = Counts { frames, ..image.counts() };
    series.pixel_size_um = image.pixel_size_um;
    series.channels = names(image, samples);
    series.times_ms = times(image, frames);
    let values = |depth: &[PlaneRef]| {
        let planes = (0..samples as u32)
            .flat_map(|sample| depth.iter().map(move |plane| PlaneRef { sample, ..*plane }));
        planes.collect::<Vec<_>>()
    };
    series.planes = planes.chunks(image.depth).flat_map(values).collect();
    Ok(series)
}

fn names(image: &Image, samples: usize) -> Vec<Option<String>> {
    let mut names: Vec<_> =
        image.names.iter().flat_map(|name| std::iter::repeat_n(name.clone(), samples)).collect();
    names.resize(image.channels, None);
    names
}

/// Milliseconds of each frame from the first: by the planes' stamps, else by the interval.
fn times(image: &Image, frames: usize) -> Option<Vec<f64>> {
    let mut stamps = vec![None; frames];
    for (frame, time) in &image.times_ms {
        if let Some(stamp) = stamps.get_mut(*frame) {
            *stamp = Some(*time);
        }
    }
    let stamps: Option<Vec<f64>> = stamps.into_iter().collect();
    stamps.or_else(|| {
        image.interval_ms.map(|interval| (0..frames).map(|frame| frame as f64 * interval).collect())
    })
}
