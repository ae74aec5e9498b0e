//! A model that fails while it runs: told frame by frame, counted, and survived.

use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Stub};
use crate::support::messages::{assert_valid, counter, listen};
use crate::support::wait_until;

#[test]
fn a_model_that_fails_makes_error_findings_and_the_service_lives_on() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let failing = Stub { fail: Some("the accelerator is gone"), ..Stub::default() };
    let cameras = "[[camera]]\nname = \"a\"\nsource = \"scene:\"\ndetect = { model = \"bad\" }\n\
        [[camera]]\nname = \"b\"\nsource = \"scene:\"\ndetect = { model = \"good\" }\n";
    let models = fixture.stub("bad", &failing) + &fixture.stub("good", &Stub::default());
    fixture.config(broker.port, &(models + cameras));
    let mut service = fixture.run();
    let reported = watcher.wait_for("a/detections", |report| !report["fault"].is_null());
    let cause = reported["fault"]["cause"].as_str().unwrap();
    assert!(cause.contains("the accelerator is gone") && cause.contains("bad"), "{cause}");
    wait_until("a growing count of failures", || counter(&watcher, "a/failed") > Some(20));
    wait_until("the other camera's reports", || counter(&watcher, "b/reported") > Some(20));
    assert_eq!(counter(&watcher, "b/failed"), Some(0));
    assert!(watcher.json("b/detections").iter().all(|report| report["fault"].is_null()));
    assert!(service.is_running());
    assert_eq!(service.stop(), Some(0));
    assert_valid(&watcher);
}
