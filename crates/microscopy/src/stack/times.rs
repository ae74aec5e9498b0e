//! The moments of frames.

use super::StackError;

/// Milliseconds of each frame from the first. What a file says is believed if it can be true; `interval_ms` fills in
/// for files that say nothing, and replaces stamps that cannot be used.
pub(super) fn settle(
    position: &str,
    stamps: Option<Vec<f64>>,
    frames: usize,
    interval_ms: Option<f64>,
    assumed: &mut Vec<String>,
) -> Result<Option<Vec<f64>>, StackError> {
    let counted = || interval_ms.map(|interval| (0..frames).map(|frame| frame as f64 * interval).collect());
    let Some(stamps) = stamps.filter(|stamps| stamps.len() == frames && frames > 0) else {
        return Ok(counted());
    };
    let first = stamps[0];
    let times: Vec<f64> = stamps.iter().map(|stamp| stamp - first).collect();
    let back = times.windows(2).position(|pair| pair[1] < pair[0] || !pair[1].is_finite());
    if let Some(frame) = back {
        if interval_ms.is_some() {
            assumed.push(format!(
                "the time stamps of position {position} go back at frame {}: the given interval is right",
                frame + 1
            ));
            return Ok(counted());
        }
        return Err(StackError::TimesGoBack {
            position: position.to_owned(),
            frame: frame + 1,
            this_ms: times[frame + 1],
            before_ms: times[frame],
        });
    }
    // Some programs write the same stamp for every frame, or numbers that were never set (1e-121).
    let span = times.last().copied().unwrap_or(0.0);
    if frames > 1 && span < 1e-3 * (frames - 1) as f64 {
        assumed.push(format!(
            "the time stamps of position {position} are not set: all {frames} frames have the same"
        ));
        return Ok(counted());
    }
    Ok(Some(times))
}
