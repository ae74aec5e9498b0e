//! From a camera's configuration to pipelines: one `SourceSpec` a camera, one `CapturePipeline` a connection.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as app;

use super::appsink::IN_FLIGHT;
use super::feed::{Coding, Feeder, Opening};
use super::file::{self, Video};
use super::images::{self, ImagesFeed};
#[cfg(feature = "demo")]
use super::painter::PainterFeed;
use super::pipeline::{Build, CapturePipeline};
use super::remote::Attempt;
use super::tcp::SenderControl;
use super::{CaptureError, Wiring, chain, device, http, remote, tcp, v4l2};
use crate::config::{CameraConfig, LaunchLine, Pace, Source};

/// The source from which a camera's pipelines are built.
pub enum SourceSpec {
    /// A video file, examined before it is played.
    File(Video),
    /// A feed of this module; `live` where its buffers come at unknown times.
    Fed { feeder: Feeder, live: bool },
    /// Elements that fetch frames themselves (V4L2, RTSP, HTTP, launch lines).
    Elements,
}

/// What a source offers for its next connection.
pub enum NextConnection {
    /// A pipeline, ready to play.
    CapturePipeline(Box<CapturePipeline>),
    /// There is nothing to connect to yet; the text names what is awaited.
    Waiting(String),
    /// The source has ended.
    End,
}

impl SourceSpec {
    /// Examines the source as far as possible without a pipeline.
    pub fn of(camera: &CameraConfig, slots: usize, wiring: &Wiring<'_>) -> Result<SourceSpec, CaptureError> {
        let fed = |feed: Box<dyn super::feed::SourceFeed>, live| SourceSpec::Fed {
            feeder: Feeder::new(feed),
            live,
        };
        Ok(match &camera.source {
            Source::File(path) => SourceSpec::File(file::look(path)?),
            Source::Images(folder) => {
                let options = images::FolderOptions {
                    fps: camera.images_fps.max(1),
                    repeat: camera.repeat,
                    watch: camera.watch,
                    paced: camera.pace == Pace::Live,
                    held: slots + IN_FLIGHT,
                    damaged: wiring.damaged.clone(),
                };
                fed(Box::new(ImagesFeed::new(folder, options)?), false)
            }
            #[cfg(feature = "demo")]
            Source::Scene { frames, .. } => {
                let painter = (wiring.painter)(&camera.source)?;
                fed(Box::new(PainterFeed::new(painter, *frames, slots + IN_FLIGHT)?), false)
            }
            Source::Tcp(address) => {
                let options = tcp::TcpOptions {
                    framing: camera.tcp.framing,
                    max_bytes: camera.tcp.max_bytes,
                    queue: camera.tcp.queue,
                    skip_frames: camera.skip_frames,
                    silent_after: camera.frozen_after,
                    frame_within: camera.tcp.frame,
                    buffers: slots + IN_FLIGHT,
                    allow: camera.tcp.allow.clone(),
                    secret_file: camera.tcp.secret_file.clone(),
                    control: wiring.senders.clone(),
                };
                fed(Box::new(tcp::TcpFeed::new(*address, options)), true)
            }
            Source::V4l2(_) | Source::Rtsp(_) | Source::Http(_) | Source::Launch(_) => SourceSpec::Elements,
        })
    }

    /// Builds the next pipeline.
    pub fn next_line(&self, camera: &CameraConfig, build: Build<'_>) -> Result<NextConnection, CaptureError> {
        let line = match (self, &camera.source) {
            (SourceSpec::File(video), _) => file::line(video, build)?,
            (SourceSpec::Fed { feeder, live }, _) => return fed_line(feeder, *live, build),
            (_, Source::V4l2(device)) => v4l2::line(device, &camera.v4l2, build)?,
            (_, Source::Rtsp(url)) => remote::rtsp(url, camera, build)?,
            (_, Source::Http(url)) => http::mjpeg(url, camera, build)?,
            (_, Source::Launch(text)) => launched(text, build)?,
            (SourceSpec::Elements, _) => return Ok(NextConnection::End),
        };
        Ok(NextConnection::CapturePipeline(Box::new(line)))
    }

    /// Restarts the source from its beginning.
    pub fn rewind(&self) {
        if let SourceSpec::Fed { feeder, .. } = self {
            feeder.lock().feed.rewind();
        }
    }
}

/// Finds the cause behind an error of a live source, as far as possible.
pub fn explain(
    camera: &CameraConfig,
    error: CaptureError,
    attempt: &Attempt,
    wiring: &Wiring<'_>,
) -> CaptureError {
    match (&camera.source, error) {
        (Source::V4l2(path), CaptureError::Stream(fault)) => device::explain(path, fault),
        (Source::Rtsp(url) | Source::Http(url), error) => {
            remote::explain(url, camera, error, attempt, wiring)
        }
        (_, error) => error,
    }
}

