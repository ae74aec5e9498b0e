//! `ocellus jobs add`: pictures and recipes as jobs.

use std::path::Path;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::clip::ClipArgs;
use super::remote::{FetchArgs, GenerateArgs, UploadArgs};
use super::then::{Then, ThenArgs, is_url};
use super::{added, words};
use crate::cli::{CliOutput, Configured, output};
use crate::commands::Command;
use crate::commands::jobs::{
    AfterJob, BatchIn, FallbackIn, FormatIn, JobIn, JobsCommand, ReportIn, TableFormatIn, UpscaleIn,
    VariationsIn, WorkflowIn,
};
use crate::contract::AddedOut;
use crate::control::{AskError, ask, ask_for};

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    #[command(subcommand)]
    kind: AddKind,
}

#[derive(Debug, Subcommand)]
enum AddKind {
    /// Enlarge pictures, one job for each.
    Upscale {
        /// The pictures: JPEG, PNG or BMP, or URLs of them, which are fetched first.
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
        with: ThenArgs,
        #[command(flatten)]
        common: AddCommon,
    },
    /// Put what is in the foreground of pictures on other backgrounds, one job for each picture.
    Variations {
        /// The pictures: JPEG, PNG or BMP, or URLs of them, which are fetched first.
        #[arg(required = true, value_name = "PICTURE")]
        pictures: Vec<String>,
        /// The backgrounds, with commas: white, plain:#rrggbb, random, random:SEED, pictures, or patterns such as 'shop/*.jpg'.
        #[arg(long, value_delimiter = ',', default_value = "white", value_name = "LIST")]
        backgrounds: Vec<String>,
        /// Let the foreground cast a soft shadow.
        #[arg(long)]
        shadow: bool,
        /// Also enlarge each variation: 2 or 4 times as wide and high. All jobs are added, or none.
        #[arg(long, value_name = "FACTOR")]
        upscale: Option<u8>,
        /// Also make a clip of the variations of each picture. All jobs are added, or none.
        #[arg(long)]
        clip: bool,
        /// The format of the results: png or jpeg.
        #[arg(long, value_parser = format)]
        format: Option<FormatIn>,
        /// Quality of a JPEG, 1 to 100.
        #[arg(long)]
        quality: Option<u8>,
        #[command(flatten)]
        with: ThenArgs,
        #[command(flatten)]
        common: AddCommon,
    },
    /// Write a table about other jobs, once all of them have ended.
    Report {
        /// Numbers of the jobs that it is about.
        #[arg(required = true, value_name = "ID")]
        jobs: Vec<u64>,
        /// The format of the table: xlsx (with small pictures) or csv.
        #[arg(long, value_parser = table_format)]
        format: Option<TableFormatIn>,
        #[command(flatten)]
        common: AddCommon,
    },
    /// Make a film of pictures, which move slowly and fade into one another.
    Clip(ClipArgs),
    /// Fetch pictures from servers, one job for each.
    Fetch(FetchArgs),
    /// Put a picture, or what other jobs made, on a server.
    Upload(UploadArgs),
    /// Have pictures made by the service of jobs.generate.
    Generate(GenerateArgs),
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
pub(super) struct AddCommon {
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
pub(super) struct NoWord(pub(super) &'static str);

fn format(word: &str) -> Result<FormatIn, NoWord> {
    match word {
        "png" => Ok(FormatIn::Png),
        "jpeg" | "jpg" => Ok(FormatIn::Jpeg),
        _ => Err(NoWord("png or jpeg")),
    }
}

pub(super) fn table_format(word: &str) -> Result<TableFormatIn, NoWord> {
    match word {
        "xlsx" => Ok(TableFormatIn::Xlsx),
        "csv" => Ok(TableFormatIn::Csv),
        _ => Err(NoWord("xlsx or csv")),
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
    let mut then = Then::default();
    // Those of the pictures that are URLs are fetched before the jobs.
    let mut fetched: &[String] = &[];
    let jobs: Vec<JobIn> = match &arguments.kind {
        AddKind::Upscale { pictures, factor, format, quality, fallback, with, common } => {
            then = Then { upscale: None, clip: false, with: with.clone() };
            let (factor, format, quality, fallback) = (Some(*factor), *format, *quality, *fallback);
            let jobs = pictures.iter().map(|picture| {
                let from_jobs = is_url(picture);
                let picture = (!from_jobs).then(|| here(picture));
                common.job("upscale", &UpscaleIn { picture, from_jobs, factor, format, quality, fallback })
            });
            fetched = pictures;
            jobs.collect()
        }
        AddKind::Variations {
            pictures,
            backgrounds,
            shadow,
            upscale,
            clip,
            format,
            quality,
            with,
            common,
        } => {
            then = Then { upscale: *upscale, clip: *clip, with: with.clone() };
            let (shadow, format, quality) = (*shadow, *format, *quality);
            let jobs = pictures.iter().map(|picture| {
                // A file that is called `white` is meant by nobody who writes white.
                let background = |one: &String| match VariationsIn::is_word(one) {
                    true => one.clone(),
                    false => here(one),
                };
                let from_jobs = is_url(picture);
                let picture = (!from_jobs).then(|| here(picture));
                let backgrounds = backgrounds.iter().map(background).collect();
                let asked = VariationsIn { picture, from_jobs, backgrounds, shadow, format, quality };
                common.job("variations", &asked)
            });
            fetched = pictures;
            jobs.collect()
        }
        AddKind::Report { jobs, format, common } => {
            let mut job = common.job("report", &ReportIn { format: *format });
            // A report says what became of them, so it also comes after those that fail.
            job.after.extend(jobs.iter().map(|job| AfterJob { job: *job, optional: true }));
            vec![job]
        }
        AddKind::Clip(clip) => clip.jobs(),
        AddKind::Fetch(fetch) => fetch.jobs(),
        AddKind::Upload(upload) => upload.jobs(),
        AddKind::Generate(generate) => generate.jobs(),
        AddKind::Batch { recipe, common } => vec![common.job("batch", &BatchIn { recipe: recipe.clone() })],
    };
    let outcome = match then.is_nothing() && !fetched.iter().any(|picture| is_url(picture)) {
        true => add_all(jobs, configured),
        false => added_workflow(&then.workflow(jobs, fetched), configured),
    };
    output::output(json, outcome)
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

/// Adds jobs that depend on one another: all of them, or none.
fn added_workflow(workflow: &WorkflowIn, configured: &Configured) -> anyhow::Result<CliOutput> {
    let command = Command::Jobs(JobsCommand::Workflow(workflow.clone()));
    let answer = output::asked(ask(&configured.dir(), &command))?;
    output::answered(answer, words::workflow)
}

/// Parameters as the object that a request has.
pub(super) fn object(parameters: &impl Serialize) -> Map<String, Value> {
    // Plain fields with text keys: nothing in them can fail.
    match serde_json::to_value(parameters) {
        Ok(Value::Object(parameters)) => parameters,
        _ => Map::new(),
    }
}

impl AddCommon {
    pub(super) fn job(&self, kind: &str, parameters: &impl Serialize) -> JobIn {
        JobIn {
            kind: kind.to_owned(),
            parameters: object(parameters),
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

/// A file of the working directory, or a pattern for a folder in it, by its whole path; other names are left to the service, which knows its folder of
/// pictures.
pub(super) fn here(picture: &str) -> String {
    let path = Path::new(picture);
    let is_pattern = picture.contains(['*', '?', '[']);
    let folder =
        path.parent().filter(|folder| is_pattern && !folder.as_os_str().is_empty() && folder.is_dir());
    let pattern = folder.and_then(|folder| Some(folder.canonicalize().ok()?.join(path.file_name()?)));
    let whole = path.canonicalize().ok().filter(|whole| whole.is_file()).or(pattern);
    whole.and_then(|whole| whole.to_str().map(str::to_owned)).unwrap_or_else(|| picture.to_owned())
}
