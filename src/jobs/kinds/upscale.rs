//! The kind `upscale`: a picture enlarged by a super-resolution model, tile by tile, or, where there is none, by Lanczos; the
//! answer says which.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::files::{self, Saving};
use super::pictures::{PictureSettings, Pool};
use crate::contract::{JobResult, UpscaledAllOut, UpscaledOut};
use crate::engine::Model;
use crate::image::picture;
use crate::jobqueue::CacheKey;
use crate::jobs::command::{FallbackIn, UpscaleIn};
use crate::jobs::kind::{JobDone, JobFailure, JobKind, PlannedJob, parameters};
use crate::jobs::task::Task;
use crate::studio::{
    Fallback, LIMITS, Method, Picture, StudioError, Target, UpscaleOptions, Upscaler, Watch, upscale_to_file,
};
use crate::types::{Explanation, Origin, Refusal, sha256};

const NAME: &str = "upscale";
/// The longest beginning of a file's name in bytes, from the picture.
const LONGEST_STEM: usize = 100;
/// The share of an attempt after which the picture is read.
const READ: f32 = 0.05;

/// Enlarges pictures by a model or by Lanczos.
pub struct UpscaleKind {
    settings: PictureSettings,
    idle: Pool<Upscaler>,
}

/// What a job's work reads: the request with everything decided.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    /// `None`: the pictures that the jobs before made.
    picture: Option<PathBuf>,
    #[serde(flatten)]
    options: Options,
}

/// What the result depends on, besides the picture and the model.
#[derive(Debug, Serialize, Deserialize)]
struct Options {
    factor: u8,
    #[serde(flatten)]
    saving: Saving,
    fallback: FallbackIn,
}

impl UpscaleKind {
    /// The kind, without a model in memory.
    pub fn new(settings: PictureSettings) -> UpscaleKind {
        settings.folders.tidy();
        UpscaleKind { settings, idle: Pool::new() }
    }

    /// Enlarges the `picture` of the file `path`, which takes the attempt's progress through `share`.
    fn enlarge(
        &self,
        task: &Task<'_>,
        (path, picture): (&Path, &Picture),
        options: &Options,
        model: Result<&Model, StudioError>,
        share: [f32; 2],
    ) -> Result<UpscaledOut, StudioError> {
        let stem = format!("{}-x{}", files::stem(path, LONGEST_STEM), options.factor);
        let target =
            Target { folder: &self.settings.folders.out, stem: &stem, format: options.saving.format() };
        let report = |fraction: f32| task.progress(share[0] + fraction * (share[1] - share[0]), "enlarge");
        let is_stopped = || task.is_stopped();
        let watch = Watch::new(&is_stopped, &report);
        let open = |model| self.idle.take(|| Upscaler::new(model, self.settings.threads));
        let (mut upscaler, fault) = match model.and_then(open) {
            Ok(upscaler) => (Some(upscaler), None),
            Err(fault) => (None, Some(fault)),
        };
        let given = upscaler.as_mut().ok_or_else(|| fault.unwrap_or(StudioError::NoModel));
        let done = upscale_to_file(picture, given, &options.studio(), &target, &watch);
        upscaler.into_iter().for_each(|upscaler| self.idle.put(upscaler));
        let made = done.map(shown)?;
        task.made(&made.file.path);
        Ok(made)
    }

    /// Enlarges one picture, unless an answer for it is kept.
    fn one(&self, task: &Task<'_>, path: &Path, options: &Options) -> Result<JobDone, JobFailure> {
        task.progress(0.0, "read");
        let bytes = picture::load(path, &LIMITS).map_err(|error| files::failure(error.into()))?;
        let model = self.settings.model.get();
        let cache_key = match (&model, self.settings.model.is_configured()) {
            (Ok(model), _) => Some(options.key(&bytes, model.sha256())),
            (Err(_), false) => Some(options.key(&bytes, "")),
            // The model may be there the next time.
            (Err(_), true) => None,
        };
        if cache_key.as_ref().is_some_and(|key| task.answer_with_kept(key)) {
            return Ok(JobDone::Kept);
        }
        let picture = Picture::read(&bytes, &LIMITS).map_err(files::failure)?;
        drop(bytes);
        if task.is_stopped() {
            return Err(JobFailure::Stopped);
        }
        files::make_folder(&self.settings.folders.out)?;
        task.progress(READ, "enlarge");
        let is_by_model = model.is_ok();
        let model = model.as_deref().map_err(reason);
        let made =
            self.enlarge(task, (path, &picture), options, model, [READ, 1.0]).map_err(files::failure)?;
        // A model that failed in this job may do the next one.
        let is_kept = made.fell_back.is_none() || !is_by_model;
        let cache_key = cache_key.filter(|_| is_kept);
        Ok(JobDone::Made { result: JobResult::Upscaled(made), cache_key })
    }

