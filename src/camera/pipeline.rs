//! One pipeline, from its source to the appsink, for the length of one connection.

use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as app;

use super::bus::{self, FaultKind, Wording};
use super::chain::{self, Needs, Trouble};
use super::feed::FileNames;
use super::originals::Originals;
use super::remote::Attempt;
use super::scoped::ScopedCallback;
use super::{CaptureError, appsink, http};
use crate::supervisor::Stop;
use crate::telemetry::Counter;

/// Time slices of streaming threads with paced frames, the longest that the kernel allows. They have until
/// the next frame, while the threads that a frame wakes (worker, broker, subscriber) are waited for, and take
/// over their core at once.
const PACED_SLICE: Duration = Duration::from_millis(100);
/// Without pacing the decoder limits the rate, so its threads get the kernel's default slices. They are set
/// explicitly, because GStreamer reuses threads between pipelines.
const USUAL_SLICE: Duration = Duration::ZERO;

/// What the next pipeline does differently because the last one failed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Variant {
    /// Convert frames, because the source offers none of the seven supported formats.
    pub convert: bool,
    /// Map the driver's own buffers, because the device exports no DMA-BUF.
    pub plain_io: bool,
    /// Turn frames, because the stream's tags ask for it.
    pub upright: bool,
}

/// The parameters from which a pipeline is built.
#[derive(Clone, Copy)]
pub struct Build<'a> {
    /// The camera's name, for the log.
    pub camera: &'a str,
    /// Number of slots of the ring.
    pub slots: usize,
    /// Whether frames leave at their time stamps (live sources keep their own time).
    pub sync: bool,
    /// What this attempt does differently.
    pub variant: Variant,
    /// How much of GStreamer's error text may be logged.
    pub wording: Wording,
    /// Whether JPEGs of the camera are kept with the frames made of them.
    pub keeps_jpeg: bool,
    /// Ends every wait in the pipeline.
    pub stop: &'a Stop,
    /// Counts damaged pictures that gave no frame.
    pub damaged: &'a Counter,
}

/// A pipeline that ends in our appsink. Dropping it stops the pipeline.
pub struct CapturePipeline {
    /// The GStreamer pipeline that ends in the appsink.
    pub pipeline: gst::Pipeline,
    /// The files that its buffers come from, for a source of files.
    pub names: Option<FileNames>,
    /// The JPEGs that its frames are decoded from, where they are kept.
    originals: Option<Originals>,
    sink: app::AppSink,
    bus: gst::Bus,
    trouble: Trouble,
    received: Option<http::Shared>,
    /// The direction in which `videoflip` turns frames, if it does.
    pub turn: Option<&'static str>,
    wording: Wording,
    stop: Stop,
    live: bool,
}

impl CapturePipeline {
    /// Makes a pipeline that contains only the appsink.
    pub fn new(build: Build<'_>) -> Result<CapturePipeline, CaptureError> {
        let pipeline = gst::Pipeline::new();
        CapturePipeline::around(pipeline, build)
    }

    /// Adds the appsink to a pipeline that has no sink yet.
    pub fn around(pipeline: gst::Pipeline, build: Build<'_>) -> Result<CapturePipeline, CaptureError> {
        let sink = appsink::build(build.slots, build.sync);
        let bus = pipeline.bus().ok_or_else(|| internal("a pipeline without a bus"))?;
        let slice = if build.sync { PACED_SLICE } else { USUAL_SLICE };
        bus::keep_errors_only(&bus, build.camera, slice, build.wording);
        pipeline.add(&sink).map_err(|_| internal("the appsink was refused"))?;
        // Before any decoder is added, so that none is overlooked.
        let originals = build.keeps_jpeg.then(|| Originals::of(&pipeline));
        let stop = build.stop.child();
        // `auto` makes videoflip follow the stream's tags.
        let turn = build.variant.upright.then_some("auto");
        Ok(CapturePipeline {
            pipeline,
            names: None,
            originals,
            sink,
            bus,
            trouble: Trouble::default(),
            received: None,
            turn,
            wording: build.wording,
            stop,
            live: false,
        })
    }

    /// Adds `elements` and links them in order; with `to_sink`, also the last one to the appsink.
    pub fn chain(&self, elements: &[&gst::Element], to_sink: bool) -> Result<(), CaptureError> {
        // Linking fails here already for elements with fixed formats, before data flows.
        let unlinked = |_| failure("its format is not supported", FaultKind::Negotiation);
        self.pipeline.add_many(elements).map_err(|_| internal("an element was refused"))?;
        gst::Element::link_many(elements).map_err(unlinked)?;
        match elements.last() {
            Some(last) if to_sink => last.link(&self.sink).map_err(unlinked),
            _ => Ok(()),
        }
    }

