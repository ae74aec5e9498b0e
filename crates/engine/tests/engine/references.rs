//! Every model of the shared data gives what its reference run gave, within the tolerance that
//! `MANIFEST.md` and the reference files state.

use std::path::{Path, PathBuf};

use crate::support::data::data;
use crate::support::engine::*;
use ocellus_engine::Runtime;
use ocellus_engine::{ModelCard, RuntimeSettings, Task};
use ocellus_engine::{Predictions, Value};
use ocellus_image::Rect;
use serde_json::Value as Json;

fn numbers(json: &Json) -> Vec<f32> {
    json.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

fn rect(json: &Json) -> Rect {
    let c = numbers(json);
    Rect::from_corners(c[0], c[1], c[2], c[3])
}

fn labelled(task: Task, data: &Path, file: &str, count: usize) -> ModelCard {
    let text = std::fs::read_to_string(data.join("models").join(file)).unwrap();
    let labels = text.lines().take(count).map(str::to_owned).collect();
    ModelCard { labels: Some(labels), ..card(task) }
}

/// `reference(data, json, each)` calls `each` with a picture's path in the data and its entry.
fn entries(reference: &Json) -> Vec<(String, Json)> {
    reference["images"].as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn png(folder: &Path, entry: &Json) -> PathBuf {
    folder.join(entry["input_png"].as_str().unwrap())
}

fn classification(runtimes: &[Runtime], model_name: &str, tolerance: f32) {
    let Some(data) =
        data(&["images/objects/ref", "models/imagenet_labels.txt", &format!("models/{model_name}.tflite")])
    else {
        return;
    };
    let folder = data.join("images/objects");
    let reference = json(&folder.join(format!("ref/classify_{model_name}.json")));
    for runtime in runtimes {
        let card = labelled(Task::Classify, &data, "imagenet_labels.txt", 1001);
        let model = load(runtime, &data.join(format!("models/{model_name}.tflite")), card);
        for (name, entry) in entries(&reference) {
            let report = infer(&model, &rgb(&png(&folder, &entry)), &whole(&model, [1.0; 2]), Some(0.0));
            let wanted = entry["top5"].as_array().unwrap();
            let (best, best_wanted) = (&report.items[0], &wanted[0]);
            let gap = wanted[0]["score"].as_f64().unwrap() - wanted[1]["score"].as_f64().unwrap();
            if gap as f32 > 2.0 * tolerance {
                assert_eq!(u64::from(best.class), best_wanted["index"].as_u64().unwrap(), "{name}");
                assert_eq!(&*best.label, best_wanted["label"].as_str().unwrap(), "{name}");
            }
            assert_eq!(report.items.len(), 5);
            for (found, wanted) in report.items.iter().zip(wanted) {
                let score = wanted["score"].as_f64().unwrap() as f32;
                assert!((found.score - score).abs() <= tolerance, "{name}: {found:?} is not {wanted}");
            }
        }
    }
}

#[test]
fn quantised_mobilenet_v1_names_what_its_reference_names() {
    classification(&runtimes(), "mobilenet_v1_0.25_128_quant", 0.08);
}

#[test]
fn quantised_mobilenet_v2_names_what_its_reference_names() {
    classification(&runtimes(), "mobilenet_v2_1.0_224_quant", 0.08);
}

#[test]
fn post_training_quantised_mobilenet_v2_names_what_its_reference_names() {
    classification(&runtimes(), "tf2_mobilenet_v2_1.0_224_ptq", 0.08);
}

#[test]
fn float_mobilenet_v1_gives_its_reference_scores_to_five_digits() {
    classification(&runtimes(), "mobilenet_v1_0.25_224_float", 2e-5);
}

/// Each wanted box has a found one that covers it, and the other way round.
fn assert_boxes(name: &str, report: &Predictions, wanted: &[(Rect, f32, String)], iou: f32, score: f32) {
    assert_eq!(report.items.len(), wanted.len(), "{name}: {:?} is not {wanted:?}", report.items);
    for (rect, wanted_score, label) in wanted {
        let near = report.items.iter().any(|f| {
            f.rect().unwrap().iou(*rect) >= iou
                && (f.score - wanted_score).abs() <= score
                && *f.label == **label
        });
        assert!(near, "{name}: nothing like {label} {wanted_score} {rect:?} in {:?}", report.items);
    }
    assert!(report.items.is_sorted_by(|a, b| a.score >= b.score), "{name}: best first");
}

#[test]
fn ssd_finds_the_objects_of_its_reference_with_labels_from_the_file_itself() {
    let Some(data) =
        data(&["images/objects/ref", "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"])
    else {
        return;
    };
    let folder = data.join("images/objects");
    let reference = json(&folder.join("ref/detect_coco_ssd.json"));
    for runtime in runtimes() {
        let path = data.join("models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite");
        let model = load(&runtime, &path, card(Task::Ssd));
        assert_eq!(model.labels().len(), 90, "labels from the zip archive of the file");
        for (name, entry) in entries(&reference) {
            let size = numbers(&entry["size_wh"]);
            // The stored score steps are 1/256, and without XNNPACK they move by up to 12/1000:
            // what lies that near the threshold of the list may be on either side of it.
            let all = entry["detections"].as_array().unwrap();
            let sure: Vec<_> = all.iter().filter(|d| d["score"].as_f64().unwrap() >= 0.4).collect();
            let report =
                infer(&model, &rgb(&png(&folder, &entry)), &whole(&model, [size[0], size[1]]), Some(0.3));
            for wanted in sure {
                let at = rect(&wanted["box_xyxy_px"]);
                let near = report.items.iter().any(|f| {
                    f.rect().unwrap().iou(at) > 0.8
                        && (f.score - wanted["score"].as_f64().unwrap() as f32).abs() <= 0.08
                        && u64::from(f.class) == wanted["class_id"].as_u64().unwrap()
                });
                assert!(near, "{name}: no {wanted} in {:?}", report.items);
            }
            assert!(report.items.iter().filter(|f| f.score >= 0.4).count() <= all.len(), "{name}");
        }
    }
}

fn faces(runtimes: &[Runtime], model_name: &str) {
    let Some(data) = data(&["images", &format!("models/{model_name}.tflite")]) else { return };
    let folder = data.join("images");
    let reference = json(&folder.join(format!("faces/ref/{model_name}.json")));
    for runtime in runtimes {
        let model = load(runtime, &data.join(format!("models/{model_name}.tflite")), card(Task::BlazeFace));
        for (name, entry) in entries(&reference) {
            let path = folder.join(&name);
            let (rgb, placement) = picture(&path, &model);
            let report = infer(&model, &rgb, &placement, Some(0.5));
            let faces = entry["faces"].as_array().unwrap();
            // This resize differs from Pillow's by a count here and there: scores move in the third digit.
            let sure = faces.iter().filter(|f| f["score"].as_f64().unwrap() > 0.52).count();
            assert!(report.items.len() >= sure, "{name}: {} of {sure}", report.items.len());
            for wanted in faces.iter().filter(|f| f["score"].as_f64().unwrap() > 0.52) {
                let at = rect(&wanted["box_xyxy_px"]);
                let best = report
                    .items
                    .iter()
                    .max_by(|a, b| a.rect().unwrap().iou(at).total_cmp(&b.rect().unwrap().iou(at)));
                let best = best.unwrap();
                assert!(best.rect().unwrap().iou(at) > 0.95, "{name}: {best:?} is not {wanted}");
                assert!(
                    (best.score - wanted["score"].as_f64().unwrap() as f32).abs() < 0.02,
                    "{name}: {best:?}"
                );
                let Value::Object { points, .. } = &best.value else { panic!("no object") };
                for (point, wanted) in points.iter().zip(wanted["keypoints_px"].as_array().unwrap()) {
                    let w = numbers(wanted);
                    let off = (point.x - w[0]).hypot(point.y - w[1]);
                    assert!(off < 0.02 * at.w + 1.0, "{name}: {point:?} is not {w:?}");
                }
                assert_eq!(points.len(), 6);
            }
        }
    }
}

#[test]
fn blazeface_back_finds_the_faces_and_key_points_of_its_reference() {
    faces(&runtimes(), "face_detection_back");
}

#[test]
fn blazeface_short_range_finds_the_faces_and_key_points_of_its_reference() {
    faces(&runtimes(), "face_detection_short_range");
}

#[test]
fn yolo_raw_grids_find_the_faces_of_their_reference() {
    let Some(data) = data(&["images", "models/yolo_face_detect_nxp.tflite"]) else { return };
    let reference = json(&data.join("images/faces/ref/yolo_face_nxp.json"));
    for runtime in runtimes() {
        let mut card = card(Task::Yolo);
        card.anchors = Some(
            [15, 21, 22, 29, 28, 36, 29, 51, 36, 43, 41, 54, 51, 64, 59, 82, 79, 100]
                .map(|a| a as f32)
                .into(),
        );
        card.labels = Some(vec!["face".into()]);
        let model = load(&runtime, &data.join("models/yolo_face_detect_nxp.tflite"), card);
        for (name, entry) in entries(&reference) {
            let path = data.join("images/faces").join(&name);
            let (rgb, placement) = nearest_letterbox(&path, 160, 128, 128);
            let report = infer(&model, &rgb, &placement, Some(0.7));
            let wanted: Vec<_> = entry["faces"]
                .as_array()
                .unwrap()
                .iter()
                .map(|f| (rect(&f["box_xyxy_px"]), f["score"].as_f64().unwrap() as f32, "face".to_owned()))
                .collect();
            // The logits come in steps of 1.1 to 1.7, and kernels differ by up to 4 steps (the reference file).
            assert_boxes(&name, &report, &wanted, 0.7, 0.1);
        }
    }
}

/// OpenCV's INTER_LINEAR letterbox, as this reference was made: two taps, sizes rounded down.
fn nearest_letterbox(path: &Path, tw: usize, th: usize, pad: u8) -> (Vec<u8>, ocellus_image::Placement) {
    let source = image::open(path).unwrap().to_rgb8();
    let (w, h) = (source.width() as f32, source.height() as f32);
    let scale = (tw as f32 / w).min(th as f32 / h);
    let (nw, nh) = ((w * scale) as usize, (h * scale) as usize);
    let (dx, dy) = ((tw - nw) / 2, (th - nh) / 2);
    let mut rgb = vec![pad; tw * th * 3];
    for y in 0..nh {
        for x in 0..nw {
            let at = |p: usize, n: usize, size: f32| {
                let s = ((p as f32 + 0.5) * size / n as f32 - 0.5).clamp(0.0, size - 1.0);
                (s as u32, (s as u32 + 1).min(size as u32 - 1), s.fract())
            };
            let ((x0, x1, fx), (y0, y1, fy)) = (at(x, nw, w), at(y, nh, h));
            for c in 0..3 {
                let v = |x, y| f32::from(source.get_pixel(x, y).0[c]);
                let top = v(x0, y0) * (1.0 - fx) + v(x1, y0) * fx;
                let bottom = v(x0, y1) * (1.0 - fx) + v(x1, y1) * fx;
                rgb[((y + dy) * tw + x + dx) * 3 + c] = (top * (1.0 - fy) + bottom * fy).round() as u8;
            }
        }
    }
    let scale = [w / nw as f32, h / nh as f32];
    (rgb, ocellus_image::Placement { offset: [dx as f32, dy as f32], scale, origin: [0.0; 2] })
}

#[test]
fn embeddings_point_where_their_references_point_and_have_length_one() {
    let Some(data) = data(&["images/faces", "models/mobilefacenet_float32.tflite"]) else { return };
    let reference = json(&data.join("images/faces/ref/embed_mobilefacenet_float32.json"));
    for runtime in runtimes() {
        let model = load(&runtime, &data.join("models/mobilefacenet_float32.tflite"), card(Task::Embed));
        for item in reference["items"].as_array().unwrap() {
            let crop = data.join("images/faces").join(item["crop_png"].as_str().unwrap());
            let report = infer(&model, &rgb(&crop), &whole(&model, [112.0; 2]), None);
            let wanted = numbers(&item["embedding"]);
            assert_eq!(report.embedding.len(), 128);
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            assert!((dot(&report.embedding, &report.embedding) - 1.0).abs() < 1e-4);
            let cosine = dot(&report.embedding, &wanted) / dot(&wanted, &wanted).sqrt();
            assert!(cosine > 0.99, "{}: cosine {cosine}", item["image"]);
        }
    }
}

fn segmentation(model_name: &str, agree: f32) {
    let Some(data) = data(&[
        "images",
        "models/pascal_voc_segmentation_labels.txt",
        &format!("models/{model_name}.tflite"),
    ]) else {
        return;
    };
    let folder = data.join("images/segmentation");
    let reference = json(&folder.join(format!("ref/segment_{model_name}.json")));
    for runtime in runtimes() {
        let card = labelled(Task::Segment, &data, "pascal_voc_segmentation_labels.txt", 21);
        let model = load(&runtime, &data.join(format!("models/{model_name}.tflite")), card);
        for (name, entry) in entries(&reference) {
            let found = ["images/segmentation", "images/objects", "images/faces"]
                .map(|dir| data.join(dir).join(&name))
                .into_iter()
                .find(|path| path.is_file());
            let (rgb, placement) = picture(&found.unwrap(), &model);
            let mut session = model.session().unwrap();
            fill(&model, &mut *session, &rgb);
            session.run().unwrap();
            let (mut decoder, mut report) = (model.decoder(None), Predictions::default());
            decoder.decode(&*session, &placement, &mut report);
            let mask = image::open(folder.join(entry["mask_png"].as_str().unwrap())).unwrap().to_luma8();
            let map = decoder.class_map().unwrap();
            assert_eq!((map.width as u32, map.height as u32), mask.dimensions());
            let same = map.classes.iter().zip(mask.as_raw()).filter(|(a, b)| a == b).count();
            let share = same as f32 / map.classes.len() as f32;
            assert!(share > agree, "{name}: {share} of the pixels agree");
            let total = (map.width * map.height) as f32;
            for (label, pixels) in entry["histogram"].as_object().unwrap() {
                let wanted = pixels.as_f64().unwrap() as f32 / total;
                let found = report.items.iter().find(|f| &*f.label == label);
                let share = found.map_or(0.0, |f| f.score);
                assert!((share - wanted).abs() < 1.0 - agree, "{name}: {label} {share} is not {wanted}");
            }
        }
    }
}

#[test]
fn float_deeplab_gives_the_masks_of_its_reference() {
    segmentation("deeplabv3_257_float", 0.99);
}

#[test]
fn quantised_deeplab_gives_the_masks_of_its_reference() {
    segmentation("deeplabv3_mnv2_dm05_pascal_quant", 0.97);
}

#[test]
fn the_selfie_mask_covers_what_its_reference_covers() {
    let Some(data) = data(&["images", "models/selfie_segmenter.tflite"]) else { return };
    let reference = json(&data.join("images/segmentation/ref/selfie_segmenter.json"));
    for runtime in runtimes() {
        let model = load(&runtime, &data.join("models/selfie_segmenter.tflite"), card(Task::Segment));
        if let Err(error) = model.session() {
            // A classic library lacks this custom operator; then the message must name it.
            assert!(error.to_string().contains("Convolution2DTransposeBias"), "{error}");
            assert!(runtime.describe().contains("tflitec"), "LiteRT runs this model: {error}");
            continue;
        }
        for (name, entry) in entries(&reference) {
            let found = ["images/segmentation", "images/faces", "images/objects"]
                .map(|dir| data.join(dir).join(&name))
                .into_iter()
                .find(|path| path.is_file());
            let (rgb, placement) = picture(&found.unwrap(), &model);
            let report = infer(&model, &rgb, &placement, None);
            let share = report.items.iter().find(|f| f.class == 1).map_or(0.0, |f| f.score);
            let wanted = entry["fraction_over_0_5"].as_f64().unwrap() as f32;
            assert!((share - wanted).abs() < 0.01, "{name}: {share} is not {wanted}");
        }
    }
}

#[test]
fn a_classic_library_opened_at_run_time_gives_the_references_too() {
    let Some(library) = classic_library() else { return };
    let runtime = RuntimeSettings { kind: "litert".into(), library: Some(library) };
    let classic = [Runtime::open(&runtime).unwrap()];
    assert!(classic[0].describe().starts_with("TensorFlow Lite at"), "{}", classic[0].describe());
    classification(&classic, "mobilenet_v1_0.25_128_quant", 0.08);
    classification(&classic, "mobilenet_v1_0.25_224_float", 2e-5);
    faces(&classic, "face_detection_short_range");
}

#[test]
fn sessions_that_are_built_at_once_answer_as_one_alone_does() {
    let Some(data) = data(&["models/mobilenet_v1_0.25_128_quant.tflite", "images/faces/face.jpg"]) else {
        return;
    };
    for runtime in runtimes() {
        let path = data.join("models/mobilenet_v1_0.25_128_quant.tflite");
        let model = load(&runtime, &path, card(Task::Classify));
        let (rgb, placement) = picture(&data.join("images/faces/face.jpg"), &model);
        let answer = || infer(&model, &rgb, &placement, None).items;
        let alone = answer();
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..4).map(|_| answer()).collect::<Vec<_>>())).collect();
            for thread in threads {
                assert!(thread.join().unwrap().iter().all(|findings| *findings == alone));
            }
        });
    }
}
