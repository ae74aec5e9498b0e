//! Where the foreground is, by a segmentation model, at the model's own resolution.

use ocellus_engine::{Model, Session, Task, TensorInfo, Values};
use ocellus_image::{Dtype, Placement, Preprocessor};

use crate::{Picture, StudioError};

use super::guided::MAX_RADIUS;

/// The models' true resolution is that of their last feature map: most have a stride of 8 or 16.
const CELL: usize = 8;

/// Which classes of a model are the foreground.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// All but class 0, the background.
    #[default]
    All,
    /// Only the classes with these indices.
    Classes(Vec<u16>),
}

impl Subject {
    fn has(&self, class: usize) -> bool {
        match self {
            Subject::All => class > 0,
            Subject::Classes(classes) => classes.iter().any(|one| usize::from(*one) == class),
        }
    }
}

/// How likely each part of a picture is foreground: 0 to 255, at the model's resolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreground {
    width: usize,
    height: usize,
    map: Vec<u8>,
}

impl Foreground {
    /// A map of one's own: `width` × `height` values, stretched over the picture; `None` where their number is another.
    pub fn new(width: usize, height: usize, map: Vec<u8>) -> Option<Foreground> {
        let fits = width > 0 && height > 0 && map.len() == width * height;
        fits.then_some(Foreground { width, height, map })
    }

    /// Width and height of the map.
    pub fn size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// The map, row by row.
    pub fn map(&self) -> &[u8] {
        &self.map
    }

    /// The share of the map that is more likely foreground than not.
    pub fn share(&self) -> f32 {
        self.map.iter().filter(|value| **value > 127).count() as f32 / self.map.len() as f32
    }

    /// The radius of the guided filter: as far as the model's edge may lie beside the true one.
    pub(super) fn radius(&self, width: usize, height: usize) -> usize {
        let step = (width as f32 / self.width as f32).max(height as f32 / self.height as f32);
        ((step * CELL as f32).round() as usize).clamp(4, MAX_RADIUS)
    }

    /// Row `y` of the map in `size` px, by bilinear interpolation.
    pub(super) fn row(&self, y: usize, size: [usize; 2], out: &mut [u8]) {
        let (top, bottom, fy) = between(y, size[1], self.height);
        let (top, bottom) = (&self.map[top * self.width..], &self.map[bottom * self.width..]);
        for (x, out) in out.iter_mut().enumerate() {
            let (left, right, fx) = between(x, size[0], self.width);
            let mix = |a: u8, b: u8, f: f32| f32::from(a) + (f32::from(b) - f32::from(a)) * f;
            let (above, below) = (mix(top[left], top[right], fx), mix(bottom[left], bottom[right], fx));
            *out = (above + (below - above) * fy + 0.5) as u8;
        }
    }
}

/// The two source samples around output `i`, and how far it is from the first to the second.
fn between(i: usize, count: usize, size: usize) -> (usize, usize, f32) {
    let at = ((i as f32 + 0.5) * size as f32 / count as f32 - 0.5).clamp(0.0, (size - 1) as f32);
    let first = at as usize;
    (first, (first + 1).min(size - 1), at - first as f32)
}

/// How the output tensor says what is foreground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// The index of the class of each px.
    Indices,
    /// A score of each class.
    Scores(usize),
    /// The probability of the foreground, or its logit.
    Probability { logit: bool },
}

/// A segmentation model with a session of its own: one worker's.
pub struct Segmenter {
    session: Box<dyn Session>,
    preprocessor: Preprocessor,
    reading: Reading,
    size: [usize; 2],
    subject: Subject,
}

