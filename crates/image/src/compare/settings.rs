//! Thresholds and filters of the comparison.

/// How a patch is compared with its goldens: the keys of `kind = "pixels"` in a recipe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompareSettings {
    /// A px away from edges differs when it is farther than this from the goldens' mean, grey values.
    pub threshold: u8,
    /// A px on an edge differs when it is farther than this from all that the mean has in the neighbourhood.
    pub edge_threshold: u8,
    /// The neighbourhood: this many px to each side; 0 turns edges off.
    pub edge_tolerance_px: u32,
    /// How many standard deviations of the goldens (n − 1 in the divisor; 0 for one golden) are added to either.
    pub spread: f32,
    /// Least area of a defect, px; smaller ones are ignored.
    pub min_area_px: u32,
    /// Differences thinner than 2 × this + 1 px are ignored as noise (a morphological opening); 0 turns it off.
    pub noise_px: u32,
    /// Differences with a gap of at most this many px are one defect (an odd number counts as the next even one), so
    /// that the fragments of a scratch or crack get one box and one area. 0: they have to touch.
    pub join_px: u32,
    /// Both sides are averaged over this many px to each side first: against noise and fine texture.
    pub smooth_px: u32,
    /// Both sides become their difference from the average over this many px to each side, about 128: against shades
    /// and slow gradients. Larger than the defects that are looked for, or they vanish. 0: off.
    pub flatten_px: u32,
    /// Global gain and offset are brought to those of the first golden, within 0.75 to 1.33 and 48 grey values. Off
    /// by default: it costs another pass, and a part that is too dark as a whole may be what is looked for.
    pub normalise: bool,
    /// Whether what is darker than the goldens differs, what is brighter, or both.
    pub polarity: DifferencePolarity,
}

/// Which way a px may differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DifferencePolarity {
    /// Both darker and brighter px differ.
    #[default]
    Both,
    /// Only what is too dark: cracks, holes, dirt.
    Darker,
    /// Only what is too bright: missing print, glare, light shining through.
    Brighter,
}

impl Default for CompareSettings {
    fn default() -> CompareSettings {
        CompareSettings {
            threshold: 30,
            edge_threshold: 60,
            edge_tolerance_px: 2,
            spread: 3.0,
            min_area_px: 20,
            noise_px: 0,
            join_px: 0,
            smooth_px: 0,
            flatten_px: 0,
            normalise: false,
            polarity: DifferencePolarity::Both,
        }
    }
}
