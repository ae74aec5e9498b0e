//! Studio jobs on the page: pictures are given, jobs are watched, compared, cancelled, tried again and downloaded.

use std::fs;

use serde_json::{Value, json};

use crate::browser::View;
use crate::place::{Place, SCENE, place};
use crate::support::fixture::Fixture;
use crate::support::studio::{middle_model, slow_model, square};

/// A box with a queue whose models are stubs; each tile of a picture that is enlarged takes `run_us`.
fn studio(run_us: u64, prepare: impl FnOnce(&Fixture)) -> Option<Place> {
    let cameras = format!(
        "[jobs]\nenabled = true\npictures = \"shop\"\nbackoff_ms = 10\nworkers = 1\nthreads = 1\n\
         segment_model = \"middle\"\nupscale_model = \"slow\"\n\n{SCENE}"
    );
    place("stub", &cameras, |fixture| {
        let models = format!("{}{}", middle_model(fixture), slow_model(fixture, run_us));
        let text = fs::read_to_string(fixture.config_path()).unwrap();
        fs::write(fixture.config_path(), text.replace("[jobs]", &format!("{models}[jobs]"))).unwrap();
        fs::create_dir(fixture.path("shop")).unwrap();
        square(&fixture.path("shop/square.png"), 128);
        prepare(fixture);
    })
}

/// Sets a field of the form, as a choice of a person does.
fn set(view: &View, id: &str, property: &str, value: Value) {
    view.eval(&format!(
        "(() => {{ const e = document.getElementById('{id}'); e.{property} = {value};\
         e.dispatchEvent(new Event('input', {{ bubbles: true }})); e.dispatchEvent(new Event('change')); }})()"
    ));
}

/// The status and the first bytes of what the link in `selector` leads to.
fn download(view: &View, selector: &str) -> Value {
    let quoted = json!(selector);
    view.eval(&format!(
        "fetch(document.querySelector({quoted}).href).then(async (answer) => [answer.status, answer.headers.get('content-type'),\
         String.fromCharCode(...new Uint8Array(await answer.arrayBuffer()).slice(0, 4))])"
    ))
}

/// Clicks in the middle of a telephone's screen: at its foot the tabs lie over the page.
#[track_caller]
fn press(view: &View, selector: &str) {
    let quoted = json!(selector);
    view.eval(&format!("document.querySelector({quoted}).scrollIntoView({{ block: 'center' }})"));
    view.click(selector);
}

fn no_sideways_scrolling(view: &View) {
    // An open dialog scrolls by itself, beside the document.
    let over = view.eval(
        "Math.max(...[document.documentElement, ...document.querySelectorAll('dialog[open]')]\
         .map(e => e.scrollWidth - e.clientWidth))",
    );
    assert_eq!(over, 0, "sideways scrolling on a telephone");
}