    /// Links the first video pad that `source` will add.
    pub fn link_when_shown(&self, source: &gst::Element, convert: bool) {
        let sink = self.sink.upcast_ref();
        let needs = Needs { convert, turn: self.turn };
        chain::link_when_shown(&self.pipeline, source, sink, needs, &self.trouble);
    }

    /// The JPEGs that its frames are decoded from, where they are kept. Not of frames that are turned: their JPEGs lie on
    /// their side.
    pub fn originals(&self) -> Option<Originals> {
        self.originals.clone().filter(|_| self.turn.is_none())
    }

    /// The appsink, for tests that inspect what reaches it.
    #[cfg(test)]
    pub fn sink(&self) -> &gst::Element {
        self.sink.upcast_ref()
    }

    /// The token that stops when this pipeline is dropped.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Starts the pipeline; returns the error that keeps it from playing.
    pub fn play(&mut self) -> Result<(), CaptureError> {
        // A live source gives no frame in PAUSED, which is how it is recognised; its frames must not wait for
        // their time stamps.
        for state in [gst::State::Paused, gst::State::Playing] {
            match self.pipeline.set_state(state) {
                Ok(gst::StateChangeSuccess::NoPreroll) => {
                    self.live = true;
                    self.sink.set_property("sync", false);
                }
                Ok(_) => {}
                Err(_) => return Err(self.fault().unwrap_or_else(|| internal("it does not start"))),
            }
        }
        Ok(())
    }

    /// Whether the source is live; valid after `play`.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Passes every sample to `callback`, on the thread that made it. The returned receiver is signalled at
    /// the end of the stream, or when the callback wants no more samples. Call it before `play`.
    pub fn serve(&self, callback: &ScopedCallback) -> Receiver<()> {
        let (tell, news) = sync_channel(1);
        let (callback, full) = (callback.clone(), tell.clone());
        let new_sample = move |sink: &app::AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Flushing)?;
            if callback.take(sample) {
                return Ok(gst::FlowSuccess::Ok);
            }
            // A full channel already holds the signal.
            let _ = full.try_send(());
            Err(gst::FlowError::Flushing)
        };
        let eos = move |_: &app::AppSink| {
            let _ = tell.try_send(());
        };
        self.sink.set_callbacks(app::AppSinkCallbacks::builder().new_sample(new_sample).eos(eos).build());
        news
    }

    /// Pulls the next sample within `timeout`, where no callback is served.
    #[cfg(test)]
    pub fn pull(&self, timeout: Duration) -> Option<gst::Sample> {
        self.sink.try_pull_sample(gst::ClockTime::try_from(timeout).ok())
    }

    /// Whether every sample has been delivered and the stream has ended.
    pub fn is_eos(&self) -> bool {
        self.sink.is_eos()
    }

    /// The slot in which its streaming threads store their error.
    pub fn trouble(&self) -> Trouble {
        self.trouble.clone()
    }

    /// Sets the record of what this connection receives over HTTP.
    pub fn set_received(&mut self, received: http::Shared) {
        self.received = Some(received);
    }

    /// The facts about the connection that explain a failure: what came over HTTP.
    pub fn attempt(&self) -> Attempt {
        let Some(received) = &self.received else { return Attempt::default() };
        let received = received.lock();
        let (content_type, verdict) = (received.content_type.clone(), received.verdict.clone());
        Attempt { bytes: received.bytes, content_type, verdict, ..Attempt::default() }
    }

    /// Whether no streaming thread has work although no frame has reached the appsink, so that none ever will.
    /// GStreamer may report neither an end nor an error then: decodebin drops an error of its demuxer that comes while
    /// it still links the demuxer's pads (seen with 1.22), which a file of a few frames can bring about.
    pub fn is_stranded(&self) -> bool {
        let works = |element: gst::Element| {
            element.pads().iter().any(|pad| pad.task_state() == gst::TaskState::Started)
        };
        let waits = self.sink.current_state() < gst::State::Paused && !self.sink.is_eos();
        waits && !self.pipeline.iterate_recurse().into_iter().flatten().any(works)
    }

    /// Takes the error that has occurred since the last call.
    pub fn fault(&self) -> Option<CaptureError> {
        let noted = self.trouble.lock().take();
        noted.or_else(|| bus::error_of(&self.bus, self.wording).map(CaptureError::Stream))
    }
}

impl Drop for CapturePipeline {
    fn drop(&mut self) {
        self.stop.stop();
        // The change to NULL cannot fail, and it joins the streaming threads.
        let _ = self.pipeline.set_state(gst::State::Null);
        self.bus.unset_sync_handler();
    }
}

