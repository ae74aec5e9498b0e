//! What is kept on disk: opening, damage, golden pictures.

mod goldens;
mod open;
