//! Once warm, a picture asks the heap for the few bytes that count its readers, and for nothing else. (libjpeg-turbo's
//! own working memory comes from the C heap and goes back to it with every picture; it is not counted here.)

use ocellus::annotate::{Annotate, Look, Overlays, Place};
use ocellus::types::{Finding, Frame, PixelFormat, Point, Rect, Report, Stamp, Value};

use crate::heap::requests;

fn noise(format: PixelFormat, (width, height): (usize, usize)) -> Frame {
    let bytes: usize = format.plane_sizes(width, height).iter().map(|(row, rows)| row * rows).sum();
    let bytes: Vec<u8> = (0..bytes).map(|n| (n * 31 % 127 + 50) as u8).collect();
    Frame::from_memory(1, Stamp::default(), (format, width, height), bytes.into()).unwrap()
}

#[test]
fn a_warm_picture_takes_one_small_allocation_whatever_is_drawn() {
    let mut annotator = Annotate::default().annotator().unwrap();
    let frames =
        [(PixelFormat::I420, (320, 240)), (PixelFormat::Rgb, (333, 201)), (PixelFormat::Yuy2, (640, 360))];
    let frames = frames.map(|(format, size)| noise(format, size));
    let corners = [(0.1, 0.1), (0.9, 0.2), (0.7, 0.9)].map(|(x, y)| Point { x, y });
    let places = [Place { name: "Ворота 3".into(), points: corners.to_vec() }];
    let mut report = Report::new("front".into());
    for n in 0..40u16 {
        let rect = Rect { x: f32::from(n) * 5.0, y: f32::from(n) * 3.0, w: 40.0, h: 30.0 };
        let value = Value::Object { rect, points: Default::default() };
        report.push(Finding { track: Some(u64::from(n)), ..Finding::new(0, "part".into(), 0.5, value) });
    }
    let mut draw = |count: usize| {
        for at in 0..count {
            let overlays = Overlays { report: Some(&report), places: &places, part: None };
            let look = Look { width: 300, quality: 80 };
            drop(annotator.drawn(&frames[at % frames.len()], &look, &overlays).unwrap());
        }
    };
    draw(6);
    assert_eq!(requests(|| draw(30)), 30);
}
