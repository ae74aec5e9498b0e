//! Requests: who may ask for what, and the answers.

use std::collections::BTreeMap;

use super::command::{
    CommandOut, CommandsOut, OffOut, OffRequest, OutputAnswer, OutputCommand, ParameterOut, RunRequest,
};
use super::engine::Engine;
use super::output::{OFF_WAITING, OffCause, Output, Phase, WAITING};
use super::service::{Ask, RunAsk};
use super::{OutputError, OutputNote, interlock, values};
use crate::config::output::{Parameter, ParameterKind};
use crate::config::users::Role;
use crate::contract::CommandValue;
use crate::types::{Explanation, Origin, Responder};

/// A request to turn off, until each of its outputs is confirmed or has failed once.
pub(super) struct OffAsk {
    origin: Origin,
    id: String,
    by: String,
    left: usize,
    off: Vec<String>,
    failed: Vec<String>,
    reply: Responder<OutputAnswer>,
}

impl OffAsk {
    /// Answers it with `error`, whatever became of its outputs.
    pub(super) fn end(self, error: &OutputError) {
        self.reply.failed(error.refusal());
    }
}

impl Engine {
    pub(super) fn handle(&mut self, ask: Ask) {
        let Ask { command, origin, id, reply } = ask;
        match command {
            OutputCommand::List => reply.successful(self.list().into()),
            OutputCommand::Run(request) => {
                let by = origin.person(request.by.as_deref());
                let ask = RunAsk { request, origin, id, by, reply };
                match self.admit(&ask) {
                    Ok(()) => self.queue(ask),
                    Err(error) => self.refuse_run(ask, &error),
                }
            }
            OutputCommand::Off(request) => self.handle_off(request, (origin, id), reply),
        }
    }

    /// Whether a run may wait for its turn. Its interlock is read again when its turn has come.
    fn admit(&self, ask: &RunAsk) -> Result<(), OutputError> {
        let RunRequest { name, values, role, .. } = &ask.request;
        let output = self.known(name)?;
        let settings = output.settings.as_deref().ok_or_else(|| self.unknown(name))?;
        allowed(ask.origin, *role, settings.role, name)?;
        if self.stopping {
            return Err(OutputError::Stopping);
        }
        if let Some(cause) = &self.unread {
            return Err(OutputError::NotReady { cause: cause.clone() });
        }
        values::check(settings, values)?;
        self.may_run(output)?;
        if output.waiting.len() >= WAITING {
            return Err(OutputError::Busy { command: name.clone() });
        }
        Ok(())
    }

    /// Whether nothing speaks against turning `output` on at this moment.
    pub(super) fn may_run(&self, output: &Output) -> Result<(), OutputError> {
        if let Phase::TurningOff(off) = &output.phase {
            let (command, cause) = (output.name.clone(), off.cause.to_string());
            return Err(OutputError::TurningOff { command, cause });
        }
        let Some(settings) = &output.settings else { return Ok(()) };
        let reasons = interlock::open(&settings.interlock, &*self.shared.readings);
        if reasons.is_empty() {
            return Ok(());
        }
        Err(OutputError::Interlock { command: output.name.clone(), reasons: reasons.join("; ") })
    }

    fn queue(&mut self, ask: RunAsk) {
        if let Some(output) = self.outputs.iter_mut().find(|output| output.name == ask.request.name) {
            output.waiting.push_back(ask);
        }
    }

    fn handle_off(&mut self, request: OffRequest, from: (Origin, String), reply: Responder<OutputAnswer>) {
        let (origin, id) = from;
        let by = origin.person(request.by.as_deref());
        let names = match self.meant(origin, &request) {
            Ok(names) => names,
            Err(error) => {
                self.note_off(
                    Some((origin, &id)),
                    &by,
                    request.name.as_deref().unwrap_or("all"),
                    error.code(),
                );
                return reply.failed(error.refusal());
            }
        };
        self.off_asked += 1;
        let number = self.off_asked;
        let crowded = self.crowded_off(&names);
        for name in &names {
            self.turn_off(name, OffCause::Asked { by: by.clone() });
        }
        if let Some(command) = crowded {
            // It is turned off all the same; only its end is not reported to this one.
            self.shared.totals.crowded.inc();
            return reply.failed(OutputError::OffBusy { command }.refusal());
        }
        for name in &names {
            if let Some(output) = self.outputs.iter_mut().find(|output| output.name == *name) {
                output.off_asks.push(number);
            }
        }
        let ask = OffAsk { origin, id, by, left: names.len(), off: Vec::new(), failed: Vec::new(), reply };
        self.off_asks.insert(number, ask);
        self.answer_off(number);
    }

    /// The first of `names` whose end too many requests wait for.
    fn crowded_off(&self, names: &[String]) -> Option<String> {
        let crowded = |name: &String| {
            self.outputs.iter().any(|output| output.name == *name && output.off_asks.len() >= OFF_WAITING)
        };
        names.iter().find(|name| crowded(name)).cloned()
    }

