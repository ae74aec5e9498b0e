//! A doctor beside a running service: it asks, and disturbs nothing.

use std::fs;
use std::io::Write;
use std::net::TcpStream;

use crate::examine::support::{KernelFiles, Report, SCENE};
use crate::support::broker::{Broker, free_port};
use crate::support::fixture::{Fixture, Stub};
use crate::support::messages::listen;
use crate::support::wait_until;

#[test]
fn a_running_service_is_asked_and_goes_on_undisturbed() {
    let (broker, fixture, files) = (Broker::start(), Fixture::new(), KernelFiles::healthy());
    let (page, frames) = (free_port(), free_port());
    let rest = format!(
        "[web]\nbind = \"127.0.0.1:{page}\"\n\n{}{SCENE}detect = {{ model = \"m\" }}\n[[camera]]\nname = \"pushed\"\n\
         source = \"tcp://127.0.0.1:{frames}\"\n",
        fixture.stub("m", &Stub::default())
    );
    fixture.config(broker.port, &rest);
    let watcher = listen(broker.port);
    let mut service = fixture.run();
    watcher.wait_for("a/detections", |_| true);
    // A sender holds the only connection of its camera.
    let mut sender = TcpStream::connect(("127.0.0.1", frames)).unwrap();
    let mut frame = b"OCF1".to_vec();
    frame.resize(32, 0);
    sender.write_all(&frame[..8]).unwrap();
    let report = Report::of(&fixture, &files);
    assert_eq!(report.json["service"], true);
    for name in ["camera/a", "broker", "store", "disk/state", "unit/web", "model/m", "instances", "clock"] {
        report.assert_no_fault(name);
    }
    for alone in ["page", "models"] {
        assert!(report.of_check(alone).is_empty(), "{alone} is the service's own: {:#}", report.json);
    }
    let before = watcher.json("a/detections").len();
    wait_until("frames go on", || watcher.json("a/detections").len() > before + 5);
    let states = watcher.json("box1/status");
    assert!(states.iter().all(|status| status["state"] != "offline"), "the broker lost nobody: {states:?}");
    assert!(fs::read_dir(&fixture.state_dir).unwrap().flatten().all(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        !name.contains("corrupt") && !name.contains("doctor")
    }));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn what_the_service_knows_of_its_camera_and_its_broker_is_named_with_the_remedy() {
    let (fixture, files, broker, camera) = (Fixture::new(), KernelFiles::healthy(), free_port(), free_port());
    fixture.config(
        broker,
        &format!("{SCENE}[[camera]]\nname = \"door\"\nsource = \"rtsp://127.0.0.1:{camera}/live\"\n"),
    );
    let mut service = fixture.run();
    wait_until("the service has found out", || {
        let output = fixture.command(&["status"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.contains("camera door offline") && text.contains("broker mqtt://")
    });
    let report = Report::of(&fixture, &files);
    report.assert_fault("camera/door", &["connection refused"]);
    let fault = report.assert_fault("broker", &["connection refused", &broker.to_string()]);
    assert!(fault["remedy"].as_str().unwrap().contains("start the broker"), "{fault}");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_service_that_does_not_answer_is_named_and_left_alone() {
    let (broker, fixture, files) = (Broker::start(), Fixture::new(), KernelFiles::healthy());
    fixture.config(broker.port, SCENE);
    let service = fixture.run();
    service.wait_log(&["ready"]);
    service.signal(libc::SIGSTOP);
    let report = Report::of(&fixture, &files);
    service.signal(libc::SIGCONT);
    report.assert_fault("service", &["did not answer"]);
    assert!(report.of_check("camera/a").is_empty() && report.of_check("broker").is_empty());
}

#[test]
fn a_second_instance_with_the_same_name_at_the_broker_is_named_with_its_process() {
    let (broker, fixture, files) = (Broker::start(), Fixture::new(), KernelFiles::healthy());
    fixture.config(broker.port, SCENE);
    let first = fixture.run();
    first.wait_log(&["ready"]);
    // The same file, with another state directory: both are box1 at the broker, and end each other's connection.
    let other = fixture.path("other-state");
    let second = fixture.run_as(&["--state-dir", other.to_str().unwrap()]);
    second.wait_log(&["ready"]);
    let report = Report::of(&fixture, &files);
    report
        .assert_fault("instances", &["a second instance", &format!("process {}", second.id()), "client id"]);
}
