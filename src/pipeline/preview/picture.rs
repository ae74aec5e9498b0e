//! One picture on its way over a worker.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Live, Part, Preview};
use crate::pipeline::Item;
use crate::preview::annotate::{Annotator, Overlays, PartMarks};
use crate::scheduler::Fan;
use crate::types::{Clock, Frame, Layer, Picture};

/// What is to be drawn.
pub(super) enum What {
    Live(Live),
    Part(Part),
}

/// A picture that is to be made. One that is dropped undone is just not shown.
pub struct PictureItem {
    preview: Arc<Preview>,
    what: What,
}

impl PictureItem {
    pub(super) fn new(preview: Arc<Preview>, what: What) -> PictureItem {
        PictureItem { preview, what }
    }

    /// It could not be made. Told once a camera, and then only counted: the next frame most likely fails alike.
    pub(in crate::pipeline) fn fail(&mut self, stage: &str, cause: &str) {
        let counters = self.preview.counters();
        if counters.failed.get() == 0 {
            let frame = self.frame();
            tracing::warn!(frame = frame.seq, stage, "a picture for viewers could not be made: {cause}");
        }
        counters.failed.add(1);
    }

    fn frame(&self) -> &Frame {
        match &self.what {
            What::Live(live) => &live.frame,
            What::Part(part) => &part.frame,
        }
    }

    fn make(&self, annotator: &mut Annotator) -> Result<(), String> {
        let preview = &*self.preview;
        let began = preview.clock.now();
        match &self.what {
            What::Live(live) => preview.make_live(live, annotator)?,
            What::Part(part) => preview.make_part(part, annotator)?,
        }
        preview.counters().made_us.record(preview.clock.now().micros_since(began));
        Ok(())
    }
}

impl Preview {
    fn make_live(&self, live: &Live, annotator: &mut Annotator) -> Result<(), String> {
        let (frame, look) = (&live.frame, &self.settings.look);
        if self.hub.begin(Layer::Drawn) {
            let report = live.report.as_deref();
            let overlays = Overlays { report, places: &self.settings.places, part: None };
            let picture = annotator.drawn(frame, look, &overlays).map_err(|error| error.to_string())?;
            self.show_live(Layer::Drawn, picture);
        }
        if self.hub.begin(Layer::Plain) {
            let picture = annotator.plain(frame, look.quality).map_err(|error| error.to_string())?;
            self.show_live(Layer::Plain, picture);
        }
        Ok(())
    }

    /// Shows a live picture, unless a judged part is shown by now, or a newer frame (drawn by another worker).
    fn show_live(&self, layer: Layer, picture: Picture) {
        self.counters().encoded.add(1);
        let is_held = self.clock.now().mono_ns < self.held_ns.load(Ordering::Acquire);
        let is_old = picture.captured.mono_ns < self.hub.newest_ns(layer);
        if layer == Layer::Drawn && (is_held || is_old) {
            return self.counters().replaced.add(1);
        }
        self.hub.show(layer, picture);
    }

    fn make_part(&self, part: &Part, annotator: &mut Annotator) -> Result<(), String> {
        let Part { frame, inspection, product } = part;
        let marks = PartMarks { inspection, outlines: &product.outlines };
        let overlays = Overlays { report: None, places: &self.settings.places, part: Some(marks) };
        let picture =
            annotator.drawn(frame, &self.settings.look, &overlays).map_err(|error| error.to_string())?;
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

/// One worker's tools for pictures. Joins the stage to the scheduler's face.
pub struct PictureStation(pub Annotator);

impl crate::scheduler::Station<Item> for PictureStation {
    fn work(&mut self, item: &mut Item, _: &mut Fan<'_, Item>) -> Result<(), String> {
        let Item::Picture(picture) = item else {
            return Err("work of another kind came to annotation".into());
        };
        picture.make(&mut self.0)
    }
}
