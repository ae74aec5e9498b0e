//! Lengths and times of metadata.

/// Micrometres in one of this unit. OME and ImageJ write them in many ways.
pub(in crate::stack) fn micrometres(unit: &str) -> Option<f64> {
    Some(match unit.trim() {
        // Two signs look alike: micro and the Greek letter. ImageJ writes the escape of the first.
        "\u{b5}m" | "\u{3bc}m" | "\\u00B5m" | "um" | "micron" | "microns" | "micrometer" | "micrometre"
        | "micrometers" => 1.0,
        "nm" | "nanometer" | "nanometre" => 1e-3,
        "pm" => 1e-6,
        "\u{c5}" => 1e-4,
        "mm" | "millimeter" | "millimetre" => 1e3,
        "cm" | "centimeter" | "centimetre" => 1e4,
        "m" | "meter" | "metre" => 1e6,
        "inch" | "in" => 25_400.0,
        _ => return None,
    })
}

/// Milliseconds in one of this unit.
pub(super) fn milliseconds(unit: &str) -> Option<f64> {
    Some(match unit.trim() {
        "s" | "sec" | "secs" | "second" | "seconds" => 1e3,
        "ms" | "msec" | "millisecond" | "milliseconds" => 1.0,
        "\u{b5}s" | "\u{3bc}s" | "us" | "usec" => 1e-3,
        "ns" => 1e-6,
        "min" | "mins" | "minute" | "minutes" => 60e3,
        "h" | "hr" | "hour" | "hours" => 3_600e3,
        "d" | "day" | "days" => 86_400e3,
        _ => return None,
    })
}
