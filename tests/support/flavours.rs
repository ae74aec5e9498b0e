//! The same small picture in every flavour of file, made byte by byte or by other libraries than the reader's own, and
//! what its pixels are.

use std::io::{Cursor, Write};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use image::{DynamicImage, ImageFormat};

/// Width and height as the files are stored, px: blocks of 16, so that no flavour of JPEG mixes two colours.
pub const SIZE: (usize, usize) = (64, 32);
/// Left above, right above, left below, right below.
const QUARTERS: [[u8; 3]; 4] = [[220, 40, 30], [30, 200, 60], [40, 60, 210], [240, 230, 220]];

/// One file, and the pixels that it holds.
pub struct Flavour {
    pub name: String,
    pub file: Vec<u8>,
    pub truth: Truth,
    /// How far a sample may be off: JPEG loses a little.
    pub tolerance: u8,
    /// Whether something in it is less than opaque.
    pub see_through: bool,
}

/// Upright pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    pub width: usize,
    pub height: usize,
    /// 1 (grey) or 3 (RGB).
    pub channels: usize,
    pub data: Vec<u8>,
}

impl Truth {
    /// Asserts that a picture is this one. Where samples may be off, those beside an edge are left out: most JPEGs hold
    /// their colours at half the size.
    pub fn assert_is(&self, name: &str, (width, height): (usize, usize), data: &[u8], tolerance: u8) {
        assert_eq!((width, height), (self.width, self.height), "{name}: its size");
        assert_eq!(data.len(), self.data.len(), "{name}: grey or RGB");
        let compared = (0..data.len()).filter(|at| tolerance <= 2 || !self.is_beside_edge(*at));
        let worst = compared.map(|at| self.data[at].abs_diff(data[at])).max().expect("a sample");
        assert!(worst <= tolerance, "{name}: off by {worst}, where {tolerance} is allowed");
    }

    /// Whether the picture changes sharply within 2 px of sample `at`.
    fn is_beside_edge(&self, at: usize) -> bool {
        let px = at / self.channels;
        let (x, y) = ((px % self.width) as isize, (px / self.width) as isize);
        let colour = |px: usize| &self.data[px * self.channels..][..self.channels];
        let differs = |dx: isize, dy: isize| {
            let x = (x + dx).clamp(0, self.width as isize - 1) as usize;
            let y = (y + dy).clamp(0, self.height as isize - 1) as usize;
            colour(px).iter().zip(colour(y * self.width + x)).any(|(a, b)| a.abs_diff(*b) > 30)
        };
        (-2..=2).any(|dy| (-2..=2).any(|dx| differs(dx, dy)))
    }

    /// As EXIF's orientation 1 to 8 shows what is stored: TIFF 6.0, tag 274 (where row 0 and column 0 of the file are).
    fn turned(&self, orientation: u8) -> Truth {
        let swaps = orientation >= 5;
        let (width, height) = if swaps { (self.height, self.width) } else { (self.width, self.height) };
        let mut data = Vec::with_capacity(self.data.len());
        for y in 0..height {
            for x in 0..width {
                let (w, h) = (self.width, self.height);
                let (from_x, from_y) = match orientation {
                    1 => (x, y),
                    2 => (w - 1 - x, y),
                    3 => (w - 1 - x, h - 1 - y),
                    4 => (x, h - 1 - y),
                    5 => (y, x),
                    6 => (y, h - 1 - x),
                    7 => (w - 1 - y, h - 1 - x),
                    _ => (w - 1 - y, x),
                };
                let at = (from_y * w + from_x) * self.channels;
                data.extend_from_slice(&self.data[at..at + self.channels]);
            }
        }
        Truth { width, height, channels: self.channels, data }
    }
}

/// The stored picture in RGB.
pub fn rgb() -> Truth {
    let (width, height) = SIZE;
    let quarter = |x, y| QUARTERS[usize::from(x >= width / 2) + 2 * usize::from(y >= height / 2)];
    let data = (0..height).flat_map(|y| (0..width).flat_map(move |x| quarter(x, y))).collect();
    Truth { width, height, channels: 3, data }
}

