//! What the engine's tests share: a runtime of the kind under test, pictures into tensors.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use ocellus_engine::{Model, ModelCard, ModelSource, Predictions, Runtime, RuntimeSettings, Session, Task};
use ocellus_image::{Dtype, Fit, Placement};
use std::sync::Arc;

use crate::support::data::{repository, skip};

/// The runtimes of this build that run real models.
pub fn runtimes() -> Vec<Runtime> {
    let mut list = Vec::new();
    if cfg!(feature = "litert") {
        let library = repository().join(".runtime/libLiteRt.so");
        let library = library.is_file().then_some(library);
        let asked = std::env::var_os("OCELLUS_RUNTIME_LIB").is_some() || library.is_some();
        if asked || std::env::var_os("CI").is_some() {
            let library = library.filter(|_| std::env::var_os("OCELLUS_RUNTIME_LIB").is_none());
            list.push(Runtime::open(&RuntimeSettings { kind: "litert".into(), library }).unwrap());
        } else {
            skip("there is no LiteRT library: `make setup` fetches it, OCELLUS_RUNTIME_LIB names another");
        }
    }
    if cfg!(feature = "tflitec") {
        list.push(Runtime::open(&RuntimeSettings { kind: "tflitec".into(), library: None }).unwrap());
    }
    list
}

/// A classic TensorFlow Lite C library, or `None` (said on standard output) where none was fetched.
pub fn classic_library() -> Option<PathBuf> {
    let fetched = repository().join(".runtime/tflitec/lib/libtensorflowlite_c.so");
    let path = std::env::var_os("TFLITEC_PREBUILT_PATH").map_or(fetched, PathBuf::from);
    if cfg!(feature = "litert") && path.is_file() {
        return Some(path);
    }
    skip("there is no classic TensorFlow Lite: `make setup` fetches it, TFLITEC_PREBUILT_PATH names another");
    None
}

pub fn stub() -> Runtime {
    Runtime::open(&RuntimeSettings { kind: "stub".into(), library: None }).unwrap()
}

pub fn card(task: Task) -> ModelCard {
    ModelCard { task: Some(task), ..ModelCard::default() }
}

/// The model file with its card, as the configuration would name it.
pub fn source<'a>(path: &'a Path, card: &'a ModelCard) -> ModelSource<'a> {
    ModelSource { name: "m", path, card, delegate: None }
}

pub fn load(runtime: &Runtime, path: &Path, card: ModelCard) -> Arc<Model> {
    runtime.load(source(path, &card)).unwrap_or_else(|error| panic!("{error}"))
}

/// Puts a picture of exactly the tensor's size in, by the model's own `Input`.
pub fn fill(model: &Model, session: &mut dyn Session, rgb: &[u8]) {
    let input = model.input();
    let tensor = session.input_mut(0);
    assert_eq!(rgb.len(), input.width * input.height * 3, "picture and tensor differ in size");
    for (i, &v) in rgb.iter().enumerate() {
        let stored = f32::from(v) * input.mul[i % 3] + input.add[i % 3];
        match input.dtype {
            Dtype::U8 => tensor[i] = stored.round() as u8,
            Dtype::I8 => tensor[i] = stored.round() as i8 as u8,
            _ => tensor[4 * i..4 * i + 4].copy_from_slice(&stored.to_le_bytes()),
        }
    }
}

/// A picture file resized (and letterboxed) the way of Pillow's BILINEAR, and how to get back.
pub fn picture(path: &Path, model: &Model) -> (Vec<u8>, Placement) {
    let input = model.input();
    let source = image::open(path).unwrap().to_rgb8();
    let (w, h) = (source.width() as f32, source.height() as f32);
    let (tw, th) = (input.width as f32, input.height as f32);
    let (nw, nh) = match input.fit {
        Fit::Stretch => (tw, th),
        Fit::Letterbox => {
            let scale = (tw / w).min(th / h);
            ((w * scale).round(), (h * scale).round())
        }
    };
    let small = image::imageops::resize(&source, nw as u32, nh as u32, image::imageops::FilterType::Triangle);
    let (dx, dy) = ((input.width - nw as usize) / 2, (input.height - nh as usize) / 2);
    let mut rgb = vec![input.pad; input.width * input.height * 3];
    for (x, y, pixel) in small.enumerate_pixels() {
        let at = ((y as usize + dy) * input.width + x as usize + dx) * 3;
        rgb[at..at + 3].copy_from_slice(&pixel.0);
    }
    (rgb, Placement { offset: [dx as f32, dy as f32], scale: [w / nw, h / nh], origin: [0.0; 2] })
}

/// Runs and decodes one picture.
pub fn infer(model: &Model, rgb: &[u8], placement: &Placement, min_score: Option<f32>) -> Predictions {
    let mut session = model.session().unwrap_or_else(|error| panic!("{error}"));
    fill(model, &mut *session, rgb);
    session.run().unwrap();
    let mut report = Predictions::default();
    model.decoder(min_score).decode(&*session, placement, &mut report);
    report
}

/// The whole tensor is the whole picture of `size` px.
pub fn whole(model: &Model, size: [f32; 2]) -> Placement {
    let input = model.input();
    let scale = [size[0] / input.width as f32, size[1] / input.height as f32];
    Placement { offset: [0.0; 2], scale, origin: [0.0; 2] }
}

pub fn json(path: &Path) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub fn rgb(path: &Path) -> Vec<u8> {
    image::open(path).unwrap().to_rgb8().into_raw()
}
