//! The loop that supervises all outputs: deadlines, interlocks, requests, a new configuration, and the end.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;

use super::interlock;
use super::jobs::{JobEnd, Links};
use super::output::{Job, OffCause, Output, Phase};
use super::reading::RecordReader;
use super::records::Records;
use super::requests::OffAsk;
use super::service::{OutputsShared, RunAsk};
use super::{OutputError, OutputNote};
use crate::config::OutputConfig;
use crate::supervisor::{Beat, Stop};

/// How often interlocks are read while an output is on, and a stop is noticed.
const LOOK: Duration = Duration::from_millis(50);
/// How often the unit looks while everything is off.
const IDLE: Duration = Duration::from_millis(250);
/// How long the end of the service waits for outputs to be confirmed off. What is not is on record: the next start
/// goes on with it.
const DRAIN: Duration = Duration::from_secs(3);

/// All outputs, and the messages that are under way.
pub(super) struct Engine {
    pub(super) shared: Arc<OutputsShared>,
    pub(super) outputs: Vec<Output>,
    pub(super) jobs: JoinSet<JobEnd>,
    pub(super) links: Links,
    /// Requests to turn off that are not answered yet, by number.
    pub(super) off_asks: HashMap<u64, OffAsk>,
    pub(super) off_asked: u64,
    /// Why records of the last start are not read yet; `None` once they are.
    pub(super) unread: Option<String>,
    pub(super) records: Records,
    pub(super) reader: RecordReader,
    loss_handled: bool,
    pub(super) stopping: bool,
}

impl Engine {
    pub(super) fn new(shared: Arc<OutputsShared>) -> Engine {
        Engine {
            records: Records::new(shared.store.outputs()),
            shared,
            outputs: Vec::new(),
            jobs: JoinSet::new(),
            links: Links::default(),
            off_asks: HashMap::new(),
            off_asked: 0,
            unread: Some("the store is being read".into()),
            reader: RecordReader::default(),
            loss_handled: false,
            stopping: false,
        }
    }

    /// Supervises until `stop`, then turns off what is on, within a bound.
    pub(super) async fn run(&mut self, stop: &Stop, beat: &Beat) {
        self.begin_again();
        self.stopping = false;
        self.shared.inbox.lock().closed = false;
        while !stop.is_stopped() {
            beat.beat();
            self.turn();
            self.wait().await;
        }
        self.begin_end();
        let until = self.shared.clock.monotonic() + DRAIN;
        while self.is_busy() && self.shared.clock.monotonic() < until {
            beat.beat();
            self.turn();
            self.wait().await;
        }
        for output in self.outputs.iter().filter(|output| matches!(output.phase, Phase::TurningOff(_))) {
            let command = &output.name;
            tracing::error!(command, "it is not confirmed to be off; the next start goes on with it");
        }
        self.close();
    }

    /// Refuses what still waits, because it is not done any more.
    fn close(&mut self) {
        let mut inbox = self.shared.inbox.lock();
        inbox.closed = true;
        let asks = inbox.take();
        drop(inbox);
        asks.for_each(|ask| ask.reply.failed(OutputError::Stopping.refusal()));
        for ask in std::mem::take(&mut self.off_asks).into_values() {
            ask.end(&OutputError::Stopping);
        }
    }

    /// Begins the end of the service: nothing is turned on any more, and what is on is turned off. It begins before the
    /// other units end, which may take long.
    fn begin_end(&mut self) {
        if std::mem::replace(&mut self.stopping, true) {
            return;
        }
        let waiting: Vec<RunAsk> =
            self.outputs.iter_mut().flat_map(|output| output.waiting.drain(..)).collect();
        waiting.into_iter().for_each(|ask| self.refuse_run(ask, &OutputError::Stopping));
        self.turn_off_where(OffCause::Stop, |output| {
            output.may_be_on() && output.off_order().is_some_and(|order| order.on_stop)
        });
    }

