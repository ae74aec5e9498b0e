//! Recordings: of every frame, on a disk that fills, around events, after a kill, and over REST.

mod clips;
mod crash;
mod disk;
mod pictures;
mod rest;
mod support;
