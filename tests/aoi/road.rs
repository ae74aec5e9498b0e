//! The same parts on the product's own road: a recipe whose only fiducial is the part as a whole, and a `pixels` ROI.

use std::path::Path;
use std::sync::Arc;

use ocellus::config::recipe::Recipe;
use ocellus::stages::inspect::{GoldenPicture, Program};
use ocellus::types::{Clock, Frame, PixelFormat, RoiResult, SystemClock, Verdict};

use super::cookie::{Tally, truth};
use super::*;

fn program(text: &str, goldens: &[PathBuf]) -> Arc<Program> {
    let recipe = Recipe::parse(text, Path::new("part.toml"), &[]).unwrap_or_else(|faults| panic!("{faults}"));
    let goldens: Vec<_> = goldens
        .iter()
        .map(|path| GoldenPicture {
            name: path.display().to_string(),
            picture: Arc::new(open(path)),
            rois: None,
        })
        .collect();
    let program = Program::new(recipe, &goldens, &|_, _| unreachable!("no model"));
    Arc::new(program.unwrap_or_else(|error| panic!("{error}")))
}

/// What the road says of one picture, with defects in the px of the picture.
fn judge(program: &Arc<Program>, path: &Path) -> (RoiResult, Vec<ocellus::types::Rect>) {
    let picture = open(path);
    let shape = (PixelFormat::Rgb, picture.width, picture.height);
    let frame = Frame::from_memory(0, SystemClock.now(), shape, picture.data.into()).unwrap();
    let mut station = program.station().unwrap();
    let began = std::time::Instant::now();
    let pose = match station.find(&frame) {
        Ok(pose) => pose.unwrap_or_default(),
        Err(fault) => {
            println!("{}: {fault}", path.display());
            return (RoiResult::failed(&"part".into(), "pixels", fault.to_string()), Vec::new());
        }
    };
    let found = began.elapsed();
    let result = station.roi(&frame, Some(&pose), 0, None);
    println!("{} {pose:?} {found:?} {:?}", path.display(), result.verdict);
    let moved = |rect: ocellus::types::Rect| ocellus::types::Rect {
        x: rect.x + pose.dx,
        y: rect.y + pose.dy,
        ..rect
    };
    let rects = result.defects.iter().map(|defect| moved(defect.rect)).collect();
    (result, rects)
}

#[test]
fn cookies_on_the_road() {
    let Some(data) = data() else { return };
    let folder = data.join("cookie");
    let text = "size = [576, 768]\n[align]\nfiducials = [[60, 150, 456, 560]]\nsearch_px = 160\nmax_angle_deg = 0\nmin_score = 0.3\n\
        [[roi]]\nname = \"part\"\nrect = [0, 0, 576, 768]\nkind = \"pixels\"\nthreshold = 50\nedge_threshold = 50\nedge_tolerance_px = 6\n\
        spread = 1.0\nmin_area_px = 2000\nnoise_px = 4\njoin_px = 10\nsmooth_px = 4\npolarity = \"darker\"\n";
    let program = program(text, &files(&folder.join("normal")));
    let mut tally = Tally::default();
    for number in 1..=8 {
        let (_, found) = judge(&program, &folder.join(format!("anomaly/anomaly-{number}.jpg")));
        println!("{found:?}");
        tally.add(&truth(&data, number), &found);
    }
    println!("cookie on the road: {tally:?}");
}

#[test]
fn figurines_on_the_road() {
    let Some(data) = data() else { return };
    let folder = data.join("figurine");
    let first = open(&folder.join("normal/1.png"));
    let (w, h) = (first.width, first.height);
    let text = format!(
        "size = [{w}, {h}]\n[align]\nfiducials = [[{}, {}, {}, {}]]\nsearch_px = 64\nmax_angle_deg = 20\nmin_score = 0.3\n\
        [[roi]]\nname = \"part\"\nrect = [0, 0, {w}, {h}]\nkind = \"pixels\"\nthreshold = 40\nedge_threshold = 40\nedge_tolerance_px = 5\n\
        spread = 2.0\nmin_area_px = 150\nnoise_px = 2\nsmooth_px = 2\n",
        w / 6,
        h / 6,
        w * 2 / 3,
        h * 2 / 3
    );
    let goldens: Vec<_> = (1..=4).map(|n| folder.join(format!("normal/{n}.png"))).collect();
    let program = program(&text, &goldens);
    let mut bad = |kind: &str, numbers: &[u32]| {
        numbers
            .iter()
            .filter(|n| judge(&program, &folder.join(format!("{kind}/{n}.png"))).0.verdict != Verdict::Ok)
            .count()
    };
    println!("figurine on the road: good called bad {} of 4", bad("normal", &[5, 6, 7, 8]));
    println!(
        "figurine on the road: bad found {} of 12",
        bad("anomaly", &[1, 2, 3, 4, 5, 10, 11, 13, 16, 20, 27, 37])
    );
}
