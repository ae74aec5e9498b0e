//! The kind `clip`: a film of pictures that move slowly and fade into one another, by an encoder that the box has.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::files;
use super::pictures::PictureFolders;
use crate::config::ClipEncoding;
use crate::contract::{ClipOut, JobFileOut, JobResult};
use crate::film::{Coding, Film, FilmError, FilmFormat, FilmPicture};
use crate::image::jpeg::RowEncoder;
use crate::image::{Channels, ImageError, picture};
use crate::jobqueue::CacheKey;
use crate::jobs::command::{ClipEncodingIn, ClipIn};
use crate::jobs::kind::{JobDone, JobFailure, JobKind, PlannedJob, parameters};
use crate::jobs::task::Task;
use crate::studio::{AsideFile, LIMITS, Picture, SlideShow, StudioError, Watch};
use crate::types::{Explanation, Origin, Refusal, sha256, sha256_of};

const NAME: &str = "clip";
/// The most pictures of a clip.
const MOST_PICTURES: usize = 500;
/// The longest beginning of the file's name in bytes, from the name of the job.
const LONGEST_STEM: usize = 80;
/// The longer side of a clip whose request names no size, px.
const USUAL_SIDE: u32 = 1_280;
const USUAL_SECONDS: f32 = 3.0;
const USUAL_FADE_S: f32 = 0.5;
const USUAL_RATE: u32 = 25;
/// Quality of the pictures of motion JPEG; below 90, so that colours are halved in both directions.
const QUALITY: u8 = 88;
/// How long an encoder may take no frame. Jobs run when nothing else does, so it may wait for a core.
const PATIENCE: Duration = Duration::from_secs(60);
/// The share of an attempt after which all frames are encoded.
const ENCODED: f32 = 0.95;

/// Makes clips of pictures.
pub struct ClipKind {
    folders: PictureFolders,
}

/// What a job's work reads.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    /// Empty: the pictures that the jobs before made.
    pictures: Vec<PathBuf>,
    #[serde(flatten)]
    options: Options,
}

/// What the result depends on, besides the pictures and the encoder.
#[derive(Debug, Serialize, Deserialize)]
struct Options {
    size: Option<[u32; 2]>,
    frames_each: usize,
    fade: usize,
    rate: u32,
    encoding: ClipEncodingIn,
}

/// Why a clip is not made.
enum ClipFault {
    Studio(StudioError),
    Film(FilmError),
    /// The picture at this path is no longer the one that was hashed.
    Changed(PathBuf),
}

impl From<StudioError> for ClipFault {
    fn from(error: StudioError) -> ClipFault {
        ClipFault::Studio(error)
    }
}

impl From<FilmError> for ClipFault {
    fn from(error: FilmError) -> ClipFault {
        ClipFault::Film(error)
    }
}

impl From<ImageError> for ClipFault {
    fn from(error: ImageError) -> ClipFault {
        ClipFault::Studio(error.into())
    }
}

impl ClipFault {
    fn failure(self) -> JobFailure {
        match self {
            ClipFault::Studio(error) => files::failure(error),
            ClipFault::Changed(path) => {
                let cause = format!("picture {}: the file was changed meanwhile", path.display());
                JobFailure::passing(Explanation::new(cause, ""))
            }
            ClipFault::Film(FilmError::Stopped) => JobFailure::Stopped,
            ClipFault::Film(FilmError::Write { path, source }) => {
                files::failure(StudioError::Write { path, source })
            }
            ClipFault::Film(FilmError::Encoder { cause }) => {
                let cause = format!("no clip can be written: {cause}");
                let remedy = "install the GStreamer plugin, or ask for encoding mjpeg";
                JobFailure::lasting(Explanation::new(cause, remedy))
            }
        }
    }
}

impl ClipKind {
    /// The kind that reads and writes in `folders`.
    pub fn new(folders: PictureFolders) -> ClipKind {
        ClipKind { folders }
    }

    /// Writes the clip of the pictures, whose digests are `sums`, into the file `path`.
    fn write(
        task: &Task<'_>,
        path: &Path,
        (sources, sums): (&[PathBuf], &[String]),
        show: &SlideShow,
        (options, coding): (&Options, Coding),
    ) -> Result<(), ClipFault> {
        let report = |fraction: f32| task.progress(fraction * ENCODED, "encode");
        let is_stopped = || task.is_stopped();
        let goes_on = || !task.is_stopped();
        let watch = Watch::new(&is_stopped, &report);
        let format = FilmFormat::of_rgb(show.size, options.rate, PATIENCE);
        let mut film = Film::begin(path, format, coding)?;
        let mut number = 0;
        let mut load = |at: usize| -> Result<Picture, ClipFault> {
            let bytes = picture::load(&sources[at], &LIMITS).map_err(StudioError::from)?;
            // The answer is kept under these digests, so it must not show anything else.
            match sha256(&bytes) == sums[at] {
                true => Ok(Picture::read(&bytes, &LIMITS)?),
                false => Err(ClipFault::Changed(sources[at].clone())),
            }
        };
        let mut add = |pixels: &[u8]| -> Result<(), ClipFault> {
            let at_ns = number * 1_000_000_000 / u64::from(options.rate);
            number += 1;
            let frame = match coding {
                Coding::H264(_) => FilmPicture::Rgb(pixels),
                Coding::Mjpeg => FilmPicture::Jpeg(jpeg(pixels, show.size)?.into()),
            };
            Ok(film.add(path, frame, at_ns, &goes_on)?)
        };
        show.play(&watch, &mut load, &mut add)?;
        task.progress(ENCODED, "finish");
        Ok(film.end(path, &goes_on)?)
    }

