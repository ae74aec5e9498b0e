//! Draws results into a copy of a frame and encodes it as JPEG. The frame itself is only read, because
//! inference reads it at the same time.
//!
//! ```text
//! planes ──copy, shrink, colour──▶ canvas ──draw──▶ canvas ──libjpeg-turbo──▶ file ──▶ shared bytes of a pool
//! ```

mod layout;
mod marks;
mod palette;
mod sketch;

use std::sync::Arc;

use crate::config::CameraConfig;
use crate::image::draw::Pen;
use crate::image::jpeg::{Encoder, JpegPool};
use crate::image::{Canvas, Copier, ImageError};
use crate::types::{Frame, Inspection, Label, Picture, Point, Report};
use sketch::Sketch;

/// A zone (a polygon) or a line (two points) of a camera.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The name of the zone or line.
    pub name: Label,
    /// Its corners or ends, in fractions of the frame, 0 to 1.
    pub points: Vec<Point>,
}

impl Place {
    /// The zones and lines of a camera.
    pub fn of(camera: &CameraConfig) -> Vec<Place> {
        let zones = camera
            .zones
            .iter()
            .map(|zone| Place { name: zone.name.as_str().into(), points: zone.points.clone() });
        let lines = camera
            .lines
            .iter()
            .map(|line| Place { name: line.name.as_str().into(), points: vec![line.from, line.to] });
        zones.chain(lines).collect()
    }
}

/// A part that was judged, as it is drawn.
#[derive(Clone, Copy, Debug)]
pub struct PartMarks<'a> {
    /// The result with the verdict of each region.
    pub inspection: &'a Inspection,
    /// The corners of each region, recipe px, in the order of the verdicts.
    pub outlines: &'a [Vec<Point>],
}

/// The results that are drawn into a frame's copy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overlays<'a> {
    /// The findings on the frame.
    pub report: Option<&'a Report>,
    /// The camera's zones and lines.
    pub places: &'a [Place],
    /// The judged part on the frame.
    pub part: Option<PartMarks<'a>>,
}

/// Size and quality of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The greatest width, px. A larger frame is shrunk by averaging the px that one covers.
    pub width: usize,
    /// Quality of the JPEG, 1 to 100.
    pub quality: u8,
}

/// The stage, which makes one [`Annotator`] for each worker.
#[derive(Debug, Default)]
pub struct Annotate {
    pool: Arc<JpegPool>,
}

impl Annotate {
    /// Makes the annotator of one worker, which allocates its memory with the first pictures.
    ///
    /// # Errors
    /// There is no memory for the encoder.
    pub fn annotator(&self) -> Result<Annotator, ImageError> {
        Ok(Annotator {
            copier: Copier::default(),
            canvas: Canvas::default(),
            pen: Pen::default(),
            encoder: Encoder::new()?,
            sketch: Sketch::default(),
            pool: self.pool.clone(),
        })
    }
}

/// Draws and encodes on one worker. After the first picture of a camera it allocates only the few bytes that
/// count a picture's readers, since files lie in memory of a pool. (libjpeg-turbo allocates and frees on the
/// C heap.)
pub struct Annotator {
    copier: Copier,
    canvas: Canvas,
    pen: Pen,
    encoder: Encoder,
    sketch: Sketch,
    pool: Arc<JpegPool>,
}

impl Annotator {
    /// A picture of `frame` with `overlays` drawn in.
    ///
    /// # Errors
    /// Planes that are too short for their rows, or a size that JPEG does not support.
    pub fn drawn(
        &mut self,
        frame: &Frame,
        look: &Look,
        overlays: &Overlays<'_>,
    ) -> Result<Picture, ImageError> {
        self.picture(frame, look, Some(overlays))
    }

    fn draw(&mut self, frame: &Frame, overlays: &Overlays<'_>) {
        let mut marks = self.sketch.begin(&mut self.canvas, &mut self.pen, frame);
        marks.survey(overlays);
        overlays.places.iter().for_each(|place| marks.place(place));
        if let Some(report) = overlays.report {
            marks.report(report);
        }
        if let Some(part) = &overlays.part {
            marks.part(part);
        }
    }

    /// `frame` at most `width` px wide, with `overlays` drawn in where there are some. The canvas is the annotator's
    /// until its next picture.
    ///
    /// # Errors
    /// Planes that are too short for their rows.
    pub fn painted(
        &mut self,
        frame: &Frame,
        width: usize,
        overlays: Option<&Overlays<'_>>,
    ) -> Result<&Canvas, ImageError> {
        self.copier.copy(&frame.planes(), width, &mut self.canvas)?;
        if let Some(overlays) = overlays {
            self.draw(frame, overlays);
        }
        Ok(&self.canvas)
    }

    /// The same as a JPEG of `quality` 1 to 100.
    ///
    /// # Errors
    /// The same as for [`Annotator::drawn`].
    pub fn picture(
        &mut self,
        frame: &Frame,
        look: &Look,
        overlays: Option<&Overlays<'_>>,
    ) -> Result<Picture, ImageError> {
        self.painted(frame, look.width, overlays)?;
        self.encoded(frame, look.quality)
    }

    /// A picture of `frame` at its own size, without overlays.
    ///
    /// # Errors
    /// The same as for [`Annotator::drawn`].
    pub fn plain(&mut self, frame: &Frame, quality: u8) -> Result<Picture, ImageError> {
        self.copier.copy(&frame.planes(), frame.width, &mut self.canvas)?;
        self.encoded(frame, quality)
    }

    fn encoded(&mut self, frame: &Frame, quality: u8) -> Result<Picture, ImageError> {
        let file = self.encoder.encode(&self.canvas, quality)?;
        Ok(Picture {
            jpeg: self.pool.share(file),
            frame_seq: frame.seq,
            captured: frame.captured,
            width: self.canvas.width() as u32,
            height: self.canvas.height() as u32,
        })
    }
}
