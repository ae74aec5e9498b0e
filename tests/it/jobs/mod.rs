//! Studio jobs from the outside: the real binary, the real broker, real pictures.

mod crash;
mod interfaces;
mod pictures;
mod refusals;
mod runs;
mod support;
mod variations;
