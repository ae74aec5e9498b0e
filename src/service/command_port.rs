//! The command ports of cameras as units: each listens until its camera goes, and what a command changed is audited.

use std::sync::Arc;

use super::camera::Camera;
use super::publisher::StatusPublisher;
use crate::audit::{Audit, AuditChange, AuditSource};
use crate::camera::tcp::{CarriedOut, CommandPort};
use crate::supervisor::{Unit, UnitContext};
use crate::types::Explanation;

/// Name of the unit of camera `name`'s command port.
pub(super) fn command_port_unit_name(name: &str) -> String {
    format!("command-port/{name}")
}

/// The unit of a camera's command port; `None` where it has none. An address that cannot be listened on is tried again for
/// as long as the camera is there, because it may be set later than the service starts.
pub(super) fn command_port_unit(
    camera: &Camera,
    publisher: &StatusPublisher,
    audit: &Arc<Audit>,
) -> Option<Unit> {
    let port = CommandPort::of(&camera.settings.tcp, camera.senders.clone(), camera.experiment.clone())?;
    let (publisher, audit, settings) = (publisher.clone(), audit.clone(), camera.settings.clone());
    let name = command_port_unit_name(&settings.name);
    let alarm = format!("command-port-{}", settings.name);
    let body = move |context: &UnitContext| {
        let camera = settings.name.as_str();
        let tell = |why: Option<&Explanation>| {
            let why = why.map(|why| why.clone().within(format_args!("command port of camera {camera}")));
            publisher.alarm_while(&alarm, why.as_ref());
        };
        let pauses = (settings.reconnect, settings.reconnect_max);
        let listener = port.listen(pauses, &tell, &context.stop, &context.beat);
        let Some(listener) = listener else { return Ok(()) };
        let note = |done: CarriedOut<'_>| {
            let CarriedOut { from, word, argument } = done;
            tracing::info!(camera, %from, argument, "command {word}");
            let (user, target) = (from.to_string(), format!("{camera} {argument}"));
            let (source, action) = (AuditSource::Tcp, &format!("camera {word}"));
            let target = target.trim_end();
            audit.note(&AuditChange { source, user: &user, action, target, outcome: "ok" });
        };
        port.serve(&listener, &note, &context.stop, &context.beat);
        Ok(())
    };
    Some(Unit::new(name, body))
}
