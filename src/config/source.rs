//! The source of a camera: a URL, parsed into [`Source`], and the part of it that may be shown.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::raw::nearest;
#[cfg(feature = "demo")]
use super::scene;
use super::{LaunchLine, SourceUrl};

/// The forms of a source, listed in messages.
const FORMS: &str = "file:///path/video.mp4, images:///folder, v4l2:///dev/video0, rtsp://host/path, \
                     http://host/path, tcp://0.0.0.0:5558, scene: or launch:LINE";

/// The source of a camera's frames.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// `file://`: a video file.
    File(PathBuf),
    /// `images://`: a folder of JPEG and PNG pictures, in the order of their names.
    Images(PathBuf),
    /// `v4l2://`: a V4L2 device, such as `/dev/video0`.
    V4l2(PathBuf),
    /// `rtsp://` or `rtsps://`: a network camera.
    Rtsp(SourceUrl),
    /// `http://` or `https://`: a stream of MJPEG.
    Http(SourceUrl),
    /// `tcp://`: frames that a sender pushes to this address.
    Tcp(SocketAddr),
    /// The built-in conveyor scene; its query sets any of these, as in `scene:?seed=7&fps=30`.
    #[cfg(feature = "demo")]
    Scene {
        /// What is painted, how large, and how often.
        options: ocellus_scene::SceneOptions,
        /// Number of frames after which it ends; `None` means never.
        frames: Option<u64>,
        /// Path of the serial port of the line's light barrier, relative to the state folder.
        barrier: Option<PathBuf>,
    },
    /// Any GStreamer launch line; its last element is linked to the appsink.
    Launch(LaunchLine),
}

impl Source {
    /// Path of the serial port of a scene's light barrier; `None` where there is none.
    pub fn barrier(&self) -> Option<&Path> {
        match self {
            #[cfg(feature = "demo")]
            Source::Scene { barrier, .. } => barrier.as_deref(),
            _ => None,
        }
    }

    /// Whether the source may hold secrets. If so, messages of GStreamer are not shown either, because they
    /// repeat locations and properties.
    pub fn holds_secrets(&self) -> bool {
        matches!(self, Source::Rtsp(_) | Source::Http(_) | Source::Launch(_))
    }

    /// Whether the source has an end (files, folders, a scene with a length) instead of being reconnected.
    pub fn ends(&self) -> bool {
        match self {
            Source::File(_) | Source::Images(_) => true,
            #[cfg(feature = "demo")]
            Source::Scene { frames, .. } => frames.is_some(),
            _ => false,
        }
    }
}

/// Why a source is rejected, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {remedy}")]
pub struct SourceError {
    /// What is wrong with the source.
    pub reason: String,
    /// What to do next.
    pub remedy: String,
}

pub(super) fn refused<T>(reason: impl Into<String>, remedy: impl Into<String>) -> Result<T, SourceError> {
    Err(SourceError { reason: reason.into(), remedy: remedy.into() })
}

/// Parses a source; `resolve` resolves relative paths. Errors: the text is not a valid source.
pub(crate) fn parse(text: &str, resolve: impl Fn(&Path) -> PathBuf) -> Result<Source, SourceError> {
    let Some((scheme, rest)) = text.split_once(':') else {
        let remedy = match text.starts_with("/dev/video") {
            true => format!("write v4l2://{text}"),
            false if text.starts_with('/') => format!("write file://{text}"),
            false => format!("write one of {FORMS}"),
        };
        return refused("this is not a source: it has no scheme", remedy);
    };
    match scheme {
        "file" => path(rest, "file:///path/video.mp4").map(|path| Source::File(resolve(&path))),
        "images" => path(rest, "images:///folder").map(|path| Source::Images(resolve(&path))),
        "v4l2" => path(rest, "v4l2:///dev/video0").map(Source::V4l2),
        "rtsp" | "rtsps" => SourceUrl::parse(text).map(Source::Rtsp),
        "http" | "https" => SourceUrl::parse(text).map(Source::Http),
        "tcp" => tcp(rest),
        #[cfg(feature = "demo")]
        "scene" => scene::parse(rest),
        #[cfg(not(feature = "demo"))]
        "scene" => scene_left_out(),
        "launch" if rest.trim().is_empty() => refused(
            "the launch line is empty",
            "write a GStreamer line, e.g. launch:videotestsrc is-live=true",
        ),
        "launch" => Ok(Source::Launch(LaunchLine::new(rest.trim()))),
        _ => {
            let known =
                ["file", "images", "v4l2", "rtsp", "rtsps", "http", "https", "tcp", "scene", "launch"];
            refused("its scheme is not known", nearest(scheme, &known))
        }
    }
}

/// The error for `scene:` in a build without the built-in scene.
#[cfg(any(test, not(feature = "demo")))]
fn scene_left_out() -> Result<Source, SourceError> {
    refused(
        "this build has no built-in scene: it was made without the cargo feature \"demo\"",
        "name a camera, e.g. v4l2:///dev/video0, or install a build with the feature \"demo\"",
    )
}

