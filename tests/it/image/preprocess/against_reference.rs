//! Every format, odd size, stride, crop, fit and element type against the reference.

use ocellus::image::{Channels, Preprocessor, Target};
use ocellus::types::{Colour, Dtype, Fit, Matrix, PixelFormat, Range, Rect, Resize};
use proptest::prelude::*;

use super::{Picture, reference};

/// A byte before normalisation may be this far from the unrounded reference: half a count of rounding,
/// and what the fixed point of both passes and of the colour matrix adds.
const COUNTS: f64 = 1.0;

fn targets() -> impl Strategy<Value = Target> {
    let shape = (1usize..48, 1usize..48, 0u8..=255);
    let kind = (
        prop::sample::select(vec![Channels::Rgb, Channels::Bgr, Channels::Gray]),
        prop::sample::select(vec![Dtype::U8, Dtype::I8, Dtype::F32]),
        prop::sample::select(vec![Fit::Stretch, Fit::Letterbox]),
        prop::sample::select(vec![Resize::Antialias, Resize::Bilinear]),
    );
    let affine = prop::sample::select(vec![
        ([1.0; 3], [0.0; 3]),
        ([1.0; 3], [-128.0; 3]),
        ([1.0 / 127.5; 3], [-1.0; 3]),
        ([0.5, 0.25, 0.75], [-60.0, 3.0, 0.4]),
        ([-0.7, 0.9, 0.3], [100.0, -128.0, 0.0]),
    ]);
    (shape, kind, affine).prop_map(|((width, height, pad), (channels, dtype, fit, resize), (mul, add))| {
        Target { width, height, channels, dtype, mul, add, fit, pad, resize }
    })
}

fn pictures() -> impl Strategy<Value = Picture> {
    let format = prop::sample::select(PixelFormat::ALL.to_vec());
    (format, 1usize..90, 1usize..60, 0usize..20, any::<u64>())
        .prop_map(|(format, w, h, padding, seed)| Picture::noise(format, (w, h), padding, seed))
}

fn colours() -> impl Strategy<Value = Colour> {
    let matrix = prop::sample::select(vec![Matrix::Bt601, Matrix::Bt709]);
    let range = prop::sample::select(vec![Range::Limited, Range::Full]);
    (matrix, range).prop_map(|(matrix, range)| Colour { matrix, range })
}

fn regions() -> impl Strategy<Value = Option<Rect>> {
    let rect = (-30f32..90.0, -30f32..70.0, 0.5f32..90.0, 0.5f32..90.0);
    prop::option::of(rect.prop_map(|(x, y, w, h)| Rect { x, y, w, h }))
}

/// The tensor's elements as numbers.
fn elements(dtype: Dtype, bytes: &[u8]) -> Vec<f64> {
    match dtype {
        Dtype::U8 => bytes.iter().map(|&v| f64::from(v)).collect(),
        Dtype::I8 => bytes.iter().map(|&v| f64::from(v as i8)).collect(),
        _ => bytes.as_chunks::<4>().0.iter().map(|v| f64::from(f32::from_ne_bytes(*v))).collect(),
    }
}

/// What an element may be at most away from, given its channel's affine.
fn stored(target: &Target, channel: usize, value: f64) -> f64 {
    let exact = f64::from(target.mul[channel]) * value + f64::from(target.add[channel]);
    match target.dtype {
        Dtype::U8 => exact.round().clamp(0.0, 255.0),
        Dtype::I8 => exact.round().clamp(-128.0, 127.0),
        _ => exact,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn every_picture_becomes_the_tensor_that_the_reference_computes(
        target in targets(),
        picture in pictures(),
        colour in colours(),
        region in regions(),
    ) {
        let mut planes = picture.view();
        planes.colour = colour;
        let count = target.channels.count();
        let mut out = vec![0xA5; target.width * target.height * count * target.dtype.bytes()];
        Preprocessor::new(target).run(&planes, region, &mut out).unwrap();
        let whole = Rect { x: 0.0, y: 0.0, w: picture.width as f32, h: picture.height as f32 };
        let expected = reference::tensor(&target, &planes, region.unwrap_or(whole));
        for (i, (got, want)) in elements(target.dtype, &out).into_iter().zip(expected).enumerate() {
            let c = i % count;
            match want {
                // A bar is the pad value, normalised as every pixel is: exactly.
                None => prop_assert!((got - stored(&target, c, f64::from(target.pad))).abs() < 1e-4),
                Some(want) => {
                    let ends = [want - COUNTS, want + COUNTS].map(|v| stored(&target, c, v));
                    let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
                    prop_assert!(
                        (low - 1e-4..=high + 1e-4).contains(&got),
                        "element {i}: {got}, reference {want} gives {low} to {high}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_picture_of_one_grey_stays_that_grey(
        value: u8,
        size in (1usize..200, 1usize..200),
        to in (1usize..64, 1usize..64),
    ) {
        for format in [PixelFormat::Gray8, PixelFormat::Rgb, PixelFormat::Bgr, PixelFormat::Rgba] {
            let picture = Picture::flat(format, size, value);
            let mut out = vec![0; to.0 * to.1 * 3];
            Preprocessor::new(Target::rgb(to.0, to.1)).run(&picture.view(), None, &mut out).unwrap();
            prop_assert!(out.iter().all(|&v| v == value), "{format:?} {value}: {:?}", &out[..3]);
        }
    }
}
