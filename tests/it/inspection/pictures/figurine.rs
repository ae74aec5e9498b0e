//! Figurines that lie freely: broken, painted, faded ones against eight good ones. Labels are of whole pictures.
//!
//! Goldens are the good ones 1 to 4. The setting was picked for good 5, 6 and bad 1, 2, 3, 4, 5, 10, and is reported apart
//! on good 7, 8 and bad 11, 13, 16, 20, 27, 37. That half is not blind: the trials that led here printed all pictures.

use ocellus::image::compare::{CompareSettings, Comparer, Comparison, DifferencePolarity, Learned};

use super::align::{align, upright};
use super::*;

/// Limbs are cast a little differently each time (5 px of edge), plastic shines (smoothing, opening, spread).
const SETTINGS: CompareSettings = CompareSettings {
    threshold: 40,
    edge_threshold: 40,
    edge_tolerance_px: 5,
    spread: 2.0,
    min_area_px: 150,
    noise_px: 2,
    join_px: 0,
    smooth_px: 2,
    flatten_px: 0,
    normalise: false,
    polarity: DifferencePolarity::Both,
};

/// How far a part may have moved and turned.
const REACH_PX: f32 = 64.0;
const TURN_RAD: f32 = 0.35;

#[test]
fn broken_figurines_are_distinguished_from_good_ones() {
    let Some(data) = data(&["aoi/figurine"]) else { return };
    let data = data.join("aoi");
    let folder = data.join("figurine");
    let master = open(&folder.join("normal/1.png"));
    let part = |kind: &str, number: u32| {
        let picture = open(&folder.join(format!("{kind}/{number}.png")));
        upright(&picture, align(&master, &picture, REACH_PX, TURN_RAD))
    };
    let goldens: Vec<_> = (1..=4).map(|number| part("normal", number)).collect();
    let learned = Learned::from(&goldens, None, &SETTINGS).unwrap();
    let (mut comparer, mut out) = (Comparer::new(), Comparison::default());
    let mut bad = |kind: &str, numbers: &[u32]| {
        let judged = numbers.iter().map(|&number| {
            comparer.run(&learned, &part(kind, number), &mut out).unwrap();
            println!("{kind} {number}: {} defects, {} px", out.found, out.area_px);
            out.found > 0
        });
        judged.filter(|&bad| bad).count()
    };
    let (false_chosen, caught_chosen) = (bad("normal", &[5, 6]), bad("anomaly", &[1, 2, 3, 4, 5, 10]));
    let (false_calls, caught) = (bad("normal", &[7, 8]), bad("anomaly", &[11, 13, 16, 20, 27, 37]));
    println!("figurine, chosen on: {caught_chosen} of 6 bad found, {false_chosen} of 2 good called bad");
    println!("figurine, the rest: {caught} of 6 bad found, {false_calls} of 2 good called bad");
    assert_eq!((caught_chosen, false_chosen), (5, 0), "2 lacks only some paint of its eyes, and escapes");
    assert_eq!((caught, false_calls), (6, 0));
}
