//! Who may do what: this machine, other hosts' names, other sites' pages, users and their roles.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::{complaint, wait_until};
use crate::web::client::{Client, Place, SCENE, head, place, prepared, user};

pub const PASSWORDS: [(&str, &str, &str); 3] = [
    ("vera", "viewer", "looks and looks"),
    ("otto", "operator", "pulls triggers"),
    ("anna", "admin", "may everything"),
];

/// A box with a user of each role.
pub fn with_users(cameras: &str) -> Place {
    prepared("", cameras, |fixture| {
        for (name, role, password) in PASSWORDS {
            let made = user(fixture, &["add", name, "--role", role], password);
            assert!(made.status.success(), "{}", complaint(&made));
        }
    })
}

#[test]
fn without_users_this_machine_may_everything_and_no_other_name_means_it() {
    let place = place("", SCENE);
    let local = place.client();
    let session = local.get("/api/v1/session").json();
    assert_eq!((&session["user"]["role"], &session["login_required"]), (&json!("admin"), &json!(false)));
    for host in ["localhost", "127.0.0.1:80", "[::1]:8080", "LOCALHOST:1"] {
        assert_eq!(place.client().with("host", host).get("/api/v1/status").status, 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "10.0.0.7", ""] {
        for path in ["/", "/api/v1/status", "/metrics", "/api/v1/cameras/a/picture"] {
            let reply = place.client().with("host", host).get(path);
            assert_eq!((reply.status, reply.code().as_str()), (421, "wrong_host"), "{host} {path}");
        }
    }
    let restart = "/api/v1/units/evidence/restart";
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:1"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let reply = place.client().with(name, value).post(restart, json!({}));
        assert_eq!((reply.status, reply.code().as_str()), (403, "wrong_origin"), "{name}: {value}");
    }
    let own = format!("http://{}", place.at);
    assert_eq!(place.client().with("origin", &own).post(restart, json!({})).status, 200);
    assert_eq!(local.post(restart, json!({})).status, 200);
    place.end();
}

#[test]
fn every_route_asks_for_its_role_and_for_nothing_else() {
    let place = with_users(SCENE);
    assert_eq!(place.client().get("/api/v1/openapi.json").status, 401);
    let clients: Vec<(&str, Client)> = PASSWORDS
        .iter()
        .map(|(name, role, password)| (*role, place.client().log_in(name, password)))
        .collect();
    let document = clients[0].1.get("/api/v1/openapi.json").json();
    let rank = |role: &str| {
        ["anyone", "viewer", "operator", "admin"].iter().position(|known| *known == role).unwrap()
    };
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let least = operation["x-role"].as_str().unwrap();
            // Nobody is logged out by this test, and nothing is there that it could change.
            if path == "/api/v1/session" {
                continue;
            }
            let concrete = path
                .replace("{camera}", "nobody")
                .replace("{name}", "nobody")
                .replace("{person}", "999")
                .replace("{sample}", "999");
            let concrete = concrete.replace("{acquisition}", "999");
            let method = method.to_uppercase();
            let stranger = status(&place.client(), &method, &concrete);
            assert_eq!(stranger == 401, least != "anyone", "{method} {path} without a login: {stranger}");
            for (role, client) in &clients {
                let status = status(client, &method, &concrete);
                let refused = matches!(status, 401 | 403);
                assert_eq!(refused, rank(role) < rank(least), "{method} {path} as {role}: {status}");
                asked += 1;
            }
        }
    }
    assert!(asked > 80, "{asked}");
    place.end();
}

/// The status alone: some answers have no end.
fn status(client: &Client, method: &str, path: &str) -> u16 {
    let body = (method != "GET").then_some(&b"{}"[..]);
    head(&mut client.begin(method, path, body)).0
}

