//! The attempts at reading a code, their order, and their budget.

use std::str::FromStr;

use super::BarcodeError;

/// How much a reader tries before it reports that there is no code. A code that is found at once costs the
/// same in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// The patch as it is, with two thresholds; one code.
    Quick,
    /// Also flattened, larger, smaller, smoothed.
    #[default]
    Normal,
    /// Also turned in steps of 15 degrees, and larger still.
    Thorough,
}

impl Effort {
    /// The most px that are decoded for one patch.
    pub(super) fn budget_px(self) -> usize {
        match self {
            Effort::Quick => 4_000_000,
            Effort::Normal => 12_000_000,
            Effort::Thorough => 40_000_000,
        }
    }

    /// The most codes of one patch.
    pub(super) fn codes(self) -> usize {
        if self == Effort::Quick { 1 } else { 16 }
    }
}

impl FromStr for Effort {
    type Err = BarcodeError;

    fn from_str(word: &str) -> Result<Effort, BarcodeError> {
        match word {
            "quick" => Ok(Effort::Quick),
            "normal" => Ok(Effort::Normal),
            "thorough" => Ok(Effort::Thorough),
            _ => Err(BarcodeError::UnknownEffort(word.into())),
        }
    }
}

/// How black is separated from white.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threshold {
    /// For each block of px by its neighbourhood; lines of bars by their own histogram.
    Local,
    /// One for the whole picture.
    Global,
}

/// One attempt to read: how the picture is prepared, and which decoder reads it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rung {
    pub threshold: Threshold,
    pub smooth: bool,
    pub flatten: bool,
    /// 0.5 halves; other values enlarge.
    pub scale: f32,
    pub sharpen: bool,
    pub degrees: f32,
    /// The effort that it belongs to.
    pub from: Effort,
}

impl Rung {
    const fn plain(threshold: Threshold, from: Effort) -> Rung {
        Rung { threshold, smooth: false, flatten: false, scale: 1.0, sharpen: false, degrees: 0.0, from }
    }

    const fn flat(self) -> Rung {
        Rung { flatten: true, ..self }
    }

    const fn smooth(self) -> Rung {
        Rung { smooth: true, ..self }
    }

    const fn scaled(self, scale: f32) -> Rung {
        Rung { scale, sharpen: scale > 1.0, ..self }
    }

    const fn turned(self, degrees: f32) -> Rung {
        Rung { degrees, ..self }
    }

    /// The px to decode for a patch of this size, or `None` where the attempt could show nothing new: half of a
    /// small patch, or twice a large one, whose modules are large already.
    pub fn cost(&self, width: usize, height: usize) -> Option<usize> {
        let useful = if self.scale < 1.0 {
            width.min(height) >= 160
        } else {
            self.scale == 1.0 || width * height <= ENLARGED_PX
        };
        let (w, h) = (width as f32 * self.scale, height as f32 * self.scale);
        let (sin, cos) = self.degrees.to_radians().sin_cos();
        let turned = (w * cos.abs() + h * sin.abs()) * (w * sin.abs() + h * cos.abs());
        useful.then_some(turned as usize)
    }
}

/// Patches above this are not enlarged, px.
const ENLARGED_PX: usize = 1_000_000;

/// From what nearly always works to what seldom does. Local and global thresholds take turns, for each reads
/// pictures that the other does not.
pub(super) const LADDER: [Rung; 22] = {
    use Effort::{Normal, Quick, Thorough};
    use Threshold::{Global, Local};
    [
        Rung::plain(Local, Quick),
        Rung::plain(Global, Quick),
        Rung::plain(Global, Normal).flat(),
        Rung::plain(Local, Normal).scaled(2.0),
        Rung::plain(Local, Normal).scaled(0.5),
        Rung::plain(Local, Normal).smooth(),
        Rung::plain(Global, Normal).flat().scaled(2.0),
        Rung::plain(Global, Normal).flat().smooth(),
        Rung::plain(Local, Normal).scaled(3.0),
        Rung::plain(Global, Normal).flat().scaled(0.5),
        Rung::plain(Local, Thorough).turned(45.0),
        Rung::plain(Local, Thorough).turned(-15.0),
        Rung::plain(Local, Thorough).turned(15.0),
        Rung::plain(Local, Thorough).turned(-30.0),
        Rung::plain(Local, Thorough).turned(30.0),
        Rung::plain(Global, Thorough).flat().scaled(3.0),
        Rung::plain(Local, Thorough).scaled(4.0),
        Rung::plain(Local, Thorough).scaled(2.0).turned(-8.0),
        Rung::plain(Local, Thorough).scaled(2.0).turned(8.0),
        Rung::plain(Local, Thorough).scaled(2.0).turned(-30.0),
        Rung::plain(Local, Thorough).scaled(2.0).turned(30.0),
        Rung::plain(Local, Thorough).scaled(2.0).turned(45.0),
    ]
};
