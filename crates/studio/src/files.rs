//! Finished pictures as files: written aside, synced, renamed, and named by their content.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ocellus_image::Channels;
use ocellus_image::jpeg::RowEncoder;
use png::{BitDepth, ColorType, Compression, StreamWriter};
use sha2::{Digest, Sha256};

use crate::aside::AsideFile;
use crate::{Picture, RowSink, StudioError, Watch};

/// Bytes of a chunk of PNG data.
const CHUNK: usize = 64 << 10;

/// The kind of file that is written. Neither holds any metadata: pixels are upright and in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Lossless, 8 bits a sample, with alpha where the picture has it.
    Png,
    /// Baseline JPEG without alpha; quality 1 to 100, from 90 on without chroma subsampling.
    Jpeg {
        /// Quality as libjpeg counts it, 1 to 100.
        quality: u8,
    },
}

impl FileFormat {
    /// The extension of its files.
    pub fn extension(self) -> &'static str {
        match self {
            FileFormat::Png => "png",
            FileFormat::Jpeg { .. } => "jpg",
        }
    }
}

/// Where a picture is written: `FOLDER/STEM-DIGEST.EXTENSION`.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The folder, which must exist.
    pub folder: &'a Path,
    /// How the name begins: at most 120 bytes, no `/`, no control characters, no `.` at its beginning.
    pub stem: &'a str,
    /// The kind of file.
    pub format: FileFormat,
}

/// A picture that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedPicture {
    /// Path of the file.
    pub path: PathBuf,
    /// SHA-256 of the file, as hexadecimal digits; its name has the first 16.
    pub sha256: String,
    /// Length of the file, bytes.
    pub bytes: u64,
    /// Width of the picture, px.
    pub width: usize,
    /// Height of the picture, px.
    pub height: usize,
}

/// Writes rows into a file beside its final place; [`PictureWriter::finish`] gives it its name. Dropped without that, it
/// leaves nothing behind.
pub struct PictureWriter {
    encoder: Option<Encoder>,
    shared: Shared,
    aside: AsideFile,
    format: FileFormat,
    size: [usize; 2],
    channels: usize,
    rows: usize,
}

enum Encoder {
    Png(Box<StreamWriter<'static, Shared>>),
    Jpeg(Box<RowEncoder<Shared>>),
}

impl PictureWriter {
    /// Begins a file for a picture of `size` px with 3 (RGB) or 4 (RGBA) channels.
    ///
    /// # Errors
    /// A name that is none, alpha in a JPEG, a size that the format does not have, a folder that cannot be written.
    pub fn create(
        target: &Target<'_>,
        size: [usize; 2],
        channels: usize,
    ) -> Result<PictureWriter, StudioError> {
        let [width, height] = size;
        if channels == 4 && target.format != FileFormat::Png {
            return Err(StudioError::AlphaInJpeg);
        }
        let aside = AsideFile::new(target.folder, target.stem)?;
        let file = aside.create()?;
        let shared = Shared(Arc::new(Mutex::new(Output {
            file: BufWriter::with_capacity(CHUNK, file),
            digest: Sha256::new(),
            bytes: 0,
        })));
        let encoder = match target.format {
            FileFormat::Png => {
                let mut png = png::Encoder::new(shared.clone(), width as u32, height as u32);
                png.set_color(if channels == 4 { ColorType::Rgba } else { ColorType::Rgb });
                png.set_depth(BitDepth::Eight);
                png.set_compression(Compression::Fast);
                let rows = png.write_header()?.into_stream_writer_with_size(CHUNK)?;
                Encoder::Png(Box::new(rows))
            }
            FileFormat::Jpeg { quality } => {
                Encoder::Jpeg(Box::new(RowEncoder::new(shared.clone(), size, Channels::Rgb, quality)?))
            }
        };
        let format = target.format;
        Ok(PictureWriter { encoder: Some(encoder), shared, aside, format, size, channels, rows: 0 })
    }

