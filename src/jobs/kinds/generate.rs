//! The kind `generate`: a remote service makes pictures; its URL, its request and its answer are described by the
//! configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::arriving::{Arriving, published};
use super::files;
use super::pictures::PictureFolders;
use super::pointer::pictures_in;
use super::template::{Values, filled_json, filled_url, names_in_json, names_in_text};
use crate::config::{GenerateConfig, SourceUrl};
use crate::contract::{GeneratedOut, JobFileOut, JobResult};
use crate::image::picture;
use crate::jobs::command::{GenerateIn, ValueIn};
use crate::jobs::http::{Credentials, HttpClient, HttpError, Method, Outgoing, Sending, parse_url};
use crate::jobs::kind::{JobDone, JobFailure, JobKind, PlannedJob, parameters};
use crate::jobs::task::Task;
use crate::studio::{FileWriter, LIMITS, StudioError, WrittenFile};
use crate::types::{Explanation, Origin, Refusal, hex};

const NAME: &str = "generate";
/// The name of the value that a request's picture is.
const PICTURE: &str = "picture";
/// The longest beginning of a file's name in bytes, from the name of the job.
const LONGEST_STEM: usize = 80;
/// What an answer may have besides its pictures, bytes.
const BESIDES: u64 = 1 << 20;
/// The wait for a turn at the service, and at the servers that its answer names.
const PATIENCE: Duration = Duration::from_secs(2);
const LONG_PATIENCE: Duration = Duration::from_secs(3_600);
/// The share of an attempt after which the service has answered.
const ANSWERED: f32 = 0.7;

/// Has pictures made by a remote service.
pub struct GenerateKind {
    client: Arc<HttpClient>,
    credentials: Credentials,
    service: GenerateConfig,
    folders: PictureFolders,
}

/// What a job's work reads.
#[derive(Serialize, Deserialize)]
struct Payload {
    values: BTreeMap<String, ValueIn>,
    picture: Option<PathBuf>,
    /// The same for all attempts of a job: a service that knows it makes the pictures once.
    key: String,
}

impl GenerateKind {
    /// The kind that asks `service`, and reads and writes in `folders`.
    pub fn new(client: &Arc<HttpClient>, service: GenerateConfig, folders: PictureFolders) -> GenerateKind {
        let mut credentials = Credentials::new(&client.config().credentials);
        // The check of the configuration has read the URL: its host has no braces.
        let plain = service.url.replace(['{', '}'], "x");
        if let (Some(file), Ok(url)) = (&service.headers_file, parse_url(&plain)) {
            credentials = credentials.with(&url, file);
        }
        GenerateKind { client: client.clone(), credentials, service, folders }
    }

    /// Checks that the request has each value that the service needs, and no other one.
    fn check(&self, asked: &GenerateIn) -> Result<(), Refusal> {
        let mut needed = names_in_json(&self.service.request);
        needed.extend(names_in_text(&self.service.url));
        let needs_picture = needed.remove(PICTURE);
        let bad = |message: String, remedy: &str| Refusal::new("bad_job", message, remedy);
        if needs_picture != asked.picture.is_some() {
            return Err(match needs_picture {
                true => bad("picture is missing".into(), "the service's request has {picture}: name one"),
                false => bad(
                    "the service takes no picture".into(),
                    "leave it out, or write {picture} into jobs.generate.request",
                ),
            });
        }
        if let Some(missing) = needed.iter().find(|name| !asked.values.contains_key(*name)) {
            return Err(bad(format!("the value {missing} is missing"), "give it below values"));
        }
        // In a path they would mean the folder itself, or the one above.
        let leaves = |name: &String| match asked.values.get(name) {
            Some(ValueIn::Text(text)) => text.chars().all(|c| c == '.'),
            _ => false,
        };
        if let Some(name) = names_in_text(&self.service.url).into_iter().find(leaves) {
            let message = format!("the value {name} is empty or has only dots");
            return Err(bad(message, "it becomes a part of the service's URL: give a word"));
        }
        if let Some(other) = asked.values.keys().find(|name| !needed.contains(*name)) {
            let known: Vec<&str> = needed.iter().map(String::as_str).collect();
            let shown: String = other.chars().filter(|c| !c.is_control()).take(40).collect();
            let remedy = format!("the service takes: {}", known.join(", "));
            return Err(bad(format!("the service takes no value \"{shown}\""), &remedy));
        }
        Ok(())
    }

