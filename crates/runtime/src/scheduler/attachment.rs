//! Moves a feed between stages, so that it is attached to at most one.

use std::sync::Arc;

use parking_lot::Mutex;

use super::stage::{Feed, Stage};

/// Keeps one feed attached to at most one stage; detached when dropped.
pub struct Attachment<W> {
    feed: Arc<dyn Feed<W>>,
    stage: Mutex<Option<Arc<Stage<W>>>>,
}

impl<W> Attachment<W> {
    /// Makes an attachment of `feed` that is attached to no stage yet.
    pub fn new(feed: Arc<dyn Feed<W>>) -> Attachment<W> {
        Attachment { feed, stage: Mutex::default() }
    }

    /// Attaches the feed to `stage`, and detaches it from the previous one. Returns false where it is
    /// attached there already.
    pub fn attach(&self, stage: &Arc<Stage<W>>) -> bool {
        let mut current = self.stage.lock();
        if current.as_ref().is_some_and(|known| Arc::ptr_eq(known, stage)) {
            return false;
        }
        // The new stage comes first, so that waiting items always have a stage that takes them.
        stage.attach(self.feed.clone());
        if let Some(former) = current.replace(stage.clone()) {
            former.detach(&self.feed);
        }
        true
    }

    /// Detaches the feed; items already taken from it finish as usual.
    pub fn detach(&self) {
        if let Some(stage) = self.stage.lock().take() {
            stage.detach(&self.feed);
        }
    }

    /// Whether a stage takes the feed's items.
    pub fn is_attached(&self) -> bool {
        self.stage.lock().is_some()
    }
}

impl<W> Drop for Attachment<W> {
    fn drop(&mut self) {
        self.detach();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::{Priority, StageSpec};

    struct Endless;

    impl Feed<u8> for Endless {
        fn take(&self) -> Option<u8> {
            Some(1)
        }

        fn waiting(&self) -> usize {
            1
        }
    }

    fn stage(name: &str) -> Arc<Stage<u8>> {
        Arc::new(Stage::new(StageSpec { name: name.into(), priority: Priority(1), min: 0, max: 1 }))
    }

    #[test]
    fn a_feed_is_at_one_stage_at_a_time_and_goes_when_its_owner_does() {
        let (first, second) = (stage("first"), stage("second"));
        let attachment = Attachment::new(Arc::new(Endless));
        assert!(!attachment.is_attached());
        assert!(attachment.attach(&first) && !attachment.attach(&first));
        assert_eq!((first.waiting(), second.waiting()), (1, 0));
        assert!(attachment.attach(&second) && attachment.is_attached());
        assert_eq!((first.waiting(), second.waiting()), (0, 1));
        drop(attachment);
        assert_eq!(second.waiting(), 0);
    }
}
