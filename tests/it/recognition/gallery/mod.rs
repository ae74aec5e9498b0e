//! The people of a box on a real store: enrolled, renamed, merged, exported, and erased from every byte of the disk.

mod erasing;
mod faces;
mod keeping;
mod running;
mod swapping;
mod transfer;
