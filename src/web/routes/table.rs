//! The table itself.

use serde_json::Value;

use super::super::answer::mime;
use super::super::api::{attendance, inspections, people, session, state, views};
use super::super::bodies::{EnrolIn, MergeIn, PicturesIn, RenameIn};
use super::super::snapshot::INSPECTIONS;
use super::{Gives, Param, QueryShape, Route, Verb, of};
use crate::commands::faces::{ChangedOut, EnrolledOut, ErasedOut, ImportedOut, PeopleOut, ReenrolledOut};
use crate::commands::service::RestartedOut;
use crate::config::users::Role;
use crate::contract::rest::{
    AlarmOut, AuditOut, CameraOut, ConfigOut, HealthOut, LoginIn, RefusedOut, SessionOut, StatusOut,
    TelemetryOut, TriggerIn, UnitOut,
};
use crate::contract::{Day, InspectionOut, Telemetry};

const ANYONE: Option<Role> = None;
const VIEWER: Option<Role> = Some(Role::Viewer);
const OPERATOR: Option<Role> = Some(Role::Operator);
const ADMIN: Option<Role> = Some(Role::Admin);

/// The path for logging in and out.
pub(in super::super) const SESSION: &str = "/api/v1/session";

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

/// `GET path`, without a query.
const fn get(
    path: &'static str,
    role: Option<Role>,
    summary: &'static str,
    gives: Gives,
    handler: Handler,
) -> Route {
    Route { verb: Verb::Get, path, role, summary, query: &[], takes: None, gives, handler }
}

type Handler = fn(super::Call) -> super::Running;

