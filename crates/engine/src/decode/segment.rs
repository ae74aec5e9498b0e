//! Segmentation: a class for every pixel, as indices [1, H, W] (argmax inside the graph), as scores
//! [1, H, W, C], or as one channel of probability [1, H, W, 1] (class 1 where it is 0.5 or more).

use crate::{ClassMap, Decode, Misfits, Session, TensorInfo};
use crate::{Prediction, PredictionSink, Value};
use ocellus_image::{Dtype, Placement, Rect};

use super::values::{Values, sigmoid};
use super::{Facts, Labels, only, shown};

const MOST_CLASSES: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MapKind {
    Indices,
    Scores(usize),
    Mask,
}

#[derive(Clone, Debug)]
pub(crate) struct SegmentPlan {
    pub(super) kind: MapKind,
    pub(super) width: usize,
    pub(super) height: usize,
    /// Input tensor px in one px of the map.
    pub(super) step: [f32; 2],
    pub labels: Option<usize>,
    pub(super) sigmoid: bool,
    pub(super) min_share: f32,
}

impl SegmentPlan {
    pub fn new(facts: &Facts<'_>) -> Result<SegmentPlan, Misfits> {
        let wanted = "class indices [1, H, W] or scores [1, H, W, classes]";
        let output = only(facts.outputs, wanted)?;
        let refuse = || Misfits::one(format!("{} {:?}: expected {wanted}", shown(output), output.dtype));
        let (width, height, kind) = kind(output).ok_or_else(refuse)?;
        let [tensor_w, tensor_h] = facts.size.map(|px| px as f32);
        Ok(SegmentPlan {
            kind,
            width,
            height,
            step: [tensor_w / width as f32, tensor_h / height as f32],
            labels: match kind {
                MapKind::Indices => None,
                MapKind::Scores(classes) => Some(classes),
                MapKind::Mask => Some(2),
            },
            sigmoid: facts.card.logits.unwrap_or(false),
            min_share: facts.card.min_score.unwrap_or(0.0),
        })
    }

    pub fn is_single_mask(&self) -> bool {
        self.kind == MapKind::Mask
    }
}

fn kind(output: &TensorInfo) -> Option<(usize, usize, MapKind)> {
    let indices = matches!(output.dtype, Dtype::I32 | Dtype::I64);
    match output.shape[..] {
        [1, h, w] | [1, h, w, 1] if indices && h > 1 && w > 1 => Some((w, h, MapKind::Indices)),
        [1, h, w, 1] if h > 1 && w > 1 => Some((w, h, MapKind::Mask)),
        [1, h, w, c] if !indices && h > 1 && w > 1 && c <= MOST_CLASSES => Some((w, h, MapKind::Scores(c))),
        _ => None,
    }
}

/// Pixels of one class and where they are, in px of the map.
#[derive(Clone, Copy)]
struct Extent {
    count: u32,
    left: u32,
    top: u32,
    right: u32,
    bottom: u32,
}

const NOWHERE: Extent = Extent { count: 0, left: u32::MAX, top: u32::MAX, right: 0, bottom: 0 };

pub(crate) struct SegmentDecoder {
    plan: SegmentPlan,
    labels: Labels,
    min_share: f32,
    map: Vec<u8>,
    extents: Vec<Extent>,
    order: Vec<u8>,
}

impl SegmentDecoder {
    pub fn new(plan: SegmentPlan, labels: Labels, min_share: Option<f32>) -> SegmentDecoder {
        let min_share = min_share.unwrap_or(plan.min_share);
        let map = vec![0; plan.width * plan.height];
        let extents = vec![NOWHERE; MOST_CLASSES];
        SegmentDecoder { plan, labels, min_share, map, extents, order: Vec::with_capacity(MOST_CLASSES) }
    }

