//! Tracking: components are paired from frame to frame by the overlap of their bounding boxes.

mod assign;
#[cfg(test)]
mod tests;

use super::bits::Bits;
use super::components::{Components, Run};
use super::error::{check_frame, check_size};
use super::{CellsError, Labels, Mask, TrackSettings, runs_of};

use assign::{Assignment, Pair};

/// Gives cells their ids, frame after frame.
#[derive(Debug)]
pub struct Tracker {
    width: usize,
    height: usize,
    settings: TrackSettings,
    /// The index of the next frame.
    frame: usize,
    /// Tracks that can go on, by id.
    live: Vec<Live>,
    /// All tracks: id, first frame, last frame, parent.
    tracks: Vec<[u32; 4]>,
    bits: Bits,
    components: Components,
    objects: Vec<Object>,
    /// Objects of possible area that have no id yet: their indices.
    free: Vec<u32>,
    assignment: Assignment,
    /// For each label of a label image its object, or [`NONE`].
    object_of: Vec<u32>,
}

const NONE: u32 = u32::MAX;

/// A track that has not ended.
#[derive(Clone, Copy, Debug)]
struct Live {
    id: u16,
    bounds: Bounds,
    /// The frame in which it was seen last.
    last: usize,
}

/// A component of a frame.
#[derive(Clone, Copy, Debug)]
struct Object {
    bounds: Bounds,
    area: usize,
    /// The cell's id, or 0.
    id: u16,
}

/// A bounding box; the ends do not belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds {
    x: [u32; 2],
    y: [u32; 2],
}

impl Bounds {
    const NOTHING: Bounds = Bounds { x: [u32::MAX, 0], y: [u32::MAX, 0] };

    fn include(&mut self, run: &Run) {
        self.x = [self.x[0].min(run.from), self.x[1].max(run.to)];
        self.y = [self.y[0].min(run.y), self.y[1].max(run.y + 1)];
    }

    fn area(&self) -> u64 {
        u64::from(self.x[1] - self.x[0]) * u64::from(self.y[1] - self.y[0])
    }

    /// Intersection over union; 0 for boxes that are apart.
    fn iou(&self, other: &Bounds) -> f64 {
        let common = |one: [u32; 2], other: [u32; 2]| {
            u64::from(one[1].min(other[1]).saturating_sub(one[0].max(other[0])))
        };
        let shared = common(self.x, other.x) * common(self.y, other.y);
        shared as f64 / (self.area() + other.area() - shared) as f64
    }
}

impl Tracker {
    /// For frames of this size.
    ///
    /// # Errors
    /// A setting is out of its limits, the frame is empty, or it has more than [`super::MAX_PIXELS`].
    pub fn new(width: usize, height: usize, settings: &TrackSettings) -> Result<Tracker, CellsError> {
        settings.validate()?;
        check_frame(width, height)?;
        Ok(Tracker {
            width,
            height,
            settings: settings.clone(),
            frame: 0,
            live: Vec::new(),
            tracks: Vec::new(),
            bits: Bits::new(width, height),
            components: Components::default(),
            objects: Vec::new(),
            free: Vec::new(),
            assignment: Assignment::default(),
            object_of: Vec::new(),
        })
    }

    /// Labels the next frame: each component of the mask (4 neighbours) that belongs to a track gets its id.
    ///
    /// # Errors
    /// The mask has another size than this was made for: the next one may be right. Or more than 65,535 ids are needed:
    /// nothing can be tracked after that.
    pub fn track(&mut self, mask: &Mask, labels: &mut Labels) -> Result<(), CellsError> {
        let size = (self.width, self.height);
        check_size("mask", size, (mask.width, mask.height), mask.pixels.len())?;
        self.bits.pack(mask.width, mask.height, &mask.pixels);
        let count = self.components.label(&self.bits);
        self.follow(count, labels)
    }

    /// Labels the next frame, whose cells were separated already, for instance by a model: `objects` has a number of its
    /// own for each, in any order, and cells may touch.
    ///
    /// # Errors
    /// As of [`Tracker::track`].
    pub fn track_objects(&mut self, objects: &Labels, labels: &mut Labels) -> Result<(), CellsError> {
        let size = (self.width, self.height);
        check_size("label image", size, (objects.width, objects.height), objects.pixels.len())?;
        self.object_of.clear();
        self.object_of.resize(usize::from(u16::MAX) + 1, NONE);
        let (runs, owner) = (&mut self.components.runs, &mut self.components.owner);
        runs.clear();
        owner.clear();
        let mut count = 0;
        runs_of(objects, |label, run| {
            let object = &mut self.object_of[usize::from(label)];
            if *object == NONE {
                *object = count;
                count += 1;
            }
            runs.push(run);
            owner.push(*object);
        });
        self.follow(count as usize, labels)
    }

