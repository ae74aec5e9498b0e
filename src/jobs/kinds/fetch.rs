//! The kind `fetch`: a picture is fetched from a server into the folder of results.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::header::HeaderMap;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::arriving::{Arriving, published};
use super::files;
use crate::config::SourceUrl;
use crate::contract::{FetchedOut, JobResult};
use crate::jobs::command::FetchIn;
use crate::jobs::http::{Credentials, HttpClient, HttpError, Method, Outgoing, Sending, parse_url};
use crate::jobs::kind::{JobDone, JobFailure, JobKind, PlannedJob, parameters};
use crate::jobs::task::Task;
use crate::studio::LIMITS;
use crate::types::{Explanation, Origin, Refusal};

const NAME: &str = "fetch";
/// The longest beginning of the file's name in bytes, from the URL.
const LONGEST_STEM: usize = 80;
/// The longest wait for a turn at the host; then the worker does something else meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);
/// The share of an attempt after which the file is there.
const RECEIVED: f32 = 0.9;

/// Fetches pictures from servers.
pub struct FetchKind {
    client: Arc<HttpClient>,
    credentials: Credentials,
    out: PathBuf,
}

/// What a job's work reads.
#[derive(Serialize, Deserialize)]
struct Payload {
    url: String,
    sha256: Option<String>,
}

impl FetchKind {
    /// The kind that writes into the folder `out`.
    pub fn new(client: &Arc<HttpClient>, out: PathBuf) -> FetchKind {
        let credentials = Credentials::new(&client.config().credentials);
        FetchKind { client: client.clone(), credentials, out }
    }
}

impl JobKind for FetchKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn plan(&self, asked: Map<String, Value>, _: Origin) -> Result<PlannedJob, Refusal> {
        let FetchIn { url, sha256 } = parameters(NAME, asked)?;
        let name = name_in(&parse_url(&url).map_err(bad_url)?);
        if sha256.as_ref().is_some_and(|digits| digits.len() != 64 || !digits.bytes().all(is_digit)) {
            let remedy = "write the 64 hexadecimal digits that sha256sum prints";
            return Err(Refusal::new("bad_job", "sha256 is no SHA-256", remedy));
        }
        let sha256 = sha256.map(|digits| digits.to_ascii_lowercase());
        files::payload(&Payload { url, sha256 }, files::job_name(Path::new(&name)))
    }

    fn run(&self, task: &Task<'_>) -> Result<JobDone, JobFailure> {
        let Payload { url, sha256 } = task.payload()?;
        task.progress(0.0, "fetch");
        files::make_folder(&self.out)?;
        let url = parse_url(&url).map_err(HttpError::failure)?;
        let stem = files::stem(Path::new(&name_in(&url)), LONGEST_STEM);
        let mut file = Arriving::new(task, (&self.out, &stem), ("fetch", 0.0, RECEIVED));
        let outgoing = Outgoing {
            method: Method::Get,
            url,
            sending: Sending::Nothing,
            headers: HeaderMap::new(),
            credentials: &self.credentials,
            most_bytes: self.client.config().max_bytes.min(LIMITS.max_file),
            patience: PATIENCE,
            sent: &|_| {},
        };
        let answered = self.client.exchange(&outgoing, &mut file, &|| task.is_stopped());
        let answered = answered.map_err(HttpError::failure)?;
        let file = file.finish(&answered.url)?;
        if let Some(wanted) = sha256.filter(|wanted| *wanted != file.sha256) {
            let cause = format!("the file has the SHA-256 {} and not {wanted}", file.sha256);
            return Err(JobFailure::lasting(Explanation::new(cause, "check which of the two is right")));
        }
        task.progress(RECEIVED, "check");
        let fetched = published(task, file, &answered.url.address())?;
        let from = answered.url.to_string();
        let result = FetchedOut { fetched, from, redirects: answered.redirects };
        // What a server has under a URL may change.
        Ok(JobDone::Made { result: JobResult::Fetched(result), cache_key: None })
    }
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

/// A URL that is refused, with what to do next.
pub(super) fn bad_url(error: HttpError) -> Refusal {
    Refusal::explained("bad_url", error.explanation())
}

/// The last part of a URL's path, as a file may be called; the host where the path has none.
pub(super) fn name_in(url: &SourceUrl) -> String {
    let location = url.location();
    let path = location.split(['?', '#']).next().unwrap_or_default();
    let last = path.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let last = last.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    // Some servers take a key in the path, which a name must not show.
    let last = if last.contains(['=', ';', '@']) { "" } else { last };
    let name = percent_decode_str(last).decode_utf8_lossy();
    let plain = |c: char| if c == '/' || c == '\\' || c.is_control() { '_' } else { c };
    let name: String = name.chars().filter(|c| !is_unseen(*c)).map(plain).collect();
    if name.trim().is_empty() { url.host().replace(':', "_") } else { name }
}

/// Characters that take no space or turn the direction of text; the queue refuses them in names.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{FFFD}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_as_the_url_ends_and_shows_no_key() {
        let name = |url: &str| name_in(&url.parse().unwrap());
        assert_eq!(name("https://shop/a/photo%20one.jpg?key=SECRET"), "photo one.jpg");
        assert_eq!(name("https://shop/a/..%2F..%2Fetc"), ".._.._etc");
        assert_eq!(name("https://shop/"), "shop");
        assert_eq!(name("https://shop"), "shop");
        assert_eq!(name("https://shop/a/"), "a");
        assert_eq!(name("https://shop/key=SECRET"), "shop");
        assert_eq!(name("https://shop/%E2%80%AEgpj.exe"), "gpj.exe");
    }
}
