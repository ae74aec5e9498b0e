//! A persistent priority queue of jobs for one process: no job is lost, none is completed twice, none starves.
//!
//! - [`Queue`] decides: what is admitted, what runs next, what is tried again, what is set aside.
//! - [`Change`] is what a decision writes. The caller stores all changes of a group of operations in one transaction, and only
//!   then answers and acts: `store`, then [`Queue::confirm`].
//! - [`restore`] makes the queue again from what is stored: what ran when the process died is due at once.
//!
//! Nothing here starts threads, sleeps, reads a clock, draws random numbers by itself or opens a database: time is passed in
//! with each operation and the seed at the start, so a test can kill the process between any two steps. The README shows
//! the loop.

mod backoff;
mod cache;
mod error;
mod graph;
mod index;
mod job;
mod names;
mod queue;
mod ready;
mod record;
mod report;
mod request;
mod settings;
mod time;

pub use cache::CacheKey;
pub use error::{AddError, ControlError, ProgressError, TokenError};
pub use job::{Attempt, Dependency, End, JobId, Reason, State, StepTime};
pub use names::{NameError, NameField};
pub use queue::{
    Added, Cancelled, Claim, Expired, Finished, How, Outcome, ParentOutcome, Queue, Retry, Stop, StopFlag,
    Token, WorkflowAdded,
};
pub use queue::{Damage, Restored, restore};
pub use ready::{Class, Limits};
pub use record::{Change, Key, RecordError, VERSION};
pub use report::{Filter, JobReport, ProcessingTimes, Status, Totals, WaitTimes, WaitsFor, WorkflowReport};
pub use request::{After, JobRequest, WorkflowJob, WorkflowRequest};
pub use settings::{Bounds, Settings, SettingsError};
pub use time::Now;