    /// The outputs that a request to turn off means.
    fn meant(&self, origin: Origin, request: &OffRequest) -> Result<Vec<String>, OutputError> {
        let Some(name) = &request.name else {
            allowed(origin, request.role, Role::Operator, "turning all outputs off")?;
            let can = self.outputs.iter().filter(|output| output.off_order().is_some());
            return Ok(can.map(|output| output.name.clone()).collect());
        };
        let output = self.known(name)?;
        // Turning off never takes more than an operator, so that a person who sees a danger can act.
        let least =
            output.settings.as_ref().map_or(Role::Operator, |settings| settings.role.min(Role::Operator));
        allowed(origin, request.role, least, name)?;
        match output.off_order() {
            Some(_) => Ok(vec![name.clone()]),
            None => Err(OutputError::NoOff { command: name.clone() }),
        }
    }

    /// An attempt to turn off `name` has ended: those who asked for it learn how.
    pub(super) fn report_off(&mut self, name: &str, asks: Vec<u64>, fault: Option<&Explanation>) {
        for number in asks {
            let Some(ask) = self.off_asks.get_mut(&number) else { continue };
            ask.left = ask.left.saturating_sub(1);
            match fault {
                None => ask.off.push(name.to_owned()),
                Some(why) => ask.failed.push(format!("{name} ({})", why.cause)),
            }
            self.answer_off(number);
        }
    }

    fn answer_off(&mut self, number: u64) {
        if self.off_asks.get(&number).is_none_or(|ask| ask.left > 0) {
            return;
        }
        let Some(ask) = self.off_asks.remove(&number) else { return };
        let OffAsk { origin, id, by, off, failed, reply, .. } = ask;
        let from = Some((origin, id.as_str()));
        if !off.is_empty() || failed.is_empty() {
            let names = if off.is_empty() { "all".to_owned() } else { off.join(" ") };
            self.note_off(from, &by, &names, "ok");
        }
        if failed.is_empty() {
            return reply.successful(OffOut { off }.into());
        }
        let error = OutputError::StillOn { causes: failed.join("; ") };
        self.note_off(from, &by, &failed.join(" "), error.code());
        reply.failed(error.refusal());
    }

    pub(super) fn note_off(&self, from: Option<(Origin, &str)>, by: &str, target: &str, outcome: &str) {
        self.shared.host.note(&OutputNote { from, by, action: "command off", target, outcome });
    }

    fn known(&self, name: &str) -> Result<&Output, OutputError> {
        self.outputs.iter().find(|output| output.name == name).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> OutputError {
        let configured = self.outputs.iter().filter(|output| output.settings.is_some());
        let known: Vec<&str> = configured.map(|output| output.name.as_str()).collect();
        OutputError::Unknown { name: name.to_owned(), known: known.join(", ") }
    }

    fn list(&self) -> CommandsOut {
        let now = self.shared.clock.now();
        let commands = self.outputs.iter().map(|output| {
            let settings = output.settings.as_deref();
            let interlock =
                settings.map(|known| interlock::evaluate(&known.interlock, &*self.shared.readings));
            let interlock = interlock.unwrap_or_default();
            let open = interlock.iter().filter_map(|condition| condition.reason.clone()).collect();
            let left = match &output.phase {
                Phase::On(on) => on.off_at.map(|at| at.mono_ns.saturating_sub(now.mono_ns) / 1_000_000),
                _ => None,
            };
            CommandOut {
                status: output.status(open),
                description: settings.map(|known| known.description.clone()).unwrap_or_default(),
                role: settings.map_or(Role::Operator, |known| known.role),
                target: settings.map(|known| known.transport.to_string()).unwrap_or_default(),
                parameters: settings.iter().flat_map(|known| &known.parameters).map(parameter).collect(),
                interlock,
                can_be_off: output.off_order().is_some(),
                off_after_ms: settings
                    .and_then(|known| known.off_after)
                    .map(|after| after.as_millis() as u64),
                off_in_ms: left,
            }
        });
        CommandsOut { commands: commands.collect() }
    }
}

/// Whether a requester has at least the role `least`. The command line runs on the box itself; a broker decides who
/// may publish, so it counts as an operator.
fn allowed(origin: Origin, role: Option<Role>, least: Role, command: &str) -> Result<(), OutputError> {
    let has = match origin {
        Origin::Cli { .. } => Role::Admin,
        Origin::Mqtt => Role::Operator,
        Origin::Web => role.unwrap_or(Role::Viewer),
        Origin::Serial => Role::Viewer,
    };
    if has >= least {
        return Ok(());
    }
    let command = command.to_owned();
    Err(OutputError::NotAllowed { command, has: has.as_str(), least: least.as_str() })
}

fn parameter(parameter: &Parameter) -> ParameterOut {
    let Parameter { name, kind, unit, default } = parameter;
    let (name, unit, default) = (name.clone(), unit.clone(), default.clone());
    let none = ParameterOut {
        name,
        unit,
        min: None,
        max: None,
        whole: false,
        choices: Vec::new(),
        max_length: None,
        default,
    };
    match kind {
        ParameterKind::Number { min, max, whole } => {
            ParameterOut { min: Some(*min), max: Some(*max), whole: *whole, ..none }
        }
        ParameterKind::Choice(choices) => ParameterOut { choices: choices.clone(), ..none },
        ParameterKind::Text(most) => ParameterOut { max_length: Some(*most), ..none },
    }
}

/// A command with its values, as the audit log has it: `rf u_rf_mv=1000`.
pub(super) fn target(name: &str, values: &BTreeMap<String, CommandValue>) -> String {
    let values = values.iter().map(|(name, value)| format!(" {name}={}", value.text()));
    format!("{name}{}", values.collect::<String>())
}
