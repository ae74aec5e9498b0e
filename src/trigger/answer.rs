//! Templates filled in: what is said when a trigger was taken, and when its acquisition has ended.

use std::fmt::Write;

use crate::config::trigger::{Field, Piece, Template};
use crate::types::{AcquisitionId, Inspection, Verdict};

/// What is known when a trigger was taken.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// The acquisition's number.
    pub id: AcquisitionId,
    /// The trigger's name.
    pub name: &'a str,
    /// What came with it.
    pub text: &'a str,
    /// The product that is selected.
    pub product: &'a str,
}

/// Fills `line` with the acknowledgement. Fields of the end stay empty: the configuration refuses them.
pub fn acknowledge(template: &Template, taken: Taken<'_>, line: &mut String) {
    fill(template, line, |field, line| match field {
        Field::Id => number(line, taken.id),
        Field::Name => line.push_str(taken.name),
        Field::Text => line.push_str(taken.text),
        Field::Product => line.push_str(taken.product),
        Field::Outcome | Field::OutcomeCapital | Field::RoisNg | Field::TotalUs => {}
    });
}

/// Fills `line` with the verdict.
pub fn answer(template: &Template, inspection: &Inspection, line: &mut String) {
    let outcome = inspection.outcome.as_str();
    fill(template, line, |field, line| match field {
        Field::Id => number(line, inspection.id),
        Field::Name => line.push_str(&inspection.trigger.name),
        Field::Text => line.push_str(inspection.trigger.text.as_deref().unwrap_or_default()),
        Field::Product => line.push_str(&inspection.product),
        Field::Outcome => line.push_str(outcome),
        Field::OutcomeCapital => line.extend(outcome.chars().map(|c| c.to_ascii_uppercase())),
        Field::RoisNg => {
            let bad = inspection.rois.iter().filter(|roi| roi.verdict == Verdict::Ng).count();
            number(line, bad as u64);
        }
        Field::TotalUs => number(line, inspection.latency.total_us.into()),
    });
}

fn number(line: &mut String, number: u64) {
    // Writing into a `String` cannot fail.
    let _ = write!(line, "{number}");
}

fn fill(template: &Template, line: &mut String, mut field: impl FnMut(Field, &mut String)) {
    line.clear();
    for piece in template.pieces() {
        match piece {
            Piece::Text(text) => line.push_str(text),
            Piece::Field(name) => field(*name, line),
        }
    }
}
