//! MJPEG over HTTP: souphttpsrc handles the transport (logins, chunks, TLS, proxies). The pictures are found
//! by their JPEG markers, because the multipart headers that cameras send are unreliable.

use std::sync::Arc;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as app;
use parking_lot::Mutex;

use super::CaptureError;
use super::chain::{self, Trouble};
use super::pipeline::{Build, CapturePipeline};
use super::remote::{self, RemoteError};
use super::splitter::Splitter;
use crate::config::{CameraConfig, SourceUrl};
use crate::supervisor::Stop;
use crate::telemetry::Counter;
use crate::types::Explanation;

/// Bytes of pictures that may wait for the decoder before the network is slowed down.
const LEAD_BYTES: u64 = 1 << 20;
/// The search ends after so many bytes without a picture.
const SEARCH_BYTES: u64 = 4 << 20;

/// What a connection has delivered so far.
#[derive(Debug, Default)]
pub struct HttpReceived {
    /// Bytes of the response's body.
    pub bytes: u64,
    /// The Content-Type that the server declared.
    pub content_type: Option<String>,
    /// Why the response ended otherwise than a stream should.
    pub verdict: Option<Explanation>,
    pictures: u64,
    /// The first picture of a server that declares a single image, held until a second one begins.
    first: Option<Vec<u8>>,
}

/// Shared by the streaming thread and the code that explains why the connection ended.
pub type Shared = Arc<Mutex<HttpReceived>>;

/// Builds `souphttpsrc ! appsink`, the splitter, and `appsrc ! jpegdec`.
pub fn mjpeg(
    url: &SourceUrl,
    camera: &CameraConfig,
    build: Build<'_>,
) -> Result<CapturePipeline, CaptureError> {
    let mut line = CapturePipeline::new(build)?;
    let source = chain::element("souphttpsrc")?;
    remote::set_address(&source, url, camera)?;
    // libsoup would also log in at a redirect's target, whose address the camera chooses.
    source.set_property("automatic-redirect", !remote::has_login(url, camera));
    source.set_property("is-live", true);
    source.set_property("do-timestamp", true);
    source.set_property("retries", 0i32);
    source.set_property("timeout", remote::patience(camera).as_secs().max(1) as u32);
    let bytes = app::AppSink::builder().sync(false).max_buffers(1).enable_last_sample(false).build();
    // This sink gets no picture in PAUSED, and must not wait for the other one.
    bytes.set_property("async", false);
    let rate = gst::Fraction::new(0, 1);
    let pictures = app::AppSrc::builder()
        .caps(&gst::Caps::builder("image/jpeg").field("framerate", rate).build())
        .format(gst::Format::Time)
        .is_live(true)
        .do_timestamp(true)
        .max_bytes(0)
        .build();
    let decoder = chain::element("jpegdec")?;
    let convert = build.variant.convert.then(|| chain::element("videoconvert")).transpose()?;
    line.chain(&[&source, bytes.upcast_ref()], false)?;
    let rest: Vec<&gst::Element> =
        [Some(pictures.upcast_ref()), Some(&decoder), convert.as_ref()].into_iter().flatten().collect();
    line.chain(&rest, true)?;
    let received = Shared::default();
    note_content_type(&source, received.clone());
    let inlet = Inlet {
        address: url.address(),
        splitter: Splitter::new(),
        received: received.clone(),
        damaged: build.damaged.clone(),
        pictures,
        trouble: line.trouble(),
        stop: line.stop().clone(),
    };
    inlet.serve(&bytes);
    line.set_received(received);
    Ok(line)
}

/// Stores the Content-Type, which souphttpsrc sends downstream as an event.
fn note_content_type(source: &gst::Element, received: Shared) {
    let Some(pad) = source.static_pad("src") else { return };
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let head = info.event().and_then(|event| event.structure());
        if let Some(head) = head.filter(|head| head.name() == "http-headers")
            && let Ok(head) = head.get::<gst::Structure>("response-headers")
        {
            let named = head.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            received.lock().content_type =
                named.and_then(|(_, value)| value.get::<String>().ok()).map(|text| media_type(&text));
        }
        gst::PadProbeReturn::Ok
    });
}

/// Reduces a Content-Type (RFC 9110, 8.3.1) to `TYPE/SUBTYPE`, and drops whatever else the server sent.
fn media_type(text: &str) -> String {
    let text = text.split([';', ',']).next().unwrap_or_default().trim().to_ascii_lowercase();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/.+-".contains(c);
    let sound = (3..=60).contains(&text.len()) && text.matches('/').count() == 1 && text.chars().all(allowed);
    if sound { text } else { "an unknown type".into() }
}

