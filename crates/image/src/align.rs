//! Finds the pose of a part: searches its fiducials, and fits the rotation and shift that match them best.

use std::sync::Arc;

use super::rotated::{Affine, angle_of};
use super::{Channels, Cutter, Patch, RotatedRect, Template, TemplateError, TemplateMatcher};
use crate::{Planes, Point, Pose, Rect};

/// The greatest distance of a fiducial from the fitted pose, px; beyond it the match or the part is wrong.
const MAX_RESIDUAL_PX: f32 = 3.0;
/// Measurement error that is added to the allowed rotation.
const ANGLE_SLACK_DEG: f32 = 0.5;

/// How far a part may be from its place on the master.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// How far a fiducial may have moved, px in each direction.
    pub search_px: u32,
    /// How far the part may be turned, degrees to either side.
    pub max_angle_deg: f32,
    /// Least normalised cross-correlation of a fiducial, 0 to 1.
    pub min_score: f32,
}

/// Why a part's pose could not be found. Fiducials count from 1, in the recipe's order.
#[derive(Debug, thiserror::Error)]
pub enum AlignError {
    /// The recipe gives no fiducial.
    #[error("no fiducial is given; draw at least one on the master picture")]
    NoFiducials,
    /// A fiducial reaches beyond the master picture.
    #[error("fiducial {fiducial} reaches outside the master picture of {width}x{height} px; draw it inside")]
    Outside {
        /// Index of the fiducial in the list that was given, from 0.
        fiducial: usize,
        /// Of the master, px.
        width: usize,
        /// Of the master, px.
        height: usize,
    },
    /// A reach that cannot be searched, or a frame that cannot be read.
    #[error(transparent)]
    Search(#[from] TemplateError),
    /// A fiducial is not suitable, for instance because it has no texture.
    #[error("fiducial {fiducial}: {source}")]
    Template {
        /// Index of the fiducial in the list that was given, from 0.
        fiducial: usize,
        /// What is wrong with it.
        source: TemplateError,
    },
    /// A fiducial was not found within the reach.
    #[error(
        "fiducial {fiducial} not found: its best match scores {score:.2}, {min_score:.2} is the least; \
             is the part there, lit and unobstructed?"
    )]
    NotFound {
        /// Index of the fiducial in the list that was given, from 0.
        fiducial: usize,
        /// The score of its best match.
        score: f32,
        /// The least score that the recipe asks for.
        min_score: f32,
    },
    /// The fiducials do not fit a rigid part: it is mirrored, another product, or one match is false.
    #[error(
        "the fiducials do not fit together: one lies {residual_px:.1} px from where the others put it \
             ({max_px:.1} px are allowed); is it the right part, the right way up?"
    )]
    Residual {
        /// The largest distance, px.
        residual_px: f32,
        /// The largest distance that is allowed, px.
        max_px: f32,
    },
    /// The part is turned farther than the recipe allows.
    #[error("the part is turned by {angle_deg:.2} degrees, {max_angle_deg:.2} are allowed")]
    Turned {
        /// The rotation that was found, degrees clockwise on the screen.
        angle_deg: f32,
        /// The greatest rotation that is allowed to either side, degrees.
        max_angle_deg: f32,
    },
}

/// A part that was found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FoundPart {
    /// The transform from recipe px to frame px.
    pub pose: Pose,
    /// The least score of the fiducials, -1 to 1.
    pub score: f32,
    /// The largest distance of a fiducial from where the pose puts it, px; 0 for a single one.
    pub residual_px: f32,
}

/// Finds a part by its fiducials. Each worker has one (a clone shares the templates); once warm it allocates
/// nothing.
#[derive(Clone, Debug)]
pub struct Aligner {
    fiducials: Arc<[Fiducial]>,
    reach: Reach,
    matcher: TemplateMatcher,
    /// The fiducials' centres on the master, and where they were found.
    from: Vec<Point>,
    to: Vec<Point>,
}

#[derive(Debug)]
struct Fiducial {
    template: Template,
    centre: Point,
}

