//! Messages that are under way: each is a separate future, which begins when its line is free and whose end is handled
//! here.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::task::{Id, JoinError};

use super::engine::Engine;
use super::link::{Connection, Exchanged, LinkFault, Message, exchange};
use super::output::{Job, OffCause, OnState, Phase, RunJob};
use super::record::{BootTime, OffOrder};
use super::records::{Records, StoreTrouble};
use super::requests::target;
use super::service::RunAsk;
use super::values::{check, message};
use super::{OutputError, OutputNote, OutputsHost};
use crate::config::output::{MessageTemplate, Transport};
use crate::contract::CommandValue;
use crate::types::{Explanation, Stamp};

/// The values of a run by the names of their parameters.
type Values = BTreeMap<String, CommandValue>;

/// The end of a message.
pub(super) struct JobEnd {
    outcome: Outcome,
    connection: Option<Connection>,
}

enum Outcome {
    /// It was not sent, because the record could not be written.
    NotStored(StoreTrouble),
    Exchanged(Exchanged),
}

/// The lines to instruments: of two commands on one line one waits for the other.
#[derive(Default)]
pub(super) struct Links {
    lines: HashMap<String, LineState>,
    /// The command and the line of each message that is under way.
    running: HashMap<Id, (String, String)>,
}

#[derive(Default)]
struct LineState {
    busy: bool,
    kept: Option<Connection>,
    /// The last message may have been cut off.
    after_fault: bool,
}

/// The line of a message. A connection that is made for one message is not shared.
fn line_of(transport: &Transport, command: &str) -> String {
    match transport {
        Transport::Serial(port) => format!("serial {}", port.path.display()),
        Transport::Tcp { address, keep_open: true } => format!("tcp {address}"),
        Transport::Tcp { .. } | Transport::Mqtt { .. } => format!("command {command}"),
    }
}

impl Links {
    fn is_free(&self, line: &str) -> bool {
        !self.lines.get(line).is_some_and(|state| state.busy)
    }

    /// Takes the line, with its open connection and whether a message on it was cut off.
    fn take(&mut self, line: &str) -> (Option<Connection>, bool) {
        let state = self.lines.entry(line.to_owned()).or_default();
        state.busy = true;
        (state.kept.take(), state.after_fault)
    }
}

impl Engine {
    /// Begins the messages that are due: first those that turn something off.
    pub(super) fn begin_jobs(&mut self) {
        let now = self.shared.clock.now();
        for at in 0..self.outputs.len() {
            let output = &self.outputs[at];
            if let (Phase::TurningOff(off), None) = (&output.phase, &output.job)
                && off.next_ns <= now.mono_ns
                && self.links.is_free(&line_of(&off.order.transport, &output.name))
            {
                let order = off.order.clone();
                self.begin_off(at, &order, now);
            }
        }
        for at in 0..self.outputs.len() {
            while let Some(ask) = self.next_run(at) {
                self.begin_run(at, ask, now);
            }
        }
    }

    fn next_run(&mut self, at: usize) -> Option<RunAsk> {
        let output = &mut self.outputs[at];
        let settings = output.settings.as_ref()?;
        let is_free = output.job.is_none() && self.links.is_free(&line_of(&settings.transport, &output.name));
        if is_free { output.waiting.pop_front() } else { None }
    }

    fn begin_off(&mut self, at: usize, order: &OffOrder, now: Stamp) {
        let output = &mut self.outputs[at];
        let line = line_of(&order.transport, &output.name);
        let (kept, after_fault) = self.links.take(&line);
        let text = message(&MessageTemplate::parse(&order.text), &Default::default(), now.wall_ns);
        let (transport, dialogue) = (order.transport.clone(), order.dialogue.clone());
        let message = Message { transport, dialogue, text, after_fault };
        let (records, host) = (self.records.clone(), self.shared.host.clone());
        let (name, record) = (output.name.clone(), output.name.clone());
        let job = self.jobs.spawn(async move {
            let (exchanged, connection) = exchange(&message, kept, &host).await;
            if exchanged.is_ok()
                && let Err(cause) = records.set(&record, None).await
            {
                tracing::warn!("an output that is off is still on record, and is turned off again: {cause}");
            }
            JobEnd { outcome: Outcome::Exchanged(exchanged), connection }
        });
        self.links.running.insert(job.id(), (name, line));
        output.job = Some(Job::Off);
    }

