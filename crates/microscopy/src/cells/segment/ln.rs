//! The natural logarithm, in a form that the compiler turns into vector instructions.

/// Where the mantissa's range begins: the bits of the root of 1/2. Around 1 the polynomial is most exact.
const ROOT_OF_HALF: i32 = 0x3f35_04f3;

/// The natural logarithm of a finite number above 0 to within 2 units in the last place, also of a subnormal one if
/// `SUBNORMAL`.
///
/// Mantissa and exponent apart; the polynomial is the minimax one of Cephes (Moshier, 1989).
#[inline(always)]
pub(super) fn ln<const SUBNORMAL: bool>(value: f32) -> f32 {
    let subnormal = SUBNORMAL && value < f32::MIN_POSITIVE;
    let value = if subnormal { value * 8_388_608.0 } else { value };
    let bits = value.to_bits() as i32;
    let exponent = (bits - ROOT_OF_HALF) >> 23;
    let x = f32::from_bits((bits - (exponent << 23)) as u32) - 1.0;
    let exponent = exponent as f32 - if subnormal { 23.0 } else { 0.0 };
    let square = x * x;
    let mut y = 7.037_683_6e-2;
    y = y * x - 1.151_461e-1;
    y = y * x + 1.167_699_9e-1;
    y = y * x - 1.242_014_1e-1;
    y = y * x + 1.424_932_3e-1;
    y = y * x - 1.666_805_8e-1;
    y = y * x + 2.000_071_5e-1;
    y = y * x - 2.499_999_4e-1;
    y = y * x + 3.333_333e-1;
    // ln 2 in two parts, the first of which has few digits: its product with the exponent is exact.
    let low = exponent * -2.121_944_4e-4;
    let high = exponent * 0.693_359_4;
    x * square * y + low - 0.5 * square + x + high
}

#[cfg(test)]
mod tests {
    use super::ln;

    #[test]
    fn it_is_the_logarithm_from_the_least_to_the_greatest_number() {
        let mut worst: f64 = 0.0;
        // A prime step meets every exponent, and mantissas of all kinds; subnormal numbers come first.
        for bits in (1..f32::INFINITY.to_bits()).step_by(10_007) {
            let value = f32::from_bits(bits);
            let right = f64::from(value).ln();
            let error = (f64::from(ln::<true>(value)) - right).abs();
            assert!(value < f32::MIN_POSITIVE || ln::<true>(value) == ln::<false>(value), "{value}");
            worst = worst.max(error / right.abs().max(0.5));
        }
        assert!(worst < 2.0 * f64::from(f32::EPSILON), "relative error {worst}");
        assert_eq!(ln::<true>(1.0), 0.0);
        assert_eq!(ln::<false>(1.0), 0.0);
    }
}
