//! The typed sections of a checked recipe. Their values are valid, so that users need not check them again.
//!
//! Coordinates are recipe px: those of the master picture on which the recipe was drawn. A part that lies
//! elsewhere is found by its fiducials and measured in these coordinates all the same.

use std::path::PathBuf;

use crate::image::barcode::Format;
use crate::image::compare::CompareSettings;
use crate::image::{EdgePolarity, Reach};
use crate::types::{Point, Rect};

/// `recipes/PRODUCT.toml`: the checks of one product.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The product; the file's name without its ending.
    pub product: String,
    /// Revision that the recipe's author increases with each edit; published with every result.
    pub revision: u32,
    /// Width and height of the pictures on which the recipe was drawn, px.
    pub size: [u32; 2],
    /// Millimetres of one recipe px; `None` where nothing is measured in mm.
    pub mm_per_px: Option<f32>,
    /// How the part is found; `None` means that it always lies as on the master picture.
    pub align: Option<Align>,
    /// The regions of interest, in the file's order; at least one.
    pub rois: Vec<Roi>,
    /// Path of the recipe's file.
    pub path: PathBuf,
    /// SHA-256 of the file's bytes, hexadecimal; stored with the evidence of every part.
    pub hash: String,
    /// The file's text, stored with the evidence of every part, so that it can be replayed after the file has
    /// changed.
    pub text: String,
}

/// `[align]`: fiducials are cut from the first golden picture (the master) and found by template matching.
#[derive(Clone, Debug, PartialEq)]
pub struct Align {
    /// Rectangle of each fiducial on the master. One gives a shift (and a turn, by trial), two or more a
    /// shift and a turn.
    pub fiducials: Vec<Rect>,
    /// Largest shift and turn of a fiducial, and the least score of a match.
    pub reach: Reach,
}

/// The outline of a region of interest.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// The rectangle before rotation, recipe px.
    pub rect: Rect,
    /// Clockwise rotation about the rectangle's centre, degrees.
    pub angle_deg: f32,
    /// Polygon outside which nothing counts (even-odd rule), recipe px on the master, not rotated with the
    /// rectangle. Empty means all of the rectangle.
    pub polygon: Vec<Point>,
}

/// `[[roi]]`: one region of interest and its check.
#[derive(Clone, Debug, PartialEq)]
pub struct Roi {
    /// Name of the ROI, unique in the recipe.
    pub name: String,
    /// Where the region lies, recipe px.
    pub outline: Outline,
    /// What is checked in the region.
    pub check: Check,
}

/// The checks, one for each `kind`.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// `golden`: cosine similarity to the golden pictures, by an embedding model.
    Golden {
        /// Name of a model of the configuration, task `embed` (or `classify`: its scores are the vector).
        model: String,
        /// Least similarity to the nearest golden, -1 to 1.
        min_similarity: f32,
    },
    /// `pixels`: difference from the mean of the golden pictures, relative to their spread.
    Pixels(CompareSettings),
    /// `classify`: the best class must be one of these.
    Classify {
        /// Name of a model, task `classify`.
        model: String,
        /// Classes of a good part.
        expect: Vec<String>,
        /// Least score of the best class, 0 to 1.
        min_score: f32,
    },
    /// `detect`: the number of objects that a detector finds inside.
    Detect {
        /// Name of a model, task `ssd` or `yolo`.
        model: String,
        /// Classes that count; all where empty.
        classes: Vec<String>,
        /// Least score of a finding, 0 to 1.
        min_score: f32,
        /// Least number of findings of a good part.
        min_count: u32,
        /// Largest number of findings of a good part: 0 for a detector of defects.
        max_count: u32,
    },
    /// `barcode`: a code that can be read and has the expected text.
    Barcode {
        /// Symbologies that are tried; all where empty.
        formats: Vec<Format>,
        /// The text that the code must have.
        expect: Expect,
    },
    /// `colour`: distance of the mean colour in CIELAB.
    Colour {
        /// The target colour as L*, a*, b* (D65); `None` means that of the master's ROI.
        lab: Option<[f32; 3]>,
        /// Largest CIEDE2000 difference of a good part.
        max_delta_e: f32,
    },
    /// `presence`: the fraction of pixels whose grey value lies in a range.
    Presence {
        /// Lowest grey value that counts, 0 to 255.
        low: u8,
        /// Highest grey value that counts, 0 to 255.
        high: u8,
        /// Least fraction of such pixels, 0 to 1.
        min_share: f32,
        /// Largest fraction of such pixels, 0 to 1.
        max_share: f32,
    },
    /// `measure`: the distance from the first edge to the last along the ROI's width.
    Measure {
        /// Polarity of the edge at which the distance begins.
        from: EdgePolarity,
        /// Polarity of the edge at which the distance ends.
        to: EdgePolarity,
        /// Least step in grey value of an edge.
        min_contrast: f32,
        /// Least distance of a good part, in `unit`.
        min: f32,
        /// Largest distance of a good part, in `unit`.
        max: f32,
        /// Unit of the two distances.
        unit: LengthUnit,
    },
}

