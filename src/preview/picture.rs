//! One picture as a work item.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::live::{JudgedPart, Live, Preview};
use crate::annotate::{Annotator, Overlays, PartMarks};
use crate::image::ImageError;
use crate::scheduler::{Cause, Executor, WorkItem};
use crate::types::{Clock, DegradationStep, Frame, Layer, Picture};

/// The frame or part that is drawn.
pub(super) enum What {
    Live(Live),
    JudgedPart(JudgedPart),
}

/// A picture to draw. An item that is dropped undone has no effect, since the next frame follows soon.
pub struct PictureItem {
    preview: Arc<Preview>,
    what: What,
}

impl PictureItem {
    pub(super) fn new(preview: Arc<Preview>, what: What) -> PictureItem {
        PictureItem { preview, what }
    }

    fn frame(&self) -> &Frame {
        match &self.what {
            What::Live(live) => &live.frame,
            What::JudgedPart(part) => &part.frame,
        }
    }

    fn make(&self, annotator: &mut Annotator) -> Result<(), ImageError> {
        let preview = &*self.preview;
        let began = preview.clock.now();
        match &self.what {
            What::Live(live) => preview.make_live(live, annotator)?,
            What::JudgedPart(part) => preview.make_part(part, annotator)?,
        }
        preview.counters().made_us.record(preview.clock.now().micros_since(began));
        Ok(())
    }
}

impl Preview {
    fn make_live(&self, live: &Live, annotator: &mut Annotator) -> Result<(), ImageError> {
        let (frame, look) = (&live.frame, &self.settings.look);
        if self.hub.begin(Layer::Drawn) {
            let report = live.report.as_deref();
            let overlays = match self.settings.degradation.has(DegradationStep::Annotation) {
                true => Overlays::default(),
                false => Overlays { report, places: &self.settings.places, part: None },
            };
            let picture = annotator.drawn(frame, look, &overlays)?;
            self.show_live(Layer::Drawn, picture);
        }
        if self.hub.begin(Layer::Plain) {
            let picture = annotator.plain(frame, look.quality)?;
            self.show_live(Layer::Plain, picture);
        }
        Ok(())
    }

    /// Shows a live picture, unless a judged part is shown by now or another worker has shown a newer frame.
    fn show_live(&self, layer: Layer, picture: Picture) {
        self.counters().encoded.add(1);
        let is_held = self.clock.now().mono_ns < self.held_ns.load(Ordering::Acquire);
        let is_old = picture.captured.mono_ns < self.hub.newest_ns(layer);
        if layer == Layer::Drawn && (is_held || is_old) {
            return self.counters().replaced.add(1);
        }
        self.hub.show(layer, picture);
    }

    fn make_part(&self, part: &JudgedPart, annotator: &mut Annotator) -> Result<(), ImageError> {
        let JudgedPart { frame, inspection, outlines } = part;
        let marks = PartMarks { inspection, outlines };
        let overlays = Overlays { report: None, places: &self.settings.places, part: Some(marks) };
        let picture = annotator.drawn(frame, &self.settings.look, &overlays)?;
        self.counters().encoded.add(1);
        self.counters().parts.add(1);
        if let Some(part_pictures) = self.settings.part_pictures.get() {
            part_pictures.keep(inspection, &picture);
        }
        let until = self.clock.now().mono_ns + self.settings.hold.as_nanos() as u64;
        self.held_ns.store(until, Ordering::Release);
        self.hub.begin(Layer::Drawn);
        self.hub.show(Layer::Drawn, picture);
        Ok(())
    }
}

impl WorkItem for PictureItem {
    /// Notes a picture that could not be made. Only the first of a camera is logged, because the next ones
    /// most likely fail in the same way; all are counted.
    fn fail(&mut self, stage: &str, cause: &str) {
        let counters = self.preview.counters();
        if counters.failed.get() == 0 {
            let frame = self.frame();
            tracing::warn!(frame = frame.seq, stage, "a picture for viewers could not be made: {cause}");
        }
        counters.failed.add(1);
    }
}

impl Executor<PictureItem> for Annotator {
    fn run(&mut self, picture: &mut PictureItem) -> Result<(), Cause> {
        Ok(picture.make(self)?)
    }
}
