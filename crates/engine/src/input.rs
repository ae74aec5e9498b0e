//! How a picture becomes the model's input tensor: size, channels, and the affine map of each pixel.

use crate::{ModelCard, Task};
use ocellus_image::{Channels, Target};
use ocellus_image::{Dtype, Fit, Resize};

use super::TensorInfo;
use super::error::Misfits;
use super::metadata::Metadata;

/// How the first input tensor is filled: from its shape and type, the card, and where that is silent the metadata
/// or the task's usual values.
pub(crate) fn target(
    inputs: &[TensorInfo],
    task: Task,
    grid: bool,
    single_mask: bool,
    card: &ModelCard,
    metadata: &Metadata,
) -> Result<Target, Misfits> {
    let [tensor] = inputs else {
        let names: Vec<&str> = inputs.iter().map(|t| t.name.as_str()).collect();
        return Err(Misfits::one(format!(
            "expected one input tensor, the file has {}: {}",
            inputs.len(),
            names.join(", ")
        )));
    };
    let refuse = |what: &str| Misfits::one(format!("input {} {:?} {what}", tensor.name, tensor.shape));
    let [1, height, width, depth] = tensor.shape[..] else {
        return Err(refuse("is not [1, height, width, channels]"));
    };
    let channels = match depth {
        3 => Channels::Rgb,
        1 => Channels::Gray,
        _ => return Err(refuse("has neither 3 channels (RGB) nor 1 (gray)")),
    };
    if !matches!(tensor.dtype, Dtype::U8 | Dtype::I8 | Dtype::F32) {
        return Err(refuse("is neither uint8, int8 nor float32"));
    }
    let (mul, add) = affine(tensor, usual(task, single_mask), card, metadata).ok_or_else(|| {
        Misfits::of_key("std", "a value is zero; it divides the pixel values and must not be")
    })?;
    let letterbox = matches!(task, Task::BlazeFace | Task::Yolo);
    let (pad, resize) = match task {
        // What the training code of each family uses.
        Task::Yolo => (if grid { 128 } else { 114 }, Resize::Bilinear),
        _ => (0, Resize::Antialias),
    };
    Ok(Target {
        width,
        height,
        channels,
        dtype: tensor.dtype,
        mul,
        add,
        fit: card.fit.unwrap_or(if letterbox { Fit::Letterbox } else { Fit::Stretch }),
        pad: card.pad.unwrap_or(pad),
        resize: card.resize.unwrap_or(resize),
    })
}

/// Mean and standard deviation that the models of a task are usually trained with.
fn usual(task: Task, single_mask: bool) -> (f32, f32) {
    match task {
        Task::Classify | Task::Ssd | Task::BlazeFace => (127.5, 127.5),
        Task::Embed => (127.5, 128.0),
        Task::Yolo => (0.0, 255.0),
        // Person masks of one channel (MediaPipe) take 0 to 1, DeepLab −1 to 1.
        Task::Segment if single_mask => (0.0, 255.0),
        Task::Segment => (127.5, 127.5),
        // EDSR and its kin take the values of a picture as they are.
        Task::Upscale => (0.0, 1.0),
    }
}

/// `mul` and `add` of each channel; `None` where a standard deviation is zero.
fn affine(
    tensor: &TensorInfo,
    usual: (f32, f32),
    card: &ModelCard,
    metadata: &Metadata,
) -> Option<([f32; 3], [f32; 3])> {
    let raw = if tensor.dtype == Dtype::I8 { -128.0 } else { 0.0 };
    let quantised = tensor.dtype != Dtype::F32;
    if quantised && card.mean.is_none() && card.std.is_none() {
        // The metadata's values were meant for the float model that this one was made from; every
        // quantised vision model of the usual converters takes the bytes as they are.
        return Some(([1.0; 3], [raw; 3]));
    }
    let mean = card.mean.or(metadata.mean).unwrap_or([usual.0; 3]);
    let std = card.std.or(metadata.std).unwrap_or([usual.1; 3]);
    let (mut mul, mut add) = ([0.0; 3], [0.0; 3]);
    for c in 0..3 {
        if std[c] == 0.0 || !std[c].is_finite() {
            return None;
        }
        mul[c] = 1.0 / std[c];
        add[c] = -mean[c] / std[c];
        if quantised && tensor.scale > 0.0 {
            mul[c] /= tensor.scale;
            add[c] = add[c] / tensor.scale + tensor.zero_point as f32;
        }
        // Within one step of the bytes as they are: that is what was meant (converters round
        // 1/127.5 to 1/128 and a zero point of 127.5 to 127 or 128), and it needs no arithmetic.
        if quantised && (add[c] - raw).abs() <= 1.0 && (mul[c] * 255.0 + add[c] - raw - 255.0).abs() <= 1.5 {
            (mul[c], add[c]) = (1.0, raw);
        }
    }
    Some((mul, add))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dtype: Dtype, scale: f32, zero_point: i32) -> TensorInfo {
        TensorInfo { name: "in".into(), shape: vec![1, 4, 6, 3], dtype, scale, zero_point }
    }

    fn of(tensor: TensorInfo, task: Task, card: &ModelCard) -> Target {
        target(&[tensor], task, false, false, card, &Metadata::default()).unwrap()
    }

    #[test]
    fn quantised_inputs_take_the_bytes_as_they_are() {
        let u8_in = of(tensor(Dtype::U8, 1.0 / 128.0, 128), Task::Classify, &ModelCard::default());
        assert_eq!((u8_in.mul, u8_in.add), ([1.0; 3], [0.0; 3]));
        let i8_in = of(tensor(Dtype::I8, 1.0 / 255.0, -128), Task::Yolo, &ModelCard::default());
        assert_eq!((i8_in.mul, i8_in.add), ([1.0; 3], [-128.0; 3]));
    }

    #[test]
    fn a_card_that_says_the_usual_mean_of_a_quantised_model_still_means_the_bytes() {
        let card = ModelCard { mean: Some([127.5; 3]), std: Some([127.5; 3]), ..ModelCard::default() };
        let input = of(tensor(Dtype::U8, 1.0 / 127.5, 127), Task::Classify, &card);
        assert_eq!((input.mul, input.add), ([1.0; 3], [0.0; 3]));
    }

    #[test]
    fn a_card_with_an_unusual_mean_is_followed_through_the_quantisation() {
        let card = ModelCard { mean: Some([100.0; 3]), std: Some([50.0; 3]), ..ModelCard::default() };
        let input = of(tensor(Dtype::I8, 0.02, 10), Task::Classify, &card);
        // (v − 100) / 50 / 0.02 + 10 = v − 90
        assert!((input.mul[0] - 1.0).abs() < 1e-6 && (input.add[0] + 90.0).abs() < 1e-4, "{input:?}");
    }

    #[test]
    fn float_inputs_follow_the_task() {
        let face = of(tensor(Dtype::F32, 0.0, 0), Task::BlazeFace, &ModelCard::default());
        assert_eq!((face.add, face.fit, face.pad), ([-1.0; 3], Fit::Letterbox, 0));
        assert!((face.mul[0] * 255.0 + face.add[0] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_zero_deviation_is_refused_by_its_key() {
        let card = ModelCard { std: Some([0.0; 3]), ..ModelCard::default() };
        let tensor = tensor(Dtype::F32, 0.0, 0);
        let faults =
            target(&[tensor], Task::Classify, false, false, &card, &Metadata::default()).unwrap_err();
        assert!(faults.entries[0].contains("std"), "{faults}");
    }
}
