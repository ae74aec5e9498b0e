//! sRGB (IEC 61966-2-1) to linear light and back, by tables.

/// Cells of the table that gives a first guess of an encoded value.
const CELLS: usize = 4096;
/// Linear light as an integer: 15 bits, so that sums over the largest window fit 32.
const INTEGER: f64 = 32_767.0;

/// The tables. A value that goes to linear light and back is itself again.
#[derive(Clone, Debug)]
pub struct Light {
    linear: [f32; 256],
    integer: [u16; 256],
    /// The least light that is encoded as `n + 1`.
    steps: [f32; 255],
    /// The encoded value of the darkest light of each cell.
    guess: Vec<u8>,
}

impl Light {
    /// Computes the tables in f64.
    pub fn new() -> Light {
        let exact = |value: f64| -> f64 {
            let encoded = value / 255.0;
            if encoded <= 0.04045 { encoded / 12.92 } else { ((encoded + 0.055) / 1.055).powf(2.4) }
        };
        let linear = std::array::from_fn(|n| exact(n as f64) as f32);
        let integer = std::array::from_fn(|n| (exact(n as f64) * INTEGER).round() as u16);
        let steps: [f32; 255] = std::array::from_fn(|n| exact(n as f64 + 0.5) as f32);
        let guess =
            (0..=CELLS).map(|cell| steps.partition_point(|step| *step <= cell as f32 / CELLS as f32) as u8);
        Light { linear, integer, steps, guess: guess.collect() }
    }

    /// Linear light, 0 to 1, of an encoded value.
    #[inline]
    pub fn decode(&self, encoded: u8) -> f32 {
        self.linear[usize::from(encoded)]
    }

    /// The encoded value nearest (as encoded) to linear light; below 0 and above 1 it saturates.
    #[inline]
    pub fn encode(&self, linear: f32) -> u8 {
        // Not `clamp`, which would let NaN through.
        let linear = if linear > 0.0 { linear.min(1.0) } else { 0.0 };
        let mut value = self.guess[(linear * CELLS as f32) as usize];
        // A cell holds several steps only in the darkest part.
        while let Some(step) = self.steps.get(usize::from(value)) {
            if linear < *step {
                break;
            }
            value += 1;
        }
        value
    }

    /// Linear light as an integer of 15 bits.
    #[inline]
    pub(crate) fn integer(&self, encoded: u8) -> u32 {
        u32::from(self.integer[usize::from(encoded)])
    }

    /// Linear light, 0 to 1, of the mean of `count` integers of [`Light::integer`].
    #[inline]
    pub(crate) fn mean(sum: u32, count: u32) -> f32 {
        (f64::from(sum) / (f64::from(count) * INTEGER)) as f32
    }
}

impl Default for Light {
    fn default() -> Light {
        Light::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_and_steps_lie_half_way() {
        let light = Light::new();
        for value in 0..=255u8 {
            assert_eq!(light.encode(light.decode(value)), value);
        }
        let formula = |linear: f64| {
            let encoded =
                if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
            encoded * 255.0
        };
        for n in 0..=100_000 {
            let linear = n as f32 / 100_000.0;
            let exact = formula(f64::from(linear));
            assert!((f64::from(light.encode(linear)) - exact).abs() < 0.5001, "{linear}: {exact}");
        }
        assert_eq!((light.encode(-1.0), light.encode(2.0), light.encode(f32::NAN)), (0, 255, 0));
    }
}
