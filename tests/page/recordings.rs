//! Recordings on the page: pictures are listed and shown, clips play where the box has an encoder, both can be deleted.

use serde_json::Value;

use crate::place::place;

const SCENE: &str = "[[camera]]\nname = \"belt\"\nsource = \"scene:?seed=7&fps=15&width=320&height=240\"\n";

#[test]
fn pictures_are_listed_shown_and_deleted() {
    let camera = format!("{SCENE}record = {{ every = 5 }}\n");
    let Some(place) = place("stub", &camera, |_| {}) else { return };
    let view = place.view("recordings");
    view.wait("a picture", "[...document.querySelectorAll('#recordings-list img')].some(img => img.naturalWidth === 320) || (takeRecordings(null), false)");
    view.click("#recordings-list .part");
    view.wait("the large picture", "document.querySelector('dialog .frame img').naturalWidth === 320");
    view.wait_words("dialog .proof", "belt");
    let id: Value = view.eval("document.querySelector('dialog h2').textContent");
    view.click("dialog .danger");
    view.wait_words("dialog .danger", "for good");
    view.click("dialog .danger");
    view.wait("no dialog", "!document.querySelector('dialog')");
    let number = id.as_str().unwrap().trim_start_matches("Recording ").to_owned();
    let gone: Value = view.eval(&format!("recordings.list.every(one => one.id !== {number})"));
    assert_eq!(gone, true, "{id}");
    place.end();
}

#[test]
fn further_pages_stay_where_somebody_looks_at_them_while_new_recordings_come() {
    let camera = format!("{SCENE}record = {{ every = 1, width = 64, sidecar = false }}\n");
    let Some(place) = place("stub", &camera, |_| {}) else { return };
    let view = place.view("recordings");
    view.wait(
        "a first page with more behind it",
        "recordings.next !== null || (takeRecordings(null), false)",
    );
    view.wait(
        "recordings enough for two pages",
        "recordings.list.length > 60 || (takeRecordings(recordings.next), false)",
    );
    view.eval("window.seen = recordings.list.map(one => one.id)");
    view.wait("new ones above, and all others below", "(refreshRecordings(), recordings.list[0].id > window.seen[0]) && window.seen.every(id => recordings.list.some(one => one.id === id))");
    let twice: Value =
        view.eval("new Set(recordings.list.map(one => one.id)).size === recordings.list.length");
    assert_eq!(twice, true);
    place.end();
}

#[test]
fn a_clip_plays_in_the_browser_or_is_offered_as_a_file_where_it_cannot() {
    for encoding in ["auto", "mjpeg"] {
        let camera = format!("{SCENE}record = {{ as = \"clip\", clip_s = 1, encoding = \"{encoding}\" }}\n");
        let Some(place) = place("stub", &camera, |_| {}) else { return };
        let view = place.view("recordings");
        view.wait(
            "a whole clip",
            "recordings.list.some(one => one.state === 'whole') || (takeRecordings(null), false)",
        );
        view.eval("recordingDialog(recordings.list.find(one => one.state === 'whole'))");
        let kind: Value = view.eval("recordings.list.find(one => one.state === 'whole').content_type");
        match kind.as_str().unwrap() {
            "video/mp4" => view.wait("the film's first frame", "document.querySelector('dialog video').videoWidth === 320 && document.querySelector('dialog video').duration > 0.5"),
            _ => {
                view.wait_words("dialog .frame", "download it");
                assert_eq!(view.eval("!!document.querySelector('dialog a[download]')"), true);
            }
        }
        place.end();
    }
}
