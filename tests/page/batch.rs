//! Microscopy on the page: a recipe is run, its cells are looked at over time, judged and fitted.

use std::fs;

use crate::place::{SCENE, place};
use crate::support::cells::write_recipe;
use crate::support::fixture::Fixture;

fn recipes(fixture: &Fixture) {
    fs::create_dir(fixture.path("experiments")).unwrap();
    write_recipe(&fixture.path("experiments/cells.toml"));
}

#[test]
fn a_recipe_is_run_and_its_cells_are_looked_at_judged_and_fitted() {
    let cameras = format!("[batch]\nrecipes = \"experiments\"\n\n{SCENE}");
    let Some(place) = place("stub", &cameras, recipes) else { return };
    let view = place.view("batch");
    view.screen(1440, 900);
    view.wait_words("#batch-recipes", "No results");
    view.click("#batch-recipes button.primary");
    view.wait_words("#batch-recipes .badge", "Complete");
    view.click("#batch-recipes button[aria-label^='Look']");
    view.wait("the picture", "document.getElementById('batch-picture').naturalWidth > 0");
    view.wait("the traces", "document.querySelectorAll('#batch-traces polyline').length > 1");
    assert!(view.words("#batch-fov").contains("dropped"), "{}", view.words("#batch-fov"));

    // The slider shows another frame, and a click on a cell its trace.
    view.eval("window.first = document.getElementById('batch-picture').src");
    view.eval(
        "(() => { const slider = document.getElementById('batch-frame'); slider.value = 20;\
         slider.dispatchEvent(new Event('input')); })()",
    );
    view.wait(
        "frame 20",
        "(() => { const img = document.getElementById('batch-picture');\
         return img.src !== window.first && img.complete && !img.dataset.busy; })()",
    );
    view.wait_words("#batch-frame-words", "Frame 20 of 48");
    view.click("#batch-cells li button");
    view.wait("one trace is drawn thick", "document.querySelectorAll('#batch-traces .chosen').length === 1");

    // A bad trace is marked in the plot, kept on disk, and left out of the fit.
    let cells = view.eval("batch.traces.cells.length").as_u64().unwrap();
    view.click("#batch-cells li:last-child input");
    view.wait_words("#batch-traces-words", "1 marked as bad");
    let inspected = place.fixture.path("experiments/results/fov_000");
    let kept = fs::read_dir(inspected)
        .unwrap()
        .any(|entry| entry.unwrap().file_name().to_string_lossy().ends_with("_traces_inspected.csv"));
    assert!(kept, "the mark is on disk");
    view.eval("document.getElementById('batch-model').value = 'exponential_decay'");
    view.click("#batch-fit");
    view.wait_words("#batch-fits h3", "exponential_decay");
    assert!(
        view.words("#batch-fits").contains(&format!("{} traces", cells - 1)),
        "{}",
        view.words("#batch-fits")
    );
    view.wait("histograms", "document.querySelectorAll('#batch-fits .chart').length > 2");
    view.picture("batch");
    view.prefer("dark");
    view.screen(390, 844);
    let over = view.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(over, 0, "sideways scrolling on a telephone");
    view.picture("batch-phone");
    place.end();
}
