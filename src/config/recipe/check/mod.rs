//! From a file to a checked [`Recipe`]: every section is read, every fault is collected, nothing is guessed.

mod align;
mod kinds;
mod models;
mod outline;

use std::ops::RangeInclusive;
use std::path::Path;

use super::{Recipe, Roi};
use crate::config::check::is_topic_level;
use crate::config::raw::{Doc, TomlTable};
use crate::config::value::PlacedValue;
use crate::config::{Fault, Faults, ModelConfig, files};
use crate::types::sha256;

/// Allowed sides of a picture, px.
const SIDE: RangeInclusive<i64> = 16..=16_384;
/// Most ROIs of a recipe. It is limited because every part pays for each of them.
const MAX_ROIS: usize = 1_000;

/// Facts about the recipe and the box that its sections need.
struct RecipeScope<'m> {
    /// Size of the pictures; `None` where it is faulty, so that nothing is reported as outside.
    size: Option<[f32; 2]>,
    /// Whether lengths may be in mm.
    calibrated: bool,
    models: &'m [ModelConfig],
}

impl Recipe {
    /// The annotated recipe that documents every key.
    pub fn sample_text() -> &'static str {
        include_str!("../../../../config/recipe-sample.toml")
    }

    /// Reads and checks the recipe at `path`, whose file name without ending is the product. `models` are
    /// those that an ROI may name. Errors: every fault, each with its place and its remedy.
    pub fn load(path: &Path, models: &[ModelConfig]) -> Result<Recipe, Faults> {
        let remedy = "check the folder in inspect.recipes, and that the service's user may read the file";
        Recipe::parse(&files::read_text(path, remedy)?, path, models)
    }

    /// Checks `text` as the content of `file`. Errors: every fault, each with its place and its remedy.
    pub fn parse(text: &str, file: &Path, models: &[ModelConfig]) -> Result<Recipe, Faults> {
        let doc = Doc::read(file, text);
        // Checking a document with syntax errors would report faults that do not exist.
        let recipe = doc.is_sound().then(|| read(&doc, file, text, models));
        match recipe {
            Some(recipe) if doc.is_sound() => Ok(recipe),
            _ => Err(Faults(doc.into_faults())),
        }
    }
}

fn read(doc: &Doc<'_>, file: &Path, text: &str, models: &[ModelConfig]) -> Recipe {
    let root = doc.root();
    let size = root.need("size", "write size = [width, height] of the pictures, px").and_then(|f| size(&f));
    let mm_per_px = root.number("mm_per_px", 1e-6..=1e3);
    let calibrated = root.get("mm_per_px").is_some();
    let scope = RecipeScope { size: size.map(|size| size.map(|side| side as f32)), calibrated, models };
    let recipe = Recipe {
        product: product(doc, file),
        revision: root.whole("revision", 1, 1..=u32::MAX),
        size: size.unwrap_or_default(),
        mm_per_px,
        align: root.table_if("align").map(|table| align::align(table, &scope)),
        rois: rois(&root, &scope),
        path: file.to_owned(),
        hash: sha256(text),
        text: text.to_owned(),
    };
    root.finish();
    recipe
}

/// The product, taken from the file's name.
fn product(doc: &Doc<'_>, file: &Path) -> String {
    let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if !is_topic_level(name) {
        let remedy =
            "call the file PRODUCT.toml, PRODUCT being 1 to 64 letters, digits, \"-\", \"_\" or \".\"";
        doc.note(Fault::whole(file, format!("{name:?} cannot be the name of a product"), remedy));
    }
    name.to_owned()
}

fn size(field: &PlacedValue<'_, '_>) -> Option<[u32; 2]> {
    let items = field.items("width and height in px")?;
    let [width, height] = &items[..] else {
        field.fault(format!("{} numbers", items.len()), "write [width, height] of the pictures, px");
        return None;
    };
    Some([width.whole(SIDE)? as u32, height.whole(SIDE)? as u32])
}

fn rois(root: &TomlTable<'_, '_>, scope: &RecipeScope<'_>) -> Vec<Roi> {
    let tables = root.tables("roi");
    if tables.is_empty() {
        root.fault("roi", "nothing is checked", "add a [[roi]] with a name, a rect and a kind");
    }
    if tables.len() > MAX_ROIS {
        root.fault("roi", format!("{} ROIs", tables.len()), format!("keep at most {MAX_ROIS}"));
    }
    let mut rois: Vec<Roi> = Vec::with_capacity(tables.len());
    for table in tables {
        let name = name(&table, &rois);
        let outline = outline::outline(&table, scope);
        let Some(check) = kinds::check(&table, scope) else {
            // The keys of an unknown kind cannot be checked. The name is kept for the search for duplicates.
            let check = super::Check::Barcode { formats: Vec::new(), expect: super::Expect::Any };
            rois.push(Roi { name, outline, check });
            continue;
        };
        rois.push(Roi { name, outline, check });
        table.finish();
    }
    rois
}

/// Reads the ROI's name, which becomes part of results, file names and commands; notes a duplicate.
fn name(table: &TomlTable<'_, '_>, before: &[Roi]) -> String {
    let Some(field) = table.need("name", "write name = \"label\"") else { return table.path_of("") };
    let Some(name) = field.text() else { return table.path_of("") };
    if !is_topic_level(name) {
        let remedy = "write 1 to 64 letters, digits, \"-\", \"_\" or \".\"";
        field.fault(format!("{name:?} cannot be the name of an ROI"), remedy);
    } else if let Some(index) = before.iter().position(|roi| roi.name == name) {
        field.fault(format!("roi[{index}] is also called \"{name}\""), "give each ROI a different name");
    }
    name.to_owned()
}

/// Reads exactly `N` numbers in `range`; `form` describes how they are written.
fn exactly<const N: usize>(
    field: &PlacedValue<'_, '_>,
    range: RangeInclusive<f64>,
    form: &str,
) -> Option<[f32; N]> {
    let count = field.items("numbers")?.len();
    let numbers: Option<[f32; N]> = field.numbers(range)?.try_into().ok();
    if numbers.is_none() {
        field.fault(format!("{count} numbers, not {N}"), format!("write {form}"));
    }
    numbers
}

/// Every key that is read from `text`, for the test that all are documented.
#[cfg(test)]
pub(super) fn known_keys(text: &str, models: &[ModelConfig]) -> std::collections::BTreeSet<String> {
    let file = Path::new("keys.toml");
    let doc = Doc::read(file, text);
    read(&doc, file, text, models);
    doc.known_keys()
}
