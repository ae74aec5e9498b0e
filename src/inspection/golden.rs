//! The command `golden` while the service runs: it holds the store, so the command line sends it here.

use super::command::{
    Golden, GoldenAnswer, GoldenChangedOut, GoldenFaultsOut, GoldenKeptOut, GoldenLearnedOut,
    GoldenPrunedOut, GoldenSetOut, GoldenSetsOut, Selected, Selection,
};
use super::service::InspectionService;
use crate::image::{Cutter, ImageError, RotatedRect};
use crate::store::{GoldenEntry, GoldenError, GoldenSet};
use crate::types::{Channels, Frame, Patch, Pose, Rect, Refusal, rfc3339};

impl InspectionService {
    /// The command `golden`. A product that is selected somewhere is learned again at once.
    ///
    /// # Errors
    /// A refusal, with the fault of the store or of the request.
    pub fn golden(&self, command: Golden) -> Result<GoldenAnswer, Refusal> {
        let goldens = self.around.store.goldens();
        match command {
            Golden::Keep { camera, rois } => {
                let entries = vec![self.keep_frame(camera.as_deref(), rois)?];
                Ok(GoldenKeptOut { entries }.into())
            }
            Golden::Sets => Ok(GoldenSetsOut::from(goldens.sets().map_err(refused)?).into()),
            Golden::Verify => {
                let faults = goldens.verify().map_err(refused)?;
                Ok(GoldenFaultsOut { faults: faults.iter().map(ToString::to_string).collect() }.into())
            }
            Golden::Prune { keep } => {
                let pruned = goldens.prune(keep).map_err(refused)?;
                let (revisions, files) = (pruned.revisions, pruned.pictures);
                Ok(GoldenPrunedOut { revisions, files, bytes: pruned.bytes }.into())
            }
            Golden::List { of, revision: Some(revision) } => {
                let set = goldens.revision(&self.product_of(&of)?, revision).map_err(refused)?;
                Ok(GoldenSetOut::from(set).into())
            }
            Golden::List { of, revision: None } => {
                let set = goldens.current(&self.product_of(&of)?).map_err(refused)?;
                Ok(GoldenAnswer::Current(set.map(GoldenSetOut::from)))
            }
            Golden::Revisions { of } => {
                let sets = goldens.revisions(&self.product_of(&of)?).map_err(refused)?;
                Ok(GoldenSetsOut::from(sets).into())
            }
            Golden::Learn { of } => {
                Ok(GoldenLearnedOut { selected: self.learn_again(&self.product_of(&of)?) }.into())
            }
            Golden::Add { of, entries, rois } => {
                let product = self.product_of(&of)?;
                let entries = match entries {
                    Some(entries) => entries,
                    None => vec![self.keep_frame(of.camera.as_deref(), rois)?],
                };
                self.changed_goldens(&product, goldens.add(&product, entries))
            }
            Golden::Remove { of, picture } => {
                let product = self.product_of(&of)?;
                self.changed_goldens(&product, goldens.remove(&product, &picture))
            }
            Golden::Rollback { of, to } => {
                let product = self.product_of(&of)?;
                self.changed_goldens(&product, goldens.rollback(&product, to))
            }
        }
    }

    fn changed_goldens(
        &self,
        product: &str,
        set: Result<GoldenSet, GoldenError>,
    ) -> Result<GoldenAnswer, Refusal> {
        let set = GoldenSetOut::from(set.map_err(refused)?);
        Ok(GoldenChangedOut { set, selected: self.learn_again(product) }.into())
    }

    /// Writes the newest frame of a camera to disk.
    fn keep_frame(&self, camera: Option<&str>, rois: Option<Vec<String>>) -> Result<GoldenEntry, Refusal> {
        let camera = self.meant(camera)?;
        let frame = camera.ring.newest().ok_or("the camera has not given a frame yet")?;
        let name = format!("{}, frame {}, {}", camera.name, frame.seq, rfc3339(frame.captured.wall_ns));
        let picture = whole(&frame).map_err(|error| Refusal::from(error.to_string()))?;
        self.around.store.goldens().keep(&picture, &name, rois).map_err(refused)
    }

    /// Selects `product` again wherever it is selected, or was requested and is not ready; returns the
    /// outcomes.
    fn learn_again(&self, product: &str) -> Selected {
        let mut selected = Selected::new();
        for camera in self.cameras().iter().filter(|camera| camera.meant() == product) {
            let outcome = self.select(camera, product);
            let outcome = outcome.err().map_or_else(|| "ready".into(), |error| error.to_string());
            selected.insert(camera.name.clone(), outcome);
        }
        selected
    }

    fn product_of(&self, of: &Selection) -> Result<String, Refusal> {
        if let Some(product) = &of.product {
            return Ok(product.clone());
        }
        Ok(self.meant(of.camera.as_deref())?.meant())
    }
}

fn refused(error: GoldenError) -> Refusal {
    error.to_string().into()
}

/// The whole frame as a colour picture.
fn whole(frame: &Frame) -> Result<Patch, ImageError> {
    let rect = Rect { x: 0.0, y: 0.0, w: frame.width as f32, h: frame.height as f32 };
    let mut picture = Patch::default();
    let region = RotatedRect::upright(rect);
    Cutter::new().cut(&frame.planes(), &region, &Pose::default(), Channels::Rgb, &mut picture)?;
    Ok(picture)
}
