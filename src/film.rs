//! Writes the frames of a film: encoded by GStreamer, in a container whose beginning can be played at any time. Recordings and
//! clips of jobs are such films.
//!
//! ```text
//! H.264: appsrc (I420, RGB) ▶ videoconvert ▶ encoder ▶ h264parse ▶ mp4mux, fragments of a second ▶ filesink
//! MJPEG: appsrc (JPEG) ▶ matroskamux ▶ filesink
//! ```
//!
//! A finished MP4 has an ordinary index; until then it consists of fragments.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as app;

use crate::config::ClipEncoding;
use crate::image::{Canvas, Sampling};

/// Encoders of H.264 with the settings that keep their delay short, the best first.
const ENCODERS: [(&str, &str); 4] = [
    ("v4l2h264enc", "v4l2h264enc"),
    ("x264enc", "x264enc tune=zerolatency speed-preset=superfast threads=1"),
    ("openh264enc", "openh264enc complexity=low rate-control=quality multi-thread=1"),
    ("vaapih264enc", "vaapih264enc"),
];
/// Bits a second for each px, where an encoder wants a rate: 4 Mbit/s at 720p.
const BITS_PER_PX: usize = 4;
/// Length of a fragment, ms: a killed process loses as much at most.
const FRAGMENT_MS: u32 = 1_000;
/// Frames that wait for the encoder.
const WAITING: u64 = 2;
/// How often a full encoder is polled.
const LOOK: Duration = Duration::from_millis(2);
/// The longest wait for the end of a file, besides the patience of the film.
const END: Duration = Duration::from_secs(10);
/// Films of so many rows have the colours of HD (BT.709).
const HD: usize = 720;
/// What encoders plan with where frames come when they come.
const USUAL_RATE: u32 = 30;

/// Why a film cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FilmError {
    /// GStreamer lacks what a film needs, or the encoder refuses.
    #[error("{cause}")]
    Encoder {
        /// The element that is missing, or GStreamer's own words.
        cause: String,
    },
    /// The file cannot be written.
    #[error("{} cannot be written ({source})", .path.display())]
    Write {
        /// The file that fails.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The caller did not want to wait any longer.
    #[error("stopped")]
    Stopped,
}

impl FilmError {
    fn write(path: &Path, source: io::Error) -> FilmError {
        FilmError::Write { path: path.to_owned(), source }
    }
}

/// What all frames of a film have in common.
#[derive(Clone, Copy, Debug)]
pub struct FilmFormat {
    width: usize,
    height: usize,
    layout: FilmLayout,
    /// Frames a second, where each has the same length.
    rate: Option<u32>,
    /// How long the encoder may be full: then the disk hangs.
    patience: Duration,
}

/// How the pixels of frames lie that an encoder gets.
#[derive(Clone, Copy, Debug)]
enum FilmLayout {
    Canvas(Sampling),
    Rgb,
}

impl FilmFormat {
    /// Frames like `canvas`, which come when they come.
    pub fn of_canvas(canvas: &Canvas, patience: Duration) -> FilmFormat {
        let layout = FilmLayout::Canvas(canvas.sampling());
        FilmFormat { width: canvas.width(), height: canvas.height(), layout, rate: None, patience }
    }

    /// Frames of packed RGB, `rate` of them a second.
    pub fn of_rgb([width, height]: [usize; 2], rate: u32, patience: Duration) -> FilmFormat {
        FilmFormat { width, height, layout: FilmLayout::Rgb, rate: Some(rate.max(1)), patience }
    }
}

/// The coding of a film, chosen from the encoders that are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// H.264 in MP4, by the encoder with this number.
    H264(usize),
    /// Motion JPEG in Matroska.
    Mjpeg,
}

