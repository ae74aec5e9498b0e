//! The kind `upload`: files are put on servers, each with one PUT, for instance to presigned URLs of an S3-compatible store.
//!
//! A PUT may be repeated: where the server took the file and its answer was lost, the next attempt puts the same file there.

use std::cell::Cell;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fetch::bad_url;
use super::files;
use super::pictures::PictureFolders;
use super::template::encoded;
use crate::config::SourceUrl;
use crate::contract::{JobResult, UploadedFileOut, UploadedOut};
use crate::image::picture;
use crate::jobs::command::UploadIn;
use crate::jobs::http::{Credentials, HttpClient, HttpError, Method, Outgoing, Sending, parse_url};
use crate::jobs::kind::{JobDone, JobFailure, JobKind, PlannedJob, parameters};
use crate::jobs::task::Task;
use crate::types::{Explanation, Origin, Refusal, sha256_of};

const NAME: &str = "upload";
/// The most URLs of one job.
const MOST_URLS: usize = 256;
/// The most bytes of what a server answers to a PUT.
const MOST_ANSWER: u64 = 64 << 10;
/// Bytes of a file that show which kind of picture it is.
const HEAD: usize = 4;
/// The wait for a turn at the host: short for the first file, after which the worker can still do something else; for the
/// others as long as it takes, because the job would begin anew.
const PATIENCE: Duration = Duration::from_secs(2);
const LONG_PATIENCE: Duration = Duration::from_secs(3_600);

/// Puts files on servers.
pub struct UploadKind {
    client: Arc<HttpClient>,
    credentials: Credentials,
    folders: PictureFolders,
}

/// What a job's work reads.
#[derive(Serialize, Deserialize)]
struct Payload {
    /// `None`: the files that the jobs before made.
    picture: Option<PathBuf>,
    urls: Vec<String>,
    content_type: Option<String>,
}

/// A file that is to be sent.
struct Sent<'a> {
    path: &'a Path,
    url: SourceUrl,
    bytes: u64,
}

impl UploadKind {
    /// The kind that sends files of `folders`, and what other jobs made.
    pub fn new(client: &Arc<HttpClient>, folders: PictureFolders) -> UploadKind {
        let credentials = Credentials::new(&client.config().credentials);
        UploadKind { client: client.clone(), credentials, folders }
    }

    /// The files with their targets and lengths, all of which are checked before the first is sent.
    fn targets<'p>(
        &self,
        task: &Task<'_>,
        paths: &'p [PathBuf],
        payload: &Payload,
    ) -> Result<Vec<Sent<'p>>, JobFailure> {
        let (files, urls) = (paths.len(), payload.urls.len());
        let is_template = |url: &String| url.contains("{name}") || url.contains("{sha256}");
        if files != urls && !(urls == 1 && payload.urls.iter().all(is_template)) {
            let cause = format!("there are {files} files and {urls} URLs");
            let remedy = "give one URL for each file, or one with {name} in its path for all of them";
            return Err(JobFailure::lasting(Explanation::new(cause, remedy)));
        }
        let urls = payload.urls.iter().cycle();
        let sent = paths.iter().zip(urls).map(|(path, url)| {
            if task.is_stopped() {
                return Err(JobFailure::Stopped);
            }
            let unread = |source| HttpError::Read { path: path.clone(), source }.failure();
            let bytes = std::fs::metadata(path).map_err(unread)?.len();
            let most = self.client.config().max_bytes;
            if bytes > most {
                let cause = format!("{} has {bytes} bytes; at most {most} are sent", path.display());
                return Err(JobFailure::lasting(Explanation::new(cause, "raise jobs.http.max_mib")));
            }
            let url = filled(url, path).map_err(unread)?;
            Ok(Sent { path, url: parse_url(&url).map_err(HttpError::failure)?, bytes })
        });
        sent.collect()
    }

    fn send(
        &self,
        task: &Task<'_>,
        file: &Sent<'_>,
        payload: &Payload,
        (from, to): (f32, f32),
        patience: Duration,
    ) -> Result<UploadedFileOut, JobFailure> {
        let sha256 = Cell::new(None);
        let mut headers = HeaderMap::new();
        let given = payload.content_type.as_deref().and_then(|given| HeaderValue::from_str(given).ok());
        let usual = || HeaderValue::from_static(content_type(file.path));
        headers.insert(CONTENT_TYPE, given.unwrap_or_else(usual));
        let sent = |bytes: u64| {
            let share = bytes as f32 / file.bytes.max(1) as f32;
            task.progress(from + share * (to - from), "upload");
        };
        let outgoing = Outgoing {
            method: Method::Put,
            url: file.url.clone(),
            sending: Sending::File { path: file.path, bytes: file.bytes, sha256: &sha256 },
            headers,
            credentials: &self.credentials,
            most_bytes: MOST_ANSWER,
            patience,
            sent: &sent,
        };
        let answered = self.client.exchange(&outgoing, &mut Vec::new(), &|| task.is_stopped());
        let answered = answered.map_err(HttpError::failure)?;
        let Some(sha256) = sha256.take() else {
            let cause = format!("{} took the file before all of it was sent", answered.url.address());
            return Err(JobFailure::passing(Explanation::new(cause, "check what the server has")));
        };
        let (path, to) = (file.path.display().to_string(), answered.url.to_string());
        Ok(UploadedFileOut { path, to, sha256, bytes: file.bytes, status: answered.status })
    }
}

