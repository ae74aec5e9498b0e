use super::*;
use crate::Sampling;

const RED: Ink = Ink::rgb(255, 0, 0);

fn grey(width: usize, height: usize) -> Canvas {
    let mut canvas = Canvas::default();
    canvas.resize(width, height, Sampling::Two);
    for y in 0..canvas.even_size().1 {
        canvas.row_mut(0, y).fill(100);
    }
    for y in 0..height.div_ceil(2) {
        canvas.row_mut(1, y).fill(128);
        canvas.row_mut(2, y).fill(128);
    }
    canvas
}

fn luma(canvas: &Canvas, x: usize, y: usize) -> u8 {
    canvas.plane(0)[y * canvas.stride(0) + x]
}

fn red(canvas: &Canvas, x: usize, y: usize) -> u8 {
    canvas.plane(2)[y / 2 * canvas.stride(1) + x / 2]
}

fn changed(canvas: &Canvas) -> usize {
    let (width, height) = canvas.even_size();
    (0..height).map(|y| (0..width).filter(|x| luma(canvas, *x, y) != 100).count()).sum()
}

#[test]
fn a_frame_is_drawn_on_its_edge_and_nowhere_else() {
    let mut canvas = grey(64, 48);
    Pen::default().frame(&mut canvas, Rect { x: 10.0, y: 12.0, w: 20.0, h: 16.0 }, 2.0, RED);
    for (x, y) in [(10, 12), (29, 12), (10, 27), (29, 27), (20, 13), (11, 20)] {
        assert_eq!((luma(&canvas, x, y), red(&canvas, x, y)), (RED.y, RED.v), "({x}, {y})");
    }
    for (x, y) in [(9, 12), (30, 12), (10, 11), (10, 28), (20, 20)] {
        assert_eq!((luma(&canvas, x, y), red(&canvas, x, y)), (100, 128), "({x}, {y})");
    }
    assert_eq!(changed(&canvas), 20 * 16 - 16 * 12);
}

#[test]
fn what_reaches_outside_or_is_no_number_is_left_out_without_harm() {
    let mut canvas = grey(33, 17);
    let mut pen = Pen::default();
    let odd = [f32::NAN, f32::INFINITY, -1e30, 1e30, -5.0, 8.0, 40.0];
    for x in odd {
        for y in odd {
            pen.frame(&mut canvas, Rect { x, y, w: 4.0, h: 1e30 }, 3.0, RED);
            pen.fill(&mut canvas, Rect { x, y, w: f32::INFINITY, h: 3.0 }, RED, 128);
            pen.line(&mut canvas, Point { x, y }, Point { x: y, y: x }, 3.0, RED);
            let corners = [Point { x, y }, Point { x: 3.0, y: 1e9 }, Point { x: -1e9, y: 4.0 }];
            pen.polygon(&mut canvas, &corners, RED, 99);
            let label = TextLabel {
                at: Point { x, y },
                size: 12,
                limit: 1e30,
                ink: Ink::WHITE,
                backdrop: Some((RED, OPAQUE)),
                halo: Some(Ink::BLACK),
            };
            pen.label(&mut canvas, "somebody", &label);
        }
    }
}

#[test]
fn a_polygon_covers_its_area_and_its_edges_by_their_share() {
    let mut canvas = grey(100, 60);
    let corners = [(10.25, 8.0), (90.0, 8.0), (90.0, 50.5), (10.25, 50.5)].map(|(x, y)| Point { x, y });
    Pen::default().polygon(&mut canvas, &corners, Ink::WHITE, OPAQUE);
    assert_eq!(luma(&canvas, 50, 30), 255);
    assert_eq!(luma(&canvas, 89, 8), 255);
    assert_eq!(luma(&canvas, 9, 30), 100);
    assert_eq!(luma(&canvas, 90, 30), 100);
    let (left, bottom) = (luma(&canvas, 10, 30), luma(&canvas, 50, 50));
    assert!((210..=222).contains(&left), "three quarters: {left}");
    assert!((170..=185).contains(&bottom), "one half: {bottom}");
}

#[test]
fn a_slanted_line_has_its_width() {
    let mut canvas = grey(80, 80);
    Pen::default().line(&mut canvas, Point { x: 10.0, y: 10.0 }, Point { x: 70.0, y: 70.0 }, 4.0, Ink::WHITE);
    assert_eq!(luma(&canvas, 40, 40), 255);
    let row: u32 = (0..80).map(|x| u32::from(luma(&canvas, x, 40) - 100)).sum();
    let width = row as f32 / 155.0 / 2f32.sqrt();
    assert!((width - 4.0).abs() < 0.1, "{width}");
}

fn label(at: (f32, f32), limit: f32) -> TextLabel {
    let at = Point { x: at.0, y: at.1 };
    TextLabel { at, size: 16, limit, ink: Ink::WHITE, backdrop: Some((Ink::BLACK, OPAQUE)), halo: None }
}

#[test]
fn a_label_stays_inside_the_picture_and_a_long_one_is_shortened() {
    let mut canvas = grey(201, 99);
    let mut pen = Pen::default();
    let short = pen.label(&mut canvas, "Ωmega Жук 😀", &label((190.0, -20.0), 150.0));
    assert!(short.w > 60.0 && short.x + short.w <= 202.0 && short.y == 0.0, "{short:?}");
    let long = pen.label(&mut canvas, &"very long ".repeat(100), &label((20.0, 60.0), 120.0));
    assert!(long.w <= 120.0 && long.w > 90.0, "{long:?}");
    assert_eq!(pen.label(&mut canvas, "\u{200D}\u{FE0F}", &label((20.0, 60.0), 120.0)), Rect::default());
    assert_eq!(pen.label(&mut canvas, "", &label((20.0, 60.0), 120.0)), Rect::default());
    assert_eq!(pen.label(&mut canvas, "W", &label((20.0, 60.0), 3.0)), Rect::default());
}

#[test]
fn letters_within_a_halo_stand_out_from_a_background_of_their_own_colour() {
    let mut canvas = grey(120, 40);
    let plain = TextLabel {
        backdrop: None,
        halo: Some(Ink::BLACK),
        ink: Ink::rgb(100, 100, 100),
        ..label((10.0, 30.0), 99.0)
    };
    let area = Pen::default().label(&mut canvas, "Zone", &plain);
    assert!(area.w > 20.0);
    let dark =
        (0..40).flat_map(|y| (0..120).map(move |x| (x, y))).filter(|(x, y)| luma(&canvas, *x, *y) < 20);
    assert!(dark.count() > 50);
}
