//! Checks `[align]`: how the part is found.

use super::{RecipeScope, outline};
use crate::config::raw::TomlTable;
use crate::config::recipe::{Align, Outline};
use crate::config::value::PlacedValue;
use crate::image::Reach;
use crate::types::Rect;

/// Least side of a fiducial, px: a smaller one cannot be distinguished from its surroundings.
const LEAST: f32 = 8.0;
/// Most fiducials. Two suffice for a shift and a turn; more only cost time.
const MAX_FIDUCIALS: usize = 8;

pub(super) fn align(table: TomlTable<'_, '_>, scope: &RecipeScope<'_>) -> Align {
    let remedy = "write fiducials = [[x, y, width, height], …]: marks that every part has, and which differ from \
                  what is around them; or remove [align] where the part never moves";
    let field = table.need("fiducials", remedy);
    let align = Align {
        fiducials: field.and_then(|field| fiducials(&field, scope, remedy)).unwrap_or_default(),
        reach: Reach {
            search_px: table.whole("search_px", 40, 1..=2_000u32),
            max_angle_deg: table.number("max_angle_deg", 0.0..=45.0).unwrap_or(3.0),
            min_score: table.number("min_score", 0.0..=1.0).unwrap_or(0.7),
        },
    };
    table.finish();
    align
}

fn fiducials(field: &PlacedValue<'_, '_>, scope: &RecipeScope<'_>, remedy: &str) -> Option<Vec<Rect>> {
    let items = field.items("fiducials, [x, y, width, height] each")?;
    if items.is_empty() {
        field.fault("there is no fiducial to align by", remedy);
    } else if items.len() > MAX_FIDUCIALS {
        field.fault(format!("{} fiducials", items.len()), format!("keep the best {MAX_FIDUCIALS}"));
    }
    items.iter().map(|item| fiducial(item, scope)).collect()
}

fn fiducial(field: &PlacedValue<'_, '_>, scope: &RecipeScope<'_>) -> Option<Rect> {
    let rect = outline::rect(field)?;
    if rect.w < LEAST || rect.h < LEAST {
        let reason = format!("{} x {} px is too small for a fiducial", rect.w, rect.h);
        field.fault(reason, format!("take {LEAST} px or more in each direction"));
    }
    outline::inside(field, &Outline { rect, angle_deg: 0.0, polygon: Vec::new() }, scope);
    Some(rect)
}
