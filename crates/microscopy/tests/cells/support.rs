//! Movies of the shared data, and tables that PyAMA wrote.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use ocellus_microscopy::cells::{
    Background, BackgroundFigures, CellRow, Feature, Labels, Mask, Measurer, SegmentFigures, Segmenter,
    Tracker,
};
use ocellus_microscopy::{Pixels, Plane};
use tiff::decoder::{Decoder, DecodingResult, Limits};

/// The folder of the shared microscopy data, which is a failure where it is not there.
pub fn shared() -> PathBuf {
    super::data::data(&["microscopy"]).expect("the shared data is there").join("microscopy")
}

/// All pages of a TIFF file.
pub fn pages(path: &Path) -> Vec<Plane> {
    let mut decoder = Decoder::new(File::open(path).unwrap()).unwrap().with_limits(Limits::unlimited());
    let mut planes = Vec::new();
    loop {
        let (width, height) = decoder.dimensions().unwrap();
        let pixels = match decoder.read_image().unwrap() {
            DecodingResult::U8(pixels) => pixels.into_iter().map(u16::from).collect(),
            DecodingResult::U16(pixels) => pixels,
            DecodingResult::U32(pixels) => pixels.into_iter().map(|pixel| pixel as u16).collect(),
            other => panic!("{}: unexpected pixels {other:?}", path.display()),
        };
        planes.push(plane(width as usize, height as usize, pixels));
        if !decoder.more_images() {
            return planes;
        }
        decoder.next_image().unwrap();
    }
}

pub fn plane(width: usize, height: usize, pixels: Vec<u16>) -> Plane {
    Plane { width, height, pixels: Pixels::U16(pixels) }
}

pub fn integers(plane: &Plane) -> &[u16] {
    match &plane.pixels {
        Pixels::U16(pixels) => pixels,
        Pixels::F32(_) => panic!("floating point"),
    }
}

/// The movie of the workflow's reference: each pixel three times each way; position 1 is mirrored left-right, 2
/// top-bottom.
pub fn movie(position: usize) -> Vec<Plane> {
    let folder = shared().join("mitocheck_movie");
    let frames = (0..30).map(|frame| {
        let small = pages(&folder.join(format!("T{frame:05}.tif"))).remove(0);
        let (width, height) = (small.width * 3, small.height * 3);
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let (x, y) = match position {
                    0 => (x, y),
                    1 => (width - 1 - x, y),
                    _ => (x, height - 1 - y),
                };
                pixels.push(integers(&small)[y / 3 * small.width + x / 3]);
            }
        }
        plane(width, height, pixels)
    });
    frames.collect()
}

/// What all steps make of a movie.
pub struct Outcome {
    pub figures: Vec<SegmentFigures>,
    pub masks: Vec<Mask>,
    pub background: Vec<Vec<f32>>,
    pub background_figures: Vec<BackgroundFigures>,
    pub labels: Vec<Labels>,
    pub rows: Vec<CellRow>,
}

/// Runs all steps with their defaults; phase and fluorescence are the same pictures.
pub fn run(movie: &[Plane]) -> Outcome {
    let (width, height) = (movie[0].width, movie[0].height);
    let mut segmenter = Segmenter::new(width, height, &Default::default()).unwrap();
    let mut background = Background::new(width, height, &Default::default()).unwrap();
    let mut tracker = Tracker::new(width, height, &Default::default()).unwrap();
    let mut measurer = Measurer::new(width, height, &Default::default()).unwrap();
    let mut outcome = Outcome {
        figures: Vec::new(),
        masks: Vec::new(),
        background: Vec::new(),
        background_figures: Vec::new(),
        labels: Vec::new(),
        rows: Vec::new(),
    };
    for (frame, plane) in movie.iter().enumerate() {
        let (mut mask, mut surface, mut labels) = (Mask::default(), Vec::new(), Labels::default());
        outcome.figures.push(segmenter.segment(plane, &mut mask).unwrap());
        outcome.background_figures.push(background.estimate(plane, &mask, &mut surface).unwrap());
        tracker.track(&mask, &mut labels).unwrap();
        let features = [Feature::Area, Feature::IntensityTotal];
        measurer.measure(frame, &labels, plane, &surface, &features, &mut outcome.rows).unwrap();
        outcome.masks.push(mask);
        outcome.background.push(surface);
        outcome.labels.push(labels);
    }
    outcome
}

/// The rows of a table of PyAMA's by column.
pub fn table(path: &Path) -> Vec<BTreeMap<String, f64>> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let columns: Vec<_> = lines.next().unwrap().split(',').collect();
    let value = |text: &str| text.parse().unwrap_or(f64::NAN);
    let row = |line: &str| {
        columns.iter().zip(line.split(',')).map(|(name, text)| ((*name).to_owned(), value(text))).collect()
    };
    lines.map(row).collect()
}

/// A file of PyAMA's figures.
pub fn json(path: &Path) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The cells of a frame.
pub fn ids(labels: &Labels) -> Vec<u64> {
    let mut ids: Vec<_> = labels.pixels.iter().filter(|id| **id > 0).map(|id| u64::from(*id)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
