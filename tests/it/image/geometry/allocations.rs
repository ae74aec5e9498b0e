//! The steady state asks the heap for nothing.

use ocellus::image::{
    Aligner, Caliper, Channels, Cutter, EdgePolarity, GreyLevels, Lab, Patch, Reach, RotatedRect,
};
use ocellus::types::{PixelFormat, Pose, Rect};

use super::scene::{Light, Part, about_middle};
use crate::heap::requests;

const LIGHT: Light = Light { gain: 1.0, offset: 0.0, noise: 1.0, seed: 4 };

#[test]
fn cutting_and_checking_allocate_nothing_once_warm() {
    let part = Part::new(161, 121, 3);
    for format in PixelFormat::ALL {
        let frame = part.picture(format, &Pose::default(), LIGHT);
        let planes = frame.view();
        let (mut cutter, mut caliper) = (Cutter::new(), Caliper::new());
        let (mut grey, mut colour) = (Patch::default(), Patch::default());
        let mut round = |i: usize| {
            let pose = Pose { dx: i as f32 * 0.3, dy: 1.0, angle_rad: i as f32 * 0.01 };
            let side = 60.0 - i as f32;
            let rect = Rect { x: 30.0, y: 20.0, w: side, h: side };
            let region = RotatedRect { rect, angle_deg: 3.0 * i as f32 };
            cutter.cut(&planes, &region, &pose, Channels::Gray, &mut grey).unwrap();
            cutter.cut(&planes, &region, &pose, Channels::Rgb, &mut colour).unwrap();
            GreyLevels::measure(&grey, None, 0..=99).unwrap();
            Lab::mean(&colour, None).unwrap();
            let _ = caliper.distance(&grey, None, (EdgePolarity::Any, EdgePolarity::Any), 20.0);
        };
        // More edges may be found in a smaller patch: the lists have their room after one round of all.
        (0..20).for_each(&mut round);
        assert_eq!(requests(|| (0..20).for_each(&mut round)), 0, "{format:?}");
    }
}

#[test]
fn finding_a_part_allocates_nothing_once_warm() {
    let part = Part::usual();
    let master = part.picture(PixelFormat::Gray8, &Pose::default(), LIGHT);
    let rects = [(40.0, 36.0, 48.0), (230.0, 41.0, 33.0)].map(|(x, y, w)| Rect { x, y, w, h: 48.0 });
    let frames = [1.0, -2.5, 4.0]
        .map(|angle| part.picture(PixelFormat::Nv12, &about_middle(part, angle, 3.0, angle), LIGHT));
    for max_angle_deg in [0.0, 6.0] {
        let reach = Reach { search_px: 36, max_angle_deg, min_score: 0.3 };
        let mut aligner = Aligner::new(&master.view(), &rects, reach).unwrap();
        let _ = aligner.find(&frames[0].view());
        let count = requests(|| {
            for frame in &frames {
                let _ = aligner.find(&frame.view());
            }
        });
        assert_eq!(count, 0, "up to {max_angle_deg} degrees");
    }
}
