//! Models of every kind on every runtime of the build: references, refusals, hostile files.

mod allocations;
mod batch;
mod hostile;
mod measure;
mod references;
mod refusals;
mod yolo;
