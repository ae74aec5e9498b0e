//! `ocellus replay`: judges recorded evidence again and compares the verdict with the recorded one, bit for
//! bit.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::recipe_loader::RecipeLoader;
use super::{CliOutput, Configured, output};
use crate::config::recipe::Recipe;
use crate::config::{self, Config};
use crate::inspection::evidence::{self, Exact, KeptRecipe, KeptRoi, OpenedEvidence, Replay};
use crate::inspection::{Inspector, Judged, judge};
use crate::store::GoldenEntry;
use crate::types::{Frame, Inspection, RoiResult};

/// The part is judged with the recipe and the golden pictures that the evidence names, and with the
/// configuration's models, which must be the recorded files. Works while the service runs. Exit codes: 0 bit
/// for bit the same, 9 not the same, 11 the evidence was edited or damaged, 4 a model is another file.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// A folder of evidence, EVIDENCE/CAMERA/DATE/ID-VERDICT, or the evidence.json in it.
    #[arg(value_name = "EVIDENCE")]
    evidence: PathBuf,
    #[command(flatten)]
    configured: Configured,
    /// Write a picture of each region that compares pixels into this folder, with the differences marked:
    /// ROI.png.
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// Why evidence cannot be replayed, or how it differs.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplayFault {
    /// The service had already dropped the recipe when it wrote the evidence.
    #[error(
        "{evidence} holds no recipe: the product was changed before it was kept; it shows what was seen, but cannot \
         be replayed"
    )]
    NoRecipe { evidence: PathBuf },
    /// A model is another file than the one that judged the part.
    #[error(
        "model {name} is another file than the one that judged this part: SHA-256 {recorded} was recorded \
         ({recorded_path}), {path} has {found}; replay it with a --config that names the recorded file"
    )]
    Model { name: String, recorded: String, recorded_path: String, path: PathBuf, found: String },
    /// The replay gave another result.
    #[error(
        "the replay of {evidence} differs from what was recorded in {count}; it was recorded by {program}, on {runtime}"
    )]
    Differs { evidence: PathBuf, count: String, program: String, runtime: String },
}

pub(super) fn run(arguments: &ReplayArgs) -> anyhow::Result<()> {
    output::output(arguments.json, replay(arguments))
}

fn replay(arguments: &ReplayArgs) -> anyhow::Result<CliOutput> {
    // The evidence first, because its faults are what the user asked about.
    let opened = evidence::open(&arguments.evidence)?;
    let config = arguments.configured.options().load()?;
    let recipe_loader = RecipeLoader::new(&config);
    let judged = judge_again(&opened, &config, &recipe_loader, arguments.pictures.as_deref())?;
    let mut inspection = opened.unjudged();
    let Judged { outcome, cause, pose, rois } = judged;
    inspection = Inspection { outcome, cause, pose, rois, ..inspection };
    Ok(report(&opened, &inspection, &recipe_loader.runtime_name()))
}

fn judge_again(
    opened: &OpenedEvidence,
    config: &Config,
    recipe_loader: &RecipeLoader,
    pictures: Option<&Path>,
) -> anyhow::Result<Judged> {
    let evidence = &opened.path;
    let (Some(text), Some(kept)) = (&opened.recipe, &opened.document.recipe) else {
        return Err(ReplayFault::NoRecipe { evidence: evidence.clone() }.into());
    };
    let mut recipe = Recipe::parse(text, &evidence.join("recipe.toml"), &config.models)?;
    recipe.product.clone_from(&opened.document.product);
    hold_models(kept, &config.models, recipe_loader)?;
    let program = recipe_loader
        .program(recipe, &goldens(kept, &opened.frame), &config.models)
        .with_context(|| format!("what judged {} cannot be made ready again", evidence.display()))?;
    let mut inspector = program.inspector()?;
    let text = opened.document.trigger.text.as_deref();
    let judged = judge(&program, &mut inspector, &opened.frame, text);
    if let Some(folder) = pictures {
        draw(&judged, &mut inspector, &opened.frame, folder)?;
    }
    Ok(judged)
}