#[test]
fn a_change_needs_the_sessions_own_word_and_the_cookie_is_out_of_a_scripts_reach() {
    let place = with_users(SCENE);
    let reply =
        place.client().post("/api/v1/session", json!({ "name": "otto", "password": "pulls triggers" }));
    let cookie = reply.header("set-cookie").unwrap().to_owned();
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("Secure"), "over plain HTTP the browser would not send it back: {cookie}");
    let otto = place.client().log_in("otto", "pulls triggers");
    let restart = "/api/v1/units/evidence/restart";
    for bad in
        [otto.clone().without("x-csrf-token"), otto.clone().without("x-csrf-token").with("x-csrf-token", "x")]
    {
        let reply = bad.post(restart, json!({}));
        assert_eq!((reply.status, reply.code().as_str()), (403, "csrf"));
        assert_eq!(bad.get("/api/v1/status").status, 200, "reading needs no such word");
    }
    // Another session's word is no better.
    let other = place.client().log_in("otto", "pulls triggers");
    let csrf = other.headers.iter().find(|(name, _)| name == "x-csrf-token").unwrap().1.clone();
    assert_eq!(
        otto.clone().without("x-csrf-token").with("x-csrf-token", &csrf).post(restart, json!({})).status,
        403
    );
    assert_eq!(otto.post(restart, json!({})).status, 200);
    // Logged out, the cookie is worth nothing.
    assert_eq!(otto.ask("DELETE", "/api/v1/session", None).status, 200);
    assert_eq!(otto.get("/api/v1/status").status, 401);
    assert_eq!(other.get("/api/v1/status").status, 200);
    place.end();
}

#[test]
fn a_program_sends_name_and_password_with_each_request() {
    let place = with_users(SCENE);
    use base64::Engine as _;
    let basic = |text: &str| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text));
    let scraper = place.client().with("authorization", &basic("vera:looks and looks"));
    assert_eq!(scraper.get("/metrics").status, 200);
    assert_eq!(scraper.get("/api/v1/status").status, 200);
    assert_eq!(scraper.post("/api/v1/units/evidence/restart", json!({})).status, 403);
    let reply = place.client().with("authorization", &basic("vera:looks and hooks")).get("/metrics");
    assert_eq!((reply.status, reply.code().as_str()), (401, "wrong_login"));
    assert_eq!(place.client().with("authorization", "Basic ???").get("/metrics").status, 400);
    // Alone in being open to everybody beside the page and the login.
    wait_until("it is healthy", || place.client().get("/healthz").status == 200);
    place.end();
}

#[test]
fn users_are_made_changed_and_removed_while_the_box_runs() {
    let place = with_users(SCENE);
    let file = place.fixture.state_dir.join("users");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.lines().all(|line| line.contains(":$argon2id$v=19$")), "{text}");
    assert!(PASSWORDS.iter().all(|(_, _, password)| !text.contains(password)));
    let refused = |action: &[&str], password: &str, word: &str| {
        let outcome = user(&place.fixture, action, password);
        let said = complaint(&outcome);
        assert!(!outcome.status.success() && said.contains(word), "{said}");
    };
    refused(&["add", "tiny", "--role", "viewer"], "short", "fewer than 10");
    refused(&["add", "vera", "--role", "admin"], "long enough now", "already a user vera");
    refused(&["add", "a b", "--role", "admin"], "long enough now", "cannot be a name");
    refused(&["password", "nobody"], "long enough now", "there are: vera, otto, anna");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);

    let vera = place.client().log_in("vera", "looks and looks");
    assert!(user(&place.fixture, &["password", "vera"], "looks elsewhere").status.success());
    wait_until("the session of the old password is over", || vera.get("/api/v1/status").status == 401);
    let vera = place.client().log_in("vera", "looks elsewhere");
    assert!(user(&place.fixture, &["remove", "vera"], "").status.success());
    wait_until("a removed user is out", || vera.get("/api/v1/status").status == 401);
    let listed = user(&place.fixture, &["list", "--json"], "");
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let names: Vec<_> = listed["users"].as_array().unwrap().iter().map(|user| &user["name"]).collect();
    assert_eq!(names, ["otto", "anna"]);
    // A file that cannot be read lets nobody in: it does not open the door.
    std::fs::write(&file, "otto:king:x\n").unwrap();
    wait_until("nobody is let in", || place.client().get("/api/v1/status").status == 503);
    let login =
        place.client().post("/api/v1/session", json!({ "name": "otto", "password": "pulls triggers" }));
    assert_eq!((login.status, login.code().as_str()), (503, "no_users"));
    wait_until("it is healthy", || place.client().get("/healthz").status == 200);
    place.end();
}
