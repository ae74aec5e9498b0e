//! `ocellus golden qualify`: tests a change of recipe, golden pictures or model on labelled samples before it
//! judges parts. `add`, `remove` and `rollback` do the same with --qualify.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::rate::{Judge, JudgeFault, Rating, Score, rate};
use super::samples::{self, LabelledSample};
use super::{CliOutput, GoldenClient, GoldenCommon, GoldenFault, install, sheet, view};
use crate::cli::recipe_loader::RecipeLoader;
use crate::config::ModelConfig;
use crate::config::recipe::Recipe;
use crate::inspection::ProgramError;
use crate::store::{GoldenEntry, GoldenSet};

/// Judges the samples in FOLDER/ok and FOLDER/ng twice: with the current recipe file and golden pictures, and
/// with the changes that are named here. A change is worse, and is refused with exit code 10, if it lets more
/// bad parts through (escapes), if more parts cannot be judged, or if as many get through and more good parts
/// are judged bad (false calls).
///
/// How a change comes into force: a recipe by --install (the old one is kept as PRODUCT.toml.REVISION, and
/// `golden rollback PRODUCT --recipe` restores it); golden pictures by `golden add|remove|rollback --qualify
/// FOLDER`; a model by naming it in the configuration and `ocellus reload`. A running service loads the
/// product again at once.
///
/// A text file beside a picture (part.txt, part.png) is the text that came with the trigger.
#[derive(Debug, Args)]
pub(super) struct QualifyArgs {
    /// The product; the name of its recipe file.
    product: String,
    /// The folder with ok/ and ng/: JPEG, PNG or BMP.
    folder: PathBuf,
    /// This recipe instead of the current one.
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// This golden revision instead of the newest.
    #[arg(long, value_name = "N")]
    golden_revision: Option<u64>,
    /// This file instead of the model's, with the card beside it, or else with the model's card; may be given
    /// several times.
    #[arg(long = "model", value_name = "NAME=FILE", value_parser = replacement)]
    models: Vec<(String, PathBuf)>,
    /// Put the recipe of --recipe into force, if it is not worse.
    #[arg(long, requires = "recipe", conflicts_with_all = ["golden_revision", "models"])]
    install: bool,
    /// Make the change even if it is worse on the samples.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    pub(super) common: GoldenCommon,
}

/// QualifyArgs of `add`, `remove` and `rollback`.
#[derive(Debug, Args)]
pub(super) struct Qualify {
    /// First test the change on the labelled samples in FOLDER/ok and FOLDER/ng; a worse one is refused (exit
    /// code 10).
    #[arg(long, value_name = "FOLDER")]
    qualify: Option<PathBuf>,
    /// Make the change even if it is worse on the samples.
    #[arg(long, requires = "qualify")]
    force: bool,
}

/// Everything that parts are judged with.
pub(super) struct Setup {
    pub recipe: Recipe,
    pub entries: Vec<GoldenEntry>,
    pub models: Vec<ModelConfig>,
    /// The description of its golden pictures.
    pub goldens: String,
}

impl Setup {
    /// The setup that is in force.
    pub fn current(client: &GoldenClient, recipe: Recipe, set: Option<&GoldenSet>) -> Setup {
        let entries = set.map_or(Vec::new(), |set| set.entries.clone());
        let goldens =
            set.map_or("no golden pictures".into(), |set| format!("golden revision {}", set.revision));
        Setup { recipe, entries, models: client.config.models.clone(), goldens }
    }
}

/// The results on the samples.
pub(super) struct Qualification {
    pub samples: Vec<LabelledSample>,
    pub setups: [Setup; 2],
    pub ratings: [Vec<Rating>; 2],
    pub scores: [Score; 2],
    /// Why the current setup cannot be loaded, if so.
    pub current_fault: Option<String>,
    /// Why the candidate is worse, if it is.
    pub worse: Option<String>,
    pub seconds: f32,
}

