//! A pipeline that decodes the frames of one file, pulled one after the other.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as app;
use gstreamer_video as video;
use parking_lot::Mutex;

use super::pixels::{COLOUR_FORMATS, Channels, LUMA_FORMATS};
use super::{MAX_PIXELS, VideoError};

/// How often a decoder that gives nothing is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Frames that are decoded ahead of the one that is used.
const AHEAD: u32 = 2;
/// How long frames may still come out of the decoder after the file was found to be damaged behind them.
const REST: Duration = Duration::from_secs(2);

/// How a file is decoded.
#[derive(Clone, Debug)]
pub struct DecoderOptions {
    /// What is read of each frame.
    pub channels: Channels,
    /// Whether frames are turned as the video's orientation tag asks.
    pub upright: bool,
    /// Threads of a software decoder; 0: one for each core. Other workers decode beside a reader, so it gets one.
    pub threads: i32,
    /// Whether what goes into the decoder is noted: in the first pass.
    pub is_noted: bool,
    /// Longest time without a frame before the decoder counts as hanging.
    pub patience: Duration,
}

/// What the streaming threads found out.
#[derive(Debug, Default)]
pub struct Notes {
    /// The error that ended the pipeline, where GStreamer's own says less.
    fault: Option<VideoError>,
    /// Time stamps of the pictures that can be decoded without any before them, nanoseconds.
    pub keys: Vec<u64>,
    /// Coded pictures that went into the decoder.
    pub coded: usize,
    /// Streams of pictures beside the first, which are left out.
    pub other_streams: usize,
    /// Warnings: how many, and the first.
    pub warnings: (usize, String),
}

/// A decoded frame. Its buffer goes back to the decoder when it is dropped.
#[derive(Debug)]
pub struct DecodedFrame {
    /// The pixels, in the decoder's memory.
    pub buffer: gst::Buffer,
    /// Size and format of its pixels.
    pub info: video::VideoInfo,
    /// The time of the frame in the stream, nanoseconds; none where the file has none.
    pub time: Option<u64>,
}

impl DecodedFrame {
    /// The sample is dropped first: an appsink whose sample is held elsewhere cannot change its caps.
    fn new(sample: gst::Sample) -> Option<DecodedFrame> {
        let info = video::VideoInfo::from_caps(sample.caps()?).ok()?;
        let buffer = sample.buffer_owned()?;
        let segment = sample.segment().and_then(|segment| segment.downcast_ref::<gst::ClockTime>());
        let time =
            buffer.pts().map(|pts| segment.and_then(|segment| segment.to_stream_time(pts)).unwrap_or(pts));
        Some(DecodedFrame { buffer, info, time: time.map(gst::ClockTime::nseconds) })
    }
}

/// Decodes one file from its start. Dropping it stops the pipeline.
#[derive(Debug)]
pub struct Decoder {
    pipeline: gst::Pipeline,
    sink: app::AppSink,
    bus: gst::Bus,
    notes: Arc<Mutex<Notes>>,
    patience: Duration,
    /// An error behind frames that are still to come.
    fault: Option<VideoError>,
    /// A streaming thread does not come back, so that the pipeline cannot be stopped.
    hung: bool,
}

