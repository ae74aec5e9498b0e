//! Pixels into the tensor: normalisation and element type.

use super::simd::Isa;
use super::{Channels, Target};
use crate::Dtype;

/// How a byte becomes an element, decided once.
#[derive(Debug)]
pub(super) enum ElementWriter {
    /// The byte itself, or v − 128 as `i8` (`flip` 0x80).
    Bytes { flip: u8 },
    /// Every other integer mapping, as a lookup table: exact, and one load for each value.
    Table(Box<[[u8; 256]; 3]>),
    /// f32, native byte order.
    Float { mul: [f32; 3], add: [f32; 3] },
}

impl ElementWriter {
    pub fn new(target: &Target) -> ElementWriter {
        let Target { mul, add, .. } = *target;
        match target.dtype {
            Dtype::U8 if mul == [1.0; 3] && add == [0.0; 3] => ElementWriter::Bytes { flip: 0 },
            Dtype::I8 if mul == [1.0; 3] && add == [-128.0; 3] => ElementWriter::Bytes { flip: 0x80 },
            Dtype::U8 => ElementWriter::table(mul, add, |value| value as u8),
            Dtype::I8 => ElementWriter::table(mul, add, |value| value as i8 as u8),
            // The integer types beyond are refused before the first row; see `Target::check`.
            Dtype::F32 | Dtype::I32 | Dtype::I64 => ElementWriter::Float { mul, add },
        }
    }

    /// `cast` saturates, as float to integer `as` does.
    fn table(mul: [f32; 3], add: [f32; 3], cast: fn(f64) -> u8) -> ElementWriter {
        let mut table = Box::new([[0; 256]; 3]);
        for (c, row) in table.iter_mut().enumerate() {
            for (v, entry) in row.iter_mut().enumerate() {
                *entry = cast((f64::from(mul[c]) * v as f64 + f64::from(add[c])).round());
            }
        }
        ElementWriter::Table(table)
    }

    /// Three planes, in tensor order, into one row of the tensor (`width` × 3 elements).
    pub fn row3(&self, isa: Isa, planes: [&[u8]; 3], out: &mut [u8]) {
        match self {
            ElementWriter::Bytes { flip } => isa.interleave(planes, *flip, out),
            ElementWriter::Table(table) => {
                isa.interleave(planes, 0, out);
                for pixel in out.as_chunks_mut::<3>().0 {
                    *pixel = std::array::from_fn(|c| table[c][usize::from(pixel[c])]);
                }
            }
            ElementWriter::Float { mul, add } => isa.interleave_f32(planes, *mul, *add, out),
        }
    }

    /// One plane into one row of the tensor (`width` elements).
    pub fn row1(&self, plane: &[u8], out: &mut [u8]) {
        match self {
            ElementWriter::Bytes { flip } => {
                out.iter_mut().zip(plane).for_each(|(out, v)| *out = v ^ flip);
            }
            ElementWriter::Table(table) => {
                out.iter_mut().zip(plane).for_each(|(out, &v)| *out = table[0][usize::from(v)]);
            }
            ElementWriter::Float { mul, add } => {
                for (out, &v) in out.as_chunks_mut::<4>().0.iter_mut().zip(plane) {
                    *out = (f32::from(v) * mul[0] + add[0]).to_ne_bytes();
                }
            }
        }
    }

    /// A tensor row of nothing but bars.
    pub fn bar_row(&self, target: &Target) -> Vec<u8> {
        let mut row = vec![0; target.row_bytes()];
        let plane = vec![target.pad; target.width];
        match target.channels {
            Channels::Gray => self.row1(&plane, &mut row),
            Channels::Rgb | Channels::Bgr => self.row3(Isa::detect(), [&plane; 3], &mut row),
        }
        row
    }
}