impl Aligner {
    /// Cuts the fiducials (`rects`, recipe px, as upright rectangles) from the master picture.
    ///
    /// # Errors
    /// There is no fiducial, one reaches outside the master or has no texture, or the reach cannot be
    /// searched.
    pub fn new(master: &Planes<'_>, rects: &[Rect], reach: Reach) -> Result<Aligner, AlignError> {
        TemplateMatcher::check_reach(reach.search_px, reach.max_angle_deg)?;
        let mut cutter = Cutter::new();
        let fiducials = rects.iter().enumerate().map(|(at, &rect)| {
            let at = at + 1;
            Fiducial::new(&mut cutter, master, rect).map_err(|fault| fault.of(at, master))
        });
        let fiducials: Arc<[Fiducial]> = fiducials.collect::<Result<_, _>>()?;
        if fiducials.is_empty() {
            return Err(AlignError::NoFiducials);
        }
        let from: Vec<Point> = fiducials.iter().map(|fiducial| fiducial.centre).collect();
        let to = Vec::with_capacity(from.len());
        Ok(Aligner { fiducials, reach, matcher: TemplateMatcher::new(), from, to })
    }

    /// Finds the part in the frame. With one fiducial the shift comes from its match and the rotation from
    /// trials; with two or more, both come from least squares.
    ///
    /// # Errors
    /// A fiducial is not found, the fiducials do not fit together, or the part is rotated too far.
    pub fn find(&mut self, planes: &Planes<'_>) -> Result<FoundPart, AlignError> {
        let Reach { search_px, max_angle_deg, min_score } = self.reach;
        self.to.clear();
        let (mut score, mut turn) = (f32::INFINITY, 0.0);
        for (at, Fiducial { template, centre }) in self.fiducials.iter().enumerate() {
            let best = self.matcher.find(planes, template, *centre, search_px, max_angle_deg)?;
            if best.score < min_score {
                return Err(AlignError::NotFound { fiducial: at + 1, score: best.score, min_score });
            }
            self.to.push(best.centre);
            (score, turn) = (score.min(best.score), best.angle_deg);
        }
        let (pose, residual_px) = match (&self.from[..], &self.to[..]) {
            ([from], [to]) => (about(*from, *to, f64::from(turn).to_radians()), 0.0),
            (from, to) => rigid(from, to),
        };
        if residual_px > MAX_RESIDUAL_PX {
            return Err(AlignError::Residual { residual_px, max_px: MAX_RESIDUAL_PX });
        }
        let angle_deg = pose.angle_rad.to_degrees();
        if angle_deg.abs() > max_angle_deg + ANGLE_SLACK_DEG {
            return Err(AlignError::Turned { angle_deg, max_angle_deg });
        }
        Ok(FoundPart { pose, score, residual_px })
    }
}

/// Why a fiducial is refused; the caller adds its index.
enum FiducialFault {
    Outside,
    Template(TemplateError),
}

impl FiducialFault {
    fn of(self, fiducial: usize, master: &Planes<'_>) -> AlignError {
        match self {
            FiducialFault::Outside => {
                AlignError::Outside { fiducial, width: master.width, height: master.height }
            }
            FiducialFault::Template(source) => AlignError::Template { fiducial, source },
        }
    }
}

impl Fiducial {
    fn new(cutter: &mut Cutter, master: &Planes<'_>, rect: Rect) -> Result<Fiducial, FiducialFault> {
        let (width, height) = (master.width as f32, master.height as f32);
        let inside = rect.x >= 0.0 && rect.y >= 0.0 && rect.x + rect.w <= width && rect.y + rect.h <= height;
        if !inside {
            return Err(FiducialFault::Outside);
        }
        let mut patch = Patch::default();
        let region = RotatedRect::upright(rect);
        cutter
            .cut(master, &region, &Pose::default(), Channels::Gray, &mut patch)
            .map_err(|error| FiducialFault::Template(error.into()))?;
        let template = Template::new(&patch).map_err(FiducialFault::Template)?;
        let middle = Point { x: patch.width as f32 / 2.0, y: patch.height as f32 / 2.0 };
        Ok(Fiducial { template, centre: region.to_recipe(middle) })
    }
}