/// Builds a pipeline behind an appsrc, for what the feed delivers next.
fn fed_line(feeder: &Feeder, live: bool, build: Build<'_>) -> Result<NextConnection, CaptureError> {
    let (coding, caps, start_ns) = match feeder.lock().feed.open(build.stop)? {
        Opening::Ready { coding, caps, start_ns } => (coding, caps, start_ns),
        Opening::Waiting(what) => return Ok(NextConnection::Waiting(what)),
        Opening::End => return Ok(NextConnection::End),
    };
    let mut line = CapturePipeline::new(build)?;
    line.names = feeder.lock().feed.names();
    let source = app::AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        .is_live(live)
        .do_timestamp(live)
        .max_bytes(0)
        .build();
    if let (Some(pad), false) = (source.static_pad("src"), live) {
        // A new pipeline's clock begins at zero, whatever time stamp the feed has reached.
        pad.set_offset(-i64::try_from(start_ns).unwrap_or(0));
    }
    feeder.serve(&source, line.stop().clone());
    let queue = match (source.static_pad("src"), coding, feeder.lock().feed.queue()) {
        (Some(_), Coding::Jpeg, Some(control)) => Some(decoder_queue(control)?),
        (Some(pad), Coding::Jpeg, None) => {
            chain::pass_whole_jpegs(&pad, build.damaged.clone());
            None
        }
        _ => None,
    };
    let decoder = match coding {
        Coding::Raw => None,
        Coding::Jpeg => Some(chain::element("jpegdec")?),
    };
    let convert = build.variant.convert.then(|| chain::element("videoconvert")).transpose()?;
    let elements = [Some(source.upcast_ref()), queue.as_ref(), decoder.as_ref(), convert.as_ref()];
    let elements: Vec<&gst::Element> = elements.into_iter().flatten().collect();
    line.chain(&elements, true)?;
    Ok(NextConnection::CapturePipeline(Box::new(line)))
}

/// A queue in front of a decoder, which works on a thread of its own. The feed bounds it, so that it knows what it drops;
/// what was cleared while it waited leaves it undecoded.
fn decoder_queue(control: SenderControl) -> Result<gst::Element, CaptureError> {
    let queue = chain::element("queue")?;
    queue.set_property("max-size-buffers", 0u32);
    queue.set_property("max-size-bytes", 0u32);
    queue.set_property("max-size-time", 0u64);
    if let Some(pad) = queue.static_pad("src") {
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let decode =
                info.buffer().is_none_or(|buffer| control.leave_queue(buffer.offset(), buffer.size()));
            if decode { gst::PadProbeReturn::Ok } else { gst::PadProbeReturn::Drop }
        });
    }
    Ok(queue)
}

/// Builds the user's own launch line; its last free source pad is linked to the appsink.
pub fn launched(launch: &LaunchLine, build: Build<'_>) -> Result<CapturePipeline, CaptureError> {
    let unusable = |cause: &str| CaptureError::LaunchEnd { line: launch.to_string(), cause: cause.into() };
    let wrong = |error| CaptureError::Launch { line: launch.to_string(), cause: wrong_line(launch, &error) };
    // A description whose last element adds its pads late has no pad to ghost, so identity provides one.
    let tail = if build.variant.convert { "videoconvert" } else { "identity silent=true" };
    let text = format!("{} ! {tail}", launch.text());
    let bin = gst::parse::bin_from_description(&text, true).map_err(wrong)?;
    // What follows an element that adds its pads late, such as decodebin, is not linked yet. It must stay free for that
    // element, while GStreamer takes it for the entry of the whole description.
    if let Some(entry) = bin.static_pad("sink") {
        let _ = bin.remove_pad(&entry);
    }
    let line = CapturePipeline::new(build)?;
    if bin.static_pad("src").is_none() {
        return Err(unusable("it has no free source pad"));
    }
    match line.chain(&[bin.upcast_ref()], true) {
        Err(_) if build.variant.convert => Err(unusable("its last element gives no video")),
        linked => linked.map(|()| line),
    }
}

/// Describes what is wrong with a launch line. GStreamer's own message repeats property values, and the word
/// that it reports as an element may be the second word of a password.
fn wrong_line(launch: &LaunchLine, error: &gst::glib::Error) -> String {
    use gst::ParseError as Parse;
    let unknown = |name: &&str| gst::ElementFactory::find(name).is_none();
    match error.kind::<Parse>() {
        Some(Parse::NoSuchElement) => match launch.elements().into_iter().find(unknown) {
            Some(name) => format!("there is no element {name}: install its plugin, or correct the name"),
            None => "a word between two properties is not an element: quote values with spaces".into(),
        },
        Some(Parse::NoSuchProperty) => {
            "an element has no property of that name; gst-inspect-1.0 ELEMENT lists them".into()
        }
        Some(Parse::CouldNotSetProperty) => "the value of a property does not fit it".into(),
        Some(Parse::Link | Parse::DelayedLink) => "two of its elements cannot be linked".into(),
        Some(Parse::EmptyBin | Parse::Empty) => "it is empty".into(),
        _ => "its syntax is wrong".into(),
    }
}
