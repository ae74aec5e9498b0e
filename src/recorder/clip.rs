//! Writes the frames of a film: encoded by GStreamer, in a container whose beginning can be played at any time.
//!
//! ```text
//! H.264: appsrc (I420) ▶ videoconvert ▶ encoder ▶ h264parse ▶ mp4mux, fragments of a second ▶ filesink
//! MJPEG: appsrc (JPEG) ▶ matroskamux ▶ filesink
//! ```
//!
//! A finished MP4 has an ordinary index; until then it consists of fragments.

use std::path::Path;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as app;

use super::error::RecorderError;
use crate::config::ClipEncoding;
use crate::image::{Canvas, Sampling};
use crate::supervisor::Beat;

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
/// How often a full encoder is polled, and how long it may stay full; after that the disk is considered stuck.
const LOOK: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_secs(4);
/// The longest wait for the end of a file.
const END: Duration = Duration::from_secs(10);

/// The coding of a clip, chosen from the encoders that are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    H264(usize),
    Mjpeg,
}

impl Coding {
    /// The coding for frames of this size.
    ///
    /// # Errors
    /// H.264 is required and no encoder is there.
    pub(super) fn choose(
        wanted: ClipEncoding,
        (width, height): (usize, usize),
    ) -> Result<Coding, RecorderError> {
        gst::init().map_err(|error| RecorderError::Encoder { cause: error.to_string() })?;
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
                Err(RecorderError::Encoder { cause })
            }
            (ClipEncoding::H264, None) => {
                let names = ENCODERS.map(|(name, _)| name).join(", ");
                let cause =
                    format!("GStreamer has none of the encoders {names}, or not h264parse and mp4mux");
                Err(RecorderError::Encoder { cause })
            }
        }
    }

    /// The ending of the file's name.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Coding::H264(_) => "mp4",
            Coding::Mjpeg => "mkv",
        }
    }
}

/// One film that is being written. Dropping it stops the pipeline at once.
pub(super) struct Film {
    pipeline: gst::Pipeline,
    source: app::AppSrc,
    bus: gst::Bus,
    pub(super) coding: Coding,
}

impl Film {
    /// Begins a film at `path` with frames like `canvas`.
    pub(super) fn begin(path: &Path, canvas: &Canvas, coding: Coding) -> Result<Film, RecorderError> {
        let shape = (canvas.width(), canvas.height(), canvas.sampling());
        let fault = |cause: String| RecorderError::Encoder { cause };
        let chain = match coding {
            Coding::H264(encoder) => format!(
                "appsrc name=in ! videoconvert ! {}{} ! h264parse ! \
                 mp4mux fragment-duration={FRAGMENT_MS} fragment-mode=first-moov-then-finalise ! \
                 filesink name=out sync=false async=false",
                ENCODERS[encoder].1,
                rate(encoder, shape),
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
        source.set_caps(Some(&caps(shape, coding)));
        source.set_block(false);
        let film = Film { pipeline, source, bus, coding };
        match film.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(film),
            Err(_) => Err(film.fault(path).unwrap_or_else(|| fault("the pipeline does not start".into()))),
        }
    }

    /// Adds a frame at `at_ns`, which must rise.
    ///
    /// # Errors
    /// The disk or the encoder refuses; the film ends before this frame.
    pub(super) fn add(
        &mut self,
        path: &Path,
        picture: FilmPicture<'_>,
        at_ns: u64,
        beat: &Beat,
    ) -> Result<(), RecorderError> {
        let began = Instant::now();
        while self.source.property::<u64>("current-level-buffers") >= WAITING {
            if let Some(fault) = self.fault(path) {
                return Err(fault);
            }
            if began.elapsed() > PATIENCE {
                let cause = std::io::Error::new(std::io::ErrorKind::TimedOut, "the disk does not take it");
                return Err(RecorderError::write(path, cause));
            }
            beat.beat();
            std::thread::sleep(LOOK);
        }
        let cause = |text: &str| RecorderError::Encoder { cause: text.to_owned() };
        let mut buffer = match picture {
            FilmPicture::Canvas(canvas) => {
                packed(canvas).ok_or_else(|| cause("there is no memory for a frame"))?
            }
            FilmPicture::Jpeg(bytes) => gst::Buffer::from_slice(bytes),
        };
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(at_ns));
        }
        match self.source.push_buffer(buffer) {
            Ok(_) => self.fault(path).map_or(Ok(()), Err),
            Err(_) => Err(self.fault(path).unwrap_or_else(|| cause("the encoder has stopped"))),
        }
    }

    /// Ends the film: everything is in the file when this returns.
    pub(super) fn end(self, path: &Path, beat: &Beat) -> Result<(), RecorderError> {
        let _ = self.source.end_of_stream();
        let deadline = Instant::now() + END;
        while Instant::now() < deadline {
            beat.beat();
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
        Err(RecorderError::write(path, cause))
    }

    fn fault(&self, path: &Path) -> Option<RecorderError> {
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
pub(super) enum FilmPicture<'a> {
    /// Planes to be encoded.
    Canvas(&'a Canvas),
    /// A JPEG as it is.
    Jpeg(bytes::Bytes),
}

/// A rate for encoders that want one.
fn rate(encoder: usize, (width, height, _): (usize, usize, Sampling)) -> String {
    let bits = (width * height * BITS_PER_PX).max(256_000);
    match ENCODERS[encoder].0 {
        "x264enc" => format!(" bitrate={} key-int-max=60", bits / 1_000),
        "openh264enc" => format!(" bitrate={bits} gop-size=60"),
        _ => String::new(),
    }
}

fn caps((width, height, sampling): (usize, usize, Sampling), coding: Coding) -> gst::Caps {
    let caps = match coding {
        Coding::Mjpeg => gst::Caps::builder("image/jpeg"),
        Coding::H264(_) => {
            let format = match sampling {
                Sampling::Two => "I420",
                Sampling::One => "Y42B",
            };
            // What the canvas holds: BT.601 over the full range, as JFIF has it.
            gst::Caps::builder("video/x-raw").field("format", format).field("colorimetry", "1:4:7:1")
        }
    };
    // Frames come at any rate; 30 is the rate that encoders assume.
    let rate = gst::Fraction::new(30, 1);
    let caps = caps.field("width", width as i32).field("height", height as i32).field("framerate", rate);
    caps.build()
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

fn fault_of(error: &gst::message::Error, path: &Path) -> RecorderError {
    let (fault, debug) = (error.error(), error.debug().unwrap_or_default());
    let text = format!("{fault} {debug}");
    // GStreamer keeps the system's own error only in its text.
    if fault.matches(gst::ResourceError::NoSpaceLeft) || text.contains("No space left") {
        return RecorderError::write(path, std::io::Error::from(std::io::ErrorKind::StorageFull));
    }
    if fault.matches(gst::ResourceError::Write) || fault.matches(gst::ResourceError::OpenWrite) {
        return RecorderError::write(path, std::io::Error::other(fault.to_string()));
    }
    RecorderError::Encoder { cause: fault.to_string() }
}
