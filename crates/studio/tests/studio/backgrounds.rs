//! Composites: linear light, every background, shadows, and the same bytes for the same seed.

use ocellus_studio::{
    Background, Collected, ComposeOptions, Light, Picture, Shadow, SolidColour, Watch, compose,
};

use crate::support::scenery;

fn on(picture: &Picture, background: &Background<'_>, shadow: Option<Shadow>) -> Picture {
    let mut sink = Collected::new(picture.width(), 3);
    compose(picture, background, &ComposeOptions { shadow }, &Watch::none(), &mut sink).unwrap();
    sink.into_picture().unwrap()
}

/// A square of one colour in the middle, with an edge that is half transparent.
fn square(side: usize, colour: [u8; 3]) -> Picture {
    let mut picture = Picture::opaque(side, side, colour.repeat(side * side)).unwrap();
    let far = |px: usize| (px % side).abs_diff(side / 2).max((px / side).abs_diff(side / 2));
    let alpha = |px: usize| match far(px).cmp(&(side / 4)) {
        std::cmp::Ordering::Less => 255,
        std::cmp::Ordering::Equal => 128,
        std::cmp::Ordering::Greater => 0,
    };
    picture.alpha = Some((0..side * side).map(alpha).collect());
    picture
}

fn pixel(picture: &Picture, x: usize, y: usize) -> [u8; 3] {
    let pixel = &picture.colour.row(y)[3 * x..3 * x + 3];
    [pixel[0], pixel[1], pixel[2]]
}

#[test]
fn colours_are_mixed_as_light_and_opaque_ones_are_not_touched() {
    let front = square(40, [200, 30, 90]);
    let grey = "#405060".parse::<SolidColour>().unwrap();
    let out = on(&front, &Background::Plain(grey), None);
    assert_eq!((pixel(&out, 20, 20), pixel(&out, 0, 0)), ([200, 30, 90], [0x40, 0x50, 0x60]));
    let light = Light::new();
    let half = [(200, 0x40), (30, 0x50), (90, 0x60)].map(|(front, back)| {
        light.encode((128.0 * light.decode(front) + 127.0 * light.decode(back)) / 255.0)
    });
    assert_eq!(pixel(&out, 10, 20), half);
    // A mean of encoded values would be darker.
    assert!(half[0] > 134, "{half:?}");
    assert_eq!(pixel(&on(&front, &Background::White, None), 1, 1), [255; 3]);
    // Without alpha there is nothing to see of a background.
    let opaque = scenery(20, 10, 1);
    assert!(on(&opaque, &Background::White, Some(Shadow::default())) == opaque);
}

#[test]
fn a_picture_covers_the_background_whatever_its_shape() {
    let mut front = scenery(90, 60, 1);
    front.alpha = Some(vec![0; 90 * 60]);
    for (width, height) in [(90, 60), (45, 200), (300, 20), (1, 1), (180, 120)] {
        let back = Picture::opaque(width, height, [7u8, 99, 201].repeat(width * height)).unwrap();
        let out = on(&front, &Background::Picture(&back), None);
        assert!(out.colour.data.chunks_exact(3).all(|pixel| pixel == [7, 99, 201]), "{width} x {height}");
    }
    let same = scenery(90, 60, 4);
    assert!(on(&front, &Background::Picture(&same), None) == same);
}

#[test]
fn a_seed_gives_the_same_soft_background_and_another_seed_another() {
    let mut front = scenery(160, 120, 1);
    front.alpha = Some(vec![0; 160 * 120]);
    let of = |seed| on(&front, &Background::Random { seed }, None);
    // The bytes are part of the promise: the same seed gives the same picture on every machine.
    assert_eq!(
        ocellus_text::sha256(&of(7).colour.data),
        "2818b17962e33ccd6d97739607a23cd438aa152d724718b17eaaff8e4d3fdc13"
    );
    let mut colours = std::collections::BTreeSet::new();
    for seed in 0..30 {
        let picture = of(seed);
        assert!(picture == of(seed));
        colours.insert(pixel(&picture, 80, 60));
        // Soft: neighbours are nearly alike.
        let steps = picture.colour.data.chunks_exact(3).zip(picture.colour.data.chunks_exact(3).skip(1));
        let steepest =
            steps.enumerate().filter(|(px, _)| px % 160 != 159).map(|(_, (a, b))| a[0].abs_diff(b[0])).max();
        assert!(steepest <= Some(6), "seed {seed}: {steepest:?}");
    }
    assert!(colours.len() > 25, "{} of 30 seeds differ", colours.len());
}

#[test]
fn a_shadow_darkens_the_background_alone_and_fades() {
    let front = square(200, [200, 30, 90]);
    let shadow = Shadow { right: 0.05, down: 0.1, blur: 0.02, strength: 0.5 };
    let (without, with) =
        (on(&front, &Background::White, None), on(&front, &Background::White, Some(shadow)));
    assert_eq!(pixel(&with, 100, 100), pixel(&without, 100, 100));
    // Below the square (50 to 150 px) it is dark, above it and far away it is not.
    let below = pixel(&with, 110, 160);
    assert!(below[0] < 215 && below == [below[0]; 3], "{below:?}");
    assert_eq!((pixel(&with, 100, 30), pixel(&with, 5, 195)), ([255; 3], [255; 3]));
    let column: Vec<u8> = (160..195).map(|y| pixel(&with, 110, y)[0]).collect();
    assert!(column.windows(2).all(|pair| pair[0] <= pair[1]), "{column:?}");
    let mut sink = Collected::new(200, 3);
    let wrong = ComposeOptions { shadow: Some(Shadow { blur: f32::NAN, ..shadow }) };
    let error =
        compose(&front, &Background::White, &wrong, &Watch::none(), &mut sink).unwrap_err().to_string();
    assert!(error.contains("blur") && error.contains("0.002 to 0.25"), "{error}");
}
