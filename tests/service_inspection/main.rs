//! Inspection by the command line: replay, qualification, and a service that is asked while it runs.

#[path = "../support/mod.rs"]
mod support;

use support::rig;

mod bench;
mod live;
mod qualify;
mod replay;
