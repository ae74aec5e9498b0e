//! Studio jobs: a persistent priority queue, and the kinds of work that it hands out.
//!
//! The queue itself is `crates/jobs`, which decides and stores nothing. Here it has its one owner (`owner/`), who takes in a
//! group of messages, writes what they change in one durable batch, and only then answers and hands out work. Workers
//! (`worker.rs`) are threads of the lowest priority, which the kernel preempts when a live frame needs the core. Each kind of
//! job is one [`JobKind`]: `kinds/` has those whose work is pictures, and the service adds the microscopy run.

pub mod command;
mod counters;
mod http;
mod inbox;
mod kind;
mod kinds;
mod owner;
mod publish;
mod refuse;
mod report;
mod request;
mod service;
mod task;
mod tidy;
mod worker;

pub use counters::DESCRIBED;
pub use http::HttpClient;
pub use inbox::Inbox;
pub use kind::{JobDone, JobFailure, JobKind, PlannedJob, parameters};
pub use kinds::{
    ClipKind, FetchKind, GenerateKind, LazyModel, PictureFolders, PictureSettings, ReportKind, UploadKind,
    UpscaleKind, VariationsKind,
};
pub use service::{JobsAround, JobsError, JobsHost, JobsService};
pub use task::Task;
