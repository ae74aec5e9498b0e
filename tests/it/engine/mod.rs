//! Models that take several pictures at once; what concerns one model alone is tested in `crates/engine`.

mod batch;
