//! JPEG snapshots are the picture, whatever its planes.

use ocellus::image::{Preprocessor, Target, jpeg};
use ocellus::types::{Colour, Matrix, PixelFormat, Range};

use super::Picture;

/// A picture that a JPEG can carry: two gradients and, where there is chroma, a colour cast.
fn soft(format: PixelFormat, (width, height): (usize, usize)) -> Picture {
    let mut picture = Picture::noise(format, (width, height), 4, 1);
    for (plane, (row, rows)) in format.plane_sizes(width, height).into_iter().enumerate() {
        for y in 0..rows {
            for x in 0..row {
                let ramp = 60 + x * 100 / row + y * 60 / rows;
                picture.planes[plane][y * (row + 4) + x] = ramp as u8;
            }
        }
    }
    picture
}

#[test]
fn a_snapshot_shows_what_the_tensor_shows() {
    for format in PixelFormat::ALL {
        for matrix in [Matrix::Bt601, Matrix::Bt709] {
            for range in [Range::Limited, Range::Full] {
                let picture = soft(format, (83, 61));
                let mut planes = picture.view();
                planes.colour = Colour { matrix, range };
                let mut file = Vec::new();
                jpeg::encode(&planes, 95, &mut file).unwrap();
                let seen = image::load_from_memory(&file).unwrap().to_rgb8();
                assert_eq!(seen.dimensions(), (83, 61));
                let mut ours = vec![0; 83 * 61 * 3];
                Preprocessor::new(Target::rgb(83, 61)).run(&planes, None, &mut ours).unwrap();
                let off: u64 = ours.iter().zip(seen.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
                let mean = off as f64 / ours.len() as f64;
                assert!(mean < 3.0, "{format:?} {matrix:?} {range:?}: {mean:.2} counts apart");
            }
        }
    }
}

#[test]
fn a_second_snapshot_replaces_the_first_in_the_same_memory() {
    let picture = soft(PixelFormat::Nv12, (64, 64));
    let mut file = Vec::new();
    jpeg::encode(&picture.view(), 80, &mut file).unwrap();
    let (first, at) = (file.clone(), file.as_ptr());
    jpeg::encode(&picture.view(), 80, &mut file).unwrap();
    assert_eq!(file, first);
    assert_eq!(file.as_ptr(), at);
}

#[test]
fn a_higher_quality_is_a_larger_file() {
    let picture = Picture::noise(PixelFormat::I420, (64, 64), 0, 3);
    let size = |quality| {
        let mut file = Vec::new();
        jpeg::encode(&picture.view(), quality, &mut file).unwrap();
        file.len()
    };
    assert!(size(20) < size(60) && size(60) < size(95));
}
