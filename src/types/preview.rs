//! Live pictures of a camera, encoded once for all viewers: the interface between their producer and the web
//! page.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::watch;

use super::{Inspection, Stamp};

/// One encoded picture. Clones share the bytes.
#[derive(Clone, Debug)]
pub struct Picture {
    /// A baseline JPEG in JFIF.
    pub jpeg: Bytes,
    /// Number of the frame it was made from.
    pub frame_seq: u64,
    /// When the frame was captured.
    pub captured: Stamp,
    /// Width of the picture in px.
    pub width: u32,
    /// Height of the picture in px.
    pub height: u32,
}

/// The variant of a camera's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Scaled to the preview's size, with the findings drawn in.
    Drawn,
    /// The frame at its own size, without drawings.
    Plain,
}

/// The live view of a camera. It outlives a new configuration of the camera and ends with the camera. Hold a
/// [`Watch`] while a viewer is connected, not the view: a held view would hide the end of the camera from
/// viewers.
pub trait LiveView: Send + Sync {
    /// Adds a viewer, which first receives the newest picture or one of the newest frame.
    fn watch(&self, layer: Layer) -> Watch;

    /// Number of viewers at present.
    fn viewers(&self) -> usize;
}

/// The live views of all cameras.
pub trait LiveViews: Send + Sync {
    /// The view of the camera named `camera`; `None` where no such camera exists.
    fn find(&self, camera: &str) -> Option<Arc<dyn LiveView>>;
}

/// Stores pictures of inspected parts under its own limits. Must not block.
pub trait PartPictureStore: Send + Sync {
    /// Takes the picture of an inspected part with its verdicts drawn in. Bad parts and errors come whenever
    /// there is time to draw them, good parts only while a viewer is connected.
    fn keep(&self, inspection: &Arc<Inspection>, picture: &Picture);
}

/// One viewer. Pictures are made while it waits in [`Watch::next`]. While it does anything else, such as
/// writing to a slow socket, it costs nothing and delays nobody: it only misses the pictures of that time.
pub struct Watch {
    pictures: watch::Receiver<Option<Picture>>,
    asking: Arc<AtomicUsize>,
}

impl Watch {
    /// A viewer of `pictures`, counted in `asking` while it waits for one.
    pub fn new(pictures: watch::Receiver<Option<Picture>>, asking: Arc<AtomicUsize>) -> Watch {
        Watch { pictures, asking }
    }

    /// Waits for the newest picture that this viewer has not received; `None` when the camera is gone. It is
    /// cancel-safe: dropping the future loses no picture.
    pub async fn next(&mut self) -> Option<Picture> {
        let _asking = Asking::new(&self.asking);
        loop {
            self.pictures.changed().await.ok()?;
            if let Some(picture) = self.pictures.borrow_and_update().clone() {
                return Some(picture);
            }
        }
    }
}

/// Counts one waiting viewer until it is dropped.
struct Asking<'a>(&'a AtomicUsize);

impl<'a> Asking<'a> {
    fn new(count: &'a AtomicUsize) -> Asking<'a> {
        count.fetch_add(1, Ordering::AcqRel);
        Asking(count)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(frame_seq: u64) -> Option<Picture> {
        let (jpeg, captured) = (Bytes::from_static(b"jpeg"), Stamp::default());
        Some(Picture { jpeg, frame_seq, captured, width: 4, height: 2 })
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn a_viewer_gets_the_newest_picture_and_is_counted_only_while_it_waits() {
        let (sender, receiver) = watch::channel(None);
        let asking = Arc::new(AtomicUsize::new(0));
        let mut watch = Watch::new(receiver, asking.clone());
        sender.send_replace(picture(1));
        sender.send_replace(picture(2));
        assert_eq!(block_on(watch.next()).map(|picture| picture.frame_seq), Some(2));
        assert_eq!(asking.load(Ordering::Acquire), 0);
        let waiting = async {
            tokio::select! {
                biased;
                _ = watch.next() => unreachable!("nothing was sent"),
                () = async { assert_eq!(asking.load(Ordering::Acquire), 1) } => {}
            }
        };
        block_on(waiting);
        assert_eq!(asking.load(Ordering::Acquire), 0);
    }

    #[test]
    fn a_camera_that_is_gone_ends_the_view() {
        let (sender, receiver) = watch::channel(None);
        let mut watch = Watch::new(receiver, Arc::default());
        drop(sender);
        assert!(block_on(watch.next()).is_none());
    }
}
