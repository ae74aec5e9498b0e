//! A canvas with the state for drawing into it: scale, line widths, places for labels, scratch memory.

use std::fmt::{Arguments, Write};

use super::layout::{Layout, leader};
use crate::image::Canvas;
use crate::image::draw::{Ink, Pen, TextLabel};
use crate::types::{Frame, Point, Rect};

/// The greatest fraction of a picture's width that a label may take.
const LABEL_SHARE: f32 = 0.6;
/// How opaque a label's backdrop is, in 256ths.
const BACKDROP: u16 = 208;

/// Scratch memory, kept from picture to picture.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    text: String,
    points: Vec<Point>,
    layout: Layout,
}

/// One picture that is being drawn. Coordinates are frame px, unless a method says otherwise.
pub(super) struct Marks<'a> {
    sketch: &'a mut Sketch,
    canvas: &'a mut Canvas,
    pen: &'a mut Pen,
    /// Canvas px for each frame px, horizontally and vertically.
    pub scale: [f32; 2],
    /// Width of lines, canvas px.
    pub width: f32,
    /// Height of text, canvas px.
    pub size: u16,
}

impl Sketch {
    /// Starts drawing into `canvas`, which shows `frame`.
    pub fn begin<'a>(&'a mut self, canvas: &'a mut Canvas, pen: &'a mut Pen, frame: &Frame) -> Marks<'a> {
        let (width, height) = (canvas.width() as f32, canvas.height() as f32);
        let short = width.min(height);
        self.layout.begin((width, height));
        Marks {
            sketch: self,
            scale: [width / frame.width as f32, height / frame.height as f32],
            width: (short / 240.0).clamp(2.0, 8.0),
            size: (short / 32.0).clamp(12.0, 40.0) as u16,
            canvas,
            pen,
        }
    }
}

impl Marks<'_> {
    /// Converts a point of the frame to canvas px.
    pub fn at(&self, frame: Point) -> Point {
        Point { x: frame.x * self.scale[0], y: frame.y * self.scale[1] }
    }

    /// Converts a rectangle of the frame to canvas px.
    pub fn on_canvas(&self, rect: Rect) -> Rect {
        let [x, y] = self.scale;
        Rect { x: rect.x * x, y: rect.y * y, w: rect.w * x, h: rect.h * y }
    }

    /// Draws the edge of a rectangle; returns the rectangle in canvas px.
    pub fn frame(&mut self, rect: Rect, width: f32, ink: Ink) -> Rect {
        let rect = self.on_canvas(rect);
        self.pen.frame(self.canvas, rect, width, ink);
        rect
    }

    /// Draws a filled square as wide as a line, centred on a point of the frame.
    pub fn dot(&mut self, at: Point, ink: Ink) {
        let (Point { x, y }, w) = (self.at(at), self.width);
        self.pen.fill(self.canvas, Rect { x: x - w / 2.0, y: y - w / 2.0, w, h: w }, ink, 256);
    }

    /// Draws a line between two points of the canvas (canvas px).
    pub fn line(&mut self, from: Point, to: Point, ink: Ink) {
        self.pen.line(self.canvas, from, to, self.width, ink);
    }

    /// Draws a polygon of canvas px and tints its inside by `share` 256ths; returns its topmost corner.
    pub fn polygon(
        &mut self,
        points: impl Iterator<Item = Point>,
        width: f32,
        ink: Ink,
        share: u16,
    ) -> Option<Point> {
        let corners = &mut self.sketch.points;
        corners.clear();
        corners.extend(points);
        if share > 0 {
            self.pen.polygon(self.canvas, corners, ink, share);
        }
        self.pen.outline(self.canvas, corners, width, ink);
        corners.iter().copied().min_by(|a, b| a.y.total_cmp(&b.y))
    }

    /// Width and height of the canvas, px.
    pub fn space(&self) -> (f32, f32) {
        (self.canvas.width() as f32, self.canvas.height() as f32)
    }

    /// Adds an area (canvas px) that labels avoid.
    pub fn keep_free(&mut self, area: Rect) {
        self.sketch.layout.mark(area);
    }

    /// Draws text on a coloured backdrop beside `object` (canvas px), never over another label, and over
    /// marked areas only where there is no room elsewhere.
    pub fn tag_beside(&mut self, object: Rect, ink: Ink, text: Arguments<'_>) {
        let backdrop = Some((ink, BACKDROP));
        self.beside(object, ink, TextLabel { backdrop, ..self.plain_label(ink.upon()) }, true, text);
    }

    /// Draws text with a dark outline beside `object` (canvas px). Where there is no room it covers marked
    /// areas with `must`, and is left out without.
    pub fn note_beside(&mut self, object: Rect, ink: Ink, must: bool, text: Arguments<'_>) {
        self.beside(object, ink, TextLabel { halo: Some(Ink::BLACK), ..self.plain_label(ink) }, must, text);
    }

    fn beside(&mut self, object: Rect, ink: Ink, label: TextLabel, must: bool, text: Arguments<'_>) {
        self.sketch.text.clear();
        // Writing into a string cannot fail.
        let _ = self.sketch.text.write_fmt(text);
        let Some(size) = self.pen.measure(self.canvas, &self.sketch.text, &label) else { return };
        let Some(area) = self.sketch.layout.place(size, object, must) else { return };
        if let Some((from, to)) = leader(area, object) {
            self.pen.line(self.canvas, from, to, 2.0, ink);
        }
        let at = Point { x: area.x, y: area.y + area.h };
        self.pen.label(self.canvas, &self.sketch.text, &TextLabel { at, ..label });
    }

    /// Draws text on a coloured backdrop with its left-bottom corner at `at` (canvas px), over anything that
    /// lies there; no later label covers it. Returns the area that it takes.
    pub fn tag(&mut self, at: Point, ink: Ink, text: Arguments<'_>) -> Rect {
        let backdrop = Some((ink, BACKDROP));
        self.label(at, TextLabel { backdrop, ..self.plain_label(ink.upon()) }, text)
    }

    fn plain_label(&self, ink: Ink) -> TextLabel {
        let limit = self.space().0 * LABEL_SHARE;
        TextLabel { at: Point::default(), size: self.size, limit, ink, backdrop: None, halo: None }
    }

    fn label(&mut self, at: Point, label: TextLabel, text: Arguments<'_>) -> Rect {
        self.sketch.text.clear();
        // Writing into a string cannot fail.
        let _ = self.sketch.text.write_fmt(text);
        let area = self.pen.label(self.canvas, &self.sketch.text, &TextLabel { at, ..label });
        self.sketch.layout.reserve(area);
        area
    }
}
