//! `ocellus jobs add`: pictures and recipes as jobs.

use std::path::Path;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::added;
use crate::cli::{CliOutput, Configured, output};
use crate::commands::Command;
use crate::commands::jobs::{
    AfterJob, BatchIn, FallbackIn, FormatIn, JobIn, JobsCommand, UpscaleIn, VariationsIn,
};
use crate::contract::AddedOut;
use crate::control::{AskError, ask_for};

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    #[command(subcommand)]
    kind: AddKind,
}

#[derive(Debug, Subcommand)]
enum AddKind {
    /// Enlarge pictures, one job for each.
    Upscale {
        /// The pictures: JPEG, PNG or BMP.
        #[arg(required = true, value_name = "PICTURE")]
        pictures: Vec<String>,
        /// How many times as wide and high: 2 or 4.
        #[arg(long, default_value_t = 2)]
        factor: u8,
        /// The format of the result: png or jpeg.
        #[arg(long, value_parser = format)]
        format: Option<FormatIn>,
        /// Quality of a JPEG, 1 to 100.
        #[arg(long)]
        quality: Option<u8>,
        /// What is done where no model can enlarge it: lanczos, original (leave it as it is) or none (fail).
        #[arg(long, value_parser = fallback)]
        fallback: Option<FallbackIn>,
        #[command(flatten)]
        common: AddCommon,
    },
    /// Put what is in the foreground of pictures on other backgrounds, one job for each picture.
    Variations {
        /// The pictures: JPEG, PNG or BMP.
        #[arg(required = true, value_name = "PICTURE")]
        pictures: Vec<String>,
        /// The backgrounds, with commas: white, plain:#rrggbb, random, random:SEED, or pictures.
        #[arg(long, value_delimiter = ',', default_value = "white", value_name = "LIST")]
        backgrounds: Vec<String>,
        /// Let the foreground cast a soft shadow.
        #[arg(long)]
        shadow: bool,
        /// The format of the results: png or jpeg.
        #[arg(long, value_parser = format)]
        format: Option<FormatIn>,
        /// Quality of a JPEG, 1 to 100.
        #[arg(long)]
        quality: Option<u8>,
        #[command(flatten)]
        common: AddCommon,
    },
    /// Carry out a microscopy run of a recipe, or go on with it.
    Batch {
        /// The recipe, as `ocellus batch status` names it.
        recipe: String,
        #[command(flatten)]
        common: AddCommon,
    },
}

/// What all kinds have.
#[derive(Clone, Debug, Args)]
struct AddCommon {
    /// What people call the job; by default the name of the picture or recipe.
    #[arg(long)]
    name: Option<String>,
    /// 0 to 255, lower goes first; 100 by default.
    #[arg(long)]
    priority: Option<u8>,
    /// Not before this moment, RFC 3339.
    #[arg(long, value_name = "TIME")]
    run_at: Option<String>,
    /// Attempts, the first included.
    #[arg(long, value_name = "N")]
    max_attempts: Option<u32>,
    /// Time limit of an attempt in seconds.
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<u32>,
    /// Only one job has this key; a second request gets the first job.
    #[arg(long, value_name = "KEY")]
    unique_key: Option<String>,
    /// A job that has to complete before; may be given several times.
    #[arg(long, value_name = "ID")]
    after: Vec<u64>,
}

/// A word that is none of those that an option takes.
#[derive(Debug, thiserror::Error)]
#[error("use {0}")]
struct NoWord(&'static str);

fn format(word: &str) -> Result<FormatIn, NoWord> {
    match word {
        "png" => Ok(FormatIn::Png),
        "jpeg" | "jpg" => Ok(FormatIn::Jpeg),
        _ => Err(NoWord("png or jpeg")),
    }
}

fn fallback(word: &str) -> Result<FallbackIn, NoWord> {
    match word {
        "lanczos" => Ok(FallbackIn::Lanczos),
        "original" => Ok(FallbackIn::Original),
        "none" => Ok(FallbackIn::None),
        _ => Err(NoWord("lanczos, original or none")),
    }
}

pub(super) fn run(arguments: &AddArgs, configured: &Configured, json: bool) -> anyhow::Result<()> {
    let jobs = match &arguments.kind {
        AddKind::Upscale { pictures, factor, format, quality, fallback, common } => {
            let (factor, format, quality, fallback) = (Some(*factor), *format, *quality, *fallback);
            let jobs = pictures.iter().map(|picture| {
                let picture = here(picture);
                common.job("upscale", &UpscaleIn { picture, factor, format, quality, fallback })
            });
            jobs.collect()
        }
        AddKind::Variations { pictures, backgrounds, shadow, format, quality, common } => {
            let (shadow, format, quality) = (*shadow, *format, *quality);
            let jobs = pictures.iter().map(|picture| {
                let (picture, backgrounds) =
                    (here(picture), backgrounds.iter().map(|one| here(one)).collect());
                common.job("variations", &VariationsIn { picture, backgrounds, shadow, format, quality })
            });
            jobs.collect()
        }
        AddKind::Batch { recipe, common } => vec![common.job("batch", &BatchIn { recipe: recipe.clone() })],
    };
    output::output(json, add_all(jobs, configured))
}

/// Adds one job after the other. The first refusal ends it; what was added before is printed all the same.
fn add_all(jobs: Vec<JobIn>, configured: &Configured) -> anyhow::Result<CliOutput> {
    let dir = configured.dir();
    let (mut words, mut answers, mut fault) = (Vec::new(), Vec::new(), None);
    for job in jobs {
        let answer: Result<AddedOut, AskError> = ask_for(&dir, &Command::Jobs(JobsCommand::Add(job)));
        match output::asked(answer) {
            Ok(answer) => {
                words.push(added(&answer));
                answers.push(answer);
            }
            Err(error) if answers.is_empty() => return Err(error.into()),
            Err(error) => {
                fault = Some(error.into());
                break;
            }
        }
    }
    let json = json!({ "ok": fault.is_none(), "jobs": answers });
    Ok(CliOutput { words: words.join("\n"), json, fault })
}

impl AddCommon {
    fn job(&self, kind: &str, parameters: &impl Serialize) -> JobIn {
        // Plain fields with text keys: nothing in them can fail.
        let parameters = match serde_json::to_value(parameters) {
            Ok(Value::Object(parameters)) => parameters,
            _ => Map::new(),
        };
        JobIn {
            kind: kind.to_owned(),
            parameters,
            name: self.name.clone(),
            priority: self.priority,
            run_at: self.run_at.clone(),
            max_attempts: self.max_attempts,
            time_limit_s: self.time_limit,
            unique_key: self.unique_key.clone(),
            after: self.after.iter().map(|job| AfterJob { job: *job, optional: false }).collect(),
        }
    }
}

/// A file of the working directory by its whole path; other names are left to the service, which knows its folder of
/// pictures.
fn here(picture: &str) -> String {
    let path = Path::new(picture);
    let whole = path.canonicalize().ok().filter(|whole| whole.is_file());
    whole.and_then(|whole| whole.to_str().map(str::to_owned)).unwrap_or_else(|| picture.to_owned())
}