/// The expected text of a barcode.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// Any text, as long as the code can be read.
    Any,
    /// Exactly this text, character by character.
    Text(String),
    /// The text that came with the trigger.
    Trigger,
    /// A pattern: `#` stands for a digit, `?` for any character, `*` for any run of characters, and every
    /// other character for itself.
    Pattern(String),
}

/// The unit of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthUnit {
    /// Pixels of the recipe's pictures.
    Px,
    /// Millimetres, converted by the recipe's `mm_per_px`.
    Mm,
}

impl Outline {
    /// The corners of the rotated rectangle, recipe px, in the order top left, top right, bottom right,
    /// bottom left before rotation.
    pub fn corners(&self) -> [Point; 4] {
        let Rect { x, y, w, h } = self.rect;
        let (sin, cos) = self.angle_deg.to_radians().sin_cos();
        let (cx, cy) = (x + w / 2.0, y + h / 2.0);
        [(-w, -h), (w, -h), (w, h), (-w, h)].map(|(w, h)| {
            let (dx, dy) = (w / 2.0, h / 2.0);
            Point { x: cx + dx * cos - dy * sin, y: cy + dx * sin + dy * cos }
        })
    }

    /// Whether `point` lies in the rotated rectangle, or within `slack` px of it.
    pub fn contains(&self, point: Point, slack: f32) -> bool {
        let Rect { x, y, w, h } = self.rect;
        let (sin, cos) = self.angle_deg.to_radians().sin_cos();
        let (dx, dy) = (point.x - x - w / 2.0, point.y - y - h / 2.0);
        let (across, down) = (dx * cos + dy * sin, dy * cos - dx * sin);
        across.abs() <= w / 2.0 + slack && down.abs() <= h / 2.0 + slack
    }
}

impl Check {
    /// The word of the check's kind, as in the file and on MQTT.
    pub fn kind(&self) -> &'static str {
        match self {
            Check::Golden { .. } => "golden",
            Check::Pixels(_) => "pixels",
            Check::Classify { .. } => "classify",
            Check::Detect { .. } => "detect",
            Check::Barcode { .. } => "barcode",
            Check::Colour { .. } => "colour",
            Check::Presence { .. } => "presence",
            Check::Measure { .. } => "measure",
        }
    }

    /// Name of the model that it runs, if any.
    pub fn model(&self) -> Option<&str> {
        match self {
            Check::Golden { model, .. } | Check::Classify { model, .. } | Check::Detect { model, .. } => {
                Some(model)
            }
            _ => None,
        }
    }

    /// The model's classes that the check names; empty where it names none.
    pub fn classes(&self) -> &[String] {
        match self {
            Check::Classify { expect: classes, .. } | Check::Detect { classes, .. } => classes,
            _ => &[],
        }
    }

    /// Whether the check needs golden pictures.
    pub fn needs_goldens(&self) -> bool {
        matches!(self, Check::Golden { .. } | Check::Pixels(_) | Check::Colour { lab: None, .. })
    }
}

impl Recipe {
    /// Whether alignment or any of its ROIs needs golden pictures.
    pub fn needs_goldens(&self) -> bool {
        self.align.is_some() || self.rois.iter().any(|roi| roi.check.needs_goldens())
    }

    /// Names of the models that its ROIs run, each once.
    pub fn models(&self) -> Vec<&str> {
        let mut models: Vec<&str> = self.rois.iter().filter_map(|roi| roi.check.model()).collect();
        models.sort_unstable();
        models.dedup();
        models
    }
}
