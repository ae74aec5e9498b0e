//! A box that goes away and comes back: the page says so, and goes on by itself.

use crate::browser::{View, browser};
use crate::place::{SCENE, address, configure};
use crate::support::broker::{Broker, free_port};
use crate::support::fixture::Fixture;

#[test]
fn a_lost_box_is_said_and_found_again_without_a_reload() {
    let Some(browser) = browser() else { return };
    let (broker, fixture, port) = (Broker::start(), Fixture::new(), free_port());
    configure(&fixture, broker.port, "stub", &format!("127.0.0.1:{port}"), SCENE);
    let mut service = fixture.run();
    let view = View::open(&browser, &address(&service));
    view.wait_words("#link", "Connected");
    view.wait("a picture", "document.querySelector('#cameras img')?.naturalWidth > 0");
    view.eval("window.sameDocument = true");
    assert_eq!(service.stop(), Some(0));
    view.wait_words("#link", "No connection");
    // What is asked meanwhile has an answer, too.
    let reported = view.eval("ask('/status').then(() => 'answered', (error) => error.code)");
    assert_eq!(reported, "unreachable");

    let mut service = fixture.run();
    view.wait_words("#link", "Connected");
    view.wait("a picture again", "document.querySelector('#cameras .cover').hidden");
    assert_eq!(view.eval("window.sameDocument"), true);
    assert_eq!(service.stop(), Some(0));
}
