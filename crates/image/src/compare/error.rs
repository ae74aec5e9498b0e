//! Errors of goldens, masks and patches.

use super::PatchShape;

/// Why goldens could not be learned or a patch could not be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// There is nothing to compare with.
    #[error("no golden picture; teach at least one good part (`ocellus golden add`)")]
    NoGolden,
    /// A patch without px.
    #[error("golden {which} is {shape}, which has no pixels; check the region of interest")]
    Empty {
        /// Which golden, from 1.
        which: usize,
        /// The golden's width, height and channels.
        shape: PatchShape,
    },
    /// The goldens are not of one size.
    #[error(
        "golden {which} is {shape}, but golden 1 is {first}; goldens of one region are of one size: \
         teach them again with this recipe, or remove the one that is old"
    )]
    GoldenSize {
        /// Which golden, from 1.
        which: usize,
        /// The golden's width, height and channels.
        shape: PatchShape,
        /// The size of golden 1.
        first: PatchShape,
    },
    /// The patch is not of the goldens' size.
    #[error("the patch is {shape}, but the goldens are {goldens}; teach them again with this recipe")]
    TestSize {
        /// The patch's width, height and channels.
        shape: PatchShape,
        /// That of the goldens.
        goldens: PatchShape,
    },
    /// A slice ends before its last row does, or rows overlap.
    #[error(
        "{shape} needs {need} bytes at a stride of {stride}, the slice has {got}; the buffer is truncated"
    )]
    Truncated {
        /// The size it should have.
        shape: PatchShape,
        /// Bytes from row to row, as given.
        stride: usize,
        /// Bytes needed at least.
        need: usize,
        /// Bytes that the slice has.
        got: usize,
    },
    /// The mask is not one byte a px.
    #[error("the mask has {got} bytes, {shape} needs {need}, one a pixel; draw it again for this region")]
    MaskSize {
        /// Width, height and channels of the goldens.
        shape: PatchShape,
        /// Bytes needed: width × height.
        need: usize,
        /// Bytes that were given.
        got: usize,
    },
    /// The mask excludes every px, so that every part would be good.
    #[error("the mask leaves none of {shape} to be compared; check the region's polygon")]
    MaskEmpty {
        /// Width, height and channels of the goldens.
        shape: PatchShape,
    },
    /// The spread is not a valid number of standard deviations.
    #[error("a spread of {0} standard deviations is not valid; it must be 0 or more")]
    Spread(String),
}
