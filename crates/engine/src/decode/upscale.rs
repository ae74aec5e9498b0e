//! Super-resolution: RGB [1, H, W, 3] in, [1, n H, n W, 3] out. There is nothing to find in it; who enlarges pictures
//! reads the tensor with [`Values`](super::Values).

use crate::{Decode, Misfits, PredictionSink, Session};
use ocellus_image::{Dtype, Placement};

use super::{Facts, only, shown};

/// The largest enlargement that is believed of a model.
const MOST: usize = 8;

#[derive(Clone, Debug)]
pub(crate) struct UpscalePlan;

impl UpscalePlan {
    pub fn new(facts: &Facts<'_>) -> Result<UpscalePlan, Misfits> {
        let [width, height] = facts.size;
        let wanted =
            format!("[1, n x {height}, n x {width}, 3] with n of 2 to {MOST}, of uint8, int8 or float32");
        let output = only(facts.outputs, &wanted)?;
        let fits = match output.shape[..] {
            [1, h, w, 3] if width > 0 && height > 0 => {
                let factor = w / width;
                (2..=MOST).contains(&factor) && w == factor * width && h == factor * height
            }
            _ => false,
        };
        if fits && matches!(output.dtype, Dtype::U8 | Dtype::I8 | Dtype::F32) {
            return Ok(UpscalePlan);
        }
        Err(Misfits::one(format!("{} {:?}: expected {wanted}", shown(output), output.dtype)))
    }
}

/// The output is a picture, not findings.
pub(crate) struct NoFindings;

impl Decode for NoFindings {
    fn decode(&mut self, _: &dyn Session, _: &Placement, _: &mut dyn PredictionSink) {}
}