/// Draws the regions that have a picture to show.
fn draw(judged: &Judged, inspector: &mut Inspector, frame: &Frame, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    for (index, roi) in judged.rois.iter().enumerate() {
        let Some(picture) = inspector.picture(frame, judged.pose.as_ref(), index) else { continue };
        let file = folder.join(format!("{}.png", roi.name.replace(['/', '\0'], "_")));
        let (width, height) = (picture.width as u32, picture.height as u32);
        // The absolute path names the crate; our module is called `image` too. Pictures for people are always
        // in colour.
        ::image::save_buffer(&file, &picture.data, width, height, ::image::ColorType::Rgb8)
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(())
}

/// The golden pictures that the verdict used.
fn goldens(kept: &KeptRecipe, frame: &Frame) -> Vec<GoldenEntry> {
    let entry = |golden: &evidence::GoldenRecord| GoldenEntry {
        picture: golden.sha256.clone(),
        name: golden.name.clone(),
        size: [frame.width as u32, frame.height as u32],
        rois: Some(golden.rois.clone()).filter(|rois| !rois.is_empty()),
    };
    kept.goldens.iter().map(entry).collect()
}

/// Errors: a model is another file than the recorded one.
fn hold_models(
    kept: &KeptRecipe,
    models: &[config::ModelConfig],
    recipe_loader: &RecipeLoader,
) -> anyhow::Result<()> {
    for record in &kept.models {
        // The recipe names only these models, and was read against them.
        let Some(settings) = models.iter().find(|model| model.name == record.name) else { continue };
        let found = recipe_loader.digest(settings)?;
        if !found.eq_ignore_ascii_case(&record.sha256) {
            return Err(ReplayFault::Model {
                name: record.name.clone(),
                recorded: record.sha256.clone(),
                recorded_path: record.path.clone(),
                path: settings.path.clone(),
                found,
            }
            .into());
        }
    }
    Ok(())
}

/// A replay as an object, with what is not part of the comparison.
#[derive(Serialize)]
struct ReplayReport<'a> {
    #[serde(flatten)]
    replay: &'a Replay,
    ok: bool,
    results: Vec<KeptRoi>,
    runtime: ReplayRuntimes<'a>,
}

/// The runtimes that computed the two verdicts.
#[derive(Serialize)]
struct ReplayRuntimes<'a> {
    recorded: &'a str,
    replayed: &'a str,
}

fn report(opened: &OpenedEvidence, inspection: &Inspection, runtime: &str) -> CliOutput {
    let replay = Replay::new(opened, inspection);
    let kept = opened.document.recipe.iter().flat_map(|recipe| &recipe.models);
    let recorded = kept.map(|model| model.runtime.as_str()).next().unwrap_or_default();
    let mut words: Vec<String> = inspection.rois.iter().map(line).collect();
    words.push(replay.to_string());
    if recorded != runtime {
        words.push(format!("note: it was judged on {recorded}, and replayed on {runtime}"));
    }
    let json = json!(ReplayReport {
        replay: &replay,
        ok: replay.identical,
        results: inspection.rois.iter().map(KeptRoi::from).collect(),
        runtime: ReplayRuntimes { recorded, replayed: runtime },
    });
    let fault = (!replay.identical).then(|| {
        let count = output::count(replay.differences.len(), "place");
        let (evidence, program) = (opened.path.clone(), opened.document.program.clone());
        let runtime = if recorded.is_empty() { "no runtime" } else { recorded }.to_owned();
        ReplayFault::Differs { evidence, count, program, runtime }.into()
    });
    CliOutput { words: words.join("\n"), json, fault }
}

/// The line of one region.
fn line(roi: &RoiResult) -> String {
    let RoiResult { name, kind, verdict, score, threshold, unit, text, defects, error, .. } = roi;
    let mut line = format!("  {:<5}  {name} ({kind})", verdict.as_str());
    match error {
        Some(error) => line.push_str(&format!(": {error}")),
        None => line.push_str(&format!(": {} (limit {} {unit})", Exact(*score), Exact(*threshold))),
    }
    if let Some(text) = text {
        line.push_str(&format!(", \"{text}\""));
    }
    if !defects.is_empty() {
        line.push_str(&format!(
            ", {}",
            if defects.len() == 1 { "1 box".into() } else { format!("{} boxes", defects.len()) }
        ));
    }
    line
}
