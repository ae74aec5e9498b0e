//! The probability of one class for every pixel of a segmentation's output, for callers with a threshold of their own.

use super::segment::{MapKind, SegmentPlan};
use super::values::{Values, sigmoid};
use crate::Session;

/// Reads how probable one class is in every pixel of the output tensor. Each worker has one, which allocates nothing
/// once it is made.
#[derive(Clone, Debug)]
pub struct ClassProbability {
    plan: SegmentPlan,
    class: usize,
    values: Vec<f32>,
}

impl ClassProbability {
    pub(crate) fn new(plan: SegmentPlan, class: usize) -> ClassProbability {
        let values = vec![0.0; plan.width * plan.height];
        ClassProbability { plan, class, values }
    }

    /// Width and height of the output tensor, px.
    pub fn size(&self) -> [usize; 2] {
        [self.plan.width, self.plan.height]
    }

    /// Px of the input tensor in one px of the output, horizontally and vertically.
    pub fn step(&self) -> [f32; 2] {
        self.plan.step
    }

    /// Reads the outputs of `session` after its run: width × height values, row by row. They are from 0 to 1 where
    /// the model gives probabilities or the card says `logits`; of class indices they are 0 or 1.
    pub fn read(&mut self, session: &dyn Session) -> &[f32] {
        let values = Values::of(session, 0);
        let (class, logits) = (self.class, self.plan.sigmoid);
        for (at, out) in self.values.iter_mut().enumerate() {
            *out = match self.plan.kind {
                MapKind::Indices => f32::from(u8::from(values.int(at) == class as i64)),
                MapKind::Mask => {
                    let value = values.get(at);
                    let foreground = if logits { sigmoid(value) } else { value };
                    if class == 1 { foreground } else { 1.0 - foreground }
                }
                MapKind::Scores(classes) if logits => softmax(&values, at * classes, classes, class),
                MapKind::Scores(classes) => values.get(at * classes + class),
            };
        }
        &self.values
    }
}

/// The share of `class` among `classes` logits from `first` on. The largest is subtracted, so that none overflows.
fn softmax(values: &Values<'_>, first: usize, classes: usize, class: usize) -> f32 {
    let logits = || (first..first + classes).map(|at| values.get(at));
    let most = logits().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits().map(|logit| (logit - most).exp()).sum();
    (values.get(first + class) - most).exp() / sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Facts;
    use crate::{ModelCard, RunError, TensorInfo};
    use ocellus_image::Dtype;

    /// A session whose only output is given.
    struct Given(Vec<TensorInfo>, Vec<u8>);

    impl Session for Given {
        fn inputs(&self) -> &[TensorInfo] {
            &[]
        }

        fn outputs(&self) -> &[TensorInfo] {
            &self.0
        }

        fn input_mut(&mut self, _: usize) -> &mut [u8] {
            &mut []
        }

        fn run(&mut self) -> Result<(), RunError> {
            Ok(())
        }

        fn output(&self, _: usize) -> &[u8] {
            &self.1
        }
    }

    fn probabilities(shape: &[usize], dtype: Dtype, bytes: Vec<u8>, logits: bool, class: usize) -> Vec<f32> {
        let info = TensorInfo { name: "out".into(), shape: shape.to_vec(), dtype, scale: 0.0, zero_point: 0 };
        let card = ModelCard { logits: Some(logits), ..ModelCard::default() };
        let outputs = [info.clone()];
        let plan =
            SegmentPlan::new(&Facts { outputs: &outputs, file: None, size: [4, 4], card: &card }).unwrap();
        let mut probability = ClassProbability::new(plan, class);
        assert_eq!((probability.size(), probability.step()), ([2, 2], [2.0, 2.0]));
        probability.read(&Given(vec![info], bytes)).to_vec()
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn every_form_of_output_becomes_probabilities_of_the_class() {
        let mask = floats(&[0.25, 0.5, 0.75, 1.0]);
        assert_eq!(probabilities(&[1, 2, 2, 1], Dtype::F32, mask.clone(), false, 1), [0.25, 0.5, 0.75, 1.0]);
        assert_eq!(probabilities(&[1, 2, 2, 1], Dtype::F32, mask, false, 0), [0.75, 0.5, 0.25, 0.0]);
        let logits = floats(&[0.0, 0.0, 0.0, 100.0, 200.0, 0.0, 3.0, 3.0]);
        let soft = probabilities(&[1, 2, 2, 2], Dtype::F32, logits.clone(), true, 1);
        assert!(
            (soft[0] - 0.5).abs() < 1e-6 && soft[1] > 0.999 && soft[2] < 0.001 && soft[3] == 0.5,
            "{soft:?}"
        );
        assert_eq!(probabilities(&[1, 2, 2, 2], Dtype::F32, logits, false, 1), [0.0, 100.0, 0.0, 3.0]);
        let indices: Vec<u8> = [0i32, 2, 1, 2].iter().flat_map(|index| index.to_le_bytes()).collect();
        assert_eq!(probabilities(&[1, 2, 2], Dtype::I32, indices, false, 2), [0.0, 1.0, 0.0, 1.0]);
    }
}
