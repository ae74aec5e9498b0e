//! Pictures for people: what is seen of a camera and of a judged part.

pub mod annotate;
