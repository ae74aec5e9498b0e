//! The keys of a model card, read from `NAME.toml` beside the model and then from `[model.NAME]`, which
//! overrides it.

use std::path::Path;

use super::raw::{Doc, TomlTable};
use super::{Embedding, Fault, Faults, ModelCard, ModelConfig, Task, files, text};
use crate::types::{Fit, Resize};

/// The tasks by their words.
pub(crate) const TASKS: &[(&str, Task)] = &[
    ("classify", Task::Classify),
    ("ssd", Task::Ssd),
    ("blazeface", Task::BlazeFace),
    ("yolo", Task::Yolo),
    ("embed", Task::Embed),
    ("segment", Task::Segment),
    ("upscale", Task::Upscale),
];

/// Reads the text of a card. `file` is its path, for messages and for a labels file beside it. Errors: every
/// fault of the card.
pub fn parse(text: &str, file: &Path) -> Result<ModelCard, Vec<Fault>> {
    let doc = Doc::read(file, text);
    let mut card = ModelCard::default();
    if doc.is_sound() {
        let table = doc.root();
        read(&table, file.parent().unwrap_or(Path::new("")), &mut card);
        table.finish();
    }
    if doc.is_sound() { Ok(card) } else { Err(doc.into_faults()) }
}

impl ModelConfig {
    /// The same model with its output used as a vector, whatever task its card names.
    pub fn as_vector(&self) -> ModelConfig {
        let mut wanted = self.clone();
        wanted.card.task = Some(Task::Embed);
        wanted
    }

    /// This model with its file replaced by `file`, with the card beside that file or, where there is none,
    /// this model's card. Errors: a file or a card that cannot be used.
    pub fn replaced(&self, file: &Path) -> Result<ModelConfig, Faults> {
        if !file.is_file() {
            let remedy = "name the .tflite file, as --model NAME=FILE";
            return Err(Faults(vec![Fault::whole(file, "there is no such file", remedy)]));
        }
        let beside = file.with_extension("toml");
        let card = match beside.is_file() {
            true => {
                let text = files::read_text(&beside, "make it readable text")?;
                parse(&text, &beside).map_err(Faults)?
            }
            // The pinned digest belongs to the other file.
            false => ModelCard { sha256: None, ..self.card.clone() },
        };
        Ok(ModelConfig { path: file.to_owned(), card, ..self.clone() })
    }
}

/// Overrides `card` with the keys of `table`. A relative labels file is looked for in `folder`.
pub(crate) fn read(table: &TomlTable<'_, '_>, folder: &Path, card: &mut ModelCard) {
    let set = |slot: &mut Option<f32>, value: Option<f32>| *slot = value.or(*slot);
    card.task = table.word("task", TASKS).or(card.task);
    read_labels(table, folder, card);
    card.mean = channels(table, "mean", -1e6..=1e6).or(card.mean);
    card.std = channels(table, "std", 1e-6..=1e6).or(card.std);
    card.fit = table.word("fit", &[("stretch", Fit::Stretch), ("letterbox", Fit::Letterbox)]).or(card.fit);
    card.pad = table.get("pad").and_then(|field| field.whole(0..=255)).map(|pad| pad as u8).or(card.pad);
    let filters = [("antialias", Resize::Antialias), ("bilinear", Resize::Bilinear)];
    card.resize = table.word("resize", &filters).or(card.resize);
    set(&mut card.min_score, table.number("min_score", 0.0..=1.0));
    set(&mut card.iou, table.number("iou", 0.0..=1.0));
    set(&mut card.min_coverage, table.number("min_coverage", 0.0..=1.0));
    let top_k = table.get("top_k").and_then(|field| field.whole(1..=crate::types::MAX_FINDINGS as i64));
    card.top_k = top_k.map(|k| k as usize).or(card.top_k);
    read_head(table, card);
    let forms = [("unit", Embedding::Unit), ("raw", Embedding::Raw)];
    card.embedding = table.word("embedding", &forms).or(card.embedding);
    read_sha256(table, card);
}

fn read_labels(table: &TomlTable<'_, '_>, folder: &Path, card: &mut ModelCard) {
    let labels = table.get("labels").and_then(|field| field.texts());
    let labels = labels.map(|labels| labels.iter().map(|label| text::label(label).into_owned()).collect());
    let file = table.get("labels_file").and_then(|field| {
        let name = Path::new(field.text()?);
        let path = folder.join(name);
        if path.is_file() {
            return Some(name.to_owned());
        }
        field.fault(
            format!("no such file: {}", path.display()),
            "the path is relative to the card; correct it",
        );
        None
    });
    if labels.is_some() && file.is_some() {
        table.fault("labels", "labels and labels_file are both given", "keep one of them");
    }
    // A list in [model.NAME] also replaces the card's labels file, and a file replaces its list.
    if labels.is_some() || file.is_some() {
        (card.labels, card.labels_file) = (labels, file);
    }
    card.label_offset = table.whole("label_offset", card.label_offset, -1000..=1000);
}

/// One value for all channels, or one each for R, G and B.
fn channels(
    table: &TomlTable<'_, '_>,
    key: &'static str,
    range: std::ops::RangeInclusive<f64>,
) -> Option<[f32; 3]> {
    let field = table.get(key)?;
    if !field.is_list() {
        return field.number(range).map(|value| [value; 3]);
    }
    let values = field.numbers(range)?;
    match values[..] {
        [one] => Some([one; 3]),
        [r, g, b] => Some([r, g, b]),
        _ => {
            field.fault(format!("{} values", values.len()), "write one number, or three for R, G and B");
            None
        }
    }
}

fn read_head(table: &TomlTable<'_, '_>, card: &mut ModelCard) {
    let head = table.word("head", &[("v5", "v5"), ("v8", "v8"), ("grid", "grid")]);
    card.head = head.map(str::to_owned).or_else(|| card.head.take());
    if let Some(field) = table.get("anchors") {
        match field.numbers(0.0..=1e5) {
            Some(anchors) if anchors.is_empty() || anchors.len() % 6 != 0 => field.fault(
                format!("{} numbers are not a whole number of scales", anchors.len()),
                "write three pairs of width and height in px for each scale, smallest stride first",
            ),
            anchors => card.anchors = anchors.or_else(|| card.anchors.take()),
        }
    }
    if let Some(field) = table.get("logits") {
        card.logits = field.boolean().or(card.logits);
    }
    if let Some(field) = table.get("tiled") {
        card.tiled = field.boolean().or(card.tiled);
    }
}

fn read_sha256(table: &TomlTable<'_, '_>, card: &mut ModelCard) {
    let Some(field) = table.get("sha256") else { return };
    match field.text() {
        Some(hex) if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
            card.sha256 = Some(hex.to_ascii_lowercase());
        }
        Some(_) => {
            field.fault("this is not a SHA-256", "write the 64 hexadecimal digits that sha256sum prints")
        }
        None => {}
    }
}
