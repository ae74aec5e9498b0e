//! The kind `variations`: the foreground of a picture is cut out and put on several backgrounds, side by side.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::files::{self, NamedPicture, Saving};
use super::pattern::PicturePattern;
use super::pictures::{PictureFolders, PictureSettings, Pool};
use crate::contract::{JobResult, VariationOut, VariationsOut};
use crate::engine::Model;
use crate::image::picture;
use crate::jobqueue::CacheKey;
use crate::jobs::command::VariationsIn;
use crate::jobs::kind::{JobDone, JobFailure, JobKind, PlannedJob, parameters};
use crate::jobs::task::Task;
use crate::studio::{
    Background, ComposeOptions, CutoutOptions, LIMITS, Picture, PictureWriter, SavedPicture, Segmenter,
    Shadow, SolidColour, StudioError, Subject, Target, Watch, compose, cutout, together,
};
use crate::types::{Explanation, Origin, Refusal, sha256};

const NAME: &str = "variations";
/// The most backgrounds of one job.
const MOST_BACKGROUNDS: usize = 32;
/// The longest beginning of a file's name in bytes, from the picture and from the background.
const LONGEST_STEM: usize = 60;
const LONGEST_LABEL: usize = 40;
/// The shares of an attempt after which the picture is read, the foreground is known, and it is cut out.
const READ: f32 = 0.05;
const FOUND: f32 = 0.15;
const CUT: f32 = 0.5;

/// Cuts foregrounds out and puts them on backgrounds.
pub struct VariationsKind {
    settings: PictureSettings,
    idle: Pool<Segmenter>,
    /// Held by the thread whose background is a picture: one of them is in memory at a time, however many threads and jobs
    /// there are.
    scenery: Mutex<()>,
}

/// What a job's work reads: the request with everything decided.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    /// `None`: the picture that the jobs before made, until the work begins.
    picture: Option<PathBuf>,
    backgrounds: Vec<Behind>,
    shadow: bool,
    #[serde(flatten)]
    saving: Saving,
}

/// A background with everything decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Behind {
    White,
    Plain([u8; 3]),
    Random(u64),
    Picture(PathBuf),
    /// Pictures that are looked for when the job runs.
    Pattern(PicturePattern),
}

impl Behind {
    /// Reads `white`, `plain:#rrggbb`, `random`, `random:SEED`, or the name of a picture. A `random` without a seed has that of
    /// its place in the list, so that two of them differ and the same request gives the same pictures.
    /// Pictures are added to `named`, for all of them to be looked for at once.
    fn read(
        (at, text): (usize, &str),
        folders: &PictureFolders,
        origin: Origin,
        named: &mut Vec<NamedPicture>,
    ) -> Result<Behind, Refusal> {
        let bad = |remedy: &str| Refusal::new("bad_job", format!("background {text:?}"), remedy);
        if let Some(colour) = text.strip_prefix("plain:") {
            let colour: SolidColour = colour
                .parse()
                .map_err(|_| bad("write the colour as plain:#rrggbb, for instance plain:#e8e8e8"))?;
            return Ok(Behind::Plain(colour.0));
        }
        if let Some(seed) = text.strip_prefix("random:") {
            let seed = seed.parse().map_err(|_| bad("write the seed as a whole number, such as random:7"))?;
            return Ok(Behind::Random(seed));
        }
        match text {
            "white" => Ok(Behind::White),
            "random" => Ok(Behind::Random(at as u64)),
            "plain" => Err(bad("write its colour, for instance plain:#e8e8e8")),
            name => match PicturePattern::read(name, folders.pictures.as_deref(), origin)? {
                Some(pattern) => Ok(Behind::Pattern(pattern)),
                None => {
                    let picture = folders.named(name, origin)?;
                    let behind = Behind::Picture(picture.path().to_owned());
                    named.push(picture);
                    Ok(behind)
                }
            },
        }
    }

    /// How the file of the variation is called after its picture.
    fn label(&self) -> String {
        match self {
            Behind::White => "white".into(),
            Behind::Plain([r, g, b]) => format!("{r:02x}{g:02x}{b:02x}"),
            Behind::Random(seed) => format!("random{seed}"),
            Behind::Picture(path) => files::stem(path, LONGEST_LABEL),
            Behind::Pattern(_) => "pattern".into(),
        }
    }

    /// The same in the words of a request.
    fn shown(&self) -> String {
        match self {
            Behind::White => "white".into(),
            Behind::Plain([r, g, b]) => format!("plain:#{r:02x}{g:02x}{b:02x}"),
            Behind::Random(seed) => format!("random:{seed}"),
            Behind::Picture(path) => path.display().to_string(),
            Behind::Pattern(pattern) => pattern.shown(),
        }
    }
}

/// The SHA-256 of what a job reads.
struct Digests {
    picture: String,
    /// That of each background which is a picture.
    behind: Vec<Option<String>>,
}

