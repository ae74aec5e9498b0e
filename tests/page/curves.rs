//! Telemetry on the page: values with unit and age, curves that follow the clock, zoom, alarm lines, silence.

use std::fs;
use std::time::SystemTime;

use crate::place::{SCENE, place};

const SOURCES: &str = "[[intake]]\nname = \"gauge\"\nfolder = \"data\"\npattern = \"*.dat\"\nstale_after_ms = 3000\n\
    [[intake.channel]]\ncolumn = \"value\"\nname = \"pressure\"\nunit = \"mbar\"\nhigh = 4e-6\n\
    [[intake]]\nname = \"beam\"\nfolder = \"data\"\nformat = \"json\"\nstale_after_ms = 600000\n";

fn now_s() -> f64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64()
}

/// The newest two minutes of a gauge, a value a second.
fn table(last: f64) -> String {
    let now = now_s();
    let lines = (0..120).map(|at| {
        let value = if at == 119 { last } else { 2e-6 + 1e-6 * (f64::from(at) / 9.0).sin() };
        format!("{},{value}\n", now - 119.0 + f64::from(at))
    });
    format!("timestamp,value\n{}", lines.collect::<String>())
}

#[test]
fn channels_are_listed_with_value_unit_and_age_and_their_curves_are_drawn_zoomed_and_marked() {
    let Some(place) = place("stub", &format!("{SCENE}{SOURCES}"), |fixture| {
        fs::create_dir(fixture.path("data")).unwrap();
        fs::write(fixture.path("data/a.dat"), table(2.5e-6)).unwrap();
        let now = now_s();
        let text = format!(
            "[{{\"timestamp\": {}, \"pos_x\": 1.5, \"pos_y\": 2}}, {{\"timestamp\": {now}, \"pos_x\": 1.75, \"pos_y\": 3}}]",
            now - 60.0
        );
        fs::write(fixture.path("data/b.json"), text).unwrap();
    }) else {
        return;
    };
    let view = place.view("curves");
    view.screen(1440, 900);
    view.wait_words("#curves-channels", "pressure");
    view.wait_words("#curves-channels", "0.0000025 mbar");
    view.wait_words("#curves-channels", "beam.pos_x");
    view.wait("three curves", "document.querySelectorAll('#curves-plots .mean').length >= 3");
    view.wait("the alarm line", "document.querySelectorAll('#curves-plots .limit').length === 1");
    assert!(
        view.words("#curves-plots").contains("Alarm above 0.000004 mbar."),
        "{}",
        view.words("#curves-plots")
    );

    // A value that comes moves the figure and the curve, without a request.
    fs::write(place.fixture.path("data/c.dat"), format!("timestamp,value\n{},5e-6\n", now_s())).unwrap();
    view.wait_words("#curves-channels", "0.000005 mbar");
    view.wait_words("#curves-channels", "too high");
    view.wait("the curve has it", "curves.series.get('pressure').max.includes(5e-6)");
    view.picture("curves");

    // Zoomed by the button, then by dragging; a zoomed span stands still until one goes back to now.
    let span = view.eval("curves.span").as_f64().unwrap();
    view.click("#curves-in");
    view.wait("half the span", &format!("curves.span === {}", span / 2.0));
    view.eval(
        "(() => { const picture = document.querySelector('#curves-plots svg'); const box = picture.getBoundingClientRect();\
         picture.setPointerCapture = () => {};\
         const at = (type, share) => picture.dispatchEvent(new PointerEvent(type, { pointerId: 1, button: 0, bubbles: true,\
           clientX: box.left + share * box.width, clientY: box.top + 40 }));\
         at('pointerdown', 0.5); at('pointermove', 0.8); at('pointerup', 0.8); })()",
    );
    view.wait("a zoomed span", "curves.end > 0 && curves.span < 100000");
    view.wait_words("#curves-live", "Back to now");
    view.click("#curves-live");
    view.wait("now again", "curves.end === 0");

    // A curve is taken away and chosen again; silence is called so.
    view.click("#curves-channels li:first-child input");
    view.wait("one curve less", "document.querySelectorAll('#curves-plots > li').length === 2");
    view.click("#curves-channels li:first-child input");
    view.wait("it is back", "document.querySelectorAll('#curves-plots > li').length === 3");
    view.wait_words("#curves-sources", "gauge is stale");
    view.wait_words("#curves-channels", "ago");

    view.prefer("dark");
    view.screen(390, 844);
    let over = view.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(over, 0, "sideways scrolling on a telephone");
    view.picture("curves-phone");
    place.end();
}
