//! Checks the model that an ROI names: it must exist, have the right task, and have the expected classes.

use super::RecipeScope;
use crate::config::raw::{TomlTable, nearest};
use crate::config::{ModelConfig, Task, card, text};

/// Reads `model = "NAME"`, which must have one of `tasks` where its card names one; `for_what` completes the
/// message.
pub(super) fn model<'m>(
    table: &TomlTable<'_, '_>,
    scope: &RecipeScope<'m>,
    tasks: &[Task],
    for_what: &str,
) -> Option<&'m ModelConfig> {
    let field = table.need("model", "write model = \"NAME\" of a [model.NAME] of the configuration")?;
    let name = field.text()?;
    let Some(model) = scope.models.iter().find(|model| model.name == name) else {
        let known: Vec<_> = scope.models.iter().map(|model| model.name.as_str()).collect();
        let remedy = match known.is_empty() {
            true => format!("add [model.{name}] with its path to the configuration"),
            false => nearest(name, &known),
        };
        field.fault(format!("there is no [model.{name}] in the configuration"), remedy);
        return None;
    };
    if let Some(task) = model.card.task.filter(|task| !tasks.contains(task)) {
        let wanted: Vec<_> = tasks.iter().map(|task| word(*task)).collect();
        let wanted = wanted.join(" or ");
        let fits = |model: &&ModelConfig| model.card.task.is_some_and(|task| tasks.contains(&task));
        let remedy = match scope.models.iter().find(fits) {
            Some(other) => format!("name a model of task {wanted}, such as \"{}\"", other.name),
            None => format!("add a model of task {wanted} to the configuration and name it here"),
        };
        let reason = format!("[model.{name}] is of task {}, which cannot {for_what}", word(task));
        field.fault(reason, remedy);
        return None;
    }
    Some(model)
}

/// Reads the list `key` of classes; each must be one of the model's, where its card lists them.
pub(super) fn classes(
    table: &TomlTable<'_, '_>,
    key: &'static str,
    model: Option<&ModelConfig>,
) -> Vec<String> {
    let Some(items) = table.get(key).and_then(|field| field.items("classes")) else { return Vec::new() };
    let known = model.and_then(labels);
    let mut classes = Vec::with_capacity(items.len());
    for item in &items {
        let Some(class) = item.text().map(text::label) else { continue };
        if let Some(known) = known.as_ref().filter(|known| !known.iter().any(|label| *label == class)) {
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            item.fault(format!("the model has no class \"{class}\""), nearest(&class, &known));
        }
        classes.push(class.into_owned());
    }
    classes
}

/// The model's classes where its card lists them; those in the file's metadata are known only once it is
/// loaded.
fn labels(model: &ModelConfig) -> Option<Vec<String>> {
    if model.card.labels.is_some() {
        return model.card.labels.clone();
    }
    let file = model.path.parent()?.join(model.card.labels_file.as_ref()?);
    // An unreadable file is a fault of the model, which is reported when the model is loaded.
    Some(text::labels(&text::read(&file).ok()?))
}

/// The word for the task in cards.
fn word(task: Task) -> &'static str {
    card::TASKS.iter().find(|(_, known)| *known == task).map_or("unknown", |(word, _)| word)
}
