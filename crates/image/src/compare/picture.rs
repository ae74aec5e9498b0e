//! The evidence that a person looks at.

use super::{Comparison, Learned};
use crate::Rect;
use crate::{Channels, Patch};

const DIFFERS: [u8; 3] = [255, 0, 0];
const BOX: [u8; 3] = [255, 220, 0];
/// Px of dark or bright surroundings between a defect and its box.
const MARGIN: f32 = 2.0;

/// The patch that was compared, in colour: px that differ in red, a yellow box round each defect listed, and what does
/// not count at half its brightness. `test` and `comparison` are of `learned`'s size.
pub fn picture(learned: &Learned, test: &Patch, comparison: &Comparison) -> Patch {
    let mut out = Patch::new(test.width, test.height, Channels::Rgb);
    let samples = test.channels.count();
    for (i, (to, from)) in
        out.data.as_chunks_mut::<3>().0.iter_mut().zip(test.data.chunks_exact(samples)).enumerate()
    {
        *to = match *from {
            _ if comparison.differs(i % test.width, i / test.width) => DIFFERS,
            [r, g, b] if test.channels == Channels::Bgr => [b, g, r],
            [r, g, b] => [r, g, b],
            _ => [from[0]; 3],
        };
        if !learned.counts(i) {
            *to = to.map(|v| v / 2);
        }
    }
    for defect in &comparison.defects {
        frame(&mut out, defect.rect);
    }
    out
}

/// A frame of one px, `MARGIN` outside of `rect`, cut at the borders.
fn frame(out: &mut Patch, rect: Rect) {
    let (right, bottom) = (out.width as f32 - 1.0, out.height as f32 - 1.0);
    let x0 = (rect.x - MARGIN).max(0.0) as usize;
    let y0 = (rect.y - MARGIN).max(0.0) as usize;
    let x1 = (rect.x + rect.w - 1.0 + MARGIN).min(right) as usize;
    let y1 = (rect.y + rect.h - 1.0 + MARGIN).min(bottom) as usize;
    let stride = out.stride();
    let mut dot = |x: usize, y: usize| out.data[y * stride + x * 3..][..3].copy_from_slice(&BOX);
    for x in x0..=x1 {
        dot(x, y0);
        dot(x, y1);
    }
    for y in y0..=y1 {
        dot(x0, y);
        dot(x1, y);
    }
}
