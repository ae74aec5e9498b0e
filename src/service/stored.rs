//! The service's work for its store: it reserves numbers ahead, reports losses, and, once a full disk has
//! space again, reads what it could not read at the start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::domains::Domains;
use super::publisher::StatusPublisher;
use crate::commands::service::DumpedOut;
use crate::recognition::people::finish_erasures;
use crate::store::{Loss, Numbers, Opened, Store, StoreDump};
use crate::supervisor::{Beat, Stop, Unit};
use crate::types::{Clock, Doubt, Explanation, Origin, Refusal, SystemClock};

/// How often the unit checks if nothing wakes it.
const LOOK: Duration = Duration::from_millis(200);
/// Pause between two attempts to open a store that a full disk keeps closed.
const RETRY: Duration = Duration::from_secs(1);
/// The alarm about a store that was lost, or that is not open yet.
const ALARM: &str = "store";
/// The alarm about numbers that could be used twice.
const NUMBERS: &str = "numbers";
/// The alarm about a clock that retention cannot rely on.
const CLOCK: &str = "clock";

/// Reports the outcome of opening the store; true where an earlier one was lost.
pub(super) fn report(opened: &Opened, publisher: &StatusPublisher) -> bool {
    let loss = opened.store.take_loss();
    if let Some(loss) = &loss {
        publisher.alarm(ALARM, &lost(loss));
    }
    match &opened.waiting {
        None => tidy_gallery(&opened.store, publisher),
        Some(error) => {
            let mut why = error.explanation().within("the store is not open yet");
            why.cause.push_str(" (until then events and numbers are in memory, and golden pictures and people cannot be read)");
            publisher.alarm(ALARM, &why);
        }
    }
    loss.is_some()
}

/// The store of the running service.
pub(super) struct OpenStore {
    pub(super) store: Store,
    /// The numbers of acquisitions and of tracked objects.
    pub(super) numbers: Numbers,
    /// Whether the store is still closed because the disk was full at the start.
    waits: AtomicBool,
    /// Whether an earlier store was lost since the process began.
    lost: AtomicBool,
}

impl OpenStore {
    pub(super) fn new(opened: &Opened, lost: bool) -> OpenStore {
        OpenStore {
            store: opened.store.clone(),
            numbers: Numbers::new(opened.store.clone()),
            waits: AtomicBool::new(opened.waiting.is_some()),
            lost: AtomicBool::new(lost),
        }
    }

    /// Whether an earlier store was lost since the process began: nobody knows what it held.
    pub(super) fn was_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// The unit that looks after the store. Not essential: without it numbers are reserved when they are
    /// needed.
    pub(super) fn unit(self: &Arc<OpenStore>, domains: &Arc<Domains>, publisher: &StatusPublisher) -> Unit {
        let (store, domains, publisher) = (self.clone(), domains.clone(), publisher.clone());
        Unit::new("store", move |context| {
            store.follow(&domains, &publisher, &SystemClock, &context.stop, &context.beat);
            Ok(())
        })
    }

    fn follow(
        &self,
        domains: &Domains,
        publisher: &StatusPublisher,
        clock: &dyn Clock,
        stop: &Stop,
        beat: &Beat,
    ) {
        let (mut fault, mut doubted) = (None, None);
        let mut try_at = clock.monotonic();
        while !stop.is_stopped() {
            beat.beat();
            self.numbers.wait_low(LOOK);
            let found = self.numbers.refill().err();
            if found != fault {
                publisher.alarm_while(NUMBERS, found.as_ref().map(|fault| fault.explanation()).as_ref());
                fault = found;
            }
            if self.waits.load(Ordering::Acquire) && clock.monotonic() >= try_at {
                self.try_open(domains, publisher);
                try_at = clock.monotonic() + RETRY;
            }
            if let Some(loss) = self.store.take_loss() {
                self.lost.store(true, Ordering::Release);
                publisher.alarm(ALARM, &lost(&loss));
            }
            let doubt = clock_doubt(domains);
            if doubt != doubted {
                publisher.alarm_while(CLOCK, doubt.as_ref());
                doubted = doubt;
            }
        }
    }

    /// Opens the store that a full disk kept closed, and reads what the start would have read.
    fn try_open(&self, domains: &Domains, publisher: &StatusPublisher) {
        if let Err(error) = self.store.ready() {
            return tracing::debug!("the store is not open yet: {error}");
        }
        self.waits.store(false, Ordering::Release);
        tracing::info!("the store is open: golden pictures and people are read now");
        publisher.clear_alarm(ALARM);
        publisher.clear_alarm("gallery");
        tidy_gallery(&self.store, publisher);
        domains.inspection.select_again();
        domains.recognition.refresh_gallery();
    }

    /// Writes the contents of the store into files beside it, for a backup on this machine.
    pub(super) fn dump(&self, origin: Origin) -> Result<DumpedOut, Refusal> {
        if !matches!(origin, Origin::Cli { .. }) {
            let reason = "a backup is made on the machine itself";
            return Err(Refusal::new("not_here", reason, "run `ocellus backup FILE` there"));
        }
        let StoreDump { folder, schema, entries } = self.store.dump().map_err(|error| error.to_string())?;
        Ok(DumpedOut { folder, schema, entries })
    }

    /// After the last unit has ended: returns unused reserved numbers, and closes the store.
    pub(super) fn finish(&self) {
        if let Err(error) = self.numbers.give_back() {
            tracing::warn!("some numbers will be skipped after the next start: {error}");
        }
        if let Err(error) = self.store.finish() {
            tracing::warn!("the store is not closed in order; all of it is read at the next start: {error}");
        }
    }
}

/// Why nothing is deleted by age, if a person has to check the clock. The normal hour of observation
/// after a start is not reported.
fn clock_doubt(domains: &Domains) -> Option<Explanation> {
    let doubts = [
        domains.evidence.age_doubt(),
        domains.recorders.age_doubt(),
        domains.attendance.age_doubt(),
        domains.intake.age_doubt(),
    ];
    let doubt = doubts.into_iter().flatten().find(|doubt| *doubt != Doubt::Unwatched)?;
    Some(Explanation::new(
        format!(
            "nothing is deleted by its age (evidence.max_days, recorder.max_days, attendance.keep_days, \
             intake_store.keep_days): {doubt}"
        ),
        "look at the clock and at its time service",
    ))
}

/// Interrupted erasures come first, so that nothing of those people is shown or sent.
fn tidy_gallery(store: &Store, publisher: &StatusPublisher) {
    match finish_erasures(store) {
        Ok(0) => {}
        Ok(people) => tracing::info!(people, "interrupted erasures are finished"),
        Err(error) => {
            publisher.alarm("gallery", &error.explanation().within("the gallery is not in order"));
        }
    }
}

/// The alarm text for a store that was lost.
fn lost(loss: &Loss) -> Explanation {
    let Loss { cause, set_aside } = loss;
    let rest = "a new one was begun; events that were still in the old one are not sent, and each stream announces \
                a gap over the numbers that may be missing";
    match set_aside {
        Some(aside) => Explanation::new(
            format!("the store was damaged ({cause}) and has been set aside as {}; {rest}", aside.display()),
            "keep it for support, or delete it to end this alarm at the next start",
        ),
        None => Explanation::new(format!("{cause}; {rest}"), "this alarm ends at the next start"),
    }
}
