//! Series of OME-TIFF: one file or several, one image a position.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::StackError;
use super::axes::{Axis, Order};
use super::inputs::file_name;
use super::metadata::{Image, Ome, TiffData};
use super::open::Files;
use super::pages::Understood;
use super::series::{Content, PlaneRef, Series};

/// The longest file of metadata beside the pixels that is read, bytes.
const MAX_COMPANION: u64 = 128 << 20;

/// Understands an OME-TIFF, and opens the other files that it names. `used` gets every file whose planes it takes.
pub(super) fn understand(
    files: &mut Files,
    file: u32,
    used: &mut BTreeSet<u32>,
) -> Result<Understood, StackError> {
    let path = files.path(file);
    let fault = |why: String| StackError::Metadata { path: path.clone(), kind: "OME-XML", why };
    let Content::Tiff(index) = &mut files.list[file as usize].content else {
        return Ok(Understood::default());
    };
    let (reduced, big) = (index.reduced, index.big_tiff);
    let mut ome =
        Ome::parse(&std::mem::take(&mut index.description)).map_err(|error| fault(error.to_string()))?;
    if let Some(companion) = ome.metadata_file.take() {
        ome = read_companion(&path, &companion)?;
    }
    if ome.images.is_empty() {
        return Err(fault("it describes no image".to_owned()));
    }
    let mut understood = Understood {
        format: if big { "OME-TIFF (BigTIFF)" } else { "OME-TIFF" }.to_owned(),
        ..Understood::default()
    };
    let mut set = FileSet::new(files, file, &path, &ome);
    if reduced > 0 {
        understood.assumed.push(format!("{reduced} smaller copies of pages are left out"));
    }
    let mut follow = 0;
    for (number, image) in ome.images.iter().enumerate() {
        let series = if image.tiff_data.is_empty() {
            if number == 0 {
                understood.assumed.push("the metadata does not say which pages belong to which plane: they follow one another in its order".to_owned());
            }
            let pages = image.counts().planes().unwrap_or(usize::MAX);
            let data = TiffData { page: Some(follow), planes: Some(pages), ..TiffData::default() };
            follow = follow.saturating_add(pages);
            series(&mut set, image, number, &[data], &mut understood.assumed)?
        } else {
            series(&mut set, image, number, &image.tiff_data, &mut understood.assumed)?
        };
        understood.series.push(series);
    }
    used.extend(set.used.iter().copied());
    if set.renamed {
        understood
            .assumed
            .push(format!("{} was renamed: its metadata calls it by another name", file_name(&path)));
    }
    Ok(understood)
}

/// The metadata of a set that lies in a file of its own.
fn read_companion(path: &Path, name: &str) -> Result<Ome, StackError> {
    let missing = || StackError::MissingFile { path: path.to_owned(), file: name.to_owned() };
    let companion = path.with_file_name(Path::new(name).file_name().ok_or_else(missing)?);
    let unreadable = |source| StackError::Unreadable { path: companion.clone(), source };
    let metadata = std::fs::metadata(&companion).map_err(|_| missing())?;
    let fault = |why: String| StackError::Metadata { path: companion.clone(), kind: "OME-XML", why };
    if metadata.len() > MAX_COMPANION || !metadata.is_file() {
        return Err(fault(format!(
            "it has {} bytes, more than {MAX_COMPANION}, or is no file",
            metadata.len()
        )));
    }
    let text = std::fs::read(&companion).map_err(unreadable)?;
    let text = String::from_utf8(text).map_err(|error| fault(error.to_string()))?;
    Ome::parse(&text).map_err(|error| fault(error.to_string()))
}

/// The files of an OME-TIFF.
struct FileSet<'a> {
    files: &'a mut Files,
    own: u32,
    path: &'a Path,
    uuid: Option<&'a str>,
    /// The only name that the metadata gives to files, if it is one.
    only_name: Option<&'a str>,
    used: BTreeSet<u32>,
    renamed: bool,
}