impl VariationsKind {
    /// The kind, without a model in memory.
    pub fn new(settings: PictureSettings) -> VariationsKind {
        VariationsKind { settings, idle: Pool::new(), scenery: Mutex::default() }
    }

    /// The picture of `background`, which is still the one that was hashed.
    fn scenery(&self, background: &Behind, digest: Option<&str>) -> Result<Option<Picture>, JobFailure> {
        let (Behind::Picture(path), Some(digest)) = (background, digest) else { return Ok(None) };
        let load = || -> Result<Picture, JobFailure> {
            let bytes = load(path)?;
            if sha256(&bytes) != digest {
                let why = Explanation::new("the file was changed meanwhile", "");
                return Err(JobFailure::passing(why));
            }
            Picture::read(&bytes, &LIMITS).map_err(files::failure)
        };
        load().map(Some).map_err(|error| of_background(background, error))
    }

    /// The picture with alpha, and the share of it that is foreground.
    fn cut(&self, task: &Task<'_>, picture: Picture, model: &Model) -> Result<(Picture, f32), StudioError> {
        task.progress(READ, "analysis");
        let mut segmenter = self.idle.take(|| Segmenter::new(model, Subject::All))?;
        let foreground = segmenter.find(&picture)?;
        self.idle.put(segmenter);
        let report = |fraction: f32| task.progress(FOUND + fraction * (CUT - FOUND), "cutout");
        let is_stopped = || task.is_stopped();
        let watch = Watch::new(&is_stopped, &report);
        let options = CutoutOptions { workers: self.settings.threads, ..CutoutOptions::default() };
        let share = foreground.share();
        Ok((cutout(picture, &foreground, &options, &watch)?, share))
    }

    /// Writes all variations of `picture`, several at once.
    fn compose_all(
        &self,
        task: &Task<'_>,
        payload: &Payload,
        (source, picture): (&Path, &Picture),
        digests: &Digests,
    ) -> Result<Vec<VariationOut>, JobFailure> {
        let stem = files::stem(source, LONGEST_STEM);
        let done = Mutex::new(vec![0.0f32; payload.backgrounds.len()]);
        let options = ComposeOptions { shadow: payload.shadow.then(Shadow::default) };
        let one = |at: usize| -> Result<VariationOut, JobFailure> {
            let background = &payload.backgrounds[at];
            let _one = matches!(background, Behind::Picture(_)).then(|| self.scenery.lock());
            let scenery = self.scenery(background, digests.behind[at].as_deref())?;
            let given = match (background, &scenery) {
                (Behind::Plain(colour), _) => Background::Plain(SolidColour(*colour)),
                (Behind::Random(seed), _) => Background::Random { seed: *seed },
                (Behind::Picture(_), Some(scenery)) => Background::Picture(scenery),
                (Behind::White | Behind::Picture(_) | Behind::Pattern(_), _) => Background::White,
            };
            let report = |fraction: f32| {
                let mut done = done.lock();
                done[at] = fraction;
                let mean = done.iter().sum::<f32>() / done.len() as f32;
                task.progress(CUT + mean * (1.0 - CUT), "generation");
            };
            let is_stopped = || task.is_stopped();
            let watch = Watch::new(&is_stopped, &report);
            let name = format!("{stem}-{}", background.label());
            let target =
                Target { folder: &self.settings.folders.out, stem: &name, format: payload.saving.format() };
            let size = [picture.width(), picture.height()];
            let write = || -> Result<SavedPicture, StudioError> {
                let mut file = PictureWriter::create(&target, size, 3)?;
                compose(picture, &given, &options, &watch, &mut file)?;
                file.finish()
            };
            let file = write().map_err(files::failure)?;
            let file = files::saved(file);
            task.made(&file.path);
            Ok(VariationOut { background: background.shown(), file })
        };
        together(payload.backgrounds.len(), self.settings.threads, one)
    }
}

