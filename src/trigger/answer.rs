//! What is answered on a connection: the acknowledgement of a trigger that was taken, and the verdict that the
//! thread which ends its acquisition passes to the port.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::config::trigger::{AnswerTemplate, TemplateField, TemplatePiece};
use crate::types::{AcquisitionId, Inspection, OnComplete, Verdict};

/// Most verdicts that may wait for the port's thread, which fetches them at once.
const MOST: usize = 4_096;

/// The verdicts of one connection. Those that come after it is closed are counted and not kept for the next
/// connection: after a cable was unplugged, an old `OK` would be taken for the verdict on the next part.
pub struct Verdicts {
    // A blocking mutex: held for a push or a pop, never across an await.
    inner: Mutex<VerdictsInner>,
    outcome: Notify,
    undelivered: Arc<AtomicU64>,
}

#[derive(Default)]
struct VerdictsInner {
    queue: VecDeque<Arc<Inspection>>,
    /// Triggers that were pulled and have not ended.
    pending: u64,
    closed: bool,
}

impl Verdicts {
    /// Makes the state of an open connection. `undelivered` counts verdicts that cannot be written on it,
    /// also after its end.
    pub fn new(undelivered: Arc<AtomicU64>) -> Verdicts {
        Verdicts { inner: Mutex::default(), outcome: Notify::new(), undelivered }
    }

    /// Announces a trigger that is about to be pulled, whose verdict will arrive here.
    pub fn expect(&self) {
        self.inner().pending += 1;
    }

    /// Removes and returns the oldest verdict; `None` where none waits.
    pub fn take(&self) -> Option<Arc<Inspection>> {
        self.inner().queue.pop_front()
    }

    /// Whether no verdict is expected and none waits to be taken.
    pub fn is_idle(&self) -> bool {
        let inner = self.inner();
        inner.pending == 0 && inner.queue.is_empty()
    }

    /// Returns when a verdict may wait to be taken.
    pub async fn outcome(&self) {
        self.outcome.notified().await;
    }

    /// Ends the connection: waiting and later verdicts count as undelivered.
    pub fn close(&self) {
        let mut inner = self.inner();
        inner.closed = true;
        self.undelivered.fetch_add(inner.queue.len() as u64, Ordering::Relaxed);
        inner.queue.clear();
    }

    fn inner(&self) -> MutexGuard<'_, VerdictsInner> {
        self.inner.lock()
    }
}

impl OnComplete for Verdicts {
    fn completed(&self, inspection: &Arc<Inspection>) {
        let mut inner = self.inner();
        inner.pending = inner.pending.saturating_sub(1);
        if inner.closed || inner.queue.len() == MOST {
            self.undelivered.fetch_add(1, Ordering::Relaxed);
        } else {
            inner.queue.push_back(inspection.clone());
        }
        drop(inner);
        self.outcome.notify_one();
    }
}

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