impl Decoder {
    /// Builds the pipeline for `path`; nothing is read before [`Decoder::play`].
    pub fn build(path: &Path, options: &DecoderOptions) -> Result<Decoder, VideoError> {
        gst::init().map_err(VideoError::Start)?;
        let pipeline = gst::Pipeline::new();
        let bus = pipeline.bus().ok_or(VideoError::Refused("make a bus"))?;
        let notes = Arc::new(Mutex::new(Notes::default()));
        keep_faults(&bus, &notes);
        let source = element("filesrc")?;
        source.set_property("location", path);
        let decodebin = element("decodebin")?;
        let sink = app_sink(options.channels);
        let convert = element("videoconvert")?;
        // Measured values get no pattern, where 10 bits become 8.
        convert.set_property_from_str("dither", "none");
        let mut chain = vec![convert];
        if options.upright {
            let flip = element("videoflip")?;
            // The tag of the stream decides.
            flip.set_property_from_str("video-direction", "auto");
            chain.extend([flip, element("videoconvert")?]);
        }
        chain.push(sink.clone().upcast());
        let refused = |_| VideoError::Refused("link a decoder");
        pipeline.add_many([&source, &decodebin]).map_err(refused)?;
        pipeline.add_many(&chain).map_err(refused)?;
        source.link(&decodebin).map_err(refused)?;
        gst::Element::link_many(&chain).map_err(refused)?;
        refuse_large(&decodebin, &notes);
        link_first_video(&pipeline, &decodebin, &chain[0], &notes);
        watch_decoders(&pipeline, options, &notes);
        Ok(Decoder { pipeline, sink, bus, notes, patience: options.patience, fault: None, hung: false })
    }

    /// Starts to decode from the first frame.
    pub fn play(&mut self) -> Result<(), VideoError> {
        match self.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.new_fault(0).unwrap_or(VideoError::Refused("start the pipeline"))),
        }
    }

    /// The next frame; `None` at the end. `frame` is its number, for messages.
    pub fn next(&mut self, frame: usize) -> Result<Option<DecodedFrame>, VideoError> {
        let began = Instant::now();
        let mut stranded = false;
        loop {
            if let Some(sample) = self.sink.try_pull_sample(gst::ClockTime::try_from(LOOK).ok()) {
                return DecodedFrame::new(sample).ok_or(VideoError::Unmappable { frame }).map(Some);
            }
            // The demuxer is ahead of the decoder: what it read before its error becomes frames all the same.
            self.fault = self.fault.take().or_else(|| self.new_fault(frame));
            let is_over = self.sink.is_eos() || frame == 0 || began.elapsed() > REST;
            if let Some(fault) = self.fault.take_if(|_| is_over) {
                return Err(fault);
            }
            if self.sink.is_eos() {
                return Ok(None);
            }
            // Seen twice, because a thread may be about to start.
            if std::mem::replace(&mut stranded, self.is_stranded()) && stranded {
                return Err(VideoError::NotVideo { cause: "GStreamer gave up without an error".into() });
            }
            if began.elapsed() > self.patience {
                self.hung = true;
                return Err(VideoError::Hangs { frame, seconds: self.patience.as_secs() });
            }
        }
    }

    /// Goes to the frame at `pts`, nanoseconds, or the one before it. Whether the pipeline did so.
    pub fn seek(&mut self, frame: usize, pts: u64) -> Result<bool, VideoError> {
        // A seek waits for the streaming thread, which may hang: another thread waits.
        let (done, wait) = sync_channel(1);
        self.pipeline.call_async(move |pipeline| {
            let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
            let sought = pipeline.seek_simple(flags, gst::ClockTime::from_nseconds(pts));
            // Nobody listens any more after the deadline.
            let _ = done.send(sought.is_ok());
        });
        wait.recv_timeout(self.patience).map_err(|_| {
            self.hung = true;
            VideoError::Hangs { frame, seconds: self.patience.as_secs() }
        })
    }

    /// What its streaming threads found out so far.
    pub fn notes(&self) -> &Mutex<Notes> {
        &self.notes
    }

    /// How long the file lasts by its own words, nanoseconds.
    pub fn duration(&self) -> Option<u64> {
        self.pipeline.query_duration::<gst::ClockTime>().map(gst::ClockTime::nseconds)
    }

    /// The tags that have reached the end of the pipeline.
    pub fn tags(&self) -> Vec<gst::TagList> {
        let Some(pad) = self.sink.static_pad("sink") else { return Vec::new() };
        (0..).map_while(|at| pad.sticky_event::<gst::event::Tag>(at)).map(|event| event.tag_owned()).collect()
    }

    /// The pad of the sink, for a test that holds it.
    #[cfg(test)]
    pub fn pad(&self) -> gst::Pad {
        self.sink.static_pad("sink").expect("an appsink has a pad")
    }

    /// Takes the error that ended the pipeline while `frame` was waited for.
    fn new_fault(&self, frame: usize) -> Option<VideoError> {
        let noted = self.notes.lock().fault.take();
        noted.or_else(|| {
            let message = self.bus.pop_filtered(&[gst::MessageType::Error])?;
            let gst::MessageView::Error(error) = message.view() else { return None };
            Some(explained(&error.error(), &error.debug().unwrap_or_default(), frame))
        })
    }

    /// Whether no thread works although nothing has reached the sink: decodebin drops an error of its demuxer that
    /// comes while it still links the demuxer's pads (seen with GStreamer 1.22).
    fn is_stranded(&self) -> bool {
        let works = |element: gst::Element| {
            element.pads().iter().any(|pad| pad.task_state() == gst::TaskState::Started)
        };
        let waits = self.sink.current_state() < gst::State::Paused && !self.sink.is_eos();
        waits && !self.pipeline.iterate_recurse().into_iter().flatten().any(works)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        if self.hung {
            // Stopping it would wait for the thread that hangs. It keeps its memory until the process ends.
            std::mem::forget(self.pipeline.clone());
            return;
        }
        // The change to NULL cannot fail, and it joins the streaming threads.
        let _ = self.pipeline.set_state(gst::State::Null);
        self.bus.unset_sync_handler();
    }
}

