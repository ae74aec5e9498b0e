//! Checks the keys of a region's check: one reader for each `kind`, with its thresholds.

use std::ops::RangeInclusive;

use super::{RecipeScope, exactly, models};
use crate::config::Task;
use crate::config::raw::TomlTable;
use crate::config::recipe::{Check, Expect, LengthUnit};
use crate::image::EdgePolarity;
use crate::image::barcode::Format;
use crate::image::compare::{CompareSettings, DifferencePolarity};

/// Reads the keys of one kind.
type KindReader = fn(&TomlTable<'_, '_>, &RecipeScope<'_>) -> Check;

const KINDS: &[(&str, KindReader)] = &[
    ("golden", golden),
    ("pixels", pixels),
    ("classify", classify),
    ("detect", detect),
    ("barcode", barcode),
    ("colour", colour),
    ("presence", presence),
    ("measure", measure),
];

const EDGES: &[(&str, EdgePolarity)] =
    &[("rising", EdgePolarity::Rising), ("falling", EdgePolarity::Falling), ("any", EdgePolarity::Any)];
const UNITS: &[(&str, LengthUnit)] = &[("px", LengthUnit::Px), ("mm", LengthUnit::Mm)];

/// Reads the check that `kind` names; `None` where the kind is unknown.
pub(super) fn check(table: &TomlTable<'_, '_>, scope: &RecipeScope<'_>) -> Option<Check> {
    let words: Vec<_> = KINDS.iter().map(|(word, _)| *word).collect();
    let field = table.need("kind", &format!("write one of: {}", words.join(", ")))?;
    let read = field.word(KINDS)?;
    Some(read(table, scope))
}

fn golden(table: &TomlTable<'_, '_>, scope: &RecipeScope<'_>) -> Check {
    let tasks = [Task::Embed, Task::Classify];
    let model = models::model(table, scope, &tasks, "turn a picture into a vector");
    let min_similarity = threshold(table, "min_similarity", -1.0..=1.0, "min_similarity = 0.9");
    Check::Golden { model: model.map(|model| model.name.clone()).unwrap_or_default(), min_similarity }
}

const POLARITIES: &[(&str, DifferencePolarity)] = &[
    ("both", DifferencePolarity::Both),
    ("darker", DifferencePolarity::Darker),
    ("brighter", DifferencePolarity::Brighter),
];

fn pixels(table: &TomlTable<'_, '_>, _: &RecipeScope<'_>) -> Check {
    let usual = CompareSettings::default();
    let threshold = table.whole("threshold", usual.threshold, 1..=255);
    let pixels = CompareSettings {
        threshold,
        edge_threshold: table.whole("edge_threshold", threshold.saturating_mul(2), 1..=255),
        edge_tolerance_px: table.whole("edge_tolerance_px", usual.edge_tolerance_px, 0..=64),
        spread: table.number("spread", 0.0..=100.0).unwrap_or(usual.spread),
        min_area_px: table.whole("min_area_px", usual.min_area_px, 1..=100_000_000),
        noise_px: table.whole("noise_px", usual.noise_px, 0..=64),
        join_px: table.whole("join_px", usual.join_px, 0..=256),
        smooth_px: table.whole("smooth_px", usual.smooth_px, 0..=64),
        flatten_px: table.whole("flatten_px", usual.flatten_px, 0..=1_024),
        normalise: table.boolean("normalise", usual.normalise),
        polarity: table.word("polarity", POLARITIES).unwrap_or(usual.polarity),
    };
    if pixels.edge_threshold < pixels.threshold {
        let remedy = "raise it, or lower threshold: edges move a little on every part";
        fault(table, "edge_threshold", "lower than threshold", remedy);
    }
    Check::Pixels(pixels)
}

fn classify(table: &TomlTable<'_, '_>, scope: &RecipeScope<'_>) -> Check {
    let model = models::model(table, scope, &[Task::Classify], "classify");
    let remedy = "write expect = [\"good\"]: the classes that are good";
    let named = table.need("expect", remedy);
    let expect = models::classes(table, "expect", model);
    if let Some(field) = named.filter(|field| field.is_list() && expect.is_empty()) {
        field.fault("no class is good", remedy);
    }
    Check::Classify {
        model: model.map(|model| model.name.clone()).unwrap_or_default(),
        expect,
        min_score: table.number("min_score", 0.0..=1.0).unwrap_or(0.5),
    }
}

fn detect(table: &TomlTable<'_, '_>, scope: &RecipeScope<'_>) -> Check {
    let model = models::model(table, scope, &[Task::Ssd, Task::Yolo], "find objects here");
    let min_count = table.whole("min_count", 0, 0..=10_000u32);
    let max_count = table.whole("max_count", min_count, 0..=10_000u32);
    if min_count > max_count {
        fault(table, "min_count", "more than max_count", "lower it, or raise max_count");
    }
    Check::Detect {
        model: model.map(|model| model.name.clone()).unwrap_or_default(),
        classes: models::classes(table, "classes", model),
        min_score: table.number("min_score", 0.0..=1.0).unwrap_or(0.5),
        min_count,
        max_count,
    }
}

fn barcode(table: &TomlTable<'_, '_>, _: &RecipeScope<'_>) -> Check {
    let words = Format::ALL.map(|format| (format.as_str(), format));
    let items = table.get("formats").and_then(|field| field.items("barcode formats")).unwrap_or_default();
    let formats = items.iter().filter_map(|item| item.word(&words)).collect();
    let expected = |key| {
        let field = table.get(key)?;
        let text = field.text()?;
        if text.is_empty() {
            field.fault(
                "the text is empty",
                "write what the code says, or leave it out: then any text is good",
            );
        }
        Some(text.to_owned())
    };
    let found = [
        expected("text").map(Expect::Text),
        expected("pattern").map(Expect::Pattern),
        table.boolean("from_trigger", false).then_some(Expect::Trigger),
    ];
    let mut found = found.into_iter().flatten();
    let expect = found.next().unwrap_or(Expect::Any);
    if found.next().is_some() {
        table.fault("text", "more than one of text, pattern and from_trigger is given", "keep one of them");
    }
    Check::Barcode { formats, expect }
}

fn colour(table: &TomlTable<'_, '_>, _: &RecipeScope<'_>) -> Check {
    let lab = table.get("lab").and_then(|field| {
        let lab =
            exactly::<3>(&field, -128.0..=128.0, "[L, a, b]: L from 0 to 100, a and b from -128 to 128")?;
        if !(0.0..=100.0).contains(&lab[0]) {
            field.fault(format!("{} is not a lightness", lab[0]), "write [L, a, b] with L from 0 to 100");
        }
        Some(lab)
    });
    Check::Colour { lab, max_delta_e: threshold(table, "max_delta_e", 0.0..=200.0, "max_delta_e = 5.0") }
}

fn presence(table: &TomlTable<'_, '_>, _: &RecipeScope<'_>) -> Check {
    let (low, high) = (table.whole("low", 0u8, 0..=255), table.whole("high", 255u8, 0..=255));
    let min_share = table.number("min_share", 0.0..=1.0).unwrap_or(0.0);
    let max_share = table.number("max_share", 0.0..=1.0).unwrap_or(1.0);
    if low > high {
        fault(table, "low", "more than high", "lower it, or raise high");
    }
    if min_share > max_share {
        fault(table, "min_share", "more than max_share", "lower it, or raise max_share");
    } else if min_share <= 0.0 && max_share >= 1.0 {
        let remedy = "write min_share (how much must be there) or max_share (how much may be)";
        table.fault("min_share", "every part would be good", remedy);
    }
    Check::Presence { low, high, min_share, max_share }
}

fn measure(table: &TomlTable<'_, '_>, scope: &RecipeScope<'_>) -> Check {
    let unit = table.word("unit", UNITS).unwrap_or(LengthUnit::Px);
    if unit == LengthUnit::Mm && !scope.calibrated {
        let remedy = "write mm_per_px = … at the head of the recipe, or unit = \"px\"";
        fault(table, "unit", "lengths in mm need the recipe's mm_per_px", remedy);
    }
    let min = threshold(table, "min", 0.0..=100_000.0, "min = 40.0: the least distance that is good");
    let max = threshold(table, "max", 0.0..=100_000.0, "max = 42.0: the greatest distance that is good");
    if min > max {
        fault(table, "min", "more than max", "lower it, or raise max");
    }
    Check::Measure {
        from: table.word("from", EDGES).unwrap_or(EdgePolarity::Any),
        to: table.word("to", EDGES).unwrap_or(EdgePolarity::Any),
        min_contrast: table.number("min_contrast", 1.0..=255.0).unwrap_or(20.0),
        min,
        max,
        unit,
    }
}

/// Reads a threshold without a default, because it depends on the part. NaN where it is faulty, so that no
/// comparison with it becomes a second fault.
fn threshold(table: &TomlTable<'_, '_>, key: &'static str, range: RangeInclusive<f64>, form: &str) -> f32 {
    let field = table.need(key, &format!("write {form}"));
    field.and_then(|field| field.number(range)).unwrap_or(f32::NAN)
}

/// Notes a fault at the value of `key`, or at the ROI where the key is absent.
fn fault(table: &TomlTable<'_, '_>, key: &'static str, reason: &str, remedy: &str) {
    match table.get(key) {
        Some(field) => field.fault(reason, remedy),
        None => table.fault(key, reason, remedy),
    }
}