#[test]
fn pictures_are_given_and_come_back_on_other_backgrounds_and_larger_beside_what_they_were() {
    let Some(place) = studio(0, |_| {}) else { return };
    let view = place.view("jobs");
    view.screen(1440, 900);
    view.wait_words("#jobs-none", "No job was added yet");
    view.wait_words("#jobs-health", "Healthy");

    // One is chosen, one is dropped, one is named; what is no picture is refused beside its name, and the others go on.
    let (good, bad) = (place.fixture.path("chosen.png"), place.fixture.path("notes.png"));
    square(&good, 96);
    // So large that it is refused while it still comes: the page must read why all the same.
    fs::write(&bad, "no picture".repeat(500_000)).unwrap();
    view.choose("#jobs-files", &[good, bad]);
    view.eval(
        "new OffscreenCanvas(64, 64).convertToBlob().catch(() => null).then(async () => {\
         const canvas = document.createElement('canvas'); canvas.width = canvas.height = 64;\
         canvas.getContext('2d').fillRect(16, 16, 32, 32);\
         const blob = await new Promise((give) => canvas.toBlob(give, 'image/png'));\
         const data = new DataTransfer(); data.items.add(new File([blob], 'dropped.png', { type: 'image/png' }));\
         document.getElementById('jobs-form').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })); })",
    );
    view.wait("three pictures", "document.querySelectorAll('#jobs-chosen li').length === 3");
    set(&view, "jobs-names", "value", json!("square.png\nabsent.png"));
    set(&view, "jobs-colour", "value", json!("#204060"));
    set(&view, "jobs-factor", "value", json!("2"));
    set(&view, "jobs-table", "value", json!("csv"));
    view.picture("jobs-form");
    view.click("#jobs-add");
    view.wait_words("#toasts", "7 jobs for 3 pictures added");
    view.wait("two are refused", "document.querySelectorAll('#jobs-chosen li').length === 2");
    let refused = view.words("#jobs-chosen");
    assert!(refused.contains("notes.png") && refused.contains("absent.png"), "{refused}");
    assert!(refused.contains("there is no picture") || refused.contains("There is no picture"), "{refused}");
    view.wait_words("#jobs-message", "2 pictures were refused");
    view.wait(
        "all jobs are completed",
        "document.querySelectorAll('#jobs-list .jobs li').length === 7 &&\
         [...document.querySelectorAll('#jobs-list .state')].every(e => e.textContent === 'Completed')",
    );
    view.wait_words("#jobs-figures", "7");
    view.picture("jobs");

    // The variations beside the picture that was given; arrow keys move the line between them.
    view.click("#jobs-list [aria-label='Show job 1']");
    view.wait(
        "both pictures",
        "[...document.querySelectorAll('dialog .pair img')].filter(img => img.naturalWidth === 96).length === 2",
    );
    assert_eq!(
        view.eval("[...document.querySelectorAll('dialog select option')].map(one => one.text)"),
        json!(["white", "colour #204060"])
    );
    view.eval("document.querySelector('dialog input[type=range]').focus()");
    for _ in 0..10 {
        view.key("ArrowRight");
    }
    view.wait(
        "more of the picture before",
        "document.querySelector('dialog .pair').style.getPropertyValue('--at') === '60%'",
    );
    assert_eq!(
        view.eval("document.querySelector('dialog input[type=range]').getAttribute('aria-valuetext')"),
        "60 % before"
    );
    for words in ["analysis", "generation", "total"] {
        assert!(view.words("dialog .proof").contains(words), "{}", view.words("dialog .proof"));
    }
    let file = download(&view, "dialog .files a");
    assert_eq!((&file[0], &file[1]), (&json!(200), &json!("image/png")), "{file}");
    // Players of films ask for ranges.
    let range = view.eval(
        "fetch(document.querySelector('dialog .files a').href, { headers: { Range: 'bytes=1-3' } }).then(async (answer) =>\
         [answer.status, answer.headers.get('content-range').split('/')[0], await answer.text()])",
    );
    assert_eq!(range, json!([206, "bytes 1-3", "PNG"]));
    view.picture("job");
    view.prefer("dark");
    view.screen(390, 844);
    no_sideways_scrolling(&view);
    view.picture("job-phone");
    view.key("Escape");
    view.wait("no dialog", "!document.querySelector('dialog')");
    no_sideways_scrolling(&view);
    view.picture("jobs-phone");

    // What was enlarged stands beside the variation that it was made of, and says how it was enlarged.
    view.click("#jobs-list [aria-label='Show job 4']");
    view.wait(
        "a picture twice as large",
        "(() => { const [after, before] = document.querySelectorAll('dialog .pair img');\
         return before && after.naturalWidth === 192 && before.naturalWidth === 96; })()",
    );
    view.wait_words("dialog .files", "enlarged by the model");
    view.key("Escape");
    view.wait("no dialog", "!document.querySelector('dialog')");
    let zip = download(&view, "#jobs-list a[download]");
    assert_eq!((&zip[0], &zip[1]), (&json!(200), &json!("application/zip")), "{zip}");
    assert!(zip[2].as_str().unwrap().starts_with("PK"), "{zip}");
    let refusals = |fault: &&String| fault.contains("/jobs/pictures") || fault.contains("/workflows");
    let faults = view.faults();
    assert_eq!(faults.iter().filter(refusals).count(), faults.len(), "{faults:?}");
    place.end();
}

#[test]
fn a_job_shows_how_far_it_is_and_is_cancelled_and_tried_again() {
    let Some(place) = studio(800_000, |fixture| square(&fixture.path("shop/other.png"), 128)) else { return };
    let view = place.view("jobs");
    view.screen(1440, 900);
    view.wait_words("#jobs-none", "No job was added yet");
    // Jobs that somebody else adds are seen at once.
    for name in ["square.png", "other.png"] {
        let said = place.fixture.command(&[
            "jobs",
            "add",
            "upscale",
            &place.fixture.path("shop").join(name).display().to_string(),
        ]);
        assert!(said.status.success(), "{said:?}");
    }
    view.wait_words("#jobs-list [data-key='job 1'] .words", "enlarge");
    view.wait(
        "it goes on",
        "document.querySelector('#jobs-list [data-key=\"job 1\"] .jobs progress').value > 0.1",
    );
    view.wait_words("#jobs-list [data-key='job 2'] .words", "waits for its turn · priority 100");
    view.wait_words("#jobs-figures", "1 of 1");
    view.picture("jobs-running");
    view.click("#jobs-list [aria-label='Cancel job 1']");
    view.wait_words("#jobs-list [data-key='job 1'] .state", "Cancelled");
    view.click("#jobs-list [aria-label='Try job 1 again']");
    view.wait_words("#jobs-list [data-key='job 1'] .state", "Waiting");

    // Only jobs in the chosen state are listed, and one that leaves it leaves the list.
    set(&view, "jobs-state", "value", json!("pending"));
    view.wait("one job", "document.querySelectorAll('#jobs-list > li').length === 1");
    view.click("#jobs-list [aria-label='Cancel job 1']");
    view.wait_words("#jobs-none", "No job is in this state");
    set(&view, "jobs-state", "value", json!(""));

    // A paused queue says so, and starts nothing until it is resumed.
    view.click("#jobs-pause");
    view.wait_words("#jobs-problems", "queue is paused");
    view.wait_words("#jobs-health", "1 problem");
    view.wait("the focus goes on to Resume", "document.activeElement.id === 'jobs-resume'");
    view.click("#jobs-resume");
    view.wait_words("#jobs-health", "Healthy");
    view.click("#jobs-drain");
    view.wait_words("#jobs-problems", "jobs are refused until");
    set(&view, "jobs-names", "value", json!("square.png"));
    view.click("#jobs-add");
    view.wait_words("#jobs-message", "drained");
    view.wait("the picture stays in the form", "document.querySelectorAll('#jobs-chosen li').length === 1");
    view.click("#jobs-resume");
    view.click("#jobs-add");
    view.wait_words("#toasts", "1 job for 1 picture added");

    // Of too many pictures the first 30 are taken, and one line says how many were not.
    view.eval("takeFiles(Array.from({ length: 35 }, (_, at) => new File(['x'], `${at}.png`, { type: 'image/png' })))");
    view.wait_words("#jobs-message", "5 pictures were not taken");
    assert_eq!(view.eval("document.querySelectorAll('#jobs-chosen li').length"), 30);
    place.end();
}

