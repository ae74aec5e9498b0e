//! Why a video cannot be read as an image stack. The path stands in front, from the stack's own error.

use super::{MAX_FRAMES, MAX_PIXELS};

/// What is wrong with a video, and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum VideoError {
    /// GStreamer cannot be started.
    #[error(
        "GStreamer cannot be started ({0}); install gstreamer1.0-plugins-base and gstreamer1.0-plugins-good"
    )]
    Start(gstreamer::glib::Error),
    /// An element is not installed.
    #[error(
        "GStreamer's element {0} is not installed; install gstreamer1.0-plugins-base and gstreamer1.0-plugins-good"
    )]
    NoElement(&'static str),
    /// A part of GStreamer refused what it never should.
    #[error("GStreamer refused to {0}; run with GST_DEBUG=3 for the details")]
    Refused(&'static str),
    /// No decoder is installed for it.
    #[error("there is no decoder for it ({cause}); install gstreamer1.0-libav, or convert the video")]
    NoDecoder {
        /// What GStreamer looks for.
        cause: String,
    },
    /// No container that is known.
    #[error("this is no video ({cause}); check the file, or convert it to Matroska with FFV1")]
    NotVideo {
        /// What GStreamer reported of it.
        cause: String,
    },
    /// It has sound or text alone.
    #[error("it contains no video stream; give a file with pictures")]
    NoStream,
    /// Its stream holds nothing.
    #[error("there is no frame in it: its recording failed or it is cut off; record or copy it again")]
    NoFrames,
    /// Its pictures would take too much memory.
    #[error(
        "a frame has {width} x {height} pixels, and {MAX_PIXELS} in all are allowed; scale or crop the video"
    )]
    TooLarge {
        /// Pixels in a row.
        width: u64,
        /// Rows of a frame.
        height: u64,
    },
    /// It has more frames than are counted.
    #[error("it has more than {MAX_FRAMES} frames; cut it into parts")]
    TooLong,
    /// Its pictures change their size or their format.
    #[error("frame {frame} is {this}, and frame 0 is {first}; cut the video where it changes")]
    Mixed {
        /// Number of the frame, from 0.
        frame: usize,
        /// Size and format of that frame.
        this: String,
        /// Size and format of the first.
        first: String,
    },
    /// The memory of a frame cannot be read.
    #[error("frame {frame} cannot be mapped for reading; convert the video to Matroska with FFV1")]
    Unmappable {
        /// Number of the frame, from 0.
        frame: usize,
    },
    /// No frame came for a long time.
    #[error(
        "frame {frame} was not decoded within {seconds} s: the decoder hangs, or the disk does; convert the video to Matroska with FFV1"
    )]
    Hangs {
        /// Number of the frame that was waited for, from 0.
        frame: usize,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The stream is damaged.
    #[error("frame {frame} cannot be decoded ({cause}); the file is damaged: copy or convert it again")]
    Damaged {
        /// Number of the frame, from 0.
        frame: usize,
        /// What GStreamer reported of it.
        cause: String,
    },
    /// The video ended before a frame that was there when frames were counted.
    #[error("frame {frame} is no longer there; wait until the recording has ended and start again")]
    Ended {
        /// Number of the frame, from 0.
        frame: usize,
    },
    /// A frame has other pixels than when frames were counted, even when decoded from the start.
    #[error(
        "frame {frame} is decoded differently each time: the file is damaged; convert it to Matroska with FFV1"
    )]
    Differs {
        /// Number of the frame, from 0.
        frame: usize,
    },
    /// The axes do not fit a video.
    #[error(
        "axes {axes:?}: {why}; write T for the brightness of each frame, or TC for its red, green and blue"
    )]
    Axes {
        /// The text that was given.
        axes: String,
        /// Why it cannot be used.
        why: String,
    },
    /// A name pattern is for folders of pictures.
    #[error("a video has no name pattern; leave the pattern out")]
    Pattern,
}
