//! A picture with alpha put on a background, in linear light.

mod background;
mod pattern;
mod shadow;

use std::str::FromStr;

use crate::light::Light;
use crate::{Picture, RowSink, StudioError, Watch};

use background::BackgroundRows;
use shadow::ShadowMap;

/// An opaque colour in sRGB: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SolidColour(pub [u8; 3]);

impl FromStr for SolidColour {
    type Err = StudioError;

    /// Reads a colour written as `#rrggbb`, in digits of either case.
    fn from_str(text: &str) -> Result<SolidColour, StudioError> {
        let wrong = || StudioError::Colour { text: text.into() };
        let digits = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.is_ascii())
            .ok_or_else(wrong)?;
        let mut colour = [0; 3];
        for (value, at) in colour.iter_mut().zip([0, 2, 4]) {
            // A sign would be read as part of the number.
            let pair =
                digits.get(at..at + 2).filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
            *value = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or_else(wrong)?;
        }
        Ok(SolidColour(colour))
    }
}

/// What lies behind the foreground.
#[derive(Clone, Copy, Debug)]
pub enum Background<'a> {
    /// Pure white, as catalogues want it.
    White,
    /// The same colour at every px.
    Plain(SolidColour),
    /// A picture, which covers everything: scaled, and cut at the sides that are too long. Its alpha is ignored.
    Picture(&'a Picture),
    /// A gradient with a soft pattern. The same seed gives the same background.
    Random {
        /// Chooses colours, direction and pattern.
        seed: u64,
    },
}

/// A soft shadow that the foreground casts on the background. Lengths are in fractions of the picture's longer side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shadow {
    /// How far the shadow lies to the right, -0.5 to 0.5.
    pub right: f32,
    /// How far the shadow lies downwards, -0.5 to 0.5.
    pub down: f32,
    /// Radius of the blur, 0.002 to 0.25.
    pub blur: f32,
    /// The share of light that it takes where it is deepest, 0 to 1.
    pub strength: f32,
}

impl Default for Shadow {
    fn default() -> Shadow {
        Shadow { right: 0.0, down: 0.015, blur: 0.02, strength: 0.45 }
    }
}

impl Shadow {
    fn check(&self) -> Result<(), StudioError> {
        let shift = -0.5..=0.5;
        for (option, value, range, allowed) in [
            ("right", self.right, shift.clone(), "-0.5 to 0.5"),
            ("down", self.down, shift, "-0.5 to 0.5"),
            ("blur", self.blur, 0.002..=0.25, "0.002 to 0.25"),
            ("strength", self.strength, 0.0..=1.0, "0 to 1"),
        ] {
            if !range.contains(&value) {
                return Err(StudioError::Option { option, value: f64::from(value), allowed });
            }
        }
        Ok(())
    }
}

/// How a picture is put on its background.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ComposeOptions {
    /// The shadow under the foreground; none by default.
    pub shadow: Option<Shadow>,
}

/// Puts `picture` on `background` and gives the rows (RGB) to `sink`. Colours are mixed in linear light, as a lens would:
/// out = α F + (1 − α) B, each through the tables of sRGB. Needs some rows beside the pictures, and a small map for the shadow.
///
/// # Errors
/// A shadow outside its range, what the sink refuses, cancelled.
pub fn compose(
    picture: &Picture,
    background: &Background<'_>,
    options: &ComposeOptions,
    watch: &Watch<'_>,
    sink: &mut dyn RowSink,
) -> Result<(), StudioError> {
    let (width, height) = (picture.width(), picture.height());
    if let Some(shadow) = &options.shadow {
        shadow.check()?;
    }
    let shadow =
        options.shadow.filter(|_| picture.alpha.is_some()).map(|shadow| ShadowMap::new(picture, shadow));
    let light = Light::new();
    let mut rows = BackgroundRows::new(background, width, height);
    let (mut behind, mut dim, mut out) = (vec![0; width * 3], vec![1.0f32; width], vec![0; width * 3]);
    for y in 0..height {
        watch.check()?;
        let Some(alpha) = picture.alpha_row(y) else {
            sink.row(picture.row(y))?;
            continue;
        };
        rows.row(y, &mut behind);
        if let Some(shadow) = &shadow {
            shadow.row(y, &mut dim);
        }
        let pixels = out.chunks_exact_mut(3).zip(picture.row(y).chunks_exact(3)).zip(behind.chunks_exact(3));
        for (((out, front), behind), (alpha, dim)) in pixels.zip(alpha.iter().zip(&dim)) {
            match *alpha {
                255 => out.copy_from_slice(front),
                0 if *dim == 1.0 => out.copy_from_slice(behind),
                alpha => {
                    let share = f32::from(alpha) / 255.0;
                    for c in 0..3 {
                        let behind = light.decode(behind[c]) * dim;
                        out[c] = light.encode(behind + share * (light.decode(front[c]) - behind));
                    }
                }
            }
        }
        sink.row(&out)?;
        watch.report(y + 1, height);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_and_what_is_none_is_refused() {
        assert_eq!("#e8E800".parse::<SolidColour>().unwrap(), SolidColour([0xE8, 0xE8, 0]));
        for text in ["", "e8e8e8", "#e8e8e", "#e8e8e8e8", "#+1+1+1", "#gg0000", "#€12345", "#€€"] {
            let error = text.parse::<SolidColour>().unwrap_err().to_string();
            assert!(error.contains("#rrggbb"), "{error}");
        }
    }
}