    /// Begins a run, or refuses it: the interlock may have opened while it waited.
    fn begin_run(&mut self, at: usize, ask: RunAsk, now: Stamp) {
        let output = &self.outputs[at];
        let Some(settings) = output.settings.clone() else {
            return self.refuse_run(ask, &OutputError::Stopping);
        };
        let checked = self.may_run(output).and_then(|()| check(&settings, &ask.request.values));
        let values = match checked {
            Ok(values) => values,
            Err(error) => return self.refuse_run(ask, &error),
        };
        let next = output.state_after(&settings, &values, &ask.by, now).map(|next| dated(next, now));
        let record = next.as_ref().map(|next| next.record.bytes());
        let before = match &output.phase {
            Phase::On(on) => Some(on.record.bytes()),
            _ => None,
        };
        let line = line_of(&settings.transport, &output.name);
        let (kept, after_fault) = self.links.take(&line);
        let message = Message {
            transport: settings.transport.clone(),
            dialogue: settings.dialogue.clone(),
            text: message(&settings.send, &values, now.wall_ns),
            after_fault,
        };
        let (records, host, name) = (self.records.clone(), self.shared.host.clone(), output.name.clone());
        let abort = self.jobs.spawn(run(records, name.clone(), (record, before), message, kept, host));
        self.links.running.insert(abort.id(), (name, line));
        self.outputs[at].job = Some(Job::Run(Box::new(RunJob { ask, values, next, abort })));
    }

    /// A message has ended, or was given up.
    pub(super) fn ended(&mut self, ended: Result<(Id, JobEnd), JoinError>) {
        let (id, end) = match ended {
            Ok((id, end)) => (id, Some(end)),
            Err(error) => {
                if error.is_panic() {
                    tracing::error!("a message to an instrument failed inside the service: {error}");
                }
                (error.id(), None)
            }
        };
        let Some((name, line)) = self.links.running.remove(&id) else { return };
        let (outcome, connection) = match end {
            Some(JobEnd { outcome, connection }) => (outcome, connection),
            None => (Outcome::Exchanged(Err(given_up())), None),
        };
        let was_cut_off = match &outcome {
            Outcome::Exchanged(Ok(_)) => Some(false),
            Outcome::Exchanged(Err(fault)) if fault.may_have_arrived => Some(true),
            Outcome::Exchanged(Err(_)) | Outcome::NotStored(_) => None,
        };
        let state = self.links.lines.entry(line.clone()).or_default();
        (state.busy, state.kept) = (false, connection);
        // A new connection over TCP begins with a new line; a serial port does not.
        state.after_fault = line.starts_with("serial") && was_cut_off.unwrap_or(state.after_fault);
        let Some(at) = self.outputs.iter().position(|output| output.name == name) else { return };
        match self.outputs[at].job.take() {
            Some(Job::Run(run)) => self.ended_run(at, *run, outcome),
            Some(Job::Off) => self.ended_off(at, outcome),
            Some(Job::GivenUp) | None => {}
        }
    }

    fn ended_run(&mut self, at: usize, run: RunJob, outcome: Outcome) {
        let now = self.shared.clock.now();
        let output = &mut self.outputs[at];
        let command = output.name.clone();
        let failed = match outcome {
            Outcome::Exchanged(Ok(answer)) => return self.confirmed_run(at, run, answer),
            Outcome::NotStored(cause) => OutputError::NotStored { command, cause: cause.to_string() },
            Outcome::Exchanged(Err(LinkFault { may_have_arrived: false, cause })) => {
                OutputError::NotSent { command, cause }
            }
            Outcome::Exchanged(Err(LinkFault { cause, .. })) => {
                let turned_off = run.next.is_some();
                if let Some(next) = &run.next {
                    // The instrument may have taken it, so it counts as on.
                    tracing::warn!(
                        command,
                        "a run was not confirmed, its output is turned off: {}",
                        cause.cause
                    );
                    let why = OffCause::FailedRun { cause: cause.cause.clone() };
                    output.turn_off(next.record.order.clone(), why, now);
                }
                OutputError::NotConfirmed { command, cause, turned_off }
            }
        };
        self.shared.totals.failed.inc();
        self.note_run(&run.ask, &run.values, failed.code());
        run.ask.reply.failed(failed.refusal());
    }

