//! Sets of golden pictures as text and as JSON.

use serde_json::{Value, json};

use crate::cli::CliOutput;
pub(super) use crate::cli::output::count;
use crate::commands::inspection::{GoldenSetOut, Selected};
use crate::store::{GoldenEntry, GoldenSet};
use crate::types::rfc3339;

/// Width and height in px, as `640 x 480`.
pub(super) fn size([width, height]: [u32; 2]) -> String {
    format!("{width} x {height}")
}

/// `bracket: golden revision 3, 2 pictures`.
pub(super) fn headline(set: &GoldenSet) -> String {
    let pictures = count(set.entries.len(), "picture");
    format!("{}: golden revision {}, {pictures}", set.product, set.revision)
}

/// One line for a picture.
pub(super) fn line(entry: &GoldenEntry) -> String {
    let rois = entry.rois.as_ref().map_or(String::new(), |rois| format!("  only {}", rois.join(", ")));
    format!("{}  {:>11}  {}{rois}", entry.short(), size(entry.size), entry.name)
}

/// Formats day and time to the second, UTC.
pub(super) fn moment(ns: u64) -> String {
    let text = rfc3339(ns);
    text.split('.').next().unwrap_or(&text).replace('T', " ")
}

/// The set as an object, with its hash and its time as text.
pub(super) fn json(set: &GoldenSet) -> Value {
    json!(GoldenSetOut::from(set.clone()))
}

/// The outcome for each camera, one line each; empty if no service runs.
pub(super) fn selected(selected: &Selected) -> String {
    selected.iter().map(|(camera, how)| format!("\n  {camera}: {how}")).collect()
}

/// The output of the change, after that of its qualification.
pub(super) fn after(sheet: Option<CliOutput>, done: CliOutput) -> CliOutput {
    let Some(sheet) = sheet else { return done };
    let mut json = done.json;
    if let Some(keys) = json.as_object_mut() {
        keys.insert("qualification".into(), sheet.json);
    }
    CliOutput::new([sheet.words, done.words].join("\n"), json)
}
