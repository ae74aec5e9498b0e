//! Dispatches commands to the code that executes them, and takes snapshots; SIGHUP also causes a reload.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::faces_commands::FacesRequest;
use super::inspect_commands::which_camera;
use super::{App, lock};
use crate::commands::service::{SnapshotOut, SnapshotRequest};
use crate::commands::{Command, CommandAnswer, CommandRequest};
use crate::contract::topic;
use crate::image::jpeg;
use crate::supervisor::{Beat, Stop, Unit};
use crate::types::{Attachment, Frame, Origin, Refusal, Responder, rfc3339};
use base64::Engine as _;

/// How often the loop beats and checks for SIGHUP while no command comes.
const PATIENCE: Duration = Duration::from_millis(100);
const DEFAULT_QUALITY: u64 = 85;

impl App {
    pub(super) fn commands_unit(self: &Arc<App>, inbox: Receiver<CommandRequest>) -> Unit {
        let app = self.clone();
        let inbox = parking_lot::Mutex::new(inbox);
        Unit::new("commands", move |context| {
            app.serve(&lock(&inbox), &context.stop, &context.beat);
            Ok(())
        })
    }

    fn serve(self: &Arc<App>, inbox: &Receiver<CommandRequest>, stop: &Stop, beat: &Beat) {
        while !stop.is_stopped() {
            beat.beat();
            if self.hangup.swap(false, Ordering::AcqRel) {
                // The log and an alarm report the outcome; nobody waits for an answer to a signal.
                let outcome = self.reload();
                self.note_signal(outcome.is_ok());
            }
            match inbox.recv_timeout(PATIENCE) {
                Ok(request) => self.execute(request),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn execute(self: &Arc<App>, request: CommandRequest) {
        let CommandRequest { command, origin, at, id, reply } = self.noted(request);
        let outcome = match command {
            Command::Ping => Ok(CommandAnswer::Done(())),
            Command::Reload => self.reload().map(CommandAnswer::from),
            Command::Snapshot(asked) => return self.snapshot_command(&asked, origin, reply),
            Command::Product(asked) => self.product_command(&asked).map(CommandAnswer::from),
            Command::Golden(asked) => self.golden_command(asked).map(CommandAnswer::from),
            Command::Status => Ok(Box::new(self.status_now()).into()),
            Command::Config => self.config_command(origin).map(CommandAnswer::from),
            Command::Backup => self.backup_command(origin).map(CommandAnswer::from),
            Command::Alarm(asked) => self.alarm_command(origin, &asked),
            // The unit of the gallery answers.
            Command::Faces(command) => return self.pass_faces(FacesRequest { command, origin, reply }),
            Command::Attendance(asked) => self.attendance_command(&asked).map(CommandAnswer::from),
            // Answered when the acquisition has ended.
            Command::Trigger(asked) => return self.pull_for(asked, (origin, at, &id), reply),
            // A restart may end the unit that carries the answer.
            Command::Restart(asked) => return self.restart_command(asked.unit, reply),
        };
        reply.answer(outcome);
    }

    /// Sends the picture as an attachment whose topic the answer names. The picture is part of the answer
    /// only on request, or where the interface has no attachments.
    fn snapshot_command(&self, asked: &SnapshotRequest, origin: Origin, reply: Responder<CommandAnswer>) {
        let inline = origin != Origin::Mqtt || asked.inline == Some(true);
        let (mut answer, shot) = match self.snapshot(asked) {
            Ok(shot) => shot,
            Err(reason) => return reply.failed(reason),
        };
        if inline {
            answer.jpeg_base64 = Some(base64::engine::general_purpose::STANDARD.encode(shot.bytes));
            return reply.successful(answer.into());
        }
        answer.topic = Some(self.mqtt.topics().full(&shot.suffix));
        reply.answer_with(Ok(answer.into()), Some(shot));
    }

    /// The newest frame as JPEG, with its description, of the named camera (the only one, if none is named).
    fn snapshot(&self, asked: &SnapshotRequest) -> Result<(SnapshotOut, Attachment), Refusal> {
        let cameras = lock(&self.cameras);
        let known =
            || cameras.iter().map(|camera| camera.settings.name.as_str()).collect::<Vec<_>>().join(", ");
        let camera = match &asked.camera {
            Some(name) => cameras.iter().find(|camera| camera.settings.name == *name).ok_or_else(|| {
                Refusal::from(format!("there is no camera {name:?}; there are: {}", known()))
            })?,
            None if cameras.len() == 1 => &cameras[0],
            None => return Err(which_camera(&known())),
        };
        let quality = asked.quality.unwrap_or(DEFAULT_QUALITY);
        if !(1..=100).contains(&quality) {
            return Err(format!("quality is {quality}; it must be 1 to 100").into());
        }
        let frame = camera.ring.newest().ok_or("the camera has not delivered a frame yet")?;
        let retain = asked.retain_picture == Some(true);
        picture(&camera.settings.name, &frame, quality as u8, retain)
    }
}

fn picture(
    camera: &str,
    frame: &Frame,
    quality: u8,
    retain: bool,
) -> Result<(SnapshotOut, Attachment), Refusal> {
    let mut bytes = Vec::new();
    jpeg::encode(&frame.planes(), quality, &mut bytes).map_err(|error| error.to_string())?;
    let answer = SnapshotOut {
        camera: camera.to_owned(),
        frame: frame.seq,
        time: rfc3339(frame.captured.wall_ns),
        width: frame.width as u64,
        height: frame.height as u64,
        bytes: bytes.len() as u64,
        topic: None,
        jpeg_base64: None,
    };
    Ok((answer, Attachment { suffix: topic::picture(camera), bytes, retain }))
}