impl Coding {
    /// The coding for frames of this size.
    ///
    /// # Errors
    /// H.264 is required and no encoder is there.
    pub fn choose(wanted: ClipEncoding, (width, height): (usize, usize)) -> Result<Coding, FilmError> {
        gst::init().map_err(|error| FilmError::Encoder { cause: error.to_string() })?;
        let is_there = |name: &str| gst::ElementFactory::find(name).is_some();
        let around = ["h264parse", "mp4mux", "videoconvert"].into_iter().all(is_there);
        let encoder = ENCODERS.iter().position(|(name, _)| around && is_there(name));
        // H.264 halves colours in both directions.
        let is_even = width.is_multiple_of(2) && height.is_multiple_of(2) && width >= 16 && height >= 16;
        match (wanted, encoder) {
            (ClipEncoding::Mjpeg, _) => Ok(Coding::Mjpeg),
            (_, Some(encoder)) if is_even => Ok(Coding::H264(encoder)),
            (ClipEncoding::Auto, _) => Ok(Coding::Mjpeg),
            (ClipEncoding::H264, Some(_)) => {
                let cause = format!("H.264 needs even sides, and the frames have {width}x{height} px");
                Err(FilmError::Encoder { cause })
            }
            (ClipEncoding::H264, None) => {
                let names = ENCODERS.map(|(name, _)| name).join(", ");
                let cause =
                    format!("GStreamer has none of the encoders {names}, or not h264parse and mp4mux");
                Err(FilmError::Encoder { cause })
            }
        }
    }

    /// The encoder, as GStreamer calls it; the pictures of motion JPEG come encoded.
    pub fn encoder(self) -> &'static str {
        match self {
            Coding::H264(encoder) => ENCODERS[encoder].0,
            Coding::Mjpeg => "mjpeg",
        }
    }

    /// The ending of the file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Coding::H264(_) => "mp4",
            Coding::Mjpeg => "mkv",
        }
    }
}

/// One film that is being written. Dropping it stops the pipeline at once.
pub struct Film {
    pipeline: gst::Pipeline,
    source: app::AppSrc,
    bus: gst::Bus,
    format: FilmFormat,
    /// The coding that was chosen.
    pub coding: Coding,
}