    fn classify_pixels(&mut self, values: &Values<'_>) {
        match (self.plan.kind, values.dtype) {
            (MapKind::Indices, _) => {
                for (i, class) in self.map.iter_mut().enumerate() {
                    *class = values.int(i).clamp(0, 255) as u8;
                }
            }
            (MapKind::Mask, _) => {
                for (i, class) in self.map.iter_mut().enumerate() {
                    let value = values.get(i);
                    let probability = if self.plan.sigmoid { sigmoid(value) } else { value };
                    *class = u8::from(probability >= 0.5);
                }
            }
            // The largest stored number is the largest real one, so nothing is dequantised.
            (MapKind::Scores(c), Dtype::U8) => argmax::<1, u8>(values.bytes, c, &mut self.map, |b| b[0]),
            (MapKind::Scores(c), Dtype::I8) => {
                argmax::<1, i8>(values.bytes, c, &mut self.map, |b| b[0] as i8)
            }
            (MapKind::Scores(c), _) => argmax::<4, f32>(values.bytes, c, &mut self.map, f32::from_le_bytes),
        }
    }

    /// Counts the pixels of each class inside the picture (the letterbox's bars are not the picture's).
    fn measure(&mut self, placement: &Placement) -> u32 {
        self.extents.fill(NOWHERE);
        let [step_x, step_y] = self.plan.step;
        let bar = |offset: f32, step: f32| (offset / step).max(0.0) as usize;
        let (bar_x, bar_y) = (bar(placement.offset[0], step_x), bar(placement.offset[1], step_y));
        let (right, bottom) = (self.plan.width.saturating_sub(bar_x), self.plan.height.saturating_sub(bar_y));
        let mut total = 0;
        for y in bar_y..bottom {
            let row = &self.map[y * self.plan.width..][..self.plan.width];
            for (x, &class) in row.iter().enumerate().take(right).skip(bar_x) {
                let extent = &mut self.extents[usize::from(class)];
                extent.count += 1;
                extent.left = extent.left.min(x as u32);
                extent.right = extent.right.max(x as u32 + 1);
                extent.top = extent.top.min(y as u32);
                extent.bottom = y as u32 + 1;
                total += 1;
            }
        }
        total
    }

    fn rect(&self, extent: &Extent, placement: &Placement) -> Rect {
        let [step_x, step_y] = self.plan.step;
        let (x0, x1) = (extent.left as f32 * step_x, extent.right as f32 * step_x);
        placement.rect(x0, extent.top as f32 * step_y, x1, extent.bottom as f32 * step_y)
    }
}

/// The first of the largest of `classes` numbers, for each pixel.
fn argmax<const N: usize, T: PartialOrd + Copy>(
    bytes: &[u8],
    classes: usize,
    map: &mut [u8],
    read: impl Fn([u8; N]) -> T,
) {
    for (pixel, out) in bytes.chunks_exact(classes * N).zip(map) {
        let mut numbers = pixel.chunks_exact(N).map(|b| read(b.try_into().unwrap_or([0; N])));
        let Some(mut most) = numbers.next() else { continue };
        let mut best = 0;
        for (class, number) in numbers.enumerate() {
            if number > most {
                (most, best) = (number, class as u8 + 1);
            }
        }
        *out = best;
    }
}

impl Decode for SegmentDecoder {
    fn decode(&mut self, session: &dyn Session, placement: &Placement, output: &mut dyn PredictionSink) {
        self.classify_pixels(&Values::of(session, 0));
        let total = self.measure(placement).max(1) as f32;
        self.order.clear();
        self.order.extend((0..=255u8).filter(|class| self.extents[usize::from(*class)].count > 0));
        let extents = &self.extents;
        self.order.sort_unstable_by_key(|c| (u32::MAX - extents[usize::from(*c)].count, *c));
        for &class in &self.order {
            let extent = &self.extents[usize::from(class)];
            let share = extent.count as f32 / total;
            if share >= self.min_share {
                let value = Value::Area { share, rect: self.rect(extent, placement) };
                let label = self.labels.of(usize::from(class));
                output.add(Prediction { class: u16::from(class), label, score: share, value });
            }
        }
    }

    fn class_map(&self) -> Option<ClassMap<'_>> {
        Some(ClassMap { classes: &self.map, width: self.plan.width, height: self.plan.height })
    }
}