impl Segmenter {
    /// Opens a session of `model`, whose task must be `segment`.
    ///
    /// # Errors
    /// The model has another task, an output that is not read here, or cannot be compiled.
    pub fn new(model: &Model, subject: Subject) -> Result<Segmenter, StudioError> {
        model.expect_task(Task::Segment)?;
        let Some((reading, size)) =
            model.outputs().first().and_then(|output| reading(output, model.gives_logits()))
        else {
            return Err(StudioError::Model {
                model: model.name().into(),
                fault: "its output is neither a map of classes nor of probabilities".into(),
                needed: "of task `segment` with one output [1, H, W], [1, H, W, classes] or [1, H, W, 1]",
            });
        };
        let session = model.session()?;
        Ok(Segmenter { session, preprocessor: Preprocessor::new(model.input()), reading, size, subject })
    }

    /// Runs the model over all of `picture`.
    ///
    /// # Errors
    /// The runtime fails.
    pub fn find(&mut self, picture: &Picture) -> Result<Foreground, StudioError> {
        let placement = self.preprocessor.run(&picture.colour.planes(), None, self.session.input_mut(0))?;
        self.session.run()?;
        let values = Values::of(&*self.session, 0);
        let [width, height] = self.size;
        let map: Vec<u8> = (0..width * height).map(|px| self.likelihood(&values, px)).collect();
        Ok(self.inside(Foreground { width, height, map }, &placement))
    }

    fn likelihood(&self, values: &Values<'_>, px: usize) -> u8 {
        let share = match self.reading {
            Reading::Indices => {
                let class = usize::try_from(values.int(px)).unwrap_or(0);
                f32::from(u8::from(self.subject.has(class)))
            }
            Reading::Probability { logit: false } => values.get(px),
            Reading::Probability { logit: true } => 1.0 / (1.0 + (-values.get(px)).exp()),
            // Softmax, less its largest score so that nothing overflows.
            Reading::Scores(classes) => {
                let scores = || (0..classes).map(|class| values.get(px * classes + class));
                let most = scores().fold(f32::MIN, f32::max);
                let mut sums = [0.0f32; 2];
                for (class, score) in scores().enumerate() {
                    sums[usize::from(self.subject.has(class))] += (score - most).exp();
                }
                sums[1] / (sums[0] + sums[1])
            }
        };
        (share.clamp(0.0, 1.0) * 255.0).round() as u8
    }

    /// Leaves the bars of a letterbox out.
    fn inside(&self, found: Foreground, placement: &Placement) -> Foreground {
        let input = self.preprocessor.target();
        let bar = |offset: f32, input: usize, size: usize| {
            ((offset.max(0.0) * size as f32 / input as f32).round() as usize).min((size - 1) / 2)
        };
        let left = bar(placement.offset[0], input.width, found.width);
        let top = bar(placement.offset[1], input.height, found.height);
        if left == 0 && top == 0 {
            return found;
        }
        let (width, height) = (found.width - 2 * left, found.height - 2 * top);
        let rows = found.map.chunks_exact(found.width).skip(top).take(height);
        let map = rows.flat_map(|row| row[left..left + width].iter().copied()).collect();
        Foreground { width, height, map }
    }
}

impl std::fmt::Debug for Segmenter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Segmenter({:?}, {:?})", self.reading, self.size)
    }
}

fn reading(output: &TensorInfo, logit: bool) -> Option<(Reading, [usize; 2])> {
    let indices = matches!(output.dtype, Dtype::I32 | Dtype::I64);
    match output.shape[..] {
        [1, h, w] | [1, h, w, 1] if indices => Some((Reading::Indices, [w, h])),
        [1, h, w, 1] => Some((Reading::Probability { logit }, [w, h])),
        [1, h, w, classes] if !indices && classes > 1 => Some((Reading::Scores(classes), [w, h])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_interpolated_and_its_corners_stay() {
        let map = Foreground::new(2, 2, vec![0, 255, 0, 255]).unwrap();
        let mut row = [0; 8];
        map.row(3, [8, 8], &mut row);
        assert_eq!((row[0], row[1], row[6], row[7]), (0, 0, 255, 255));
        assert!(row.windows(2).all(|pair| pair[0] <= pair[1]), "{row:?}");
        assert_eq!(row[3] + row[4], 255);
        assert!(Foreground::new(2, 2, vec![0; 3]).is_none());
    }
}
