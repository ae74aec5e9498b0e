//! Codes of bars and of modules in a patch: a [`CodeReader`] goes up a ladder of attempts (as it is, another threshold,
//! flattened light, larger, smaller, smoothed, turned) until one shows a code. `rxing` decodes.
//!
//! What the ladder may cost is counted in px and not in time, so that the same patch always gives the same codes
//! (a replay of evidence must), however busy the machine is. The library allocates; our own pictures are kept.

mod bars;
mod decode;
mod format;
mod ladder;
mod pattern;
mod picture;

pub use format::Format;
pub use ladder::Effort;
pub use pattern::matches;

use super::Patch;
use crate::Point;
use decode::CodeDecoder;
use ladder::{LADDER, Rung};
use picture::CodePicture;

/// A code that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// The text that the code holds.
    pub text: String,
    /// The kind of code it is.
    pub format: Format,
    /// Where it is, patch px. Bars: the four corners of the part that was followed. 2D: the anchors that the
    /// format has (a QR code's finders and alignment pattern, the corners of the others), at least two.
    pub points: Vec<Point>,
}

/// Why codes could not be searched for.
#[derive(Debug, thiserror::Error)]
pub enum BarcodeError {
    /// The word does not name a format.
    #[error("unknown barcode format {word:?}; use one or more of {known}")]
    UnknownFormat {
        /// The word as it was given.
        word: String,
        /// Every word that exists.
        known: String,
    },
    /// The word does not name an effort.
    #[error("unknown effort {0:?}; use quick, normal or thorough")]
    UnknownEffort(String),
    /// The number of the patch's bytes does not fit its size.
    #[error("patch of {width}x{height} px has {got} bytes where {need} belong; it was changed by hand")]
    Patch {
        /// Its width in px.
        width: usize,
        /// Its height in px.
        height: usize,
        /// Bytes that the patch has.
        got: usize,
        /// Bytes of width × height × channels.
        need: usize,
    },
    /// The library panicked, and no other attempt found a code.
    #[error(
        "the barcode library failed on a patch of {width}x{height} px: {message}; \
         no code was found otherwise; keep the picture and report it"
    )]
    Library {
        /// The patch's width in px.
        width: usize,
        /// The patch's height in px.
        height: usize,
        /// The first panic's message.
        message: String,
    },
}

/// Searches for codes of some formats. Each thread has one, which reuses the memory of its pictures.
pub struct CodeReader {
    effort: Effort,
    decoder: CodeDecoder,
    patch: CodePicture,
    work: CodePicture,
    spare: CodePicture,
}

impl CodeReader {
    /// A reader of `formats`; none means all of them, which is slower and may take one code for another.
    pub fn new(formats: &[Format], effort: Effort) -> CodeReader {
        let formats = if formats.is_empty() { &Format::ALL[..] } else { formats };
        let decoder = CodeDecoder::new(formats, effort.codes());
        CodeReader {
            effort,
            decoder,
            patch: CodePicture::default(),
            work: CodePicture::default(),
            spare: CodePicture::default(),
        }
    }

    /// The codes of the first attempt that shows any, those with the strongest checks first; none is not an error.
    ///
    /// # Errors
    /// A patch whose bytes are not its size; a panic of the library where no attempt found a code.
    pub fn read(&mut self, patch: &Patch) -> Result<Vec<Code>, BarcodeError> {
        self.read_until(patch, |_| true)
    }

    /// The same, going on up the ladder until a code is `wanted`: a label's other code must not hide the one that
    /// the recipe asks for. All that was found is returned, what is wanted first.
    ///
    /// # Errors
    /// Those of [`CodeReader::read`].
    pub fn read_until(
        &mut self,
        patch: &Patch,
        wanted: impl Fn(&Code) -> bool,
    ) -> Result<Vec<Code>, BarcodeError> {
        let need = patch.width * patch.height * patch.channels.count();
        let (width, height) = (patch.width, patch.height);
        if patch.data.len() != need {
            return Err(BarcodeError::Patch { width, height, got: patch.data.len(), need });
        }
        self.decoder.begin();
        if need > 0 {
            self.patch.take(patch);
            self.climb(&wanted);
        }
        let (mut codes, failure) = self.decoder.end();
        codes.sort_by_key(|code| (!wanted(code), code.format.is_weak()));
        match failure {
            Some(message) if codes.is_empty() => Err(BarcodeError::Library { width, height, message }),
            _ => Ok(codes),
        }
    }

    fn climb(&mut self, wanted: &impl Fn(&Code) -> bool) {
        let mut left = self.effort.budget_px();
        for (i, rung) in LADDER.iter().enumerate() {
            let cost = rung.cost(self.patch.width, self.patch.height).filter(|_| rung.from <= self.effort);
            let Some(cost) = cost else { continue };
            // The first attempt is always made, so that a patch over the budget is read once.
            if i > 0 && cost > left {
                continue;
            }
            left = left.saturating_sub(cost);
            self.prepare(rung);
            self.decoder.run(&mut self.work, rung.threshold);
            if self.decoder.codes().iter().any(wanted) {
                return;
            }
        }
    }

    /// Makes the rung's picture in `work`.
    fn prepare(&mut self, rung: &Rung) {
        if rung.smooth {
            self.spare.smooth(&self.patch);
        } else {
            self.spare.copy(&self.patch);
        }
        if rung.flatten {
            self.spare.flatten();
        }
        if rung.scale == 0.5 {
            self.work.halve(&self.spare);
        } else if rung.scale == 1.0 && rung.degrees == 0.0 {
            std::mem::swap(&mut self.work, &mut self.spare);
        } else {
            self.work.warp(&self.spare, rung.scale, rung.degrees, rung.sharpen);
        }
    }
}
