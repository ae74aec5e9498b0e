//! The texts at the ticks of an axis.

/// A number in few letters: `0`, `0.25`, `1500`, `2.5e7`.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    // What is left of a difference of two ticks is zero.
    if size < 1e-12 {
        return "0".into();
    }
    let text = match size {
        1e5.. => return scientific(value),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        0.1.. => format!("{value:.3}"),
        0.001.. => format!("{value:.4}"),
        _ => return scientific(value),
    };
    trimmed(&text)
}

/// A power of ten, from its exponent.
pub(super) fn power(exponent: f64) -> String {
    number(10f64.powf(exponent))
}

fn scientific(value: f64) -> String {
    let text = format!("{value:.2e}");
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{}e{exponent}", trimmed(digits)),
        None => text,
    }
}

fn trimmed(text: &str) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (-1e-17, "0"),
            (0.25, "0.25"),
            (-0.5, "-0.5"),
            (20.0, "20"),
            (1500.0, "1500"),
            (100_000.0, "1e5"),
            (2.5e7, "2.5e7"),
            (1e-4, "1e-4"),
        ] {
            assert_eq!(number(value), expected);
        }
        assert_eq!((power(3.0), power(-2.0), power(6.0)), ("1000".into(), "0.01".into(), "1e6".into()));
    }
}