    /// Width and height of the clip: as asked for, or in the shape of the first picture.
    fn size(options: &Options, first: &[u8]) -> Result<[usize; 2], StudioError> {
        let size = match options.size {
            Some(size) => size,
            None => {
                let head = picture::head(first)?;
                shaped([head.width, head.height])
            }
        };
        Ok(size.map(|side| side as usize))
    }
}

impl JobKind for ClipKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn plan(&self, asked: Map<String, Value>, origin: Origin) -> Result<PlannedJob, Refusal> {
        let asked: ClipIn = parameters(NAME, asked)?;
        let bad = |message: &str, remedy: &str| Refusal::new("bad_job", message, remedy);
        if asked.pictures.is_empty() != asked.from_jobs {
            let remedy = "name pictures, or set from_jobs to show what the jobs before made";
            return Err(match asked.from_jobs {
                true => bad("pictures and from_jobs are both given", "keep one of them"),
                false => bad("pictures are missing", remedy),
            });
        }
        if asked.pictures.len() > MOST_PICTURES {
            let message = format!("pictures has {} entries", asked.pictures.len());
            return Err(bad(&message, &format!("name at most {MOST_PICTURES}")));
        }
        let options = options(&asked)?;
        let pictures = asked.pictures.iter().map(|name| self.folders.named(name, origin));
        let pictures = files::there(pictures.collect::<Result<Vec<_>, Refusal>>()?)?;
        let name = pictures.first().map_or_else(|| NAME.to_owned(), |path| files::job_name(path));
        files::payload(&Payload { pictures, options }, name)
    }

    fn run(&self, task: &Task<'_>) -> Result<JobDone, JobFailure> {
        let Payload { pictures, options } = task.payload()?;
        task.progress(0.0, "read");
        let sources = match pictures.is_empty() {
            false => pictures,
            true => task.parents().iter().flat_map(files::pictures_of).collect(),
        };
        let Some(first) = sources.first() else {
            let remedy = "name jobs that make pictures with `after`, or with `needs` in a workflow";
            let why = Explanation::new("the jobs before this one made no picture", remedy);
            return Err(JobFailure::lasting(why));
        };
        let bytes = picture::load(first, &LIMITS).map_err(|error| files::failure(error.into()))?;
        let size = ClipKind::size(&options, &bytes).map_err(files::failure)?;
        drop(bytes);
        let show = SlideShow {
            size,
            pictures: sources.len(),
            frames_each: options.frames_each,
            fade: if sources.len() > 1 { options.fade } else { 0 },
        };
        show.check().map_err(files::failure)?;
        let coding = Coding::choose(wanted(options.encoding), (size[0], size[1]));
        let coding = coding.map_err(|error| ClipFault::Film(error).failure())?;
        let sums = digests(task, &sources)?;
        let cache_key = key(&options, size, coding, &sums);
        if task.answer_with_kept(&cache_key) {
            return Ok(JobDone::Kept);
        }
        files::make_folder(&self.folders.out)?;
        let stem = files::stem(Path::new(task.name()), LONGEST_STEM);
        let aside = AsideFile::new(&self.folders.out, &stem).map_err(files::failure)?;
        let written = ClipKind::write(task, aside.path(), (&sources, &sums), &show, (&options, coding));
        written.map_err(ClipFault::failure)?;
        let result = published(aside, &show, (&options, coding)).map_err(files::failure)?;
        task.made(&result.clip.path);
        Ok(JobDone::Made { result: JobResult::Clip(result), cache_key: Some(cache_key) })
    }

    fn is_still_there(&self, result: &JobResult) -> bool {
        let JobResult::Clip(made) = result else { return false };
        files::is_still_there(&made.clip)
    }
}

