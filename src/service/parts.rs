//! A camera that inspects: loads its product, and changes it without a restart.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::camera::Camera;
use super::{App, lock};
use crate::config::recipe::{self, Recipe};
use crate::config::{Config, Inspect, PickFrame};
use crate::contract;
use crate::inspection::evidence::{GoldenRecord, ModelRecord, ProductRecord};
use crate::inspection::{GoldenPicture, PartFeed, PartItem, PartLane, PartLaneSettings, Product, Program};
use crate::ring::{Pick, Ring};
use crate::scheduler::{Attachment, Factory, StageSpec};
use crate::store::GoldenSet;
use crate::supervisor::{Beat, Unit, UnitContext};
use crate::types::{Frame, priority};

/// How often the loop beats, and looks for products to retire, while no trigger is due.
const PATIENCE: Duration = Duration::from_millis(200);
/// During the drain, all acquisitions are given up when none has ended for this long: less than half of the
/// usual drain time.
const DRAIN: Duration = Duration::from_secs(2);
const DRAIN_LOOK: Duration = Duration::from_millis(2);

/// A camera's part of inspection.
pub(super) struct Parts {
    pub(super) lane: Arc<PartLane>,
    pub(super) settings: Inspect,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    selected: Option<Selected>,
    /// Former products whose last parts are still in flight.
    former: Vec<Selected>,
    /// Why the requested product is not ready.
    fault: Option<String>,
    /// The requested product, if it is not the selected one: it could not be loaded, or was selected before
    /// the camera was changed.
    wanted: Option<String>,
}

/// A product that is ready on the workers.
struct Selected {
    product: Arc<Product>,
    queue: Attachment<PartItem>,
}

impl Parts {
    pub(super) fn new(camera: &str, settings: &Inspect, ring: &Ring<Frame>, app: &App) -> Parts {
        let lane = PartLaneSettings {
            camera: camera.into(),
            pick: match settings.pick {
                PickFrame::Nearest => Pick::Nearest,
                PickFrame::Next => Pick::Next,
                PickFrame::Previous => Pick::Previous,
            },
            queue: settings.queue,
            max_wait: settings.max_wait,
            tolerance: settings.tolerance,
            numbers: app.numbers.of("acquisition", camera),
        };
        let lane = PartLane::new(lane, ring.clone(), app.sinks.clone(), app.bell.clone());
        Parts { lane, settings: settings.clone(), state: Mutex::default() }
    }

    /// Why the requested product is not ready, if so.
    pub(super) fn fault(&self) -> Option<String> {
        lock(&self.state).fault.clone()
    }

    /// The product in force, with what was learned for it.
    pub(super) fn product(&self) -> Option<Arc<Product>> {
        self.lane.product()
    }

    /// Counts of the parts so far; `last` holds the judged parts and the time of the last call.
    pub(super) fn figures(&self, last: &mut (u64, u64), now_ns: u64) -> contract::Parts {
        let counts = self.lane.counts();
        let judged = counts.ok + counts.ng + counts.error;
        let minutes = now_ns.saturating_sub(last.1) as f32 / 60e9;
        let per_minute = if minutes > 0.0 { (judged - last.0) as f32 / minutes } else { 0.0 };
        *last = (judged, now_ns);
        let processing = counts.processing;
        let pareto = self.lane.pareto().into_iter();
        contract::Parts {
            triggers: counts.triggers,
            ok: counts.ok,
            ng: counts.ng,
            error: counts.error,
            missed: counts.missed,
            overrun: counts.overrun,
            bounced: counts.debounced,
            garbage: counts.garbage,
            per_minute,
            yield_share: (judged > 0).then(|| counts.ok as f32 / judged as f32),
            processing_us: contract::Processing {
                min: processing.min_us,
                mean: processing.mean_us(),
                max: processing.max_us,
            },
            pareto: pareto.map(|(roi, count)| contract::Failing { roi: roi.to_string(), count }).collect(),
        }
    }

    /// The product that triggers mean: the one in force, or the requested one if none is in force or it is
    /// blocked.
    pub(super) fn meant(&self) -> String {
        let selected =
            self.product().filter(|_| !self.lane.is_blocked()).map(|product| product.name.to_string());
        let wanted = || lock(&self.state).wanted.clone();
        let last = || self.product().map(|product| product.name.to_string());
        selected.or_else(wanted).or_else(last).unwrap_or_else(|| self.settings.product.clone())
    }