/// An internal fault of the pipeline's construction, which no input should cause.
fn internal(cause: &str) -> CaptureError {
    failure(cause, FaultKind::Other)
}

/// An error of the pipeline that no element reported.
pub fn failure(cause: &str, kind: FaultKind) -> CaptureError {
    CaptureError::Stream(bus::BusFault {
        element: "pipeline".into(),
        cause: cause.into(),
        remedy: "run with GST_DEBUG=3 for the details",
        kind,
        status: None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::camera::appsink::SampleMapper;
    use crate::camera::{file, source};
    use crate::config::LaunchLine;
    use crate::types::Stamp;

    /// The address of the pixels of each buffer that reaches the appsink.
    fn addresses(line: &CapturePipeline) -> Arc<Mutex<Vec<usize>>> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = seen.clone();
        let pad = line.sink().static_pad("sink").unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let map = info.buffer().unwrap().map_readable().unwrap();
            noted.lock().push(map.as_ptr() as usize);
            gst::PadProbeReturn::Ok
        });
        seen
    }

    /// Each frame's luma lies where the buffer's memory lay before the appsink (decoders may put edges before
    /// it).
    fn assert_not_copied(mut line: CapturePipeline, edge_bytes: usize) {
        let seen = addresses(&line);
        line.play().unwrap();
        let mut mapper = SampleMapper::new(4, None, None);
        for n in 0..5 {
            let sample = line.pull(Duration::from_secs(20)).expect("a frame");
            let (frame, _) = mapper.frame(sample, n, Stamp::default()).unwrap();
            let luma = frame.planes().data[0].as_ptr() as usize;
            let memory = seen.lock()[n as usize];
            assert!(
                (memory..=memory + edge_bytes).contains(&luma),
                "{luma:x} is not in the memory at {memory:x}"
            );
        }
    }

    fn line(make: impl FnOnce(Build<'_>) -> Result<CapturePipeline, CaptureError>) -> CapturePipeline {
        let (variant, wording) = (Variant::default(), Wording::Sentences);
        let (stop, damaged) = (&Stop::new(), &Counter::new());
        make(Build {
            camera: "test",
            slots: 4,
            sync: false,
            variant,
            wording,
            keeps_jpeg: false,
            stop,
            damaged,
        })
        .unwrap()
    }

    /// A pipeline of which nothing reaches the appsink.
    fn silent(source: &str) -> CapturePipeline {
        let text = LaunchLine::new(source);
        let line = line(|build| source::launched(&text, build));
        let pad = line.sink().static_pad("sink").unwrap();
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        pad.add_probe(kinds, |_, info| {
            drop(info.data.take());
            gst::PadProbeReturn::Handled
        });
        line
    }

    #[test]
    fn a_pipeline_is_stranded_when_its_threads_have_ended_and_nothing_has_reached_the_appsink() {
        gst::init().unwrap();
        let caps = "video/x-raw,format=NV12,width=32,height=24";
        let mut working = silent(&format!("videotestsrc ! {caps}"));
        working.play().unwrap();
        assert!(!working.is_stranded(), "its source goes on");
        let mut over = silent(&format!("videotestsrc num-buffers=3 ! {caps}"));
        over.play().unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while !over.is_stranded() {
            assert!(std::time::Instant::now() < deadline, "its source has ended");
            std::thread::yield_now();
        }
        let mut ended = line(|build| {
            source::launched(&LaunchLine::new(format!("videotestsrc num-buffers=1 ! {caps}")), build)
        });
        ended.play().unwrap();
        assert!(
            ended.pull(Duration::from_secs(20)).is_some() && ended.pull(Duration::from_secs(20)).is_none()
        );
        assert!(ended.is_eos() && !ended.is_stranded(), "an end that was reported is enough");
    }

    #[test]
    fn a_raw_frame_lies_where_its_source_wrote_it() {
        gst::init().unwrap();
        let caps = "video/x-raw,format=NV12,width=320,height=240";
        let text = LaunchLine::new(format!("videotestsrc ! {caps}"));
        assert_not_copied(line(|build| source::launched(&text, build)), 0);
    }

    #[test]
    fn a_decoded_frame_lies_where_the_decoder_wrote_it() {
        gst::init().unwrap();
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/video/asl_bird.mkv");
        let video = file::look(&path).unwrap();
        let line = line(|build| file::line(&video, build));
        // libav writes its edge above and to the left of the picture: at most 64 rows of a padded stride.
        assert_not_copied(line, 64 * 2048);
    }
}
