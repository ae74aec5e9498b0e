//! Recordings: of every frame, on a disk that fills, around events, after a kill or a reload, and over REST.

mod changes;
mod clips;
mod crash;
mod disk;
mod events;
mod layers;
mod pictures;
mod rest;
mod support;