    /// Takes over the product that was selected while the camera had other settings, unless the new ones name
    /// another.
    pub(super) fn follow(&self, former: &Parts) {
        if former.settings.product == self.settings.product {
            lock(&self.state).wanted = Some(former.meant());
        }
    }

    /// At the end: lets acquisitions that have their frame finish as long as they make progress, and ends the
    /// rest.
    fn drain(&self, beat: &Beat) {
        self.lane.close();
        let (mut left, mut since) = (self.lane.counts().in_flight, Instant::now());
        while left > 0 && since.elapsed() < DRAIN {
            std::thread::sleep(DRAIN_LOOK);
            let now = self.lane.counts().in_flight;
            if now == left {
                beat.waiting();
            } else {
                beat.beat();
                (left, since) = (now, Instant::now());
            }
        }
        self.lane.abandon("the service or the camera ended before the inspection did");
    }

    /// Removes the stages of former products whose last parts are through.
    fn retire(&self, app: &App) {
        let former: Vec<Selected> = {
            let mut state = lock(&self.state);
            let (done, kept) =
                std::mem::take(&mut state.former).into_iter().partition(|one| one.product.is_done());
            state.former = kept;
            done
        };
        former.iter().for_each(|one| one.retire(app));
    }

    /// Removes every inspection stage of the camera.
    pub(super) fn detach(&self, app: &App) {
        let mut state = lock(&self.state);
        let all = std::mem::take(&mut state.former).into_iter().chain(state.selected.take());
        all.for_each(|one| one.retire(app));
    }
}

impl Selected {
    fn retire(&self, app: &App) {
        self.queue.detach();
        app.scheduler.remove(&self.product.stage);
    }
}

/// What a verdict depends on besides the frame.
fn product_record(program: &Program, set: Option<&GoldenSet>, runtime: &str) -> ProductRecord {
    let recipe = program.recipe();
    let goldens = set.iter().flat_map(|set| &set.entries).map(|entry| GoldenRecord {
        sha256: entry.picture.clone(),
        name: entry.name.clone(),
        rois: entry.rois.clone().unwrap_or_default(),
    });
    let models = program.models().iter().map(|model| ModelRecord {
        name: model.name().into(),
        sha256: model.sha256().into(),
        path: model.path().display().to_string(),
        runtime: runtime.into(),
    });
    ProductRecord {
        product: recipe.product.clone(),
        recipe_revision: recipe.revision,
        golden_revision: set.map_or(0, |set| set.revision),
        recipe_text: recipe.text.clone(),
        recipe_sha256: recipe.hash.clone(),
        goldens: goldens.collect(),
        models: models.collect(),
    }
}

impl App {
    /// Loads the first product of every camera that inspects. A failure does not stop the service: triggers
    /// end as `error`, an alarm gives the reason, and golden pictures can still be taught from the camera.
    pub(super) fn select_first_products(&self) {
        let cameras = lock(&self.cameras).clone();
        for camera in cameras {
            let Some(parts) = &camera.parts else { continue };
            if parts.product().is_none()
                && let Err(fault) = self.select(&camera, &parts.settings.product)
            {
                tracing::error!(camera = camera.settings.name, "{fault}");
            }
        }
    }

    /// Reads the recipe of every camera's product again: files may have changed, and cameras may be new. If a
    /// recipe cannot be used, the product in force stays.
    pub(super) fn select_again(&self) {
        let cameras = lock(&self.cameras).clone();
        for camera in cameras {
            let Some(parts) = &camera.parts else { continue };
            if let Err(fault) = self.select(&camera, &parts.meant()) {
                tracing::error!(camera = camera.settings.name, "{fault}");
            }
        }
    }

