//! Rows through a model: as soon as a row of tiles has its rows, it is computed, and its enlarged rows go on, to the next
//! pass or to the sink.
//!
//! ```text
//! rows ──▶ kept rows (tile height) ──▶ tiles, a worker each ──▶ enlarged rows ──▶ next pass ──▶ … ──▶ sink
//! ```

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ocellus_engine::Session;
use ocellus_image::Target;

use crate::{Picture, RowSink, StudioError, Watch};

use super::model::{self, Upscaler};

/// Tiles that are computed together, at least, for each worker: where a row has fewer, several rows of tiles wait.
const TILES_PER_WORKER: usize = 8;

/// All passes over one picture.
pub(super) struct Stages<'a> {
    sessions: &'a mut [Box<dyn Session>],
    stages: Vec<Stage>,
    done: AtomicUsize,
    all: usize,
}

impl<'a> Stages<'a> {
    pub fn new(
        upscaler: &'a mut Upscaler,
        picture: &Picture,
        passes: usize,
        context: usize,
    ) -> Result<Stages<'a>, StudioError> {
        let factor = upscaler.factor();
        let (sessions, input) = upscaler.parts();
        if context > input.width.min(input.height) / 4 {
            let (option, value) = ("context", context as f64);
            return Err(StudioError::Option { option, value, allowed: "0 to a quarter of the model's tile" });
        }
        let (mut width, mut height) = (picture.width(), picture.height());
        let mut stages = Vec::new();
        for _ in 0..passes {
            stages.push(Stage::new(input, [width, height], factor, context, sessions.len()));
            (width, height) = (width * factor, height * factor);
        }
        let all = stages.iter().map(Stage::tiles).sum();
        Ok(Stages { sessions, stages, done: AtomicUsize::new(0), all })
    }

    /// Takes the next row of the picture.
    pub fn push(&mut self, row: &[u8], watch: &Watch<'_>, sink: &mut dyn RowSink) -> Result<(), StudioError> {
        let Stages { sessions, stages, done, all } = self;
        let count = |watch: &Watch<'_>| watch.report(done.fetch_add(1, Ordering::Relaxed) + 1, *all);
        push(stages, sessions, row, watch, &count, sink)
    }

    /// Tiles that were computed so far.
    pub fn tiles_done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }
}

