//! Which traces are kept.

use super::{CellRow, FilterSettings};

/// Why a trace is not in the results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// It has fewer frames than are required.
    TooShort {
        /// Frames that it has.
        frames: usize,
    },
    /// It came too near to a border.
    Border {
        /// The first frame in which it did.
        frame: usize,
        /// Distance in that frame, pixels.
        distance: usize,
    },
}

/// Applies the filters to the rows of one position, sorted by cell and frame: which cells are dropped, and why.
///
/// A cell that fails both filters is reported as too short. As PyAMA counts, a box that touches the left or upper border
/// has distance 0 there, and one that touches the right or lower border has distance 1.
pub fn filter(
    rows: &[CellRow],
    width: usize,
    height: usize,
    settings: &FilterSettings,
) -> Vec<(u32, DropReason)> {
    let reason = |trace: &[CellRow]| {
        if trace.len() < settings.min_frames {
            return Some(DropReason::TooShort { frames: trace.len() });
        }
        trace.iter().find_map(|row| {
            let [x0, y0, x1, y1] = row.bbox;
            let nearest = x0.min(y0).min(width as f64 - x1).min(height as f64 - y1);
            // A box outside the frame, which no tracker makes, has distance 0.
            let near = nearest < settings.border as f64;
            near.then_some(DropReason::Border { frame: row.frame, distance: nearest.max(0.0) as usize })
        })
    };
    let traces = rows.chunk_by(|row, next| row.cell == next.cell);
    traces.filter_map(|trace| Some((trace.first()?.cell, reason(trace)?))).collect()
}
