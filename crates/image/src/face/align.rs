//! Alignment by the eyes: the similarity transform (turn, scale, shift) that lays them where the training of
//! ArcFace-style models had them.

use crate::rotated::Affine;
use crate::warp::{Outside, Warp};
use crate::{Channels, Cutter, ImageError, Patch, planes};
use crate::{Planes, Point};

/// Width and height of the crop that models are trained on, px.
pub const FACE_SIDE: usize = 112;
/// Width and height of a crop that is kept: the model's crop with half its side more all around, px.
pub const KEEPSAKE_SIDE: usize = 2 * FACE_SIDE;
/// Where the model's crop begins in a kept one, px.
const MARGIN: usize = (KEEPSAKE_SIDE - FACE_SIDE) / 2;

/// Where the eyes lie in the crop, px counted from the centre of the first: the template of ArcFace (Deng et al. 2019;
/// InsightFace `face_align.py`), the eye at the left of the picture first.
const EYES: [(f64, f64); 2] = [(38.2946, 51.6963), (73.5318, 51.5014)];

/// Least and greatest distance of the eyes, px.
const APART: std::ops::RangeInclusive<f64> = 1.0..=1e5;

/// Cuts faces out of pictures of any format. One a worker; once its rows and the patch are large enough it allocates
/// nothing.
#[derive(Clone, Debug, Default)]
pub struct FaceCutter(Cutter);

impl FaceCutter {
    /// A cutter for pictures of any format and size.
    pub fn new() -> FaceCutter {
        FaceCutter::default()
    }

    /// Fills `out` with the face as models are trained on it: [`FACE_SIDE`] px, RGB, its `eyes` (the one at the left of
    /// the picture first; frame px) on the template's places. Bilinear; a face that is larger than that is averaged over
    /// each px of the crop, so that it does not alias. Black beyond the picture.
    ///
    /// # Errors
    /// The planes are too short for their rows, or the eyes are NaN or at the same place.
    pub fn crop(&mut self, planes: &Planes<'_>, eyes: [Point; 2], out: &mut Patch) -> Result<(), ImageError> {
        self.cut(planes, eyes, (FACE_SIDE, MARGIN), out)
    }

    /// The same with half a side more all around, to be kept: [`KEEPSAKE_SIDE`] px. Its inner part ([`inner`]) is bit for
    /// bit what [`FaceCutter::crop`] gives, and a model with another template finds its px in it too.
    ///
    /// # Errors
    /// As [`FaceCutter::crop`].
    pub fn keepsake(
        &mut self,
        planes: &Planes<'_>,
        eyes: [Point; 2],
        out: &mut Patch,
    ) -> Result<(), ImageError> {
        self.cut(planes, eyes, (KEEPSAKE_SIDE, 0), out)
    }

    fn cut(
        &mut self,
        planes: &Planes<'_>,
        eyes: [Point; 2],
        (side, from): (usize, usize),
        out: &mut Patch,
    ) -> Result<(), ImageError> {
        planes::check(planes)?;
        let affine = affine(eyes).ok_or(ImageError::EyesUnfit { eyes })?;
        out.reshape(side, side, Channels::Rgb);
        self.0.resample(planes, &Warp { affine, from, outside: Outside::Black }, out);
        Ok(())
    }
}

/// The px of a kept crop to frame px.
///
/// Detectors' key points and the template count px from the centre of the first one, as OpenCV's `warpAffine` does.
fn affine(eyes: [Point; 2]) -> Option<Affine> {
    let [a, b] = eyes.map(|eye| (f64::from(eye.x), f64::from(eye.y)));
    let [ta, tb] = EYES;
    let (to, from) = ((b.0 - a.0, b.1 - a.1), (tb.0 - ta.0, tb.1 - ta.1));
    let square = from.0 * from.0 + from.1 * from.1;
    // As complex numbers: what turns and stretches `from` into `to`.
    let cos = (to.0 * from.0 + to.1 * from.1) / square;
    let sin = (to.1 * from.0 - to.0 * from.1) / square;
    let far = |v: f64| v.abs() > 1e6;
    let apart = (to.0 * to.0 + to.1 * to.1).sqrt();
    if !APART.contains(&apart) || far(a.0) || far(a.1) {
        return None;
    }
    // The template's first eye, from the kept crop's top left corner.
    let (x, y) = (ta.0 + MARGIN as f64 + 0.5, ta.1 + MARGIN as f64 + 0.5);
    let turned = Affine { cos, sin, x: 0.0, y: 0.0 }.apply(x, y);
    Some(Affine { cos, sin, x: a.0 + 0.5 - turned.0, y: a.1 + 0.5 - turned.1 })
}

/// The model's crop out of a kept one; of anything but a colour picture of [`KEEPSAKE_SIDE`] px nothing, and false.
pub fn inner(keepsake: &Patch, out: &mut Patch) -> bool {
    let Patch { width, height, channels, .. } = *keepsake;
    if (width, height, channels) != (KEEPSAKE_SIDE, KEEPSAKE_SIDE, Channels::Rgb) {
        return false;
    }
    out.reshape(FACE_SIDE, FACE_SIDE, Channels::Rgb);
    let stride = out.stride();
    for (y, row) in out.data.chunks_exact_mut(stride).enumerate() {
        row.copy_from_slice(&keepsake.row(MARGIN + y)[MARGIN * 3..][..stride]);
    }
    true
}
