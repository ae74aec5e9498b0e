//! The colours of marks. A colour never carries information alone: a name, a number or a sign stands beside
//! it.

use crate::image::draw::Ink;
use crate::types::{Outcome, Verdict};

/// One colour for each class, distinct from each other and bright enough on most pictures.
const CLASSES: [Ink; 12] = [
    Ink::rgb(51, 136, 255),
    Ink::rgb(255, 140, 0),
    Ink::rgb(0, 190, 170),
    Ink::rgb(230, 60, 180),
    Ink::rgb(240, 220, 40),
    Ink::rgb(150, 90, 255),
    Ink::rgb(90, 200, 250),
    Ink::rgb(150, 215, 30),
    Ink::rgb(255, 110, 95),
    Ink::rgb(255, 160, 200),
    Ink::rgb(120, 235, 170),
    Ink::rgb(210, 160, 90),
];
const GREEN: Ink = Ink::rgb(40, 180, 80);
const RED: Ink = Ink::rgb(230, 40, 40);
const AMBER: Ink = Ink::rgb(255, 180, 0);

/// The colour of zones and counting lines.
pub(super) const PLACE: Ink = Ink::rgb(0, 200, 220);

/// The colour of a class of objects; the number beside it distinguishes objects of one class.
pub(super) fn of_class(class: u16) -> Ink {
    CLASSES[usize::from(class) % CLASSES.len()]
}

/// Colour and sign of a verdict.
pub(super) fn of_verdict(verdict: Verdict) -> (Ink, char) {
    match verdict {
        Verdict::Ok => (GREEN, '✓'),
        Verdict::Ng => (RED, '✗'),
        Verdict::Error => (AMBER, '!'),
    }
}

/// Colour and word of the whole part.
pub(super) fn of_outcome(outcome: Outcome) -> (Ink, &'static str) {
    match outcome {
        Outcome::Ok => (GREEN, "OK"),
        Outcome::Ng => (RED, "NG"),
        Outcome::Error => (AMBER, "ERROR"),
        Outcome::Missed => (AMBER, "MISSED"),
        Outcome::Overrun => (AMBER, "OVERRUN"),
    }
}
