//! Times on the command line: a number with its unit.

/// Why a text is not a time.
#[derive(Debug, thiserror::Error)]
#[error(
    "{text:?} is not a time; write a number above 0 with its unit, for instance 30min, 5s, 200ms or 0.5h"
)]
pub(super) struct NotATime {
    text: String,
}

/// Units and their milliseconds; a unit stands before those whose end it shares.
const UNITS: [(&str, f64); 4] = [("ms", 1.0), ("min", 60e3), ("s", 1e3), ("h", 3_600e3)];

/// The milliseconds of a time such as `30min`.
pub(super) fn milliseconds(text: &str) -> Result<f64, NotATime> {
    let unit = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let value = unit.and_then(|(number, factor)| Some(number.trim().parse::<f64>().ok()? * factor));
    let value = value.filter(|value| value.is_finite() && *value > 0.0);
    value.ok_or_else(|| NotATime { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_are_above_zero() {
        for (text, expected) in [("30min", 1_800e3), ("5 s", 5e3), ("200ms", 200.0), ("0.5h", 1_800e3)] {
            assert_eq!(milliseconds(text).unwrap(), expected, "{text}");
        }
        for text in ["", "30", "min", "-5s", "0s", "nans", "infh", "5 weeks", "1e999s"] {
            assert!(milliseconds(text).unwrap_err().to_string().contains("30min"), "{text}");
        }
    }
}