fn element(factory: &'static str) -> Result<gst::Element, VideoError> {
    gst::ElementFactory::make(factory).build().map_err(|_| VideoError::NoElement(factory))
}

fn app_sink(channels: Channels) -> app::AppSink {
    let formats = match channels {
        Channels::Luma => LUMA_FORMATS,
        Channels::Colours => COLOUR_FORMATS,
    };
    let caps = video::VideoCapsBuilder::new().format_list(formats.iter().copied()).build();
    let sink = app::AppSink::builder().caps(&caps).max_buffers(AHEAD).drop(false).sync(false);
    sink.enable_last_sample(false).wait_on_eos(false).build()
}

/// Keeps errors on the bus and counts warnings, so that messages do not pile up.
fn keep_faults(bus: &gst::Bus, notes: &Arc<Mutex<Notes>>) {
    let notes = notes.clone();
    bus.set_sync_handler(move |_, message| match message.view() {
        gst::MessageView::Error(_) => gst::BusSyncReply::Pass,
        gst::MessageView::Warning(warning) => {
            let mut notes = notes.lock();
            if notes.warnings.0 == 0 {
                notes.warnings.1 = warning.error().message().trim_end_matches('.').to_owned();
            }
            notes.warnings.0 += 1;
            gst::BusSyncReply::Drop
        }
        _ => gst::BusSyncReply::Drop,
    });
}

/// Ends the pipeline before a decoder takes memory for pictures beyond the bounds, by what the container says of them.
fn refuse_large(decodebin: &gst::Element, notes: &Arc<Mutex<Notes>>) {
    let notes = notes.clone();
    decodebin.connect("autoplug-continue", false, move |values| {
        let caps = values.get(2).and_then(|value| value.get::<gst::Caps>().ok());
        let large = caps.as_deref().and_then(too_large);
        let goes_on = large.is_none();
        if let Some(fault) = large {
            notes.lock().fault.get_or_insert(fault);
        }
        Some(goes_on.to_value())
    });
}

/// The fault of caps whose pictures are beyond the bounds.
fn too_large(caps: &gst::CapsRef) -> Option<VideoError> {
    let structure = caps.structure(0)?;
    let side = |name| structure.get::<i32>(name).ok().and_then(|side| u64::try_from(side).ok());
    let (width, height) = (side("width")?, side("height")?);
    (width.saturating_mul(height) > MAX_PIXELS).then_some(VideoError::TooLarge { width, height })
}

