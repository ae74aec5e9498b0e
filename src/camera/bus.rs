//! Turns errors on the pipeline's bus into messages with element, cause and remedy, and drops everything
//! else.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::threads::name_thread;
use crate::supervisor::time_slice;
use crate::types::Explanation;

/// An error that a pipeline reported.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub struct BusFault {
    /// The element's factory: `rtspsrc`, `avdec_h264`, …
    pub element: String,
    /// The cause, in the words of the element or, for secrets' sake, of its error domain.
    pub cause: String,
    /// What to do next.
    pub remedy: &'static str,
    /// The kind of fault, which decides whether another kind of pipeline may help.
    pub kind: FaultKind,
    /// The server's answer, where it refused over HTTP or RTSP.
    pub status: Option<Box<ServerAnswer>>,
}

impl BusFault {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        Explanation::new(format!("{}: {}", self.element, self.cause), self.remedy)
    }
}

/// A refusal in HTTP or RTSP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAnswer {
    /// The code: 401, 404, …
    pub code: u32,
    /// The address that a redirect names; it may contain secrets.
    pub redirect: Option<String>,
}

/// How much of GStreamer's error text may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// The element's full sentences may be logged.
    Sentences,
    /// Only the kind of each error. Elements' messages repeat locations and property values, and those of a
    /// URL or a launch line may be secrets.
    Kinds,
}

/// Kinds of faults that are handled differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Two elements found no common format: a converter between them may help.
    Negotiation,
    /// The device refused the way of exchanging buffers, or its settings.
    Settings,
    /// The stream's type is unknown.
    UnknownType,
    /// Another program has the device.
    Busy,
    /// The device, file or server could not be opened or read.
    Resource,
    /// None of the kinds above; no other pipeline helps.
    Other,
}

/// Keeps only errors on the bus, so that messages do not pile up; warnings (damage that a decoder skipped)
/// are logged. Each of the pipeline's streaming threads gets its name and time slices of `slice` when it starts.
pub fn keep_errors_only(bus: &gst::Bus, camera: &str, slice: Duration, wording: Wording) {
    let camera = camera.to_owned();
    bus.set_sync_handler(move |_, message| match message.view() {
        // The thread itself posts this message, so the call applies to it.
        gst::MessageView::StreamStatus(status) if status.get().0 == gst::StreamStatusType::Enter => {
            let element = status.get().1.name();
            name_thread(&camera, &element);
            time_slice(slice);
            gst::BusSyncReply::Drop
        }
        gst::MessageView::Error(_) => gst::BusSyncReply::Pass,
        gst::MessageView::Warning(warning) => {
            let said = said(&warning.error(), "", wording);
            tracing::warn!(camera = %camera, "{}: {said}", factory(warning.src()));
            gst::BusSyncReply::Drop
        }
        _ => gst::BusSyncReply::Drop,
    });
}

/// Takes the first error that waits on the bus.
pub fn error_of(bus: &gst::Bus, wording: Wording) -> Option<BusFault> {
    let message = bus.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => {
            let debug = error.debug().unwrap_or_default();
            let mut fault = translate(&factory(error.src()), &error.error(), &debug, wording);
            fault.status = error.details().and_then(answer);
            Some(fault)
        }
        _ => None,
    }
}

/// Reads the server's answer, which souphttpsrc and rtspsrc put into the message's details.
fn answer(details: &gst::StructureRef) -> Option<Box<ServerAnswer>> {
    let code =
        ["http-status-code", "rtsp-status-code"].into_iter().find_map(|key| details.get::<u32>(key).ok());
    let redirect = details.get::<String>("redirection-uri").ok();
    // libsoup numbers its own failures to connect below 100.
    code.filter(|code| *code >= 100).map(|code| Box::new(ServerAnswer { code, redirect }))
}

fn factory(source: Option<&gst::Object>) -> String {
    let element = source.and_then(|object| object.downcast_ref::<gst::Element>());
    let name = element.and_then(|element| element.factory()).map(|factory| factory.name().to_string());
    name.or_else(|| source.map(|object| object.name().to_string())).unwrap_or_else(|| "pipeline".into())
}