impl JobKind for UploadKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn plan(&self, asked: Map<String, Value>, origin: Origin) -> Result<PlannedJob, Refusal> {
        let asked: UploadIn = parameters(NAME, asked)?;
        let bad = |message: &str, remedy: &str| Refusal::new("bad_job", message, remedy);
        let picture = match (&asked.picture, asked.from_jobs) {
            (Some(name), false) => Some(self.folders.picture(name, origin)?),
            (None, true) => None,
            (Some(_), true) => return Err(bad("picture and from_jobs are both given", "keep one of them")),
            (None, false) => {
                let remedy = "name a picture, or set from_jobs to send what the jobs before made";
                return Err(bad("picture is missing", remedy));
            }
        };
        if !(1..=MOST_URLS).contains(&asked.urls.len()) {
            let message = format!("urls has {} entries", asked.urls.len());
            return Err(bad(&message, &format!("give 1 to {MOST_URLS}")));
        }
        for url in &asked.urls {
            let filled = url.replace("{name}", "n").replace("{sha256}", "0");
            let parsed = parse_url(&filled).map_err(bad_url)?;
            // A name must not decide which server receives the file.
            let places = ["{name}", "{sha256}"].into_iter().filter_map(|place| url.find(place));
            let before = places.min().unwrap_or(url.len());
            let whole = url[..before].split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
            if before < url.len() && !whole {
                let remedy = "write {name} and {sha256} in the path";
                return Err(Refusal::new(
                    "bad_url",
                    format!("the host {} has braces", parsed.host()),
                    remedy,
                ));
            }
        }
        if asked.content_type.as_deref().is_some_and(|text| HeaderValue::from_str(text).is_err()) {
            return Err(bad("content_type is no value of a header", "write it as image/jpeg"));
        }
        let name = picture.as_deref().map_or_else(|| NAME.to_owned(), files::job_name);
        files::payload(&Payload { picture, urls: asked.urls, content_type: asked.content_type }, name)
    }

    fn run(&self, task: &Task<'_>) -> Result<JobDone, JobFailure> {
        let payload: Payload = task.payload()?;
        task.progress(0.0, "upload");
        let paths: Vec<PathBuf> = match &payload.picture {
            Some(path) => vec![path.clone()],
            None => task.parents().iter().flat_map(files::files_of).collect(),
        };
        if paths.is_empty() {
            let remedy = "name jobs that make files with `after`, or with `needs` in a workflow";
            let why = Explanation::new("the jobs before this one made no file", remedy);
            return Err(JobFailure::lasting(why));
        }
        let files = self.targets(task, &paths, &payload)?;
        if let Some(path) = &payload.picture {
            check_picture(path)?;
        }
        let mut uploaded = Vec::with_capacity(files.len());
        for (at, file) in files.iter().enumerate() {
            let share = (at as f32 / files.len() as f32, (at + 1) as f32 / files.len() as f32);
            let patience = if at == 0 { PATIENCE } else { LONG_PATIENCE };
            uploaded.push(self.send(task, file, &payload, share, patience)?);
        }
        // Whether it is still there only the server knows.
        Ok(JobDone::Made { result: JobResult::Uploaded(UploadedOut { uploaded }), cache_key: None })
    }
}

/// Checks that the file which a request names is a picture: no other file of the box leaves it that way.
fn check_picture(path: &Path) -> Result<(), JobFailure> {
    let mut head = [0; HEAD];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    match read {
        Ok(()) if picture::extension(&head).is_some() => Ok(()),
        Err(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(HttpError::Read { path: path.to_owned(), source }.failure())
        }
        _ => {
            let cause = format!("{} is no picture", path.display());
            Err(JobFailure::lasting(Explanation::new(cause, "name a JPEG, PNG or BMP")))
        }
    }
}

/// The URL with the name and the digest of the file in the place of `{name}` and `{sha256}`.
fn filled(url: &str, path: &Path) -> std::io::Result<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut url = url.replace("{name}", &encoded(&name));
    if url.contains("{sha256}") {
        url = url.replace("{sha256}", &sha256_of(std::fs::File::open(path)?)?);
    }
    Ok(url)
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        Some("bmp") => "image/bmp",
        Some("csv") => "text/csv",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Some("mp4") => "video/mp4",
        Some("mkv") => "video/x-matroska",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_digests_take_their_places_and_are_encoded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a b&c.png");
        std::fs::write(&path, "x").unwrap();
        assert!(check_picture(&path).is_err() && check_picture(&dir.path().join("absent")).is_err());
        std::fs::write(dir.path().join("b.png"), b"\x89PNG and more").unwrap();
        assert!(check_picture(&dir.path().join("b.png")).is_ok());
        assert_eq!(filled("https://s/{name}?k=1", &path).unwrap(), "https://s/a%20b%26c.png?k=1");
        let digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
        assert_eq!(filled("https://s/{sha256}", &path).unwrap(), format!("https://s/{digest}"));
    }
}
