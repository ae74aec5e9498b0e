//! The unit among the others: an address that is taken, a box whose frames stand still, a reload.

use std::net::TcpListener;

use serde_json::json;

use crate::support::broker::{Broker, free_port};
use crate::support::fixture::Fixture;
use crate::support::messages::listen;
use crate::support::wait_until;
use crate::web::client::{Client, SCENE, address, place};

#[test]
fn an_address_that_is_taken_is_an_alarm_and_the_box_goes_on_without_the_page() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    fixture.config(broker.port, &format!("[web]\nbind = \"{at}\"\n{SCENE}"));
    let mut service = fixture.run();
    let alarm = watcher.wait_for("alarm/web", |alarm| !alarm.is_null());
    let cause = alarm["cause"].as_str().unwrap();
    assert!(
        cause.contains(&at.to_string()) && cause.contains("web.bind") && cause.contains("in use"),
        "{cause}"
    );
    watcher.wait_for("a/status", |reported| reported["frames"].as_u64() > Some(60));
    watcher.wait_for("box1/status", |reported| reported["state"] == "degraded");
    drop(taken);
    wait_until("the page is served after all", || service.log().contains("the page is at"));
    watcher.wait_for("alarm/web", |alarm| alarm.is_null());
    wait_until("all is well", || {
        Client::new(at).get("/healthz").json() == json!({ "state": "online", "reasons": [] })
    });
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_box_whose_frames_stand_still_is_not_healthy() {
    let camera = format!("[[camera]]\nname = \"a\"\nsource = \"tcp://127.0.0.1:{}\"\n", free_port());
    let place = place("", &camera);
    wait_until("503", || {
        let reply = place.client().get("/healthz");
        reply.status == 503 && reply.json()["state"] == "standing"
    });
    // It still answers.
    assert_eq!(place.client().get("/api/v1/cameras").json()[0]["state"], "offline");
    place.end();
}

#[test]
fn a_reload_moves_the_page_and_ends_it_and_brings_it_back() {
    let place = place("", SCENE);
    let port = free_port();
    let head = |web: &str| place.fixture.config(place.broker.port, &format!("[web]\n{web}\n{SCENE}"));
    head(&format!("bind = \"127.0.0.1:{port}\""));
    place.service.signal(libc::SIGHUP);
    let moved = address(&place.service, 2);
    assert_eq!(moved.port(), port);
    wait_until("the new place", || Client::new(moved).get("/healthz").status == 200);
    head("enabled = false");
    place.service.signal(libc::SIGHUP);
    wait_until("nobody listens", || std::net::TcpStream::connect(moved).is_err());
    head(&format!("bind = \"127.0.0.1:{port}\""));
    place.service.signal(libc::SIGHUP);
    wait_until("it is back", || {
        std::net::TcpStream::connect(moved).is_ok() && Client::new(moved).get("/healthz").status == 200
    });
    place.end();
}
