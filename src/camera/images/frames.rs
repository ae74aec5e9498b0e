//! Makes raw buffers of pictures, with caps and file names, without copying a pixel.

use std::path::Path;

use gstreamer as gst;

use crate::camera::CaptureError;
use crate::camera::feed::FileNames;
use crate::camera::pool::Packing;
use crate::types::{Channels, Label, Patch, PixelFormat};

/// Longest file name that accompanies a frame, in bytes.
const MAX_NAME: usize = 255;

/// Makes samples of decoded pictures.
pub(super) struct ImageFrames {
    fps: u32,
    /// Format, size and packing of the last picture, reused while they stay the same.
    packing: Option<(PixelFormat, usize, usize, Packing)>,
    names: FileNames,
    count: u64,
}

impl ImageFrames {
    pub(super) fn new(fps: u32) -> ImageFrames {
        ImageFrames { fps: fps.max(1), packing: None, names: FileNames::default(), count: 0 }
    }

    pub(super) fn names(&self) -> FileNames {
        self.names.clone()
    }

    /// The caps for a picture's format and size.
    pub(super) fn caps(&mut self, patch: &Patch) -> Result<gst::Caps, CaptureError> {
        Ok(self.packing(patch)?.caps().clone())
    }

    /// Makes a sample of the picture; `names` keeps its file name for the frame made of it.
    pub(super) fn sample(
        &mut self,
        path: &Path,
        patch: Patch,
        pts: u64,
    ) -> Result<gst::Sample, CaptureError> {
        let duration = gst::ClockTime::from_nseconds(1_000_000_000 / u64::from(self.fps));
        let count = self.count;
        self.count += 1;
        self.names.put(count, label_of(path));
        let packing = self.packing(&patch)?;
        let mut buffer = packing
            .wrap(patch.data)
            .map_err(|cause| CaptureError::Unmappable { caps: packing.caps().to_string(), cause })?;
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(pts));
            buffer.set_duration(duration);
            buffer.set_offset(count);
        }
        Ok(gst::Sample::builder().buffer(&buffer).caps(packing.caps()).build())
    }

    fn packing(&mut self, patch: &Patch) -> Result<&Packing, CaptureError> {
        let format = if patch.channels == Channels::Gray { PixelFormat::Gray8 } else { PixelFormat::Rgb };
        let (width, height) = (patch.width, patch.height);
        let is_same = |known: &(PixelFormat, usize, usize, Packing)| {
            (known.0, known.1, known.2) == (format, width, height)
        };
        if !self.packing.as_ref().is_some_and(is_same) {
            let packing =
                Packing::new(format, width, height, self.fps).map_err(|_| CaptureError::Unmappable {
                    caps: format!("{} of {width}x{height} px", format.caps_name()),
                    cause: "its size is out of bounds",
                })?;
            self.packing = Some((format, width, height, packing));
        }
        match &self.packing {
            Some((.., packing)) => Ok(packing),
            None => Err(CaptureError::Unmappable { caps: String::new(), cause: "no caps" }),
        }
    }
}

/// The file's name, truncated at a character boundary.
fn label_of(path: &Path) -> Label {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let end = (0..=name.len().min(MAX_NAME)).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    name[..end].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_at_a_whole_character() {
        assert_eq!(&*label_of(Path::new("/a/b.png")), "b.png");
        let long = format!("/a/{}.png", "ä".repeat(200));
        assert_eq!(label_of(Path::new(&long)).len(), 254);
    }
}
