//! Ocellus turns a small Linux computer with cameras into a vision sensor: it detects, recognises and inspects, and
//! reports over MQTT. This page is the map of the sources; paths without `crates/` are below `src/`.
//!
//! One frame, from the camera to the broker:
//!
//! ```text
//!  camera/appsink.rs      maps a decoded GstBuffer read-only; nothing is copied
//!  camera/session.rs      runs on the thread that made the frame, and hands it on
//!  service/camera.rs      commits it to the camera's ring and wakes a worker
//!  crates/ring/           a fixed number of slots: commit, lease, history
//!  pipeline.rs            Lane: which frame is next for this camera
//!  crates/runtime/        the scheduler grants a pinned worker by priority; the stage's executor takes the item
//!  pipeline/item.rs       a frame under way, its lease and its report
//!  pipeline/detect.rs     the executor of detection
//!  crates/image/          planes into the tensor, scaled before colours are converted
//!  crates/engine/         the model, and the decoder of its outputs
//!  pipeline/deliver.rs    results in frame order: tracking, followers, sinks
//!  tracking/mod.rs        objects get numbers; zones and lines make events
//!  mqtt/handle.rs         the sink: detections into a queue, events towards the outbox of store/
//!  mqtt/connection.rs     writes what waits to the broker
//!  contract/payload.rs    the JSON that is published
//! ```
//!
//! One trigger, from the byte to the verdict:
//!
//! ```text
//!  trigger/port.rs        opens the serial port, and again after it was unplugged
//!  trigger/protocol.rs    bytes into requests
//!  trigger/dialogue.rs    debounces, triggers the camera and queues its answers
//!  inspection/service.rs  finds the camera that is meant
//!  inspection/acquire.rs  PartLane: the number of the acquisition, its frame, its end
//!  inspection/choice.rs   which frame: nearest, next or previous, from the ring's history
//!  inspection/acquire/feed.rs  waits for a worker of the product's stage
//!  inspection/part.rs     an acquisition on a worker: find the part, then each region
//!  inspection/inspector.rs one worker's tools for a recipe
//!  inspection/kinds/      one file for each kind of check; pixels are read by crates/image/
//!  inspection/acquire/end.rs  the end, in the order of the numbers: sinks, evidence, the sender of the trigger
//!  trigger/answer.rs      the verdict for this connection, filled into the answer's template
//!  trigger/out.rs         lines that wait for the port
//! ```
//!
//! One person, from the face to the table:
//!
//! ```text
//!  recognition/lane/      tracked faces that are worth a look; the answers in order
//!  recognition/recogniser.rs  aligned, judged, embedded and compared with the gallery
//!  attendance/worker.rs   takes sightings from a bounded queue; writes events and presence in one batch
//!  attendance/rules/      who is here, from sightings and time alone
//!  attendance/day.rs      the table of a day; contract/table.rs writes it as CSV and XLSX
//! ```
//!
//! One command to an instrument, from the request to the output that is off again:
//!
//! ```text
//!  outputs/requests.rs    role, limits of values, interlock
//!  outputs/jobs.rs        the record on disk, then the message
//!  outputs/link.rs        TCP, serial port or topic, and the answer
//!  outputs/engine.rs      off_after_ms, interlock, reload, stop: turned off until that is confirmed
//! ```
//!
//! One value of an instrument, from its file to whoever asks:
//!
//! ```text
//!  crates/intake/         finds the files of a folder, and reads each byte once
//!  intake/folder.rs       a thread for each folder; intake/topic.rs one for topics of the broker and of zmq/
//!  intake/record.rs       names its channel, and writes it with the place where reading goes on
//!  intake/commit.rs       one durable batch for all sources that wait
//!  intake/table.rs        newest values, staleness, limits; answers an interlock
//!  intake/tend.rs         publishes, raises alarms, removes old history
//!  intake/series.rs       a history from memory and disk, in as few stretches as are wanted
//! ```
//!
//! A batch of microscope stacks, from the files to the tables:
//!
//! ```text
//!  cli/batch/             the command; config/experiment.rs reads its recipe
//!  microscopy/run.rs      opens the stack, locks the results, and hands out items to the scheduler's workers
//!  microscopy/video/      a video as a stack, decoded by GStreamer
//!  microscopy/plan.rs     which range of frames of which step is next
//!  microscopy/steps.rs    a worker's tools; crates/microscopy computes
//!  microscopy/model.rs    finds cells by a model of crates/engine, where the recipe names one
//!  microscopy/journal.rs  what is complete, so that a killed run goes on
//!  microscopy/results.rs  what a run left, for people: traces, pictures with outlines, marks, fits
//!  microscopy/report/     one HTML file of it
//! ```
//!
//! A studio job, from the request to the file:
//!
//! ```text
//!  jobs/command.rs        what may be asked of the queue; jobs/request.rs makes jobs of it
//!  jobs/service.rs        bounded ways in: requests, and what workers report
//!  jobs/owner/            the queue's one owner: a group of messages, one durable batch, then answers and claims
//!  crates/jobs/           the queue itself: what is admitted, what runs next, what is tried again
//!  jobs/worker.rs         a thread of the lowest priority that carries out one attempt after the other
//!  jobs/kinds/            one file for each kind of job; crates/studio makes the pictures, film.rs encodes clips
//!  jobs/http/             requests to other servers: pool, addresses, pace, limits
//!  jobs/inbox.rs          pictures that came with requests; jobs/tidy.rs removes files that no job uses
//!  mqtt/fleet.rs          jobs that several boxes share, acknowledged when they are on disk
//! ```
//!
//! `service/` builds all of it from `config/`, hands every loop to the supervisor in `crates/runtime/`, and passes
//! each command to its domain: `inspection/service.rs`, `recognition/people/`, `attendance/day.rs`,
//! `preview/command.rs`, `outputs/requests.rs`. Imports run one way; `tests/layering` holds the code against its table.

// The entrance, what builds everything, and what examines it.
pub mod cli;
pub mod examine;
pub mod service;
// What may be asked, under one word each: the adapters parse into it, the service dispatches it.
pub mod commands;
// Domains: each holds one feature, whole.
pub mod attendance;
pub mod camera;
pub mod inspection;
pub mod intake;
pub mod jobs;
pub mod microscopy;
pub mod outputs;
pub mod pipeline;
pub mod preview;
pub mod recognition;
pub mod recorder;
pub mod tracking;
pub mod trigger;
// Adapters: they translate between the domains and the outside.
pub mod config;
pub mod contract;
pub mod control;
pub mod mqtt;
pub mod store;
pub mod web;
pub mod zmq;
// What all of them share.
pub mod annotate;
pub mod audit;
pub mod film;
pub mod serial;
pub mod types;
// Crates, under the names by which the product uses them.
pub use ocellus_engine as engine;
pub use ocellus_image as image;
pub use ocellus_intake as datafiles;
pub use ocellus_jobs as jobqueue;
pub use ocellus_microscopy as timelapse;
pub use ocellus_ring as ring;
pub use ocellus_runtime::{backoff, scheduler, supervisor, telemetry};
#[cfg(feature = "demo")]
pub use ocellus_scene as scene;
pub use ocellus_studio as studio;
