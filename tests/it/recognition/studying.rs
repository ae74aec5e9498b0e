//! Pictures at enrolment: what is kept of a good one, and what is said of a bad one.

use ocellus::config::Task;
use ocellus::recognition::{FaceFault, Study};
use ocellus::types::{Channels, Patch};

use super::support::{card, cosine, data, detector, embedder, gate, load, rgb, runtimes, study};

/// Smaller by a whole factor, each px the mean of what it covers.
fn shrunk(picture: &Patch, by: usize) -> Patch {
    let mut out = Patch::new(picture.width / by, picture.height / by, Channels::Rgb);
    let width = out.width;
    for (i, value) in out.data.iter_mut().enumerate() {
        let (x, y, c) = (i / 3 % width * by, i / 3 / width * by, i % 3);
        let block = (0..by * by).map(|k| picture.data[((y + k / by) * picture.width + x + k % by) * 3 + c]);
        *value = (block.map(usize::from).sum::<usize>() / (by * by)) as u8;
    }
    out
}

/// Out of focus: the mean of a square around each px.
fn blurred(picture: &Patch, radius: usize) -> Patch {
    let (w, h) = (picture.width, picture.height);
    let mut out = picture.clone();
    for pass in 0..2 {
        let from = out.data.clone();
        for (i, value) in out.data.iter_mut().enumerate() {
            let (x, y, c) = (i / 3 % w, i / 3 / w, i % 3);
            let line = (0..=2 * radius).map(|k| match pass {
                0 => (y, (x + k).saturating_sub(radius).min(w - 1)),
                _ => ((y + k).saturating_sub(radius).min(h - 1), x),
            });
            *value = (line.map(|(y, x)| usize::from(from[(y * w + x) * 3 + c])).sum::<usize>()
                / (2 * radius + 1)) as u8;
        }
    }
    out
}

/// The middle part of a picture.
fn cut(picture: &Patch, (x, y): (usize, usize), (w, h): (usize, usize)) -> Patch {
    let rows = (y..y + h).flat_map(|y| picture.row(y)[3 * x..][..3 * w].iter().copied());
    Patch { width: w, height: h, channels: Channels::Rgb, data: rows.collect() }
}

#[test]
fn a_kept_crop_is_embedded_again_to_the_same_vector() {
    let Some(data) = data() else { return };
    for runtime in runtimes() {
        let mut study = study(&runtime, &data);
        let studied = study.picture(&rgb(&data.join("images/faces/astronaut.png")).planes()).unwrap();
        assert_eq!(study.crop(&studied.crop).unwrap(), studied.embedding);
        let length: f32 = studied.embedding.iter().map(|v| v * v).sum();
        assert!((length - 1.0).abs() < 1e-5 && studied.embedding.len() == 128);
        assert!(studied.rect.w > 50.0 && studied.quality.score() > 0.3, "{studied:?}");
        let error = study.crop(&Patch::new(112, 112, Channels::Rgb)).unwrap_err();
        assert!(error.to_string().contains("112×112 px"), "{error}");
    }
}

#[test]
fn each_picture_that_is_no_good_is_refused_with_what_to_do() {
    let Some(data) = data() else { return };
    let portrait = rgb(&data.join("images/faces/person_B/asl_milk_1.4.png"));
    let sunflower = rgb(&data.join("images/objects/sunflower.bmp"));
    let group = rgb(&data.join("images/faces/climate_law_group_nxp.jpg"));
    for runtime in runtimes() {
        let mut study = study(&runtime, &data);
        let mut refusal = |picture: &Patch| {
            let error = match study.picture(&picture.planes()) {
                Ok(studied) => panic!("taken: {:?} at {:?}", studied.quality, studied.rect),
                Err(error) => error,
            };
            println!("{}: {error}", error.code());
            error
        };
        assert!(matches!(refusal(&sunflower), FaceFault::NoFace));
        assert!(matches!(refusal(&Patch::new(16, 16, Channels::Rgb)), FaceFault::NoFace));
        assert!(matches!(refusal(&group), FaceFault::SeveralFaces { n: 2.. }));
        assert!(matches!(refusal(&shrunk(&portrait, 3)), FaceFault::TooSmall { px, least } if px < least));
        assert!(
            matches!(refusal(&blurred(&portrait, 2)), FaceFault::Blurred { sharpness, least } if sharpness < least)
        );
        assert!(matches!(refusal(&Patch::default()), FaceFault::Image(_)));
    }
}

#[test]
fn a_face_that_fills_its_picture_is_found_too() {
    let Some(data) = data() else { return };
    let picture = rgb(&data.join("images/faces/astronaut.png"));
    for runtime in runtimes() {
        let mut study = study(&runtime, &data);
        let whole = study.picture(&picture.planes()).unwrap();
        let (x, y) = (whole.rect.x as usize, whole.rect.y as usize);
        let side = whole.rect.w as usize;
        let close = study.picture(&cut(&picture, (x, y), (side, side)).planes()).unwrap();
        let similar = cosine(&whole.embedding, &close.embedding);
        // What lies beyond the picture is black in one crop and shoulders in the other: still the same person.
        assert!(similar > 0.6, "cosine {similar}");
    }
}

#[test]
fn models_that_are_for_something_else_are_refused_by_name() {
    let Some(data) = data() else { return };
    for runtime in runtimes() {
        let (finder, maker) = (detector(&runtime, &data, "face_detection_back"), embedder(&runtime, &data));
        let error = Study::new(&maker, &maker, gate()).err().unwrap();
        assert!(error.to_string().contains("task is embed, but a model of task blazeface"), "{error}");
        let error = Study::new(&finder, &finder, gate()).err().unwrap();
        assert!(error.to_string().contains("task is blazeface, but a model of task embed"), "{error}");
        let ssd =
            load(&runtime, &data.join("models/mobilenet_v1_0.25_128_quant.tflite"), card(Task::Classify));
        assert!(Study::new(&ssd, &maker, gate()).is_err());
    }
}
