//! What the routes do, a file for each subject.

pub(super) mod attendance;
pub(super) mod inspections;
pub(super) mod people;
pub(super) mod session;
pub(super) mod state;
pub(super) mod views;
