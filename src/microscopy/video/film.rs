//! The first pass over a video: every frame is decoded and counted, and what is to be said of it is collected.

use std::path::Path;
use std::time::Duration;

use gstreamer as gst;
use gstreamer_video as video;

use super::decoder::{DecodedFrame, Decoder, DecoderOptions};
use super::pixels::{self, Channels};
use super::{MAX_FRAMES, MAX_PIXELS, VideoError};
use crate::timelapse::Plane;

/// A video that ends this much before its own duration ends early.
const EARLY: f64 = 0.5;

/// What is known of a video after every frame was seen once.
#[derive(Debug)]
pub struct Film {
    /// How it is decoded, by one thread.
    pub options: DecoderOptions,
    /// Size and format of each frame.
    pub info: video::VideoInfo,
    /// The presentation time of each frame, nanoseconds; none where a frame has none.
    pub times: Option<Vec<u64>>,
    /// The checksum of each plane, frame by frame.
    sums: Vec<u32>,
    /// Numbers of frames that can be decoded without any before them, ascending.
    keys: Vec<usize>,
    /// The codec, by the tags of the file.
    pub codec: Option<String>,
    /// What a person should know of, one sentence each.
    pub assumptions: Vec<String>,
}

impl Film {
    /// Decodes all of `path` once.
    pub fn survey(path: &Path, channels: Channels, patience: Duration) -> Result<Film, VideoError> {
        let mut options = DecoderOptions { channels, upright: false, threads: 0, is_noted: true, patience };
        let mut decoder = Decoder::build(path, &options)?;
        decoder.play()?;
        let mut first = decoder.next(0)?.ok_or(VideoError::NoFrames)?;
        let turn = orientation(&decoder.tags());
        if turn.is_some() {
            drop(first);
            drop(decoder);
            options.upright = true;
            decoder = Decoder::build(path, &options)?;
            decoder.play()?;
            first = decoder.next(0)?.ok_or(VideoError::NoFrames)?;
        }
        let info = first.info.clone();
        if u64::from(info.width()) * u64::from(info.height()) > MAX_PIXELS {
            return Err(VideoError::TooLarge { width: info.width().into(), height: info.height().into() });
        }
        let mut film = Film {
            options: DecoderOptions { threads: 1, is_noted: false, ..options },
            info,
            times: Some(Vec::new()),
            sums: Vec::new(),
            keys: Vec::new(),
            codec: None,
            assumptions: Vec::new(),
        };
        let cut_off = film.count(&mut decoder, first)?;
        film.describe(&decoder, turn.as_deref(), cut_off);
        Ok(film)
    }

    /// Counts the frames from `next` on. Returns the fault that ended the video early.
    fn count(
        &mut self,
        decoder: &mut Decoder,
        first: DecodedFrame,
    ) -> Result<Option<VideoError>, VideoError> {
        let mut next = Some(first);
        let mut plane = Plane::empty();
        let mut frame = 0;
        while let Some(decoded) = next {
            if frame == MAX_FRAMES {
                return Err(VideoError::TooLong);
            }
            self.check(&decoded, frame)?;
            for channel in 0..self.options.channels.count() {
                let read = pixels::extract(&decoded, self.options.channels, channel, &mut plane);
                read.ok_or(VideoError::Unmappable { frame })?;
                self.sums.push(pixels::checksum(&plane));
            }
            match (&mut self.times, decoded.time) {
                (Some(times), Some(time)) => times.push(time),
                (times, _) => *times = None,
            }
            frame += 1;
            next = match decoder.next(frame) {
                Ok(decoded) => decoded,
                Err(fault @ VideoError::Hangs { .. }) => return Err(fault),
                Err(fault) => return Ok(Some(fault)),
            };
        }
        Ok(None)
    }

    /// Refuses a frame of another size or format than the first.
    pub fn check(&self, decoded: &DecodedFrame, frame: usize) -> Result<(), VideoError> {
        let kind = |info: &video::VideoInfo| (info.width(), info.height(), info.format());
        if kind(&decoded.info) == kind(&self.info) {
            return Ok(());
        }
        let shown =
            |info: &video::VideoInfo| format!("{} x {}, {}", info.width(), info.height(), info.name());
        Err(VideoError::Mixed { frame, this: shown(&decoded.info), first: shown(&self.info) })
    }