/// The numbers of a request, checked; those that depend on the pictures are checked when these are known.
fn options(asked: &ClipIn) -> Result<Options, Refusal> {
    let bad =
        |what: &str, value: f32, use_: &str| Refusal::new("bad_job", format!("{what} is {value}"), use_);
    let seconds = asked.seconds.unwrap_or(USUAL_SECONDS);
    if !(0.1..=60.0).contains(&seconds) {
        return Err(bad("seconds", seconds, "use 0.1 to 60"));
    }
    let rate = asked.frames_per_s.unwrap_or(USUAL_RATE);
    if !(1..=60).contains(&rate) {
        return Err(bad("frames_per_s", rate as f32, "use 1 to 60"));
    }
    let fade_s = asked.fade_s.unwrap_or(USUAL_FADE_S.min(seconds / 2.0));
    if !(0.0..=seconds / 2.0).contains(&fade_s) {
        return Err(bad("fade_s", fade_s, "use 0 to half of seconds"));
    }
    let size = match (asked.width, asked.height) {
        (Some(width), Some(height)) => Some([width, height]),
        (None, None) => None,
        _ => {
            return Err(Refusal::new(
                "bad_job",
                "only one of width and height is given",
                "give both, or none",
            ));
        }
    };
    if let Some(side) = size.iter().flatten().find(|side| !(16..=3_840).contains(*side) || **side % 2 != 0) {
        return Err(bad("a side", *side as f32, "use even numbers from 16 to 3840"));
    }
    let frames_each = ((seconds * rate as f32).round() as usize).max(1);
    let fade = ((fade_s * rate as f32).round() as usize).min(frames_each / 2);
    let encoding = asked.encoding.unwrap_or(ClipEncodingIn::Auto);
    Ok(Options { size, frames_each, fade, rate, encoding })
}

/// The size of a clip in the shape of a picture: the longer side as usual, both even.
fn shaped([width, height]: [u32; 2]) -> [u32; 2] {
    let longest = width.max(height).max(1);
    [width, height].map(|side| {
        let side = u64::from(side) * u64::from(USUAL_SIDE.min(longest)) / u64::from(longest);
        ((side as u32) & !1).max(16)
    })
}

fn wanted(encoding: ClipEncodingIn) -> ClipEncoding {
    match encoding {
        ClipEncodingIn::Auto => ClipEncoding::Auto,
        ClipEncodingIn::H264 => ClipEncoding::H264,
        ClipEncodingIn::Mjpeg => ClipEncoding::Mjpeg,
    }
}

/// The SHA-256 of each picture.
fn digests(task: &Task<'_>, sources: &[PathBuf]) -> Result<Vec<String>, JobFailure> {
    let sums = sources.iter().map(|path| {
        if task.is_stopped() {
            return Err(JobFailure::Stopped);
        }
        let read = std::fs::File::open(path).and_then(sha256_of);
        read.map_err(|error| files::failure(StudioError::Picture(error.into())))
    });
    sums.collect()
}

/// The key of the result: another encoder makes another file.
fn key(options: &Options, size: [usize; 2], coding: Coding, sums: &[String]) -> CacheKey {
    let inputs: Vec<&str> = sums.iter().map(String::as_str).collect();
    // Plain words and numbers: nothing in them can fail.
    let options = serde_json::to_vec(&(options, size, coding.encoder())).unwrap_or_default();
    CacheKey::of(NAME, &options, &inputs, "", 0)
}

/// A frame as a JPEG.
fn jpeg(pixels: &[u8], size: [usize; 2]) -> Result<Vec<u8>, ImageError> {
    let mut encoder = RowEncoder::new(Vec::new(), size, Channels::Rgb, QUALITY)?;
    pixels.chunks_exact(size[0] * 3).try_for_each(|row| encoder.row(row))?;
    encoder.finish()
}

/// Gives the finished clip its name.
fn published(
    aside: AsideFile,
    show: &SlideShow,
    (options, coding): (&Options, Coding),
) -> Result<ClipOut, StudioError> {
    let from = aside.path().to_owned();
    let fault = |source| StudioError::Write { path: from.clone(), source };
    let file = std::fs::File::open(aside.path()).map_err(fault)?;
    let bytes = file.metadata().map_err(fault)?.len();
    let sha256 = sha256_of(file).map_err(fault)?;
    let path = aside.publish(&sha256, coding.ending())?;
    let [width, height] = show.size.map(|side| side as u64);
    let clip = JobFileOut { path: path.display().to_string(), sha256, bytes, width, height };
    let frames = show.frames() as u64;
    Ok(ClipOut {
        clip,
        encoder: coding.encoder().to_owned(),
        pictures: show.pictures as u64,
        frames,
        frames_per_s: options.rate,
        seconds: frames as f64 / f64::from(options.rate),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_has_the_shape_of_its_picture_and_even_sides() {
        assert_eq!(shaped([4_000, 3_000]), [1_280, 960]);
        assert_eq!(shaped([3_001, 4_001]), [960, 1_280]);
        assert_eq!(shaped([321, 199]), [320, 198]);
        assert_eq!(shaped([5, 4_000]), [16, 1_280]);
    }

    #[test]
    fn times_become_frames() {
        let frames = |seconds, fade_s, rate| {
            let asked = ClipIn { seconds, fade_s, frames_per_s: rate, ..ClipIn::default() };
            options(&asked)
                .map(|options| (options.frames_each, options.fade))
                .map_err(|refusal| refusal.message)
        };
        assert_eq!(frames(None, None, None), Ok((75, 13)));
        assert_eq!(frames(Some(0.4), None, Some(10)), Ok((4, 2)));
        assert_eq!(frames(Some(1.0), Some(0.0), Some(30)), Ok((30, 0)));
        assert_eq!(frames(Some(1.0), Some(0.6), None), Err("fade_s is 0.6".into()));
        assert_eq!(frames(Some(f32::NAN), None, None), Err("seconds is NaN".into()));
    }
}
