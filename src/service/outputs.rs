//! Commands to instruments: what their domain needs of the rest of the service.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::audited::requester;
use super::commands::answered;
use super::health::alarm_name;
use super::interfaces::Interfaces;
use super::stored::OpenStore;
use crate::audit::{AuditChange, AuditSource};
use crate::commands::OutputEntry;
use crate::config::output::Transport;
use crate::config::{Config, OutputConfig};
use crate::contract::{CommandStatus, topic};
use crate::outputs::{OutputNote, Outputs, OutputsAround, OutputsHost};
use crate::store::Store;
use crate::supervisor::{Unit, UnitError};
use crate::types::{CommandKind, Delivered, Explanation, Origin, Readings, SystemClock};

/// The commands of `config`, which run once their unit does.
pub(super) fn build(
    config: &Config,
    host: Arc<dyn OutputsHost>,
    readings: Arc<dyn Readings>,
    store: Store,
) -> Outputs {
    let around = OutputsAround { host, readings, store, clock: Arc::new(SystemClock) };
    Outputs::new(settings(config), around)
}

/// What the outputs need of the rest of the service.
pub(super) fn host(interfaces: &Interfaces, store: &Arc<OpenStore>) -> Arc<dyn OutputsHost> {
    Arc::new(Host { interfaces: interfaces.clone(), store: store.clone() })
}

/// The settings of all commands. A relative port belongs to the state directory, as that of a trigger does.
pub(super) fn settings(config: &Config) -> Vec<Arc<OutputConfig>> {
    let resolved = config.outputs.iter().cloned().map(|mut output| {
        if let Transport::Serial(port) = &mut output.transport {
            port.path = config.device.state_dir.join(&port.path);
        }
        Arc::new(output)
    });
    resolved.collect()
}

/// The unit that supervises all outputs. Essential: if it is gone, nobody turns an output off any more, and the next
/// start of the process does.
pub(super) fn unit(outputs: &Outputs) -> Unit {
    let outputs = outputs.clone();
    Unit::new("instruments", move |context| {
        outputs.run(&context.stop, &context.beat).map_err(UnitError::from)
    })
    .essential(true)
}

/// The entry of requests about outputs, past the queue of other commands.
pub(super) fn entry(outputs: &Outputs) -> Arc<OutputEntry> {
    let outputs = outputs.clone();
    Arc::new(move |asked, origin, id, reply| outputs.ask(asked, origin, id, answered(reply)))
}

/// The component of a command in the health model.
pub(super) fn component(name: &str) -> String {
    format!("command/{name}")
}

/// The service around the outputs.
struct Host {
    interfaces: Interfaces,
    store: Arc<OpenStore>,
}

impl OutputsHost for Host {
    fn status(&self, status: &CommandStatus) {
        self.interfaces.publisher.retain(&topic::command_status(&status.command), status);
        self.interfaces.zmq.publish(status);
    }

    fn forget(&self, name: &str) {
        self.interfaces.publisher.clear(&topic::command_status(name));
    }

    fn alarm(&self, name: &str, why: Option<&Explanation>) {
        self.interfaces.publisher.alarm_while(&alarm_name(&component(name)), why);
    }

    fn note(&self, note: &OutputNote<'_>) {
        let (source, user) = match note.from {
            None => (AuditSource::Service, note.by.to_owned()),
            Some((Origin::Web, _)) => (AuditSource::Web, note.by.to_owned()),
            Some((origin, id)) => requester(origin, (CommandKind::Output, id), self.interfaces.mqtt.topics()),
        };
        let OutputNote { action, target, outcome, .. } = *note;
        self.interfaces.audit.note(&AuditChange { source, user: &user, action, target, outcome });
    }

    fn publish(&self, topic: &str, payload: &[u8], retain: bool) -> oneshot::Receiver<Delivered> {
        self.interfaces.mqtt.deliver(topic, payload, retain)
    }

    fn store_was_lost(&self) -> bool {
        self.store.was_lost()
    }
}
