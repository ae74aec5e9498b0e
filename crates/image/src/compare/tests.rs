//! The parts of the comparison, each against its plain definition.

use proptest::prelude::*;

use super::bits::Bits;
use super::regions::RegionLabeller;
use super::statistics::Statistics;

fn bits(width: usize, set: &[bool]) -> Bits {
    let mut bits = Bits::default();
    bits.reshape(width, set.len() / width);
    for y in 0..bits.height() {
        bits.write_row(y, |words| {
            words.fill(0);
            (0..width).filter(|x| set[y * width + x]).for_each(|x| words[x / 64] |= 1 << (x % 64));
            words.iter().fold(0, |any, word| any | word)
        });
    }
    bits
}

fn picture() -> impl Strategy<Value = (usize, Vec<bool>)> {
    (1usize..150, 1usize..12, 0.0f64..1.0).prop_flat_map(|(width, height, share)| {
        (Just(width), prop::collection::vec(prop::bool::weighted(share), width * height))
    })
}

/// Whether any (or, if not `any`, all) of the 3×3 neighbourhood inside the picture is set.
fn around(width: usize, set: &[bool], any: bool) -> Vec<bool> {
    let height = set.len() / width;
    let near = |at: usize, end: usize| at.saturating_sub(1)..(at + 2).min(end);
    (0..set.len())
        .map(|i| {
            let mut all =
                near(i / width, height).flat_map(|y| near(i % width, width).map(move |x| set[y * width + x]));
            if any { all.any(|v| v) } else { all.all(|v| v) }
        })
        .collect()
}

/// Area and bounds of the 8-connected parts, by flood fill, largest first and then from the top.
fn flood(width: usize, set: &[bool]) -> Vec<(u32, [u32; 4])> {
    let mut left = set.to_vec();
    let mut parts = Vec::new();
    for start in 0..set.len() {
        let (mut stack, mut area, mut bounds) = (vec![start], 0, [u32::MAX, u32::MAX, 0, 0]);
        while let Some(i) = stack.pop().filter(|_| left[start] || area > 0) {
            if !std::mem::take(&mut left[i]) {
                continue;
            }
            area += 1;
            let (x, y) = (i % width, i / width);
            let [x0, y0, x1, y1] = bounds;
            bounds = [x0.min(x as u32), y0.min(y as u32), x1.max(x as u32 + 1), y1.max(y as u32 + 1)];
            for y in y.saturating_sub(1)..(y + 2).min(set.len() / width) {
                stack.extend((x.saturating_sub(1)..(x + 2).min(width)).map(|x| y * width + x));
            }
        }
        if area > 0 {
            parts.push((area, bounds));
        }
    }
    parts.sort_by_key(|&(area, [x0, y0, ..])| (std::cmp::Reverse(area), y0, x0));
    parts
}

proptest! {
    #[test]
    fn opening_and_dilating_bits_is_what_it_is_on_pixels((width, set) in picture(), px in 0u32..3) {
        let (mut opened, mut spare, mut grown) = (bits(width, &set), Bits::default(), Bits::default());
        bits(width, &set).dilated(px, &mut grown, &mut spare);
        opened.open(px, &mut spare);
        let times = |set: &[bool], any| (0..px).fold(set.to_vec(), |set, _| around(width, &set, any));
        prop_assert_eq!(grown, bits(width, &times(&set, true)));
        prop_assert_eq!(opened, bits(width, &times(&times(&set, false), true)));
    }

    #[test]
    fn parts_are_those_of_a_flood_fill((width, set) in picture(), min in 0u32..9) {
        let picture = bits(width, &set);
        let mut regions = RegionLabeller::default();
        // A second picture, so that nothing of the first is left in the tables.
        regions.find(&bits(width, &vec![true; set.len()]), None, |_, _| 9);
        let total = regions.find(&picture, None, |y, _| y as u8);
        let found: Vec<_> = regions.largest(min).map(|r| (r.area, [r.x0, r.y0, r.x1, r.y1])).collect();
        let peaks: Vec<_> = regions.largest(min).map(|r| (u32::from(r.peak), r.y1 - 1)).collect();
        let mut expected = flood(width, &set);
        expected.retain(|part| part.0 >= min);
        // Parts that begin at one px of the bounds may stand in either order.
        let sorted = |mut parts: Vec<_>| { parts.sort_unstable(); parts };
        prop_assert!(found.windows(2).all(|pair| pair[0].0 >= pair[1].0));
        prop_assert_eq!(sorted(found), sorted(expected));
        prop_assert!(peaks.iter().all(|(peak, last)| peak == last));
        prop_assert_eq!(total as usize, set.iter().filter(|&&v| v).count());
    }

    #[test]
    fn mean_and_deviation_are_exact(goldens in prop::collection::vec(prop::array::uniform4(0u8..), 1..9)) {
        let mut statistics = Statistics::new(4);
        goldens.iter().for_each(|golden| statistics.add(golden));
        for i in 0..4 {
            let values: Vec<f64> = goldens.iter().map(|golden| f64::from(golden[i])).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
            let deviation = if values.len() > 1 { (squares / (values.len() - 1) as f64).sqrt() } else { 0.0 };
            prop_assert_eq!(statistics.mean(i), mean as f32);
            prop_assert!((f64::from(statistics.deviation(i)) - deviation).abs() < 1e-5);
            prop_assert_eq!(statistics.means()[i], (mean as f32).round() as u8);
        }
    }
}

#[test]
fn fragments_within_the_gap_are_one_part_and_those_beyond_are_two() {
    for (gap, parts) in [(4, 1), (5, 2)] {
        let set: Vec<bool> = (0..3 * 40).map(|i| i / 40 == 1 && [10, 11 + gap].contains(&(i % 40))).collect();
        let (picture, mut joined) = (bits(40, &set), Bits::default());
        picture.dilated(2, &mut joined, &mut Bits::default());
        let mut regions = RegionLabeller::default();
        regions.find(&picture, Some(&joined), |_, _| 1);
        assert_eq!(regions.largest(1).len(), parts, "a gap of {gap} px");
        let bounds = regions.largest(1).next().map(|r| (r.area, r.x0, r.y0, r.y1)).unwrap();
        assert_eq!(bounds, (3 - parts as u32, 10, 1, 2));
    }
}
