//! Cameras behind a URL: RTSP over TCP, and MJPEG over HTTP. Passwords leave the URL before GStreamer sees it.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::line::{Build, Line};
use super::{CaptureError, chain};
use crate::config::Camera;

/// Jitter that is tolerated before packets are dropped, in ms: over TCP nothing is reordered, so little is enough.
const RTSP_LATENCY_MS: u32 = 100;

/// `rtspsrc`, and what its video stream turns out to need.
pub fn rtsp(url: &str, camera: &Camera, build: Build<'_>) -> Result<Line, CaptureError> {
    let mut line = Line::new(build)?;
    chain::set_decoder_threads(&line.pipeline, true);
    let source = chain::element("rtspsrc")?;
    let address = Address::of(url);
    source.set_property("location", &address.url);
    source.set_property("user-id", address.user);
    source.set_property("user-pw", address.password);
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
pub fn http_mjpeg(url: &str, camera: &Camera, build: Build<'_>) -> Result<Line, CaptureError> {
    let mut line = Line::new(build)?;
    let source = chain::element("souphttpsrc")?;
    let address = Address::of(url);
    source.set_property("location", &address.url);
    source.set_property("user-id", address.user);
    source.set_property("user-pw", address.password);
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

/// A URL, and the credentials that were in it.
#[derive(Debug, PartialEq)]
struct Address {
    url: String,
    user: Option<String>,
    password: Option<String>,
}

impl Address {
    /// Takes `user:password@` out (RFC 3986, 3.2.1).
    fn of(url: &str) -> Address {
        let plain = || Address { url: url.into(), user: None, password: None };
        let Some((scheme, rest)) = url.split_once("://") else { return plain() };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let Some((userinfo, host)) = authority.rsplit_once('@') else { return plain() };
        let (user, password) = match userinfo.split_once(':') {
            Some((user, password)) => (unescaped(user), Some(unescaped(password))),
            None => (unescaped(userinfo), None),
        };
        Address { url: format!("{scheme}://{host}{path}"), user: Some(user), password }
    }
}

/// Percent-decoded (RFC 3986, 2.1); what is not a valid escape stays as it is.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |at: usize| tail.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_taken_out_of_the_url_and_decoded() {
        let address = Address::of("rtsp://admin:p%40ss@cam.local:554/stream?x=a@b");
        assert_eq!(address.url, "rtsp://cam.local:554/stream?x=a@b");
        assert_eq!((address.user.as_deref(), address.password.as_deref()), (Some("admin"), Some("p@ss")));
    }

    #[test]
    fn a_url_without_credentials_stays_as_it_is() {
        let url = "http://10.0.0.9/cgi?mail=a@b";
        assert_eq!(Address::of(url), Address { url: url.into(), user: None, password: None });
    }
}
