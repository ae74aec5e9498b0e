//! What can be measured in a cell, and what each feature is called.

use std::fmt;
use std::str::FromStr;

/// What is measured in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feature {
    /// Pixels of the mask.
    Area,
    /// 4 pi area / perimeter², 0 to 1; the perimeter is the number of pixels around the mask (4 neighbours).
    Circularity,
    /// Root of the ratio of the eigenvalues of the covariance of the pixels' coordinates; 1 for a line or a point.
    AspectRatio,
    /// Sum of image − weight × background in the mask.
    IntensityTotal,
    /// Population variance of the image in the mask.
    IntensityVariance,
}

impl Feature {
    /// All features, those of the phase channel first.
    pub const ALL: [Feature; 5] = [
        Feature::Area,
        Feature::Circularity,
        Feature::AspectRatio,
        Feature::IntensityTotal,
        Feature::IntensityVariance,
    ];

    /// The name in recipes and in the columns of tables.
    pub fn name(self) -> &'static str {
        match self {
            Feature::Area => "area",
            Feature::Circularity => "circularity",
            Feature::AspectRatio => "aspect_ratio",
            Feature::IntensityTotal => "intensity_total",
            Feature::IntensityVariance => "intensity_variance",
        }
    }

    /// Where PyAMA offers it: in the phase channel if it follows from the shape alone, else in fluorescence.
    pub fn channel(self) -> FeatureChannel {
        match self {
            Feature::Area | Feature::Circularity | Feature::AspectRatio => FeatureChannel::Phase,
            Feature::IntensityTotal | Feature::IntensityVariance => FeatureChannel::Fluorescence,
        }
    }

    /// Whether it needs the picture; the others follow from the labels.
    pub fn needs_picture(self) -> bool {
        self.channel() == FeatureChannel::Fluorescence
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The channel to which a feature belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FeatureChannel {
    /// The channel in which cells are segmented.
    Phase,
    /// A channel whose brightness is measured.
    Fluorescence,
}

impl fmt::Display for FeatureChannel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            FeatureChannel::Phase => "phase",
            FeatureChannel::Fluorescence => "fluorescence",
        })
    }
}

/// There is no feature of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no feature {name:?}; did you mean {nearest}? Features are area, circularity, aspect_ratio, intensity_total, intensity_variance"
)]
pub struct UnknownFeature {
    /// The name as it was written.
    pub name: String,
    /// The feature whose name is most like it.
    pub nearest: Feature,
}

impl FromStr for Feature {
    type Err = UnknownFeature;

    fn from_str(name: &str) -> Result<Feature, UnknownFeature> {
        let mut nearest = (usize::MAX, Feature::Area);
        for feature in Feature::ALL {
            let distance = strsim::damerau_levenshtein(name, feature.name());
            if distance == 0 {
                return Ok(feature);
            }
            if distance < nearest.0 {
                nearest = (distance, feature);
            }
        }
        Err(UnknownFeature { name: name.to_owned(), nearest: nearest.1 })
    }
}