/// A grey picture: a step for each of the values that `depth` bits can tell, at most 64.
fn grey(depth: u32) -> (Truth, Vec<u32>) {
    let (width, height) = SIZE;
    let most = (1u32 << depth) - 1;
    let stored: Vec<u32> = (0..height)
        .flat_map(|_| (0..width as u32).map(move |x| (u64::from(x) * u64::from(most) / 63) as u32))
        .collect();
    let data = stored.iter().map(|v| ((*v as f64) * 255.0 / f64::from(most)).round() as u8).collect();
    (Truth { width, height, channels: 1, data }, stored)
}

/// A PNG of chunks between its signature and IEND.
fn png(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in chunks.iter().chain(&[(b"IEND", Vec::new())]) {
        file.extend((data.len() as u32).to_be_bytes());
        let mut crc = Crc::new();
        for part in [&kind[..], data] {
            crc.update(part);
            file.extend(part);
        }
        file.extend(crc.sum().to_be_bytes());
    }
    file
}

pub fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// IHDR of a picture of `SIZE`.
pub fn ihdr(
    (width, height): (usize, usize),
    depth: u8,
    colour: u8,
    interlaced: bool,
) -> (&'static [u8; 4], Vec<u8>) {
    let mut data = (width as u32).to_be_bytes().to_vec();
    data.extend((height as u32).to_be_bytes());
    data.extend([depth, colour, 0, 0, u8::from(interlaced)]);
    (b"IHDR", data)
}

/// IDAT of rows of packed samples.
fn idat(rows: impl Iterator<Item = Vec<u8>>) -> (&'static [u8; 4], Vec<u8>) {
    let raw: Vec<u8> = rows.flat_map(|row| std::iter::once(0).chain(row)).collect();
    (b"IDAT", zlib(&raw))
}

/// Rows of `depth` bits a sample from whole samples, `per_row` of them each.
fn rows(samples: &[u32], per_row: usize, depth: u32) -> impl Iterator<Item = Vec<u8>> {
    samples.chunks(per_row).map(move |row| {
        let mut bits: Vec<u8> = Vec::new();
        for sample in row {
            bits.extend((0..depth).rev().map(|bit| (sample >> bit & 1) as u8));
        }
        bits.chunks(8).map(|byte| byte.iter().enumerate().map(|(at, bit)| bit << (7 - at)).sum()).collect()
    })
}

fn wide(bytes: &[u8]) -> Vec<u32> {
    bytes.iter().map(|byte| u32::from(*byte)).collect()
}

/// The rows of Adam7's seven passes over RGB samples (PNG, 8.2).
fn adam7(picture: &Truth) -> Vec<Vec<u8>> {
    let passes =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
    let mut rows = Vec::new();
    for (x0, y0, dx, dy) in passes {
        for y in (y0..picture.height).step_by(dy) {
            let px = (x0..picture.width).step_by(dx);
            rows.push(px.flat_map(|x| picture.data[(y * picture.width + x) * 3..][..3].to_vec()).collect());
        }
    }
    rows
}

/// An EXIF block that says how the camera was held, without JPEG's "Exif\0\0".
fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    exif
}

/// `jpeg` with an APPn segment behind its first two bytes.
pub fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let mut file = jpeg[..2].to_vec();
    file.extend([0xFF, marker]);
    file.extend((body.len() as u16 + 2).to_be_bytes());
    file.extend(body);
    file.extend(&jpeg[2..]);
    file
}

