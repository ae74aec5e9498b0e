//! The intake as its callers use it: bytes in, points out, and folders with real files.

mod cuts;
mod folder;
mod formats;
mod history;
mod random;
mod refusals;
mod support;
mod torture;
