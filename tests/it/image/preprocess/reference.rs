//! The same result the slow way: floating point, one output value at a time, every tap summed in two dimensions.

use ocellus::image::{Channels, Target};
use ocellus::types::{Fit, Matrix, PixelFormat, Planes, Range, Rect, Resize};

/// Every element before rounding and saturation, in tensor order; `None` in the bars.
pub fn tensor(target: &Target, planes: &Planes<'_>, region: Rect) -> Vec<Option<f64>> {
    let (w, h) = (f64::from(region.w), f64::from(region.h));
    let (width, height) = match target.fit {
        Fit::Stretch => (target.width, target.height),
        Fit::Letterbox => {
            let scale = (target.width as f64 / w).min(target.height as f64 / h);
            let round = |px: f64, max: usize| ((px * scale).round() as usize).clamp(1, max);
            (round(w, target.width), round(h, target.height))
        }
    };
    let (left, top) = ((target.width - width) / 2, (target.height - height) / 2);
    let mut out = Vec::new();
    for y in 0..target.height {
        for x in 0..target.width {
            let inside = (left..left + width).contains(&x) && (top..top + height).contains(&y);
            if inside {
                let at = (x - left, y - top);
                out.extend(pixel(target, planes, region, (width, height), at).into_iter().map(Some));
            } else {
                out.extend(vec![None; target.channels.count()]);
            }
        }
    }
    out
}

fn pixel(
    target: &Target,
    planes: &Planes<'_>,
    region: Rect,
    window: (usize, usize),
    at: (usize, usize),
) -> Vec<f64> {
    let sample = |channel| channel_value(target.resize, planes, region, window, at, channel);
    let yuv = matches!(planes.format, PixelFormat::Nv12 | PixelFormat::I420 | PixelFormat::Yuy2);
    let rgb = match planes.format {
        PixelFormat::Gray8 => [sample(0); 3],
        _ if yuv => to_rgb(planes, sample(0), sample(1), sample(2)),
        _ => [sample(0), sample(1), sample(2)],
    };
    let value = |c: usize| rgb[c].clamp(0.0, 255.0);
    match target.channels {
        Channels::Rgb => vec![value(0), value(1), value(2)],
        Channels::Bgr => vec![value(2), value(1), value(0)],
        Channels::Gray if yuv => vec![to_rgb(planes, sample(0), 128.0, 128.0)[0].clamp(0.0, 255.0)],
        Channels::Gray if planes.format == PixelFormat::Gray8 => vec![value(0)],
        Channels::Gray => vec![0.299 * value(0) + 0.587 * value(1) + 0.114 * value(2)],
    }
}

/// Textbook conversion: to the analogue signals (Y' 0..1, Pb and Pr −½..½), then to R'G'B'.
fn to_rgb(planes: &Planes<'_>, y: f64, u: f64, v: f64) -> [f64; 3] {
    let (kr, kb) = match planes.colour.matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
    };
    let (y, pb, pr) = match planes.colour.range {
        Range::Limited => ((y - 16.0) / 219.0, (u - 128.0) / 224.0, (v - 128.0) / 224.0),
        Range::Full => (y / 255.0, (u - 128.0) / 255.0, (v - 128.0) / 255.0),
    };
    let r = y + 2.0 * (1.0 - kr) * pr;
    let b = y + 2.0 * (1.0 - kb) * pb;
    let g = (y - kr * r - kb * b) / (1.0 - kr - kb);
    [r * 255.0, g * 255.0, b * 255.0]
}

/// A channel (Y, U, V or R, G, B) at an output pixel, resampled.
fn channel_value(
    resize: Resize,
    planes: &Planes<'_>,
    region: Rect,
    (columns, rows): (usize, usize),
    (x, y): (usize, usize),
    channel: usize,
) -> f64 {
    let [rx, ry, rw, rh] = [region.x, region.y, region.w, region.h].map(f64::from);
    let chroma = channel > 0;
    let half_x = chroma && matches!(planes.format, PixelFormat::Nv12 | PixelFormat::I420 | PixelFormat::Yuy2);
    let half_y = chroma && matches!(planes.format, PixelFormat::Nv12 | PixelFormat::I420);
    let site = if planes.colour.range == Range::Limited { 0.25 } else { 0.0 };
    let (ox, sx, width) = if half_x {
        (rx / 2.0 + site, rw / 2.0 / columns as f64, planes.width.div_ceil(2))
    } else {
        (rx, rw / columns as f64, planes.width)
    };
    let (oy, sy, height) = if half_y {
        (ry / 2.0, rh / 2.0 / rows as f64, planes.height.div_ceil(2))
    } else {
        (ry, rh / rows as f64, planes.height)
    };
    let across = weights(resize, width, ox + (x as f64 + 0.5) * sx, sx);
    let down = weights(resize, height, oy + (y as f64 + 0.5) * sy, sy);
    let mut sum = 0.0;
    for &(row, row_weight) in &down {
        for &(column, weight) in &across {
            sum += row_weight * weight * f64::from(byte(planes, channel, column, row));
        }
    }
    sum
}

/// Samples and weights of a triangle filter around `centre`.
fn weights(resize: Resize, size: usize, centre: f64, scale: f64) -> Vec<(usize, f64)> {
    if centre < 0.0 {
        return vec![(0, 1.0)];
    }
    if centre > size as f64 {
        return vec![(size - 1, 1.0)];
    }
    let support = if resize == Resize::Antialias { scale.max(1.0) } else { 1.0 };
    let raw = (0..size).map(|i| (i, 1.0 - (i as f64 + 0.5 - centre).abs() / support));
    let weights: Vec<_> = raw.filter(|(_, weight)| *weight > 0.0).collect();
    let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
    weights.into_iter().map(|(i, weight)| (i, weight / sum)).collect()
}

fn byte(planes: &Planes<'_>, channel: usize, column: usize, row: usize) -> u8 {
    let (plane, at) = match (planes.format, channel) {
        (PixelFormat::Nv12, 1 | 2) => (1, 2 * column + channel - 1),
        (PixelFormat::I420, _) => (channel, column),
        (PixelFormat::Yuy2, 1) => (0, 4 * column + 1),
        (PixelFormat::Yuy2, 2) => (0, 4 * column + 3),
        (PixelFormat::Yuy2, _) => (0, 2 * column),
        (PixelFormat::Rgb, _) => (0, 3 * column + channel),
        (PixelFormat::Bgr, _) => (0, 3 * column + 2 - channel),
        (PixelFormat::Rgba, _) => (0, 4 * column + channel),
        (PixelFormat::Nv12 | PixelFormat::Gray8, _) => (0, column),
    };
    planes.data[plane][row * planes.stride[plane] + at]
}
