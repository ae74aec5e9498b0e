//! A video, as fast as it goes: every frame once, in order, with what the reference found in it.

use std::time::Duration;

use ocellus::types::Rect;
use serde_json::Value;

use crate::support::broker::Broker;
use crate::support::data::data;
use crate::support::fixture::Fixture;
use crate::support::messages::{assert_valid, listen, numbers};
use crate::support::wait_until;

const MODEL: &str = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite";
const VIDEO: &str = "asl_again.mkv";

fn corners(values: &[f64]) -> Rect {
    let [top, left, bottom, right] = [values[0], values[1], values[2], values[3]].map(|value| value as f32);
    Rect { x: left, y: top, w: right - left, h: bottom - top }
}

/// In units of the frame, as the reference is.
fn rect(finding: &Value, frame: &Value) -> Rect {
    let of = |key: &str, whole: &str| {
        (finding["box"][key].as_f64().unwrap() / frame[whole].as_f64().unwrap()) as f32
    };
    Rect { x: of("x", "width"), y: of("y", "height"), w: of("w", "width"), h: of("h", "height") }
}

#[test]
fn every_frame_of_a_video_is_reported_once_and_in_order_and_agrees_with_the_reference() {
    let Some(data) = data(&["video/ref/video.json", MODEL, &format!("video/{VIDEO}")]) else { return };
    let text = std::fs::read_to_string(data.join("video/ref/video.json")).unwrap();
    let reference = &serde_json::from_str::<Value>(&text).unwrap()["videos"][VIDEO];
    let count: u64 = reference["stream"]["nb_read_frames"].as_str().unwrap().parse().unwrap();

    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let config = format!(
        "[model.coco]\npath = \"{}\"\ntask = \"ssd\"\n\n[[camera]]\nname = \"tape\"\nsource = \"file://{}\"\n\
         pace = \"max\"\ndetect = {{ model = \"coco\", min_score = 0.4 }}\n",
        data.join(MODEL).display(),
        data.join("video").join(VIDEO).display()
    );
    fixture.config_with(&format!("url = \"mqtt://127.0.0.1:{}\"", broker.port), "litert", &config);
    let mut service = fixture.run();
    assert_eq!(service.exit_within(Duration::from_secs(60)), Some(0), "{}", service.log());

    wait_until("the last frame", || {
        numbers(&watcher, "tape/detections", "frame").last() == Some(&(count - 1))
    });
    assert_eq!(numbers(&watcher, "tape/detections", "frame"), (0..count).collect::<Vec<_>>());
    let reports = watcher.json("tape/detections");
    let mut compared = 0;
    for frame in reference["frames"].as_array().unwrap() {
        let report = &reports[frame["frame"].as_u64().unwrap() as usize];
        for expected in frame["detections"].as_array().unwrap() {
            let values: Vec<f64> = expected["box_ymin_xmin_ymax_xmax"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_f64)
                .collect();
            let place = corners(&values);
            let found = report["findings"].as_array().unwrap().iter().any(|finding| {
                finding["label"] == expected["label"] && rect(finding, report).iou(place) > 0.5
            });
            assert!(found, "{expected} is missing in {report}");
            compared += 1;
        }
    }
    assert!(compared >= 16, "only {compared} detections were compared");
    assert_valid(&watcher);
}
