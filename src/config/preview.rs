//! What people see of a camera, and who makes the pictures.

use std::time::Duration;

/// `preview = { … }` of a camera. Pictures are made only while somebody looks.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewConfig {
    /// Live pictures a second, at most.
    pub fps: u32,
    /// Most px that a picture is wide; larger frames are made smaller.
    pub width: usize,
    /// Of the JPEG, 1 to 100.
    pub quality: u8,
    /// How long the picture of a judged part is shown before live ones go on.
    pub hold: Duration,
}

impl Default for PreviewConfig {
    fn default() -> PreviewConfig {
        PreviewConfig { fps: 10, width: 1280, quality: 80, hold: Duration::from_millis(700) }
    }
}

/// `[annotate]`: the workers that make pictures for people.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotateConfig {
    /// Workers that inspection, recognition and detection leave to it while pictures wait.
    pub min_workers: usize,
    /// Most workers that make pictures at once.
    pub max_workers: usize,
}

impl Default for AnnotateConfig {
    fn default() -> AnnotateConfig {
        AnnotateConfig { min_workers: 0, max_workers: 1 }
    }
}
