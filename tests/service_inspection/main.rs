//! Inspection by the command line: replay, qualification, and a service that is asked while it runs.

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, reason = "the service's own tests use the rest")]
#[path = "../service/rig.rs"]
mod rig;

mod bench;
mod live;
mod qualify;
mod replay;
