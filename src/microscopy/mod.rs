//! Microscopy: batch runs over image stacks. Cells are segmented, tracked and measured; tables come out.
//!
//! A run is cut into items of work, a range of frames of one step of one field of view (`plan.rs`), which workers
//! take as they take any other work (`run.rs`, `steps.rs`). Stacks are written frame by frame at their place
//! (`npy.rs`), so memory does not grow with the length of a movie. What is complete stands in a journal
//! (`journal.rs`), from which a run that ended goes on. What is on disk is read again by `results.rs`, for people who
//! look at it. In the service, commands begin and cancel runs of the recipes in one folder (`service.rs`, `recipes.rs`).
//! The computations themselves are `crates/microscopy`.

mod before;
pub mod command;
mod error;
mod files;
mod fitting;
mod fov;
mod grey;
mod input;
mod journal;
mod look;
mod model;
mod npy;
mod plan;
mod progress;
mod recipes;
mod report;
mod results;
mod run;
mod service;
mod shard;
mod stack;
mod steps;
mod summary;
mod table;
mod video;

use before::new_id;
pub use error::RunError;
pub use files::{RESULTS, SUMMARY};
pub use fitting::{fit_all, fitted_tables};
pub use journal::{
    Dropped, Header, Holder, InputFile, Record, Recorded, RunOrigin, fovs_done, holder, running,
};
pub use plan::Step;
pub use progress::{Progress, ProgressSink};
pub use report::{ReportFigures, write_report};
pub use results::{FittedFile, MergedTable, Results};
pub use run::{Outcome, Run, RunOptions};
pub use service::{BatchService, ReportProgress};
pub use shard::{has_shards, join, shard_folder};
pub use stack::open_stack;
pub use summary::{FovSummary, Summary};
