//! Without a mouse and without eyes: every control is reached by Tab, shows where the focus is, and has a name.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::browser::View;
use crate::place::{VIEWS, has_tab, place, turn, with_queue};

/// Every control that is there to be used now. A group of radio buttons is one stop of Tab.
const CONTROLS: &str = "(() => { const all = [...(document.querySelector('dialog[open]') ?? document).querySelectorAll(\
    'a[href], button, input, select, textarea, summary, [tabindex=\"0\"]')]; \
    const there = all.filter(e => e.checkVisibility() && !e.disabled && !(e.type === 'radio' && !e.checked)); \
    there.forEach((e, n) => e.dataset.stop ??= `${e.tagName.toLowerCase()} ${e.id || e.getAttribute('aria-label') || e.innerText} ${n}`); \
    return there.map(e => e.dataset.stop); })()";

/// Where the focus is: the control, and whether a person sees it (an outline around it or around its label).
const FOCUS: &str = "(() => { const e = document.activeElement; if (!e || e === document.body) return null; \
    const seen = [e, e.closest('.file')].filter(Boolean).some(n => { const s = getComputedStyle(n); \
        return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2; }); \
    const box = (e.closest('.file') ?? e).getBoundingClientRect(); \
    return { stop: e.dataset.stop ?? '', seen, inside: box.bottom > 0 && box.top < innerHeight }; })()";

/// Presses Tab until the focus comes round; gives the controls that it met. Panics where one does not show the focus.
fn walk(view: &View, wanted: usize) -> BTreeSet<String> {
    let mut met = BTreeSet::new();
    for _ in 0..2 * wanted + 20 {
        view.key("Tab");
        let at = view.eval(FOCUS);
        if at.is_null() {
            continue; // Between the last control and the first one the focus is the browser's own.
        }
        let stop = at["stop"].as_str().unwrap().to_owned();
        if !stop.is_empty() {
            assert_eq!(
                (&at["seen"], &at["inside"]),
                (&Value::Bool(true), &Value::Bool(true)),
                "the focus at {stop}"
            );
            met.insert(stop);
        }
        if met.len() == wanted {
            break;
        }
    }
    met
}

fn assert_reached(view: &View, where_: &str) {
    let controls = view.eval(CONTROLS);
    let wanted: BTreeSet<String> =
        controls.as_array().unwrap().iter().map(|stop| stop.as_str().unwrap().to_owned()).collect();
    let met = walk(view, wanted.len());
    let missed: Vec<&String> = wanted.difference(&met).collect();
    assert!(missed.is_empty(), "{where_}: Tab does not reach {missed:?}");
    println!("{where_}: {} controls, all reached, the focus seen at each", wanted.len());
}

#[test]
fn tab_reaches_every_control_with_a_focus_that_is_seen_and_enter_works() {
    let Some(place) = place("stub", &with_queue(), |_| {}) else { return };
    let view = place.view("live");
    view.wait("a picture", "document.querySelector('#cameras img')?.naturalWidth > 0");
    for name in VIEWS {
        if !has_tab(&view, name) {
            continue;
        }
        turn(&view, name);
        view.wait("it is quiet", "!document.querySelector('[aria-busy=true]')");
        assert_reached(&view, name);
    }
    // The first stop jumps over the head of the page.
    view.eval("document.activeElement.blur(); document.body.tabIndex = -1; document.body.focus()");
    view.key("Tab");
    assert_eq!(view.eval("document.activeElement.id"), "skip");
    view.key("Enter");
    assert_eq!(view.eval("document.activeElement.id"), "main");

    // Enter follows a tab, opens what is closed and presses a button.
    view.eval("document.querySelector('#tabs a[href=\"#box\"]').focus()");
    view.key("Enter");
    view.wait("the box", "route.view === 'box'");
    view.eval("document.querySelector('#config summary').focus()");
    view.key("Enter");
    view.wait_words("#config-text", "[device]");
    let before = view.eval("document.documentElement.dataset.theme ?? ''");
    view.eval("document.getElementById('theme').focus()");
    view.key("Enter");
    view.wait("other colours", &format!("document.documentElement.dataset.theme !== {before}"));
    assert_eq!(view.faults(), Vec::<String>::new());
    place.end();
}

#[test]
fn every_control_and_picture_has_a_name_and_the_page_has_its_landmarks() {
    let Some(place) = place("stub", &with_queue(), |_| {}) else { return };
    let view = place.view("live");
    for name in VIEWS {
        if !has_tab(&view, name) {
            continue;
        }
        turn(&view, name);
        let spoken = view.spoken();
        let nameless: Vec<_> =
            spoken.iter().filter(|(role, name)| needs_a_name(role) && name.trim().is_empty()).collect();
        assert!(nameless.is_empty(), "{name}: {nameless:?}");
        for landmark in ["banner", "navigation", "main"] {
            assert_eq!(spoken.iter().filter(|(role, _)| role == landmark).count(), 1, "{name}: {landmark}");
        }
        assert_eq!(
            view.eval("[...document.querySelectorAll('h1')].filter(e => e.checkVisibility()).length"),
            1
        );
        assert!(spoken.iter().any(|(role, _)| role == "status"), "{name}: nothing tells what happens");
    }
    assert_eq!(view.eval("document.documentElement.lang"), "en");
    place.end();
}

fn needs_a_name(role: &str) -> bool {
    const ROLES: [&str; 16] = [
        "button",
        "link",
        "textbox",
        "searchbox",
        "combobox",
        "slider",
        "spinbutton",
        "progressbar",
        "checkbox",
        "radio",
        "image",
        "img",
        "Date",
        "dialog",
        "region",
        "DisclosureTriangle",
    ];
    ROLES.contains(&role)
}
