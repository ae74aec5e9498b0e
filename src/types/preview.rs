//! What people see of a camera: its newest picture, encoded once for all who look. The face between whoever draws
//! and whoever shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::watch;

use super::{Inspection, Stamp};

/// One picture, ready to be shown. Cloning it copies no pixel.
#[derive(Clone, Debug)]
pub struct Picture {
    /// JFIF, baseline.
    pub jpeg: Bytes,
    /// The frame's number.
    pub frame_seq: u64,
    /// When the frame was captured.
    pub captured: Stamp,
    /// Width in px.
    pub width: u32,
    /// Height in px.
    pub height: u32,
}

/// Which picture of a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// At the preview's size, with what was found drawn in.
    Drawn,
    /// At the frame's own size, nothing drawn.
    Plain,
}

/// A camera as people see it. Lives on when the camera is configured anew, and ends with it: hold a [`Watch`] for as
/// long as somebody looks, not the view, which would keep the end from them.
pub trait LiveView: Send + Sync {
    /// Begins to look: the newest picture there is, or one of the newest frame, comes first.
    fn watch(&self, layer: Layer) -> Watch;

    /// How many look now.
    fn viewers(&self) -> usize;
}

/// The live views of all cameras.
pub trait LiveViews: Send + Sync {
    /// The view of the camera called `camera`, if there is such a camera.
    fn find(&self, camera: &str) -> Option<Arc<dyn LiveView>>;
}

/// Keeps pictures of inspected parts, for as long as it likes. Must not block.
pub trait PartPictureStore: Send + Sync {
    /// The picture of an inspected part with its verdicts drawn in: of every part that is bad or could not be judged,
    /// as far as there is time to draw them, and of a good one while somebody looks.
    fn keep(&self, inspection: &Arc<Inspection>, picture: &Picture);
}

/// One viewer. While it waits in [`Watch::next`] pictures are made; while it does anything else (writes to a slow
/// socket, say) it costs nothing and holds nobody up: it just misses the pictures of that time.
pub struct Watch {
    pictures: watch::Receiver<Option<Picture>>,
    asking: Arc<AtomicUsize>,
}

impl Watch {
    /// A viewer of `pictures`; counted in `asking` while it waits for one.
    pub fn new(pictures: watch::Receiver<Option<Picture>>, asking: Arc<AtomicUsize>) -> Watch {
        Watch { pictures, asking }
    }

    /// Waits for a picture that this viewer has not had yet, the newest; `None` when the camera is gone.
    /// May be dropped at any time: no picture is lost by that.
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

/// Counts one who waits.
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