impl JobKind for VariationsKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn plan(&self, asked: Map<String, Value>, origin: Origin) -> Result<PlannedJob, Refusal> {
        let asked: VariationsIn = parameters(NAME, asked)?;
        if !self.settings.model.is_configured() {
            let remedy =
                "name one of task \"segment\" as segment_model below [jobs], and restart the service";
            return Err(Refusal::new("no_model", "there is no model that finds the foreground", remedy));
        }
        let picture = match (&asked.picture, asked.from_jobs) {
            (Some(name), false) => Some(self.settings.folders.picture(name, origin)?),
            (None, true) => None,
            _ => {
                let remedy = "name a picture, or set from_jobs to take what the job before made";
                return Err(Refusal::new("bad_job", "either picture or from_jobs is needed", remedy));
            }
        };
        let count = asked.backgrounds.len();
        if !(1..=MOST_BACKGROUNDS).contains(&count) {
            let remedy =
                format!("name 1 to {MOST_BACKGROUNDS}, such as [\"white\", \"plain:#e8e8e8\", \"random\"]");
            return Err(Refusal::new("bad_job", format!("backgrounds has {count} entries"), remedy));
        }
        let mut named = Vec::new();
        let backgrounds = asked.backgrounds.iter().map(String::as_str).enumerate();
        let backgrounds =
            backgrounds.map(|entry| Behind::read(entry, &self.settings.folders, origin, &mut named));
        let backgrounds = backgrounds.collect::<Result<Vec<_>, Refusal>>()?;
        files::there(named)?;
        let saving = Saving::new(asked.format, asked.quality)?;
        let name = picture.as_deref().map_or_else(|| NAME.to_owned(), files::job_name);
        files::payload(&Payload { picture, backgrounds, shadow: asked.shadow, saving }, name)
    }

    fn run(&self, task: &Task<'_>) -> Result<JobDone, JobFailure> {
        let mut payload: Payload = task.payload()?;
        task.progress(0.0, "read");
        payload.backgrounds = matched(task, payload.backgrounds)?;
        let source = match &payload.picture {
            Some(path) => path.clone(),
            None => files::one_picture_of(task.parents())?,
        };
        let bytes = load(&source)?;
        let behind = payload.backgrounds.iter().map(|background| match task.is_stopped() {
            true => Err(JobFailure::Stopped),
            false => digest_of(background),
        });
        let behind = behind.collect::<Result<_, _>>()?;
        let digests = Digests { picture: sha256(&bytes), behind };
        let model = self.settings.model.get().map_err(files::failure)?;
        let cache_key = key(&payload, &digests, model.sha256());
        if task.answer_with_kept(&cache_key) {
            return Ok(JobDone::Kept);
        }
        let picture = Picture::read(&bytes, &LIMITS).map_err(files::failure)?;
        drop(bytes);
        let (picture, share) = self.cut(task, picture, &model).map_err(files::failure)?;
        if task.is_stopped() {
            return Err(JobFailure::Stopped);
        }
        files::make_folder(&self.settings.folders.out)?;
        task.progress(CUT, "generation");
        let variations = self.compose_all(task, &payload, (&source, &picture), &digests)?;
        let result = VariationsOut { variations, foreground: share, model: model.sha256().to_owned() };
        Ok(JobDone::Made { result: JobResult::Variations(result), cache_key: Some(cache_key) })
    }

    fn picture(&self, payload: &[u8]) -> Option<PathBuf> {
        serde_json::from_slice::<Payload>(payload).ok()?.picture
    }

    fn is_still_there(&self, result: &JobResult) -> bool {
        matches!(result, JobResult::Variations(_)) && files::are_still_there(result)
    }
}

/// The backgrounds with the files that patterns match in their places, no more of them than a request may name.
fn matched(task: &Task<'_>, backgrounds: Vec<Behind>) -> Result<Vec<Behind>, JobFailure> {
    let mut left = MOST_BACKGROUNDS.saturating_sub(backgrounds.len());
    let mut all = Vec::with_capacity(MOST_BACKGROUNDS);
    for background in backgrounds {
        let Behind::Pattern(pattern) = background else {
            all.push(background);
            continue;
        };
        let files = pattern.files(left + 1, || task.is_stopped())?;
        left -= files.len() - 1;
        all.extend(files.into_iter().map(Behind::Picture));
    }
    Ok(all)
}

fn load(path: &Path) -> Result<Vec<u8>, JobFailure> {
    picture::load(path, &LIMITS).map_err(|error| files::failure(error.into()))
}

/// The SHA-256 of a background that is a picture, read piece by piece.
fn digest_of(background: &Behind) -> Result<Option<String>, JobFailure> {
    let Behind::Picture(path) = background else { return Ok(None) };
    let digest = picture::digest(path, &LIMITS).map_err(|error| files::failure(error.into()));
    digest.map(Some).map_err(|error| of_background(background, error))
}

/// The key of the result: names of pictures count only for what their bytes are.
fn key(payload: &Payload, digests: &Digests, model: &str) -> CacheKey {
    let options = payload.backgrounds.iter().map(|behind| match behind {
        // The name of the file that is made has it.
        Behind::Picture(path) => Behind::Picture(files::stem(path, LONGEST_LABEL).into()),
        other => other.clone(),
    });
    let options: Vec<Behind> = options.collect();
    // Plain words and numbers: nothing in them can fail.
    let options = serde_json::to_vec(&(options, payload.shadow, &payload.saving)).unwrap_or_default();
    let inputs = std::iter::once(&digests.picture).chain(digests.behind.iter().flatten());
    let inputs: Vec<&str> = inputs.map(String::as_str).collect();
    CacheKey::of(NAME, &options, &inputs, model, 0)
}

/// The same failure, with the background that it is about.
fn of_background(behind: &Behind, failure: JobFailure) -> JobFailure {
    match failure {
        JobFailure::Failed { why, retry } => {
            let why: Explanation = why.within(format_args!("background {}", behind.shown()));
            JobFailure::Failed { why, retry }
        }
        other => other,
    }
}
