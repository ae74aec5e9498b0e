//! Who is asking, and whether they may: host, origin, login, role, CSRF.

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
    /// Somebody on this machine, where nobody has to log in: may do everything.
    Local,
    /// Nobody whom we know.
    Nobody,
    /// A user who is logged in.
    User {
        name: String,
        role: Role,
        /// The session, and the word that proves that a request comes from its page; a program that sends name and
        /// password with each request has none.
        session: Option<(TokenHash, String)>,
    },
}

impl Who {
    /// For the audit log.
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

/// Refuses requests for another host where only this machine may ask: a page from elsewhere whose name was made to mean
/// this machine (DNS rebinding) says its own name here.
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

/// Refuses a change that another site's page asks for.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<(), WebFault> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let same = match text(header::ORIGIN) {
        // No browser: none would leave it out of a request that changes something on another site.
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
        "use the box's own page, or a program that sends no Origin",
    ))
}

/// Who may log in. A file that cannot be read lets nobody in.
pub(super) fn users(server: &Server) -> Result<Arc<[User]>, WebFault> {
    server.users.now(server.now_ns()).map_err(|cause| {
        let remedy = "correct the file; nobody can log in before";
        WebFault::new(StatusCode::SERVICE_UNAVAILABLE, "no_users", cause, remedy)
    })
}

/// Who sends these headers. A name and password in `Authorization: Basic` are a login of their own, remembered.
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

/// Refuses those who may less than `least`.
pub(super) fn check_role(who: &Who, least: Option<Role>) -> Result<(), WebFault> {
    let Some(least) = least else { return Ok(()) };
    match who.role() {
        Some(role) if role >= least => Ok(()),
        Some(role) => Err(WebFault::new(
            StatusCode::FORBIDDEN,
            "not_allowed",
            format!("a {} may not do this; it takes a {}", role.as_str(), least.as_str()),
            "ask somebody who may, or `ocellus users add NAME --role ROLE`",
        )),
        None => Err(WebFault::new(
            StatusCode::UNAUTHORIZED,
            "login_required",
            "nobody is logged in, or the session is over",
            "log in: POST /api/v1/session with name and password",
        )),
    }
}

/// Refuses a change that does not carry the session's own word.
pub(super) fn check_csrf(who: &Who, headers: &HeaderMap) -> Result<(), WebFault> {
    let Who::User { session: Some((_, csrf)), .. } = who else { return Ok(()) };
    let sent = headers.get(CSRF).map(|value| value.as_bytes()).unwrap_or_default();
    // By their hashes, so that the time says nothing of where they differ.
    if !csrf.is_empty() && session::key(csrf) == session::key(&String::from_utf8_lossy(sent)) {
        return Ok(());
    }
    Err(WebFault::new(
        StatusCode::FORBIDDEN,
        "csrf",
        "the header X-CSRF-Token is missing or wrong",
        "send the word that GET /api/v1/session gives as `csrf`",
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
