//! Guessing passwords.

use serde_json::{Value, json};

use crate::access::with_users;
use crate::client::{Place, SCENE};

fn log_in(place: &Place, from: &str, name: &str, password: &str) -> (u16, Value, Option<u64>) {
    let client = place.client().from(from);
    let reply = client.post("/api/v1/session", json!({ "name": name, "password": password }));
    let after = reply.header("retry-after").and_then(|after| after.parse().ok());
    (reply.status, reply.json(), after)
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
    let of = |outcome: &str| {
        let logins = audit.iter().filter(|line| line["action"] == "login" && line["user"] == "anna");
        logins.filter(|line| line["outcome"] == outcome).count()
    };
    assert_eq!((of("wrong_login"), of("too_many_logins"), of("ok")), (wrong, later + 1, 2));
    place.end();
}

#[test]
fn an_unknown_user_is_told_what_a_known_one_is() {
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
    has("DELETE /api/v1/people/{person}", "/api/v1/people/7", "not_allowed");
    has("GET /api/v1/audit", "/api/v1/audit", "not_allowed");
    assert!(!audit.to_string().contains("Grace"));
    place.end();
}
