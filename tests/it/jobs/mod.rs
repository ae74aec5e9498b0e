//! Studio jobs from the outside: the real binary, the real broker, real pictures.

mod beside;
mod crash;
mod cuts;
mod disk;
mod fleet;
mod interfaces;
mod models;
mod pictures;
mod refusals;
mod reports;
mod runs;
mod support;
mod uploads;
mod variations;
