//! Commands over REST: roles, limits, events, figures.

use serde_json::json;

use super::support::Instrument;
use crate::support::wait_until;
use crate::web::access::{PASSWORDS, with_users};
use crate::web::client::SCENE;

#[test]
fn a_role_runs_what_it_may_and_an_operator_turns_everything_off() {
    let instrument = Instrument::start();
    let command = |name: &str, role: &str| {
        format!(
            "[[command]]\nname = \"{name}\"\nrole = \"{role}\"\ntcp = \"127.0.0.1:{}\"\nsend = \"{name} {{volts}}\"\noff = \"{name} off\"\n\
             expect = \"OK\"\n[[command.parameter]]\nname = \"volts\"\nmin = 0\nmax = 5\nunit = \"V\"\n",
            instrument.port
        )
    };
    let place = with_users(
        &[SCENE, &command("lamp", "viewer"), &command("rf", "operator"), &command("gun", "admin")].concat(),
    );
    let clients = PASSWORDS.map(|(name, _, password)| place.client().log_in(name, password));
    let [viewer, operator, admin] = &clients;
    let run = |name: &str| format!("/api/v1/commands/{name}");
    let volts = |value: f64| json!({ "values": { "volts": value } });
    let status = |replies: [crate::web::client::Reply; 3]| replies.map(|reply| reply.status);
    assert_eq!(place.client().post(&run("lamp"), volts(1.0)).status, 401);
    assert_eq!(
        status(["lamp", "rf", "gun"].map(|name| viewer.post(&run(name), volts(1.0)))),
        [200, 403, 403]
    );
    assert_eq!(
        status(["lamp", "rf", "gun"].map(|name| operator.post(&run(name), volts(2.0)))),
        [200, 200, 403]
    );
    let ran = admin.post(&run("gun"), volts(3.0)).json();
    assert_eq!((&ran["answer"], &ran["values"]["volts"]), (&json!("OK"), &json!(3.0)));
    let beyond = operator.post(&run("rf"), volts(9.0));
    assert_eq!((beyond.status, beyond.code().as_str()), (422, "out_of_limits"));
    assert!(beyond.text().contains("volts is 9, outside its limits 0 to 5 V"), "{}", beyond.text());
    assert_eq!(operator.post(&run("laser"), volts(1.0)).status, 404);
    assert_eq!(operator.post(&run("rf"), json!({ "volts": 1 })).status, 400);
    assert_eq!(viewer.clone().without("x-csrf-token").post(&run("lamp"), volts(1.0)).status, 403);
    // A viewer may turn off what a viewer may run, and an operator everything.
    assert_eq!(viewer.post("/api/v1/commands/lamp/off", json!({})).json()["off"], json!(["lamp"]));
    assert_eq!(viewer.post("/api/v1/commands/rf/off", json!({})).status, 403);
    assert_eq!(viewer.post("/api/v1/commands/off", json!({})).status, 403);
    assert_eq!(operator.post("/api/v1/commands/gun/off", json!({})).json()["off"], json!(["gun"]));
    assert_eq!(operator.post("/api/v1/commands/off", json!({})).json()["off"].as_array().unwrap().len(), 3);
    let sent = instrument.lines();
    assert_eq!(sent[..5], ["lamp 1", "lamp 2", "rf 2", "gun 3", "lamp off"]);
    let listed = viewer.get("/api/v1/commands").json();
    let rf = &listed["commands"][1];
    assert_eq!((&rf["command"], &rf["state"], &rf["by"]), (&json!("rf"), &json!("off"), &json!("otto")));
    assert_eq!((&rf["parameters"][0]["max"], &rf["role"]), (&json!(5.0), &json!("operator")));
    let audit = admin.get("/api/v1/audit").json();
    let has = |user: &str, action: &str, target: &str, outcome: &str| {
        audit.as_array().unwrap().iter().any(|line| {
            [("user", user), ("action", action), ("target", target), ("outcome", outcome)]
                .iter()
                .all(|(key, value)| line[*key] == *value)
        })
    };
    assert!(
        has("otto", "command run", "rf volts=2", "ok")
            && has("vera", "command run", "gun volts=1", "not_allowed"),
        "{audit:#}"
    );
    assert!(
        has("otto", "command run", "rf volts=9", "out_of_limits") && has("otto", "command off", "gun", "ok"),
        "{audit:#}"
    );
    assert_eq!(viewer.get("/api/v1/status").json()["features"]["commands"], true);
    wait_until("the figures", || {
        let metrics = viewer.get("/metrics").text();
        metrics.contains("ocellus_command_runs_total 4")
            && metrics.contains("ocellus_health{component=\"command/rf\"} 1")
    });
    place.end();
}