pub(super) fn run(arguments: &QualifyArgs) -> anyhow::Result<CliOutput> {
    let client = GoldenClient::open(&arguments.common)?;
    let product = &arguments.product;
    let recipe = Recipe::load(&client.path(product)?, &client.config.models)?;
    let set = client.current(product)?;
    let current = Setup::current(&client, recipe, set.as_ref());
    let candidate = candidate(arguments, &client, &current)?;
    let qualification = hold(&client, &arguments.folder, current, candidate)?;
    let view = sheet::view(&qualification);
    if let Some(why) = refusal(&qualification, arguments.force) {
        return Ok(CliOutput { fault: Some(why.into()), ..view });
    }
    if !arguments.install {
        return Ok(view);
    }
    let [current, candidate] = &qualification.setups;
    installed(&client, &current.recipe, &candidate.recipe, view)
}

/// Qualifies a change of golden pictures before it is made. Errors: it is worse, and not forced.
pub(super) fn before_change(
    client: &GoldenClient,
    product: &str,
    request: &Qualify,
    change: impl FnOnce(Option<&GoldenSet>) -> anyhow::Result<Vec<GoldenEntry>>,
) -> anyhow::Result<Option<CliOutput>> {
    let Some(folder) = &request.qualify else { return Ok(None) };
    let recipe = Recipe::load(&client.path(product)?, &client.config.models)?;
    let set = client.current(product)?;
    let entries = change(set.as_ref())?;
    let current = Setup::current(client, recipe.clone(), set.as_ref());
    let goldens = format!("{} to come", view::count(entries.len(), "golden picture"));
    let candidate = Setup { recipe, entries, models: client.config.models.clone(), goldens };
    checked(&hold(client, folder, current, candidate)?, request.force).map(Some)
}

/// Qualifies a change of the recipe before it is made. Errors: it is worse, and not forced.
pub(super) fn before_recipe(
    client: &GoldenClient,
    request: &Qualify,
    [old, new]: [&Recipe; 2],
) -> anyhow::Result<Option<CliOutput>> {
    let Some(folder) = &request.qualify else { return Ok(None) };
    let set = client.current(&old.product)?;
    let setup = |recipe: &Recipe| Setup::current(client, recipe.clone(), set.as_ref());
    checked(&hold(client, folder, setup(old), setup(new))?, request.force).map(Some)
}

/// Replaces `old` with `new`, and appends that to the output.
pub(super) fn installed(
    client: &GoldenClient,
    old: &Recipe,
    new: &Recipe,
    before: CliOutput,
) -> anyhow::Result<CliOutput> {
    let kept = install::install(old, new)?;
    let selected = client.learn(&new.product)?;
    let CliOutput { mut words, mut json, .. } = before;
    let line = format!(
        "{}: recipe revision {} is in force; revision {} is kept as {}",
        new.product,
        new.revision,
        old.revision,
        kept.display()
    );
    words = [words, line].join("\n").trim_start().to_owned() + &view::selected(&selected);
    if let Some(keys) = json.as_object_mut() {
        let installed = json!({ "recipe": old.path, "kept": kept, "revision": new.revision });
        keys.insert("installed".into(), installed);
        keys.insert("selected".into(), json!(selected));
    }
    Ok(CliOutput::new(words, json))
}

/// The output, unless the change is refused; then the refusal carries the whole sheet.
fn checked(qualification: &Qualification, force: bool) -> anyhow::Result<CliOutput> {
    let view = sheet::view(qualification);
    match refusal(qualification, force) {
        Some(why) => Err(super::RefusedChange { view, why }.into()),
        None => Ok(view),
    }
}

fn refusal(qualification: &Qualification, force: bool) -> Option<GoldenFault> {
    let why = qualification.worse.clone().filter(|_| !force)?;
    Some(GoldenFault::Worse { product: qualification.setups[0].recipe.product.clone(), why })
}

