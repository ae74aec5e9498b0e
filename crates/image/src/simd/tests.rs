//! Every instruction set gives the bits of the portable kernels.

use proptest::prelude::*;

use super::*;
use crate::Resize;
use crate::weights::{ColumnWeights, ResampleAxis};

fn columns(size: usize, count: usize) -> ColumnWeights {
    let axis = ResampleAxis {
        size,
        origin: 0.0,
        scale: size as f64 / count as f64,
        count,
        resize: Resize::Antialias,
    };
    let mut columns = ColumnWeights::default();
    columns.rebuild(&axis, &mut Vec::new());
    columns.rebase(columns.touched().0);
    columns
}

fn bytes(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

proptest! {
    #[test]
    fn the_vertical_pass_is_the_same_on_every_instruction_set(
        width in 1usize..400,
        rows in 1usize..40,
        padding in 0usize..9,
        seed: u32,
    ) {
        let (width, stride) = (width * 2, width * 2 + padding);
        let data = bytes((rows - 1) * stride + width, seed);
        let weights = vec![(32768 / rows).min(32767) as u16; rows];
        let strip = Strip { data: &data, stride, weights: &weights, ahead: 0..1 };
        let (mut ours, mut plain) = (vec![0; width], vec![0; width]);
        Isa::detect().blend(strip.clone(), &mut ours);
        Isa::Portable.blend(strip.clone(), &mut plain);
        prop_assert_eq!(&ours, &plain);
        let (even, odd) = ours.split_at_mut(width / 2);
        Isa::detect().blend_pairs(strip, even, odd);
        let apart = plain.iter().step_by(2).chain(plain.iter().skip(1).step_by(2));
        prop_assert!(ours.iter().eq(apart));
    }

    #[test]
    fn the_horizontal_pass_is_the_same_on_every_instruction_set(
        size in 1usize..2000,
        count in 1usize..400,
        seed: u32,
    ) {
        let columns = columns(size, count);
        let mid: Vec<i16> =
            bytes(size + columns.slack(), seed).into_iter().map(|v| i16::from(v) * 128).collect();
        let (mut ours, mut plain) = (vec![0; columns.padded()], vec![0; columns.padded()]);
        Isa::detect().gather(&mid, &columns, &mut ours);
        Isa::Portable.gather(&mid, &columns, &mut plain);
        prop_assert_eq!(ours, plain);
    }
}

proptest! {
    #[test]
    fn a_correlation_is_the_same_on_every_instruction_set(
        blocks in 1usize..9,
        rows in 1usize..40,
        overlap in 0usize..9,
        extreme: bool,
        seed: u32,
    ) {
        let (width, stride) = (blocks * 16, blocks * 16 - overlap);
        let mut window = bytes((rows - 1) * stride + width, seed);
        let mut weights: Vec<i16> =
            bytes(rows * width, !seed).into_iter().map(|v| i16::from(v) * 8 - 1020).collect();
        if extreme {
            window.fill(255);
            weights.fill(-1024);
        }
        let ours = Isa::detect().correlate(&window, stride, &weights, width);
        prop_assert_eq!(ours, Isa::Portable.correlate(&window, stride, &weights, width));
    }
}

#[test]
fn a_correlation_of_many_rows_does_not_overflow() {
    let (window, weights) = (vec![255; 1024 * 1024], vec![1024; 1024 * 1024]);
    assert_eq!(Isa::detect().correlate(&window, 1024, &weights, 1024), 255 << 30);
}

#[test]
#[should_panic(expected = "assertion failed")]
fn a_strip_that_is_too_short_is_never_read() {
    let strip = Strip { data: &[0; 99], stride: 64, weights: &[16384, 16384], ahead: 0..0 };
    Isa::detect().blend(strip, &mut [0; 64]);
}
