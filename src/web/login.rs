//! Logging in: rate limited, compared on another thread, written to the audit log.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use super::answer::WebFault;
use super::guard;
use super::limiter::Try;
use super::server::Server;
use crate::config::users::User;

/// Longer passwords are refused unread.
const MAX_PASSWORD: usize = 1_024;

/// The user called `name`, if `password` is right. The headers may carry a cookie that marks the browser as
/// known.
pub(super) async fn check(
    server: &Server,
    from: IpAddr,
    headers: &HeaderMap,
    name: &str,
    password: String,
) -> Result<User, WebFault> {
    let tried = Try { address: from, account: name, device: server.devices.known(headers, name) };
    let outcome = attempt(server, &tried, password).await;
    let totals = &server.shared.totals;
    match &outcome {
        Ok(_) => {
            totals.logins.inc();
            server.note(name, "login", &from.to_string(), "ok");
        }
        Err(fault) => {
            totals.logins_refused.inc();
            server.refuse(from, name, fault.code);
        }
    }
    outcome
}

async fn attempt(server: &Server, tried: &Try<'_>, password: String) -> Result<User, WebFault> {
    let users = guard::users(server)?;
    let way = server.limiter().attempt(tried, server.now_ns()).map_err(later)?;
    let user = users.iter().find(|user| user.name == tried.account).cloned();
    if password.len() > MAX_PASSWORD {
        return Err(wrong());
    }
    let hash = user.as_ref().map(|user| user.hash.clone());
    match (server.passwords.check(password, hash, way).await, user) {
        (Some(true), Some(user)) => {
            server.limiter().succeeded(tried, way, server.now_ns());
            Ok(user)
        }
        (Some(_), _) => Err(wrong()),
        (None, _) => {
            server.limiter().take_back(tried, way);
            Err(later(1))
        }
    }
}

fn wrong() -> WebFault {
    WebFault::new(
        StatusCode::UNAUTHORIZED,
        "wrong_login",
        "the name or the password is wrong",
        "try again; an administrator sets a new password with `ocellus users password NAME`",
    )
}

fn later(seconds: u64) -> WebFault {
    let message = format!("too many logins were tried; the next one is accepted in {seconds} s");
    let fault =
        WebFault::new(StatusCode::TOO_MANY_REQUESTS, "too_many_logins", message, "wait, then try again");
    fault.header(header::RETRY_AFTER, HeaderValue::from(seconds))
}
