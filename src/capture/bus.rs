//! The pipeline's bus: errors become sentences with element, cause and remedy; everything else is kept off it.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::supervisor::time_slice;

/// An error that a pipeline reported.
#[derive(Debug, thiserror::Error)]
#[error("{element}: {cause}; {remedy}")]
pub struct Fault {
    /// The element's factory: `rtspsrc`, `avdec_h264`, …
    pub element: String,
    /// What it says.
    pub cause: String,
    /// What to do next.
    pub remedy: &'static str,
    /// What another kind of pipeline might mend.
    pub kind: FaultKind,
    /// What GStreamer said.
    pub source: gst::glib::Error,
}

/// Kinds of faults that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Two elements found no common format: a converter between them may help.
    Negotiation,
    /// The device refused the way of exchanging buffers, or its settings.
    Settings,
    /// The stream is of no known type.
    UnknownType,
    /// Anything else.
    Other,
}

/// Keeps only errors on the bus, so that nothing piles up there; warnings (damage that a decoder passed over) are
/// logged. Each of the pipeline's streaming threads gets time slices of `slice` when it begins.
pub fn keep_errors_only(bus: &gst::Bus, camera: &str, slice: Duration) {
    let camera = camera.to_owned();
    bus.set_sync_handler(move |_, message| match message.view() {
        // Posted by the thread itself.
        gst::MessageView::StreamStatus(status) if status.get().0 == gst::StreamStatusType::Enter => {
            time_slice(slice);
            gst::BusSyncReply::Drop
        }
        gst::MessageView::Error(_) => gst::BusSyncReply::Pass,
        gst::MessageView::Warning(warning) => {
            tracing::warn!(camera = %camera, "{}: {}", factory(warning.src()), warning.error());
            gst::BusSyncReply::Drop
        }
        _ => gst::BusSyncReply::Drop,
    });
}

/// The first error that waits on the bus.
pub fn error_of(bus: &gst::Bus) -> Option<Fault> {
    let message = bus.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => {
            let debug = error.debug().unwrap_or_default();
            Some(translate(&factory(error.src()), error.error(), &debug))
        }
        _ => None,
    }
}

fn factory(source: Option<&gst::Object>) -> String {
    let element = source.and_then(|object| object.downcast_ref::<gst::Element>());
    let name = element.and_then(|element| element.factory()).map(|factory| factory.name().to_string());
    name.or_else(|| source.map(|object| object.name().to_string())).unwrap_or_else(|| "pipeline".into())
}

/// Chooses the remedy by GStreamer's error domain, and the kind by the flow return in the debug text.
fn translate(element: &str, error: gst::glib::Error, debug: &str) -> Fault {
    let mut kind = FaultKind::Other;
    let remedy = if debug.contains("not-negotiated") {
        kind = FaultKind::Negotiation;
        "its format fits none that the road takes; name another with a caps filter in a launch: line"
    } else if let Some(resource) = error.kind::<gst::ResourceError>() {
        if matches!(resource, gst::ResourceError::Settings | gst::ResourceError::NoSpaceLeft)
            || debug.contains("allocate")
        {
            kind = FaultKind::Settings;
        }
        resource_remedy(resource)
    } else if let Some(stream) = error.kind::<gst::StreamError>() {
        match stream {
            gst::StreamError::TypeNotFound | gst::StreamError::WrongType => kind = FaultKind::UnknownType,
            gst::StreamError::Format => kind = FaultKind::Negotiation,
            _ => {}
        }
        stream_remedy(stream)
    } else {
        "run with GST_DEBUG=3 for the details"
    };
    // GStreamer's own texts for internal errors say nothing; the debug text's last line does.
    let vague = error.message().starts_with("Internal data stream error");
    let detail = debug.lines().last().filter(|_| vague).unwrap_or(error.message());
    let cause = detail.trim().trim_end_matches('.').to_owned();
    Fault { element: element.to_owned(), cause, remedy, kind, source: error }
}

fn resource_remedy(error: gst::ResourceError) -> &'static str {
    match error {
        gst::ResourceError::NotFound => "check the address or path, and that the device is plugged in",
        gst::ResourceError::NotAuthorized => "check user name and password",
        gst::ResourceError::Busy => "another program uses the device: stop it",
        gst::ResourceError::OpenRead | gst::ResourceError::OpenReadWrite => {
            "check that the camera is on, reachable and not used by another program"
        }
        gst::ResourceError::Read => "the connection broke: check cable, power and network",
        gst::ResourceError::Settings => "the device does not know these settings: try others, or none",
        _ => "check the camera and its connection",
    }
}

fn stream_remedy(error: gst::StreamError) -> &'static str {
    match error {
        gst::StreamError::TypeNotFound | gst::StreamError::WrongType => "check that it is a video at all",
        gst::StreamError::CodecNotFound => "install gstreamer1.0-libav or the codec's own plugin",
        gst::StreamError::Decode | gst::StreamError::Demux => {
            "the stream is damaged: record or send it again"
        }
        gst::StreamError::Decrypt | gst::StreamError::DecryptNokey => "encrypted streams cannot be used",
        _ => "check that the stream is a video of a usual format",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_device_is_told_with_element_cause_and_remedy() {
        let error =
            gst::glib::Error::new(gst::ResourceError::NotFound, "Cannot identify device '/dev/video9'.");
        let fault = translate("v4l2src", error, "");
        assert_eq!(
            fault.to_string(),
            "v4l2src: Cannot identify device '/dev/video9'; \
             check the address or path, and that the device is plugged in"
        );
    }

    #[test]
    fn an_internal_error_shows_the_reason_that_gstreamer_hides_in_its_debug_text() {
        let error = gst::glib::Error::new(gst::StreamError::Failed, "Internal data stream error.");
        let fault =
            translate("qtdemux", error, "x.c(1): loop ():\nstreaming stopped, reason not-negotiated (-4)");
        assert_eq!(fault.kind, FaultKind::Negotiation);
        assert!(fault.cause.contains("not-negotiated"), "{fault}");
    }
}
