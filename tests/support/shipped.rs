//! The model that ships.

use std::path::Path;
use std::sync::Arc;

use super::data::skip;
use ocellus::config;
use ocellus::engine::{Model, Runtime};

/// The shipped model, or `None` where there is no runtime.
pub fn model() -> Option<Arc<Model>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let card = folder.join("models/scene.toml");
    let runtime = match Runtime::open(&config::RuntimeSettings { kind: "litert".into(), library: None }) {
        Ok(runtime) => runtime,
        Err(error) => {
            skip(&error.to_string());
            return None;
        }
    };
    let text = std::fs::read_to_string(&card).unwrap();
    let card = config::parse_card(&text, &card).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert!(card.sha256.is_some(), "the card names the file that it was measured with");
    let path = folder.join("models/scene.tflite");
    let model = config::ModelConfig {
        name: "scene".into(),
        path,
        card,
        delegate: None,
        min_workers: 1,
        max_workers: 1,
    };
    Some(runtime.load(&model).unwrap_or_else(|error| panic!("{error}")))
}
