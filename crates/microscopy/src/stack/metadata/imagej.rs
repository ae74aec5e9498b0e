//! The lines that ImageJ writes into the description of the first page: `images=8`, `channels=2`, ...

use super::super::axes::Counts;
use super::units::{micrometres, milliseconds};

/// What ImageJ says of a file.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::stack) struct ImageJ {
    /// Planes; None where it says nothing of a stack.
    pub images: Option<usize>,
    /// How many there are of each; the order is always T, Z, C, slowest first.
    pub counts: Counts,
    /// Whether it counts frames, channels or depth at all.
    pub is_hyperstack: bool,
    /// Time between frames, milliseconds.
    pub interval_ms: Option<f64>,
    /// Micrometres in its unit of length, where it is one.
    pub unit_um: Option<f64>,
}

impl ImageJ {
    pub(in crate::stack) fn parse(description: &str) -> Option<ImageJ> {
        if !description.starts_with("ImageJ=") {
            return None;
        }
        let value =
            |key: &str| description.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let count = |key: &str| {
            value(key).and_then(|text| text.trim().parse::<usize>().ok()).filter(|count| *count > 0)
        };
        let number = |key: &str| {
            value(key)
                .and_then(|text| text.trim().parse::<f64>().ok())
                .filter(|number| *number > 0.0 && number.is_finite())
        };
        let images = count("images");
        let [channels, slices, frames] = ["channels", "slices", "frames"].map(count);
        let counts = Counts {
            positions: 1,
            frames: frames.unwrap_or(1),
            channels: channels.unwrap_or(1),
            depth: slices.unwrap_or(1),
        };
        let time_unit = value("tunit").map_or(Some(1e3), milliseconds);
        let interval = number("finterval").or_else(|| number("fps").map(|fps| 1.0 / fps));
        Some(ImageJ {
            images,
            counts,
            is_hyperstack: channels.or(slices).or(frames).is_some(),
            interval_ms: interval.zip(time_unit).map(|(interval, unit)| interval * unit),
            unit_um: value("unit").and_then(micrometres),
        })
    }
}
