//! The steady state asks the heap for nothing.

use ocellus::image::{Channels, Preprocessor, Target};
use ocellus::types::{Dtype, Fit, PixelFormat, Rect};

use super::Picture;
use crate::heap::requests;

#[test]
fn the_counter_counts() {
    assert!(requests(|| drop(std::hint::black_box(Box::new(1)))) > 0);
}

#[test]
fn after_its_first_picture_a_geometry_allocates_nothing() {
    for format in PixelFormat::ALL {
        for (dtype, channels) in
            [(Dtype::U8, Channels::Rgb), (Dtype::I8, Channels::Gray), (Dtype::F32, Channels::Bgr)]
        {
            let target = Target { dtype, channels, fit: Fit::Letterbox, ..Target::rgb(64, 48) };
            let picture = Picture::noise(format, (321, 123), 5, 7);
            let mut out = vec![0; 64 * 48 * channels.count() * dtype.bytes()];
            let mut preprocessor = Preprocessor::new(target);
            let region = Rect { x: 3.5, y: 7.0, w: 200.0, h: 99.0 };
            for region in [None, Some(region)] {
                preprocessor.run(&picture.view(), region, &mut out).unwrap();
            }
            let count = requests(|| {
                for i in 0..50 {
                    let region = (i % 2 == 1).then_some(region);
                    preprocessor.run(&picture.view(), region, &mut out).unwrap();
                }
            });
            assert_eq!(count, 0, "{format:?} to {dtype:?}");
        }
    }
}

#[test]
fn regions_that_never_repeat_stop_allocating_once_the_tables_have_grown() {
    let picture = Picture::noise(PixelFormat::Nv12, (640, 360), 0, 7);
    let mut preprocessor = Preprocessor::new(Target::rgb(112, 112));
    let mut out = vec![0; 112 * 112 * 3];
    let mut face = |i: usize, side: f32| {
        let region = Rect { x: i as f32 * 0.7, y: i as f32 * 0.3, w: side, h: side };
        preprocessor.run(&picture.view(), Some(region), &mut out).unwrap();
    };
    // As many large ones as plans are remembered, so that each has grown to the largest it will be.
    (0..16).for_each(|i| face(i, 300.0));
    assert_eq!(requests(|| (16..200).for_each(|i| face(i, 100.0 + (i % 90) as f32))), 0);
}