    /// Ends the file, syncs it and gives it its name. A file of that name has the same content, and is replaced.
    ///
    /// # Errors
    /// Rows are missing, or the file cannot be written.
    pub fn finish(mut self) -> Result<SavedPicture, StudioError> {
        let [width, height] = self.size;
        if self.rows != height {
            return Err(StudioError::Rows { fault: format!("{} of {height} rows were written", self.rows) });
        }
        match self.encoder.take() {
            Some(Encoder::Png(png)) => png.finish().map_err(|error| self.aside.of_png(error))?,
            Some(Encoder::Jpeg(jpeg)) => drop(jpeg.finish().map_err(|error| self.aside.of_image(error))?),
            None => {}
        }
        let (sha256, bytes) = self.shared.finish().map_err(|source| self.aside.error(source))?;
        let path = self.aside.publish(&sha256, self.format.extension())?;
        Ok(SavedPicture { path, sha256, bytes, width, height })
    }
}

impl RowSink for PictureWriter {
    fn row(&mut self, pixels: &[u8]) -> Result<(), StudioError> {
        let need = self.size[0] * self.channels;
        if pixels.len() != need || self.rows == self.size[1] {
            let fault = format!(
                "row {} has {} bytes; {need} are expected, and {} rows",
                self.rows,
                pixels.len(),
                self.size[1]
            );
            return Err(StudioError::Rows { fault });
        }
        match &mut self.encoder {
            Some(Encoder::Png(png)) => png.write_all(pixels).map_err(|source| self.aside.error(source))?,
            Some(Encoder::Jpeg(jpeg)) => jpeg.row(pixels).map_err(|error| self.aside.of_image(error))?,
            None => {}
        }
        self.rows += 1;
        Ok(())
    }
}

impl std::fmt::Debug for PictureWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PictureWriter({}, {} of {} rows)", self.aside.path().display(), self.rows, self.size[1])
    }
}

/// Writes a picture that is in memory.
///
/// # Errors
/// As [`PictureWriter::create`] and [`PictureWriter::finish`]; cancelled.
pub fn save(picture: &Picture, target: &Target<'_>, watch: &Watch<'_>) -> Result<SavedPicture, StudioError> {
    let (width, height) = (picture.width(), picture.height());
    let mut writer = PictureWriter::create(target, [width, height], picture.channels())?;
    let mut merged = Vec::new();
    for y in 0..height {
        watch.check()?;
        match picture.alpha_row(y) {
            None => writer.row(picture.row(y))?,
            Some(alpha) => {
                merged.clear();
                let pixels = picture.row(y).chunks_exact(3).zip(alpha);
                merged.extend(pixels.flat_map(|(pixel, alpha)| [pixel[0], pixel[1], pixel[2], *alpha]));
                writer.row(&merged)?;
            }
        }
        watch.report(y + 1, height);
    }
    writer.finish()
}

/// The file under way, and what was written into it.
struct Output {
    file: BufWriter<File>,
    digest: Sha256,
    bytes: u64,
}

/// The encoder and the writer both hold the file: PNG's encoder does not give it back.
#[derive(Clone)]
struct Shared(Arc<Mutex<Output>>);

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Output) -> io::Result<T>) -> io::Result<T> {
        let mut output = self.0.lock().map_err(|_| io::Error::other("an encoder panicked"))?;
        work(&mut output)
    }

    /// Writes what is collected; gives the file's digest and length.
    fn finish(&self) -> io::Result<(String, u64)> {
        self.with(|output| {
            output.file.flush()?;
            Ok((ocellus_text::hex(output.digest.clone().finalize()), output.bytes))
        })
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|output| {
            let written = output.file.write(bytes)?;
            output.digest.update(&bytes[..written]);
            output.bytes += written as u64;
            Ok(written)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(|output| output.file.flush())
    }
}
