//! Series of TIFF files without OME-XML: ImageJ's hyperstacks, tifffile's shapes, plain pages, and `--axes`.

use super::StackError;
use super::axes::{Axes, Axis, Counts, Order};
use super::metadata::{ImageJ, Ome, Shaped, is_ome, micrometres};
use super::open::Files;
use super::series::{Content, Series, StackFile, series_of_order};
use super::tiff::{Page, Shape, TiffIndex};

/// What was understood of a file, and by which guesses.
#[derive(Debug, Default)]
pub(super) struct Understood {
    pub format: String,
    pub assumed: Vec<String>,
    pub series: Vec<Series>,
}

/// Whether a file alone says what its planes are.
pub(super) fn describes_itself(file: &StackFile) -> bool {
    match &file.content {
        Content::Source(_) => true,
        Content::Tiff(index) => {
            is_ome(&index.description)
                || index.pages.len() > 1
                || ImageJ::parse(&index.description)
                    .and_then(|image_j| image_j.images)
                    .is_some_and(|images| images > 1)
        }
    }
}

/// Understands the pages of a TIFF file that is no OME-TIFF, or any in the order of `axes`.
pub(super) fn understand(
    files: &mut Files,
    file: u32,
    axes: Option<&Axes>,
) -> Result<Understood, StackError> {
    let StackFile { path, len, content, .. } = &mut files.list[file as usize];
    let Content::Tiff(index) = content else { return Ok(Understood::default()) };
    let description = std::mem::take(&mut index.description);
    let said = Said::of(&description);
    if let Some(planes) = said.planes_that_follow() {
        pages_that_follow(index, path, *len, planes)?;
    }
    same_shape(index, path)?;
    let Some(shape) = index.shapes.first().cloned() else { return Ok(Understood::default()) };
    let format = kind_of(index, said.image_j.as_ref());
    let mut understood = Understood { format: format.to_owned(), ..Understood::default() };
    let pages = index.pages.len();
    let order = match axes {
        Some(axes) => axes.order(pages, known_counts(&description, said.image_j.as_ref()))?,
        None => {
            let fault = |why: String| StackError::Metadata { path: path.clone(), kind: format, why };
            said.order(pages, &shape, fault, &mut understood.assumed)?
        }
    };
    understood.series = series_of_order(file, &shape, &order);
    if shape.samples > 1 {
        understood.assumed.push(format!("the {} values of a pixel are channels", shape.samples));
    }
    let pixel_size = pixel_size(index, said.image_j.as_ref());
    let interval = said.image_j.and_then(|image_j| image_j.interval_ms);
    for series in &mut understood.series {
        let times = |interval| (0..series.counts.frames).map(|frame| frame as f64 * interval).collect();
        series.times_ms = interval.map(times);
        series.pixel_size_um = pixel_size;
    }
    Ok(understood)
}

/// What the description of a file says.
struct Said {
    image_j: Option<ImageJ>,
    shaped: Option<Shaped>,
}

impl Said {
    fn of(description: &str) -> Said {
        Said { image_j: ImageJ::parse(description), shaped: Shaped::parse(description) }
    }

    /// How many planes there are, where only the first has a directory.
    fn planes_that_follow(&self) -> Option<usize> {
        match (&self.image_j, &self.shaped) {
            (Some(image_j), _) => image_j.images,
            (None, Some(shaped)) if shaped.truncated => shaped.planes(),
            _ => None,
        }
    }

    /// The order of the pages, by what is said or by the guess that they are frames.
    fn order(
        &self,
        pages: usize,
        shape: &Shape,
        fault: impl Fn(String) -> StackError,
        assumed: &mut Vec<String>,
    ) -> Result<Order, StackError> {
        if let Some(image_j) = self.image_j.as_ref().filter(|image_j| image_j.is_hyperstack) {
            let Counts { frames, channels, depth, .. } = image_j.counts;
            let text =
                || format!("{frames} frames x {channels} channels x {depth} deep are not its {pages} pages");
            return image_j_order(image_j, pages).ok_or_else(|| fault(text()));
        }
        let Some(shaped) = &self.shaped else { return Ok(time_order(pages, assumed)) };
        let sides = (shape.height as usize, shape.width as usize);
        if let Some((height, width)) = shaped_sides(shaped).filter(|said| *said != sides) {
            assumed.push(format!(
                "the page is right: it has {} x {} pixels, the description says {width} x {height}",
                shape.width, shape.height
            ));
        }
        match shaped_order(shaped, pages, assumed) {
            ShapedOrder::Fits(order) => Ok(order),
            ShapedOrder::OfOther => Ok(time_order(pages, assumed)),
            ShapedOrder::Unknown(axes) => {
                let why = "what the axes of the file mean is not said in it".to_owned();
                Err(StackError::Axes { axes, why })
            }
        }
    }
}

fn kind_of(index: &TiffIndex, image_j: Option<&ImageJ>) -> &'static str {
    match (image_j, index.big_tiff) {
        (Some(_), _) => "ImageJ TIFF",
        (None, true) => "BigTIFF",
        (None, false) => "TIFF",
    }
}

