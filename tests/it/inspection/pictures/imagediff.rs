//! Pairs of pictures with the exact number of px that differ.

use ocellus::image::compare::{CompareSettings, Comparer, Comparison, Learned};
use ocellus::types::Rect;

use super::*;

#[test]
fn where_nothing_is_forgiven_exactly_the_px_that_differ_differ() {
    let Some(data) = data(&["aoi/imagediff", "aoi/ref/imagediff.json"]) else { return };
    let data = data.join("aoi");
    let truth: serde_json::Value =
        serde_json::from_slice(&std::fs::read(data.join("ref/imagediff.json")).unwrap()).unwrap();
    let nothing_forgiven = CompareSettings {
        threshold: 0,
        edge_threshold: 0,
        edge_tolerance_px: 0,
        spread: 0.0,
        min_area_px: 1,
        ..CompareSettings::default()
    };
    let mut out = Comparison::default();
    for (pair, differing_px) in [("3", 583), ("7", 7575)] {
        let [a, b] = ["a", "b"].map(|side| open(&data.join(format!("imagediff/{pair}{side}.png"))));
        let learned = Learned::from(&[a], None, &nothing_forgiven).unwrap();
        Comparer::new().run(&learned, &b, &mut out).unwrap();
        let truth = &truth["pairs"][pair];
        assert_eq!(truth["differing_pixels_exact"], differing_px);
        assert_eq!((out.differing_px, out.area_px), (differing_px, differing_px));
        assert_eq!(truth["blobs"], out.found);
        let [x0, y0, x1, y1] = [0, 1, 2, 3].map(|i| truth["bounding_box_xyxy"][i].as_f64().unwrap() as f32);
        let bounds = Rect::from_corners(x0, y0, x1, y1);
        assert!(out.defects.iter().all(|defect| defect.rect.clipped(x1, y1) == defect.rect));
        assert!(out.defects.iter().all(|d| d.rect.x >= bounds.x && d.rect.y >= bounds.y), "{bounds:?}");
    }
}
