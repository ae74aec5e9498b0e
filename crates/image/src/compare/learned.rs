//! The goldens, learned: for each sample the lowest and the highest value that is good.

use std::borrow::Borrow;

use super::light::LightReference;
use super::nearby::extremes;
use super::prepare::Prepare;
use super::statistics::Statistics;
use super::{CompareError, CompareSettings, DifferencePolarity, PatchShape};
use crate::Patch;

/// The bounds of good parts. Made once when goldens or recipe change, and shared by all [`super::Comparer`]s.
#[derive(Debug)]
pub struct Learned {
    shape: PatchShape,
    settings: CompareSettings,
    /// Packed rows; a sample that does not count has 0 and 255.
    low: Vec<u8>,
    high: Vec<u8>,
    mean: Vec<u8>,
    /// One byte a px, 0 does not count; empty: all count.
    mask: Vec<u8>,
    counted_px: usize,
    light: Option<LightReference>,
}

impl Learned {
    /// Learns from one or more goldens of one size. `mask`: a byte for each px, row by row; where it is 0 the px does
    /// not count (outside of the region's polygon).
    ///
    /// # Errors
    /// No golden, goldens without px or of different sizes, a mask of another size or one that leaves nothing, a
    /// spread below 0.
    pub fn from<P: Borrow<Patch>>(
        goldens: &[P],
        mask: Option<&[u8]>,
        settings: &CompareSettings,
    ) -> Result<Learned, CompareError> {
        let shape = check_goldens(goldens)?;
        let mask = check_mask(shape, mask)?;
        if settings.spread.is_nan() || settings.spread < 0.0 {
            return Err(CompareError::Spread(settings.spread.to_string()));
        }
        let light = settings.normalise.then(|| LightReference::new(shape, &goldens[0].borrow().data, mask));
        let mut statistics = Statistics::new(shape.row() * shape.height);
        let mut prepare = Prepare::default();
        for golden in goldens {
            let data = &golden.borrow().data;
            statistics.add(prepare.run(shape, settings, light.as_ref(), (data, shape.row())).0);
        }
        let counted_px = mask.map_or(shape.pixels(), |mask| mask.iter().filter(|&&v| v != 0).count());
        let mut learned = Learned {
            shape,
            settings: *settings,
            low: Vec::new(),
            high: Vec::new(),
            mean: statistics.means(),
            mask: mask.unwrap_or_default().to_vec(),
            counted_px,
            light,
        };
        learned.bound(&statistics);
        Ok(learned)
    }

    /// Folds mean, spread, edges and mask into the two planes. Rounded outwards: what is exactly as far as the
    /// tolerance is good.
    fn bound(&mut self, statistics: &Statistics) {
        let channels = self.shape.channels.count();
        let radius = self.settings.edge_tolerance_px as usize;
        let (lowest, highest) = extremes(self.shape, &self.mean, radius);
        let (mut low, mut high) = (vec![0; lowest.len()], vec![255; lowest.len()]);
        for px in 0..self.shape.pixels() {
            if !self.counts(px) {
                continue;
            }
            let samples = px * channels..(px + 1) * channels;
            let edge = samples.clone().any(|i| highest[i] - lowest[i] > self.settings.threshold);
            for i in samples {
                let spread = self.settings.spread * statistics.deviation(i);
                let (below, above, tolerance) = if edge {
                    (f32::from(lowest[i]), f32::from(highest[i]), self.settings.edge_threshold)
                } else {
                    (statistics.mean(i), statistics.mean(i), self.settings.threshold)
                };
                // `as` holds at 0 and 255.
                if self.settings.polarity != DifferencePolarity::Brighter {
                    low[i] = (below - f32::from(tolerance) - spread).floor() as u8;
                }
                if self.settings.polarity != DifferencePolarity::Darker {
                    high[i] = (above + f32::from(tolerance) + spread).ceil() as u8;
                }
            }
        }
        (self.low, self.high) = (low, high);
    }

    /// The size of the goldens, and so of every patch that is compared.
    pub fn shape(&self) -> PatchShape {
        self.shape
    }

    /// The settings that they were learned with.
    pub fn settings(&self) -> &CompareSettings {
        &self.settings
    }

    /// The goldens' mean as it is compared (evened out, smoothed and flattened as the settings say).
    pub fn mean(&self) -> Patch {
        let PatchShape { width, height, channels } = self.shape;
        Patch { width, height, channels, data: self.mean.clone() }
    }

    /// How many px count.
    pub fn counted_px(&self) -> usize {
        self.counted_px
    }

    /// Whether px `px` (y × width + x) counts.
    pub(super) fn counts(&self, px: usize) -> bool {
        self.mask.get(px).is_none_or(|&v| v != 0)
    }

    /// The lowest and the highest good values of row `y`.
    pub(super) fn bounds(&self, y: usize) -> (&[u8], &[u8]) {
        let row = y * self.shape.row()..(y + 1) * self.shape.row();
        (&self.low[row.clone()], &self.high[row])
    }

    /// The light of the goldens, where it is to be evened out.
    pub(super) fn light(&self) -> Option<&LightReference> {
        self.light.as_ref()
    }
}

fn check_goldens<P: Borrow<Patch>>(goldens: &[P]) -> Result<PatchShape, CompareError> {
    let first = PatchShape::of(goldens.first().ok_or(CompareError::NoGolden)?.borrow());
    for (which, golden) in goldens.iter().enumerate() {
        let (which, shape) = (which + 1, PatchShape::of(golden.borrow()));
        if shape.pixels() == 0 {
            return Err(CompareError::Empty { which, shape });
        }
        if shape != first {
            return Err(CompareError::GoldenSize { which, shape, first });
        }
        shape.check(golden.borrow().data.len(), shape.row())?;
    }
    Ok(first)
}

fn check_mask(shape: PatchShape, mask: Option<&[u8]>) -> Result<Option<&[u8]>, CompareError> {
    let Some(mask) = mask else { return Ok(None) };
    if mask.len() != shape.pixels() {
        return Err(CompareError::MaskSize { shape, need: shape.pixels(), got: mask.len() });
    }
    if mask.iter().all(|&v| v == 0) {
        return Err(CompareError::MaskEmpty { shape });
    }
    Ok(Some(mask))
}
