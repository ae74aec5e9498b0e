//! The table itself.

use schemars::JsonSchema;
use serde_json::Value;

use super::super::answer::mime;
use super::super::api::{
    attendance, batch, commands, inspections, intake, jobs, people, recordings, session, state, views,
};
use super::super::bodies::{EnrolIn, FitIn, MarkIn, MergeIn, PicturesIn, RenameIn, RunIn};
use super::super::snapshot::INSPECTIONS;
use super::{Gives, Param, QueryShape, Route, Verb, of};
use crate::commands::batch::{BatchOut, MarkedOut, ResultsOut, TracesOut};
use crate::commands::faces::{ChangedOut, EnrolledOut, ErasedOut, ImportedOut, PeopleOut, ReenrolledOut};
use crate::commands::jobs::{JobIn, WorkflowIn};
use crate::commands::outputs::{CommandsOut, OffOut, RanOut};
use crate::commands::service::RestartedOut;
use crate::config::users::Role;
use crate::contract::rest::{
    AlarmOut, AuditOut, CameraOut, ConfigOut, DeletedOut, HealthOut, LoginIn, RefusedOut, SessionOut,
    StatusOut, TelemetryOut, TriggerIn, UnitOut, UploadedOut,
};
use crate::contract::{
    AddedOut, BadOut, BatchProgress, Day, InspectionOut, IntakeList, JobOut, JobsHealthOut, JobsOut,
    QueueOut, SeriesOut, Telemetry, WorkflowOut,
};
use crate::types::RecordingPage;

const ANYONE: Option<Role> = None;
const VIEWER: Option<Role> = Some(Role::Viewer);
const OPERATOR: Option<Role> = Some(Role::Operator);
const ADMIN: Option<Role> = Some(Role::Admin);

/// The path for logging in and out.
pub(in super::super) const SESSION: &str = "/api/v1/session";

/// The path of the commands to instruments, which write their own lines into the audit log.
pub(in super::super) const COMMANDS: &str = "/api/v1/commands";

/// The parameter `limit`, with its largest value.
const fn limit(most: usize) -> Param {
    Param {
        name: "limit",
        says: "The largest number of entries, newest first.",
        shape: QueryShape::UpTo(most),
    }
}

const RAW: Param =
    Param { name: "raw", says: "1: the picture without drawings.", shape: QueryShape::Word(&["0", "1"]) };

const ATTENDANCE: &[Param] = &[
    Param { name: "day", says: "Such as 2026-11-21; today by default.", shape: QueryShape::Day },
    Param { name: "person", says: "Of one person only, by number or name.", shape: QueryShape::Text },
    Param { name: "format", says: "json by default.", shape: QueryShape::Word(&["json", "csv", "xlsx"]) },
];

const RECORDINGS: &[Param] = &[
    Param { name: "camera", says: "Of one camera only.", shape: QueryShape::Text },
    Param { name: "kind", says: "Of one kind only.", shape: QueryShape::Word(&["picture", "clip"]) },
    Param { name: "since", says: "Ending at this time or later, RFC 3339.", shape: QueryShape::Time },
    Param { name: "until", says: "Beginning before this time, RFC 3339.", shape: QueryShape::Time },
    Param {
        name: "event",
        says: "Asked for by the event whose first recording has this number.",
        shape: QueryShape::FromZero,
    },
    Param {
        name: "before",
        says: "With a lower number: the field next of the page before.",
        shape: QueryShape::FromZero,
    },
    limit(recordings::MOST),
];

const PART: Param = Param {
    name: "part",
    says: "Another of its files than the first.",
    shape: QueryShape::Word(&["raw", "annotated", "sidecar"]),
};

const FEATURE: Param = Param {
    name: "feature",
    says: "The name of the feature, such as intensity_total_ch_1; the first by default.",
    shape: QueryShape::Text,
};

