//! Photographs as frames, the two models, and the reference files.

use crate::support::data::FACES;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocellus::config::RecognitionConfig;
use ocellus::config::Task;
use ocellus::engine::{Model, Runtime};
use ocellus::image::face::FaceGate;
use ocellus::recognition::{Enrolled, Study};
use ocellus::types::{Channels, Patch, PersonId, PixelFormat, Point};

pub use crate::support::engine::{card, json, load, runtimes};

/// The folder with the faces, their videos and the models for them.
pub fn data() -> Option<PathBuf> {
    crate::support::data::data(
        &[FACES, &["video/asl_again.mkv", "video/asl_bird.mkv", "video/asl_book.mkv"]].concat(),
    )
}

/// A picture file in colour.
pub fn rgb(path: &Path) -> Patch {
    let picture = image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).to_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Patch { width, height, channels: Channels::Rgb, data: picture.into_raw() }
}

/// The bytes of `picture` in another format, packed; YUV by BT.601, limited range, chroma of the mean of its px.
pub fn packed(picture: &Patch, format: PixelFormat) -> Vec<u8> {
    let (w, h) = (picture.width, picture.height);
    let px = |x: usize, y: usize| -> [f32; 3] {
        let at = 3 * (y.min(h - 1) * w + x.min(w - 1));
        [0, 1, 2].map(|c| f32::from(picture.data[at + c]))
    };
    let luma = |x, y| {
        let [r, g, b] = px(x, y);
        (16.0 + (0.299 * r + 0.587 * g + 0.114 * b) * 219.0 / 255.0).round() as u8
    };
    // Co-sited with the left px, as limited range is assumed to be.
    let chroma = |x: usize, y: usize, rows: usize| {
        let (mut u, mut v, mut weight) = (0.0, 0.0, 0.0);
        for (dx, share) in [(-1isize, 0.25), (0, 0.5), (1, 0.25)] {
            for row in y..y + rows {
                let [r, g, b] = px(x.saturating_add_signed(dx), row);
                let grey = 0.299 * r + 0.587 * g + 0.114 * b;
                u += share * (b - grey) / 1.772;
                v += share * (r - grey) / 1.402;
                weight += share;
            }
        }
        [u, v].map(|c: f32| (128.0 + c / weight * 224.0 / 255.0).round() as u8)
    };
    let all = || (0..h).flat_map(|y| (0..w).map(move |x| (x, y)));
    let halves = || (0..h).step_by(2).flat_map(|y| (0..w).step_by(2).map(move |x| (x, y)));
    match format {
        PixelFormat::Rgb => picture.data.clone(),
        PixelFormat::Bgr => picture.data.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0]]).collect(),
        PixelFormat::Rgba => picture.data.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 9]).collect(),
        PixelFormat::Gray8 => {
            let grey = |(x, y)| {
                let [r, g, b] = px(x, y);
                (0.299 * r + 0.587 * g + 0.114 * b).round() as u8
            };
            all().map(grey).collect()
        }
        PixelFormat::Nv12 => {
            let lumas = all().map(|(x, y)| luma(x, y));
            lumas.chain(halves().flat_map(|(x, y)| chroma(x, y, 2))).collect()
        }
        PixelFormat::I420 => {
            let lumas = all().map(|(x, y)| luma(x, y));
            let us = halves().map(|(x, y)| chroma(x, y, 2)[0]);
            lumas.chain(us).chain(halves().map(|(x, y)| chroma(x, y, 2)[1])).collect()
        }
        PixelFormat::Yuy2 => (0..h)
            .flat_map(|y| (0..w).step_by(2).map(move |x| (x, y)))
            .flat_map(|(x, y)| {
                let [u, v] = chroma(x, y, 1);
                [luma(x, y), u, luma(x + 1, y), v]
            })
            .collect(),
    }
}

/// What is wanted of the shared pictures.
pub fn gate() -> FaceGate {
    RecognitionConfig::default().gate
}

pub fn detector(runtime: &Runtime, data: &Path, name: &str) -> Arc<Model> {
    load(runtime, &data.join(format!("models/{name}.tflite")), card(Task::BlazeFace))
}

pub fn embedder(runtime: &Runtime, data: &Path) -> Arc<Model> {
    load(runtime, &data.join("models/mobilefacenet_float32.tflite"), card(Task::Embed))
}

pub fn study(runtime: &Runtime, data: &Path) -> Study {
    let detector = detector(runtime, data, "face_detection_back");
    Study::new(&detector, &embedder(runtime, data), gate()).unwrap_or_else(|error| panic!("{error}"))
}

/// One picture of the reference of embeddings.
pub struct Shot {
    /// Whose.
    pub identity: String,
    pub path: PathBuf,
    /// The crop that the reference made of it.
    pub crop: Patch,
    /// Its embedding there.
    pub embedding: Vec<f32>,
    /// The eyes that the reference found, frame px.
    pub eyes: [Point; 2],
}

/// The twelve pictures of three people, in the reference's order.
pub fn shots(data: &Path) -> Vec<Shot> {
    let faces = data.join("images/faces");
    let embeddings = json(&faces.join("ref/embed_mobilefacenet_float32.json"));
    let detections = json(&faces.join("ref/face_detection_back.json"));
    let numbers = |value: &serde_json::Value| -> Vec<f32> {
        value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
    };
    let items = embeddings["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            let name = item["image"].as_str().unwrap();
            let points = &detections["images"][name]["faces"][0]["keypoints_px"];
            let eye = |i: usize| {
                let at = numbers(&points[i]);
                Point { x: at[0], y: at[1] }
            };
            Shot {
                identity: item["identity"].as_str().unwrap().into(),
                path: data.join("images").join(name),
                crop: rgb(&faces.join(item["crop_png"].as_str().unwrap())),
                embedding: numbers(&item["embedding"]),
                eyes: [eye(0), eye(1)],
            }
        })
        .collect()
}

pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// People out of named embeddings, in the order of their first.
pub fn enrol(faces: &[(&str, &[f32])]) -> Vec<Enrolled> {
    let mut people: Vec<Enrolled> = Vec::new();
    for (name, embedding) in faces {
        if !people.iter().any(|known| &*known.name == *name) {
            let person = PersonId(people.len() as u64 + 1);
            people.push(Enrolled { person, name: (*name).into(), embeddings: Vec::new() });
        }
        let person = people.iter_mut().find(|known| &*known.name == *name).unwrap();
        person.embeddings.push(embedding.to_vec());
    }
    people
}