/// Counts that the metadata gives, for axes without counts.
fn known_counts(description: &str, image_j: Option<&ImageJ>) -> Option<Counts> {
    if is_ome(description) {
        let ome = Ome::parse(description).ok()?;
        return Some(Counts { positions: ome.images.len(), ..ome.images.first()?.counts() });
    }
    image_j.map(|image_j| image_j.counts)
}

/// ImageJ writes channels fastest, then depth, then frames.
fn image_j_order(image_j: &ImageJ, pages: usize) -> Option<Order> {
    let counts = image_j.counts;
    (counts.planes() == Some(pages)).then(|| {
        Order::new([
            (Axis::Time, counts.frames),
            (Axis::Depth, counts.depth),
            (Axis::Channel, counts.channels),
        ])
    })
}

fn time_order(pages: usize, assumed: &mut Vec<String>) -> Order {
    if pages > 1 {
        assumed.push(format!(
            "the {pages} pages are frames in time (--axes says otherwise, for instance --axes TC)"
        ));
    }
    Order::new([(Axis::Time, pages)])
}

/// What tifffile's shape says of the order of the pages.
enum ShapedOrder {
    Fits(Order),
    /// It is the shape of something else than the pages.
    OfOther,
    /// Axes whose meaning is not said, with their lengths.
    Unknown(String),
}

fn shaped_order(shaped: &Shaped, pages: usize, assumed: &mut Vec<String>) -> ShapedOrder {
    let leading: Vec<_> = shaped.leading().into_iter().filter(|(_, length)| *length != 1).collect();
    if shaped.planes() != Some(pages) {
        return ShapedOrder::OfOther;
    }
    let axis = |letter: char| match letter {
        'T' => Some(Axis::Time),
        'C' => Some(Axis::Channel),
        'Z' => Some(Axis::Depth),
        'P' | 'R' => Some(Axis::Position),
        _ => None,
    };
    let known: Option<Vec<_>> =
        leading.iter().map(|(letter, length)| Some((axis(*letter)?, *length))).collect();
    match known {
        Some(order) => ShapedOrder::Fits(Order::new(order)),
        None if leading.len() == 1 => ShapedOrder::Fits(time_order(pages, assumed)),
        None => {
            ShapedOrder::Unknown(leading.iter().map(|(letter, length)| format!("{letter}{length}")).collect())
        }
    }
}

fn shaped_sides(shaped: &Shaped) -> Option<(usize, usize)> {
    if shaped.axes.as_ref().is_some_and(|axes| !axes.ends_with("YX")) {
        return None;
    }
    match shaped.shape.as_slice() {
        [.., height, width] => Some((*height, *width)),
        _ => None,
    }
}

/// ImageJ writes stacks of more than 4 GB with one directory: the pixels of all planes follow one another.
fn pages_that_follow(
    index: &mut TiffIndex,
    path: &std::path::Path,
    len: u64,
    planes: usize,
) -> Result<(), StackError> {
    let (&[first], Some(shape)) = (index.pages.as_slice(), index.shapes.first()) else { return Ok(()) };
    let bytes = shape.page_bytes();
    if planes <= 1 || first.data == 0 {
        return Ok(());
    }
    let end = bytes.saturating_mul(planes as u64).saturating_add(first.data);
    if end > len {
        let whole = (len - first.data) / bytes;
        let missing = format!("data up to byte {end}, and the file ends at byte {len}");
        return Err(StackError::Truncated {
            path: path.to_owned(),
            whole: whole as usize,
            partial: 0,
            expected: Some(planes.to_string()),
            missing,
        });
    }
    index.pages =
        (0..planes as u64).map(|number| Page { data: first.data + number * bytes, ..first }).collect();
    Ok(())
}

/// All pages must be of one size and kind.
fn same_shape(index: &TiffIndex, path: &std::path::Path) -> Result<(), StackError> {
    let Some(first) = index.shapes.first() else { return Ok(()) };
    let differs = |other: &Shape| !other.is_like(first);
    let Some(page) =
        index.pages.iter().position(|page| index.shapes.get(page.shape as usize).is_some_and(differs))
    else {
        return Ok(());
    };
    let this = index.shape(page).map(Shape::describe).unwrap_or_default();
    Err(StackError::Mixed {
        path: path.to_owned(),
        page: page + 1,
        first: path.to_owned(),
        this,
        other: first.describe(),
    })
}

/// The size of a pixel, micrometres.
fn pixel_size(index: &TiffIndex, image_j: Option<&ImageJ>) -> Option<[f64; 2]> {
    let ([x, y], unit) = index.resolution?;
    let unit_um = match image_j {
        Some(image_j) => image_j.unit_um?,
        None if unit == 3 => micrometres("cm")?,
        // Inches are what printers are told, and a default of many writers: 72 dots say nothing of a specimen.
        None => return None,
    };
    Some([unit_um / x, unit_um / y])
}
