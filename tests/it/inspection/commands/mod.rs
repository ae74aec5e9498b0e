//! Inspection by the command line: replay, qualification, and a service that is asked while it runs.

mod bench;
mod live;
mod qualify;
mod replay;