#[test]
fn a_job_that_failed_says_why_and_one_without_a_model_says_that_it_fell_back() {
    let Some(place) = studio(0, |fixture| {
        let text = fs::read_to_string(fixture.config_path()).unwrap();
        fs::write(fixture.config_path(), text.replace("upscale_model = \"slow\"\n", "")).unwrap();
        fs::write(fixture.path("shop/broken.png"), "no picture").unwrap();
    }) else {
        return;
    };
    let view = place.view("jobs");
    view.screen(390, 844);
    view.eval("document.getElementById('jobs-new').open = true");
    set(&view, "jobs-white", "checked", json!(false));
    press(&view, "#jobs-add");
    view.wait_words("#jobs-message", "Choose a background");
    set(&view, "jobs-factor", "value", json!("2"));
    set(&view, "jobs-names", "value", json!("square.png\nbroken.png"));
    press(&view, "#jobs-add");
    view.wait_words("#jobs-list .fault", "It is no picture");
    view.wait_words("#jobs-list .jobs .words", "enlarged by Lanczos");
    no_sideways_scrolling(&view);
    view.picture("jobs-failed-phone");
    press(&view, "#jobs-list [aria-label='Show job 2']");
    view.wait_words("dialog .note.bad", "It is no picture");
    view.wait_words("dialog [aria-label='Attempts']", "Attempt 1");
    view.click("dialog .bar.end button");
    view.wait("tried again", "jobs.list.get(2).attempts.length === 2 && jobs.list.get(2).state === 'failed'");
    view.key("Escape");
    view.wait("no dialog", "!document.querySelector('dialog')");

    // With a job that is tried again, those come back that failed because of it.
    set(&view, "jobs-white", "checked", json!(true));
    set(&view, "jobs-names", "value", json!("broken.png"));
    press(&view, "#jobs-add");
    let both_failed = "[3, 4].every((id) => jobs.list.get(id)?.state === 'failed')";
    view.wait("both failed", both_failed);
    view.wait_words("#jobs-list .fault", "Needs job 3");
    press(&view, "#jobs-list [aria-label='Try what failed of workflow 3 again']");
    view.wait("both were tried again", &format!("jobs.list.get(3).attempts.length === 2 && {both_failed}"));
    assert_eq!(view.eval("document.querySelectorAll('#toasts .bad').length"), 0, "{}", view.words("#toasts"));

    // A file that somebody has removed is said to be gone.
    let made = view.eval("jobs.list.get(1).result.file.path");
    fs::remove_file(made.as_str().unwrap()).unwrap();
    press(&view, "#jobs-list [aria-label='Show job 1']");
    view.wait_words("dialog", "not on the box any more");
    place.end();
}

#[test]
fn a_viewer_looks_at_jobs_and_is_offered_nothing_that_changes_them() {
    let Some(place) = studio(0, |fixture| fixture.user("vic", "viewer", "vic-and-a-long-word")) else {
        return;
    };
    let said = place.fixture.command(&[
        "jobs",
        "add",
        "upscale",
        &place.fixture.path("shop/square.png").display().to_string(),
    ]);
    assert!(said.status.success(), "{said:?}");
    let view = View::open(&place.browser, &format!("{}#jobs", place.url));
    view.wait("the login", "route.view === 'login' && document.activeElement.id === 'login-name'");
    view.write("#login-name", "vic");
    view.write("#login-password", "vic-and-a-long-word");
    view.key("Enter");
    view.wait_words("#jobs-list .state", "Completed");
    let words = "[...document.querySelectorAll('#view-jobs button')].filter(e => e.checkVisibility()).map(e => e.textContent)";
    assert_eq!(view.eval(words), json!(["Show"]));
    view.click("#jobs-list [aria-label='Show job 1']");
    view.wait("the picture", "document.querySelectorAll('dialog .pair img').length === 2");
    assert_eq!(view.eval("document.querySelectorAll('dialog .bar.end button').length"), 0);
    place.end();
}
