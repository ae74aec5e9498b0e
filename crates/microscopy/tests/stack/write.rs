//! What is written is read back, plane by plane, and faults of the caller and of the disk are errors.

use std::fs::File;
use std::io::{BufWriter, Cursor, Write};
use std::path::Path;

use ocellus_microscopy::stack::{PixelKind, PlanePixels, Stack, StackWriter, WriteError, WriteSettings};
use ocellus_microscopy::{Pixels, Plane};

use super::support::{assumed, open, values};

fn settings(pixels: PixelKind) -> WriteSettings {
    WriteSettings {
        name: "Pos \u{b5} <1> & \"2\"".to_owned(),
        width: 33,
        height: 17,
        frames: 3,
        depth: 2,
        channels: vec!["phase".to_owned(), "GFP \u{3b1}".to_owned()],
        pixels,
        pixel_size_um: Some([0.65, 0.5]),
        times_ms: Some(vec![0.0, 1_800_000.0, 3_600_000.5]),
        compress: false,
    }
}

/// A value that differs from plane to plane and pixel to pixel.
fn value(plane: usize, pixel: usize) -> usize {
    (plane * 7919 + pixel * 31) % 60_000
}

fn write(path: &Path, settings: &WriteSettings) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    let mut writer = StackWriter::new(&mut out, settings.clone()).unwrap();
    let size = settings.width * settings.height;
    for plane in 0..settings.frames * settings.channels.len() * settings.depth {
        match settings.pixels {
            PixelKind::U8 => {
                let pixels: Vec<_> = (0..size).map(|pixel| value(plane, pixel) as u8).collect();
                writer.write(PlanePixels::U8(&pixels)).unwrap();
            }
            PixelKind::U16 => {
                let pixels = (0..size).map(|pixel| value(plane, pixel) as u16).collect();
                let plane =
                    Plane { width: settings.width, height: settings.height, pixels: Pixels::U16(pixels) };
                writer.write(PlanePixels::from(&plane)).unwrap();
            }
            PixelKind::F32 => {
                let pixels: Vec<_> = (0..size).map(|pixel| value(plane, pixel) as f32 / 8.0).collect();
                writer.write(PlanePixels::F32(&pixels)).unwrap();
            }
        }
    }
    writer.finish().unwrap();
    out.flush().unwrap();
}

fn is_what_was_written(stack: &Stack, settings: &WriteSettings) {
    assert_eq!(assumed(stack), Vec::<String>::new());
    assert_eq!(stack.channels(), settings.channels);
    let position = &stack.positions()[0];
    assert_eq!(position.name, settings.name);
    assert_eq!((position.frames, position.depth), (settings.frames, settings.depth));
    assert_eq!(position.pixel_size_um, settings.pixel_size_um);
    assert_eq!(position.times_ms, settings.times_ms);
    for frame in 0..settings.frames {
        for channel in 0..settings.channels.len() {
            for z in 0..settings.depth {
                let plane = (frame * settings.channels.len() + channel) * settings.depth + z;
                let expected: Vec<f64> = (0..settings.width * settings.height)
                    .map(|pixel| match settings.pixels {
                        PixelKind::U8 => f64::from(value(plane, pixel) as u8),
                        PixelKind::U16 => value(plane, pixel) as f64,
                        PixelKind::F32 => value(plane, pixel) as f64 / 8.0,
                    })
                    .collect();
                assert_eq!(
                    values(stack, 0, channel, frame, z),
                    expected,
                    "frame {frame}, channel {channel}, z {z}"
                );
            }
        }
    }
}

#[test]
fn planes_of_every_kind_are_read_back_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    for pixels in [PixelKind::U8, PixelKind::U16, PixelKind::F32] {
        for compress in [false, true] {
            let settings = WriteSettings { compress, ..settings(pixels) };
            let path = folder.path().join(format!("{pixels:?}_{compress}.ome.tif"));
            write(&path, &settings);
            is_what_was_written(&open(&path).unwrap(), &settings);
        }
    }
}

#[test]
fn a_stack_without_times_and_sizes_has_none_after_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.ome.tif");
    let settings =
        WriteSettings { pixel_size_um: None, times_ms: None, compress: true, ..settings(PixelKind::U16) };
    write(&path, &settings);
    is_what_was_written(&open(&path).unwrap(), &settings);
}

/// Takes everything and keeps nothing but the length: a file of 5 GB in a test.
struct Length {
    at: u64,
    length: u64,
    head: Vec<u8>,
}

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.at < 16 {
            self.head.resize(16, 0);
            for (place, byte) in (self.at as usize..16).zip(bytes) {
                self.head[place] = *byte;
            }
        }
        self.at += bytes.len() as u64;
        self.length = self.length.max(self.at);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl std::io::Seek for Length {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.at = match to {
            std::io::SeekFrom::Start(at) => at,
            std::io::SeekFrom::End(by) => self.length.checked_add_signed(by).unwrap(),
            std::io::SeekFrom::Current(by) => self.at.checked_add_signed(by).unwrap(),
        };
        Ok(self.at)
    }
}

#[test]
fn more_than_four_gigabytes_are_written_as_big_tiff() {
    let (side, frames) = (8192, 40);
    let settings = WriteSettings {
        width: side,
        height: side,
        frames,
        depth: 1,
        channels: vec!["0".to_owned()],
        times_ms: None,
        ..settings(PixelKind::U16)
    };
    let mut out = Length { at: 0, length: 0, head: Vec::new() };
    let mut writer = StackWriter::new(&mut out, settings).unwrap();
    let pixels = vec![0; side * side];
    for _ in 0..frames {
        writer.write(PlanePixels::U16(&pixels)).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(out.head[2], 43, "BigTIFF has the number 43");
    assert!(out.length > 5 << 30, "{}", out.length);
}

#[test]
fn planes_that_do_not_fit_are_refused_and_a_file_without_all_planes_is_not_finished() {
    let new = |settings| StackWriter::new(Cursor::new(Vec::new()), settings);
    let mut writer = new(settings(PixelKind::U16)).unwrap();
    assert!(matches!(writer.write(PlanePixels::U8(&[0; 33 * 17])), Err(WriteError::Kind { .. })));
    assert!(matches!(writer.write(PlanePixels::U16(&[0; 33])), Err(WriteError::Size { pixels: 33, .. })));
    assert!(matches!(writer.finish(), Err(WriteError::Missing { written: 0, planes: 12 })));

    let short = WriteSettings {
        frames: 1,
        depth: 1,
        channels: vec!["0".to_owned()],
        times_ms: None,
        ..settings(PixelKind::U8)
    };
    let mut writer = new(short.clone()).unwrap();
    writer.write(PlanePixels::U8(&[0; 33 * 17])).unwrap();
    assert!(matches!(writer.write(PlanePixels::U8(&[0; 33 * 17])), Err(WriteError::TooMany { planes: 1 })));

    assert!(matches!(new(WriteSettings { frames: 0, ..short.clone() }), Err(WriteError::Shape { .. })));
    let times = WriteSettings { times_ms: Some(vec![0.0; 2]), ..short };
    assert!(matches!(new(times), Err(WriteError::Times { times: 2, frames: 1 })));
}

#[test]
fn a_full_disk_is_an_error_and_no_panic() {
    // The device that is always full.
    let out = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let result = StackWriter::new(out, settings(PixelKind::U16))
        .and_then(|mut writer| writer.write(PlanePixels::U16(&[0; 33 * 17])));
    let error = result.unwrap_err();
    assert!(error.to_string().contains("free space"), "{error}");
}
