//! The one table of routes: what is served, who may call it, and what goes in and out. Router, rights and
//! `openapi.json` are made from it, so that they cannot differ.

mod table;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Query, RawPathParams, Request};
use axum::http::{HeaderMap, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;

use super::answer::{Handled, RefusalWord, WebFault};
use super::body::BudgetedBody;
use super::guard::{self, Who};
use super::places::Visitor;
use super::server::{Peer, Server};
use super::{body, front};
use crate::config::users::Role;

pub(super) use table::ROUTES;

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Patch,
    Delete,
}

impl Verb {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Verb::Get => MethodFilter::GET,
            Verb::Post => MethodFilter::POST,
            Verb::Patch => MethodFilter::PATCH,
            Verb::Delete => MethodFilter::DELETE,
        }
    }
}

/// The schema of a type.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The body of a successful response.
pub(super) enum Gives {
    /// JSON with this status.
    Json(u16, SchemaOf),
    /// Bytes of this content type.
    Bytes(&'static str),
    /// JSON, or another content type if the query asks for it.
    JsonOr(SchemaOf, &'static [&'static str]),
}

/// A parameter of the query.
pub(super) struct Param {
    pub(super) name: &'static str,
    pub(super) says: &'static str,
    pub(super) shape: QueryShape,
}

/// The values of a query parameter; it may always be absent.
pub(super) enum QueryShape {
    /// A whole number from 1 to this.
    UpTo(usize),
    /// A whole number from 0.
    FromZero,
    /// A day, as `2026-11-21`.
    Day,
    /// A moment, RFC 3339.
    Time,
    /// One of the words listed here.
    Word(&'static [&'static str]),
    /// Any text; the handler checks it.
    Text,
}

pub(super) type Running = std::pin::Pin<Box<dyn Future<Output = Handled> + Send>>;

/// One route: how it is called, who may call it, and its handler.
pub(super) struct Route {
    pub(super) verb: Verb,
    pub(super) path: &'static str,
    /// The lowest role that may call it; `None`: everybody.
    pub(super) role: Option<Role>,
    pub(super) summary: &'static str,
    pub(super) query: &'static [Param],
    /// The request body, if it takes one.
    pub(super) takes: Option<SchemaOf>,
    /// Media types of a body that is taken as its bytes, such as a picture.
    pub(super) takes_bytes: &'static [&'static str],
    pub(super) gives: Gives,
    pub(super) handler: fn(Call) -> Running,
}

impl Route {
    /// Whether its outcome is noted in the audit log by whoever carries it out.
    fn writes_its_own_entry(&self) -> bool {
        self.path == table::SESSION || self.path.starts_with(table::COMMANDS)
    }

    /// Whether an empty body is a valid request: all fields of a trigger are optional.
    pub(super) fn body_may_be_empty(&self) -> bool {
        self.path.ends_with("/trigger")
    }
}

/// The schema of `T`, for the table.
pub(super) fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// One request that passed the checks.
pub(super) struct Call {
    pub(super) server: Arc<Server>,
    pub(super) who: Who,
    pub(super) peer: Peer,
    pub(super) headers: HeaderMap,
    params: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: Body,
    budget: Option<OwnedSemaphorePermit>,
}

/// The longest body of a request without pictures, bytes; the same as over MQTT.
pub(super) const SHORT_BODY: usize = 64 << 10;

impl Call {
    /// The path parameter `name`.
    pub(super) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The path parameter `name` as a number.
    pub(super) fn number(&self, name: &str) -> Result<u64, WebFault> {
        let text = self.param(name);
        let fault =
            |_| WebFault::unknown("not_found", format!("{text:?} is not a number"), "ids are whole numbers");
        text.parse().map_err(fault)
    }

    /// The query parameter `name`.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The requested number of entries: `usual` by default, `most` at most.
    pub(super) fn limit(&self, usual: usize, most: usize) -> Result<usize, WebFault> {
        let Some(text) = self.asked("limit") else { return Ok(usual) };
        let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
        limit.ok_or_else(|| {
            WebFault::bad(format!("limit is {text:?}"), format!("write a whole number from 1 to {most}"))
        })
    }

    /// Takes the body before any of it is read.
    pub(super) fn take_body(&mut self) -> Body {
        std::mem::take(&mut self.body)
    }

    /// The bytes of the body. Their memory stays reserved until the request has been answered.
    pub(super) async fn bytes(&mut self) -> Result<Vec<u8>, WebFault> {
        let limit = self.server.settings.max_body_bytes;
        let body = self.take_body();
        let BudgetedBody { bytes, budget } =
            body::read_in(&self.server.budget, &self.headers, body, limit).await?;
        self.budget = Some(budget);
        Ok(bytes)
    }

