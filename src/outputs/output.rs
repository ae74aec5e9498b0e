//! One output and its state: what it does next is decided from events and time alone, without any I/O.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::record::{OffOrder, OnRecord};
use super::service::RunAsk;
use crate::backoff::Backoff;
use crate::config::OutputConfig;
use crate::contract::{CommandStatus, CommandValue, OutputState};
use crate::types::{Explanation, Stamp, rfc3339};

/// Runs of one command that may wait while one is under way.
pub(super) const WAITING: usize = 8;
/// Requests that may wait until an output is confirmed to be off.
pub(super) const OFF_WAITING: usize = 64;
/// Pauses between attempts to turn an output off: they double from the first to the longest.
const RETRY: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// A command and its output.
pub(super) struct Output {
    pub(super) name: String,
    /// The settings in force; `None` where the configuration has lost the command.
    pub(super) settings: Option<Arc<OutputConfig>>,
    pub(super) phase: Phase,
    /// The message that is under way.
    pub(super) job: Option<Job>,
    /// Runs that wait for their turn.
    pub(super) waiting: VecDeque<RunAsk>,
    /// Requests that wait until it is off, by number.
    pub(super) off_asks: Vec<u64>,
    /// Since when it is in its phase, nanoseconds since 1970; `None` before the first run.
    pub(super) since_ns: Option<u64>,
    /// Who, or which rule, changed it last.
    pub(super) by: Option<String>,
    pub(super) off_cause: Option<String>,
    /// Why it is not confirmed to be off.
    pub(super) fault: Option<Explanation>,
    /// What was published last.
    pub(super) published: Option<CommandStatus>,
}

/// Where an output stands.
pub(super) enum Phase {
    Off,
    On(OnState),
    TurningOff(OffState),
}

/// An output that is on.
#[derive(Clone)]
pub(super) struct OnState {
    pub(super) record: OnRecord,
    pub(super) off_at: Option<Stamp>,
}

/// An output that is being turned off until that is confirmed.
pub(super) struct OffState {
    pub(super) order: OffOrder,
    pub(super) cause: OffCause,
    backoff: Backoff,
    /// When the next attempt is due, on the monotonic clock.
    pub(super) next_ns: u64,
    pub(super) failures: u32,
}

/// A message that is under way.
pub(super) enum Job {
    Run(Box<RunJob>),
    /// A run that was given up because its output is turned off.
    GivenUp,
    Off,
}

/// A run whose message is under way.
pub(super) struct RunJob {
    pub(super) ask: RunAsk,
    pub(super) values: BTreeMap<String, CommandValue>,
    /// The state once it is confirmed; `None` where the command leaves nothing on.
    pub(super) next: Option<OnState>,
    pub(super) abort: tokio::task::AbortHandle,
}

impl Job {
    /// The state that a run leads to, where it turns something on.
    fn next(&self) -> Option<&OnState> {
        match self {
            Job::Run(run) => run.next.as_ref(),
            Job::GivenUp | Job::Off => None,
        }
    }
}

/// Why an output is turned off.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum OffCause {
    Asked { by: String },
    Time { ms: u128 },
    Interlock { reasons: String },
    FailedRun { cause: String },
    Restart,
    NewBoot,
    Late,
    LostStore,
    Stop,
    Reload,
}

impl OffCause {
    /// The rule for the audit log and the status; a person's name where one asked.
    pub(super) fn by(&self) -> &str {
        match self {
            OffCause::Asked { by } => by,
            OffCause::Time { .. } | OffCause::Late => "off_after_ms",
            OffCause::Interlock { .. } => "interlock",
            OffCause::FailedRun { .. } => "failed run",
            OffCause::Restart | OffCause::NewBoot | OffCause::LostStore => "restart",
            OffCause::Stop => "stop",
            OffCause::Reload => "reload",
        }
    }
}

impl fmt::Display for OffCause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OffCause::Asked { by } => write!(out, "asked for by {by}"),
            OffCause::Time { ms } => write!(out, "it was on for {ms} ms (off_after_ms)"),
            OffCause::Interlock { reasons } => write!(out, "its interlock opened: {reasons}"),
            OffCause::FailedRun { cause } => write!(out, "a run was not confirmed: {cause}"),
            OffCause::Restart => write!(out, "the service ended while it was on"),
            OffCause::NewBoot => write!(out, "the machine was started anew while it was on"),
            OffCause::Late => write!(out, "off_after_ms passed while no service ran"),
            OffCause::LostStore => write!(out, "the store was lost, so it may be on"),
            OffCause::Stop => write!(out, "the service stops"),
            OffCause::Reload => write!(out, "its configuration changed"),
        }
    }
}

impl Output {
    pub(super) fn new(name: &str, settings: Option<Arc<OutputConfig>>) -> Output {
        Output {
            name: name.to_owned(),
            settings,
            phase: Phase::Off,
            job: None,
            waiting: VecDeque::new(),
            off_asks: Vec::new(),
            since_ns: None,
            by: None,
            off_cause: None,
            fault: None,
            published: None,
        }
    }

