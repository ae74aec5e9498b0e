//! Feeds for sources without a GStreamer element (scene, folder, TCP): they push one buffer into an appsrc on
//! demand.

use std::collections::VecDeque;
use std::sync::Arc;

use gstreamer as gst;
use gstreamer_app as app;
use parking_lot::{Mutex, MutexGuard};

use super::CaptureError;
use super::tcp::SenderControl;
use crate::supervisor::Stop;
use crate::types::Label;

/// How the bytes of a fed buffer are coded; each coding needs its own pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Uncompressed planes, which need no decoder.
    Raw,
    /// JPEG pictures, which need a decoder.
    Jpeg,
}

/// What a feed reports before a pipeline is built for it.
pub enum Opening {
    /// The feed has a next buffer of this kind.
    Ready {
        /// Which decoder it needs.
        coding: Coding,
        /// The caps that all of its buffers have.
        caps: gst::Caps,
        /// Time stamp of the next buffer: where the new pipeline's clock begins.
        start_ns: u64,
    },
    /// The feed has no buffer yet; call again. The text names what is awaited.
    Waiting(String),
    /// The feed has no more buffers.
    End,
}

/// What a feed returns when it is asked for a buffer.
pub enum Fed {
    /// The next buffer, with its time stamp.
    Buffer(gst::Buffer),
    /// The next buffer, with its time stamp and its own caps.
    Sample(gst::Sample),
    /// The next buffer is of another kind: drain this pipeline, then `open` again.
    Switch,
    /// The feed has no more buffers.
    End,
}

/// A source of buffers. Runs on the pipeline's streaming thread.
pub trait SourceFeed: Send {
    /// Reports what comes next. May wait for at most 100 ms.
    fn open(&mut self, stop: &Stop) -> Result<Opening, CaptureError>;
    /// Returns the next buffer. May wait, but must return when `stop` is stopped.
    fn next(&mut self, stop: &Stop) -> Result<Fed, CaptureError>;
    /// Starts again from the first buffer.
    fn rewind(&mut self);
    /// Repeats the last buffer: the pipeline could not take it, but another one will.
    fn again(&mut self) {}
    /// The names of the files that its buffers come from, for a feed of files.
    fn names(&self) -> Option<FileNames> {
        None
    }
    /// The bounded queue between it and the decoder of its pictures, for a feed that must not wait for the decoder.
    fn queue(&self) -> Option<SenderControl> {
        None
    }
    /// Checks, after `frames` frames, whether the end was a regular one. Errors: what was wrong with the
    /// source.
    fn check_end(&self, _frames: u64) -> Result<(), CaptureError> {
        Ok(())
    }
}

/// File names on their way to the frames made of those files: each buffer carries its number in `offset`.
#[derive(Clone, Default)]
pub struct FileNames(Arc<Mutex<VecDeque<(u64, Label)>>>);

impl FileNames {
    /// Stores `name` for buffer `number`, which must follow the numbers stored before.
    pub fn put(&self, number: u64, name: Label) {
        self.0.lock().push_back((number, name));
    }

    /// Takes the file name of buffer `number`, and drops those of earlier buffers, which gave no frame.
    pub fn take(&self, number: u64) -> Option<Label> {
        let mut names = self.0.lock();
        while let Some((first, name)) = names.pop_front() {
            match first.cmp(&number) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Some(name),
                std::cmp::Ordering::Greater => {
                    names.push_front((first, name));
                    break;
                }
            }
        }
        None
    }
}

/// A feed, and how its last pipeline ended.
pub struct FeedSlot {
    /// The feed itself; kept from one pipeline to the next.
    pub feed: Box<dyn SourceFeed>,
    /// Whether the feed asked for another pipeline.
    pub switch: bool,
    /// The error with which the feed ended, if it failed.
    pub error: Option<CaptureError>,
}

/// A slot shared by the capture thread (between pipelines) and the streaming thread (while one runs).
#[derive(Clone)]
pub struct Feeder(Arc<Mutex<FeedSlot>>);

impl Feeder {
    /// Wraps `feed` so that the capture thread and the streaming thread share it.
    pub fn new(feed: Box<dyn SourceFeed>) -> Feeder {
        Feeder(Arc::new(Mutex::new(FeedSlot { feed, switch: false, error: None })))
    }

    /// Locks the slot. Call it only between pipelines: a running pipeline's streaming thread holds the lock
    /// while it waits.
    pub fn lock(&self) -> MutexGuard<'_, FeedSlot> {
        self.0.lock()
    }

    /// Connects this feed to `source`, which pulls a buffer whenever it needs one, until `stop`.
    pub fn serve(&self, source: &app::AppSrc, stop: Stop) {
        let feeder = self.clone();
        let need_data = move |source: &app::AppSrc, _bytes: u32| feeder.push_one(source, &stop);
        source.set_callbacks(app::AppSrcCallbacks::builder().need_data(need_data).build());
    }

    fn push_one(&self, source: &app::AppSrc, stop: &Stop) {
        let mut slot = self.lock();
        match slot.feed.next(stop) {
            Ok(Fed::Buffer(buffer)) => {
                drop(slot);
                // The push fails only while the pipeline is being stopped, when the buffer is no longer
                // wanted.
                let _ = source.push_buffer(buffer);
                return;
            }
            Ok(Fed::Sample(sample)) => {
                drop(slot);
                let _ = source.push_sample(&sample);
                return;
            }
            Ok(Fed::Switch) => slot.switch = true,
            Ok(Fed::End) => {}
            Err(error) => slot.error = Some(error),
        }
        let _ = source.end_of_stream();
    }
}