const SERIES: &[Param] = &[
    Param {
        name: "since",
        says: "The beginning: RFC 3339, or how long ago (90s, 15m, 6h, 7d); 5m by default.",
        shape: QueryShape::Text,
    },
    Param { name: "until", says: "The end, in the same form; now by default.", shape: QueryShape::Text },
    Param {
        name: "points",
        says: "Most stretches of time, each with minimum, mean and maximum; 500 by default.",
        shape: QueryShape::UpTo(5_000),
    },
    Param { name: "format", says: "json by default.", shape: QueryShape::Word(&["json", "csv"]) },
];

const JOBS: &[Param] = &[
    Param {
        name: "state",
        says: "Of one state only.",
        shape: QueryShape::Word(&["pending", "running", "completed", "failed", "cancelled", "quarantined"]),
    },
    Param { name: "kind", says: "Of one kind only.", shape: QueryShape::Text },
    Param {
        name: "before",
        says: "With a lower number: the field next of the page before.",
        shape: QueryShape::FromZero,
    },
    limit(jobs::MOST),
];

/// What a picture in the body of a request is.
const PICTURES: &[&str] = &[mime::JPEG, mime::PNG, mime::BMP, mime::BYTES];

const UPLOADED: Param =
    Param { name: "name", says: "What the picture is called, such as photo.jpg.", shape: QueryShape::Text };

const UPLOADED_JOB: &[Param] = &[
    Param {
        name: "request",
        says: "Where the body is a picture: the request as JSON, without its picture.",
        shape: QueryShape::Text,
    },
    UPLOADED,
];

const FRAME: Param =
    Param { name: "frame", says: "The frame, from 0; 0 by default.", shape: QueryShape::FromZero };

/// One route in a few words: verb, path, the lowest role, handler; what it does; what it gives, and the body and query that it
/// takes.
macro_rules! routes {
    ($($verb:ident $path:expr, $role:expr, $handler:path;
        $summary:literal
        => $gives:expr $(, takes $takes:ty)? $(, bytes $bytes:expr)? $(, query $query:expr)?;)*) => {
        &[$(Route {
            verb: Verb::$verb,
            path: $path,
            role: $role,
            summary: $summary,
            query: routes!(@list $($query)?),
            takes: routes!(@takes $($takes)?),
            takes_bytes: routes!(@list $($bytes)?),
            gives: $gives,
            handler: |call| Box::pin($handler(call)),
        }),*]
    };
    (@list) => { &[] };
    (@list $query:expr) => { $query };
    (@takes) => { None };
    (@takes $takes:ty) => { Some(of::<$takes>) };
}

/// JSON of this type, with status 200.
const fn json<T: JsonSchema>() -> Gives {
    Gives::Json(200, of::<T>)
}

