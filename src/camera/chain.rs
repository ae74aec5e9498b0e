//! From a pad of a demuxer or network source to the appsink: the shortest chain of elements for its caps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use super::bus::FaultKind;
use super::pipeline::failure;
use super::{CaptureError, appsink};
use crate::image::picture::jpeg_is_whole;
use crate::telemetry::Counter;

/// The most threads that libav itself starts for the frames of one video.
const MOST_THREADS: usize = 16;

/// The error of a streaming thread, kept for the capture thread.
pub type Trouble = Arc<Mutex<Option<CaptureError>>>;

/// The filters that a chain needs between source and appsink, besides a decoder.
#[derive(Clone)]
pub struct Needs {
    /// Whether a converter to one of the supported formats is needed.
    pub convert: bool,
    /// The direction in which `videoflip` turns frames. It copies them, so it is there only where they must
    /// be turned.
    pub turn: Option<&'static str>,
}

impl Needs {
    /// The elements behind the decoder.
    fn filters(&self) -> impl Iterator<Item = String> {
        let turn = self.turn.map(|how| format!("videoflip video-direction={how}"));
        turn.into_iter().chain(self.convert.then(|| "videoconvert".into()))
    }
}

/// Links the first video pad that `source` adds to `sink`, with the decoder that it needs between them.
/// Errors on the streaming thread are stored in `trouble`.
pub fn link_when_shown(
    pipeline: &gst::Pipeline,
    source: &gst::Element,
    sink: &gst::Element,
    needs: Needs,
    trouble: &Trouble,
) {
    link_first_video(pipeline, source, sink, needs, trouble);
    let weak = pipeline.downgrade();
    source.connect_no_more_pads(move |source| {
        // Only video is ever linked; a decodebin behind it adds its own pad later.
        let linked = source.src_pads().iter().any(|pad| pad.is_linked());
        if let (false, Some(pipeline)) = (linked, weak.upgrade()) {
            gst::element_error!(pipeline, gst::StreamError::WrongType, ("it contains no video"));
        }
    });
}

fn link_first_video(
    pipeline: &gst::Pipeline,
    source: &gst::Element,
    sink: &gst::Element,
    needs: Needs,
    trouble: &Trouble,
) {
    let (weak, target, noted) = (pipeline.downgrade(), sink.downgrade(), trouble.clone());
    source.connect_pad_added(move |source, pad| {
        let (Some(pipeline), Some(target)) = (weak.upgrade(), target.upgrade()) else { return };
        let taken = source.src_pads().iter().any(|other| other != pad && other.is_linked());
        let free = !taken && target.static_pad("sink").is_some_and(|pad| !pad.is_linked());
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        if !free || !is_video(&caps) {
            return;
        }
        if let Err(error) = link(&pipeline, pad, &caps, &target, &needs, &noted) {
            note(&noted, error);
            gst::element_error!(pipeline, gst::CoreError::Pad, ("the video could not be linked"));
        }
        if needs.turn.is_none() {
            look_for_turn(&pipeline, pad, &noted);
        }
    });
}

/// Stores an error where the stream's tags, before its first buffer, ask for rotation: the next pipeline
/// turns frames.
fn look_for_turn(pipeline: &gst::Pipeline, pad: &gst::Pad, trouble: &Trouble) {
    let (weak, trouble) = (pipeline.downgrade(), trouble.clone());
    let is_turned = Arc::new(AtomicBool::new(false));
    let seen = is_turned.clone();
    let look = move |tags: &gst::TagListRef| {
        let orientation = tags.get::<gst::tags::ImageOrientation>();
        if orientation.is_none_or(|orientation| orientation.get() == "rotate-0") {
            return;
        }
        note(&trouble, CaptureError::Turned);
        if let (false, Some(pipeline)) = (seen.swap(true, Ordering::Relaxed), weak.upgrade()) {
            gst::element_error!(pipeline, gst::CoreError::Tag, ("the video must be rotated"));
        }
    };
    let kinds = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER;
    pad.add_probe(kinds, move |pad, info| match &info.data {
        Some(gst::PadProbeData::Event(event)) => {
            if let gst::EventView::Tag(tags) = event.view() {
                look(tags.tag());
            }
            gst::PadProbeReturn::Ok
        }
        // Tags may have come before this probe was there; after the first buffer the stream's orientation
        // does not change.
        _ => {
            (0..).map_while(|at| pad.sticky_event::<gst::event::Tag>(at)).for_each(|tags| look(tags.tag()));
            if is_turned.load(Ordering::Relaxed) {
                gst::PadProbeReturn::Drop
            } else {
                gst::PadProbeReturn::Remove
            }
        }
    });
}

