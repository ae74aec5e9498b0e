//! Errors of pictures, regions and tensors.

use super::Channels;
use crate::{Dtype, PixelFormat, Point};

/// Why a picture could not be put into a tensor or a file.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The region has no area, or a side that is not a number.
    #[error(
        "region {w}x{h} px at ({x}, {y}) is empty or not a number; a region needs finite sides above 0: \
         drop regions that a detector returned empty"
    )]
    RegionEmpty {
        /// Left edge, frame px.
        x: f32,
        /// Top edge, frame px.
        y: f32,
        /// Width of the region, frame px.
        w: f32,
        /// Height of the region, frame px.
        h: f32,
    },
    /// The picture itself has no pixels.
    #[error("{format:?} picture of {width}x{height} px has no pixels; check the source's caps")]
    PictureEmpty {
        /// The picture's pixel layout.
        format: PixelFormat,
        /// Its width in px.
        width: usize,
        /// Its height in px.
        height: usize,
    },
    /// A plane's stride is below the bytes of one row.
    #[error("plane {plane} of {format:?}: stride {stride} is less than the {row} bytes of a row")]
    StrideTooSmall {
        /// The picture's pixel layout.
        format: PixelFormat,
        /// Which plane, from 0.
        plane: usize,
        /// Bytes from row to row, as given.
        stride: usize,
        /// Bytes of one row, at least.
        row: usize,
    },
    /// A plane's slice ends before its last row does.
    #[error("plane {plane} of {format:?} has {got} bytes where {need} are needed; the buffer is truncated")]
    PlaneTooShort {
        /// The picture's pixel layout.
        format: PixelFormat,
        /// Which plane, from 0.
        plane: usize,
        /// Bytes needed at least.
        need: usize,
        /// Bytes that the slice has.
        got: usize,
    },
    /// The output slice is not exactly the tensor's size.
    #[error(
        "tensor of {need} bytes expected, the output slice has {got}; check the model's input shape and type"
    )]
    OutputSize {
        /// Bytes of `width` × `height` × channels × element.
        need: usize,
        /// Bytes of the slice that was given.
        got: usize,
    },
    /// The tensor has a side of 0 px.
    #[error("target of {width}x{height} px is empty; check the model's input shape")]
    TargetEmpty {
        /// Width of the target, px.
        width: usize,
        /// Height of the target, px.
        height: usize,
    },
    /// Pictures go into u8, i8 and f32 tensors only.
    #[error("pictures cannot be put into a tensor of {0:?}; u8, i8 and f32 are supported")]
    Dtype(Dtype),
    /// A region of a part that cannot be cut into a patch.
    #[error(
        "region {w}x{h} px turned by {angle_deg} degrees and moved by ({dx}, {dy}) px cannot be cut: sides must \
         round to 1 to 16384 px and every number be finite and below 1000000; check the recipe's ROI and the pose"
    )]
    RegionUnfit {
        /// Width of the region, recipe px.
        w: f32,
        /// Height of the region, recipe px.
        h: f32,
        /// The rotation of the region itself, without the pose's.
        angle_deg: f32,
        /// The pose's shift rightwards, px.
        dx: f32,
        /// The pose's shift downwards, px.
        dy: f32,
    },
    /// The positions of the two eyes cannot belong to a face.
    #[error(
        "eyes at ({:.1}, {:.1}) and ({:.1}, {:.1}) px cannot be aligned: they must be 1 to 100000 px apart",
        .eyes[0].x, .eyes[0].y, .eyes[1].x, .eyes[1].y
    )]
    EyesUnfit {
        /// The eye at the left of the picture, and the one at the right, frame px.
        eyes: [Point; 2],
    },
    /// A check was given a patch of other channels than it reads.
    #[error("a patch of {need:?} is needed, this one is {got:?}; cut it with those channels")]
    PatchChannels {
        /// What the check reads.
        need: Channels,
        /// What it was given.
        got: Channels,
    },
    /// A mask belongs to a patch of another size.
    #[error("mask of {mask:?} px (width, height) for a patch of {patch:?} px; make it from the same region")]
    MaskSize {
        /// Width and height of the mask, px.
        mask: [usize; 2],
        /// Width and height of the patch, px.
        patch: [usize; 2],
    },
    /// The polygon leaves no pixel of the region.
    #[error("no pixel lies inside the region's polygon; draw it in recipe px, over the region's rectangle")]
    MaskEmpty,
    /// A JPEG's sides are 1 to 65535 px and its quality 1 to 100.
    #[error(
        "a JPEG cannot be {width}x{height} px at quality {quality}; sides are 1 to 65535, quality 1 to 100"
    )]
    JpegLimits {
        /// Width of the picture, px.
        width: usize,
        /// Height of the picture, px.
        height: usize,
        /// The quality that was asked for.
        quality: u8,
    },
    /// A strip of a JPEG came out of the encoder with another head than the first.
    #[error("the JPEG encoder changed its tables between two strips of a picture; write it as PNG")]
    JpegStrip,
    /// The rows of a JPEG could not be written.
    #[error("the JPEG cannot be written: {0}; check the disk's free space")]
    Write(#[from] std::io::Error),
    /// The JPEG encoder refused the picture, or there was no memory for it.
    #[error("JPEG encoding failed: {0}")]
    Jpeg(#[from] turbojpeg::Error),
}