/// Passes pictures from the network's bytes to the decoder, on the network's streaming thread.
struct Inlet {
    address: String,
    splitter: Splitter,
    received: Shared,
    /// Counts pictures that were truncated and skipped.
    damaged: Counter,
    pictures: app::AppSrc,
    trouble: Trouble,
    stop: Stop,
}

impl Inlet {
    /// Connects this inlet to `bytes`: its buffers and its end of stream.
    fn serve(self, bytes: &app::AppSink) {
        let inlet = Arc::new(Mutex::new(self));
        let at_end = inlet.clone();
        let new_sample = move |sink: &app::AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Flushing)?;
            let mut inlet = inlet.lock();
            inlet.take(&sample)
        };
        let eos = move |_: &app::AppSink| at_end.lock().end();
        bytes.set_callbacks(app::AppSinkCallbacks::builder().new_sample(new_sample).eos(eos).build());
    }

    fn take(&mut self, sample: &gst::Sample) -> Result<gst::FlowSuccess, gst::FlowError> {
        let Some(map) = sample.buffer().and_then(|buffer| buffer.map_readable().ok()) else {
            return Ok(gst::FlowSuccess::Ok);
        };
        let (mut whole, before) = (Vec::new(), self.splitter.damaged());
        self.splitter.push(&map, |picture| whole.push(picture));
        self.damaged.add(self.splitter.damaged() - before);
        let (ready, hopeless) = {
            let mut received = self.received.lock();
            received.bytes += map.len() as u64;
            received.pictures += whole.len() as u64;
            // A single picture is not a stream, so the first one is held until a second one begins.
            let single = received.content_type.as_deref().is_some_and(|kind| kind.starts_with("image/"));
            if single && received.pictures == 1 {
                received.first = received.first.take().or_else(|| whole.pop());
            }
            (
                received.first.take_if(|_| !whole.is_empty()),
                received.pictures == 0 && received.bytes > SEARCH_BYTES,
            )
        };
        if hopeless {
            self.note(self.no_stream());
            return Err(gst::FlowError::Error);
        }
        ready
            .into_iter()
            .chain(whole)
            .try_for_each(|picture| self.give(picture))
            .map(|()| gst::FlowSuccess::Ok)
    }

    /// Pushes a picture to the decoder, and blocks the network while the decoder's queue is full.
    fn give(&self, picture: Vec<u8>) -> Result<(), gst::FlowError> {
        while self.pictures.current_level_bytes() > LEAD_BYTES {
            if self.stop.wait(Duration::from_millis(5)) {
                return Err(gst::FlowError::Flushing);
            }
        }
        self.pictures.push_buffer(gst::Buffer::from_mut_slice(picture)).map(drop)
    }

    /// Handles the end of the server's response.
    fn end(&self) {
        let (pictures, single) = {
            let received = self.received.lock();
            (received.pictures, received.first.is_some())
        };
        let verdict = match (pictures, single) {
            (0, _) => Some(self.no_stream()),
            (_, true) => Some(Explanation::new(
                "it answered with one picture, not with a stream",
                "write the path of its MJPEG stream (this one is that of its snapshot)",
            )),
            _ => None,
        };
        self.received.lock().verdict = verdict;
        let _ = self.pictures.end_of_stream();
    }

    /// Explains why the response contained no complete picture.
    fn no_stream(&self) -> Explanation {
        let received = self.received.lock();
        let kind = received.content_type.as_deref().unwrap_or("an unknown type");
        match kind {
            _ if self.splitter.damaged() > 0 => {
                let damaged = self.splitter.damaged();
                Explanation::new(
                    format!("it answered with {kind}, and none of its {damaged} pictures was complete"),
                    "check the camera",
                )
            }
            _ if received.bytes == 0 => Explanation::new(
                "it answered with nothing at all",
                "check the path, and that the camera is not busy",
            ),
            _ if ["video/", "audio/", "application/vnd"].iter().any(|begin| kind.starts_with(begin)) => {
                Explanation::new(
                    format!("it answered with {kind}, and http:// sources are MJPEG"),
                    "write its rtsp:// address, or launch:souphttpsrc location=… ! decodebin",
                )
            }
            _ => Explanation::new(
                format!(
                    "it answered with {kind}, not with a stream: is this the right path, are user and password right?"
                ),
                "",
            ),
        }
    }

    fn note(&self, what: Explanation) {
        let error = CaptureError::Remote(RemoteError { address: self.address.clone(), what });
        self.trouble.lock().get_or_insert(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_content_type_only_the_type_is_kept() {
        assert_eq!(media_type("Text/HTML; charset=utf-8"), "text/html");
        assert_eq!(media_type("multipart/x-mixed-replace;boundary=--x"), "multipart/x-mixed-replace");
        for text in ["", "html", "text/a b", "a/b/c", "text/\u{1b}[31m", &"x/y".repeat(40)] {
            assert_eq!(media_type(text), "an unknown type", "{text}");
        }
    }
}
