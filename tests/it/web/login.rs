//! Guessing passwords.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::web::access::with_users;
use crate::web::client::{Client, Place, SCENE};

fn log_in(place: &Place, from: &str, name: &str, password: &str) -> (u16, Value, Option<u64>) {
    let client = place.client().from(from);
    let reply = client.post("/api/v1/session", json!({ "name": name, "password": password }));
    let after = reply.header("retry-after").and_then(|after| after.parse().ok());
    (reply.status, reply.json(), after)
}

/// The lines of refusals from one address.
fn refused(admin: &Client, from: &str) -> Vec<Value> {
    let lines = admin.get("/api/v1/audit/refused?limit=2000").json();
    lines.as_array().unwrap().iter().filter(|line| line["from"] == from).cloned().collect()
}

/// Sends `count` logins as `name` one after the other on one connection, and reads all answers.
fn flood(place: &Place, count: usize, name: &str) {
    let client = place.client().with("origin", &format!("http://{}", place.at));
    let body = json!({ "name": name, "password": "a guess" }).to_string();
    let request = client.request("POST", "/api/v1/session", Some(body.as_bytes()));
    let request = String::from_utf8(request).unwrap().replace("connection: close\r\n", "");
    let stream = client.connect();
    std::thread::scope(|scope| {
        let mut out = stream.try_clone().unwrap();
        scope.spawn(move || (0..count).for_each(|_| out.write_all(request.as_bytes()).unwrap()));
        let (mut answers, mut read) = (0, BufReader::new(&stream));
        while answers < count {
            let mut line = String::new();
            assert!(read.read_line(&mut line).unwrap() > 0, "{answers} of {count} logins were answered");
            answers += line.matches("HTTP/1.1 4").count();
        }
    });
}

