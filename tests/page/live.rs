//! The live view: frames that move, the state in words, and how soon and how heavy.

use crate::browser::View;
use crate::place::{SCENE, place, turn};

/// The picture of a camera as it is now, as a number that another picture does not have.
const FINGERPRINT: &str = "(() => { const img = document.querySelector('#cameras img'); \
    const canvas = document.createElement('canvas'); canvas.width = 64; canvas.height = 48; \
    const ink = canvas.getContext('2d'); ink.drawImage(img, 0, 0, 64, 48); \
    return ink.getImageData(0, 0, 64, 48).data.reduce((sum, value) => (sum * 31 + value) | 0, 7); })()";

#[test]
fn the_page_shows_frames_that_move_and_says_how_the_camera_is() {
    let Some(place) = place("stub", SCENE, |_| {}) else { return };
    let view = place.view("live");
    view.wait("a picture", "document.querySelector('#cameras img')?.naturalWidth > 0");
    let first = view.eval(FINGERPRINT);
    view.wait("another frame", &format!("{FINGERPRINT} !== {first}"));
    view.wait_words("#cameras .state", "online");
    view.wait_words("#cameras .rates", "frames/s");
    assert_eq!(view.eval("document.querySelector('#cameras .cover').hidden"), true);
    assert_eq!(view.eval("document.querySelector('#cameras img').naturalWidth"), 640);

    // Elsewhere nobody looks, and the connection is closed; back again the picture is there again.
    turn(&view, "box");
    assert_eq!(view.eval("document.querySelector('#cameras img').hasAttribute('src')"), false);
    turn(&view, "live");
    let again = view.eval(FINGERPRINT);
    view.wait("the picture moves again", &format!("{FINGERPRINT} !== {again}"));
    assert_eq!(view.faults(), Vec::<String>::new());
    place.end();
}

#[test]
fn the_page_weighs_little_and_its_first_picture_comes_soon() {
    let Some(place) = place("stub", SCENE, |_| {}) else { return };
    let warm = place.view("live");
    warm.wait("a picture", "performance.getEntriesByName('first-picture').length > 0");
    drop(warm);
    let mut times: Vec<f64> = (0..5).map(|_| first_picture(&place.view("live"))).collect();
    times.sort_by(f64::total_cmp);
    println!("first live picture after opening: {:.0} ms (median of {times:.0?})", times[2]);

    let view = place.view("live");
    let document = "performance.getEntriesByType('navigation')[0]";
    let size = |what: &str| view.eval(&format!("{document}.{what}")).as_u64().unwrap();
    let assets =
        "performance.getEntriesByType('resource').filter(r => !new URL(r.name).pathname.startsWith('/api/'))";
    let (moved, whole) = (size("transferSize"), size("decodedBodySize"));
    println!("page: {moved} bytes over the wire, {whole} unpacked");
    assert_eq!(view.eval(&format!("{assets}.length")), 0, "the page asks for nothing but its data");
    assert!((1..120 << 10).contains(&moved) && whole < 240 << 10, "{moved} bytes of {whole}");
    place.end();
}

/// Milliseconds from the start of the navigation to the first decoded picture.
fn first_picture(view: &View) -> f64 {
    let mark = "performance.getEntriesByName('first-picture')";
    view.wait("a picture", &format!("{mark}.length > 0"));
    view.eval(&format!("{mark}[0].startTime")).as_f64().unwrap()
}
