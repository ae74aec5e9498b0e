//! A video as an image stack: one position, its frames in time, its brightness as one channel or three colours.
//!
//! The first pass decodes every frame, counts it, and notes its time and a checksum (`film.rs`). After that a frame is
//! addressed by its number: each reader has a decoder of its own (`decoder.rs`), which goes on where the next frame is
//! near and seeks where that is shorter. Every plane is held against its checksum, so that a seek that lands wrongly
//! is noticed, and the frame is decoded from the start.

mod decoder;
mod error;
mod film;
mod pixels;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::timelapse::Plane;
use crate::timelapse::stack::{PlaneAddress, PlaneReader, PlaneSource, Position, SourceError, StackOptions};
use decoder::{DecodedFrame, Decoder};
use film::Film;
use pixels::Channels;

pub use error::VideoError;

/// Most pixels of a frame: 8,192 × 8,192. A decoder holds a dozen frames at once.
const MAX_PIXELS: u64 = 1 << 26;
/// Most frames of a video: a week at 25 frames a second.
const MAX_FRAMES: usize = 1 << 24;
/// Longest time without a frame before a decoder counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// A video whose frames were counted.
#[derive(Debug)]
pub struct Video {
    path: PathBuf,
    film: Arc<Film>,
    format: String,
    pixels: String,
    positions: Vec<Position>,
    channels: Vec<String>,
}

impl Video {
    /// Decodes `path` once. `options` may ask for its colours by the axes `TC`.
    ///
    /// # Errors
    /// Each of [`VideoError`].
    pub fn open(path: &Path, options: &StackOptions) -> Result<Video, VideoError> {
        Video::open_within(path, options, PATIENCE)
    }

    fn open_within(path: &Path, options: &StackOptions, patience: Duration) -> Result<Video, VideoError> {
        if options.pattern.is_some() {
            return Err(VideoError::Pattern);
        }
        let axes = options.axes.as_deref().map(VideoAxes::parse).transpose()?;
        let channels = axes.as_ref().map_or(Channels::Luma, |axes| axes.channels);
        let mut film = Film::survey(path, channels, patience)?;
        if let Some(axes) = axes {
            axes.check(film.frames())?;
            film.assumptions.push(format!("the axes are {}, as they were given", axes.text));
        }
        let depth = film.info.format_info().depth().first().copied().unwrap_or(8);
        let position = Position {
            name: "0".into(),
            frames: film.frames(),
            depth: 1,
            width: film.info.width() as usize,
            height: film.info.height() as usize,
            pixel_size_um: None,
            times_ms: film.times.as_ref().map(|times| times.iter().map(|ns| *ns as f64 / 1e6).collect()),
        };
        let names: &[&str] = match channels {
            Channels::Luma => &["brightness"],
            Channels::Colours => &["red", "green", "blue"],
        };
        Ok(Video {
            path: path.to_owned(),
            format: film.codec.as_ref().map_or_else(|| "video".to_owned(), |codec| format!("video, {codec}")),
            pixels: format!("{depth} bit"),
            positions: vec![position],
            channels: names.iter().map(|name| (*name).to_owned()).collect(),
            film: Arc::new(film),
        })
    }
}

impl PlaneSource for Video {
    fn format(&self) -> &str {
        &self.format
    }

    fn positions(&self) -> &[Position] {
        &self.positions
    }

    fn channels(&self) -> &[String] {
        &self.channels
    }

    fn pixels(&self) -> &str {
        &self.pixels
    }

    fn assumptions(&self) -> Vec<String> {
        self.film.assumptions.clone()
    }

    fn reader(&self) -> Result<Box<dyn PlaneReader>, SourceError> {
        let reader =
            VideoReader { path: self.path.clone(), film: self.film.clone(), decoding: None, seeks: true };
        Ok(Box::new(reader))
    }
}

/// Reads the frames of a video for one thread.
#[derive(Debug)]
struct VideoReader {
    path: PathBuf,
    film: Arc<Film>,
    decoding: Option<Decoding>,
    /// Whether seeks have led to the right frames so far.
    seeks: bool,
}

/// A decoder, and the frame that it gave last.
#[derive(Debug)]
struct Decoding {
    decoder: Decoder,
    last: DecodedFrame,
    frame: usize,
}

impl PlaneReader for VideoReader {
    fn read(&mut self, address: PlaneAddress, plane: &mut Plane) -> Result<(), SourceError> {
        let PlaneAddress { frame, channel, .. } = address;
        self.go_to(frame)?;
        if self.extract(frame, channel, plane)? {
            return Ok(());
        }
        // Some files lead a seek to pictures that need others before them. From the start there are no others.
        self.seeks = false;
        self.restart(frame)?;
        match self.extract(frame, channel, plane)? {
            true => Ok(()),
            false => Err(VideoError::Differs { frame }.into()),
        }
    }
}

