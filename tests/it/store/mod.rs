//! What is kept on disk: opening, damage, golden pictures, recordings.

mod goldens;
mod open;
mod recordings;
