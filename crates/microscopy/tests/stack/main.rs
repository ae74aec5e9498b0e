//! Image stacks: every flavour that microscopes and their programs write, and every way in which files are wrong.

mod flavours;
mod folders;
mod formats;
mod memory;
mod mutations;
#[path = "../../../../tests/support/random.rs"]
mod random;
mod refusals;
mod sources;
mod support;
mod tiny;
#[cfg(feature = "nd2-czi")]
mod vendor;
mod write;