/// Passes only JPEGs that have their end marker, because a decoder fills missing parts with grey; counts the
/// others.
pub fn pass_whole_jpegs(pad: &gst::Pad, damaged: Counter) {
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let map = info.buffer().and_then(|buffer| buffer.map_readable().ok());
        if map.is_none_or(|map| jpeg_is_whole(&map)) {
            return gst::PadProbeReturn::Ok;
        }
        damaged.inc();
        let count = damaged.get();
        // Logs the first one, then at powers of two: a camera may truncate every picture.
        if count.is_power_of_two() {
            tracing::warn!(count, "a truncated picture was skipped: check the camera's network and load");
        }
        gst::PadProbeReturn::Drop
    });
}

fn note(trouble: &Trouble, error: CaptureError) {
    trouble.lock().get_or_insert(error);
}

/// Whether a pad carries pictures.
fn is_video(caps: &gst::CapsRef) -> bool {
    caps.iter().any(|structure| match structure.name().as_str() {
        "application/x-rtp" => structure.get::<&str>("media").is_ok_and(|media| media == "video"),
        name => name.starts_with("video/") || name.starts_with("image/"),
    })
}

fn link(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    caps: &gst::CapsRef,
    sink: &gst::Element,
    needs: &Needs,
    trouble: &Trouble,
) -> Result<(), CaptureError> {
    // The next pipeline converts raw frames in an unsupported format.
    let unfit = |_| failure("its format is not supported", FaultKind::Negotiation);
    let filters = || needs.filters();
    let line = match decode(caps)? {
        Decoding::Raw => filters().reduce(join),
        Decoding::Elements(line) => Some(line).into_iter().chain(filters()).reduce(join),
        Decoding::Autoplug => {
            let decodebin = element("decodebin")?;
            pipeline.add(&decodebin).map_err(|_| failure("decodebin was refused", FaultKind::Other))?;
            link_first_video(pipeline, &decodebin, sink, needs.clone(), trouble);
            decodebin
                .sync_state_with_parent()
                .map_err(|_| failure("decodebin does not start", FaultKind::Other))?;
            let target = decodebin.static_pad("sink");
            let target = target.ok_or_else(|| failure("decodebin has no sink", FaultKind::Other))?;
            return pad.link(&target).map(drop).map_err(|_| no_decoder(caps));
        }
    };
    let target = match line {
        Some(line) => {
            let bin = bin(&line)?;
            pipeline.add(&bin).map_err(|_| failure("a decoder was refused", FaultKind::Other))?;
            bin.link(sink).map_err(unfit_link)?;
            bin.sync_state_with_parent()
                .map_err(|_| failure("a decoder does not start", FaultKind::Other))?;
            bin.static_pad("sink")
        }
        None => sink.static_pad("sink"),
    };
    let target = target.ok_or_else(|| failure("the decoder has no sink", FaultKind::Other))?;
    pad.link(&target).map(drop).map_err(unfit)
}

fn unfit_link(_: gst::glib::BoolError) -> CaptureError {
    failure("its format is not supported", FaultKind::Negotiation)
}

fn join(left: String, right: String) -> String {
    format!("{left} ! {right}")
}

/// How coded video is decoded to raw video.
#[derive(Debug, PartialEq)]
pub enum Decoding {
    /// The video is raw already and needs no decoder.
    Raw,
    /// These elements, as a launch line, decode it.
    Elements(String),
    /// decodebin chooses from the registry any parser and decoder of sufficient rank, and tries the next
    /// where one fails.
    Autoplug,
}

/// Chooses what turns `caps` into raw video. Errors: nothing installed can.
pub fn decode(caps: &gst::CapsRef) -> Result<Decoding, CaptureError> {
    let Some(structure) = caps.structure(0) else { return Ok(Decoding::Raw) };
    let line = match structure.name().as_str() {
        "video/x-raw" => return Ok(Decoding::Raw),
        "application/x-rtp" => match structure.get::<&str>("encoding-name").unwrap_or_default() {
            "H264" => join("rtph264depay".into(), coded("video/x-h264", "h264parse")?),
            "H265" => join("rtph265depay".into(), coded("video/x-h265", "h265parse")?),
            "JPEG" => "rtpjpegdepay ! jpegdec".into(),
            _ => return Ok(Decoding::Autoplug),
        },
        "video/x-h264" => coded("video/x-h264", "h264parse")?,
        "video/x-h265" => coded("video/x-h265", "h265parse")?,
        "image/jpeg" => "jpegdec".into(),
        "image/png" => "pngdec".into(),
        _ if decoders(&caps.to_owned()).is_empty() => return Err(no_decoder(caps)),
        _ => return Ok(Decoding::Autoplug),
    };
    Ok(Decoding::Elements(line))
}

fn coded(media: &str, parser: &str) -> Result<String, CaptureError> {
    let caps = gst::Caps::new_empty_simple(media);
    let decoder = best_decoder(&caps).ok_or_else(|| no_decoder(&caps))?;
    Ok(format!("{parser} ! {decoder}"))
}

