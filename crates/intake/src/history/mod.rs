//! The history of a channel: the newest points in memory, buckets for longer, and how old a source is.

mod age;
mod bucket;
mod recent;
mod thin;

pub use age::SourceAge;
pub use bucket::{Bucket, BucketKey, Level, buckets};
pub use recent::History;
pub use thin::{Sample, thin, thin_buckets};