    /// The body's object, which may hold pictures.
    pub(super) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, WebFault> {
        body::json(&self.bytes().await?)
    }

    /// The body's object, with the limit for bodies without pictures.
    pub(super) async fn short_json<T: DeserializeOwned>(&mut self) -> Result<T, WebFault> {
        let body = self.take_body();
        body::json(&body::read(&self.headers, body, SHORT_BODY).await?)
    }
}

/// The router that serves all routes.
pub(super) fn router(server: Arc<Server>) -> Router {
    let mut router = Router::new();
    let mut done: Vec<&str> = Vec::new();
    for Route { path, .. } in ROUTES {
        if !done.contains(path) {
            done.push(path);
            router = router.route(path, methods(path, &server));
        }
    }
    router
        .method_not_allowed_fallback(front::wrong_method)
        .fallback(front::unknown_path)
        .layer(from_fn_with_state(server, front::front))
}

fn methods(path: &str, server: &Arc<Server>) -> MethodRouter {
    let routes = ROUTES.iter().filter(|route| route.path == path);
    routes.fold(MethodRouter::new(), |methods, route| {
        let server = server.clone();
        let handler = move |request: Request| serve(server, route, request);
        methods.on(route.verb.filter(), handler)
    })
}

async fn serve(server: Arc<Server>, route: &'static Route, request: Request) -> Response {
    let changes = route.verb != Verb::Get;
    let target = request.uri().path().to_owned();
    let peer = request.extensions().get::<Peer>().copied();
    let (who, outcome) = attempt(&server, route, request).await;
    let response = outcome.unwrap_or_else(IntoResponse::into_response);
    let refused = response.extensions().get::<RefusalWord>().map(|refused| refused.0);
    let action = format!("{} {}", route.verb.as_str(), route.path);
    match (refused, peer) {
        (Some(cause @ ("not_allowed" | "wrong_origin" | "csrf")), Some(peer)) => {
            server.refuse(peer.address, who.name(), &format!("{cause} {action}"));
        }
        // A page whose session has ended still reads, so such requests are not noted.
        (Some(cause @ "login_required"), Some(peer)) if changes => {
            server.refuse(peer.address, "", &format!("{cause} {action}"));
        }
        // Logins and commands write their own entries, and requests of strangers must not fill the log of changes.
        _ if changes && !route.writes_its_own_entry() && !matches!(who, Who::Nobody) => {
            server.note(who.name(), &action, &target, refused.unwrap_or("ok"));
        }
        _ => {}
    }
    response
}

async fn attempt(server: &Arc<Server>, route: &'static Route, request: Request) -> (Who, Handled) {
    let (mut parts, body) = request.into_parts();
    let mut who = Who::Nobody;
    let call = async {
        if route.verb != Verb::Get {
            guard::check_origin(&parts.headers)?;
        }
        let unknown = || WebFault::bad("the connection has no other side", "");
        let peer = *parts.extensions.get::<Peer>().ok_or_else(unknown)?;
        who = match guard::identify(server, &parts.headers, peer).await {
            // Routes for everybody stay open.
            Err(_) if route.role.is_none() => Who::Nobody,
            who => who?,
        };
        guard::check_role(&who, route.role)?;
        if let (Some(visitor), true) = (parts.extensions.get::<Arc<Visitor>>(), who.role().is_some()) {
            visitor.is_known();
        }
        if route.verb != Verb::Get && route.role.is_some() {
            guard::check_csrf(&who, &parts.headers)?;
        }
        let params = RawPathParams::from_request_parts(&mut parts, &()).await;
        let params = params
            .map_err(|error| WebFault::bad(format!("the path cannot be read: {error}"), "correct it"))?;
        let params = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let query = query(&parts.uri)?;
        let headers = std::mem::take(&mut parts.headers);
        Ok(Call {
            server: server.clone(),
            who: who.clone(),
            peer,
            headers,
            params,
            query,
            body,
            budget: None,
        })
    };
    match call.await {
        Ok(call) => {
            let outcome = (route.handler)(call).await;
            (who, outcome)
        }
        Err(fault) => (who, Err(fault)),
    }
}

fn query(uri: &Uri) -> Result<Vec<(String, String)>, WebFault> {
    let Query(query) = Query::try_from_uri(uri).map_err(|error| {
        WebFault::bad(format!("the query cannot be read: {error}"), "write ?name=value&name=value")
    })?;
    Ok(query)
}
