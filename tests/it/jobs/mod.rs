//! Studio jobs from the outside: the real binary, the real broker, real pictures.

mod beside;
mod clips;
mod crash;
mod cuts;
mod disk;
mod fetching;
mod fleet;
mod generating;
mod interfaces;
mod models;
mod pictures;
mod refusals;
mod reports;
mod runs;
mod server;
mod support;
mod uploading;
mod uploads;
mod variations;
mod workflows;