/// All routes of the server; the OpenAPI document is made from them.
pub(in super::super) static ROUTES: &[Route] = routes! {
    Get "/", ANYONE, state::page;
        "The page."
        => Gives::Bytes(mime::HTML);
    Get "/healthz", ANYONE, state::health;
        "Whether the service works: 200, or 503 if nothing works or something essential does not."
        => json::<HealthOut>();
    Get "/metrics", VIEWER, state::metrics;
        "Figures for Prometheus."
        => Gives::Bytes(mime::PROMETHEUS);
    Get "/api/v1/openapi.json", VIEWER, state::openapi;
        "This document."
        => json::<Value>();
    Get SESSION, ANYONE, session::show;
        "Who is logged in."
        => json::<SessionOut>();
    Post SESSION, ANYONE, session::begin;
        "Log in."
        => json::<SessionOut>(), takes LoginIn;
    Delete SESSION, VIEWER, session::end;
        "Log out."
        => json::<SessionOut>();
    Get "/api/v1/status", VIEWER, state::status;
        "The state of the service."
        => json::<StatusOut>();
    Get "/api/v1/alarms", VIEWER, state::alarms;
        "The alarms that are raised."
        => json::<Vec<AlarmOut>>();
    Post "/api/v1/alarms/{name}/acknowledge", OPERATOR, state::acknowledge;
        "Acknowledge an alarm: it stays until its cause is over."
        => json::<AlarmOut>();
    Get "/api/v1/telemetry", VIEWER, state::telemetry;
        "Figures, now and of the last ten minutes."
        => json::<TelemetryOut<Telemetry>>();
    Get "/api/v1/units", VIEWER, state::units;
        "The state of the units."
        => json::<Vec<UnitOut>>();
    Post "/api/v1/units/{name}/restart", OPERATOR, state::restart;
        "Restart a unit."
        => json::<RestartedOut>();
    Get "/api/v1/config", ADMIN, state::config;
        "The configuration in force, without secrets and comments."
        => json::<ConfigOut>();
    Get "/api/v1/audit", ADMIN, state::audit;
        "Who logged in or changed something: page, command line, MQTT, serial lines."
        => json::<Vec<AuditOut>>(), query &[limit(state::MOST_AUDIT)];
    Get "/api/v1/audit/refused", ADMIN, state::refused;
        "Refused requests, grouped by minute and address."
        => json::<Vec<RefusedOut>>(), query &[limit(state::MOST_AUDIT)];
    Get "/api/v1/cameras", VIEWER, views::cameras;
        "The cameras."
        => json::<Vec<CameraOut>>();
    Get "/api/v1/cameras/{camera}/live", VIEWER, views::live;
        "The live view of a camera: MJPEG, with detections drawn in."
        => Gives::Bytes(mime::MJPEG), query &[RAW];
    Get "/api/v1/cameras/{camera}/picture", VIEWER, views::picture;
        "The current picture of a camera."
        => Gives::Bytes(mime::JPEG), query &[RAW];
    Post "/api/v1/cameras/{camera}/trigger", OPERATOR, views::trigger;
        "Inspect the part that is there now."
        => json::<InspectionOut<'static>>(), takes TriggerIn;
    Get "/api/v1/events", VIEWER, views::events;
        "Live events: server-sent events."
        => Gives::Bytes(mime::EVENTS);
    Get "/api/v1/events/recent", VIEWER, views::recent;
        "The last events (without updates of objects that are still there), attendance and inspections."
        => json::<Vec<Value>>(), query &[limit(views::MOST_RECENT)];
    Get "/api/v1/inspections", VIEWER, inspections::list;
        "The last inspections."
        => json::<Vec<InspectionOut<'static>>>(), query &[limit(INSPECTIONS)];
    Get "/api/v1/inspections/{acquisition}/picture", VIEWER, inspections::picture;
        "The picture of an inspected part, with its defects."
        => Gives::Bytes(mime::JPEG);
    Get "/api/v1/people", VIEWER, people::list;
        "The people of the gallery."
        => json::<PeopleOut>();
    Post "/api/v1/people", OPERATOR, people::enrol;
        "Enrol a person."
        => Gives::Json(201, of::<EnrolledOut>), takes EnrolIn;
    Get "/api/v1/people/export", ADMIN, people::export;
        "The gallery as JSON lines."
        => Gives::Bytes(mime::JSON_LINES);
    Post "/api/v1/people/import", ADMIN, people::import;
        "Import an export."
        => json::<ImportedOut>(), takes String;
    Post "/api/v1/people/reenrol", OPERATOR, people::reenrol;
        "Embed every stored crop again with the current model."
        => json::<ReenrolledOut>();
    Patch "/api/v1/people/{person}", OPERATOR, people::rename;
        "Rename a person."
        => json::<ChangedOut>(), takes RenameIn;
    Delete "/api/v1/people/{person}", ADMIN, people::erase;
        "Erase a person and all data about them."
        => json::<ErasedOut>();
    Post "/api/v1/people/{person}/merge", OPERATOR, people::merge;
        "Merge two people into one."
        => json::<ChangedOut>(), takes MergeIn;
    Post "/api/v1/people/{person}/pictures", OPERATOR, people::add;
        "Add pictures to a person."
        => json::<EnrolledOut>(), takes PicturesIn;
    Get "/api/v1/people/{person}/pictures/{sample}", VIEWER, people::picture;
        "The stored crop of a face."
        => Gives::Bytes(mime::PNG);
    Delete "/api/v1/people/{person}/pictures/{sample}", OPERATOR, people::remove;
        "Remove a picture."
        => json::<ChangedOut>();
    Get "/api/v1/doctor/bundle", ADMIN, state::bundle;
        "The archive for support: what `ocellus doctor --bundle` writes, without secrets, pictures or names."
        => Gives::Bytes(mime::GZIP);
    Get "/api/v1/intake", VIEWER, intake::list;
        "Sources of telemetry and their channels: newest value, unit, age, staleness."
        => json::<IntakeList>();
    Get "/api/v1/intake/{channel}", VIEWER, intake::series;
        "The history of a channel, in as few stretches of time as are wanted."
        => Gives::JsonOr(of::<SeriesOut>, &[mime::CSV]), query SERIES;
    Get "/api/v1/sources/{source}/bad", VIEWER, intake::bad;
        "What a source of telemetry could not read: the newest lines with file, number and reason."
        => json::<BadOut>();
    Get "/api/v1/batch", VIEWER, batch::status;
        "Recipes of microscopy with the state of their results, and the run that is under way."
        => json::<BatchOut>();
    Post "/api/v1/batch/{recipe}/run", OPERATOR, batch::run;
        "Begin a run of a recipe; its progress comes as events `batch`."
        => Gives::Json(202, of::<BatchProgress>);
    Post "/api/v1/batch/{recipe}/resume", OPERATOR, batch::resume;
        "Go on with a run that was cancelled, interrupted or failed in part."
        => Gives::Json(202, of::<BatchProgress>);
    Post "/api/v1/batch/{recipe}/cancel", OPERATOR, batch::cancel;
        "Cancel the run of a recipe; what is complete is kept."
        => Gives::Json(202, of::<BatchProgress>);
    Get "/api/v1/batch/{recipe}/results", VIEWER, batch::results;
        "What a recipe's run has made: fields of view, features, and fits of merged traces."
        => json::<ResultsOut>();
    Get "/api/v1/batch/{recipe}/tables", VIEWER, batch::tables;
        "All tables of a recipe's results."
        => Gives::Bytes(mime::ZIP);
    Get "/api/v1/batch/{recipe}/fovs/{fov}/traces", VIEWER, batch::traces;
        "The traces of one feature in a field of view."
        => json::<TracesOut>(), query &[FEATURE];
    Get "/api/v1/batch/{recipe}/fovs/{fov}/overlay", VIEWER, batch::overlay;
        "A frame of a field of view with the outlines and ids of its cells."
        => Gives::Bytes(mime::JPEG), query &[FRAME];
    Post "/api/v1/batch/{recipe}/fovs/{fov}/cells/{cell}", OPERATOR, batch::mark;
        "Mark a trace as good or bad; merges and fits take it from then on."
        => json::<MarkedOut>(), takes MarkIn;
    Post "/api/v1/batch/{recipe}/fits", OPERATOR, batch::fit;
        "Merge the good traces of all fields of view, and fit those of one feature with a model."
        => json::<ResultsOut>(), takes FitIn;
    Get "/api/v1/status/queue", VIEWER, jobs::queue;
        "The queue of studio jobs."
        => json::<QueueOut>();
    Get "/api/v1/status/queue/health", VIEWER, jobs::health;
        "Whether the queue of studio jobs does its work, and what is wrong if it does not."
        => json::<JobsHealthOut>();
    Post "/api/v1/status/queue/pause", OPERATOR, jobs::pause;
        "Start no more studio jobs, over restarts too; those that run go on."
        => json::<QueueOut>();
    Post "/api/v1/status/queue/resume", OPERATOR, jobs::resume;
        "Start studio jobs again, and take new ones."
        => json::<QueueOut>();
    Post "/api/v1/status/queue/drain", OPERATOR, jobs::drain;
        "Take no new studio jobs until the queue is resumed or the service restarts."
        => json::<QueueOut>();
    Get "/api/v1/jobs", VIEWER, jobs::list;
        "Studio jobs, newest first."
        => json::<JobsOut>(), query JOBS;
    Post "/api/v1/jobs", OPERATOR, jobs::add;
        "Add a studio job; 429 with Retry-After where the queue is full. The body may also be the job's picture (image/*)."
        => Gives::Json(202, of::<AddedOut>), takes JobIn, bytes PICTURES, query UPLOADED_JOB;
    Post "/api/v1/jobs/pictures", OPERATOR, jobs::take_picture;
        "Send a picture (JPEG, PNG or BMP) for jobs that are added next."
        => Gives::Json(201, of::<UploadedOut>), bytes PICTURES, query &[UPLOADED];
    Get "/api/v1/jobs/{id}", VIEWER, jobs::show;
        "A studio job with its progress, its times and its answer."
        => json::<JobOut>();
    Get "/api/v1/jobs/{id}/files/{file}", VIEWER, jobs::file;
        "A file that a studio job made, by its name or by its place in the answer, from 1."
        => Gives::Bytes(mime::PNG);
    Get "/api/v1/jobs/{id}/zip", VIEWER, jobs::zip;
        "All files that a studio job made."
        => Gives::Bytes(mime::ZIP);
    Get "/api/v1/jobs/{id}/picture", VIEWER, jobs::picture;
        "The picture that a studio job is made from, as it lies on the box now."
        => Gives::Bytes(mime::PNG);
    Post "/api/v1/jobs/{id}/cancel", OPERATOR, jobs::cancel;
        "Cancel a studio job and those that need it."
        => json::<JobOut>();
    Post "/api/v1/jobs/{id}/retry", OPERATOR, jobs::retry;
        "Try a studio job again that failed, was cancelled or is set aside."
        => json::<JobOut>();
    Post "/api/v1/workflows", OPERATOR, jobs::workflow;
        "Add studio jobs that depend on one another: all of them, or none."
        => Gives::Json(202, of::<WorkflowOut>), takes WorkflowIn;
    Get "/api/v1/workflows/{id}", VIEWER, jobs::follow;
        "A workflow with its jobs."
        => json::<WorkflowOut>();
    Get "/api/v1/workflows/{id}/zip", VIEWER, jobs::workflow_zip;
        "All files that the jobs of a workflow made."
        => Gives::Bytes(mime::ZIP);
    Post "/api/v1/workflows/{id}/cancel", OPERATOR, jobs::cancel_workflow;
        "Cancel all jobs of a workflow that wait or run."
        => json::<WorkflowOut>();
    Get COMMANDS, VIEWER, commands::list;
        "Commands to instruments: limits, interlocks, and what is on."
        => json::<CommandsOut>();
    Post "/api/v1/commands/off", OPERATOR, commands::all_off;
        "Turn all outputs off."
        => json::<OffOut>();
    Post "/api/v1/commands/{name}", VIEWER, commands::run;
        "Run a command; answered when the instrument has confirmed it. Takes the role of the command."
        => json::<RanOut>(), takes RunIn;
    Post "/api/v1/commands/{name}/off", VIEWER, commands::off;
        "Turn the output of a command off; takes the role of the command, and an operator at most."
        => json::<OffOut>();
    Get "/api/v1/recordings", VIEWER, recordings::list;
        "Recordings, newest first."
        => json::<RecordingPage>(), query RECORDINGS;
    Get "/api/v1/recordings/{id}", VIEWER, recordings::file;
        "A recording's film or picture, whole or in ranges; 202 with Retry-After until it is complete."
        => Gives::Bytes("video/mp4"), query &[PART];
    Delete "/api/v1/recordings/{id}", OPERATOR, recordings::delete;
        "Delete a recording with all its files."
        => json::<DeletedOut>();
    Get "/api/v1/attendance", VIEWER, attendance::day;
        "Who was present on a day."
        => Gives::JsonOr(of::<Day>, &[mime::CSV, mime::XLSX]), query ATTENDANCE;
};
