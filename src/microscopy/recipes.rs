//! The recipes that the service may run: files of one folder, found by name and never by path.

use std::path::{Path, PathBuf};

use super::command::{BatchOut, RecipeOut, ResultsState};
use super::{Recorded, Summary, fovs_done, running};
use crate::config::Experiment;
use crate::contract::BatchProgress;
use crate::types::Refusal;

/// Most recipes of a folder that are listed.
const MOST_RECIPES: usize = 256;

/// A recipe that was found and read.
pub struct KnownRecipe {
    /// Its file's name without `.toml`.
    pub name: String,
    /// The path of its file.
    pub path: PathBuf,
    /// The experiment that it describes.
    pub experiment: Experiment,
}

/// The recipe called `name` in `folder`.
///
/// # Errors
/// The folder cannot be read, has no such recipe, or that has faults.
pub fn find(folder: &Path, name: &str) -> Result<KnownRecipe, Refusal> {
    let names = names(folder)?;
    // Compared with what is in the folder, so that no name leads out of it.
    let Some((name, path)) = names.iter().find(|(known, _)| known == name) else {
        let known: Vec<&str> = names.iter().map(|(known, _)| known.as_str()).collect();
        let remedy = match known.is_empty() {
            true => "put one into the folder".into(),
            false => format!("there are: {}", known.join(", ")),
        };
        return Err(Refusal::new("unknown_recipe", format!("there is no recipe {name:?}"), remedy));
    };
    let experiment = Experiment::load(path)
        .map_err(|faults| Refusal::new("bad_recipe", faults.to_string(), "correct the recipe"))?;
    Ok(KnownRecipe { name: name.clone(), path: path.clone(), experiment })
}

/// The recipe that is called `run`, or whose results are those of the run `run`.
///
/// # Errors
/// There is none, or it has faults.
pub fn of_run(folder: &Path, run: &str) -> Result<KnownRecipe, Refusal> {
    let by_name = find(folder, run);
    if by_name.as_ref().is_err_and(|refusal| refusal.code == "unknown_recipe") {
        for (name, _) in names(folder)? {
            let Ok(known) = find(folder, &name) else { continue };
            if Recorded::read(&known.experiment.out)
                .is_ok_and(|found| found.is_some_and(|it| it.header.id == run))
            {
                return Ok(known);
            }
        }
    }
    by_name
}

/// The recipes with the state of their results; `run` is the run of this service.
///
/// # Errors
/// The folder cannot be read.
pub fn list(folder: &Path, run: Option<BatchProgress>) -> Result<BatchOut, Refusal> {
    let shown = folder.display().to_string();
    let recipes = names(folder)?.into_iter().map(|(name, path)| {
        let now = run.as_ref().filter(|run| run.recipe == name && !run.state.is_over());
        look(name, &path, now)
    });
    Ok(BatchOut { folder: shown, recipes: recipes.collect(), run: run.clone() })
}

/// What is in the folder of a recipe's results; `now` is the run that works there.
fn look(recipe: String, path: &Path, now: Option<&BatchProgress>) -> RecipeOut {
    let mut out = RecipeOut {
        recipe,
        state: ResultsState::None,
        out: None,
        id: None,
        fovs: 0,
        complete: 0,
        failed: 0,
        fault: None,
    };
    let faulty = |mut out: RecipeOut, fault: String| {
        (out.state, out.fault) = (ResultsState::Faulty, Some(fault));
        out
    };
    let experiment = match Experiment::load(path) {
        Ok(experiment) => experiment,
        Err(faults) => return faulty(out, faults.to_string()),
    };
    out.out = Some(experiment.out.display().to_string());
    if let Some(run) = now {
        out.state = ResultsState::Running;
        out.id = Some(run.id.clone());
        (out.fovs, out.complete, out.failed) = (run.fovs, run.complete, run.failed);
        return out;
    }
    let recorded = match Recorded::read(&experiment.out) {
        Ok(Some(recorded)) => recorded,
        Ok(None) => return out,
        Err(error) => return faulty(out, error.to_string()),
    };
    out.id = Some(recorded.header.id.clone());
    out.fovs = recorded.fovs();
    (out.complete, out.failed) = fovs_done(&recorded.records);
    // A share has fewer fields of view than the experiment; its summary knows which.
    out.fovs = Summary::read(&experiment.out).map_or(out.fovs, |summary| summary.fovs.len());
    out.state = match (running(&experiment.out), out.complete == out.fovs) {
        (Some(_), _) => ResultsState::Running,
        (None, true) => ResultsState::Complete,
        (None, false) => ResultsState::Interrupted,
    };
    out
}

/// Names and paths of the recipes, sorted.
fn names(folder: &Path) -> Result<Vec<(String, PathBuf)>, Refusal> {
    let fault = |error: std::io::Error| {
        let message = format!("the folder of recipes {} cannot be read: {error}", folder.display());
        Refusal::new("batch_refused", message, "make it readable for the service")
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| !stem.starts_with('.'));
        if let Some(stem) = stem
            && path.extension().is_some_and(|ending| ending == "toml")
            && path.is_file()
        {
            names.push((stem.to_owned(), path.clone()));
        }
    }
    names.sort();
    names.truncate(MOST_RECIPES);
    Ok(names)
}
