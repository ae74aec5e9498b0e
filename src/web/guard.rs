//! Identifies the sender of a request and checks its rights: host, origin, login, role, CSRF.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::WebFault;
use super::server::{Peer, Server};
use super::session::{self, TokenHash};
use crate::config::users::{Role, User};

pub(super) const COOKIE: &str = "ocellus_session";
pub(super) const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The sender of a request, as far as it is known.
#[derive(Clone, Debug)]
pub(super) enum Who {
    /// A client on this machine when no login is required: may do everything.
    Local,
    /// A client that is not logged in.
    Nobody,
    /// A user who is logged in.
    User {
        name: String,
        role: Role,
        /// The session and its CSRF token; absent for a program that sends name and password with each
        /// request.
        session: Option<(TokenHash, String)>,
    },
}

impl Who {
    /// The name for the audit log.
    pub(super) fn name(&self) -> &str {
        match self {
            Who::Local => "local",
            Who::Nobody => "",
            Who::User { name, .. } => name,
        }
    }

    pub(super) fn role(&self) -> Option<Role> {
        match self {
            Who::Local => Some(Role::Admin),
            Who::Nobody => None,
            Who::User { role, .. } => Some(*role),
        }
    }
}

/// Refuses requests with another host name if only this machine may connect. After DNS rebinding, a foreign
/// page sends its own name here.
pub(super) fn check_host(server: &Server, headers: &HeaderMap) -> Result<(), WebFault> {
    if !server.settings.is_local() {
        return Ok(());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if is_this_machine(host) {
        return Ok(());
    }
    Err(WebFault::new(
        StatusCode::MISDIRECTED_REQUEST,
        "wrong_host",
        format!("this page is not {host:?}: it answers to localhost, 127.0.0.1 and [::1] only"),
        "ask for it by one of those names",
    ))
}

fn is_this_machine(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, after)) => (name, after.strip_prefix(':').or(after.is_empty().then_some("0"))),
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, Some("0")),
        },
    };
    let known = name.eq_ignore_ascii_case("localhost")
        || name.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    known && port.is_some_and(|port| port.parse::<u16>().is_ok())
}

/// Refuses changes that another site's page requests.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<(), WebFault> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let same = match text(header::ORIGIN) {
        // Not a browser: browsers always send one of these headers with a change from another site.
        None => true,
        Some(origin) => {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.is_some() && authority == text(header::HOST)
        }
    };
    if same && !matches!(text(SITE), Some("cross-site" | "same-site")) {
        return Ok(());
    }
    Err(WebFault::new(
        StatusCode::FORBIDDEN,
        "wrong_origin",
        "this request comes from another site's page",
        "use the device's own page, or a program that sends no Origin",
    ))
}

/// The users who may log in. If the file cannot be read, nobody may.
pub(super) fn users(server: &Server) -> Result<Arc<[User]>, WebFault> {
    server.users.now(server.now_ns()).map_err(|error| {
        let remedy = "correct the file; until then no one can log in";
        WebFault::new(StatusCode::SERVICE_UNAVAILABLE, "no_users", error.to_string(), remedy)
    })
}

/// The sender of these headers. Name and password in `Authorization: Basic` count as a login, which is
/// remembered.
pub(super) async fn identify(server: &Server, headers: &HeaderMap, peer: Peer) -> Result<Who, WebFault> {
    let users = users(server)?;
    if users.is_empty() && server.settings.is_local() {
        return Ok(Who::Local);
    }
    let by_cookie = cookie(headers, COOKIE).map(session::key);
    let basic =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    let (key, is_basic) = match (basic, by_cookie) {
        (Some(basic), _) => (session::key(&format!("basic {basic}")), true),
        (None, Some(key)) => (key, false),
        (None, None) => return Ok(Who::Nobody),
    };
    let known = server.sessions().find(&key, server.now_ns());
    let user = known.and_then(|session| {
        let user = users.iter().find(|user| user.name == session.user && user.hash == session.hash)?;
        Some((user.name.clone(), user.role, session.csrf))
    });
    match (user, basic) {
        (Some((name, role, csrf)), _) => {
            Ok(Who::User { name, role, session: (!is_basic).then_some((key, csrf)) })
        }
        (None, Some(basic)) => {
            let (name, password) = credentials(basic)
                .ok_or_else(|| WebFault::bad("Authorization is not NAME:PASSWORD in base64", "correct it"))?;
            let user = super::login::check(server, peer.address, headers, &name, password).await?;
            server.sessions().begin(key, &user.name, &user.hash, String::new(), server.now_ns());
            Ok(Who::User { name: user.name, role: user.role, session: None })
        }
        (None, None) => Ok(Who::Nobody),
    }
}

fn credentials(basic: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(basic.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// The cookie called `wanted`.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, token)| token)
}

/// Refuses senders with a lower role than `least`.
pub(super) fn check_role(who: &Who, least: Option<Role>) -> Result<(), WebFault> {
    let Some(least) = least else { return Ok(()) };
    match who.role() {
        Some(role) if role >= least => Ok(()),
        Some(role) => Err(WebFault::new(
            StatusCode::FORBIDDEN,
            "not_allowed",
            format!("a {} may not do this; it takes a {}", role.as_str(), least.as_str()),
            "ask a user with that role, or `ocellus users add NAME --role ROLE`",
        )),
        None => Err(WebFault::new(
            StatusCode::UNAUTHORIZED,
            "login_required",
            "not logged in, or the session is over",
            "log in: POST /api/v1/session with name and password",
        )),
    }
}

/// Refuses a change that does not carry the session's CSRF token.
pub(super) fn check_csrf(who: &Who, headers: &HeaderMap) -> Result<(), WebFault> {
    let Who::User { session: Some((_, csrf)), .. } = who else { return Ok(()) };
    let sent = headers.get(CSRF).map(|value| value.as_bytes()).unwrap_or_default();
    // Hashes are compared, so that the time does not reveal where the tokens differ.
    if !csrf.is_empty() && session::key(csrf) == session::key(&String::from_utf8_lossy(sent)) {
        return Ok(());
    }
    Err(WebFault::new(
        StatusCode::FORBIDDEN,
        "csrf",
        "the header X-CSRF-Token is missing or wrong",
        "send the token that GET /api/v1/session gives as `csrf`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_host() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8080"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8080",
            "10.0.0.1",
            "127.0.0.1.evil.example",
            "localhost:x",
            "[::1]x",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn a_change_from_another_site_is_refused_and_a_program_is_not() {
        let check = |pairs: &[(&'static str, &'static str)]| {
            let pairs =
                pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
            check_origin(&pairs.collect()).is_ok()
        };
        assert!(check(&[("host", "a:1")]) && check(&[("host", "a:1"), ("origin", "http://a:1")]));
        assert!(!check(&[("host", "a:1"), ("origin", "http://b:1")]));
        assert!(!check(&[("host", "a:1"), ("origin", "null")]));
        assert!(!check(&[("host", "a:1"), ("sec-fetch-site", "cross-site")]));
    }
}
