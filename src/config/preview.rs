//! Settings of live pictures, and of the workers that make them.

use std::time::Duration;

/// `preview = { … }` of a camera. Pictures are made only while a viewer is connected.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewConfig {
    /// Most live pictures per second.
    pub fps: u32,
    /// Largest width of a picture in px; larger frames are scaled down.
    pub width: usize,
    /// Quality of the JPEG, 1 to 100.
    pub quality: u8,
    /// Time for which the picture of an inspected part is shown before live pictures continue.
    pub hold: Duration,
}

impl Default for PreviewConfig {
    fn default() -> PreviewConfig {
        PreviewConfig { fps: 10, width: 1280, quality: 80, hold: Duration::from_millis(700) }
    }
}

/// `[annotate]`: the workers that make pictures for viewers.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotateConfig {
    /// Workers that are reserved for pictures while any wait.
    pub min_workers: usize,
    /// Most workers that may make pictures at the same time.
    pub max_workers: usize,
}

impl Default for AnnotateConfig {
    fn default() -> AnnotateConfig {
        AnnotateConfig { min_workers: 0, max_workers: 1 }
    }
}