/// All routes of the server; the OpenAPI document is made from them.
pub(in super::super) static ROUTES: &[Route] = &[
    get("/", ANYONE, "The page.", Gives::Bytes(mime::HTML), |call| Box::pin(state::page(call))),
    get(
        "/healthz",
        ANYONE,
        "Whether the service works: 200, or 503 if nothing works or something essential does not.",
        Gives::Json(200, of::<HealthOut>),
        |call| Box::pin(state::health(call)),
    ),
    get("/metrics", VIEWER, "Figures for Prometheus.", Gives::Bytes(mime::PROMETHEUS), |call| {
        Box::pin(state::metrics(call))
    }),
    get("/api/v1/openapi.json", VIEWER, "This document.", Gives::Json(200, of::<Value>), |call| {
        Box::pin(state::openapi(call))
    }),
    get(SESSION, ANYONE, "Who is logged in.", Gives::Json(200, of::<SessionOut>), |call| {
        Box::pin(session::show(call))
    }),
    Route {
        takes: Some(of::<LoginIn>),
        ..post(SESSION, ANYONE, "Log in.", Gives::Json(200, of::<SessionOut>), |call| {
            Box::pin(session::begin(call))
        })
    },
    Route {
        verb: Verb::Delete,
        ..get(SESSION, VIEWER, "Log out.", Gives::Json(200, of::<SessionOut>), |call| {
            Box::pin(session::end(call))
        })
    },
    get("/api/v1/status", VIEWER, "The state of the service.", Gives::Json(200, of::<StatusOut>), |call| {
        Box::pin(state::status(call))
    }),
    get(
        "/api/v1/alarms",
        VIEWER,
        "The alarms that are raised.",
        Gives::Json(200, of::<Vec<AlarmOut>>),
        |call| Box::pin(state::alarms(call)),
    ),
    post(
        "/api/v1/alarms/{name}/acknowledge",
        OPERATOR,
        "Acknowledge an alarm: it stays until its cause is over.",
        Gives::Json(200, of::<AlarmOut>),
        |call| Box::pin(state::acknowledge(call)),
    ),
    get(
        "/api/v1/telemetry",
        VIEWER,
        "Figures, now and of the last ten minutes.",
        Gives::Json(200, of::<TelemetryOut<Telemetry>>),
        |call| Box::pin(state::telemetry(call)),
    ),
    get("/api/v1/units", VIEWER, "The state of the units.", Gives::Json(200, of::<Vec<UnitOut>>), |call| {
        Box::pin(state::units(call))
    }),
    post(
        "/api/v1/units/{name}/restart",
        OPERATOR,
        "Restart a unit.",
        Gives::Json(200, of::<RestartedOut>),
        |call| Box::pin(state::restart(call)),
    ),
    get(
        "/api/v1/config",
        ADMIN,
        "The configuration in force, without secrets and comments.",
        Gives::Json(200, of::<ConfigOut>),
        |call| Box::pin(state::config(call)),
    ),
    Route {
        query: &[limit(state::MOST_AUDIT)],
        ..get(
            "/api/v1/audit",
            ADMIN,
            "Who logged in or changed something: page, command line, MQTT, serial lines.",
            Gives::Json(200, of::<Vec<AuditOut>>),
            |call| Box::pin(state::audit(call)),
        )
    },
    Route {
        query: &[limit(state::MOST_AUDIT)],
        ..get(
            "/api/v1/audit/refused",
            ADMIN,
            "Refused requests, grouped by minute and address.",
            Gives::Json(200, of::<Vec<RefusedOut>>),
            |call| Box::pin(state::refused(call)),
        )
    },
    get("/api/v1/cameras", VIEWER, "The cameras.", Gives::Json(200, of::<Vec<CameraOut>>), |call| {
        Box::pin(views::cameras(call))
    }),
    Route {
        query: &[RAW],
        ..get(
            "/api/v1/cameras/{camera}/live",
            VIEWER,
            "The live view of a camera: MJPEG, with detections drawn in.",
            Gives::Bytes(mime::MJPEG),
            |call| Box::pin(views::live(call)),
        )
    },
    Route {
        query: &[RAW],
        ..get(
            "/api/v1/cameras/{camera}/picture",
            VIEWER,
            "The current picture of a camera.",
            Gives::Bytes(mime::JPEG),
            |call| Box::pin(views::picture(call)),
        )
    },
    Route {
        takes: Some(of::<TriggerIn>),
        ..post(
            "/api/v1/cameras/{camera}/trigger",
            OPERATOR,
            "Inspect the part that is there now.",
            Gives::Json(200, of::<InspectionOut<'static>>),
            |call| Box::pin(views::trigger(call)),
        )
    },
    get("/api/v1/events", VIEWER, "Live events: server-sent events.", Gives::Bytes(mime::EVENTS), |call| {
        Box::pin(views::events(call))
    }),
    Route {
        query: &[limit(views::MOST_RECENT)],
        ..get(
            "/api/v1/events/recent",
            VIEWER,
            "The last events (without updates of objects that are still there), attendance and inspections.",
            Gives::Json(200, of::<Vec<Value>>),
            |call| Box::pin(views::recent(call)),
        )
    },
    Route {
        query: &[limit(INSPECTIONS)],
        ..get(
            "/api/v1/inspections",
            VIEWER,
            "The last inspections.",
            Gives::Json(200, of::<Vec<InspectionOut<'static>>>),
            |call| Box::pin(inspections::list(call)),
        )
    },
    get(
        "/api/v1/inspections/{acquisition}/picture",
        VIEWER,
        "The picture of an inspected part, with its defects.",
        Gives::Bytes(mime::JPEG),
        |call| Box::pin(inspections::picture(call)),
    ),
    get("/api/v1/people", VIEWER, "The people of the gallery.", Gives::Json(200, of::<PeopleOut>), |call| {
        Box::pin(people::list(call))
    }),
    Route {
        takes: Some(of::<EnrolIn>),
        ..post("/api/v1/people", OPERATOR, "Enrol a person.", Gives::Json(201, of::<EnrolledOut>), |call| {
            Box::pin(people::enrol(call))
        })
    },
    get(
        "/api/v1/people/export",
        ADMIN,
        "The gallery as JSON lines.",
        Gives::Bytes(mime::JSON_LINES),
        |call| Box::pin(people::export(call)),
    ),
    Route {
        takes: Some(of::<String>),
        ..post(
            "/api/v1/people/import",
            ADMIN,
            "Import an export.",
            Gives::Json(200, of::<ImportedOut>),
            |call| Box::pin(people::import(call)),
        )
    },
    post(
        "/api/v1/people/reenrol",
        OPERATOR,
        "Embed every stored crop again with the current model.",
        Gives::Json(200, of::<ReenrolledOut>),
        |call| Box::pin(people::reenrol(call)),
    ),
    Route {
        verb: Verb::Patch,
        takes: Some(of::<RenameIn>),
        ..get(
            "/api/v1/people/{person}",
            OPERATOR,
            "Rename a person.",
            Gives::Json(200, of::<ChangedOut>),
            |call| Box::pin(people::rename(call)),
        )
    },
    Route {
        verb: Verb::Delete,
        ..get(
            "/api/v1/people/{person}",
            ADMIN,
            "Erase a person and all data about them.",
            Gives::Json(200, of::<ErasedOut>),
            |call| Box::pin(people::erase(call)),
        )
    },
    Route {
        takes: Some(of::<MergeIn>),
        ..post(
            "/api/v1/people/{person}/merge",
            OPERATOR,
            "Merge two people into one.",
            Gives::Json(200, of::<ChangedOut>),
            |call| Box::pin(people::merge(call)),
        )
    },
    Route {
        takes: Some(of::<PicturesIn>),
        ..post(
            "/api/v1/people/{person}/pictures",
            OPERATOR,
            "Add pictures to a person.",
            Gives::Json(200, of::<EnrolledOut>),
            |call| Box::pin(people::add(call)),
        )
    },
    get(
        "/api/v1/people/{person}/pictures/{sample}",
        VIEWER,
        "The stored crop of a face.",
        Gives::Bytes(mime::PNG),
        |call| Box::pin(people::picture(call)),
    ),
    Route {
        verb: Verb::Delete,
        ..get(
            "/api/v1/people/{person}/pictures/{sample}",
            OPERATOR,
            "Remove a picture.",
            Gives::Json(200, of::<ChangedOut>),
            |call| Box::pin(people::remove(call)),
        )
    },
    Route {
        query: &[
            Param { name: "day", says: "Such as 2026-11-21; today by default.", shape: QueryShape::Day },
            Param { name: "person", says: "Of one person only, by number or name.", shape: QueryShape::Text },
            Param {
                name: "format",
                says: "json by default.",
                shape: QueryShape::Word(&["json", "csv", "xlsx"]),
            },
        ],
        ..get(
            "/api/v1/attendance",
            VIEWER,
            "Who was present on a day.",
            Gives::JsonOr(of::<Day>, &[mime::CSV, mime::XLSX]),
            |call| Box::pin(attendance::day(call)),
        )
    },
];

/// `POST path`, without a body.
const fn post(
    path: &'static str,
    role: Option<Role>,
    summary: &'static str,
    gives: Gives,
    handler: Handler,
) -> Route {
    Route { verb: Verb::Post, path, role, summary, query: &[], takes: None, gives, handler }
}
