//! Cameras behind a URL: RTSP over TCP, and MJPEG over HTTP. Passwords leave the URL before GStreamer sees it.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::line::{Build, Line};
use super::{CaptureError, chain};
use crate::config::{Camera, SourceUrl, read_password};

/// Jitter that is tolerated before packets are dropped, in ms: over TCP nothing is reordered, so little is enough.
const RTSP_LATENCY_MS: u32 = 100;

/// `rtspsrc`, and what its video stream turns out to need.
pub fn rtsp(url: &SourceUrl, camera: &Camera, build: Build<'_>) -> Result<Line, CaptureError> {
    let mut line = Line::new(build)?;
    chain::set_decoder_threads(&line.pipeline, true);
    let source = chain::element("rtspsrc")?;
    set_address(&source, url, camera)?;
    source.set_property_from_str("protocols", "tcp");
    source.set_property("latency", RTSP_LATENCY_MS);
    source.set_property("drop-on-latency", true);
    source.set_property("tcp-timeout", patience(camera).as_micros() as u64);
    source.connect("select-stream", false, |values| {
        // Sound would only be thrown away.
        let caps = values.get(2).and_then(|caps| caps.get::<gst::Caps>().ok());
        let media = caps.as_ref().and_then(|caps| caps.structure(0)?.get::<&str>("media").ok());
        Some((media != Some("audio")).to_value())
    });
    line.chain(&[&source], false)?;
    line.link_when_shown(&source, build.variant.convert);
    Ok(line)
}

/// `souphttpsrc ! multipartdemux`, and a JPEG decoder for the parts.
pub fn http_mjpeg(url: &SourceUrl, camera: &Camera, build: Build<'_>) -> Result<Line, CaptureError> {
    let mut line = Line::new(build)?;
    let source = chain::element("souphttpsrc")?;
    set_address(&source, url, camera)?;
    source.set_property("is-live", true);
    source.set_property("do-timestamp", true);
    source.set_property("retries", 0i32);
    source.set_property("timeout", patience(camera).as_secs().max(1) as u32);
    let demuxer = chain::element("multipartdemux")?;
    demuxer.set_property("single-stream", true);
    line.chain(&[&source, &demuxer], false)?;
    line.link_when_shown(&demuxer, build.variant.convert);
    Ok(line)
}

/// How long a silent connection is kept: long enough for `frozen` to be told before it.
fn patience(camera: &Camera) -> Duration {
    (camera.frozen_after * 3).max(Duration::from_secs(5))
}

/// Sets location, user and password. A password in a file is read at every connection.
fn set_address(source: &gst::Element, url: &SourceUrl, camera: &Camera) -> Result<(), CaptureError> {
    let password = camera.password_file.as_deref().map(read_password).transpose()?;
    source.set_property("location", url.location());
    source.set_property("user-id", url.user().or(camera.username.as_deref()));
    source.set_property("user-pw", url.password().or(password.as_deref()));
    Ok(())
}
