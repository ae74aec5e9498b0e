//! Faces for people to be recognised by: the crop that an embedding model is trained on ([`FaceCutter`]), and how good
//! a face is for that ([`FaceQuality`]).

mod align;
mod quality;

pub use align::{FACE_SIDE, FaceCutter, KEEPSAKE_SIDE, inner};
pub use quality::{FaceFlaw, FaceGate, FacePose, FaceQuality, sharpness};
