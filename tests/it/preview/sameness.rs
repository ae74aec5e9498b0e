//! The picture shows the frame: of every format, odd sizes, any colours, at its own size and made smaller.

use ocellus::image::{Canvas, Copier, Preprocessor, Target, jpeg::Encoder};
use ocellus::types::{Colour, Matrix, PixelFormat, Planes, Range};

use super::studio::decode;
use crate::support::picture::Picture;

/// Gradients and, where there is chroma, a colour cast: what a JPEG can carry.
fn soft(format: PixelFormat, (width, height): (usize, usize)) -> Picture {
    let mut picture = Picture::noise(format, (width, height), 4, 1);
    for (plane, (row, rows)) in format.plane_sizes(width, height).into_iter().enumerate() {
        for y in 0..rows {
            for x in 0..row {
                picture.planes[plane][y * (row + 4) + x] = (60 + x * 100 / row + y * 60 / rows) as u8;
            }
        }
    }
    picture
}

fn encode(planes: &Planes<'_>, width: usize) -> image::RgbImage {
    let mut canvas = Canvas::default();
    Copier::default().copy(planes, width, &mut canvas).unwrap();
    decode(Encoder::new().unwrap().encode(&canvas, 95).unwrap())
}

/// The same picture by the road into a tensor.
fn expected(planes: &Planes<'_>, width: usize, height: usize) -> Vec<u8> {
    let target = Target::rgb(width, height);
    let mut out = vec![0; width * height * 3];
    Preprocessor::new(target).run(planes, None, &mut out).unwrap();
    out
}

/// Peak signal to noise, dB.
fn psnr(a: &[u8], b: &[u8]) -> f64 {
    let square = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b)).powi(2);
    let error = a.iter().zip(b).map(square).sum::<f64>() / a.len() as f64;
    10.0 * (255.0 * 255.0 / error.max(1e-9)).log10()
}

#[test]
fn a_picture_at_its_own_size_is_the_frame_in_every_format_size_and_colour() {
    for format in PixelFormat::ALL {
        for size in [(96, 64), (83, 61), (17, 2), (1, 1), (2, 35)] {
            for (matrix, range) in [
                (Matrix::Bt601, Range::Limited),
                (Matrix::Bt601, Range::Full),
                (Matrix::Bt709, Range::Limited),
                (Matrix::Bt709, Range::Full),
            ] {
                // A few px have no gradient that halved chroma could carry.
                let is_tiny = size.0 * size.1 < 1_000;
                let picture = if is_tiny { Picture::flat(format, size, 90) } else { soft(format, size) };
                let mut planes = picture.view();
                planes.colour = Colour { matrix, range };
                let seen = encode(&planes, 4_096);
                assert_eq!(seen.dimensions(), (size.0 as u32, size.1 as u32));
                let psnr = psnr(&expected(&planes, size.0, size.1), seen.as_raw());
                assert!(psnr > 34.0, "{format:?} {size:?} {matrix:?} {range:?}: {psnr:.1} dB");
            }
        }
    }
}

#[test]
fn a_larger_frame_is_made_smaller_by_whole_and_by_fractional_factors() {
    for format in PixelFormat::ALL {
        for (size, width, wanted) in
            [((192, 108), 96, (96, 54)), ((193, 107), 120, (120, 67)), ((300, 200), 101, (101, 67))]
        {
            let picture = soft(format, size);
            let planes = picture.view();
            let seen = encode(&planes, width);
            assert_eq!(seen.dimensions(), (wanted.0 as u32, wanted.1 as u32));
            let psnr = psnr(&expected(&planes, wanted.0, wanted.1), seen.as_raw());
            assert!(psnr > 33.0, "{format:?} {size:?} to {width}: {psnr:.1} dB");
        }
    }
}

#[test]
fn a_smaller_picture_is_the_mean_of_what_it_covers_not_every_other_px() {
    // Columns that alternate: decimation would give one of the two.
    let mut picture = Picture::flat(PixelFormat::Gray8, (256, 128), 40);
    picture.planes[0].iter_mut().skip(1).step_by(2).for_each(|px| *px = 200);
    let seen = encode(&picture.view(), 128);
    // The first and the last column lack a neighbour.
    let inner = image::imageops::crop_imm(&seen, 1, 0, 126, 64).to_image();
    assert!(inner.pixels().all(|px| px.0.iter().all(|c| c.abs_diff(120) <= 4)));
}

#[test]
fn a_frame_that_does_not_hold_its_rows_is_refused() {
    let mut picture = Picture::flat(PixelFormat::Nv12, (64, 64), 40);
    picture.planes[1].truncate(9);
    let error = Copier::default().copy(&picture.view(), 64, &mut Canvas::default()).unwrap_err();
    assert!(error.to_string().contains("truncated"), "{error}");
}
