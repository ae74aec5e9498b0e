//! The whole road from an RGB picture against what Pillow made of it.

use crate::support::data::data;
use ocellus::image::{Preprocessor, Target};
use ocellus::types::{PixelFormat, Planes};

#[test]
fn pictures_are_resized_as_pillow_resizes_them() {
    let Some(data) = data(&["images/objects"]) else { return };
    let objects = data.join("images/objects");
    let mut compared = 0;
    for name in ["bird.bmp", "cat.bmp", "dog_train_0.bmp", "grace_hopper.bmp", "sunflower.bmp"] {
        let source = image::open(objects.join(name)).unwrap().to_rgb8();
        let (w, h) = (source.width() as usize, source.height() as usize);
        for side in [128, 224, 300] {
            let stored = image::open(objects.join(format!("ref/inputs/{name}_{side}x{side}.png"))).unwrap();
            let mut ours = vec![0; side * side * 3];
            let planes = Planes::packed(PixelFormat::Rgb, w, h, source.as_raw()).unwrap();
            Preprocessor::new(Target::rgb(side, side)).run(&planes, None, &mut ours).unwrap();
            let off: Vec<u8> =
                ours.iter().zip(stored.to_rgb8().as_raw()).map(|(a, b)| a.abs_diff(*b)).collect();
            // Pillow rounds to bytes between its passes, we do not: one count apart, and rarely that.
            assert!(off.iter().all(|&d| d <= 1), "{name} at {side}: {:?}", off.iter().max());
            let changed = off.iter().filter(|&&d| d > 0).count() as f64 / off.len() as f64;
            assert!(changed < 0.25, "{name} at {side}: {changed:.2} of the values differ");
            compared += 1;
        }
    }
    assert_eq!(compared, 15);
}