    /// Asks the service; gives what its answer has in the place of the pictures.
    fn ask(&self, task: &Task<'_>, payload: Payload) -> Result<(SourceUrl, Vec<String>), JobFailure> {
        let service = &self.service;
        let mut values: Values =
            payload.values.into_iter().map(|(name, value)| (name, plain(value))).collect();
        let url = parse_url(&filled_url(&service.url, &values)).map_err(HttpError::failure)?;
        if let Some(path) = &payload.picture {
            let bytes = picture::load(path, &LIMITS).map_err(|error| files::failure(error.into()))?;
            values.insert(PICTURE.to_owned(), Value::String(STANDARD.encode(bytes)));
        }
        let request = filled_json(&service.request, &values);
        // Text keys and numbers that JSON has: nothing in it can fail.
        let request = serde_json::to_vec(&request).unwrap_or_default();
        drop(values);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(key) = HeaderValue::from_str(&payload.key) {
            headers.insert(HeaderName::from_static("idempotency-key"), key);
        }
        let outgoing = Outgoing {
            method: Method::Post,
            url: url.clone(),
            sending: Sending::Bytes(request.into()),
            headers,
            credentials: &self.credentials,
            most_bytes: self.most_bytes() / 3 * 4 + BESIDES,
            patience: PATIENCE,
            sent: &|_| {},
        };
        let mut answer = Vec::new();
        let answered = self.client.exchange(&outgoing, &mut answer, &|| task.is_stopped());
        answered.map_err(HttpError::failure)?;
        let found = pictures_in(&answer, &service.answer);
        Ok((url.clone(), found.map_err(|why| JobFailure::lasting(why.within(url.address())))?))
    }

    /// Writes the picture that `found` is: base64, a `data:` URL, or a URL.
    fn take(
        &self,
        task: &Task<'_>,
        found: &str,
        stem: &str,
        share: (f32, f32),
    ) -> Result<JobFileOut, JobFailure> {
        task.progress(share.0, "read");
        if found.starts_with("http://") || found.starts_with("https://") {
            let url = parse_url(found).map_err(HttpError::failure)?;
            let mut file = Arriving::new(task, (&self.folders.out, stem), ("read", share.0, share.1));
            let outgoing = Outgoing {
                method: Method::Get,
                url,
                sending: Sending::Nothing,
                headers: HeaderMap::new(),
                credentials: &self.credentials,
                most_bytes: self.most_bytes(),
                patience: LONG_PATIENCE,
                sent: &|_| {},
            };
            let answered = self.client.exchange(&outgoing, &mut file, &|| task.is_stopped());
            let from = answered.map_err(HttpError::failure)?.url;
            return published(task, file.finish(&from)?, &from.address());
        }
        let coded = match found.strip_prefix("data:") {
            Some(rest) => rest.split_once(";base64,").map_or("", |(_, coded)| coded),
            None => found,
        };
        let bytes = STANDARD.decode(coded.trim()).map_err(|error| {
            let cause = format!("the answer has no picture in base64 where it should be ({error})");
            JobFailure::lasting(Explanation::new(cause, "correct jobs.generate.answer"))
        })?;
        let write = || -> Result<WrittenFile, StudioError> {
            let mut file = FileWriter::create(&self.folders.out, stem)?;
            file.write(&bytes)?;
            file.close()
        };
        published(task, write().map_err(files::failure)?, "the service")
    }

    fn most_bytes(&self) -> u64 {
        self.client.config().max_bytes.min(LIMITS.max_file)
    }
}

impl JobKind for GenerateKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn plan(&self, asked: Map<String, Value>, origin: Origin) -> Result<PlannedJob, Refusal> {
        let asked: GenerateIn = parameters(NAME, asked)?;
        self.check(&asked)?;
        let picture = asked.picture.as_deref().map(|name| self.folders.picture(name, origin));
        let picture = picture.transpose()?;
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|error| {
            Refusal::new("failed", format!("the system gives no random number ({error})"), "try again")
        })?;
        let name = picture.as_deref().map_or_else(|| NAME.to_owned(), files::job_name);
        files::payload(&Payload { values: asked.values, picture, key: hex(key) }, name)
    }

    fn run(&self, task: &Task<'_>) -> Result<JobDone, JobFailure> {
        let payload: Payload = task.payload()?;
        task.progress(0.0, "generate");
        files::make_folder(&self.folders.out)?;
        let stem = files::stem(Path::new(task.name()), LONGEST_STEM);
        let (url, found) = self.ask(task, payload)?;
        let mut generated = Vec::with_capacity(found.len());
        for (at, one) in found.iter().enumerate() {
            let share = |done: usize| ANSWERED + (1.0 - ANSWERED) * done as f32 / found.len() as f32;
            generated.push(self.take(task, one, &stem, (share(at), share(at + 1)))?);
        }
        let result = GeneratedOut { generated, service: url.address() };
        // The same request gives other pictures.
        Ok(JobDone::Made { result: JobResult::Generated(result), cache_key: None })
    }

    fn most_at_once(&self) -> usize {
        self.service.at_once
    }
}

/// A value of a request as JSON.
fn plain(value: ValueIn) -> Value {
    match value {
        ValueIn::Flag(value) => value.into(),
        ValueIn::Whole(value) => value.into(),
        ValueIn::Number(value) => value.into(),
        ValueIn::Text(value) => value.into(),
    }
}
