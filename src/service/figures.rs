//! Descriptions of the figures in telemetry: those of each camera, and all others.

use super::degradation;
use crate::audit;
use crate::inspection::evidence;
use crate::telemetry::Described;
use crate::{attendance, intake, jobs, mqtt, recorder, web};

/// Figures of a camera, by the part that follows the camera's name in `telemetry`.
pub(super) const OF_CAMERAS: &[Described] = &[
    Described::counter("camera/frames", "Frames that the camera delivered."),
    Described::counter("camera/starved", "Frames dropped because every slot of the ring was in use."),
    Described::counter(
        "camera/thinned",
        "Frames left out because of the step frame_rate of the degradation ladder.",
    ),
    Described::counter("camera/received", "Frames that senders of a tcp:// source sent whole."),
    Described::counter(
        "camera/skipped_before_decoding",
        "Frames of a tcp:// source that skip_frames left undecoded.",
    ),
    Described::counter(
        "camera/discarded",
        "Frames of a tcp:// source that were discarded by the commands STOP and CLEAR_FRAMES.",
    ),
    Described::counter(
        "camera/queue_dropped",
        "Pictures of a tcp:// source that were dropped because too many waited to be decoded.",
    ),
    Described::counter("camera/damaged", "Payloads of a tcp:// source that are no whole JPEG picture."),
    Described::counter("camera/refused_connections", "Connections to a tcp:// source that were refused."),
    Described::counter(
        "camera/broken_connections",
        "Connections to a tcp:// source that broke the framing, stalled, or ended inside a frame.",
    ),
    Described::counter("camera/commands", "Commands carried out by the camera's command port."),
    Described::counter(
        "camera/commands_refused",
        "Connections to the camera's command port that were refused, and lines that are no command.",
    ),
    Described::counter("camera/pictures", "Pictures encoded for live views and snapshots."),
    Described::counter(
        "camera/pictures_replaced",
        "Live pictures that a newer one replaced before they were encoded.",
    ),
    Described::counter("camera/pictures_failed", "Live pictures that could not be drawn or encoded."),
    Described::counter("camera/part_pictures", "Pictures of inspected parts kept for the page."),
    Described::counter("camera/part_pictures_missed", "Inspected parts without a picture for the page."),
    Described::counter("camera/faces_asked", "Faces given to recognition."),
    Described::counter("camera/faces_answered", "Faces compared with the gallery."),
    Described::counter("camera/faces_unfit", "Faces whose crop was not good enough for recognition."),
    Described::counter("camera/faces_dropped", "Faces dropped because the queue of recognition was full."),
    Described::counter("camera/faces_failed", "Faces whose recognition failed."),
    Described::counter("camera/sightings", "Compared faces that this camera passed to attendance."),
    Described::counter("camera/skipped", "Frames skipped because a newer one was there."),
    Described::counter("camera/reported", "Reports handed to the outputs."),
    Described::counter("camera/failed", "Frames whose inference failed."),
    Described::counter("camera/reports_dropped", "Reports that an output dropped."),
    Described::counter("camera/events", "Events handed to the outputs."),
    Described::counter("camera/events_lost", "Events that an output could not take."),
    Described::counter(
        "camera/untracked",
        "Detections that were not tracked because there were too many objects.",
    ),
];

/// Figures of the log's file.
pub(super) const OF_LOG: &[Described] = &[
    Described::counter("log/lines_written", "Lines of the log that were written to its file."),
    Described::counter(
        "log/lines_lost",
        "Lines of the log that its file did not take, because the disk was full or away.",
    ),
    Described::counter("log/writes_failed", "Attempts to write to the log's file that failed."),
];

/// The descriptions of everything that is counted by name.
pub(super) fn described() -> impl Iterator<Item = &'static Described> {
    let outputs =
        [audit::Totals::DESCRIBED, mqtt::Totals::DESCRIBED, web::Totals::DESCRIBED, evidence::DESCRIBED];
    [
        OF_CAMERAS,
        OF_LOG,
        attendance::DESCRIBED,
        degradation::DESCRIBED,
        intake::Totals::DESCRIBED,
        jobs::DESCRIBED,
        recorder::DESCRIBED,
        recorder::CAMERA_DESCRIBED,
        crate::outputs::Totals::DESCRIBED,
        crate::zmq::Totals::DESCRIBED,
    ]
    .into_iter()
    .chain(outputs)
    .flatten()
}
