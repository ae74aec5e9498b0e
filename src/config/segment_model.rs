//! The part of a microscopy recipe that names a model which finds the cells.

use std::path::{Path, PathBuf};

use super::raw::TomlTable;
use super::value::PlacedValue;
use super::{ModelCard, Task, card, text};

/// Settings of the other way to find cells, which a model does not use.
const UNUSED: [&str; 5] = ["window", "bins", "sigmas", "morphology", "iterations"];
/// Settings that belong to a model.
const OF_MODEL: [&str; 4] = ["threshold", "class", "tiled", "range"];

/// A model that finds the cells, in place of the logarithm of the local standard deviation.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentModel {
    /// The `.tflite` file, as an existing path.
    pub path: PathBuf,
    /// What the card beside it says; its task is `segment`.
    pub card: ModelCard,
    /// The file of the card, where there is one.
    pub card_file: Option<PathBuf>,
    /// A pixel belongs to a cell where its probability is above this, 0 to 1.
    pub threshold: f32,
    /// The class of the model that is a cell.
    pub class: usize,
    /// Whether the frame is cut into tiles of the model's size; else it is scaled to it.
    pub tiled: bool,
    /// The pixel values that become 0 and 255; `None`: the 1st and the 99th percentile of each frame.
    pub range: Option<[f32; 2]>,
}

/// Reads the keys of a model in the table `segment` of the recipe `recipe`; `None` where it names none.
pub(super) fn read(table: &TomlTable<'_, '_>, recipe: &Path) -> Option<SegmentModel> {
    let Some(at) = table.get("model") else {
        for field in OF_MODEL.into_iter().filter_map(|key| table.get(key)) {
            field.fault("only a model has this setting", "add model = \"cells.tflite\", or remove the key");
        }
        return None;
    };
    for field in UNUSED.into_iter().filter_map(|key| table.get(key)) {
        field.fault("a model finds the cells without this setting", "remove the key, or `model`");
    }
    let path = file(&at, recipe)?;
    let (card, card_file) = card_beside(&at, &path, recipe)?;
    let tiled = table.boolean("tiled", card.tiled.unwrap_or(false));
    Some(SegmentModel {
        path,
        card,
        card_file,
        threshold: table.number("threshold", 0.0..=1.0).unwrap_or(0.5),
        class: table.whole("class", 1u32, 0..=255) as usize,
        tiled,
        range: table.get("range").and_then(|at| range(&at)),
    })
}

/// The model's file, whose path is meant from the recipe's folder.
fn file(at: &PlacedValue<'_, '_>, recipe: &Path) -> Option<PathBuf> {
    let path = recipe.parent().unwrap_or(Path::new("")).join(at.text()?);
    if path.is_file() {
        return Some(path);
    }
    at.fault(
        format!("no such file: {}", path.display()),
        "put the .tflite file there, or correct the path, which is relative to the recipe",
    );
    None
}

/// The card beside the model. Without one the model's own metadata must suffice, and its task is `segment`.
fn card_beside(at: &PlacedValue<'_, '_>, path: &Path, recipe: &Path) -> Option<(ModelCard, Option<PathBuf>)> {
    let file = path.with_extension("toml");
    let same = |one: &Path| std::fs::canonicalize(one).ok();
    if file.is_file() && same(&file) == same(recipe) {
        at.fault(
            "the card of this model would be the recipe itself",
            "give model and recipe different names",
        );
        return None;
    }
    let (mut found, card_file) = match file.is_file() {
        false => (ModelCard::default(), None),
        true => match text::read(&file) {
            Ok(text) => match card::parse(&text, &file) {
                Ok(found) => (found, Some(file)),
                Err(faults) => {
                    faults.into_iter().for_each(|fault| at.doc.note(fault));
                    return None;
                }
            },
            Err(error) => {
                at.fault(format!("its card cannot be read: {error}"), "make the card readable, or remove it");
                return None;
            }
        },
    };
    match found.task {
        None | Some(Task::Segment) => {
            found.task = Some(Task::Segment);
            Some((found, card_file))
        }
        Some(other) => {
            let word = card::TASKS.iter().find(|(_, task)| *task == other).map_or("", |(word, _)| word);
            at.fault(
                format!("the task of this model is \"{word}\" by its card, and cells need \"segment\""),
                "name a segmentation model, or correct the card's `task`",
            );
            None
        }
    }
}

fn range(at: &PlacedValue<'_, '_>) -> Option<[f32; 2]> {
    match at.numbers(-1e9..=1e9)?[..] {
        [low, high] if low < high => Some([low, high]),
        _ => {
            at.fault("this is no range", "write the values that become black and white: range = [0, 255]");
            None
        }
    }
}
