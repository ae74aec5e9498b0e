//! Reads the numbers of an output tensor of any element type: real = scale × (stored − zero_point).

use crate::Session;
use ocellus_image::Dtype;

/// The values of one output tensor, dequantised as they are read.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// The elements as the runtime stores them, little-endian.
    pub bytes: &'a [u8],
    /// Type of the stored elements.
    pub dtype: Dtype,
    scale: f32,
    zero_point: i32,
}

impl<'a> Values<'a> {
    /// The values of output `index` of `session`.
    ///
    /// # Panics
    /// When the session has no such output.
    pub fn of(session: &'a dyn Session, index: usize) -> Values<'a> {
        let info = &session.outputs()[index];
        let scale = if info.scale == 0.0 { 1.0 } else { info.scale };
        Values { bytes: session.output(index), dtype: info.dtype, scale, zero_point: info.zero_point }
    }

    /// The real value of element `i`; zero beyond the end.
    pub fn get(&self, i: usize) -> f32 {
        let quantised = |stored: i32| (stored - self.zero_point) as f32 * self.scale;
        match self.dtype {
            Dtype::U8 => self.bytes.get(i).map_or(0.0, |b| quantised(i32::from(*b))),
            Dtype::I8 => self.bytes.get(i).map_or(0.0, |b| quantised(i32::from(*b as i8))),
            Dtype::F32 => self.four(i).map_or(0.0, f32::from_le_bytes),
            Dtype::I32 => self.four(i).map_or(0.0, |b| i32::from_le_bytes(b) as f32 * self.scale),
            Dtype::I64 => self.int(i) as f32,
        }
    }

    /// The stored integer of element `i` of an i32 or i64 tensor; zero for other types.
    pub fn int(&self, i: usize) -> i64 {
        match self.dtype {
            Dtype::I64 => {
                self.bytes.get(i * 8..).and_then(|b| b.first_chunk()).map_or(0, |b| i64::from_le_bytes(*b))
            }
            Dtype::I32 => self.four(i).map_or(0, |b| i64::from(i32::from_le_bytes(b))),
            _ => 0,
        }
    }

    fn four(&self, i: usize) -> Option<[u8; 4]> {
        self.bytes.get(i * 4..)?.first_chunk().copied()
    }
}

/// The logistic function: a logit to 0 to 1.
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x.clamp(-100.0, 100.0)).exp())
}