fn path(rest: &str, form: &str) -> Result<PathBuf, SourceError> {
    let text = rest.strip_prefix("//").unwrap_or(rest);
    match percent_decoded(text) {
        Some(path) if !path.is_empty() && !path.contains('\0') => Ok(PathBuf::from(path)),
        Some(_) => refused("the path is empty", format!("write {form}")),
        None => refused("the path is not UTF-8 after its %XX are decoded", format!("write {form}")),
    }
}

/// Decodes `%XX` as in URLs; a `%` without two hexadecimal digits stays. `None` where the result is not
/// UTF-8.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}

fn tcp(rest: &str) -> Result<Source, SourceError> {
    let address = rest.strip_prefix("//").unwrap_or(rest).trim_end_matches('/');
    let numeric = address.replace("localhost", "127.0.0.1");
    match numeric.parse() {
        Ok(address) => Ok(Source::Tcp(address)),
        Err(_) => refused(
            "this is not an address to listen on",
            "write tcp://ADDRESS:PORT, e.g. tcp://0.0.0.0:5558 or tcp://[::]:5558",
        ),
    }
}

/// The part of a source that may be shown: scheme, host and path of a URL, the elements' names of a launch
/// line, all of a local source. Empty where the text is not a source.
pub(crate) fn shown(text: &str) -> String {
    match parse(text, Path::to_owned) {
        Ok(Source::Rtsp(url) | Source::Http(url)) => url.to_string(),
        Ok(Source::Launch(line)) => format!("launch:{line}"),
        Ok(_) => text.to_owned(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Source, SourceError> {
        parse(text, Path::to_owned)
    }

    #[test]
    fn every_form_of_a_source_is_read() {
        assert_eq!(read("file:///a/b%20c.mp4"), Ok(Source::File("/a/b c.mp4".into())));
        assert_eq!(read("file:clips/100%.mp4"), Ok(Source::File("clips/100%.mp4".into())));
        assert_eq!(read("images:///folder"), Ok(Source::Images("/folder".into())));
        assert_eq!(read("v4l2:///dev/video0"), Ok(Source::V4l2("/dev/video0".into())));
        assert_eq!(
            read("rtsp://[::1]:8554/live"),
            Ok(Source::Rtsp("rtsp://[::1]:8554/live".parse().unwrap()))
        );
        assert_eq!(read("http://cam/mjpeg"), Ok(Source::Http("http://cam/mjpeg".parse().unwrap())));
        assert_eq!(read("tcp://0.0.0.0:5558"), Ok(Source::Tcp("0.0.0.0:5558".parse().unwrap())));
        assert_eq!(read("launch: videotestsrc"), Ok(Source::Launch(LaunchLine::new("videotestsrc"))));
        let options = ocellus_scene::SceneOptions { seed: 7, fps: 15, ..Default::default() };
        let scene = Source::Scene { options, frames: Some(90), barrier: None };
        assert_eq!(read("scene:?seed=7&fps=15&frames=90"), Ok(scene));
    }

    #[test]
    fn a_build_without_the_scene_names_what_to_use_instead() {
        let refused = scene_left_out().unwrap_err();
        assert!(
            refused.reason.contains("\"demo\"") && refused.remedy.contains("v4l2:///dev/video0"),
            "{refused}"
        );
        #[cfg(not(feature = "demo"))]
        assert_eq!(read("scene:?seed=7").unwrap_err(), refused);
    }

    #[test]
    fn a_source_that_cannot_work_is_refused_with_what_to_write_instead() {
        let remedy = |text: &str| read(text).unwrap_err().remedy;
        assert_eq!(remedy("/dev/video0"), "write v4l2:///dev/video0");
        assert_eq!(remedy("/a.mp4"), "write file:///a.mp4");
        assert_eq!(remedy("rstp://cam/live"), "did you mean \"rtsp\"?");
        assert_eq!(remedy("rtsp:///live"), "write scheme://host:port/path");
        assert_eq!(remedy("http://cam:99999/"), "write a port from 1 to 65535, or leave it out");
        assert_eq!(remedy("scene:?sed=1"), "did you mean \"seed\"?");
        assert_eq!(remedy("scene:?fps=0"), "write a whole number from 1 to 1000");
        assert!(remedy("tcp://5558").contains("tcp://ADDRESS:PORT"));
        assert!(read("file://").is_err() && read("launch: ").is_err() && read("").is_err());
    }

    #[test]
    fn what_is_shown_of_a_source_holds_no_secret() {
        assert_eq!(shown("rtsp://joe:SECRET@cam/live?pwd=SECRET"), "rtsp://cam/live");
        assert_eq!(shown("launch: souphttpsrc user-pw= SECRET ! jpegdec"), "launch:souphttpsrc ! jpegdec");
        assert_eq!(shown("scene:?seed=7"), "scene:?seed=7");
        assert_eq!(shown("rtsp://joe:SEC/RET@cam/live"), "");
        for text in ["SECRET:x", "tcp://joe:SECRET@0.0.0.0:1", "SECRET", "mqtt://joe:SECRET@b"] {
            let refused = read(text).unwrap_err();
            assert!(!format!("{refused:?}").contains("SECRET"), "{refused:?}");
        }
    }
}
