//! The models, loaded as the service loads them, while no service has them.

use super::Note;
use crate::config::{ModelConfig, RuntimeSettings};
use crate::engine::{EngineError, Model, Runtime};

/// Whether the runtime opens, and each of `models` can be loaded and prepared.
pub(super) fn models(settings: &RuntimeSettings, models: &[ModelConfig]) -> Vec<Note> {
    let fault = |place: String, error: &EngineError| Note::fault(place, error.explanation());
    let runtime = match Runtime::open(settings) {
        Ok(runtime) => runtime,
        Err(error) => return vec![fault(error.key(), &error)],
    };
    let mut notes = vec![Note::ok("runtime", runtime.describe())];
    notes.extend(models.iter().map(|model| {
        let place = format!("{} (model.{})", model.path.display(), model.name);
        match runtime.load(model).and_then(|loaded| loaded.session().map(|_| ran(&loaded))) {
            Ok(found) => Note::ok(place, found),
            Err(error) => fault(place, &error),
        }
    }));
    notes
}

/// What is to be said of a model that runs.
fn ran(model: &Model) -> String {
    match model.coverage() {
        Some(coverage) => format!("it can be loaded and run; {coverage}"),
        None => "it can be loaded and run".into(),
    }
}
