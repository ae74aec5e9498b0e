//! Cells found by a segmentation model: a frame into the model's input, probabilities back into the frame's pixels.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::RunError;
use super::grey::GreyScale;
use crate::config::SegmentModel;
use crate::engine::{ClassProbability, Model, ModelSource, Runtime, RuntimeSettings, Session, Task};
use crate::image::{PixelFormat, Placement, Planes, Preprocessor, Rect};
use crate::timelapse::Plane;
use crate::timelapse::cells::Mask;
use crate::types::sha256;

/// The runtime of this build.
const RUNTIME: &str = if cfg!(feature = "litert") { "litert" } else { "tflitec" };
/// Tiles overlap by this part of their side: a model sees something on both sides of each pixel that it decides.
const OVERLAP: usize = 4;

/// A model that was loaded, held against its card, and compiled once.
#[derive(Debug)]
pub struct CellModel {
    model: Arc<Model>,
    settings: SegmentModel,
    card_sha256: Option<String>,
}

impl CellModel {
    /// Loads the model of a recipe.
    ///
    /// # Errors
    /// The runtime is missing, the model does not fit its task, or it has no such class.
    pub fn load(settings: &SegmentModel) -> Result<CellModel, RunError> {
        let runtime = Runtime::open(&RuntimeSettings { kind: RUNTIME.into(), library: None })?;
        let name = settings.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let source = ModelSource { name: &name, path: &settings.path, card: &settings.card, delegate: None };
        let model = runtime.load(source)?;
        model.expect_task(Task::Segment)?;
        if model.class_probability(settings.class).is_none() {
            return Err(RunError::NoClass { class: settings.class, labels: model.labels().to_vec() });
        }
        // An operator that the runtime does not know is found now, and not by the first frame.
        model.session()?;
        let card = settings.card_file.as_deref().map(read).transpose()?;
        let card_sha256 = card.map(|bytes| sha256(&bytes));
        Ok(CellModel { model, settings: settings.clone(), card_sha256 })
    }

