//! Every error between a source and the ring, each with its cause, its place, its reason and the next step.

use std::path::PathBuf;
use std::time::Duration;

use gstreamer::glib;

use super::bus::BusFault;
#[cfg(feature = "demo")]
use super::painter::PainterError;
use super::remote::RemoteError;
use super::tcp::TcpError;
use crate::config::{PasswordError, V4l2};
use crate::types::Explanation;

/// Why capture ended, or why a live source is offline.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum CaptureError {
    /// GStreamer itself does not start.
    Init {
        /// The error that GStreamer's initialisation returned.
        source: glib::Error,
    },
    /// A plugin is not installed.
    NoElement {
        /// The name of the element's factory.
        element: String,
        /// Debian's package that has it.
        package: &'static str,
    },
    /// No decoder takes this format.
    NoDecoder {
        /// The stream's media type.
        caps: String,
        /// Debian's package that has one.
        package: &'static str,
    },
    /// A launch line that GStreamer cannot parse.
    Launch {
        /// The names of the line's elements, without properties.
        line: String,
        /// What is wrong, without a property's value.
        cause: String,
    },
    /// A launch line with nothing to link the appsink to.
    LaunchEnd {
        /// The names of the line's elements, without properties.
        line: String,
        /// What keeps the line from being linked.
        cause: String,
    },
    /// A file or folder cannot be read.
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A file of zero bytes, or one without a frame.
    Empty {
        /// The file or folder.
        path: PathBuf,
        /// What the file or folder lacks.
        cause: &'static str,
    },
    /// A file in which no video was found.
    NotVideo {
        /// The path of the file.
        path: PathBuf,
        /// What was found instead.
        cause: String,
    },
    /// A file that is shorter than it says.
    Truncated {
        /// The path of the file.
        path: PathBuf,
        /// Bytes that its own index says should follow.
        missing_bytes: u64,
        /// Frames delivered before the damage.
        frames: u64,
    },
    /// A file that stops decoding in the middle.
    Damaged {
        /// The path of the file.
        path: PathBuf,
        /// Frames delivered before the damage.
        frames: u64,
        /// The error that the pipeline reported.
        source: BusFault,
    },
    /// Pictures of a folder that could not be shown.
    Pictures {
        /// The path of the folder.
        path: PathBuf,
        /// How many pictures gave no frame.
        bad: u64,
        /// How many there are.
        total: u64,
        /// The pictures that failed, with their causes; the first ones only where there are many.
        cause: String,
    },
    /// The source's buffer pool cannot fill the ring.
    Pool {
        /// Buffers that the pool has at most.
        have: u32,
        /// Buffers that are needed.
        need: usize,
        /// Slots of the ring.
        slots: usize,
    },
    /// Frames arrive in a form that the pipeline cannot map.
    Unmappable {
        /// The caps of the frames that arrived.
        caps: String,
        /// Why frames of these caps cannot be mapped.
        cause: &'static str,
    },
    /// A V4L2 device offers no format that the configuration asks for.
    RequestedMode {
        /// The path of the device.
        device: PathBuf,
        /// The format, size and rate that the configuration asks for.
        requested: V4l2,
        /// The caps that the device offers, as text.
        offered: String,
    },
    /// A V4L2 device that cannot be used.
    Device {
        /// The path of the device.
        device: PathBuf,
        /// What the system reported when the device was opened.
        what: String,
        /// What to do next.
        next: String,
    },
    /// A camera behind a URL is unreachable, or answers with something other than video.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The password of a source cannot be read.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The video's tags ask for rotation, and this pipeline does not rotate; the next one does.
    Turned,
    /// An error of the pipeline.
    #[error(transparent)]
    Stream(#[from] BusFault),
    /// Connected, but no frame came.
    Silent {
        /// How long the pipeline waited for a frame.
        waited: Duration,
    },
    /// Frozen for so long that a new connection is worth trying.
    Frozen {
        /// Time since the last frame.
        frozen: Duration,
    },
    /// A live source ended its stream.
    StreamEnded,
    /// The error of a sender that pushes frames over TCP.
    #[error(transparent)]
    Tcp(#[from] TcpError),
    /// The built-in scene cannot be painted.
    #[cfg(feature = "demo")]
    #[error(transparent)]
    Painter(#[from] PainterError),
}

impl CaptureError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            CaptureError::Init { source } => Explanation::new(
                format!("GStreamer does not start: {source}"),
                "install gstreamer1.0-plugins-base and check GST_PLUGIN_PATH",
            ),
            CaptureError::NoElement { element, package } => Explanation::new(
                format!("the GStreamer element {element} is not installed"),
                format!("install the package {package}"),
            ),
            CaptureError::NoDecoder { caps, package } => Explanation::new(
                format!("no decoder for {caps} is installed"),
                format!("install the package {package}, or the board's own decoder plugin"),
            ),
            CaptureError::Launch { line, cause } => Explanation::new(
                format!("the launch line `{line}` is wrong: {cause}"),
                "try it with gst-launch-1.0, followed by `! fakesink`",
            ),
            CaptureError::LaunchEnd { line, cause } => Explanation::new(
                format!("the launch line `{line}` cannot be used: {cause}"),
                "it must end in an element with a free source pad",
            ),
            CaptureError::Unreadable { path, source } => Explanation::new(
                format!("{} cannot be read: {source}", path.display()),
                "check the path and that the service's user may read it",
            ),
            CaptureError::Empty { path, cause } => {
                Explanation::new(format!("{} is empty: {cause}", path.display()), "copy or record it again")
            }
            CaptureError::NotVideo { path, cause } => Explanation::new(
                format!("{} is not a video that can be played: {cause}", path.display()),
                "MP4 or Matroska with H.264 always can",
            ),
            CaptureError::Truncated { path, missing_bytes, frames } => Explanation::new(
                format!(
                    "{} is truncated: {missing_bytes} bytes are missing at its end; the {frames} frames before that were delivered",
                    path.display()
                ),
                "copy or record it again",
            ),
            CaptureError::Damaged { path, frames, source } => {
                let place =
                    format!("{} is damaged after {frames} frames, which were delivered", path.display());
                source.explanation().within(place)
            }
            CaptureError::Pictures { path, bad, total, cause } => Explanation::new(
                format!(
                    "{bad} of the {total} pictures in {} gave no frame ({cause}){}",
                    path.display(),
                    delivered(total - bad)
                ),
                "remove or replace these pictures",
            ),
            CaptureError::Pool { have, need, slots } => Explanation::new(
                format!(
                    "the source's buffer pool has only {have} buffers, but ring_slots = {slots} needs {need} (the slots and what is in flight): the camera would starve"
                ),
                format!(
                    "set ring_slots to {} or less",
                    (*have as usize).saturating_sub(super::appsink::IN_FLIGHT)
                ),
            ),
            CaptureError::Unmappable { caps, cause } => Explanation::new(
                format!("frames arrive as {caps}, which cannot be mapped ({cause})"),
                "end the source in `videoconvert`",
            ),
            CaptureError::RequestedMode { device, requested, offered } => Explanation::new(
                format!(
                    "{} does not offer what the configuration asks for ({requested:?}); it offers: {offered}",
                    device.display()
                ),
                "change or remove the v4l2 keys",
            ),
            CaptureError::Device { device, what, next } => {
                Explanation::new(format!("{}: {what}", device.display()), next.as_str())
            }
            CaptureError::Remote(error) => error.explanation(),
            CaptureError::Password(error) => error.explanation(),
            CaptureError::Turned => {
                Explanation::new("the video must be rotated, which failed", "save it upright")
            }
            CaptureError::Stream(error) => error.explanation(),
            CaptureError::Silent { waited } => Explanation::new(
                format!("connected, but no frame came within {} s", waited.as_secs()),
                "check that the camera really streams",
            ),
            CaptureError::Frozen { frozen } => {
                Explanation::new(format!("no new frame for {} s", frozen.as_secs()), "reconnecting")
            }
            CaptureError::StreamEnded => Explanation::new(
                "the source ended the stream",
                "check that the camera or its server is still running",
            ),
            CaptureError::Tcp(error) => error.explanation(),
            #[cfg(feature = "demo")]
            CaptureError::Painter(error) => error.explanation(),
        }
    }
}

/// A clause about the other pictures; empty where there are none.
fn delivered(frames: u64) -> String {
    match frames {
        0 => String::new(),
        1 => "; the other one was delivered".into(),
        more => format!("; the other {more} were delivered"),
    }
}

impl CaptureError {
    /// Whether a retry cannot help, because the configuration or installation is wrong and not the camera.
    pub fn is_final(&self) -> bool {
        match self {
            CaptureError::Init { .. }
            | CaptureError::NoElement { .. }
            | CaptureError::NoDecoder { .. }
            | CaptureError::Launch { .. }
            | CaptureError::LaunchEnd { .. }
            | CaptureError::Pool { .. } => true,
            #[cfg(feature = "demo")]
            CaptureError::Painter(_) => true,
            _ => false,
        }
    }
}