    /// After a panic of an earlier run: its messages are lost, so what they were about is turned off.
    fn begin_again(&mut self) {
        self.jobs = JoinSet::new();
        self.links = Links::default();
        let now = self.shared.clock.now();
        for output in &mut self.outputs {
            let order = output.off_order();
            match (output.job.take(), order) {
                (Some(Job::Run(run)), order) => {
                    run.ask.reply.failed("the command failed inside the service; see its log");
                    if let Some(order) = order {
                        output.turn_off(order, OffCause::FailedRun { cause: "see the log".into() }, now);
                    }
                }
                (Some(Job::GivenUp | Job::Off) | None, _) => {}
            }
        }
    }

    fn turn(&mut self) {
        if self.unread.is_some() {
            self.read_records();
        }
        self.take_configuration();
        self.handle_loss();
        if self.shared.ending.load(Ordering::Acquire) {
            self.begin_end();
        }
        let asks = self.shared.inbox.lock().take();
        asks.for_each(|ask| self.handle(ask));
        self.look_at_rules();
        self.begin_jobs();
        self.publish();
    }

    /// Waits for the next event: a message that ended, a request, or a time.
    async fn wait(&mut self) {
        let pause = self.pause();
        let shared = self.shared.clone();
        let ended = tokio::select! {
            biased;
            Some(ended) = self.jobs.join_next_with_id(), if !self.jobs.is_empty() => Some(ended),
            () = shared.wake.notified() => None,
            () = tokio::time::sleep(pause) => None,
        };
        if let Some(ended) = ended {
            self.ended(ended);
        }
    }

    fn pause(&self) -> Duration {
        let now = self.shared.clock.now().mono_ns;
        let due = self.outputs.iter().filter_map(Output::due_ns).min();
        let rest = due.map(|due| Duration::from_nanos(due.saturating_sub(now)).max(Duration::from_millis(1)));
        let most = if self.outputs.iter().all(Output::is_idle) { IDLE } else { LOOK };
        rest.map_or(most, |rest| rest.min(most))
    }

    fn is_busy(&self) -> bool {
        !self.jobs.is_empty()
            || self.outputs.iter().any(|output| matches!(output.phase, Phase::TurningOff(_)))
    }

    /// Turns off what was on for too long, or whose interlock opened.
    fn look_at_rules(&mut self) {
        let now = self.shared.clock.now();
        let mut due = Vec::new();
        for output in &self.outputs {
            let Some(on) = output.on_state() else { continue };
            let settings = output.settings.as_deref();
            if on.off_at.is_some_and(|at| at.mono_ns <= now.mono_ns) {
                let ms = settings.and_then(|settings| settings.off_after).unwrap_or_default().as_millis();
                self.shared.totals.offs_by_time.inc();
                due.push((output.name.clone(), OffCause::Time { ms }));
            } else if let Some(settings) = settings.filter(|settings| settings.interlock.while_on) {
                let reasons = interlock::open(&settings.interlock, &*self.shared.readings);
                if !reasons.is_empty() {
                    self.shared.totals.offs_by_interlock.inc();
                    due.push((output.name.clone(), OffCause::Interlock { reasons: reasons.join("; ") }));
                }
            }
        }
        due.into_iter().for_each(|(name, cause)| self.turn_off(&name, cause));
    }

    pub(super) fn turn_off_where(&mut self, cause: OffCause, which: impl Fn(&Output) -> bool) {
        let names: Vec<String> =
            self.outputs.iter().filter(|output| which(output)).map(|output| output.name.clone()).collect();
        names.iter().for_each(|name| self.turn_off(name, cause.clone()));
    }

