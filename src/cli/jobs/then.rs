//! What is done before and after the jobs of one request: pictures are fetched, results enlarged, shown as a clip, put on a
//! server and listed in a table. All of it is one workflow.

use clap::Args;

use super::add::{object, table_format};
use crate::commands::jobs::{
    ClipIn, FetchIn, JobIn, ReportIn, TableFormatIn, UploadIn, UpscaleIn, WorkflowIn, WorkflowJobIn,
};

/// What is done when all other jobs of the request have ended.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct ThenArgs {
    /// Also put all files that these jobs make on a server: a URL with {name} or {sha256} in its path. All are added, or none.
    #[arg(long, value_name = "URL")]
    upload_to: Option<String>,
    /// Also write a table about these jobs when all of them have ended: xlsx (by default) or csv. All are added, or none.
    #[arg(long, value_name = "FORMAT", num_args = 0..=1,
        require_equals = true, default_missing_value = "xlsx", value_parser = table_format)]
    report: Option<TableFormatIn>,
}

/// What is done with what the jobs of a request make.
#[derive(Clone, Debug, Default)]
pub(super) struct Then {
    /// How many times as large each picture becomes.
    pub(super) upscale: Option<u8>,
    /// Whether the pictures of each job become a clip.
    pub(super) clip: bool,
    /// What comes at the end.
    pub(super) with: ThenArgs,
}

impl Then {
    /// Whether nothing is done besides the jobs.
    pub(super) fn is_nothing(&self) -> bool {
        self.upscale.is_none() && !self.clip && self.with.upload_to.is_none() && self.with.report.is_none()
    }

    /// The jobs with what comes before and after them: fetch, the job, then enlarging and the clip side by side, then
    /// uploading, then the table. `pictures` are those of the jobs; where one is a URL, its job takes what is fetched.
    pub(super) fn workflow(&self, jobs: Vec<JobIn>, pictures: &[String]) -> WorkflowIn {
        let mut all: Vec<WorkflowJobIn> = Vec::new();
        for (at, mut job) in jobs.into_iter().enumerate() {
            let (label, name, priority) = (format!("{}", at + 1), job.name.clone(), job.priority);
            let behind = |suffix: &str, kind: &str, parameters| {
                let name = name.clone();
                let job = JobIn { kind: kind.to_owned(), parameters, name, priority, ..JobIn::default() };
                let (label, needs) = (format!("{label} {suffix}"), vec![label.clone()]);
                WorkflowJobIn { label, needs, job, ..WorkflowJobIn::default() }
            };
            if let Some(factor) = self.upscale {
                let enlarge = UpscaleIn { from_jobs: true, factor: Some(factor), ..UpscaleIn::default() };
                all.push(behind("enlarged", "upscale", object(&enlarge)));
            }
            if self.clip {
                let clip = ClipIn { from_jobs: true, ..ClipIn::default() };
                all.push(behind("clip", "clip", object(&clip)));
            }
            let mut needs = Vec::new();
            if let Some(url) = pictures.get(at).filter(|picture| is_url(picture)) {
                let label = format!("{label} fetched");
                // The moment and the jobs that the request names hold for the first of its jobs.
                let first = JobIn {
                    run_at: job.run_at.take(),
                    after: std::mem::take(&mut job.after),
                    ..JobIn::default()
                };
                let parameters = object(&FetchIn { url: url.clone(), sha256: None });
                let fetch = JobIn { kind: "fetch".to_owned(), parameters, priority: job.priority, ..first };
                all.push(WorkflowJobIn { label: label.clone(), job: fetch, ..WorkflowJobIn::default() });
                needs.push(label);
            }
            all.push(WorkflowJobIn { label, needs, job, ..WorkflowJobIn::default() });
        }
        if let Some(url) = &self.with.upload_to {
            // What was made is of use also where something else was not.
            let parameters =
                object(&UploadIn { from_jobs: true, urls: vec![url.clone()], ..UploadIn::default() });
            all.push(at_the_end("upload", parameters, &all));
        }
        if let Some(format) = self.with.report {
            // What failed is in the table too.
            all.push(at_the_end("report", object(&ReportIn { format: Some(format) }), &all));
        }
        WorkflowIn { jobs: all }
    }
}

/// The job of this kind that comes when all others have ended, however they did.
fn at_the_end(
    kind: &str,
    parameters: serde_json::Map<String, serde_json::Value>,
    all: &[WorkflowJobIn],
) -> WorkflowJobIn {
    let follows = all.iter().map(|job| job.label.clone()).collect();
    // The priority of a request holds for all of its jobs.
    let priority = all.iter().find_map(|of_all| of_all.job.priority);
    let job = JobIn { kind: kind.to_owned(), parameters, priority, ..JobIn::default() };
    WorkflowJobIn { label: kind.to_owned(), follows, job, ..WorkflowJobIn::default() }
}

/// Whether a picture is not on the box yet.
pub(super) fn is_url(picture: &str) -> bool {
    picture.starts_with("http://") || picture.starts_with("https://")
}
