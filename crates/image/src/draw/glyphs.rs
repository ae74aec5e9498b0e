//! The glyphs of the embedded font, drawn once for each size.
//!
//! DejaVu Sans (`font/LICENSE`), cut down as `font/README.md` says to Latin, Greek, Cyrillic and a few marks.

use std::collections::HashMap;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};

/// Bytes of drawn glyphs that are kept; beyond them the cache is emptied.
const KEPT: usize = 1 << 20;

static SANS: &[u8] = include_bytes!("font/sans.ttf");

/// A glyph of one size: the cover of its px.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Glyph {
    /// From the pen's place on the base line to the left-top px.
    pub left: i32,
    pub top: i32,
    pub width: usize,
    pub height: usize,
    /// To the next glyph's place, px.
    pub advance: f32,
    at: usize,
}

/// The font, with a cache of drawn glyphs.
pub(super) struct Glyphs {
    font: FontRef<'static>,
    known: HashMap<(GlyphId, u16), Glyph>,
    cover: Vec<u8>,
}

impl Default for Glyphs {
    fn default() -> Glyphs {
        let font = FontRef::try_from_slice(SANS).expect("the embedded font is sound: a test reads it");
        Glyphs { font, known: HashMap::new(), cover: Vec::new() }
    }
}

impl Glyphs {
    /// What a character is drawn as; the font's box where it has none. `None` for what takes no place: controls,
    /// joiners, variation selectors, directions, skin tones.
    pub fn id(&self, character: char) -> Option<GlyphId> {
        let silent = matches!(character,
            '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0000}'..='\u{E0FFF}');
        (!silent && !character.is_control()).then(|| self.font.glyph_id(character))
    }

    /// Empties the cache where it has become too large. Only between two lines, because glyphs point into it.
    pub fn tidy(&mut self) {
        if self.cover.len() > KEPT {
            self.known.clear();
            self.cover.clear();
        }
    }

    /// Px above and below the base line at `size`.
    pub fn reach(&self, size: u16) -> (usize, usize) {
        let font = self.font.as_scaled(PxScale::from(f32::from(size)));
        (font.ascent().ceil() as usize, (-font.descent()).ceil() as usize)
    }

    /// A glyph, drawn if it is a new one.
    pub fn get(&mut self, id: GlyphId, size: u16) -> Glyph {
        if let Some(glyph) = self.known.get(&(id, size)) {
            return *glyph;
        }
        let scale = PxScale::from(f32::from(size));
        let advance = self.font.as_scaled(scale).h_advance(id);
        let mut glyph = Glyph { advance, at: self.cover.len(), ..Glyph::default() };
        if let Some(outline) = self.font.outline_glyph(id.with_scale_and_position(scale, point(0.0, 0.0))) {
            let bounds = outline.px_bounds();
            (glyph.left, glyph.top) = (bounds.min.x as i32, bounds.min.y as i32);
            (glyph.width, glyph.height) = (bounds.width() as usize, bounds.height() as usize);
            self.cover.resize(glyph.at + glyph.width * glyph.height, 0);
            let cover = &mut self.cover[glyph.at..];
            outline.draw(|x, y, share| {
                if let Some(px) = cover.get_mut(y as usize * glyph.width + x as usize) {
                    *px = (share * 255.0).round().clamp(0.0, 255.0) as u8;
                }
            });
        }
        self.known.insert((id, size), glyph);
        glyph
    }

    /// The cover of a glyph's rows, from the top.
    pub fn rows(&self, glyph: &Glyph) -> std::slice::ChunksExact<'_, u8> {
        self.cover[glyph.at..][..glyph.width * glyph.height].chunks_exact(glyph.width.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_font_has_latin_greek_and_cyrillic_and_a_box_for_the_rest() {
        let glyphs = Glyphs::default();
        let missing = glyphs.id('\u{1F600}');
        assert!(missing.is_some());
        for character in "AzÄßéÿŁżőŞșțΑωάЯжёҐ…€✓✗Ạễ".chars() {
            assert_ne!(glyphs.id(character), missing, "{character}");
        }
        assert_eq!(glyphs.id('\u{200D}'), None);
        assert_eq!(glyphs.id('\n'), None);
    }

    #[test]
    fn a_box_can_be_seen() {
        let mut glyphs = Glyphs::default();
        let id = glyphs.id('\u{1F600}').unwrap();
        let glyph = glyphs.get(id, 24);
        assert!(glyph.width > 4 && glyph.height > 8, "{glyph:?}");
        assert!(glyphs.rows(&glyph).flatten().any(|px| *px > 128));
    }
}
