//! A box that is well, and checks that hang.

use std::fs;
use std::process::Command;

use crate::examine::support::{KernelFiles, Report, SCENE};
use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Stub};

#[test]
fn a_healthy_box_has_no_fault_and_nothing_is_left_behind() {
    let (broker, fixture, files) = (Broker::start(), Fixture::new(), KernelFiles::healthy());
    fixture
        .config(broker.port, &(fixture.stub("m", &Stub::default()) + SCENE + "detect = { model = \"m\" }\n"));
    let report = Report::of(&fixture, &files);
    assert_eq!((report.code, &report.json["ok"]), (Some(0), &true.into()), "{:#}", report.json);
    let examined = [
        "config",
        "service",
        "instances",
        "store",
        "broker",
        "models",
        "camera/a",
        "cores",
        "memory",
        "thermal",
        "usb",
        "clock",
        "disk",
        "disk/speed",
    ];
    for name in examined {
        report.assert_no_fault(name);
    }
    assert!(!fixture.state_dir.exists(), "the doctor makes no state");
    let text = String::from_utf8(fixture.command(&["doctor"]).stdout).unwrap();
    assert!(text.contains("ok       broker: ") && text.contains("0 faults"), "{text}");
}

#[test]
fn a_check_that_hangs_is_named_and_the_others_are_answered() {
    let (broker, fixture, files) = (Broker::start(), Fixture::new(), KernelFiles::healthy());
    fixture.config(broker.port, SCENE);
    // Nobody ever writes into this pipe, so that reading it never ends, as on a network disk whose server is away.
    let pipe = files.path().join("proc/meminfo");
    fs::remove_file(&pipe).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let report = Report::of(&fixture, &files);
    let fault = report.assert_fault("memory", &["hangs", "/proc/meminfo"]);
    assert_eq!(fault["hangs"], true);
    report.assert_no_fault("thermal");
    report.assert_no_fault("broker");
}

#[test]
fn all_faults_at_once_are_all_named() {
    let (fixture, files) = (Fixture::new(), KernelFiles::healthy());
    let mut cameras = String::new();
    for n in 0..4 {
        cameras += &format!("[[camera]]\nname = \"c{n}\"\nsource = \"rtsp://127.0.0.1:1/c{n}\"\n");
    }
    let model = "[model.m]\npath = \"absent.stub\"\ntask = \"ssd\"\nlabels = [\"thing\"]\n";
    fixture.config(1, &format!("{model}{cameras}"));
    files.write("proc/meminfo", "MemTotal: 3884368 kB\nMemAvailable: 20000 kB\n");
    files.write("sys/devices/system/cpu/online", "0\n");
    files.write("sys/class/thermal/thermal_zone0/temp", "91000\n");
    files.write("sys/class/rtc/rtc0/since_epoch", "86400\n");
    let report = Report::of(&fixture, &files);
    for name in ["config", "broker", "camera/c0", "camera/c3", "memory", "thermal", "clock"] {
        report.assert_fault(name, &[]);
    }
}
