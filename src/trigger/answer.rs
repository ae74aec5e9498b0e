//! Fills in the templates of acknowledgement and answer: when a trigger is taken, and when its acquisition
//! ends.

use std::fmt::Write;

use crate::config::trigger::{AnswerTemplate, TemplateField, TemplatePiece};
use crate::types::{AcquisitionId, Inspection, Verdict};

/// The facts about a trigger that was taken, for its acknowledgement.
#[derive(Clone, Copy, Debug)]
pub struct TakenTrigger<'a> {
    /// The number of the acquisition that began.
    pub id: AcquisitionId,
    /// The configured name of the trigger.
    pub name: &'a str,
    /// The text that came with the trigger.
    pub text: &'a str,
    /// The product selected at that moment.
    pub product: &'a str,
}

/// Fills `line` with the acknowledgement. Fields of the verdict stay empty; the configuration refuses them
/// here.
pub fn acknowledge(template: &AnswerTemplate, taken: TakenTrigger<'_>, line: &mut String) {
    fill(template, line, |field, line| match field {
        TemplateField::Id => number(line, taken.id),
        TemplateField::Name => line.push_str(taken.name),
        TemplateField::Text => line.push_str(taken.text),
        TemplateField::Product => line.push_str(taken.product),
        TemplateField::Outcome
        | TemplateField::OutcomeCapital
        | TemplateField::RoisNg
        | TemplateField::TotalUs => {}
    });
}

/// Fills `line` with the verdict of `inspection`.
pub fn answer(template: &AnswerTemplate, inspection: &Inspection, line: &mut String) {
    let outcome = inspection.outcome.as_str();
    fill(template, line, |field, line| match field {
        TemplateField::Id => number(line, inspection.id),
        TemplateField::Name => line.push_str(&inspection.trigger.name),
        TemplateField::Text => line.push_str(inspection.trigger.text.as_deref().unwrap_or_default()),
        TemplateField::Product => line.push_str(&inspection.product),
        TemplateField::Outcome => line.push_str(outcome),
        TemplateField::OutcomeCapital => line.extend(outcome.chars().map(|c| c.to_ascii_uppercase())),
        TemplateField::RoisNg => {
            let bad = inspection.rois.iter().filter(|roi| roi.verdict == Verdict::Ng).count();
            number(line, bad as u64);
        }
        TemplateField::TotalUs => number(line, inspection.latency.total_us.into()),
    });
}

fn number(line: &mut String, number: u64) {
    // Writing into a `String` cannot fail.
    let _ = write!(line, "{number}");
}

fn fill(template: &AnswerTemplate, line: &mut String, mut field: impl FnMut(TemplateField, &mut String)) {
    line.clear();
    for piece in template.pieces() {
        match piece {
            TemplatePiece::Text(text) => line.push_str(text),
            TemplatePiece::TemplateField(name) => field(*name, line),
        }
    }
}
