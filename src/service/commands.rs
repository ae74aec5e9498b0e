//! Commands while the service runs: reload (also by SIGHUP) and snapshot; `inspect_commands` holds those of
//! inspection.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use super::inspect_commands::which_camera;
use super::{App, lock};
use crate::contract::topic;
use crate::image::jpeg;
use crate::supervisor::{Beat, Stop, Unit};
use crate::types::{Attachment, Command, CommandKind, Frame, Origin, Refusal, Reply, rfc3339};

/// How often the loop beats and checks for SIGHUP while no command comes.
const PATIENCE: Duration = Duration::from_millis(100);
const DEFAULT_QUALITY: u64 = 85;

impl App {
    pub(super) fn commands_unit(self: &Arc<App>, inbox: Receiver<Command>) -> Unit {
        let app = self.clone();
        let inbox = parking_lot::Mutex::new(inbox);
        Unit::new("commands", move |context| {
            app.serve(&lock(&inbox), &context.stop, &context.beat);
            Ok(())
        })
    }

    fn serve(self: &Arc<App>, inbox: &Receiver<Command>, stop: &Stop, beat: &Beat) {
        while !stop.is_stopped() {
            beat.beat();
            if self.hangup.swap(false, Ordering::AcqRel) {
                // The log and an alarm report the outcome; nobody waits for an answer to a signal.
                let outcome = self.reload();
                self.note_signal(outcome.is_ok());
            }
            match inbox.recv_timeout(PATIENCE) {
                Ok(command) => self.execute(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn execute(self: &Arc<App>, command: Command) {
        let command = self.noted(command);
        let outcome: Reply = match command.kind {
            CommandKind::Reload => self.reload(),
            CommandKind::Snapshot => return self.snapshot_command(command),
            CommandKind::Product => self.product_command(&command.payload),
            CommandKind::Golden => self.golden_command(&command.payload),
            CommandKind::Status => Ok(self.status_now()),
            CommandKind::Config => self.config_command(command.origin),
            CommandKind::Alarm => self.alarm_command(command.origin, &command.payload),
            // The unit of the gallery answers.
            CommandKind::Faces => return self.pass_faces(command),
            CommandKind::Attendance => self.attendance_command(&command.payload),
            // Answered when the acquisition has ended.
            CommandKind::Trigger => return self.pull_for(command),
            // A restart may end the unit that carries the answer.
            CommandKind::Restart => return self.restart_command(command),
        };
        command.reply.answer(outcome);
    }

    /// Sends the picture as an attachment whose place the answer names. The picture is part of the answer
    /// only on request, or where the interface has no attachments.
    fn snapshot_command(&self, command: Command) {
        let inline = command.origin != Origin::Mqtt || command.payload["inline"] == Value::Bool(true);
        let (mut result, shot) = match self.snapshot(&command.payload) {
            Ok(shot) => shot,
            Err(reason) => return command.reply.failed(reason),
        };
        if inline {
            result["jpeg_base64"] = base64::engine::general_purpose::STANDARD.encode(shot.bytes).into();
            return command.reply.successful(result);
        }
        result["topic"] = self.mqtt.topics().full(&shot.suffix).into();
        command.reply.answer_with(Ok(result), Some(shot));
    }

    /// The newest frame as JPEG, with its description, of the camera that `request` names (without a name, of
    /// the only one).
    fn snapshot(&self, request: &Value) -> Result<(Value, Attachment), Refusal> {
        let cameras = lock(&self.cameras);
        let known =
            || cameras.iter().map(|camera| camera.settings.name.as_str()).collect::<Vec<_>>().join(", ");
        let camera = match request["camera"].as_str() {
            Some(name) => cameras.iter().find(|camera| camera.settings.name == name).ok_or_else(|| {
                Refusal::from(format!("there is no camera {name:?}; there are: {}", known()))
            })?,
            None if cameras.len() == 1 => &cameras[0],
            None => return Err(which_camera(&known())),
        };
        let quality = request["quality"].as_u64().unwrap_or(DEFAULT_QUALITY);
        if !(1..=100).contains(&quality) {
            return Err(format!("quality is {quality}; it must be 1 to 100").into());
        }
        let frame = camera.ring.newest().ok_or("the camera has not given a frame yet")?;
        let retain = request["retain_picture"] == Value::Bool(true);
        Ok(picture(&camera.settings.name, &frame, quality as u8, retain)?)
    }
}

fn picture(camera: &str, frame: &Frame, quality: u8, retain: bool) -> Result<(Value, Attachment), String> {
    let mut bytes = Vec::new();
    jpeg::encode(&frame.planes(), quality, &mut bytes).map_err(|error| error.to_string())?;
    let result = json!({
        "camera": camera,
        "frame": frame.seq,
        "time": rfc3339(frame.captured.wall_ns),
        "width": frame.width,
        "height": frame.height,
        "bytes": bytes.len(),
    });
    Ok((result, Attachment { suffix: topic::picture(camera), bytes, retain }))
}
