//! Bits, morphology and components against plain implementations.

use proptest::prelude::*;

use super::bits::{Bits, gaps, gaps_within, spans};
use super::components::{Components, Run};
use super::morphology::{Reach, dilate, erode, rim};
use super::naive::{self, packed, unpacked};
use super::{Labels, Mask, runs_of};

/// Width, height and a mask; widths on both sides of one and two words.
fn masks() -> impl Strategy<Value = (usize, usize, Vec<u8>)> {
    let width = prop_oneof![1usize..20, 60usize..70, 120usize..140];
    (width, 1usize..50, any::<u64>(), 0u64..130)
        .prop_map(|(width, height, seed, density)| (width, height, naive::mask(width, height, seed, density)))
}

proptest! {
    #[test]
    fn bits_hold_what_bytes_held((width, height, mask) in masks()) {
        let bits = packed(width, height, &mask);
        let plain: Vec<u8> = mask.iter().map(|pixel| u8::from(*pixel != 0)).collect();
        prop_assert_eq!(unpacked(&bits), &plain[..]);
        prop_assert_eq!(bits.count(), plain.iter().filter(|pixel| **pixel == 1).count());
        let mut changed = bits.clone();
        for (at, pixel) in plain.iter().enumerate() {
            prop_assert_eq!(bits.bit(at), *pixel == 1);
            if *pixel == 1 { changed.clear_bit(at) } else { changed.set_bit(at) }
        }
        prop_assert_eq!(unpacked(&changed), plain.iter().map(|pixel| 1 - pixel).collect::<Vec<_>>());
    }

    #[test]
    fn spans_and_gaps_make_up_the_row((width, height, mask) in masks(), from in 0usize..140, to in 0usize..140) {
        let bits = packed(width, height, &mask);
        let columns = from.min(width)..to.clamp(from.min(width), width);
        let mut copy = Bits::new(width, height);
        for y in 0..height {
            let mut row = vec![2; width];
            spans(bits.row(y), |from, to| {
                row[from..to].fill(1);
                copy.set_span(y, from, to);
            });
            gaps(bits.row(y), width, |from, to| row[from..to].fill(0));
            let right: Vec<u8> = mask[y * width..][..width].iter().map(|pixel| u8::from(*pixel != 0)).collect();
            prop_assert_eq!(&row, &right);
            let mut part = vec![1; columns.len()];
            gaps_within(bits.row(y), columns.clone(), |from, to| {
                assert!(from < to);
                part[from - columns.start..to - columns.start].fill(0);
            });
            prop_assert_eq!(&part, &right[columns.clone()]);
        }
        prop_assert_eq!(copy, bits);
    }

    #[test]
    fn erosion_is_that_of_the_definition((width, height, mask) in masks(), side in 1usize..24) {
        let mut bits = packed(width, height, &mask);
        let reach = Reach::side(side);
        erode(&mut bits, reach);
        prop_assert_eq!(unpacked(&bits), naive::window((width, height), &mask, reach.before, reach.after, true));
    }

    #[test]
    fn dilation_is_that_of_the_definition((width, height, mask) in masks(), reach in prop_oneof![12 => 0usize..14, 1 => 60usize..90]) {
        let mut bits = packed(width, height, &mask);
        // Left over from another frame.
        let mut scratch = packed(3, 3, &[1; 9]);
        dilate(&mut bits, reach, &mut scratch);
        prop_assert_eq!(unpacked(&bits), naive::window((width, height), &mask, reach, reach, false));
        // Nothing may stand behind the last column, where other steps would count it.
        prop_assert_eq!(packed(width, height, &unpacked(&bits)), bits);
    }

    #[test]
    fn iterated_erosion_and_dilation_are_one_of_larger_reach((width, height, mask) in masks()) {
        let mut plain = mask.clone();
        for step in 0..12 {
            // Opening and closing, three iterations each, with a square of 3.
            plain = naive::window((width, height), &plain, 1, 1, matches!(step, 0..3 | 9..12));
        }
        let (mut bits, mut scratch) = (packed(width, height, &mask), Bits::default());
        erode(&mut bits, Reach::both(3));
        dilate(&mut bits, 6, &mut scratch);
        erode(&mut bits, Reach::both(3));
        prop_assert_eq!(unpacked(&bits), plain);
    }

    #[test]
    fn the_rim_is_what_lies_around((width, height, mask) in masks()) {
        let set = |x: isize, y: isize| {
            x >= 0 && y >= 0 && x < width as isize && y < height as isize
                && mask[y as usize * width + x as usize] != 0
        };
        let around = (0..width * height).filter(|at| {
            let (x, y) = ((at % width) as isize, (at / width) as isize);
            !set(x, y) && (set(x - 1, y) || set(x + 1, y) || set(x, y - 1) || set(x, y + 1))
        });
        prop_assert_eq!(rim(&packed(width, height, &mask)), around.count());
    }

    #[test]
    fn components_are_those_of_a_flood((width, height, mask) in masks()) {
        let (right, count) = naive::components(width, &mask, true);
        let mut components = Components::default();
        components.label(&packed(2, 2, &[1, 0, 0, 1]));
        prop_assert_eq!(components.label(&packed(width, height, &mask)), usize::from(count));
        let labels = Mask { width, height, pixels: mask }.components().unwrap();
        prop_assert_eq!(&labels.pixels, &right);
    }

    #[test]
    fn holes_are_what_the_border_does_not_reach((width, height, mask) in masks()) {
        let mut bits = packed(width, height, &mask);
        let mut components = Components::default();
        components.fill_holes(&mut bits);
        prop_assert_eq!(unpacked(&bits), naive::fill_holes(width, &mask));
    }

    #[test]
    fn runs_of_labels_make_up_the_picture((width, height, mask) in masks()) {
        let pixels: Vec<u16> = mask.iter().map(|pixel| u16::from(*pixel) * 300).collect();
        let mut copy = vec![0; pixels.len()];
        let mut last = Run { y: 0, from: 0, to: 0 };
        runs_of(&Labels { width, height, pixels: pixels.clone() }, |label, run| {
            assert!((last.y, last.from) <= (run.y, run.from));
            last = run;
            copy[run.range(width)].fill(label);
        });
        prop_assert_eq!(copy, pixels);
    }
}