/// The pose that turns by an angle and brings `from` to `to`.
fn about(from: Point, to: Point, angle_rad: f64) -> Pose {
    let angle_rad = angle_rad as f32;
    // Computed with the rounded angle, because the users of the pose compute with that one.
    let (x, y) = Affine::turn(f64::from(angle_rad)).apply(f64::from(from.x), f64::from(from.y));
    Pose { dx: (f64::from(to.x) - x) as f32, dy: (f64::from(to.y) - y) as f32, angle_rad }
}

/// The turn and shift that bring `from` (recipe px) nearest to `to` (frame px) in the sense of least squares, and
/// the largest distance that is left, px. One pair gives a shift alone.
/// Source: K. S. Arun, T. S. Huang, S. D. Blostein, "Least-squares fitting of two 3-D point sets", 1987, in 2-D.
///
/// # Panics
/// When the slices differ in length or are empty.
pub fn rigid(from: &[Point], to: &[Point]) -> (Pose, f32) {
    assert!(from.len() == to.len() && !from.is_empty());
    let (middle, goal) = (mean(from), mean(to));
    let (mut cos, mut sin) = (0.0, 0.0);
    for (from, to) in from.iter().zip(to) {
        let (x, y) = (f64::from(from.x) - middle.0, f64::from(from.y) - middle.1);
        let (u, v) = (f64::from(to.x) - goal.0, f64::from(to.y) - goal.1);
        cos += x * u + y * v;
        sin += x * v - y * u;
    }
    let angle_rad = angle_of(cos, sin) as f32;
    let (x, y) = Affine::turn(f64::from(angle_rad)).apply(middle.0, middle.1);
    let pose = Pose { dx: (goal.0 - x) as f32, dy: (goal.1 - y) as f32, angle_rad };
    let affine = Affine::of(&pose);
    let distance = |(from, to): (&Point, &Point)| {
        let (x, y) = affine.apply(f64::from(from.x), f64::from(from.y));
        let (dx, dy) = (x - f64::from(to.x), y - f64::from(to.y));
        (dx * dx + dy * dy).sqrt()
    };
    (pose, from.iter().zip(to).map(distance).fold(0.0, f64::max) as f32)
}

fn mean(points: &[Point]) -> (f64, f64) {
    let sum = points.iter().fold((0.0, 0.0), |(x, y), p| (x + f64::from(p.x), y + f64::from(p.y)));
    (sum.0 / points.len() as f64, sum.1 / points.len() as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn points() -> impl Strategy<Value = Vec<Point>> {
        prop::collection::vec((0f32..2448.0, 0f32..2048.0).prop_map(|(x, y)| Point { x, y }), 2..6)
    }

    proptest! {
        #[test]
        fn a_rigid_motion_is_recovered(
            from in points(),
            dx in -300f32..300.0,
            dy in -300f32..300.0,
            angle_rad in -3f32..3.0,
        ) {
            let wide = from.iter().any(|p| (p.x - from[0].x).hypot(p.y - from[0].y) > 50.0);
            prop_assume!(wide);
            let affine = Affine::of(&Pose { dx, dy, angle_rad });
            let to: Vec<Point> = from.iter().map(|&point| affine.point(point)).collect();
            let (pose, residual) = rigid(&from, &to);
            prop_assert!(residual < 2e-3, "{residual}");
            prop_assert!((pose.angle_rad - angle_rad).abs() < 1e-4, "{pose:?}");
        }
    }

    #[test]
    fn a_mirrored_part_leaves_a_large_residual() {
        let from = [(0.0, 0.0), (100.0, 0.0), (0.0, 60.0)].map(|(x, y)| Point { x, y });
        let to = from.map(|p| Point { x: -p.x, ..p });
        assert!(rigid(&from, &to).1 > 30.0);
    }

    #[test]
    fn one_pair_is_a_shift() {
        let (pose, residual) = rigid(&[Point { x: 5.0, y: 6.0 }], &[Point { x: 7.0, y: 5.0 }]);
        assert_eq!((pose, residual), (Pose { dx: 2.0, dy: -1.0, angle_rad: 0.0 }, 0.0));
    }
}
