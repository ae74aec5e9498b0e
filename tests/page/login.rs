//! A box with users: nobody passes without a login, and a viewer sees nothing to press.

use crate::browser::View;
use crate::place::{Place, SCENE, place};

fn log_in(view: &View, name: &str, password: &str) {
    view.write("#login-name", name);
    view.write("#login-password", password);
    view.key("Enter");
}

fn with_users(fixture: &crate::support::fixture::Fixture) {
    for (name, role) in [("ada", "admin"), ("vic", "viewer")] {
        fixture.user(name, role, &format!("{name}-and-a-long-word"));
    }
}

fn opened(place: &Place) -> View {
    let view = View::open(&place.browser, &place.url);
    view.wait("the login", "route.view === 'login' && document.activeElement.id === 'login-name'");
    view
}

#[test]
fn a_wrong_password_is_answered_in_words_and_the_right_one_opens_the_page() {
    let Some(place) = place("stub", SCENE, with_users) else { return };
    let view = opened(&place);
    assert_eq!(view.eval("document.querySelector('#cameras img')"), serde_json::Value::Null);
    log_in(&view, "ada", "something else");
    view.wait("the refusal", "!document.getElementById('login-error').hidden");
    assert!(view.words("#login-error").contains("wrong"), "{}", view.words("#login-error"));
    log_in(&view, "ada", "ada-and-a-long-word");
    view.wait("a picture", "document.querySelector('#cameras img')?.naturalWidth > 0");
    view.wait_words("#user-name", "ada (admin)");
    view.click("#logout");
    view.wait("the login again", "typeof route === 'object' && route.view === 'login'");
    place.end();
}

#[test]
fn a_viewer_looks_and_is_offered_nothing_that_changes_the_box() {
    let Some(place) = place("stub", SCENE, with_users) else { return };
    let view = opened(&place);
    log_in(&view, "vic", "vic-and-a-long-word");
    view.wait("a picture", "document.querySelector('#cameras img')?.naturalWidth > 0");
    let offered = "[...document.querySelectorAll('[data-role]')].filter(e => !e.hidden).length";
    assert_eq!(view.eval(offered), 0);
    crate::place::turn(&view, "box");
    view.wait("the units", "document.querySelectorAll('#units tr').length > 0");
    assert_eq!(
        view.eval("[...document.querySelectorAll('#units button')].filter(e => e.checkVisibility()).length"),
        0
    );
    place.end();
}
