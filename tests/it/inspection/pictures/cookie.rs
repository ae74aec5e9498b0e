//! Cookies, whole and broken, with the boxes that a person drew round the gaps. No two are of one shape, so this is more
//! than a golden comparison is made for: what it finds is the tray where a whole cookie would be.
//!
//! Goldens are the three good ones (1 and 2 are one cookie twice), moved onto the first; a test is moved there too and
//! its defects are moved back. The setting was picked for bad 1 to 4 and is reported apart on 5 to 8. That half is not
//! blind: the trials that led here printed all pictures.

use ocellus::image::compare::{CompareSettings, Comparer, Comparison, DifferencePolarity, Learned};
use ocellus::types::Rect;

use super::align::{align, upright};
use super::*;

/// A gap is darker than a cookie, and wide (opening); its fragments belong together (joining).
const SETTINGS: CompareSettings = CompareSettings {
    threshold: 50,
    edge_threshold: 50,
    edge_tolerance_px: 6,
    spread: 1.0,
    min_area_px: 2000,
    noise_px: 4,
    join_px: 10,
    smooth_px: 4,
    flatten_px: 0,
    normalise: false,
    polarity: DifferencePolarity::Darker,
};

/// Least overlap of a defect and a true box that is a hit.
const MIN_IOU: f32 = 0.33;
const REACH_PX: f32 = 160.0;

/// True boxes, those of them that were hit, and defects that hit none.
#[derive(Debug, Default, PartialEq)]
pub struct Tally {
    pub boxes: usize,
    pub hit: usize,
    pub false_calls: usize,
}

impl Tally {
    pub fn add(&mut self, truth: &[Rect], found: &[Rect]) {
        let hits = |one: &Rect, others: &[Rect]| others.iter().any(|other| one.iou(*other) >= MIN_IOU);
        self.boxes += truth.len();
        self.hit += truth.iter().filter(|one| hits(one, found)).count();
        self.false_calls += found.iter().filter(|one| !hits(one, truth)).count();
    }
}

#[test]
fn gaps_of_broken_cookies_are_boxed() {
    let Some(data) = data(&["aoi/cookie", "aoi/ref/cookie.json"]) else { return };
    let data = data.join("aoi");
    let folder = data.join("cookie");
    let goldens: Vec<_> = files(&folder.join("normal")).iter().map(|path| open(path)).collect();
    let master = &goldens[0];
    let goldens: Vec<_> =
        goldens.iter().map(|golden| upright(golden, align(master, golden, REACH_PX, 0.0))).collect();
    let learned = Learned::from(&goldens, None, &SETTINGS).unwrap();
    let (mut comparer, mut out) = (Comparer::new(), Comparison::default());
    let mut tally = |numbers: std::ops::RangeInclusive<u32>| {
        let mut tally = Tally::default();
        for number in numbers {
            let picture = open(&folder.join(format!("anomaly/anomaly-{number}.jpg")));
            let pose = align(master, &picture, REACH_PX, 0.0);
            comparer.run(&learned, &upright(&picture, pose), &mut out).unwrap();
            let moved = |rect: Rect| Rect { x: rect.x + pose.dx, y: rect.y + pose.dy, ..rect };
            let found: Vec<_> = out.defects.iter().map(|defect| moved(defect.rect)).collect();
            tally.add(&truth(&data, number), &found);
        }
        tally
    };
    let (chosen_on, rest) = (tally(1..=4), tally(5..=8));
    println!(
        "cookie at IoU {MIN_IOU}, chosen on: {chosen_on:?} in 4 pictures; the rest: {rest:?} in 4 pictures"
    );
    assert!(chosen_on.hit >= 3 && rest.hit >= 3, "{chosen_on:?} {rest:?}");
    assert!(chosen_on.false_calls + rest.false_calls <= 8, "{chosen_on:?} {rest:?}");
}

pub fn truth(data: &Path, number: u32) -> Vec<Rect> {
    let file = std::fs::read(data.join("ref/cookie.json")).unwrap();
    let truth: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let boxes = &truth["images"][format!("cookie/anomaly/anomaly-{number}.jpg")]["boxes_xyxy"];
    let side = |v: &serde_json::Value| v.as_f64().unwrap() as f32;
    let rect = |b: &serde_json::Value| Rect::from_corners(side(&b[0]), side(&b[1]), side(&b[2]), side(&b[3]));
    boxes.as_array().unwrap().iter().map(rect).collect()
}