    fn confirmed_run(&mut self, at: usize, run: RunJob, answer: Option<String>) {
        let RunJob { ask, values, next, .. } = run;
        let now = self.shared.clock.now();
        let output = &mut self.outputs[at];
        let mut off_in_ms = None;
        (output.by, output.off_cause) = (Some(ask.by.clone()), None);
        match next {
            Some(next) => {
                off_in_ms = next.off_at.map(|at| at.mono_ns.saturating_sub(now.mono_ns) / 1_000_000);
                output.since_ns = Some(next.record.since_wall_ns);
                output.phase = Phase::On(next);
            }
            None => output.since_ns = Some(now.wall_ns),
        }
        tracing::info!(by = ask.by, off_in_ms, "command {}", target(&output.name, &values));
        self.shared.totals.runs.inc();
        self.note_run(&ask, &values, "ok");
        let name = ask.request.name.clone();
        ask.reply.successful(super::command::RanOut { name, values, answer, off_in_ms }.into());
    }

    fn note_run(&self, ask: &RunAsk, values: &Values, outcome: &str) {
        let target = target(&ask.request.name, values);
        let from = Some((ask.origin, ask.id.as_str()));
        self.shared.host.note(&OutputNote {
            from,
            by: &ask.by,
            action: "command run",
            target: &target,
            outcome,
        });
    }

    fn ended_off(&mut self, at: usize, outcome: Outcome) {
        let now = self.shared.clock.now();
        let output = &mut self.outputs[at];
        let (name, asks) = (output.name.clone(), std::mem::take(&mut output.off_asks));
        let Phase::TurningOff(off) = &output.phase else { return };
        let (cause, before) = (off.cause.clone(), off.failures);
        let fault = match outcome {
            Outcome::Exchanged(Ok(_)) => {
                output.off_confirmed(now);
                tracing::info!(command = name, failures = before, "confirmed to be off");
                self.shared.totals.offs.inc();
                self.shared.host.alarm(&name, None);
                None
            }
            Outcome::Exchanged(Err(LinkFault { cause, .. })) => Some(cause),
            Outcome::NotStored(cause) => Some(Explanation::new(cause.to_string(), "")),
        };
        let mut failures = 0;
        if let Some(why) = &fault {
            failures = output.off_failed(why, now);
            self.shared.totals.off_failures.inc();
            self.shared.host.alarm(&name, self.outputs[at].fault.as_ref());
        }
        // A request is noted with its first outcome, so of it only a late success is noted here. Repeated failures are
        // one line, or a night without the instrument would fill the log.
        let by_rule = !matches!(cause, OffCause::Asked { .. });
        match (&fault, by_rule) {
            (None, true) => self.note_off(None, cause.by(), &name, "ok"),
            (None, false) if before > 0 => self.note_off(None, cause.by(), &name, "ok"),
            (Some(_), true) if failures <= 1 => self.note_off(None, cause.by(), &name, "still_on"),
            _ => {}
        }
        self.report_off(&name, asks, fault.as_ref());
    }
}

/// The record with the times that a later process needs.
fn dated(mut next: OnState, now: Stamp) -> OnState {
    let boot = BootTime::now();
    let left_ms = next.off_at.map(|at| at.mono_ns.saturating_sub(now.mono_ns) / 1_000_000);
    next.record.off_at_boot_ms = left_ms.map(|left| boot.ms + left);
    next.record.boot = boot.boot;
    next
}

/// A run: the record is on disk before the first byte is sent. Where nothing was sent, the record is again as before.
async fn run(
    records: Records,
    name: String,
    (record, before): (Option<Vec<u8>>, Option<Vec<u8>>),
    message: Message,
    kept: Option<Connection>,
    host: Arc<dyn OutputsHost>,
) -> JobEnd {
    let has_record = record.is_some();
    if let Some(record) = record
        && let Err(cause) = records.put(&name, record).await
    {
        match cause {
            // Nothing was asked of the disk.
            StoreTrouble::Late => {}
            // It is put back when the disk answers, without waiting for that.
            StoreTrouble::Slow(_) => records.set_later(&name, before),
            _ => restore(&records, &name, before).await,
        }
        return JobEnd { outcome: Outcome::NotStored(cause), connection: kept };
    }
    let (exchanged, connection) = exchange(&message, kept, &host).await;
    let was_sent = !matches!(&exchanged, Err(fault) if !fault.may_have_arrived);
    if has_record && !was_sent {
        restore(&records, &name, before).await;
    }
    JobEnd { outcome: Outcome::Exchanged(exchanged), connection }
}

async fn restore(records: &Records, name: &str, before: Option<Vec<u8>>) {
    if let Err(cause) = records.set(name, before).await {
        tracing::warn!(command = name, "the record of an output that was not turned on may stay: {cause}");
    }
}

fn given_up() -> LinkFault {
    let cause = Explanation::new("the message was given up", "");
    LinkFault { may_have_arrived: true, cause }
}
