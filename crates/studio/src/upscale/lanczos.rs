//! Enlarging by Lanczos: of colours where there is no model, and of alpha always.

use crate::resample::Resampler;
use crate::{Picture, RowSink, StudioError, Watch};

/// Enlarges the colours of `picture` to `size` px.
pub(super) fn enlarge(
    picture: &Picture,
    size: [usize; 2],
    watch: &Watch<'_>,
    sink: &mut dyn RowSink,
) -> Result<(), StudioError> {
    let colour = &picture.colour;
    let mut resampler = Resampler::new(&colour.data, [colour.width, colour.height], 3, size);
    let mut row = vec![0; size[0] * 3];
    for y in 0..size[1] {
        watch.check()?;
        resampler.row(y, &mut row);
        sink.row(&row)?;
        watch.report(y + 1, size[1]);
    }
    Ok(())
}

/// Puts the enlarged alpha of a picture beside rows of its enlarged colours.
pub(super) struct AlphaMerger<'a> {
    alpha: Option<Resampler<'a>>,
    sink: &'a mut dyn RowSink,
    y: usize,
    alpha_row: Vec<u8>,
    merged: Vec<u8>,
}

impl<'a> AlphaMerger<'a> {
    pub fn new(picture: &'a Picture, size: [usize; 2], sink: &'a mut dyn RowSink) -> AlphaMerger<'a> {
        let from = [picture.width(), picture.height()];
        let alpha = picture.alpha.as_ref().map(|alpha| Resampler::new(alpha, from, 1, size));
        AlphaMerger { alpha, sink, y: 0, alpha_row: vec![0; size[0]], merged: Vec::new() }
    }
}

impl RowSink for AlphaMerger<'_> {
    fn row(&mut self, pixels: &[u8]) -> Result<(), StudioError> {
        let Some(alpha) = &mut self.alpha else { return self.sink.row(pixels) };
        alpha.row(self.y, &mut self.alpha_row);
        self.y += 1;
        self.merged.clear();
        let pixels = pixels.chunks_exact(3).zip(&self.alpha_row);
        self.merged.extend(pixels.flat_map(|(pixel, alpha)| [pixel[0], pixel[1], pixel[2], *alpha]));
        self.sink.row(&self.merged)
    }
}
