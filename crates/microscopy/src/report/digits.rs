//! Digits of 5 by 7 dots, drawn here after the shapes of dot matrix displays: a picture needs no font for its ids.

/// Dots in a row of a digit.
pub(super) const WIDTH: usize = 5;
/// Rows of a digit.
pub(super) const HEIGHT: usize = 7;
/// Dots from one digit to the next.
pub(super) const ADVANCE: usize = 6;

/// The rows of each digit, top first; the highest of 5 bits is the left dot.
const DIGITS: [[u8; HEIGHT]; 10] = [
    [0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
    [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
    [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
    [0b11110, 0b00001, 0b00001, 0b01110, 0b00001, 0b00001, 0b11110],
    [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
    [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
    [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
    [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000],
    [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
    [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
];

/// The dots of a number, as x and y from its upper left corner.
pub(super) fn dots(number: u32) -> Vec<(usize, usize)> {
    let mut dots = Vec::new();
    for (place, digit) in number.to_string().bytes().enumerate() {
        let rows = &DIGITS[usize::from(digit - b'0')];
        for (y, row) in rows.iter().enumerate() {
            let lit = (0..WIDTH).filter(|x| row >> (WIDTH - 1 - x) & 1 == 1);
            dots.extend(lit.map(|x| (place * ADVANCE + x, y)));
        }
    }
    dots
}