fn push(
    stages: &mut [Stage],
    sessions: &mut [Box<dyn Session>],
    row: &[u8],
    watch: &Watch<'_>,
    count: &(dyn Fn(&Watch<'_>) + Sync),
    sink: &mut dyn RowSink,
) -> Result<(), StudioError> {
    let Some((stage, next)) = stages.split_first_mut() else { return sink.row(row) };
    stage.keep(row);
    while let Some(rows) = stage.ready() {
        stage.compute(rows, sessions, watch, count)?;
        let mut line = vec![0; stage.size[0] * stage.factor * 3];
        for y in 0..rows * stage.factor {
            stage.line(y, &mut line);
            push(next, sessions, &line, watch, count, sink)?;
        }
        stage.advance(rows);
    }
    Ok(())
}

/// One pass of a picture through the model.
struct Stage {
    input: Target,
    size: [usize; 2],
    factor: usize,
    context: usize,
    /// Width and height of what is kept of a tile, px of the input.
    inner: [usize; 2],
    /// Rows of tiles that are computed together.
    depth: usize,
    /// Rows of the input that are still needed; the first of them is row `first`.
    kept: VecDeque<Vec<u8>>,
    first: usize,
    /// The next row that is to be enlarged.
    next: usize,
    /// What is kept of each enlarged tile, one after the other.
    tiles: Vec<u8>,
}

impl Stage {
    fn new(input: Target, size: [usize; 2], factor: usize, context: usize, workers: usize) -> Stage {
        let inner = [input.width - 2 * context, input.height - 2 * context];
        let across = size[0].div_ceil(inner[0]);
        let depth = (TILES_PER_WORKER * workers).div_ceil(across).min(size[1].div_ceil(inner[1]));
        let tile = inner[0] * inner[1] * factor * factor * 3;
        let tiles = vec![0; tile * across * depth];
        Stage { input, size, factor, context, inner, depth, kept: VecDeque::new(), first: 0, next: 0, tiles }
    }

    fn tiles(&self) -> usize {
        self.size[0].div_ceil(self.inner[0]) * self.size[1].div_ceil(self.inner[1])
    }

    fn keep(&mut self, row: &[u8]) {
        self.kept.push_back(row.to_vec());
    }

    /// How many rows can be enlarged now; a whole group of rows of tiles, or what is left.
    fn ready(&self) -> Option<usize> {
        let height = self.size[1];
        let rows = (self.depth * self.inner[1]).min(height - self.next);
        let received = self.first + self.kept.len();
        (rows > 0 && received >= (self.next + rows + self.context).min(height)).then_some(rows)
    }

    /// Forgets the rows that no later tile sees.
    fn advance(&mut self, rows: usize) {
        self.next += rows;
        let needed =
            if self.next == self.size[1] { self.next } else { self.next.saturating_sub(self.context) };
        self.kept.drain(..needed - self.first);
        self.first = needed;
    }

    /// Enlarges the next `rows` rows by all sessions.
    fn compute(
        &mut self,
        rows: usize,
        sessions: &mut [Box<dyn Session>],
        watch: &Watch<'_>,
        count: &(dyn Fn(&Watch<'_>) + Sync),
    ) -> Result<(), StudioError> {
        let across = self.size[0].div_ceil(self.inner[0]);
        let number = across * rows.div_ceil(self.inner[1]);
        let bytes = self.inner[0] * self.inner[1] * self.factor * self.factor * 3;
        let mut tiles = std::mem::take(&mut self.tiles);
        let queue = Mutex::new(tiles.chunks_exact_mut(bytes).take(number).enumerate());
        let failure = Mutex::new(None);
        let stage = &*self;
        let work = |session: &mut dyn Session| {
            loop {
                let next = queue.lock().ok().and_then(|mut queue| queue.next());
                let Some((nth, out)) = next else { return };
                let origin = [nth % across * stage.inner[0], stage.next + nth / across * stage.inner[1]];
                let outcome = watch.check().and_then(|()| stage.enlarge(session, origin, out));
                if let Err(error) = outcome {
                    // The others find the queue empty.
                    if let Ok(mut queue) = queue.lock() {
                        queue.by_ref().for_each(drop);
                    }
                    if let Ok(mut failure) = failure.lock() {
                        failure.get_or_insert(error);
                    }
                    return;
                }
                count(watch);
            }
        };
        let (own, others) = sessions.split_at_mut(1);
        std::thread::scope(|scope| {
            let work = &work;
            for session in others.iter_mut().take(number - 1) {
                scope.spawn(move || work(&mut **session));
            }
            own.iter_mut().for_each(|session| work(&mut **session));
        });
        self.tiles = tiles;
        failure.into_inner().ok().flatten().map_or(Ok(()), Err)
    }

    /// Computes the tile whose kept part begins at `origin`, and keeps that part in `out`.
    fn enlarge(
        &self,
        session: &mut dyn Session,
        origin: [usize; 2],
        out: &mut [u8],
    ) -> Result<(), StudioError> {
        let (width, context) = (self.input.width, self.context);
        let left = origin[0] as isize - context as isize;
        let inside = left >= 0 && left as usize + width <= self.size[0];
        let mut edge = vec![0; if inside { 0 } else { width * 3 }];
        let tensor = session.input_mut(0);
        for y in 0..self.input.height {
            let row = self.row(origin[1] as isize + y as isize - context as isize);
            let pixels = if inside {
                &row[left as usize * 3..][..width * 3]
            } else {
                for (x, pixel) in edge.chunks_exact_mut(3).enumerate() {
                    let from = reflected(left + x as isize, self.size[0]);
                    pixel.copy_from_slice(&row[from * 3..][..3]);
                }
                &edge
            };
            model::write(&self.input, pixels, y * width, tensor);
        }
        session.run()?;
        let line = self.inner[0] * self.factor * 3;
        for (y, out) in out.chunks_exact_mut(line).enumerate() {
            let at = (y + context * self.factor) * width * self.factor + context * self.factor;
            model::read(session, at * 3, out);
        }
        Ok(())
    }

    /// Row `y` of the input, reflected at the picture's borders. What lies further outside than the kept rows is not seen
    /// by what is kept of a tile: the nearest of them stands for it.
    fn row(&self, y: isize) -> &[u8] {
        let y = reflected(y, self.size[1]).clamp(self.first, self.first + self.kept.len() - 1);
        &self.kept[y - self.first]
    }

    /// Row `y` of what was computed last.
    fn line(&self, y: usize, out: &mut [u8]) {
        let high = self.inner[1] * self.factor;
        let line = self.inner[0] * self.factor * 3;
        let across = self.size[0].div_ceil(self.inner[0]);
        for (nth, out) in out.chunks_mut(line).enumerate() {
            let tile = (y / high) * across + nth;
            let from = &self.tiles[(tile * high + y % high) * line..];
            out.copy_from_slice(&from[..out.len()]);
        }
    }
}

/// The sample that stands for position `at` of `size`: reflected at the borders, which are not repeated.
fn reflected(at: isize, size: usize) -> usize {
    let period = (2 * size as isize - 2).max(1);
    let at = at.rem_euclid(period) as usize;
    if at < size { at } else { period as usize - at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_reflect_as_often_as_needed() {
        let row: Vec<usize> = (-5..8).map(|at| reflected(at, 3)).collect();
        assert_eq!(row, [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]);
        assert!((-9..9).all(|at| reflected(at, 1) == 0));
    }
}