impl VideoReader {
    /// Brings the decoder to `frame`, the shorter way.
    fn go_to(&mut self, frame: usize) -> Result<(), VideoError> {
        let at = self.decoding.as_ref().map_or(0, |decoding| decoding.frame);
        let forward = frame.checked_sub(at);
        match self.film.seek_cost(frame).filter(|_| self.seeks) {
            Some((cost, time)) if forward.is_none_or(|forward| forward > cost + 1) => self.seek(frame, time),
            _ if forward.is_some() && self.decoding.is_some() => self.forward(frame),
            _ => self.restart(frame),
        }
    }

    /// Decodes from the start, or goes on decoding, until `frame` is there.
    fn forward(&mut self, frame: usize) -> Result<(), VideoError> {
        let Some(decoding) = &mut self.decoding else { return self.restart(frame) };
        while decoding.frame < frame {
            let next = decoding.frame + 1;
            let Some(last) = decoding.decoder.next(next)? else {
                self.decoding = None;
                return Err(VideoError::Ended { frame });
            };
            decoding.last = last;
            decoding.frame = next;
        }
        Ok(())
    }

    fn restart(&mut self, frame: usize) -> Result<(), VideoError> {
        self.open()?;
        self.forward(frame)
    }

    /// A new decoder, at frame 0.
    fn open(&mut self) -> Result<(), VideoError> {
        self.decoding = None;
        let mut decoder = Decoder::build(&self.path, &self.film.options)?;
        decoder.play()?;
        let last = decoder.next(0)?.ok_or(VideoError::Ended { frame: 0 })?;
        self.decoding = Some(Decoding { decoder, last, frame: 0 });
        Ok(())
    }

    /// Seeks to `frame`, which is shown at `time`, nanoseconds. Where that leads elsewhere, decodes from the start.
    fn seek(&mut self, frame: usize, time: u64) -> Result<(), VideoError> {
        if self.decoding.is_none() {
            self.open()?;
        }
        let film = self.film.clone();
        if let Some(decoding) = &mut self.decoding
            && decoding.decoder.seek(frame, time)?
        {
            // Frames in front of the one that is meant may come first.
            loop {
                let last = match decoding.decoder.next(frame) {
                    Ok(Some(last)) => last,
                    Err(fault @ VideoError::Hangs { .. }) => return Err(fault),
                    _ => break,
                };
                match film.number_of(&last) {
                    Some(number) if number < frame => {}
                    Some(number) if number == frame => {
                        decoding.last = last;
                        decoding.frame = frame;
                        return Ok(());
                    }
                    _ => break,
                }
            }
        }
        self.seeks = false;
        self.restart(frame)
    }

    /// Reads a channel of the frame that is there. Whether it is the picture of the first pass.
    fn extract(&self, frame: usize, channel: usize, plane: &mut Plane) -> Result<bool, VideoError> {
        let unmappable = VideoError::Unmappable { frame };
        let Some(decoding) = &self.decoding else { return Err(unmappable) };
        self.film.check(&decoding.last, frame)?;
        let channels = self.film.options.channels;
        pixels::extract(&decoding.last, channels, channel, plane).ok_or(unmappable)?;
        Ok(self.film.is_same(frame, channel, plane))
    }
}

/// What `--axes` says of a video.
struct VideoAxes {
    text: String,
    frames: Option<usize>,
    channels: Channels,
}

impl VideoAxes {
    fn parse(text: &str) -> Result<VideoAxes, VideoError> {
        let fault = |why: &str| VideoError::Axes { axes: text.to_owned(), why: why.to_owned() };
        let upper = text.trim().to_ascii_uppercase();
        let body = upper.strip_suffix("YX").unwrap_or(&upper);
        let rest = body.strip_prefix('T').ok_or_else(|| fault("a video has frames in time first"))?;
        let (count, channels) = match rest.split_once('C') {
            None => (rest, Channels::Luma),
            Some((count, "" | "3")) => (count, Channels::Colours),
            Some((count, "1")) => (count, Channels::Luma),
            Some(_) => return Err(fault("a video has one channel or three")),
        };
        let frames = match count {
            "" => None,
            count => Some(count.parse().map_err(|_| fault("a video has frames and channels alone"))?),
        };
        Ok(VideoAxes { text: text.to_owned(), frames, channels })
    }

    fn check(&self, frames: usize) -> Result<(), VideoError> {
        match self.frames {
            Some(asked) if asked != frames => {
                let why = format!("the video has {frames} frames");
                Err(VideoError::Axes { axes: self.text.clone(), why })
            }
            _ => Ok(()),
        }
    }
}