    /// Collects what is to be said of the video.
    fn describe(&mut self, decoder: &Decoder, turn: Option<&str>, cut_off: Option<VideoError>) {
        let mut notes = decoder.notes().lock();
        let frames = self.frames();
        self.codec = decoder
            .tags()
            .iter()
            .find_map(|tags| tags.get::<gst::tags::VideoCodec>().map(|codec| codec.get().to_owned()));
        let coded = std::mem::take(&mut notes.keys);
        if let Some(times) = self.times.as_ref().filter(|times| times.is_sorted_by(|a, b| a < b)) {
            self.keys = coded.iter().filter_map(|key| times.binary_search(key).ok()).collect();
            self.keys.sort_unstable();
            // What comes without a decoder can be read from anywhere.
            if notes.coded == 0 {
                self.keys = (0..frames).collect();
            }
        }
        let mut add = |text: String| self.assumptions.push(text);
        if self.options.channels == Channels::Luma && !self.info.format_info().is_gray() {
            let kind = if self.info.format_info().is_rgb() { "computed from" } else { "stored beside" };
            add(format!(
                "the video is in colour ({}): one channel is its brightness, {kind} its colours (--axes TC gives \
                 red, green and blue)",
                self.info.name()
            ));
        }
        if let Some(turn) = turn {
            add(format!("the frames are turned as the video asks ({turn})"));
        }
        if notes.other_streams > 0 {
            add(format!("the first of {} video streams is read", notes.other_streams + 1));
        }
        if self.info.is_interlaced() {
            add("the video is interlaced: both fields of a frame are one picture".to_owned());
        }
        let par = self.info.par();
        if par.numer() != par.denom() {
            add(format!(
                "the pixels are not square ({} : {}), and are taken as they are",
                par.numer(),
                par.denom()
            ));
        }
        match &self.times {
            None => add("not every frame has a time stamp: none is used".to_owned()),
            Some(times) if !times.is_sorted_by(|a, b| a < b) => {
                add("frames have the same or earlier time stamps as those in front of them".to_owned());
            }
            Some(_) => {}
        }
        if let Some(fault) = cut_off {
            add(format!("the video breaks off after {frames} frames, which are used: {fault}"));
        } else if let Some((end, duration)) = ends_early(self.times.as_deref(), decoder.duration()) {
            add(format!(
                "the file lasts {duration:.3} s by its own words and its last frame ends at {end:.3} s: it may be cut off"
            ));
        }
        if notes.coded > frames {
            let missing = notes.coded - frames;
            add(format!(
                "{missing} of {} coded pictures gave no frame: they are hidden or damaged",
                notes.coded
            ));
        }
        if notes.warnings.0 > 0 {
            add(format!("the decoder warned {} times, first: {}", notes.warnings.0, notes.warnings.1));
        }
    }

    /// The number of frames.
    pub fn frames(&self) -> usize {
        self.sums.len() / self.options.channels.count()
    }

    /// Whether a plane is the one that was seen in the first pass.
    pub fn is_same(&self, frame: usize, channel: usize, plane: &Plane) -> bool {
        self.sums.get(frame * self.options.channels.count() + channel) == Some(&pixels::checksum(plane))
    }

    /// The number of a frame, by its time.
    pub fn number_of(&self, decoded: &DecodedFrame) -> Option<usize> {
        self.times.as_ref()?.binary_search(&decoded.time?).ok()
    }

    /// How many frames are decoded to reach `frame` by a seek, and its time, nanoseconds; `None` where time stamps do
    /// not name frames.
    pub fn seek_cost(&self, frame: usize) -> Option<(usize, u64)> {
        let key = self.keys.partition_point(|key| *key <= frame).checked_sub(1)?;
        Some((frame - self.keys[key], *self.times.as_ref()?.get(frame)?))
    }
}

/// The orientation that the tags ask for, if it is not the usual one.
fn orientation(tags: &[gst::TagList]) -> Option<String> {
    let all = tags.iter().filter_map(|tags| tags.get::<gst::tags::ImageOrientation>());
    all.map(|value| value.get().to_owned()).find(|value| value != "rotate-0")
}

/// Where the last frame ends and how long the file lasts, seconds, if it seems to be cut off.
fn ends_early(times: Option<&[u64]>, duration: Option<u64>) -> Option<(f64, f64)> {
    let (times, duration) = (times?, duration? as f64 / 1e9);
    let (first, last) = (*times.first()? as f64 / 1e9, *times.last()? as f64 / 1e9);
    let gaps = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]) as f64 / 1e9);
    let gap = gaps.fold(0.0, f64::max);
    let end = last + if times.len() > 1 { gap } else { duration - first };
    (duration > end + gap.max(EARLY)).then_some((end, duration))
}