/// Links the first video pad of `decodebin` to `first`; the others stay alone, and are not decoded further.
fn link_first_video(
    pipeline: &gst::Pipeline,
    decodebin: &gst::Element,
    first: &gst::Element,
    notes: &Arc<Mutex<Notes>>,
) {
    let (weak, target, noted) = (pipeline.downgrade(), first.downgrade(), notes.clone());
    decodebin.connect_pad_added(move |_, pad| {
        let (Some(pipeline), Some(target)) = (weak.upgrade(), target.upgrade()) else { return };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let is_video = caps.structure(0).is_some_and(|structure| structure.name() == "video/x-raw");
        if noted.lock().fault.is_some() {
            gst::element_error!(pipeline, gst::StreamError::Format, ("the video is refused"));
            return;
        }
        let Some(sink) = target.static_pad("sink").filter(|_| is_video) else { return };
        if sink.is_linked() {
            noted.lock().other_streams += 1;
            return;
        }
        if let Some(fault) = too_large(&caps) {
            noted.lock().fault.get_or_insert(fault);
            gst::element_error!(pipeline, gst::StreamError::Format, ("the video is refused"));
        } else if pad.link(&sink).is_err() {
            noted.lock().fault.get_or_insert(VideoError::Refused("link a decoder"));
            gst::element_error!(pipeline, gst::CoreError::Pad, ("the video could not be linked"));
        }
    });
    let (weak, target, noted) = (pipeline.downgrade(), first.downgrade(), notes.clone());
    decodebin.connect_no_more_pads(move |_| {
        let (Some(pipeline), Some(target)) = (weak.upgrade(), target.upgrade()) else { return };
        if !target.static_pad("sink").is_some_and(|pad| pad.is_linked()) {
            noted.lock().fault.get_or_insert(VideoError::NoStream);
            gst::element_error!(pipeline, gst::StreamError::WrongType, ("it contains no video"));
        }
    });
}

/// Sets the threads of each video decoder, and notes what goes into it.
fn watch_decoders(pipeline: &gst::Pipeline, options: &DecoderOptions, notes: &Arc<Mutex<Notes>>) {
    let (notes, threads, is_noted) = (notes.clone(), options.threads, options.is_noted);
    pipeline.connect_deep_element_added(move |_, _, element| {
        let class = element.factory().and_then(|factory| factory.metadata("klass").map(str::to_owned));
        if !class.is_some_and(|class| {
            class.contains("Decoder") && (class.contains("Video") || class.contains("Image"))
        }) {
            return;
        }
        if threads > 0 && element.has_property_with_type("max-threads", i32::static_type()) {
            element.set_property("max-threads", threads);
        }
        let notes = notes.clone();
        let Some(pad) = element.static_pad("sink").filter(|_| is_noted) else { return };
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer() {
                let mut notes = notes.lock();
                notes.coded += 1;
                let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
                notes.keys.extend(buffer.pts().filter(|_| is_key).map(gst::ClockTime::nseconds));
            }
            gst::PadProbeReturn::Ok
        });
    });
}

/// A fault in the words of the stack, from GStreamer's error.
fn explained(error: &gst::glib::Error, debug: &str, frame: usize) -> VideoError {
    // GStreamer's own texts for internal errors carry no cause; the last line of the debug text does.
    let vague = error.message().starts_with("Internal data stream error");
    let cause = debug.lines().last().filter(|_| vague).unwrap_or(error.message());
    let cause = cause.trim().trim_end_matches('.').to_owned();
    match error.kind::<gst::StreamError>() {
        Some(gst::StreamError::CodecNotFound) => return VideoError::NoDecoder { cause },
        Some(gst::StreamError::TypeNotFound | gst::StreamError::WrongType) => {
            return VideoError::NotVideo { cause };
        }
        _ => {}
    }
    match error.kind::<gst::CoreError>() {
        Some(gst::CoreError::MissingPlugin) => VideoError::NoDecoder { cause },
        _ => VideoError::Damaged { frame, cause },
    }
}
