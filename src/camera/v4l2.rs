//! V4L2 cameras: the driver's own buffers are mapped (as DMA-BUF where it exports them), and the format is
//! negotiated so that nothing is converted where the camera offers one of the seven supported formats.

use std::path::Path;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::pipeline::{Build, CapturePipeline};
use super::{CaptureError, appsink, chain};
use crate::config::V4l2;

/// How a camera's frames get into one of the seven formats.
#[derive(Debug, PartialEq)]
struct Choice {
    caps: gst::Caps,
    /// Whether frames are JPEG pictures.
    jpeg: bool,
    /// Whether frames are raw in another format, and must be converted.
    convert: bool,
}

/// Builds `v4l2src`, restricted to the caps that `choose` found.
pub fn line(device: &Path, requested: &V4l2, build: Build<'_>) -> Result<CapturePipeline, CaptureError> {
    let line = CapturePipeline::new(build)?;
    let source = chain::element("v4l2src")?;
    source.set_property("device", device.to_string_lossy().as_ref());
    source.set_property_from_str("io-mode", if build.variant.plain_io { "mmap" } else { "dmabuf" });
    line.chain(&[&source], false)?;
    // The device is opened in READY, and only an open device reports its formats.
    if source.set_state(gst::State::Ready).is_err() {
        return Err(line.fault().unwrap_or(CaptureError::StreamEnded));
    }
    let offered =
        source.static_pad("src").map(|pad| pad.query_caps(None)).unwrap_or_else(gst::Caps::new_empty);
    let choice = choose(&offered, requested).ok_or_else(|| CaptureError::RequestedMode {
        device: device.into(),
        requested: requested.clone(),
        offered: offered.to_string(),
    })?;
    let filter = chain::element("capsfilter")?;
    filter.set_property("caps", &choice.caps);
    let decoder = choice.jpeg.then(|| chain::element("jpegdec")).transpose()?;
    let convert = choice.convert || build.variant.convert;
    let converter = convert.then(|| chain::element("videoconvert")).transpose()?;
    let rest: Vec<&gst::Element> =
        [Some(&filter), decoder.as_ref(), converter.as_ref()].into_iter().flatten().collect();
    line.chain(&rest, true)?;
    source.link(&filter).map_err(|_| CaptureError::StreamEnded)?;
    Ok(line)
}

/// Chooses the cheapest for the tensor: one of the seven, then MJPG, then any raw format that can be
/// converted.
fn choose(offered: &gst::Caps, requested: &V4l2) -> Option<Choice> {
    let of = |caps: gst::Caps| {
        Some(offered.intersect(&requested_caps(caps, requested))).filter(|caps| !caps.is_empty())
    };
    if let Some(caps) = of(appsink::accepted()) {
        return Some(Choice { caps, jpeg: false, convert: false });
    }
    if let Some(caps) = of(gst::Caps::new_empty_simple("image/jpeg")) {
        return Some(Choice { caps, jpeg: true, convert: false });
    }
    of(gst::Caps::new_empty_simple("video/x-raw")).map(|caps| Choice { caps, jpeg: false, convert: true })
}

fn requested_caps(mut caps: gst::Caps, requested: &V4l2) -> gst::Caps {
    let side = |px: Option<u32>| px.filter(|px| *px > 0).and_then(|px| i32::try_from(px).ok());
    let fields = caps.make_mut();
    if let Some(width) = side(requested.width) {
        fields.set("width", width);
    }
    if let Some(height) = side(requested.height) {
        fields.set("height", height);
    }
    if let Some(fps) = side(requested.fps) {
        fields.set("framerate", gst::Fraction::new(fps, 1));
    }
    caps
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    const WEBCAM: &str = "video/x-raw, format=YUY2, width=640, height=480, framerate={30/1,15/1}; \
                          video/x-raw, format=YUY2, width=1280, height=720, framerate=10/1; \
                          image/jpeg, width=1280, height=720, framerate=30/1";

    fn choice(offered: &str, width: u32, height: u32, fps: u32) -> Option<Choice> {
        gst::init().unwrap();
        let requested = V4l2 { width: Some(width), height: Some(height), fps: Some(fps) };
        choose(&gst::Caps::from_str(offered).unwrap(), &requested)
    }

    #[test]
    fn a_raw_format_of_the_road_is_taken_where_the_camera_has_one_at_the_wished_size() {
        let choice = choice(WEBCAM, 640, 480, 15).unwrap();
        assert!(!choice.jpeg && !choice.convert);
        assert_eq!(choice.caps.structure(0).unwrap().get::<gst::Fraction>("framerate").unwrap().numer(), 15);
    }

    #[test]
    fn mjpg_is_taken_where_raw_is_too_slow_for_the_request() {
        assert!(choice(WEBCAM, 1280, 720, 30).unwrap().jpeg);
    }

    #[test]
    fn another_raw_format_is_converted_only_as_the_last_resort() {
        let only = "video/x-raw, format=UYVY, width=640, height=480, framerate=30/1";
        assert!(choice(only, 640, 480, 30).unwrap().convert);
    }

    #[test]
    fn a_request_that_the_camera_cannot_fulfil_is_refused() {
        assert_eq!(choice(WEBCAM, 1920, 1080, 30), None);
    }

    #[test]
    fn without_requests_the_camera_chooses() {
        gst::init().unwrap();
        assert!(choose(&gst::Caps::from_str(WEBCAM).unwrap(), &V4l2::default()).is_some());
    }
}
