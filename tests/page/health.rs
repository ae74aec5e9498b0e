//! How the box is, on the page: its state apart from the browser's connection, its reasons, its alarms, its events.

use std::fs;

use crate::browser::View;
use crate::place::{Place, SCENE, place, turn};
use crate::support::broker::free_port;

/// A box with one camera, which waits for a sender that does not come.
fn dark() -> Option<Place> {
    let camera = format!("[[camera]]\nname = \"door\"\nsource = \"tcp://127.0.0.1:{}\"\n", free_port());
    place("stub", &camera, |_| {})
}

#[test]
fn a_dark_camera_is_seen_in_the_head_of_every_view_and_as_an_active_alarm() {
    let Some(place) = dark() else { return };
    let view = place.view("live");
    view.wait_words("#state", "Degraded: 1 reason");
    assert_eq!(view.words("#link"), "Connected", "the connection is another matter");
    assert!(
        view.eval("document.getElementById('state').title").as_str().unwrap().contains("camera door offline")
    );
    view.wait_words("#banners", "camera-door");
    view.click("#state");
    view.wait("the box", "route.view === 'box'");
    view.wait_words("#reasons", "amera door offline");
    assert_eq!(view.eval("document.getElementById('alarms-none').hidden"), true);
    // Acknowledged, it stands on, but no longer at the top of every view.
    view.click("#alarms .acknowledge");
    view.wait_words("#alarms", "acknowledged by local");
    view.wait("no banner", "!document.querySelector('#banners .note')");
    assert_eq!(view.eval("document.querySelector('#alarms .acknowledge').checkVisibility()"), false);
    view.picture("box-degraded");
    assert_eq!(view.faults(), Vec::<String>::new());
    place.end();
}

#[test]
fn a_box_that_is_well_says_so_and_has_no_active_alarms() {
    let Some(place) = place("stub", SCENE, |_| {}) else { return };
    let view = place.view("box");
    view.wait_words("#state", "Online");
    view.wait_words("#alarms-none", "No active alarms.");
    assert_eq!(view.eval("document.getElementById('reasons-card').hidden"), true);
    // Nobody can be enrolled where no camera recognises.
    turn(&view, "people");
    assert_eq!(view.eval("document.getElementById('people-enrol').checkVisibility()"), false);
    view.wait_words("#people-note", "No camera of this box recognises faces");
    place.end();
}

/// `ocellus provision` ran before the service started, and wrote this instead of a configuration.
const UNPROVISIONED: &str = r#"{"format": 1, "outcome": "failed", "at": "2026-11-29T00:00:00Z", "folder": "/run/stick",
    "faults": ["provision.toml:3:1: broker.prot: unknown key; did you mean port?", "second"]}"#;

#[test]
fn a_provisioning_that_failed_is_an_alarm_with_its_fault_and_what_to_do() {
    let failed = |fixture: &crate::support::fixture::Fixture| {
        fs::create_dir_all(&fixture.state_dir).unwrap();
        fs::write(fixture.state_dir.join("provision.json"), UNPROVISIONED).unwrap();
    };
    let Some(place) = place("stub", SCENE, failed) else { return };
    let view = place.view("box");
    view.wait_words("#state", "Degraded: 1 reason");
    view.wait_words("#alarms", "provisioning-failed");
    for words in ["from /run/stick", "broker.prot: unknown key", "and 1 more", "correct the file"] {
        view.wait_words("#alarms", words);
        view.wait_words("#reasons", words);
    }
    view.wait_words("#banners", "provisioning-failed");
    assert_eq!(view.faults(), Vec::<String>::new());
    place.end();
}

#[test]
fn the_feed_says_what_each_event_was_and_is_not_filled_by_updates() {
    let Some(place) = place("stub", SCENE, |_| {}) else { return };
    let view = place.view("live");
    let said = |event: &str, more: &str| {
        let event = format!(
            "newsOf({{ topic: 'camera/a/event', event: '{event}', label: 'person', track: 7, place: 'door'{more} }})"
        );
        view.eval(&format!("{event}?.words ?? null"))
    };
    assert_eq!(said("new", ""), "person 7 appeared");
    assert_eq!(said("end", ""), "person 7 is gone");
    assert_eq!(said("zone_enter", ""), "person 7 entered door");
    assert_eq!(said("zone_leave", ", dwell_ms: 65000"), "person 7 left door after 1 min");
    assert_eq!(said("dwell", ", dwell_ms: 5000"), "person 7 has been in door for 5 s");
    assert_eq!(said("line_cross", ", direction: 'left_to_right'"), "person 7 crossed door, left to right");
    assert!(said("update", "").is_null() && said("unheard_of", "").is_null());
    place.end();
}

