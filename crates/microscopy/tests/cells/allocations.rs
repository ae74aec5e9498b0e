//! In the steady state no step asks for memory.

use ocellus_microscopy::cells::{Background, Feature, Labels, Mask, Measurer, Segmenter, Tracker};
use ocellus_microscopy::{Pixels, Plane};

use crate::heap;
use crate::support::{integers, movie};

#[test]
fn frames_like_those_before_need_no_memory() {
    let movie = movie(0);
    let float = |plane: &Plane| {
        let pixels = integers(plane).iter().enumerate();
        // Some pixels are no numbers: they are listed and filled in.
        let pixels = pixels.map(|(at, pixel)| if at % 50_000 == 7 { f32::NAN } else { f32::from(*pixel) });
        Plane { width: plane.width, height: plane.height, pixels: Pixels::F32(pixels.collect()) }
    };
    let floats: Vec<Plane> = movie.iter().take(10).map(float).collect();
    for movie in [&movie[..], &floats] {
        let (width, height) = (movie[0].width, movie[0].height);
        let mut segmenter = Segmenter::new(width, height, &Default::default()).unwrap();
        let mut background = Background::new(width, height, &Default::default()).unwrap();
        let mut tracker = Tracker::new(width, height, &Default::default()).unwrap();
        let mut measurer = Measurer::new(width, height, &Default::default()).unwrap();
        let (mut mask, mut surface, mut labels) = (Mask::default(), Vec::new(), Labels::default());
        let (mut rows, mut cells) = (Vec::with_capacity(1000), 0);
        let mut pass = || {
            for (frame, plane) in movie.iter().enumerate() {
                segmenter.segment(plane, &mut mask).unwrap();
                background.estimate(plane, &mask, &mut surface).unwrap();
                tracker.track(&mask, &mut labels).unwrap();
                let figures =
                    measurer.measure(frame, &labels, plane, &surface, &Feature::ALL, &mut rows).unwrap();
                cells += figures.cells as u64;
            }
            std::mem::take(&mut cells)
        };
        pass();
        let mut cells = 0;
        let requests = heap::requests(|| cells = pass());
        // The values of each row are memory of its own.
        assert!(cells > 0);
        assert_eq!(requests, cells, "{} frames", movie.len());
    }
}
