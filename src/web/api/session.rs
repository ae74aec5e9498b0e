//! Logging in and out.

use axum::http::{HeaderValue, StatusCode, header};

use super::super::answer::{Handled, WebFault, json};
use super::super::guard::{COOKIE, Who};
use super::super::routes::Call;
use super::super::session;
use super::super::{body, device, login};
use crate::contract::rest::{LoginIn, SessionOut, UserOut};

/// A login is short, so longer bodies are refused.
const MAX_BODY: usize = 16 << 10;

pub(in super::super) async fn show(call: Call) -> Handled {
    json(&response(&call))
}

fn response(call: &Call) -> SessionOut {
    let user =
        call.who.role().map(|role| UserOut { name: call.who.name().into(), role: role.as_str().into() });
    let csrf = match &call.who {
        Who::User { session: Some((_, csrf)), .. } => csrf.clone(),
        _ => String::new(),
    };
    SessionOut { user, login_required: !matches!(call.who, Who::Local), csrf }
}

pub(in super::super) async fn begin(mut call: Call) -> Handled {
    let body = call.take_body();
    let bytes = body::read(&call.headers, body, MAX_BODY).await?;
    let LoginIn { name, password } = body::json(&bytes)?;
    if matches!(call.who, Who::Local) {
        return show(call).await;
    }
    let user = login::check(&call.server, call.peer.address, &call.headers, &name, password).await?;
    let token = || session::token().map_err(no_chance);
    let (cookie, csrf) = (token()?, token()?);
    let key = session::key(&cookie);
    call.server.sessions().begin(key, &user.name, &user.hash, csrf.clone(), call.server.now_ns());
    if let Who::User { session: Some((former, _)), .. } = &call.who {
        call.server.sessions().end(former);
    }
    call.who = Who::User { name: user.name, role: user.role, session: Some((key, csrf)) };
    let mut response = with_cookie(&call, &cookie, call.server.settings.session.as_secs())?;
    let (devices, name) = (&call.server.devices, call.who.name());
    let number = devices.known(&call.headers, name).map_or_else(device::number, Ok).map_err(no_chance)?;
    if let Some(cookie) = devices.cookie(number, name, secure(&call)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Over plain HTTP the browser would not send a secure cookie back.
fn secure(call: &Call) -> &'static str {
    if call.peer.tls { "; Secure" } else { "" }
}

pub(in super::super) async fn end(mut call: Call) -> Handled {
    if let Who::User { name, session: Some((key, _)), .. } = &call.who {
        call.server.sessions().end(key);
        call.server.note(name, "logout", &call.peer.address.to_string(), "ok");
        call.who = Who::Nobody;
    }
    with_cookie(&call, "", 0)
}

fn with_cookie(call: &Call, token: &str, seconds: u64) -> Handled {
    let mut response = json(&response(call))?;
    let secure = secure(call);
    let cookie = format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn no_chance(error: getrandom::Error) -> WebFault {
    let message = format!("the machine gives no random numbers: {error}");
    WebFault::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message, "try again")
}