/// A model that sees one thing in every frame, and a track that is updated with every frame.
const BUSY: &str = "[[camera]]\nname = \"belt\"\nsource = \"scene:?fps=30\"\ndetect = { model = \"m\" }\n\
    track = { min_frames = 1, update_every_ms = 0 }\n";

#[test]
fn what_happened_before_the_page_was_opened_is_listed_without_updates() {
    let busy = |fixture: &crate::support::fixture::Fixture| {
        let model = fixture.stub("m", &crate::support::fixture::Stub::default());
        let text = fs::read_to_string(fixture.config_path()).unwrap();
        fs::write(fixture.config_path(), text + &model + BUSY).unwrap();
    };
    let Some(place) = place("stub", "", busy) else { return };
    let view = place.view("live");
    // More updates than the list has places.
    view.wait("many frames", "(box.cameras[0]?.frames ?? 0) > 300");
    let kinds = view.eval("ask('/events/recent?limit=100').then((list) => list.map((one) => one.event))");
    let kinds: Vec<&str> = kinds.as_array().unwrap().iter().filter_map(|kind| kind.as_str()).collect();
    assert!(kinds.contains(&"new") && !kinds.contains(&"update"), "{kinds:?}");
    view.wait_words("#feed", "appeared");
    overlays(&view);
    place.end();
}

/// The switch shows the frames as they are: no box, no label.
fn overlays(view: &View) {
    view.wait("a picture", "document.querySelector('#cameras img')?.naturalWidth > 0");
    view.picture("live-overlays");
    let source = "document.querySelector('#cameras img').src.includes('raw=1')";
    assert_eq!(view.eval(source), false);
    view.click("#overlays");
    view.wait("the plain stream", source);
    view.wait("a plain picture", "document.querySelector('#cameras img')?.naturalWidth > 0");
    view.eval("location.reload()");
    view.wait(
        "the choice is kept",
        "typeof route === 'object' && document.getElementById('overlays')?.checked === false",
    );
}

#[test]
fn a_picture_that_is_not_drawn_yet_is_words_and_no_broken_image() {
    let Some(place) = place("stub", SCENE, |_| {}) else { return };
    let view = place.view("inspections");
    // A part whose picture never comes: it is asked for, and nothing broken is ever seen.
    view.eval(
        "window.undrawn = partImage({ acquisition: 999999, verdict: 'ng' }, 'a part', false); \
         document.getElementById('parts').append(undrawn)",
    );
    let broken = "[...document.querySelectorAll('#parts img')].some((img) => \
        img.checkVisibility({ visibilityProperty: true }) && !(img.naturalWidth > 0))";
    assert_eq!(view.eval(broken), false);
    assert_eq!(view.eval("undrawn.textContent"), "picture not drawn yet");
    view.wait("it is given up", &format!("{broken} === false && undrawn.textContent === 'no picture'"));
    assert_eq!(view.eval("undrawn.querySelector('img')"), serde_json::Value::Null);
    place.end();
}

#[test]
fn the_link_to_the_support_bundle_gives_the_archive() {
    let Some(place) = place("stub", SCENE, |_| {}) else { return };
    let view = place.view("box");
    view.wait_words("#bundle", "Support bundle");
    assert_eq!(view.eval("document.getElementById('bundle').hasAttribute('download')"), true);
    let script = "fetch(document.getElementById('bundle').href).then(async (reply) => { \
        const bytes = new Uint8Array(await reply.arrayBuffer()); \
        return [reply.status, bytes[0], bytes[1], reply.headers.get('content-disposition')]; })";
    let answer = view.eval(script);
    // A gzip file (RFC 1952, 2.3.1), which is saved under a name of its own.
    assert_eq!((&answer[0], &answer[1], &answer[2]), (&200.into(), &0x1f.into(), &0x8b.into()), "{answer}");
    assert!(answer[3].as_str().unwrap().contains("ocellus-support-"), "{answer}");
    assert_eq!(view.faults(), Vec::<String>::new());
    place.end();
}