    /// Loads `product` for the camera and selects it for the triggers that follow. On an error the product in
    /// force stays, and an alarm gives the reason.
    pub(super) fn select(&self, camera: &Camera, product: &str) -> Result<(), String> {
        let name = &camera.settings.name;
        let Some(parts) = &camera.parts else {
            return Err(format!("camera {name} does not inspect; give it an `inspect` section"));
        };
        let outcome = self.make_product_ready(name, parts, product);
        let alarm = format!("product-{name}");
        match outcome {
            Ok(selected) => {
                tracing::info!(camera = name, product, "selected");
                let former = parts.lane.select(selected.product.clone());
                drop(former);
                let mut state = lock(&parts.state);
                let former = state.selected.replace(selected);
                state.former.extend(former);
                (state.fault, state.wanted) = (None, None);
                drop(state);
                self.publisher.clear_alarm(&alarm);
                self.bell.ring_all();
                self.publish_trigger(camera);
                Ok(())
            }
            Err(fault) => {
                self.publisher.alarm(&alarm, &format!("product {product} is not ready: {fault}"));
                let mut state = lock(&parts.state);
                (state.fault, state.wanted) = (Some(fault.clone()), Some(product.to_owned()));
                drop(state);
                self.publish_trigger(camera);
                Err(fault)
            }
        }
    }

    fn make_product_ready(&self, camera: &str, parts: &Parts, product: &str) -> Result<Selected, String> {
        let config = self.config().clone();
        let path = recipe::find(&parts.settings.recipes, product).map_err(|faults| faults.to_string())?;
        let recipe = Recipe::load(&path, &config.models).map_err(|faults| faults.to_string())?;
        let set = self.store.goldens().current(product).map_err(|error| error.to_string())?;
        let pictures = self.golden_pictures(set.as_ref())?;
        let model = |name: &str, as_vector| self.inspection_model(&config, name, as_vector);
        let program = Arc::new(Program::new(recipe, &pictures, &model).map_err(|error| error.to_string())?);
        let record = product_record(&program, set.as_ref(), &self.runtime_name());
        let generation = lock(&self.models).next_generation();
        let spec = StageSpec {
            name: format!("inspect/{camera}/{product}#{generation}").into(),
            priority: priority::INSPECT,
            min: 0,
            max: config.workers.cores.len(),
        };
        let product = Arc::new(Product {
            name: product.into(),
            recipe_revision: program.recipe().revision,
            golden_revision: set.map_or(0, |set| set.revision),
            rois: program.rois(),
            outlines: program.outlines().into(),
            stage: spec.name.clone(),
        });
        self.evidence.product(&product.stage, Arc::new(record));
        // Memory for every region of every part that may be in flight.
        let regions = product.rois.len() * parts.settings.queue;
        let feed = PartFeed::new(parts.lane.clone(), product.stage.clone(), regions);
        let factory: Arc<Factory<PartItem>> = Arc::new(move || Ok(Box::new(program.inspector()?)));
        let stage = self.scheduler.add(spec, factory).map_err(|error| error.to_string())?;
        let queue = Attachment::new(Arc::new(feed));
        queue.attach(&stage);
        Ok(Selected { product, queue })
    }

    /// The pictures of a set, read and checked against their hashes.
    fn golden_pictures(&self, set: Option<&GoldenSet>) -> Result<Vec<GoldenPicture>, String> {
        let goldens = self.store.goldens();
        let entries = set.map_or(&[][..], |set| &set.entries);
        let pictures = entries.iter().map(|entry| {
            let picture = goldens.picture(&entry.picture).map_err(|error| error.to_string())?;
            let name = entry.picture[..12].to_owned();
            Ok(GoldenPicture { name, picture: Arc::new(picture), rois: entry.rois.clone() })
        });
        pictures.collect()
    }

    /// The loop behind a camera's trigger target: ends triggers that get no frame, and retires old products.
    pub(super) fn parts_unit(self: &Arc<App>, camera: &Arc<Camera>, config: &Config) -> Option<Unit> {
        camera.parts.as_ref()?;
        let name = format!("inspect/{}", camera.settings.name);
        let essential = config.supervisor.essential.contains(&name);
        let (app, camera) = (self.clone(), camera.clone());
        let body = move |context: &UnitContext| {
            let Some(parts) = &camera.parts else { return Ok(()) };
            while !context.stop.is_stopped() {
                parts.lane.expire(PATIENCE);
                parts.retire(&app);
                context.beat.beat();
            }
            parts.drain(&context.beat);
            // Retained, so a stopped service must not stay "ready". The camera may have been replaced by now.
            if lock(&app.cameras).iter().any(|known| Arc::ptr_eq(known, &camera)) {
                app.publish_trigger(&camera);
            }
            Ok(())
        };
        Some(Unit::new(name, body).essential(essential))
    }
}
