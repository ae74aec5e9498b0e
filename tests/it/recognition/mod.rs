//! Faces from picture and video to a name: alignment, quality, embeddings, the gallery, and the whole road.

mod aligning;
mod gallery;
mod people;
mod road;
mod scenario;
mod studying;
mod support;
mod videos;