fn candidate(arguments: &QualifyArgs, client: &GoldenClient, current: &Setup) -> anyhow::Result<Setup> {
    let models = replaced(&client.config.models, &arguments.models)?;
    let product = &arguments.product;
    let recipe = match &arguments.recipe {
        Some(file) => install::load(file, product, &models)?,
        None => current.recipe.clone(),
    };
    // Results carry the revision, so two recipes must not share one.
    if arguments.install && recipe.revision <= current.recipe.revision {
        let (file, revision) = (recipe.path.clone(), recipe.revision);
        let (place, in_force) = (current.recipe.path.clone(), current.recipe.revision);
        return Err(GoldenFault::Revision { file, revision, place, in_force }.into());
    }
    let (entries, goldens) = match arguments.golden_revision {
        Some(revision) => {
            (client.revision(product, revision)?.entries, format!("golden revision {revision}"))
        }
        None => (current.entries.clone(), current.goldens.clone()),
    };
    Ok(Setup { recipe, entries, models, goldens })
}

fn replaced(models: &[ModelConfig], requested: &[(String, PathBuf)]) -> anyhow::Result<Vec<ModelConfig>> {
    let mut models = models.to_vec();
    for (name, file) in requested {
        let known: Vec<_> = models.iter().map(|model| model.name.as_str()).collect();
        let remedy = crate::config::nearest(name, &known);
        let Some(model) = models.iter_mut().find(|model| model.name == *name) else {
            return Err(GoldenFault::NoModel { name: name.clone(), remedy }.into());
        };
        *model = model.replaced(file)?;
    }
    Ok(models)
}

fn hold(
    client: &GoldenClient,
    folder: &Path,
    current: Setup,
    candidate: Setup,
) -> anyhow::Result<Qualification> {
    let samples = samples::list(folder)?;
    let recipe_loader = RecipeLoader::new(&client.config);
    let ready = |setup: &Setup| recipe_loader.program(setup.recipe.clone(), &setup.entries, &setup.models);
    // The change may repair the current setup, so that may fail to load; the candidate may not.
    let (first, current_fault): (Judge, _) = match ready(&current) {
        Ok(program) => (Ok(program), None),
        Err(error) if is_for_lack_of_goldens(&error) => {
            let fault = format!("{error:#}");
            (Err(JudgeFault(fault.clone())), Some(fault))
        }
        Err(error) => return Err(error.context("the current setup cannot be loaded")),
    };
    let second: Judge =
        Ok(ready(&candidate).map_err(|error| error.context("the candidate cannot be loaded"))?);
    let begun = Instant::now();
    let ratings = rate(&samples, [first, second])?;
    let scores = ratings.each_ref().map(|ratings| Score::of(&samples, ratings));
    let worse = scores[1].worse_than(&scores[0]);
    let (setups, seconds) = ([current, candidate], begun.elapsed().as_secs_f32());
    Ok(Qualification { samples, setups, ratings, scores, current_fault, worse, seconds })
}

/// Whether the product was never taught, so that there is nothing current to compare with.
fn is_for_lack_of_goldens(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ProgramError::NoGoldens { .. }))
}

/// An argument that is not NAME=FILE.
#[derive(Debug, thiserror::Error)]
#[error("write NAME=FILE: a model of the configuration, and the file to try in its place")]
struct NoReplacement;

fn replacement(text: &str) -> Result<(String, PathBuf), NoReplacement> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.into(), file.into())),
        _ => Err(NoReplacement),
    }
}

/// A model that a setup runs.
#[derive(Serialize)]
pub(super) struct UsedModel<'a> {
    pub name: &'a str,
    pub path: &'a Path,
}

/// The models that a setup runs.
pub(super) fn models_of(setup: &Setup) -> Vec<UsedModel<'_>> {
    let used = setup.recipe.models();
    let used = setup.models.iter().filter(|model| used.contains(&model.name.as_str()));
    used.map(|model| UsedModel { name: &model.name, path: &model.path }).collect()
}
