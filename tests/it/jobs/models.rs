//! Real models in real jobs, beside their references.

use std::fs;

use serde_json::json;

use super::support::{add, configure, upscale, wait_for};
use crate::support::data::data;
use crate::web::client::{Place, prepared};

const EDSR: &str = "edsr_f32b5_full_qint8_x2_128";

/// A box with the LiteRT runtime, these models, and these lines in `[jobs]`.
fn real(jobs: &str, models: &str) -> Place {
    prepared("", "", |fixture| {
        configure(fixture, jobs, |_| models.to_owned());
        let text = fs::read_to_string(fixture.config_path()).unwrap();
        fs::write(fixture.config_path(), text.replace("kind = \"stub\"", "kind = \"litert\"")).unwrap();
    })
}

#[test]
fn a_picture_is_enlarged_as_the_reference_of_the_model_says() {
    let file = format!("models/studio/{EDSR}.tflite");
    let needs = [file.as_str(), "models/studio/ref"];
    let Some(root) = data(&needs) else { return };
    let model = root.join(needs[0]).canonicalize().unwrap();
    let section = format!("[model.edsr]\npath = \"{}\"\ntask = \"upscale\"\n", model.display());
    let place = real("upscale_model = \"edsr\"\n", &section);
    let client = place.client();
    let folder = root.join("models/studio/ref");
    fs::copy(folder.join("astronaut_lr_192.png"), place.fixture.path("shop/astronaut.png")).unwrap();
    let over = wait_for(&client, add(&client, upscale("astronaut.png")), "completed");
    let result = &over["result"];
    assert_eq!((&result["method"], &result["fell_back"]), (&json!("model"), &json!(null)), "{over}");
    assert!(result["tiles"].as_u64() >= Some(4), "{over}");
    let made = image::open(result["file"]["path"].as_str().unwrap()).unwrap().to_rgb8();
    let reference = image::open(folder.join(format!("{EDSR}_192_to_384.png"))).unwrap().to_rgb8();
    assert_eq!(made.dimensions(), reference.dimensions());
    let off = made.iter().zip(reference.iter()).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(off <= Some(2), "{off:?} grey levels");
    place.end();
}
