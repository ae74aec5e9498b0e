//! Image stacks: every flavour that microscopes and their programs write, and every way in which files are wrong.

mod flavours;
mod formats;
mod support;
mod write;
