//! Checks `inspect = { … }` of a camera: the product, the choice of a frame, the number of parts at once.

use crate::config::Inspect;
use crate::config::raw::TomlTable;
use crate::ring::Pick;

use super::SectionScope;

/// Slots that a ring needs besides the frames in inspection: one that is written, one for each other reader,
/// and some history from which a trigger may select.
const OTHER_SLOTS: usize = 4;

const PICKS: &[(&str, Pick)] =
    &[("nearest", Pick::Nearest), ("next", Pick::Next), ("previous", Pick::Previous)];

/// Reads the section, but does not open the recipe: a recipe that was broken while the box was off must not
/// stop its other cameras. `ocellus check` reads it, and the service answers its triggers with `error`.
pub(super) fn inspect(table: TomlTable<'_, '_>, scope: &SectionScope) -> Inspect {
    let product = table.need("product", "write product = \"bracket\" for recipes/bracket.toml");
    let recipes = table.text("recipes").unwrap_or_else(|| "recipes".into());
    let inspect = Inspect {
        product: product.and_then(|field| super::topic_level(&field)).unwrap_or_default(),
        recipes: scope.files.resolve(recipes.as_ref()),
        pick: table.word("pick", PICKS).unwrap_or_default(),
        queue: table.whole("queue", 2, 1..=32u32) as usize,
        max_wait: table.millis("max_wait_ms", 500, 1..=60_000),
        tolerance: table.millis("tolerance_ms", 200, 0..=60_000),
    };
    table.finish();
    inspect
}

/// Notes a ring that is so small that inspection would starve capture. `camera` is the camera's table.
pub(super) fn check_slots(camera: &TomlTable<'_, '_>, inspect: &Inspect, slots: usize) {
    let least = inspect.queue + OTHER_SLOTS;
    if slots >= least {
        return;
    }
    let reason = format!(
        "{slots} slots are too few: inspection may hold {} frames (inspect.queue), and {OTHER_SLOTS} more are \
         needed for capture and history",
        inspect.queue
    );
    let remedy = format!("write ring_slots = {least} or more, or lower inspect.queue");
    match camera.get("ring_slots") {
        Some(field) => field.fault(reason, remedy),
        None => camera.fault("ring_slots", reason, remedy),
    }
}
