//! Light and dark, wide and narrow.

use serde_json::Value;

use crate::browser::View;
use crate::place::{VIEWS, place, turn, with_queue};

/// Contrast (WCAG 2.2, 1.4.3) of the words of every visible element against what lies behind them: the worst of them.
const WORST: &str = r"(() => {
    const light = ([r, g, b]) => { const f = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
    const rgba = (text) => text.match(/[\d.]+/g).map(Number);
    const behind = (e) => { for (let n = e; n; n = n.parentElement) { const c = rgba(getComputedStyle(n).backgroundColor);
        if (c.length < 4 || c[3] === 1) return c; if (c[3] > 0) return null; } return [255, 255, 255]; };
    let worst = { ratio: 99 };
    for (const e of document.querySelectorAll('body *')) {
        const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
        if (!own || !e.checkVisibility() || e.closest('.frame, .hush, .skip, noscript, [disabled]')) continue;
        const ground = behind(e); if (!ground) continue;
        const [a, b] = [light(rgba(getComputedStyle(e).color)), light(ground)].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < worst.ratio) worst = { ratio, words: e.textContent.trim().slice(0, 40), tag: e.tagName };
    }
    return worst; })()";

fn ground(view: &View) -> Value {
    view.eval("getComputedStyle(document.body).backgroundColor")
}

#[test]
fn the_page_follows_the_systems_colours_until_another_choice_is_made_and_stays_readable() {
    let Some(place) = place("stub", &with_queue(), |_| {}) else { return };
    let view = place.view("live");
    for scheme in ["light", "dark"] {
        view.prefer(scheme);
        for name in VIEWS {
            turn(&view, name);
            let worst = view.eval(WORST);
            assert!(worst["ratio"].as_f64().unwrap() >= 4.5, "{scheme}, {name}: {worst}");
        }
    }
    view.prefer("light");
    let light = ground(&view);
    view.prefer("dark");
    let dark = ground(&view);
    assert_ne!(light, dark);
    assert_eq!(view.eval("document.getElementById('theme').getAttribute('aria-label')"), "Light colours");
    view.click("#theme");
    assert_eq!(ground(&view), light);
    // The choice is kept.
    view.eval("location.reload()");
    view.wait("the page again", "typeof route === 'object' && document.readyState !== 'loading'");
    view.wait("light", &format!("getComputedStyle(document.body).backgroundColor === {light}"));
    place.end();
}

#[test]
fn a_telephone_needs_no_sideways_scrolling() {
    let Some(place) = place("stub", &with_queue(), |_| {}) else { return };
    for width in [390, 320] {
        let view = place.view("live");
        view.screen(width, 844);
        for name in VIEWS {
            turn(&view, name);
            let over =
                view.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert_eq!((over, view.eval("innerWidth")), (0.into(), width.into()), "{name} on {width} px");
            let small = "[...document.querySelectorAll('#tabs a')].filter(e => e.checkVisibility())\
                .every(e => e.getBoundingClientRect().height >= 40 && e.scrollWidth <= e.clientWidth + 1)";
            assert_eq!(
                view.eval(small),
                true,
                "{name} on {width} px: a tab is too small for a thumb, or cut off"
            );
        }
    }
    place.end();
}