impl Film {
    /// Begins a film at `path` with frames of this format.
    ///
    /// # Errors
    /// GStreamer lacks an element, or the file cannot be written.
    pub fn begin(path: &Path, format: FilmFormat, coding: Coding) -> Result<Film, FilmError> {
        let fault = |cause: String| FilmError::Encoder { cause };
        let chain = match coding {
            Coding::H264(encoder) => format!(
                "appsrc name=in ! videoconvert ! {}{}{} ! h264parse ! \
                 mp4mux fragment-duration={FRAGMENT_MS} fragment-mode=first-moov-then-finalise ! \
                 filesink name=out sync=false async=false",
                halved(format),
                ENCODERS[encoder].1,
                rate(encoder, format),
            ),
            Coding::Mjpeg => "appsrc name=in ! matroskamux writing-app=ocellus ! \
                              filesink name=out sync=false async=false buffer-mode=unbuffered"
                .to_owned(),
        };
        let built = gst::parse::launch(&chain).map_err(|error| fault(error.to_string()))?;
        let pipeline = built.downcast::<gst::Pipeline>().map_err(|_| fault("no pipeline".into()))?;
        let (Some(source), Some(sink), Some(bus)) =
            (pipeline.by_name("in"), pipeline.by_name("out"), pipeline.bus())
        else {
            return Err(fault("the pipeline has no ends".into()));
        };
        sink.set_property("location", path.to_string_lossy().as_ref());
        let source = source.downcast::<app::AppSrc>().map_err(|_| fault("no appsrc".into()))?;
        source.set_format(gst::Format::Time);
        source.set_caps(Some(&caps(format, coding)));
        source.set_block(false);
        let film = Film { pipeline, source, bus, format, coding };
        match film.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(film),
            Err(_) => Err(film.fault(path).unwrap_or_else(|| fault("the pipeline does not start".into()))),
        }
    }

    /// Adds a frame at `at_ns`, which must rise. While it waits for the encoder it asks `goes_on` whether to wait on.
    ///
    /// # Errors
    /// The disk or the encoder refuses; the film ends before this frame.
    pub fn add(
        &mut self,
        path: &Path,
        picture: FilmPicture<'_>,
        at_ns: u64,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<(), FilmError> {
        let began = Instant::now();
        while self.source.property::<u64>("current-level-buffers") >= WAITING {
            if let Some(fault) = self.fault(path) {
                return Err(fault);
            }
            if began.elapsed() > self.format.patience {
                let cause = std::io::Error::new(std::io::ErrorKind::TimedOut, "the disk does not take it");
                return Err(FilmError::write(path, cause));
            }
            if !goes_on() {
                return Err(FilmError::Stopped);
            }
            std::thread::sleep(LOOK);
        }
        let cause = |text: &str| FilmError::Encoder { cause: text.to_owned() };
        let mut buffer = match picture {
            FilmPicture::Canvas(canvas) => {
                packed(canvas).ok_or_else(|| cause("there is no memory for a frame"))?
            }
            FilmPicture::Rgb(pixels) => {
                packed_rgb(pixels, self.format).ok_or_else(|| cause("there is no memory for a frame"))?
            }
            FilmPicture::Jpeg(bytes) => gst::Buffer::from_slice(bytes),
        };
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(at_ns));
            // The last frame of a film has no other one behind it that would end it.
            let length = self.format.rate.map(|rate| 1_000_000_000 / u64::from(rate));
            buffer.set_duration(length.map(gst::ClockTime::from_nseconds));
        }
        match self.source.push_buffer(buffer) {
            Ok(_) => self.fault(path).map_or(Ok(()), Err),
            Err(_) => Err(self.fault(path).unwrap_or_else(|| cause("the encoder has stopped"))),
        }
    }

    /// Ends the film: everything is in the file when this returns.
    ///
    /// # Errors
    /// The disk or the encoder refuses, or `goes_on` says no.
    pub fn end(self, path: &Path, goes_on: &dyn Fn() -> bool) -> Result<(), FilmError> {
        let _ = self.source.end_of_stream();
        let deadline = Instant::now() + END.max(self.format.patience);
        while Instant::now() < deadline {
            if !goes_on() {
                return Err(FilmError::Stopped);
            }
            let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
            let Some(message) = self.bus.timed_pop_filtered(gst::ClockTime::from_mseconds(100), &kinds)
            else {
                continue;
            };
            return match message.view() {
                gst::MessageView::Error(error) => Err(fault_of(error, path)),
                _ => Ok(()),
            };
        }
        let cause = std::io::Error::new(std::io::ErrorKind::TimedOut, "the file does not come to its end");
        Err(FilmError::write(path, cause))
    }

    fn fault(&self, path: &Path) -> Option<FilmError> {
        let message = self.bus.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => Some(fault_of(error, path)),
            _ => None,
        }
    }
}