fn no_decoder(caps: &gst::CapsRef) -> CaptureError {
    let media = caps.structure(0).map_or("", |structure| structure.name().as_str());
    let package = match media {
        "video/x-vp8" | "video/x-vp9" | "image/jpeg" | "image/png" => "gstreamer1.0-plugins-good",
        "video/x-av1" => "gstreamer1.0-plugins-bad",
        "video/x-theora" => "gstreamer1.0-plugins-base",
        _ => "gstreamer1.0-libav",
    };
    CaptureError::NoDecoder { caps: media.into(), package }
}

/// The decoders that decodebin would choose for `caps`. Reads only the registry and loads no plugin.
fn decoders(caps: &gst::Caps) -> Vec<gst::ElementFactory> {
    let kind = gst::ElementFactoryType::DECODER | gst::ElementFactoryType::MEDIA_VIDEO;
    let known = gst::ElementFactory::factories_with_type(kind, gst::Rank::MARGINAL);
    known.into_iter().filter(|factory| factory.can_sink_any_caps(caps)).collect()
}

/// The decoder of the highest rank; among equals, one in hardware.
fn best_decoder(caps: &gst::Caps) -> Option<String> {
    let best = decoders(caps).into_iter().max_by_key(|factory| {
        (factory.rank(), factory.metadata("klass").unwrap_or_default().contains("Hardware"))
    });
    best.map(|factory| factory.name().to_string())
}

/// Makes a bin from a launch line that this module wrote.
pub fn bin(line: &str) -> Result<gst::Bin, CaptureError> {
    gst::parse::bin_from_description(line, true).map_err(|error| {
        missing(line).unwrap_or(CaptureError::Launch { line: line.into(), cause: error.to_string() })
    })
}

/// Makes an element. Errors: it is not installed; the error names the package that has it.
pub fn element(factory: &str) -> Result<gst::Element, CaptureError> {
    gst::ElementFactory::make(factory).build().map_err(|_| no_element(factory))
}

fn missing(line: &str) -> Option<CaptureError> {
    let names = line.split('!').filter_map(|part| part.split_whitespace().next());
    names.into_iter().find(|name| gst::ElementFactory::find(name).is_none()).map(no_element)
}

fn no_element(factory: &str) -> CaptureError {
    let package = match factory {
        "filesrc" | "identity" => "libgstreamer1.0-0",
        "appsrc" | "decodebin" | "videoconvert" => "gstreamer1.0-plugins-base",
        "h264parse" | "h265parse" => "gstreamer1.0-plugins-bad",
        name if name.starts_with("avdec_") => "gstreamer1.0-libav",
        _ => "gstreamer1.0-plugins-good",
    };
    CaptureError::NoElement { element: factory.into(), package }
}

/// Sets how many threads each of libav's decoders gets. Frames at their own pace (`paced`) get one: more
/// would take cores from the pinned workers and add latency, because each of libav's frame threads holds a
/// frame back. Unpaced decoding gets one more thread than there are cores, so that no single thread limits
/// the rate.
pub fn set_decoder_threads(pipeline: &gst::Pipeline, paced: bool) {
    let threads =
        if paced { 1 } else { (crate::supervisor::usable_cores().len() + 1).min(MOST_THREADS) as i32 };
    pipeline.connect_deep_element_added(move |_, _, element| {
        let libav = element.factory().is_some_and(|factory| factory.name().starts_with("avdec_"));
        if libav && element.has_property_with_type("max-threads", i32::static_type()) {
            element.set_property("max-threads", threads);
            appsink::let_pool_grow(element);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_that_is_not_installed_is_named_with_its_package() {
        gst::init().unwrap();
        let error = bin("jpegdec ! avdec_nothing").unwrap_err().to_string();
        assert!(error.contains("avdec_nothing") && error.contains("gstreamer1.0-libav"), "{error}");
    }

    #[test]
    fn raw_video_gets_no_decoder_and_h264_the_one_of_the_highest_rank() {
        gst::init().unwrap();
        let caps = |name| gst::Caps::new_empty_simple(name);
        assert_eq!(decode(&caps("video/x-raw")).unwrap(), Decoding::Raw);
        let Decoding::Elements(line) = decode(&caps("video/x-h264")).unwrap() else { panic!("no line") };
        assert!(line.starts_with("h264parse ! "), "{line}");
        assert!(bin(&line).is_ok());
    }

    #[test]
    fn a_codec_that_nothing_decodes_is_named_with_the_package_that_would() {
        gst::init().unwrap();
        let error = decode(&gst::Caps::new_empty_simple("video/x-no-such-codec")).unwrap_err().to_string();
        assert!(error.contains("video/x-no-such-codec") && error.contains("gstreamer1.0-libav"), "{error}");
        let missing = no_decoder(&gst::Caps::new_empty_simple("video/x-vp9")).to_string();
        assert!(missing.contains("gstreamer1.0-plugins-good"), "{missing}");
    }
}