    /// What changes results, by the names of the recipe. The model is named by its sum, wherever it lies.
    pub fn parameters(&self) -> [(&'static str, Value); 6] {
        let SegmentModel { threshold, class, tiled, range, .. } = &self.settings;
        [
            ("segment.model", json!(self.model.sha256())),
            ("segment.card", json!(self.card_sha256)),
            // The number that a person wrote: 0.3 and not the nearest number of single precision.
            ("segment.threshold", json!(threshold.to_string().parse::<f64>().ok())),
            ("segment.class", json!(class)),
            ("segment.tiled", json!(tiled)),
            ("segment.range", json!(range)),
        ]
    }

    /// What is done with frames of this size, for a person.
    pub fn description(&self, width: usize, height: usize) -> String {
        let input = self.model.input();
        let SegmentModel { threshold, class, tiled, .. } = &self.settings;
        let label = self.model.labels().get(*class).map_or("", |label| label);
        let way = if *tiled {
            let tiles = tiles(width, input.width).len() * tiles(height, input.height).len();
            format!("{tiles} tiles of {} x {} pixels", input.width, input.height)
        } else if (width, height) == (input.width, input.height) {
            "frames as they are".to_owned()
        } else {
            format!("frames scaled to {} x {} pixels", input.width, input.height)
        };
        let file = self.settings.path.file_name().unwrap_or_default().to_string_lossy();
        format!("cells: model {file}, class {class} ({label}) above {threshold}, {way}")
    }

    /// Session and memory for one worker.
    ///
    /// # Errors
    /// The runtime refuses the model.
    pub fn tools(&self) -> Result<ModelTools, RunError> {
        let missing =
            || RunError::NoClass { class: self.settings.class, labels: self.model.labels().to_vec() };
        Ok(ModelTools {
            session: self.model.session()?,
            preprocessor: Preprocessor::new(self.model.input()),
            probability: self.model.class_probability(self.settings.class).ok_or_else(missing)?,
            grey: GreyScale::new(self.settings.range),
            threshold: self.settings.threshold,
            is_tiled: self.settings.tiled,
            map: Vec::new(),
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, RunError> {
    std::fs::read(path).map_err(|error| RunError::io("read", path, error))
}

/// One worker's session of the model.
pub struct ModelTools {
    session: Box<dyn Session>,
    preprocessor: Preprocessor,
    probability: ClassProbability,
    grey: GreyScale,
    threshold: f32,
    is_tiled: bool,
    map: Vec<f32>,
}

impl ModelTools {
    /// Finds the cells of a frame.
    ///
    /// # Errors
    /// The model does not run.
    pub fn segment(&mut self, plane: &Plane, mask: &mut Mask) -> Result<(), RunError> {
        let (width, height) = (plane.width, plane.height);
        self.grey.convert(plane);
        self.map.resize(width * height, 0.0);
        if self.is_tiled {
            let target = *self.preprocessor.target();
            let columns = tiles(width, target.width);
            for row in tiles(height, target.height) {
                for column in &columns {
                    let (w, h) = (target.width as f32, target.height as f32);
                    let region = Rect { x: column.start as f32, y: row.start as f32, w, h };
                    self.infer(width, height, Some(region), [column, &row])?;
                }
            }
        } else {
            let whole = |length| Tile { start: 0, from: 0, to: length };
            self.infer(width, height, None, [&whole(width), &whole(height)])?;
        }
        *mask = Mask::from_probabilities(width, height, &self.map, self.threshold)?;
        Ok(())
    }

    /// Runs the model over `region` of the frame, and writes the pixels that the tile decides.
    fn infer(
        &mut self,
        width: usize,
        height: usize,
        region: Option<Rect>,
        [column, row]: [&Tile; 2],
    ) -> Result<(), RunError> {
        let planes = Planes::packed(PixelFormat::Gray8, width, height, self.grey.bytes());
        let planes =
            planes.ok_or_else(|| RunError::Item("a frame has fewer pixels than its size says".into()))?;
        let placement = self.preprocessor.run(&planes, region, self.session.input_mut(0))?;
        self.session.run()?;
        let ([map_width, map_height], step) = (self.probability.size(), self.probability.step());
        let across = samples(column, &placement, 0, step[0], map_width);
        let down = samples(row, &placement, 1, step[1], map_height);
        let values = self.probability.read(&*self.session);
        for (y, vertical) in (row.from..row.to).zip(down) {
            let [upper, lower] = vertical.at.map(|at| &values[at * map_width..][..map_width]);
            let out = &mut self.map[y * width + column.from..y * width + column.to];
            for (out, Sample { at: [left, right], weight }) in out.iter_mut().zip(&across) {
                let above = mixed(upper[*left], upper[*right], *weight);
                *out = mixed(above, mixed(lower[*left], lower[*right], *weight), vertical.weight);
            }
        }
        Ok(())
    }
}

/// Exactly `one` where the weight is 0, and where both are the same.
fn mixed(one: f32, next: f32, weight: f32) -> f32 {
    one + (next - one) * weight
}

/// Between which two pixels of the model's output a pixel of the frame lies, and how near to the second.
struct Sample {
    at: [usize; 2],
    weight: f32,
}

/// The samples of a tile's pixels along axis `axis`. `step`: pixels of the input in one of the output, which has
/// `length`.
fn samples(tile: &Tile, placement: &Placement, axis: usize, step: f32, length: usize) -> Vec<Sample> {
    let last = length.saturating_sub(1);
    let sample = |pixel: usize| {
        let tensor =
            (pixel as f32 + 0.5 - placement.origin[axis]) / placement.scale[axis] + placement.offset[axis];
        let place = (tensor / step - 0.5).clamp(0.0, last as f32);
        let first = place as usize;
        Sample { at: [first, (first + 1).min(last)], weight: place - first as f32 }
    };
    (tile.from..tile.to).map(sample).collect()
}

/// One tile along an axis: where it begins, and which pixels it decides.
#[derive(Debug, PartialEq)]
struct Tile {
    start: usize,
    from: usize,
    to: usize,
}

/// Cuts `length` pixels into tiles of `side`, which overlap by a quarter at least. Each pixel is decided by the tile
/// in which it lies farther from the edge. A frame that is smaller than a tile is one tile that reaches over it.
fn tiles(length: usize, side: usize) -> Vec<Tile> {
    if length <= side {
        return vec![Tile { start: 0, from: 0, to: length }];
    }
    let overlap = side / OVERLAP;
    let count = (length - overlap).div_ceil(side - overlap);
    let start = |number: usize| number * (length - side) / (count - 1);
    let border = |number: usize| (start(number) + start(number - 1) + side) / 2;
    let tile = |number: usize| Tile {
        start: start(number),
        from: if number == 0 { 0 } else { border(number) },
        to: if number + 1 == count { length } else { border(number + 1) },
    };
    (0..count).map(tile).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_every_pixel_once_and_decide_none_at_an_edge_that_has_a_neighbour() {
        for (length, side) in [(64, 64), (65, 64), (100, 64), (633, 256), (4096, 257), (2, 1)] {
            let tiles = tiles(length, side);
            assert_eq!(
                (tiles[0].from, tiles.last().map(|tile| tile.to)),
                (0, Some(length)),
                "{length}/{side}"
            );
            for pair in tiles.windows(2) {
                assert_eq!(pair[0].to, pair[1].from, "{length}/{side}");
                assert!(pair[0].start + side - pair[0].to >= side / 8, "{length}/{side}: {pair:?}");
                assert!(pair[1].from - pair[1].start >= side / 8, "{length}/{side}: {pair:?}");
            }
            assert!(tiles.iter().all(|tile| tile.start + side <= length), "{length}/{side}");
        }
        assert_eq!(tiles(10, 64), [Tile { start: 0, from: 0, to: 10 }]);
    }

    #[test]
    fn a_pixel_that_lies_on_a_pixel_of_the_output_is_taken_as_it_is() {
        let placement = Placement { offset: [0.0; 2], scale: [1.0; 2], origin: [40.0, 0.0] };
        let tile = Tile { start: 40, from: 48, to: 96 };
        let found = samples(&tile, &placement, 0, 1.0, 64);
        assert!(found.iter().enumerate().all(|(n, sample)| sample.at[0] == n + 8 && sample.weight == 0.0));
        // Frames of twice the model's size: between two pixels, a quarter and three quarters.
        let placement = Placement { offset: [0.0; 2], scale: [2.0; 2], origin: [0.0; 2] };
        let tile = Tile { start: 0, from: 0, to: 8 };
        let weights: Vec<_> =
            samples(&tile, &placement, 0, 1.0, 4).iter().map(|sample| sample.weight).collect();
        assert_eq!(weights, [0.0, 0.25, 0.75, 0.25, 0.75, 0.25, 0.75, 0.0]);
    }
}