    /// Enlarges all pictures that the jobs before made, one after the other, so that one is in memory.
    fn all(&self, task: &Task<'_>, options: &Options) -> Result<JobDone, JobFailure> {
        let sources: Vec<PathBuf> = task.parents().iter().flat_map(files::pictures_of).collect();
        if sources.is_empty() {
            let remedy = "name jobs that make pictures with `after`, or with `needs` in a workflow";
            let why = Explanation::new("the jobs before this one made no picture", remedy);
            return Err(JobFailure::lasting(why));
        }
        files::make_folder(&self.settings.folders.out)?;
        let model = self.settings.model.get();
        let mut enlarged = Vec::with_capacity(sources.len());
        for (at, path) in sources.iter().enumerate() {
            let share = [at, at + 1].map(|done| done as f32 / sources.len() as f32);
            task.progress(share[0], "read");
            let picture = Picture::load(path, &LIMITS).map_err(files::failure)?;
            let model = model.as_deref().map_err(reason);
            let made = self.enlarge(task, (path, &picture), options, model, share);
            enlarged.push(made.map_err(files::failure)?);
        }
        // What other jobs made is their own answer.
        Ok(JobDone::Made { result: JobResult::UpscaledAll(UpscaledAllOut { enlarged }), cache_key: None })
    }
}

impl JobKind for UpscaleKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn plan(&self, asked: Map<String, Value>, origin: Origin) -> Result<PlannedJob, Refusal> {
        let asked: UpscaleIn = parameters(NAME, asked)?;
        let picture = match (&asked.picture, asked.from_jobs) {
            (Some(name), false) => Some(self.settings.folders.picture(name, origin)?),
            (None, true) => None,
            (Some(_), true) => {
                let message = "picture and from_jobs are both given";
                return Err(Refusal::new("bad_job", message, "keep one of them"));
            }
            (None, false) => {
                let remedy = "name a picture, or set from_jobs to enlarge what the jobs before made";
                return Err(Refusal::new("bad_job", "picture is missing", remedy));
            }
        };
        let options = Options {
            factor: asked.factor.unwrap_or(2),
            saving: Saving::new(asked.format, asked.quality)?,
            fallback: asked.fallback.unwrap_or(FallbackIn::Lanczos),
        };
        if !matches!(options.factor, 2 | 4) {
            let message = format!("factor is {}", options.factor);
            return Err(Refusal::new("bad_job", message, "use 2 or 4"));
        }
        let name = picture.as_deref().map_or_else(|| NAME.to_owned(), files::job_name);
        files::payload(&Payload { picture, options }, name)
    }

    fn run(&self, task: &Task<'_>) -> Result<JobDone, JobFailure> {
        let Payload { picture, options } = task.payload()?;
        match picture {
            Some(path) => self.one(task, &path, &options),
            None => self.all(task, &options),
        }
    }

    fn picture(&self, payload: &[u8]) -> Option<PathBuf> {
        serde_json::from_slice::<Payload>(payload).ok()?.picture
    }

    fn is_still_there(&self, result: &JobResult) -> bool {
        matches!(result, JobResult::Upscaled(_)) && files::are_still_there(result)
    }
}

impl Options {
    fn studio(&self) -> UpscaleOptions {
        let fallback = match self.fallback {
            FallbackIn::Lanczos => Fallback::Lanczos,
            FallbackIn::Original => Fallback::Original,
            FallbackIn::None => Fallback::None,
        };
        UpscaleOptions { factor: self.factor.into(), fallback, ..UpscaleOptions::default() }
    }

    /// The key of the result of the picture `bytes` by the model with this digest; empty where there is none.
    fn key(&self, bytes: &[u8], model: &str) -> CacheKey {
        // Plain words and numbers: nothing in them can fail.
        let options = serde_json::to_vec(self).unwrap_or_default();
        CacheKey::of(NAME, &options, &[&sha256(bytes)], model, 0)
    }
}

/// The same reason once more: an error of the engine cannot be copied, and the answer needs it beside the model.
fn reason(error: &StudioError) -> StudioError {
    match error {
        StudioError::NoModel => StudioError::NoModel,
        other => StudioError::Model {
            model: NAME.into(),
            fault: other.to_string(),
            needed: "that can be used ([jobs] upscale_model)",
        },
    }
}

fn shown(done: crate::studio::Upscaled) -> UpscaledOut {
    let (method, model, tiles) = match done.method {
        Method::Model { sha256, tiles, .. } => ("model", Some(sha256), tiles as u64),
        Method::Lanczos => ("lanczos", None, 0),
        Method::Original => ("original", None, 0),
    };
    UpscaledOut {
        file: files::saved(done.file),
        method: method.to_owned(),
        model,
        tiles,
        fell_back: done.fell_back,
    }
}