    /// Begins to turn off the output of `name`: a run that is under way is given up, and those that wait are refused.
    pub(super) fn turn_off(&mut self, name: &str, cause: OffCause) {
        let now = self.shared.clock.now();
        let Some(output) = self.outputs.iter_mut().find(|output| output.name == name) else { return };
        let Some(order) = output.off_order() else { return };
        if !matches!(output.phase, Phase::TurningOff(_)) {
            tracing::info!(command = name, "turning off: {cause}");
        }
        let error = OutputError::TurningOff { command: name.to_owned(), cause: cause.to_string() };
        let mut refused: Vec<RunAsk> = output.waiting.drain(..).collect();
        match output.job.take() {
            Some(Job::Run(run)) => {
                run.abort.abort();
                output.job = Some(Job::GivenUp);
                refused.push(run.ask);
            }
            job => output.job = job,
        }
        output.turn_off(order, cause, now);
        refused.into_iter().for_each(|ask| self.refuse_run(ask, &error));
    }

    /// Refuses a run, counts it, and notes it.
    pub(super) fn refuse_run(&self, ask: RunAsk, error: &OutputError) {
        self.shared.totals.refused.inc();
        let target = super::requests::target(&ask.request.name, &ask.request.values);
        let from = Some((ask.origin, ask.id.as_str()));
        let note =
            OutputNote { from, by: &ask.by, action: "command run", target: &target, outcome: error.code() };
        self.shared.host.note(&note);
        ask.reply.failed(error.refusal());
    }

    /// Where the store is lost, it is not known what is on: everything that can be is turned off.
    fn handle_loss(&mut self) {
        if !self.loss_handled && self.shared.host.store_was_lost() {
            self.loss_handled = true;
            self.turn_off_where(OffCause::LostStore, |output| matches!(output.phase, Phase::Off));
        }
    }

    /// Puts a new configuration into force.
    pub(super) fn take_configuration(&mut self) {
        let Some(coming) = self.shared.coming.lock().take() else { return };
        let named = |name: &str| coming.iter().find(|settings| settings.name == name).cloned();
        let changed = |output: &Output| output.settings != named(&output.name);
        self.turn_off_where(OffCause::Reload, |output| changed(output) && output.may_be_on());
        for output in &mut self.outputs {
            let settings = named(&output.name);
            if output.settings != settings {
                let error = OutputError::Unknown { name: output.name.clone(), known: String::new() };
                output.waiting.drain(..).for_each(|ask| ask.reply.failed(error.refusal()));
                output.settings = settings;
            }
        }
        // In the order of the file; what is still being turned off comes last.
        let mut outputs = std::mem::take(&mut self.outputs);
        for settings in coming {
            let known = outputs.iter().position(|output| output.name == settings.name);
            let output = known.map(|at| outputs.remove(at));
            self.outputs.push(output.unwrap_or_else(|| Output::new(&settings.name.clone(), Some(settings))));
        }
        self.outputs.append(&mut outputs);
    }

    /// Publishes what has changed, and drops commands that are gone and off.
    fn publish(&mut self) {
        let gone = |output: &Output| {
            output.settings.is_none() && matches!(output.phase, Phase::Off) && output.job.is_none()
        };
        for output in self.outputs.iter().filter(|output| gone(output)) {
            self.shared.host.forget(&output.name);
            self.shared.faults.lock().remove(&output.name);
        }
        self.outputs.retain(|output| !gone(output));
        for output in &mut self.outputs {
            let open = open_conditions(output.settings.as_deref(), &self.shared);
            let status = output.status(open);
            if output.published.as_ref() != Some(&status) {
                self.shared.host.status(&status);
                self.shared.faults.lock().insert(output.name.clone(), output.fault.clone());
                output.published = Some(status);
            }
        }
    }
}

/// The conditions that do not hold, without their readings: those change all the time, and a retained message is
/// published only where something has happened.
fn open_conditions(settings: Option<&OutputConfig>, shared: &OutputsShared) -> Vec<String> {
    let conditions = settings.map(|settings| interlock::evaluate(&settings.interlock, &*shared.readings));
    let open = conditions.unwrap_or_default().into_iter().filter(|condition| !condition.holds);
    open.map(|condition| condition.condition).collect()
}