    /// How its output is turned off: as it was turned on; where it is off, as the configuration says.
    pub(super) fn off_order(&self) -> Option<OffOrder> {
        let next = self.job.as_ref().and_then(Job::next);
        match (&self.phase, next) {
            (Phase::TurningOff(off), _) => Some(off.order.clone()),
            (_, Some(next)) => Some(next.record.order.clone()),
            (Phase::On(on), None) => Some(on.record.order.clone()),
            (Phase::Off, None) => self.settings.as_deref().and_then(OffOrder::of),
        }
    }

    /// The state of an output that is on, or that a message under way turns on: the instrument may have taken that
    /// message long before it answers. Of an output that is on already its own state counts, whose time is the
    /// shorter one.
    pub(super) fn on_state(&self) -> Option<&OnState> {
        match &self.phase {
            Phase::On(on) => Some(on),
            Phase::Off => self.job.as_ref().and_then(Job::next),
            Phase::TurningOff(_) => None,
        }
    }

    /// Whether it is on, or a message is under way that turns it on.
    pub(super) fn may_be_on(&self) -> bool {
        self.on_state().is_some()
    }

    /// Whether neither a rule nor a message has anything to do with it.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Off) && !self.may_be_on()
    }

    /// When it is due to be turned off, or to be tried again, on the monotonic clock.
    pub(super) fn due_ns(&self) -> Option<u64> {
        match &self.phase {
            Phase::TurningOff(off) => Some(off.next_ns).filter(|_| self.job.is_none()),
            _ => self.on_state()?.off_at.map(|at| at.mono_ns),
        }
    }

    /// The state that a run begun at `now` leads to: the time until it is off counts from the first message, and
    /// from a further one only where the command is renewable.
    pub(super) fn state_after(
        &self,
        settings: &OutputConfig,
        values: &BTreeMap<String, CommandValue>,
        by: &str,
        now: Stamp,
    ) -> Option<OnState> {
        let mut record = OnRecord::new(OffOrder::of(settings)?, values.clone(), by);
        let fresh = settings.off_after.map(|after| now.plus(after));
        let (since_ns, off_at) = match &self.phase {
            Phase::On(on) if settings.renewable => (on.record.since_wall_ns, fresh),
            Phase::On(on) => (on.record.since_wall_ns, on.off_at),
            _ => (now.wall_ns, fresh),
        };
        record.since_wall_ns = since_ns;
        Some(OnState { record, off_at })
    }

    /// Begins to turn it off. An attempt that is already going on goes on, and a paused one is made at once.
    pub(super) fn turn_off(&mut self, order: OffOrder, cause: OffCause, now: Stamp) {
        self.by = Some(cause.by().to_owned());
        self.off_cause = Some(cause.to_string());
        if let Phase::TurningOff(off) = &mut self.phase {
            off.next_ns = now.mono_ns;
            return;
        }
        self.since_ns = Some(now.wall_ns);
        let backoff = Backoff::new(RETRY, RETRY_MAX);
        self.phase = Phase::TurningOff(OffState { order, cause, backoff, next_ns: now.mono_ns, failures: 0 });
    }

    /// An attempt to turn it off was not confirmed: the next one follows after a pause. Returns how many failed.
    pub(super) fn off_failed(&mut self, why: &Explanation, now: Stamp) -> u32 {
        let Phase::TurningOff(off) = &mut self.phase else { return 0 };
        off.failures = off.failures.saturating_add(1);
        off.next_ns = now.plus(off.backoff.pause()).mono_ns;
        let cause = format!("{} is not confirmed to be off ({}): {}", self.name, off.cause, why.cause);
        let next = "it is tried again until it is confirmed; meanwhile turn it off by hand";
        let remedy = if why.remedy.is_empty() { next.to_owned() } else { format!("{next}; {}", why.remedy) };
        self.fault = Some(Explanation::new(cause, remedy));
        off.failures
    }

    /// It is confirmed to be off.
    pub(super) fn off_confirmed(&mut self, now: Stamp) {
        self.phase = Phase::Off;
        self.since_ns = Some(now.wall_ns);
        self.fault = None;
    }

    /// The state that is published; `open` names the conditions that do not hold.
    pub(super) fn status(&self, open: Vec<String>) -> CommandStatus {
        let turning_on = self.job.as_ref().and_then(Job::next).is_some();
        let state = match &self.phase {
            Phase::Off if turning_on => OutputState::TurningOn,
            Phase::Off => OutputState::Off,
            Phase::On(_) => OutputState::On,
            Phase::TurningOff(_) => OutputState::TurningOff,
        };
        let on = match &self.phase {
            Phase::On(on) => Some(on),
            _ => None,
        };
        CommandStatus {
            command: self.name.clone(),
            state,
            since: self.since_ns.map(rfc3339),
            values: on.map(|on| on.record.values.clone()).unwrap_or_default(),
            by: self.by.clone(),
            off_at: on.and_then(|on| on.off_at).map(|at| rfc3339(at.wall_ns)),
            off_cause: self.off_cause.clone().filter(|_| on.is_none()),
            open,
            fault: self.fault.as_ref().map(ToString::to_string),
        }
    }
}