impl<'a> FileSet<'a> {
    fn new(files: &'a mut Files, own: u32, path: &'a Path, ome: &'a Ome) -> FileSet<'a> {
        let names: BTreeSet<_> = ome
            .images
            .iter()
            .flat_map(|image| &image.tiff_data)
            .filter_map(|data| data.file.as_deref())
            .collect();
        let only_name = if names.len() == 1 { names.first().copied() } else { None };
        FileSet {
            files,
            own,
            path,
            uuid: ome.uuid.as_deref(),
            only_name,
            used: BTreeSet::from([own]),
            renamed: false,
        }
    }

    /// The file that some planes are in.
    fn file(&mut self, data: &TiffData) -> Result<u32, StackError> {
        let Some(name) = data.file.as_deref() else {
            if data.uuid.is_none() || self.uuid.is_none() || data.uuid.as_deref() == self.uuid {
                return Ok(self.own);
            }
            let file = format!("a file by its identity only ({})", data.uuid.as_deref().unwrap_or_default());
            return Err(StackError::MissingFile { path: self.path.to_owned(), file });
        };
        // Names lead to files of the same folder only, whatever folders they contain.
        let base = Path::new(name.rsplit(['/', '\\']).next().unwrap_or(name));
        if self.path.file_name() == Some(base.as_os_str()) {
            return Ok(self.own);
        }
        let path = self.path.with_file_name(base);
        if !path.exists() || base.as_os_str().is_empty() {
            if self.only_name == Some(name) {
                self.renamed = true;
                return Ok(self.own);
            }
            return Err(StackError::MissingFile { path: self.path.to_owned(), file: name.to_owned() });
        }
        let file = self.files.load(&path).map_err(|error| match error {
            StackError::FolderAsFile { path, .. } => StackError::FolderAsFile {
                path,
                named: format!(" by the metadata of {}", file_name(self.path)),
            },
            other => other,
        })?;
        self.used.insert(file);
        Ok(file)
    }

    fn pages(&self, file: u32) -> usize {
        match &self.files.list[file as usize].content {
            Content::Tiff(index) => index.pages.len(),
            Content::Source(_) => 0,
        }
    }
}

/// The series of one image.
fn series(
    set: &mut FileSet<'_>,
    image: &Image,
    number: usize,
    data: &[TiffData],
    assumed: &mut Vec<String>,
) -> Result<Series, StackError> {
    let path = set.path.to_owned();
    let fault = |why: String| StackError::Metadata { path: path.clone(), kind: "OME-XML", why };
    let samples = image.samples.max(1);
    if !image.channels.is_multiple_of(samples) {
        return Err(fault(format!("{} channels cannot have {samples} values a pixel", image.channels)));
    }
    let channels = image.channels / samples;
    let claimed = image.frames.checked_mul(channels).and_then(|planes| planes.checked_mul(image.depth));
    let claimed = claimed.ok_or_else(|| fault("it has more planes than can be counted".to_owned()))?;
    let order = dimension_order(image, channels);
    let mut places: HashMap<usize, PlaneRef> = HashMap::new();
    let mut assigned = 0usize;
    for block in data {
        let file = set.file(block)?;
        let pages = set.pages(file);
        let first = block.page.unwrap_or(0);
        let count = block.planes.unwrap_or(if block.page.is_some() { 1 } else { claimed });
        let start = order.number(image, block);
        let start = start
            .filter(|start| *start < claimed)
            .ok_or_else(|| fault(format!("image {number} has planes outside its sizes")))?;
        let count = count.min(claimed - start).min(pages.saturating_sub(first));
        assigned = assigned.saturating_add(count);
        if assigned > claimed {
            return Err(fault(format!("image {number} has planes with two pages")));
        }
        for step in 0..count {
            let place = order.order.place(start + step);
            let at = (place.frames * channels + place.channels) * image.depth + place.depth;
            let plane = PlaneRef { file, page: (first + step) as u32, sample: 0 };
            if places.insert(at, plane).is_some_and(|known| known != plane) {
                return Err(fault(format!("image {number} has planes with two pages")));
            }
        }
    }
    let each = channels * image.depth;
    let whole = (0..image.frames)
        .take_while(|frame| (0..each).all(|plane| places.contains_key(&(frame * each + plane))))
        .count();
    if whole < image.frames {
        // A recording that was stopped lacks its last frames; anything else is damage.
        if whole == 0 || places.len() - whole * each >= each {
            let missing = (0..claimed).find(|plane| !places.contains_key(plane)).unwrap_or(0);
            let first = format!(
                "image {number}, frame {}, channel {}, z {}",
                missing / each,
                missing % each / image.depth,
                missing % image.depth
            );
            return Err(StackError::MissingPlanes {
                path,
                missing: claimed - places.len(),
                expected: claimed,
                first,
            });
        }
        assumed.push(format!("the recording of position {number} was stopped: its metadata promises {} frames, {whole} are there", image.frames));
    }
    let planes: Vec<_> = (0..whole * each).filter_map(|plane| places.get(&plane).copied()).collect();
    checked(set, image, number, samples, planes, whole)
}

/// The order of an image's planes.
struct DimensionOrder {
    order: Order,
    channels: usize,
}

fn dimension_order(image: &Image, channels: usize) -> DimensionOrder {
    let count = |axis: &Axis| match axis {
        Axis::Time => image.frames,
        Axis::Channel => channels,
        _ => image.depth,
    };
    let order = Order::new(image.order.iter().rev().map(|axis| (*axis, count(axis))));
    DimensionOrder { order, channels }
}

impl DimensionOrder {
    /// The number of a block's first plane.
    fn number(&self, image: &Image, block: &TiffData) -> Option<usize> {
        if block.frame >= image.frames || block.channel >= self.channels || block.z >= image.depth {
            return None;
        }
        let place = |axis: &Axis| match axis {
            Axis::Time => (block.frame, image.frames),
            Axis::Channel => (block.channel, self.channels),
            _ => (block.z, image.depth),
        };
        Some(image.order.iter().rev().map(place).fold(0, |number, (at, count)| number * count + at))
    }
}

/// The series, once all pages are of the size that the image has.
fn checked(
    set: &FileSet<'_>,
    image: &Image,
    number: usize,
    samples: usize,
    planes: Vec<PlaneRef>,
    frames: usize,
) -> Result<Series, StackError> {
    let fault = |why: String| StackError::Metadata { path: set.path.to_owned(), kind: "OME-XML", why };
    let shape = |plane: &PlaneRef| match &set.files.list[plane.file as usize].content {
        Content::Tiff(index) => index.shape(plane.page as usize),
        Content::Source(_) => None,
    };
    let Some((first, first_plane)) = planes.first().and_then(|plane| Some((shape(plane)?, plane))) else {
        return Err(fault(format!("image {number} has no page")));
    };
    for plane in &planes {
        let Some(other) = shape(plane) else { continue };
        if !other.is_like(first) {
            let (path, first_path) = (set.files.path(plane.file), set.files.path(first_plane.file));
            return Err(StackError::Mixed {
                path,
                page: plane.page as usize + 1,
                first: first_path,
                this: other.describe(),
                other: first.describe(),
            });
        }
    }
    if (first.width as usize, first.height as usize) != (image.width, image.height) {
        return Err(fault(format!(
            "image {number} is {} x {} by its sizes, and its pages are {}",
            image.width,
            image.height,
            first.describe()
        )));
    }
    if usize::from(first.samples) != samples {
        return Err(fault(format!(
            "image {number} has {samples} values a pixel by its channels, and its pages have {}",
            first.samples
        )));
    }
    let mut series = Series::of_shape(set.own, first);
    series.name = image.name.clone().filter(|name| !name.trim().is_empty());
    series.counts = super::axes::Counts { frames, ..image.counts() };
    series.pixel_size_um = image.pixel_size_um;
    series.channels = names(image, samples);
    series.times_ms = times(image, frames);
    let each = image.depth;
    series.planes = planes
        .chunks(each)
        .flat_map(|depth| {
            (0..samples as u32)
                .flat_map(move |sample| depth.iter().map(move |plane| PlaneRef { sample, ..*plane }))
        })
        .collect();
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