fn encoded(picture: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn as_rgb(truth: &Truth) -> DynamicImage {
    image::RgbImage::from_raw(truth.width as u32, truth.height as u32, truth.data.clone()).unwrap().into()
}

/// libjpeg-turbo's encoder; `samples` a pixel as `format` says.
pub fn turbo(
    samples: &[u8],
    format: turbojpeg::PixelFormat,
    subsamp: turbojpeg::Subsamp,
    progressive: bool,
) -> Vec<u8> {
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_quality(97).unwrap();
    compressor.set_subsamp(subsamp).unwrap();
    compressor.set_progressive(progressive).unwrap();
    let ((width, height), size) = (SIZE, format.size());
    let image = turbojpeg::Image { pixels: samples, width, pitch: width * size, height, format };
    compressor.compress_to_vec(image).unwrap()
}

/// Display P3 to sRGB in f64 (IEC 61966-2-1 curve; matrices of CSS Color 4).
fn from_p3(value: &[u8]) -> [u8; 3] {
    let linear = |v: u8| {
        let v = f64::from(v) / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    };
    let coded = |v: f64| {
        let v = v.clamp(0.0, 1.0);
        let v = if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
        (v * 255.0).round() as u8
    };
    let [r, g, b] = [0, 1, 2].map(|at| linear(value[at]));
    [
        coded(1.224_940_18 * r - 0.224_940_18 * g),
        coded(-0.042_056_95 * r + 1.042_056_95 * g),
        coded(-0.019_637_55 * r - 0.078_636_05 * g + 1.098_273_6 * b),
    ]
}

fn flavour(name: &str, file: Vec<u8>, truth: &Truth, tolerance: u8) -> Flavour {
    Flavour { name: name.into(), file, truth: truth.clone(), tolerance, see_through: false }
}

/// Every flavour that has a meaning for all of our ways in.
pub fn all() -> Vec<Flavour> {
    let mut all = pngs();
    all.extend(jpegs());
    let rgb = rgb();
    all.push(flavour("colour.bmp", encoded(as_rgb(&rgb), ImageFormat::Bmp), &rgb, 0));
    let rgba = DynamicImage::from(as_rgb(&rgb).to_rgba8());
    all.push(flavour("opaque.bmp", encoded(rgba, ImageFormat::Bmp), &rgb, 0));
    all
}

fn pngs() -> Vec<Flavour> {
    let (rgb, (width, _)) = (rgb(), SIZE);
    let plain = |depth, colour| ihdr(SIZE, depth, colour, false);
    let mut all = Vec::new();
    for depth in [1, 2, 4, 8, 16] {
        let (truth, stored) = grey(depth);
        let file = png(&[plain(depth as u8, 0), idat(rows(&stored, width, depth))]);
        all.push(flavour(&format!("grey-{depth}.png"), file, &truth, 0));
    }
    let samples = wide(&rgb.data);
    all.push(flavour("colour.png", png(&[plain(8, 2), idat(rows(&samples, 3 * width, 8))]), &rgb, 0));
    // Not only multiples of 257: 100 less is still nearer to the same step than to the one below.
    let deep: Vec<u32> = samples.iter().map(|v| (v * 257).saturating_sub(100)).collect();
    all.push(flavour("colour-16.png", png(&[plain(16, 2), idat(rows(&deep, 3 * width, 16))]), &rgb, 0));
    let indices: Vec<u32> = rgb
        .data
        .chunks(3)
        .map(|px| QUARTERS.iter().position(|colour| colour == px).unwrap() as u32)
        .collect();
    let palette = (b"PLTE", QUARTERS.concat());
    for depth in [2, 4, 8] {
        let file = png(&[plain(depth, 3), palette.clone(), idat(rows(&indices, width, u32::from(depth)))]);
        all.push(flavour(&format!("palette-{depth}.png"), file, &rgb, 0));
    }
    let interlaced = png(&[ihdr(SIZE, 8, 2, true), idat(adam7(&rgb).into_iter())]);
    all.push(flavour("interlaced.png", interlaced, &rgb, 0));
    let opaque: Vec<u32> = samples.chunks(3).flat_map(|px| [px[0], px[1], px[2], 255]).collect();
    all.push(flavour("opaque.png", png(&[plain(8, 6), idat(rows(&opaque, 4 * width, 8))]), &rgb, 0));
    let glass: Vec<u32> = samples.chunks(3).flat_map(|px| [px[0], px[1], px[2], 90]).collect();
    let file = png(&[plain(8, 6), idat(rows(&glass, 4 * width, 8))]);
    all.push(Flavour { see_through: true, ..flavour("glass.png", file, &rgb, 0) });
    let file = png(&[plain(8, 3), palette, (b"tRNS", vec![255, 0]), idat(rows(&indices, width, 8))]);
    all.push(Flavour { see_through: true, ..flavour("glass-palette.png", file, &rgb, 0) });
    let (truth, stored) = grey(8);
    let glass: Vec<u32> = stored.iter().flat_map(|v| [*v, 200]).collect();
    let file = png(&[plain(8, 4), idat(rows(&glass, 2 * width, 8))]);
    all.push(Flavour { see_through: true, ..flavour("glass-grey.png", file, &truth, 0) });
    for orientation in 1..=8 {
        let pixels = idat(rows(&samples, 3 * width, 8));
        let file = png(&[plain(8, 2), (b"eXIf", exif(orientation)), pixels]);
        all.push(flavour(&format!("turned-{orientation}.png"), file, &rgb.turned(orientation), 0));
    }
    all.extend(profiled(&rgb, &samples));
    all
}

fn profiled(rgb: &Truth, samples: &[u32]) -> Vec<Flavour> {
    let (plain, width) = (ihdr(SIZE, 8, 2, false), SIZE.0);
    let with = |profile: &[u8]| {
        let chunk = [b"profile\0\0".as_slice(), &zlib(profile)].concat();
        png(&[plain.clone(), (b"iCCP", chunk), idat(rows(samples, 3 * width, 8))])
    };
    let p3 = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let converted = Truth { data: rgb.data.chunks(3).flat_map(from_p3).collect(), ..rgb.clone() };
    let srgb = moxcms::ColorProfile::new_srgb().encode().unwrap();
    vec![
        flavour("p3.png", with(&p3), &converted, 2),
        flavour("srgb.png", with(&srgb), rgb, 0),
        flavour("bad-profile.png", with(b"this is no profile"), rgb, 0),
        // Longer than any that is read: as if it were not there.
        flavour("long-profile.png", with(&vec![0; 100 << 20]), rgb, 0),
    ]
}

fn jpegs() -> Vec<Flavour> {
    use turbojpeg::{PixelFormat, Subsamp};
    let rgb = rgb();
    let colour = |subsamp, progressive| turbo(&rgb.data, PixelFormat::RGB, subsamp, progressive);
    let baseline = colour(Subsamp::Sub2x2, false);
    let mut all = vec![
        flavour("baseline.jpg", baseline.clone(), &rgb, 4),
        flavour("full.jpg", colour(Subsamp::None, false), &rgb, 4),
        flavour("progressive.jpg", colour(Subsamp::Sub2x2, true), &rgb, 4),
        flavour("other-encoder.jpg", encoded(as_rgb(&rgb), ImageFormat::Jpeg), &rgb, 12),
    ];
    let (truth, _) = grey(8);
    all.push(flavour("grey.jpg", turbo(&truth.data, PixelFormat::GRAY, Subsamp::Gray, false), &truth, 4));
    // As Adobe's programs write it: what is left of the light, here without black.
    let light: Vec<u8> = rgb.data.chunks(3).flat_map(|px| [px[0], px[1], px[2], 255]).collect();
    all.push(flavour("ycck.jpg", turbo(&light, PixelFormat::CMYK, Subsamp::None, false), &rgb, 6));
    for orientation in 1..=8 {
        let body = [b"Exif\0\0".as_slice(), &exif(orientation)].concat();
        let file = with_segment(&baseline, 0xE1, &body);
        all.push(flavour(&format!("turned-{orientation}.jpg"), file, &rgb.turned(orientation), 4));
    }
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let body = [b"ICC_PROFILE\0\x01\x01".as_slice(), &profile].concat();
    let converted = Truth { data: rgb.data.chunks(3).flat_map(from_p3).collect(), ..rgb };
    all.push(flavour("p3.jpg", with_segment(&baseline, 0xE2, &body), &converted, 6));
    all
}
