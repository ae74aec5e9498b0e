//! Running and decoding allocate nothing on the Rust side once warm.

use crate::heap::total;
use crate::support::data::data;
use crate::support::engine::*;
use ocellus_engine::Predictions;
use ocellus_engine::{ModelCard, Task};

#[test]
fn running_and_decoding_allocate_nothing_once_warm() {
    let Some(data) = data(&["models", "images/faces/face.jpg"]) else { return };
    let grid = [15, 21, 22, 29, 28, 36, 29, 51, 36, 43, 41, 54, 51, 64, 59, 82, 79, 100].map(|a| a as f32);
    for runtime in runtimes() {
        for (file, task) in [
            ("mobilenet_v1_0.25_128_quant", Task::Classify),
            ("coco_ssd_mobilenet_v1_1.0_quant_2018_06_29", Task::Ssd),
            ("face_detection_back", Task::BlazeFace),
            ("yolo_face_detect_nxp", Task::Yolo),
            ("mobilefacenet_float32", Task::Embed),
            ("deeplabv3_257_float", Task::Segment),
        ] {
            let anchors = (task == Task::Yolo).then(|| grid.to_vec());
            let card = ModelCard { anchors, ..card(task) };
            let model = load(&runtime, &data.join(format!("models/{file}.tflite")), card);
            let (rgb, placement) = picture(&data.join("images/faces/face.jpg"), &model);
            let mut session = model.session().unwrap();
            // A low threshold, so that NMS has work.
            let (mut decoder, mut report) = (model.decoder(Some(0.05)), Predictions::default());
            fill(&model, &mut *session, &rgb);
            session.run().unwrap();
            decoder.decode(&*session, &placement, &mut report);
            let found = report.items.len() + report.embedding.len();
            assert!(found > 0, "{file}: nothing found, so nothing is proved");
            let before = total();
            for _ in 0..3 {
                report.clear();
                session.run().unwrap();
                decoder.decode(&*session, &placement, &mut report);
            }
            assert_eq!(total() - before, 0, "{file}: allocations in three warm frames");
        }
    }
}
