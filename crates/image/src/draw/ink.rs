//! A colour, as a canvas holds it.

/// A colour in JFIF's luma and chroma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink {
    pub(super) y: u8,
    pub(super) u: u8,
    pub(super) v: u8,
}

impl Ink {
    /// Black: all channels at 0.
    pub const BLACK: Ink = Ink::rgb(0, 0, 0);
    /// White: all channels at 255.
    pub const WHITE: Ink = Ink::rgb(255, 255, 255);

    /// From red, green and blue (JFIF: BT.601, full range).
    pub const fn rgb(red: u8, green: u8, blue: u8) -> Ink {
        let (r, g, b) = (red as i32, green as i32, blue as i32);
        // Q14; the gains of a row sum to 16384 or 0.
        let y = (4899 * r + 9617 * g + 1868 * b + (1 << 13)) >> 14;
        let u = 128 + ((8192 * b - 2765 * r - 5427 * g + (1 << 13)) >> 14);
        let v = 128 + ((8192 * r - 6860 * g - 1332 * b + (1 << 13)) >> 14);
        Ink { y: byte(y), u: byte(u), v: byte(v) }
    }

    /// Black or white, depending on which has more contrast to this colour.
    pub const fn upon(self) -> Ink {
        if self.y > 140 { Ink::BLACK } else { Ink::WHITE }
    }
}

const fn byte(value: i32) -> u8 {
    if value < 0 {
        0
    } else if value > 255 {
        255
    } else {
        value as u8
    }
}
