//! Faces from picture and video to a name: alignment, quality, embeddings, the gallery, and the whole road.

#[path = "../engine_support/mod.rs"]
mod engine_support;
#[path = "../support/heap.rs"]
mod heap;
#[path = "../support/picture.rs"]
mod picture;

mod aligning;
mod house;
mod people;
mod road;
mod studying;
mod support;
mod videos;
