//! Settings of `[jobs]`.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::{ModelConfig, Network};

/// `[jobs]`: the queue of studio jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct JobsConfig {
    /// Whether the service has a queue of jobs.
    pub enabled: bool,
    /// Jobs that run at once.
    pub workers: usize,
    /// Threads that compute one picture; `None`: one for each core.
    pub threads: Option<usize>,
    /// Jobs that may wait; further ones are refused at once.
    pub max_queue_size: usize,
    /// Attempts of jobs that ask for no number, the first included.
    pub max_attempts: u32,
    /// Time limit of an attempt of jobs that ask for none.
    pub time_limit: Duration,
    /// Waiting that makes up for one step of priority.
    pub age: Duration,
    /// Longest pause after the first failure; it doubles for each further one.
    pub backoff: Duration,
    /// Ceiling of that pause.
    pub backoff_max: Duration,
    /// Ended jobs that are kept with their answers.
    pub history_count: usize,
    /// Days after which ended jobs are removed.
    pub history_days: u32,
    /// The most bytes of what the jobs that are kept made; the oldest leave beyond that.
    pub history_bytes: u64,
    /// Whether what jobs made is removed with them; by default not where the configuration names the folder of results, because
    /// people keep there what they want to have.
    pub remove_files: bool,
    /// The most bytes of a picture that comes with a request.
    pub upload_bytes: u64,
    /// The same for all of them together.
    pub uploads_bytes: u64,
    /// The boxes that share jobs with this one over the broker; `None`: it shares none.
    pub fleet: Option<FleetConfig>,
    /// Folder of the pictures that REST and MQTT may name; `None`: they may name none.
    pub pictures: Option<PathBuf>,
    /// Folder of the files that jobs make; `None`: `jobs` in the state directory.
    pub out: Option<PathBuf>,
    /// The super-resolution model; `None`: pictures are enlarged without one.
    pub upscale_model: Option<ModelConfig>,
    /// The model that finds the foreground; `None`: no variations are made.
    pub segment_model: Option<ModelConfig>,
    /// How jobs reach other servers.
    pub http: HttpConfig,
    /// The service that generates pictures; `None`: no pictures are generated.
    pub generate: Option<GenerateConfig>,
}

/// `[jobs.http]`: limits of the requests that jobs send to other servers.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpConfig {
    /// The most bytes of one body, in either direction.
    pub max_bytes: u64,
    /// The longest time of one request, its redirects included.
    pub timeout: Duration,
    /// The longest time without a byte.
    pub stall: Duration,
    /// Requests a second to one host.
    pub requests_per_s: f64,
    /// Redirects that one request follows.
    pub max_redirects: u32,
    /// Private addresses that jobs may reach.
    pub allow: Vec<Network>,
    /// Certificate authorities that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// Headers that are sent to some servers.
    pub credentials: Vec<CredentialsConfig>,
}

/// One entry of `jobs.http.credentials`: headers for some servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialsConfig {
    /// Scheme, host and port of the servers that receive them, such as `https://files.example.com:443`.
    pub origins: Vec<String>,
    /// The file with the headers, one `NAME: VALUE` a line; or `credential:NAME`.
    pub headers_file: PathBuf,
}

/// `[jobs.generate]`: a remote service that generates pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateConfig {
    /// Its URL, with the values of a request in braces.
    pub url: String,
    /// The JSON that it is sent, with the values of a request in braces.
    pub request: Value,
    /// JSON pointer (RFC 6901) to the picture in its answer: base64, a `data:` URL or a URL, or a list of them.
    pub answer: String,
    /// The file with its headers, one `NAME: VALUE` a line; or `credential:NAME`.
    pub headers_file: Option<PathBuf>,
    /// Requests that it gets at once.
    pub at_once: usize,
}

impl Default for HttpConfig {
    fn default() -> HttpConfig {
        HttpConfig {
            max_bytes: 64 << 20,
            timeout: Duration::from_secs(300),
            stall: Duration::from_secs(30),
            requests_per_s: 5.0,
            max_redirects: 5,
            allow: Vec::new(),
            ca_file: None,
            credentials: Vec::new(),
        }
    }
}

/// `[jobs.fleet]`: boxes that share jobs over the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetConfig {
    /// The group of the shared subscription: each job goes to one box of the group.
    pub group: String,
    /// The beginning of the topics: `PREFIX/jobs/submit` and `PREFIX/jobs/ID`.
    pub prefix: String,
    /// Jobs that this box holds and that are not on its disk yet.
    pub max_inflight: u16,
}

impl Default for JobsConfig {
    fn default() -> JobsConfig {
        JobsConfig {
            enabled: false,
            workers: 2,
            threads: None,
            max_queue_size: 100,
            max_attempts: 4,
            time_limit: Duration::from_secs(600),
            age: Duration::from_millis(10_000),
            backoff: Duration::from_millis(1_000),
            backoff_max: Duration::from_millis(300_000),
            history_count: 1_000,
            history_days: 30,
            history_bytes: 10 << 30,
            remove_files: true,
            upload_bytes: 64 << 20,
            uploads_bytes: 1 << 30,
            fleet: None,
            pictures: None,
            out: None,
            upscale_model: None,
            segment_model: None,
            http: HttpConfig::default(),
            generate: None,
        }
    }
}