    /// Tracks in the form of the Cell Tracking Challenge: id, first frame, last frame, parent (0).
    pub fn tracks(&self) -> &[[u32; 4]] {
        &self.tracks
    }

    /// Gives ids to the objects whose runs were found, and paints them.
    fn follow(&mut self, count: usize, labels: &mut Labels) -> Result<(), CellsError> {
        self.gather(count);
        let frame = self.frame;
        if frame > 0 {
            // Those of the frame before come first, as if gaps were not allowed.
            self.pair(|live| live.last + 1 == frame);
            if self.settings.max_gap > 0 {
                self.pair(|live| live.last + 1 < frame);
            }
        }
        if frame == 0 || self.settings.late_cells {
            self.begin()?;
        }
        let gap = self.settings.max_gap;
        self.live.retain(|live| frame - live.last <= gap);
        self.frame += 1;
        self.paint(labels);
        Ok(())
    }

    /// Measures the objects, and lists those of possible area.
    fn gather(&mut self, count: usize) {
        self.objects.clear();
        self.objects.resize(count, Object { bounds: Bounds::NOTHING, area: 0, id: 0 });
        for (run, owner) in self.components.runs.iter().zip(&self.components.owner) {
            let object = &mut self.objects[*owner as usize];
            object.bounds.include(run);
            object.area += run.length();
        }
        let least = self.settings.min_area.unwrap_or(0);
        let greatest = self.settings.max_area.unwrap_or(usize::MAX);
        let possible =
            self.objects.iter().enumerate().filter(|(_, object)| (least..=greatest).contains(&object.area));
        self.free.clear();
        self.free.extend(possible.map(|(at, _)| at as u32));
    }

    /// Pairs free objects with the live tracks that `which` admits.
    fn pair(&mut self, which: impl Fn(&Live) -> bool) {
        let pairs = &mut self.assignment.pairs;
        pairs.clear();
        // Objects come in the order of their upper ends: the ones that can overlap lie beside each other.
        let (objects, free) = (&self.objects, &self.free);
        let bounds = |at: u32| &objects[at as usize].bounds;
        let tallest = free.iter().map(|at| bounds(*at).y[1] - bounds(*at).y[0]).max().unwrap_or(0);
        for (row, live) in self.live.iter().enumerate().filter(|(_, live)| which(live)) {
            let first = free.partition_point(|at| bounds(*at).y[0] + tallest <= live.bounds.y[0]);
            for (column, at) in free.iter().enumerate().skip(first) {
                if bounds(*at).y[0] >= live.bounds.y[1] {
                    break;
                }
                let iou = live.bounds.iou(bounds(*at));
                if iou > 0.0 && iou >= self.settings.min_iou {
                    pairs.push(Pair { row: row as u32, column: column as u32, iou });
                }
            }
        }
        if pairs.is_empty() {
            return;
        }
        self.assignment.solve(self.live.len(), self.free.len());
        for pair in &self.assignment.chosen {
            let live = &mut self.live[pair.row as usize];
            let object = &mut self.objects[self.free[pair.column as usize] as usize];
            object.id = live.id;
            (live.bounds, live.last) = (object.bounds, self.frame);
            self.tracks[usize::from(live.id) - 1][2] = self.frame as u32;
        }
        self.free.retain(|at| self.objects[*at as usize].id == 0);
    }

    /// Begins a track with each object that is left.
    fn begin(&mut self) -> Result<(), CellsError> {
        if self.tracks.len() + self.free.len() > usize::from(u16::MAX) {
            return Err(CellsError::TooManyCells { frame: self.frame });
        }
        for at in &self.free {
            let frame = self.frame as u32;
            // At most 65,535, as was checked.
            let id = (self.tracks.len() + 1) as u16;
            let object = &mut self.objects[*at as usize];
            object.id = id;
            self.live.push(Live { id, bounds: object.bounds, last: self.frame });
            self.tracks.push([u32::from(id), frame, frame, 0]);
        }
        Ok(())
    }

    fn paint(&self, labels: &mut Labels) {
        (labels.width, labels.height) = (self.width, self.height);
        labels.pixels.clear();
        labels.pixels.resize(self.width * self.height, 0);
        for (run, owner) in self.components.runs.iter().zip(&self.components.owner) {
            let id = self.objects[*owner as usize].id;
            if id != 0 {
                labels.pixels[run.range(self.width)].fill(id);
            }
        }
    }
}
