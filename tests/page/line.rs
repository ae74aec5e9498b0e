//! Inspection on the page: a part that is bad appears by itself, with its picture and its regions.

use std::fs;

use serde_json::Value;

use crate::place::{place, turn};
use crate::support::fixture::Fixture;
use crate::support::wait_until;

/// Plates pass on the built-in scene; their light barrier pulls a trigger for each.
const LINE: &str = "[[camera]]\nname = \"line1\"\nsource = \"scene:?line=plate&seed=9&fps=30&barrier=light.tty\"\n\
    ring_slots = 8\ninspect = { product = \"strict\", queue = 2, max_wait_ms = 2000, tolerance_ms = 100 }\n\
    [[trigger]]\nname = \"light\"\ncamera = \"line1\"\nport = \"light.tty\"\nprotocol = \"line\"\n";

/// Wants white where the plate is not: every part is bad, and no golden picture is needed.
const STRICT: &str = "revision = 5\nsize = [640, 480]\n[[roi]]\nname = \"white\"\nrect = [262, 238, 116, 12]\n\
    kind = \"presence\"\nlow = 255\nmin_share = 1\n";

fn recipes(fixture: &Fixture) {
    fs::create_dir(fixture.path("recipes")).unwrap();
    fs::write(fixture.path("recipes/strict.toml"), STRICT).unwrap();
}

#[test]
fn a_bad_part_appears_with_its_picture_and_the_region_that_is_wrong() {
    let Some(place) = place("stub", LINE, recipes) else { return };
    // It is told while somebody looks: no reload.
    let view = place.view("inspections");
    view.wait_words("#parts .badge", "NG");
    view.wait(
        "its picture",
        "[...document.querySelectorAll('#parts img')].some(img => img.naturalWidth > 0)",
    );
    view.wait_words("#parts .words", "strict · part-");
    view.eval(
        "document.getElementById('parts-verdict').value = 'ok'; document.getElementById('parts-verdict')\
        .dispatchEvent(new Event('change'))",
    );
    view.wait_words("#parts-empty", "No parts match");
    view.eval(
        "document.getElementById('parts-verdict').value = 'ng'; document.getElementById('parts-verdict')\
        .dispatchEvent(new Event('change'))",
    );
    // A part that comes at this moment moves the one that was meant; a person clicks again.
    wait_until("the dialog", || {
        view.click("#parts .part");
        view.eval("!!document.querySelector('dialog')") == true
    });
    view.wait_words("dialog tbody", "white");
    view.wait("the large picture", "document.querySelector('dialog .frame img').naturalWidth > 0");
    view.picture("part");
    assert!(view.words("dialog tbody").contains("presence"), "{}", view.words("dialog"));
    view.key("Escape");
    view.wait("no dialog", "!document.querySelector('dialog')");

    turn(&view, "live");
    view.wait_words("#feed .inspection", "NG: strict");
    place.end();
}

#[test]
fn the_button_pulls_a_trigger_and_tells_the_verdict() {
    let camera = LINE.split("[[trigger]]").next().unwrap().replace("&barrier=light.tty", "");
    let Some(place) = place("stub", &camera, recipes) else { return };
    let view = place.view("live");
    view.wait("the button", "!document.querySelector('.camera .group button').hidden");
    view.click(".camera .group button");
    view.wait_words(".camera .verdict", "NG");
    let reported: Value = view.eval("inspections.list[0]");
    assert_eq!(
        (&reported["trigger"]["kind"], &reported["verdict"]),
        (&"http".into(), &"ng".into()),
        "{reported}"
    );
    place.end();
}
