//! The kind `report`: what became of other jobs, as a table for spreadsheets with small pictures of what they made.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::files;
use super::sheet::{self, Row};
use crate::contract::{JobFileOut, JobResult, ReportOut};
use crate::jobqueue::ParentOutcome;
use crate::jobs::command::{ReportIn, TableFormatIn};
use crate::jobs::kind::{JobDone, JobFailure, JobKind, PlannedJob, parameters};
use crate::jobs::task::Task;
use crate::studio::write_file;
use crate::types::{Explanation, Origin, Refusal};

const NAME: &str = "report";
/// The longest beginning of the file's name in bytes, from the name of the job.
const LONGEST_STEM: usize = 100;
/// The share of an attempt that the small pictures take.
const PICTURES: f32 = 0.9;

/// Writes tables about the jobs that it comes after.
pub struct ReportKind {
    out: PathBuf,
}

/// What a job's work reads.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    format: TableFormatIn,
}

impl ReportKind {
    /// The kind that writes into the folder `out`.
    pub fn new(out: PathBuf) -> ReportKind {
        ReportKind { out }
    }
}

impl JobKind for ReportKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn plan(&self, asked: Map<String, Value>, _: Origin) -> Result<PlannedJob, Refusal> {
        let asked: ReportIn = parameters(NAME, asked)?;
        let format = asked.format.unwrap_or(TableFormatIn::Xlsx);
        files::payload(&Payload { format }, NAME.to_owned())
    }

    fn run(&self, task: &Task<'_>) -> Result<JobDone, JobFailure> {
        let Payload { format } = task.payload()?;
        task.progress(0.0, "read");
        let rows: Vec<Row> = task.parents().iter().flat_map(rows_of).collect();
        if rows.is_empty() {
            let remedy = "name the jobs that it is about: `ocellus jobs add report ID…`, or needs and follows in a workflow";
            return Err(JobFailure::lasting(Explanation::new("the report comes after no job", remedy)));
        }
        let (bytes, extension) = match format {
            TableFormatIn::Csv => (sheet::csv(&rows), "csv"),
            TableFormatIn::Xlsx => {
                let picture = |at: usize, path: &Path| {
                    task.progress(PICTURES * at as f32 / rows.len() as f32, "pictures");
                    (!task.is_stopped()).then(|| sheet::thumbnail(path)).flatten()
                };
                (sheet::xlsx(&rows, &picture), "xlsx")
            }
        };
        if task.is_stopped() {
            return Err(JobFailure::Stopped);
        }
        let bytes = bytes.map_err(|error| JobFailure::lasting(Explanation::new(error.to_string(), "")))?;
        task.progress(PICTURES, "write");
        files::make_folder(&self.out)?;
        let stem = files::stem(Path::new(task.name()), LONGEST_STEM);
        let (path, sha256) = write_file(&self.out, &stem, extension, &bytes).map_err(files::failure)?;
        task.made(&path.display().to_string());
        let result = ReportOut {
            path: path.display().to_string(),
            sha256,
            bytes: bytes.len() as u64,
            rows: rows.len() as u64,
        };
        // What other jobs made is their own answer: a report is written anew.
        Ok(JobDone::Made { result: JobResult::Report(result), cache_key: None })
    }
}

/// The rows about one job: one for each file that it made, and one where it made none.
fn rows_of(parent: &ParentOutcome) -> Vec<Row> {
    let empty = Row {
        job: parent.id.0,
        kind: parent.kind.to_string(),
        name: parent.name.to_string(),
        state: parent.state.as_str(),
        reason: parent.reason.clone().unwrap_or_default(),
        made: String::new(),
        file: None,
    };
    let with = |made: &str, file: Option<&JobFileOut>| Row {
        made: made.to_owned(),
        file: file.cloned(),
        ..empty.clone()
    };
    match &parent.result.as_deref().and_then(JobResult::read) {
        None => vec![empty],
        Some(JobResult::Upscaled(made)) => {
            // A job that fell back did not do what was asked for, and the table says so.
            let reason = made.fell_back.clone().unwrap_or_default();
            vec![Row { reason, ..with(&made.method, Some(&made.file)) }]
        }
        Some(JobResult::UpscaledAll(all)) => {
            let rows = all.enlarged.iter().map(|made| {
                let reason = made.fell_back.clone().unwrap_or_default();
                Row { reason, ..with(&made.method, Some(&made.file)) }
            });
            rows.collect()
        }
        Some(JobResult::Variations(made)) => {
            made.variations.iter().map(|one| with(&one.background, Some(&one.file))).collect()
        }
        Some(JobResult::Batch(run)) => {
            vec![with(&format!("run {}, {} fields of view", run.run, run.fovs), None)]
        }
        Some(JobResult::Report(made)) => vec![with(&made.path, None)],
        Some(JobResult::Clip(made)) => {
            vec![with(
                &format!("{} s, {} pictures, {}", made.seconds, made.pictures, made.encoder),
                Some(&made.clip),
            )]
        }
        Some(JobResult::Fetched(made)) => vec![with(&made.from, Some(&made.fetched))],
        Some(JobResult::Generated(made)) => {
            made.generated.iter().map(|file| with(&made.service, Some(file))).collect()
        }
        Some(JobResult::Uploaded(made)) => made.uploaded.iter().map(|one| with(&one.to, None)).collect(),
    }
}