impl Drop for Film {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// The picture that is added to a film.
pub enum FilmPicture<'a> {
    /// Planes to be encoded.
    Canvas(&'a Canvas),
    /// Packed RGB to be encoded.
    Rgb(&'a [u8]),
    /// A JPEG as it is.
    Jpeg(bytes::Bytes),
}

/// What comes before the encoder: colours of RGB are halved in both directions, as every player takes them. Planes have the
/// layout already that they are to keep.
fn halved(format: FilmFormat) -> &'static str {
    match format.layout {
        // What players take for granted where a stream does not say it.
        FilmLayout::Rgb if format.height >= HD => {
            "video/x-raw,format=(string){I420,NV12},colorimetry=bt709 ! "
        }
        FilmLayout::Rgb => "video/x-raw,format=(string){I420,NV12},colorimetry=bt601 ! ",
        FilmLayout::Canvas(_) => "",
    }
}

/// A rate for encoders that want one.
fn rate(encoder: usize, FilmFormat { width, height, .. }: FilmFormat) -> String {
    let bits = (width * height * BITS_PER_PX).max(256_000);
    match ENCODERS[encoder].0 {
        "x264enc" => format!(" bitrate={} key-int-max=60", bits / 1_000),
        "openh264enc" => format!(" bitrate={bits} gop-size=60"),
        _ => String::new(),
    }
}

fn caps(FilmFormat { width, height, layout, rate, .. }: FilmFormat, coding: Coding) -> gst::Caps {
    let raw = |format: &str| gst::Caps::builder("video/x-raw").field("format", format);
    let caps = match (coding, layout) {
        (Coding::Mjpeg, _) => gst::Caps::builder("image/jpeg"),
        (Coding::H264(_), FilmLayout::Rgb) => raw("RGB"),
        // What the canvas holds: BT.601 over the full range, as JFIF has it.
        (Coding::H264(_), FilmLayout::Canvas(Sampling::Two)) => raw("I420").field("colorimetry", "1:4:7:1"),
        (Coding::H264(_), FilmLayout::Canvas(Sampling::One)) => raw("Y42B").field("colorimetry", "1:4:7:1"),
    };
    let rate = gst::Fraction::new(rate.unwrap_or(USUAL_RATE) as i32, 1);
    let caps = caps.field("width", width as i32).field("height", height as i32).field("framerate", rate);
    caps.build()
}

/// Packed RGB in rows as GStreamer aligns them.
fn packed_rgb(pixels: &[u8], FilmFormat { width, height, .. }: FilmFormat) -> Option<gst::Buffer> {
    let format = gstreamer_video::VideoFormat::Rgb;
    let info = gstreamer_video::VideoInfo::builder(format, width as u32, height as u32).build().ok()?;
    let mut buffer = gst::Buffer::with_size(info.size()).ok()?;
    {
        let mut map = buffer.get_mut()?.map_writable().ok()?;
        let rows = map.chunks_exact_mut(info.stride()[0] as usize).zip(pixels.chunks_exact(width * 3));
        rows.for_each(|(to, from)| to[..from.len()].copy_from_slice(from));
    }
    Some(buffer)
}

/// The canvas in the layout that GStreamer expects of such caps.
fn packed(canvas: &Canvas) -> Option<gst::Buffer> {
    let format = match canvas.sampling() {
        Sampling::Two => gstreamer_video::VideoFormat::I420,
        Sampling::One => gstreamer_video::VideoFormat::Y42b,
    };
    let (width, height) = (canvas.width(), canvas.height());
    let info = gstreamer_video::VideoInfo::builder(format, width as u32, height as u32).build().ok()?;
    let mut buffer = gst::Buffer::with_size(info.size()).ok()?;
    {
        let writable = buffer.get_mut()?;
        let mut map = writable.map_writable().ok()?;
        for plane in 0..3 {
            let (row, rows) = match (plane, canvas.sampling()) {
                (0, _) => (width, height),
                (_, Sampling::Two) => (width.div_ceil(2), height.div_ceil(2)),
                (_, Sampling::One) => (width.div_ceil(2), height),
            };
            let (from, step) = (canvas.plane(plane), canvas.stride(plane));
            let (to, stride) = (info.offset()[plane], info.stride()[plane] as usize);
            for y in 0..rows {
                let target = map.get_mut(to + y * stride..)?.get_mut(..row)?;
                target.copy_from_slice(from.get(y * step..)?.get(..row)?);
            }
        }
    }
    Some(buffer)
}

fn fault_of(error: &gst::message::Error, path: &Path) -> FilmError {
    let (fault, debug) = (error.error(), error.debug().unwrap_or_default());
    let text = format!("{fault} {debug}");
    // GStreamer keeps the system's own error only in its text.
    if fault.matches(gst::ResourceError::NoSpaceLeft) || text.contains("No space left") {
        return FilmError::write(path, std::io::Error::from(std::io::ErrorKind::StorageFull));
    }
    if fault.matches(gst::ResourceError::Write) || fault.matches(gst::ResourceError::OpenWrite) {
        return FilmError::write(path, std::io::Error::other(fault.to_string()));
    }
    FilmError::Encoder { cause: fault.to_string() }
}