/// Chooses the remedy by GStreamer's error domain, and the kind by the flow return in the debug text.
fn translate(element: &str, error: &gst::glib::Error, debug: &str, wording: Wording) -> BusFault {
    let mut kind = FaultKind::Other;
    let remedy = if debug.contains("not-negotiated") {
        kind = FaultKind::Negotiation;
        "its format is not supported; select another with a caps filter in a launch: line"
    } else if let Some(resource) = error.kind::<gst::ResourceError>() {
        kind = match resource {
            gst::ResourceError::Settings | gst::ResourceError::NoSpaceLeft => FaultKind::Settings,
            _ if debug.contains("allocate") => FaultKind::Settings,
            gst::ResourceError::Busy => FaultKind::Busy,
            _ => FaultKind::Resource,
        };
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
    let cause = said(error, debug, wording);
    BusFault { element: element.to_owned(), cause, remedy, kind, status: None }
}

/// The text of an error, as far as `wording` allows it.
fn said(error: &gst::glib::Error, debug: &str, wording: Wording) -> String {
    // GStreamer's own texts for internal errors carry no cause; the last line of the debug text does.
    let vague = error.message().starts_with("Internal data stream error");
    if wording == Wording::Kinds {
        let reason = ["not-negotiated", "not-linked", "flushing", "error"].into_iter();
        let reason = reason.filter(|_| vague).find(|reason| debug.contains(&format!("reason {reason} (")));
        return reason.map_or_else(|| kind_of(error).into(), |reason| format!("streaming stopped: {reason}"));
    }
    let detail = debug.lines().last().filter(|_| vague).unwrap_or(error.message());
    detail.trim().trim_end_matches('.').to_owned()
}

/// Names an error's kind without any text from the element.
fn kind_of(error: &gst::glib::Error) -> &'static str {
    use gst::{ResourceError as Resource, StreamError as Stream};
    match error.kind::<Resource>() {
        Some(Resource::NotFound) => return "it was not found",
        Some(Resource::NotAuthorized) => return "it rejected the user name or password",
        Some(Resource::Busy) => return "it is in use",
        Some(Resource::OpenRead | Resource::OpenReadWrite) => return "it could not be opened",
        Some(Resource::Read) => return "reading from it failed",
        Some(Resource::Settings) => return "it refuses its settings",
        Some(_) => return "the resource failed",
        None => {}
    }
    match error.kind::<Stream>() {
        Some(Stream::TypeNotFound | Stream::WrongType) => "the type of the stream is unknown",
        Some(Stream::CodecNotFound) => "a decoder is missing",
        Some(Stream::Decode) => "the stream could not be decoded",
        Some(Stream::Demux) => "the stream could not be demultiplexed",
        Some(Stream::Format) => "the format does not fit",
        Some(Stream::Decrypt | Stream::DecryptNokey) => "the stream is encrypted",
        Some(_) => "the stream failed",
        None => "it failed",
    }
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
        gst::StreamError::TypeNotFound | gst::StreamError::WrongType => "check that it is a video",
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
    fn a_missing_device_is_reported_with_element_cause_and_remedy() {
        let error =
            gst::glib::Error::new(gst::ResourceError::NotFound, "Cannot identify device '/dev/video9'.");
        let fault = translate("v4l2src", &error, "", Wording::Sentences);
        assert_eq!(
            fault.to_string(),
            "v4l2src: Cannot identify device '/dev/video9'; \
             check the address or path, and that the device is plugged in"
        );
    }

    #[test]
    fn an_internal_error_shows_the_reason_that_gstreamer_hides_in_its_debug_text() {
        let error = gst::glib::Error::new(gst::StreamError::Failed, "Internal data stream error.");
        let debug = "x.c(1): loop ():\nstreaming stopped, reason not-negotiated (-4)";
        let fault = translate("qtdemux", &error, debug, Wording::Sentences);
        assert_eq!(fault.kind, FaultKind::Negotiation);
        assert!(fault.cause.contains("not-negotiated"), "{fault}");
    }

    #[test]
    fn nothing_of_a_sentence_or_a_debug_text_is_repeated_where_it_may_hold_a_secret() {
        let debug = "x.c(1): open ():\nhttp://a/b?token=SECRET";
        for text in ["Could not open http://a/b?token=SECRET.", "Internal data stream error SECRET."] {
            for error in [
                gst::glib::Error::new(gst::ResourceError::OpenRead, text),
                gst::glib::Error::new(gst::StreamError::Failed, text),
                gst::glib::Error::new(gst::CoreError::Failed, text),
            ] {
                let fault = translate("souphttpsrc", &error, debug, Wording::Kinds);
                assert!(!format!("{fault} {fault:?}").contains("SECRET"), "{fault:?}");
            }
        }
    }
}
