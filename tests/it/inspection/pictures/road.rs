//! The same parts on the product's own road: a recipe whose only fiducial is the part as a whole, and one `pixels` ROI.
//! Its settings are those of the neighbours, but grey: what a recipe compares.

use std::path::Path;
use std::sync::Arc;

use ocellus::config::recipe::Recipe;
use ocellus::inspection::{GoldenPicture, Program};
use ocellus::types::{Clock, Frame, PixelFormat, Rect, SystemClock, Verdict};

use super::cookie::{Tally, truth};
use super::*;

const COOKIE: &str = r#"
size = [576, 768]
[align]
fiducials = [[60, 150, 456, 560]]
search_px = 160
max_angle_deg = 0
min_score = 0.3
[[roi]]
name = "cookie"
rect = [60, 150, 456, 560]
kind = "pixels"
threshold = 50
edge_threshold = 50
edge_tolerance_px = 6
spread = 1.0
min_area_px = 2000
noise_px = 4
join_px = 10
smooth_px = 4
polarity = "darker"
"#;

const FIGURINE: &str = r#"
size = [550, 380]
[align]
fiducials = [[91, 63, 366, 253]]
search_px = 64
max_angle_deg = 20
min_score = 0.3
[[roi]]
name = "figurine"
rect = [0, 0, 550, 380]
kind = "pixels"
threshold = 40
edge_threshold = 40
edge_tolerance_px = 5
spread = 2.0
min_area_px = 150
noise_px = 2
smooth_px = 2
"#;

fn program(text: &str, goldens: &[PathBuf]) -> Arc<Program> {
    let recipe = Recipe::parse(text, Path::new("part.toml"), &[]).unwrap_or_else(|faults| panic!("{faults}"));
    let golden = |path: &PathBuf| GoldenPicture {
        name: path.display().to_string(),
        picture: Arc::new(open(path)),
        rois: None,
    };
    let goldens: Vec<_> = goldens.iter().map(golden).collect();
    let program = Program::new(recipe, &goldens, &|_, _| unreachable!("no model"));
    Arc::new(program.unwrap_or_else(|error| panic!("{error}")))
}

/// The verdict on a picture, and its defects in px of the picture (of a part that is not turned).
fn judge(program: &Arc<Program>, path: &Path) -> (Verdict, Vec<Rect>) {
    let picture = open(path);
    let shape = (PixelFormat::Rgb, picture.width, picture.height);
    let frame = Frame::from_memory(0, SystemClock.now(), shape, picture.data.into()).unwrap();
    let mut inspector = program.inspector().unwrap();
    let pose = inspector.find(&frame).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    let result = inspector.roi(&frame, pose.as_ref(), 0, None);
    let pose = pose.unwrap_or_default();
    let moved = |rect: Rect| Rect { x: rect.x + pose.dx, y: rect.y + pose.dy, ..rect };
    (result.verdict, result.defects.iter().map(|defect| moved(defect.rect)).collect())
}

#[test]
fn a_recipe_boxes_the_gaps_of_broken_cookies() {
    let Some(data) = data(&["aoi/cookie", "aoi/ref/cookie.json"]) else { return };
    let data = data.join("aoi");
    let folder = data.join("cookie");
    let program = program(COOKIE, &files(&folder.join("normal")));
    let mut tally = Tally::default();
    for number in 1..=8 {
        let (verdict, found) = judge(&program, &folder.join(format!("anomaly/anomaly-{number}.jpg")));
        assert_eq!(verdict, Verdict::Ng, "{number}");
        println!("cookie {number}: {found:?}");
        tally.add(&truth(&data, number), &found);
    }
    println!("cookie on the road: {tally:?} in 8 pictures");
    assert!(tally.hit >= 8 && tally.false_calls <= 6, "{tally:?}");
}

#[test]
fn a_recipe_tells_broken_figurines_from_good_ones() {
    let Some(data) = data(&["aoi/figurine"]) else { return };
    let data = data.join("aoi");
    let folder = data.join("figurine");
    let goldens: Vec<_> = (1..=4).map(|number| folder.join(format!("normal/{number}.png"))).collect();
    let program = program(FIGURINE, &goldens);
    let bad = |kind: &str, numbers: &[u32]| {
        let paths = numbers.iter().map(|number| folder.join(format!("{kind}/{number}.png")));
        paths.filter(|path| judge(&program, path).0 == Verdict::Ng).count()
    };
    let false_calls = bad("normal", &[5, 6, 7, 8]);
    let caught = bad("anomaly", &[1, 2, 3, 4, 5, 10, 11, 13, 16, 20, 27, 37]);
    println!("figurine on the road: {caught} of 12 bad found, {false_calls} of 4 good called bad");
    assert_eq!((caught, false_calls), (11, 0), "2 lacks only some paint of its eyes, and escapes");
}
