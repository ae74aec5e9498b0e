//! Opens what is read, whatever it is: image stacks by `crates/microscopy`, a video by this module's own reader.

use std::path::PathBuf;

use super::video::Video;
use crate::timelapse::stack::{Stack, StackError, StackOptions, is_video};

/// Opens `inputs` as one stack: files, folders or patterns, or one video.
///
/// # Errors
/// Every fault of [`StackError`], with the file and what to do next.
pub fn open_stack(inputs: &[PathBuf], options: &StackOptions) -> Result<Stack, StackError> {
    let [only] = inputs else { return Stack::open(inputs, options) };
    if only.is_file() && is_video(only) {
        return open_video(only, options);
    }
    match Stack::open(inputs, options) {
        // Its first bytes are those of a video, whatever its name says.
        Err(StackError::Unsupported { format: "video", path, .. }) if path == *only => {
            open_video(only, options)
        }
        opened => opened,
    }
}

fn open_video(path: &PathBuf, options: &StackOptions) -> Result<Stack, StackError> {
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) {
        return Err(StackError::EmptyFile { path: path.clone() });
    }
    let failed = |source| StackError::Source { path: path.clone(), source };
    let video = Video::open(path, options).map_err(|error| failed(error.into()))?;
    Stack::from_source(path, Box::new(video), options)
}
