//! The typed sections of a checked recipe. Whoever holds one of these may trust it.
//!
//! Coordinates are recipe px: those of the master picture on which the recipe was drawn. A part that lies
//! elsewhere is found by its fiducials and measured in these coordinates all the same.

use std::path::PathBuf;

use crate::image::barcode::Format;
use crate::image::compare::CompareSettings;
use crate::image::{EdgePolarity, Reach};
use crate::types::{Point, Rect};

/// `recipes/PRODUCT.toml`: what is checked on one product.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The product; the file's name without its ending.
    pub product: String,
    /// Counted up by whoever edits the recipe; published with every result.
    pub revision: u32,
    /// Width and height of the pictures for which it was drawn, px.
    pub size: [u32; 2],
    /// Millimetres of one recipe px; `None` where nothing is measured in mm.
    pub mm_per_px: Option<f32>,
    /// How the part is found; `None`: it always lies where it lies on the master.
    pub align: Option<Align>,
    /// The regions of interest, in the file's order; at least one.
    pub rois: Vec<Roi>,
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of the file's bytes, hexadecimal; kept with every evidence.
    pub hash: String,
    /// The file's text: kept with every evidence, so that it can be replayed after the file has changed.
    pub text: String,
}

/// `[align]`: fiducials are cut from the first golden picture (the master) and looked for by template match.
#[derive(Clone, Debug, PartialEq)]
pub struct Align {
    /// Where each fiducial lies on the master; one gives a shift (and a turn, by trying), two or more a shift and a turn.
    pub fiducials: Vec<Rect>,
    /// How far each may have moved and turned, and what still counts as found.
    pub reach: Reach,
}

/// The outline of a region of interest.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// The rectangle before it is turned, recipe px.
    pub rect: Rect,
    /// Turned clockwise about its own centre, degrees.
    pub angle_deg: f32,
    /// Only what is inside counts (even-odd), recipe px as they lie on the master, not turned with the rectangle;
    /// empty: all of the rectangle.
    pub polygon: Vec<Point>,
}

/// `[[roi]]`
#[derive(Clone, Debug, PartialEq)]
pub struct Roi {
    /// Unique in the recipe.
    pub name: String,
    /// Where.
    pub outline: Outline,
    /// What is checked there.
    pub check: Check,
}

/// What is checked, by `kind`.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// `golden`: cosine similarity to the golden pictures under an embedding model.
    Golden {
        /// Name of a model of the configuration, task `embed` (or `classify`: its scores are the vector).
        model: String,
        /// Least similarity to the nearest golden, -1 to 1.
        min_similarity: f32,
    },
    /// `pixels`: difference from the goldens' mean, in the light of their spread.
    Pixels(CompareSettings),
    /// `classify`: the best class must be one of these.
    Classify {
        /// Name of a model, task `classify`.
        model: String,
        /// Classes that are good.
        expect: Vec<String>,
        /// Least score of the best class, 0 to 1.
        min_score: f32,
    },
    /// `detect`: what a detector finds inside.
    Detect {
        /// Name of a model, task `ssd` or `yolo`.
        model: String,
        /// Classes that count; empty: all.
        classes: Vec<String>,
        /// Least score of a finding, 0 to 1.
        min_score: f32,
        /// Fewest findings that are good.
        min_count: u32,
        /// Most findings that are good: 0 for a detector of defects.
        max_count: u32,
    },
    /// `barcode`: a code that can be read, and says what it should.
    Barcode {
        /// Symbologies that are tried; empty: all.
        formats: Vec<Format>,
        /// What it must say.
        expect: Expect,
    },
    /// `colour`: distance of the mean colour in CIELAB.
    Colour {
        /// The colour that is right: L*, a*, b* (D65); `None`: that of the master's ROI.
        lab: Option<[f32; 3]>,
        /// Most CIEDE2000 difference.
        max_delta_e: f32,
    },
    /// `presence`: the share of px whose grey value lies in a range.
    Presence {
        /// Lowest grey value that counts, 0 to 255.
        low: u8,
        /// Highest grey value that counts.
        high: u8,
        /// Least share of such px, 0 to 1.
        min_share: f32,
        /// Most share of such px.
        max_share: f32,
    },
    /// `measure`: from the first edge to the last along the ROI's width.
    Measure {
        /// Which edge begins the distance.
        from: EdgePolarity,
        /// Which edge ends it.
        to: EdgePolarity,
        /// Least step of grey value that is an edge.
        min_contrast: f32,
        /// Least distance that is good, in `unit`.
        min: f32,
        /// Most distance that is good.
        max: f32,
        /// What the bounds are in.
        unit: Unit,
    },
}

/// What a barcode must say.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// Anything, as long as it can be read.
    Any,
    /// This text.
    Text(String),
    /// The text that came with the trigger.
    Trigger,
    /// A pattern: `#` a digit, `?` any character, `*` any run of characters, everything else itself.
    Pattern(String),
}

/// What a length is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Recipe px.
    Px,
    /// Millimetres, by the recipe's `mm_per_px`.
    Mm,
}

impl Outline {
    /// The corners of the turned rectangle, recipe px: what was top left, top right, bottom right, bottom left.
    pub fn corners(&self) -> [Point; 4] {
        let Rect { x, y, w, h } = self.rect;
        let (sin, cos) = self.angle_deg.to_radians().sin_cos();
        let (cx, cy) = (x + w / 2.0, y + h / 2.0);
        [(-w, -h), (w, -h), (w, h), (-w, h)].map(|(w, h)| {
            let (dx, dy) = (w / 2.0, h / 2.0);
            Point { x: cx + dx * cos - dy * sin, y: cy + dx * sin + dy * cos }
        })
    }

    /// Whether `point` lies in the turned rectangle, or not farther than `slack` px from it.
    pub fn contains(&self, point: Point, slack: f32) -> bool {
        let Rect { x, y, w, h } = self.rect;
        let (sin, cos) = self.angle_deg.to_radians().sin_cos();
        let (dx, dy) = (point.x - x - w / 2.0, point.y - y - h / 2.0);
        let (across, down) = (dx * cos + dy * sin, dy * cos - dx * sin);
        across.abs() <= w / 2.0 + slack && down.abs() <= h / 2.0 + slack
    }
}

impl Check {
    /// The word of its kind, as in the file and on MQTT.
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

    /// The model that it runs, if any.
    pub fn model(&self) -> Option<&str> {
        match self {
            Check::Golden { model, .. } | Check::Classify { model, .. } | Check::Detect { model, .. } => {
                Some(model)
            }
            _ => None,
        }
    }

    /// The classes of its model that it names.
    pub fn classes(&self) -> &[String] {
        match self {
            Check::Classify { expect: classes, .. } | Check::Detect { classes, .. } => classes,
            _ => &[],
        }
    }

    /// Whether it needs golden pictures.
    pub fn needs_goldens(&self) -> bool {
        matches!(self, Check::Golden { .. } | Check::Pixels(_) | Check::Colour { lab: None, .. })
    }
}

impl Recipe {
    /// Whether it can judge nothing without golden pictures.
    pub fn needs_goldens(&self) -> bool {
        self.align.is_some() || self.rois.iter().any(|roi| roi.check.needs_goldens())
    }

    /// The models that its ROIs run, each once.
    pub fn models(&self) -> Vec<&str> {
        let mut models: Vec<&str> = self.rois.iter().filter_map(|roi| roi.check.model()).collect();
        models.sort_unstable();
        models.dedup();
        models
    }
}