#[test]
fn seven_thousand_refused_logins_leave_what_people_changed_in_the_audit_log() {
    let mut place = with_users(SCENE);
    let anna = place.client().log_in("anna", "may everything");
    assert_eq!(anna.post("/api/v1/units/evidence/restart", json!({})).status, 200);
    for _ in 0..14 {
        flood(&place, 500, &"n".repeat(200));
    }
    let audit = anna.get("/api/v1/audit?limit=5000").json();
    let restart = "POST /api/v1/units/{name}/restart";
    assert!(audit.as_array().unwrap().iter().any(|line| line["action"] == restart), "{audit}");
    let lines = refused(&anna, "127.0.0.1");
    assert_eq!(lines.iter().map(|line| line["count"].as_u64().unwrap()).sum::<u64>(), 7_000);
    // One line a minute: however long it took, each begins a minute after the one before.
    let begun = |line: &Value| line["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    let begun: Vec<i64> = lines.iter().map(begun).collect();
    assert!(begun.windows(2).all(|pair| pair[0] - pair[1] >= 59), "newest first: {begun:?}");
    let state_dir = place.fixture.state_dir.clone();
    assert_eq!(place.service.stop(), Some(0), "{}", place.service.log());
    for name in ["audit.log", "refused.log"] {
        let mode = std::fs::metadata(state_dir.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_wrong_password_a_thousand_times_is_answered_and_keeps_nobody_else_out() {
    let place = with_users(SCENE);
    let (mut wrong, mut later, mut longest) = (0, 0, 0);
    for n in 0..1_000 {
        let (status, body, after) = log_in(&place, "127.0.0.66", "anna", &format!("wrong number {n}"));
        match status {
            401 => {
                assert_eq!(body["error"]["code"], "wrong_login");
                wrong += 1;
            }
            429 => {
                assert_eq!(body["error"]["code"], "too_many_logins");
                longest = longest.max(after.expect("Retry-After"));
                later += 1;
            }
            other => panic!("{other}: {body}"),
        }
    }
    println!(
        "of 1000 wrong passwords {wrong} were looked at, {later} were told to wait, at last {longest} s"
    );
    assert!((1..=20).contains(&wrong) && wrong + later == 1_000, "{wrong} looked at, {later} told to wait");
    // The right one has to wait too, from there: the answer says nothing of it.
    assert_eq!(log_in(&place, "127.0.0.66", "anna", "may everything").0, 429);
    // Its owner does not, elsewhere; nor does anybody else.
    assert_eq!(log_in(&place, "127.0.0.77", "anna", "may everything").0, 200);
    assert_eq!(log_in(&place, "127.0.0.77", "vera", "looks and looks").0, 200);

    let admin = place.client().from("127.0.0.88").log_in("anna", "may everything");
    let audit = admin.get("/api/v1/audit?limit=2000").json();
    let audit = audit.as_array().unwrap();
    let logins = audit.iter().filter(|line| line["action"] == "login" && line["user"] == "anna");
    assert_eq!(logins.map(|line| &line["outcome"]).collect::<Vec<_>>(), ["ok", "ok"]);
    // Refusals stand in a file by themselves, put together by minute and address.
    let refused = refused(&admin, "127.0.0.66");
    let of =
        |cause: &str| refused.iter().map(|line| line["causes"][cause].as_u64().unwrap_or(0)).sum::<u64>();
    assert_eq!((of("wrong_login"), of("too_many_logins")), (wrong, later + 1));
    assert!(refused.iter().all(|line| line["users"] == json!(["anna"])), "{refused:?}");
    place.end();
}

#[test]
fn an_unknown_user_is_reported_what_a_known_one_is() {
    let place = with_users(SCENE);
    let known = log_in(&place, "127.0.0.2", "anna", "something else");
    let unknown = log_in(&place, "127.0.0.3", "nobody", "something else");
    assert_eq!(known, unknown);
    let long = log_in(&place, "127.0.0.4", "anna", &"x".repeat(5_000));
    assert_eq!((long.0, &long.1["error"]["code"]), (401, &json!("wrong_login")));
    let reply = place.client().post("/api/v1/session", json!({ "name": "anna" }));
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("missing field `password`"), "{}", reply.text());
    place.end();
}

#[test]
fn the_audit_log_has_changes_and_refusals_and_no_names_of_people() {
    let place = with_users(SCENE);
    let otto = place.client().log_in("otto", "pulls triggers");
    assert_eq!(otto.post("/api/v1/units/evidence/restart", json!({})).status, 200);
    assert_eq!(otto.post("/api/v1/units/nobody/restart", json!({})).status, 404);
    assert_eq!(otto.ask("DELETE", "/api/v1/people/7", None).status, 403);
    let _ = otto.post("/api/v1/people", json!({ "name": "Grace Hopper", "camera": "a" }));
    assert_eq!(otto.get("/api/v1/audit").status, 403);
    let audit = place.client().log_in("anna", "may everything").get("/api/v1/audit").json();
    let has = |action: &str, target: &str, outcome: &str| {
        let found = audit.as_array().unwrap().iter().any(|line| {
            line["user"] == "otto"
                && line["action"] == action
                && line["target"] == target
                && line["outcome"] == outcome
        });
        assert!(found, "{action} {target} {outcome} in {audit}");
    };
    has("login", "127.0.0.1", "ok");
    has("POST /api/v1/units/{name}/restart", "/api/v1/units/evidence/restart", "ok");
    has("POST /api/v1/units/{name}/restart", "/api/v1/units/nobody/restart", "unknown_unit");
    assert!(!audit.to_string().contains("Grace"));
    // What otto may not do is counted with the refusals.
    let refused = refused(&place.client().log_in("anna", "may everything"), "127.0.0.1");
    for route in ["DELETE /api/v1/people/{person}", "GET /api/v1/audit"] {
        let cause = format!("not_allowed {route}");
        assert!(refused.iter().any(|line| line["causes"][&cause] == 1), "{cause} in {refused:?}");
    }
    place.end();
}
