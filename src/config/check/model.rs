//! Checks `[model.NAME]`: the file, its card, and its workers.

use std::path::{Path, PathBuf};

use super::SectionScope;
use crate::config::files::{Files, text_fault};
use crate::config::raw::{TomlTable, nearest};
use crate::config::value::PlacedValue;
use crate::config::{ModelCard, ModelConfig, card, catalogue_model, text};

pub(super) fn models(root: &TomlTable<'_, '_>, scope: &SectionScope, workers: usize) -> Vec<ModelConfig> {
    let models =
        root.named("model").into_iter().map(|(name, table)| model(name, table, &scope.files, workers));
    models.collect()
}

/// The model of `models` that `field` names; where there is none, a fault is noted. `add` is what to do where no model is known.
pub(super) fn known_model<'m>(
    field: &PlacedValue<'_, '_>,
    models: &'m [ModelConfig],
    add: &str,
) -> Option<&'m ModelConfig> {
    let name = field.text()?;
    let found = models.iter().find(|model| model.name == name);
    if found.is_none() {
        let known: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        let remedy = match known.is_empty() {
            true => format!("add [model.{name}]{add}"),
            false => nearest(name, &known),
        };
        field.fault(format!("there is no [model.{name}]"), remedy);
    }
    found
}

fn model(name: String, table: TomlTable<'_, '_>, files: &Files, workers: usize) -> ModelConfig {
    let path = table.need("path", "write path = \"models/NAME.tflite\"");
    let path = path.and_then(|field| files.existing_or(&field, get_it));
    let path = path.unwrap_or_default();
    let mut card = beside(&path, &table);
    card::read(&table, path.parent().unwrap_or(Path::new("")), &mut card);
    let most = workers.max(1) as u32;
    let max_workers: u32 = table.whole("max_workers", most, 1..=4096);
    let min_workers: u32 = table.whole("min_workers", 1, 0..=4096);
    let (min_workers, max_workers) = (min_workers.min(most), max_workers.min(most));
    if min_workers > max_workers {
        table.fault("min_workers", "more than max_workers", "lower it, or raise max_workers");
    }
    let delegate = delegate(&table, files);
    table.finish();
    ModelConfig {
        name,
        path,
        card,
        delegate,
        min_workers: min_workers as usize,
        max_workers: max_workers as usize,
    }
}

/// The library of the accelerator's delegate.
fn delegate(table: &TomlTable<'_, '_>, files: &Files) -> Option<PathBuf> {
    let remedy = |path: &Path| {
        format!(
            "install the delegate of this board's accelerator (its BSP has it, such as /usr/lib/libvx_delegate.so) as {}, correct the \
             path, or leave the key out: the model then runs on the CPU",
            path.display()
        )
    };
    files.existing_or(&table.get("delegate")?, remedy)
}

/// The remedy for a missing file. For a public model it names the download, the command, the SHA-256 and the
/// licence.
fn get_it(path: &Path) -> String {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(known) = catalogue_model(name) else { return "put the file there, or correct the path".into() };
    let dir = path.parent().unwrap_or(Path::new("."));
    let caution = known.caution.as_ref().map_or(String::new(), |caution| format!(" ({caution})"));
    format!(
        "it is the public model {}: fetch {}, then `{}`; SHA-256 {}, licence {}{caution}",
        known.name,
        known.url(),
        known.command(&dir.display().to_string()),
        known.sha256,
        known.licence,
    )
}

/// Reads the card beside the model; without one, the model's own metadata must suffice.
fn beside(path: &Path, table: &TomlTable<'_, '_>) -> ModelCard {
    let file = path.with_extension("toml");
    if file == path || !file.is_file() {
        return ModelCard::default();
    }
    let text =
        text::read(&file).map_err(|error| vec![text_fault(error, "let the service's user read the card")]);
    text.and_then(|text| card::parse(&text, &file)).unwrap_or_else(|faults| {
        for fault in faults {
            table.doc().note(fault);
        }
        ModelCard::default()
    })
}
