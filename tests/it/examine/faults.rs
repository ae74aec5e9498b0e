//! Faults of a box whose service does not run, each injected for real.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::camera::rtsp::refusing;
use crate::examine::support::{KernelFiles, Report, SCENE, program_for_everybody};
use crate::support::broker::{Broker, Demands, free_port};
use crate::support::certs::Certs;
use crate::support::data::skip;
use crate::support::disk::SmallDisk;
use crate::support::fixture::Fixture;
use crate::support::wait_until;

/// The report of a box with the lines `mqtt`, and `rest` behind them.
fn report_with(fixture: &Fixture, mqtt: &str, rest: &str) -> Report {
    fixture.config_with(mqtt, "stub", rest);
    Report::of(fixture, &KernelFiles::healthy())
}

/// The same with an open broker.
fn report(fixture: &Fixture, rest: &str) -> Report {
    let broker = Broker::start();
    report_with(fixture, &format!("url = \"mqtt://127.0.0.1:{}\"", broker.port), rest)
}

#[test]
fn a_camera_that_is_off_is_named_with_its_address() {
    let port = free_port();
    let report = report(
        &Fixture::new(),
        &format!("[[camera]]\nname = \"door\"\nsource = \"rtsp://127.0.0.1:{port}/live\"\n"),
    );
    report.assert_fault("camera/door", &["connection refused", &format!("127.0.0.1:{port}")]);
    report.assert_no_fault("broker");
}

#[test]
fn a_camera_that_refuses_the_password_is_named() {
    gstreamer::init().unwrap();
    let address = refusing("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"cam\"");
    let source = format!("[[camera]]\nname = \"a\"\nsource = \"rtsp://joe:WRONG@{address}/live\"\n");
    let report = report(&Fixture::new(), &source);
    let fault = report.assert_fault("camera/a", &["refused the login", "401"]);
    assert!(fault["remedy"].as_str().unwrap().contains("password"), "{fault}");
    assert!(!report.json.to_string().contains("WRONG"), "no secret in a report");
}

#[test]
fn a_port_that_another_program_has_is_named_with_the_program() {
    let holders = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [page, frames, zmq] = [0, 1, 2].map(|at: usize| holders[at].local_addr().unwrap());
    let rest = format!(
        "[web]\nbind = \"{page}\"\n\n[zmq]\nstatus = \"{zmq}\"\n\n[[camera]]\nname = \"a\"\nsource = \"tcp://{frames}\"\n"
    );
    let report = report(&Fixture::new(), &rest);
    let own = format!("(process {})", std::process::id());
    report.assert_fault("page", &[&page.to_string(), "in use", &own]);
    report.assert_fault("camera/a", &[&frames.to_string(), "in use", &own]);
    report.assert_fault("zmq", &["zmq.status", &zmq.to_string(), "in use", &own]);
}

#[test]
fn a_broker_that_is_down_is_named() {
    let port = free_port();
    let report = report_with(&Fixture::new(), &format!("url = \"mqtt://127.0.0.1:{port}\""), SCENE);
    report.assert_fault("broker", &["connection refused", &port.to_string()]);
    report.assert_no_fault("camera/a");
}

#[test]
fn a_broker_that_refuses_is_no_broker_that_is_down() {
    let broker = Broker::demanding(&Demands { login: Some(("box", "right")), ..Demands::default() });
    let fixture = Fixture::new();
    fs::write(fixture.path("password"), "wrong\n").unwrap();
    let file = fixture.path("password");
    let login = |file: &Path| {
        format!(
            "url = \"mqtt://127.0.0.1:{}\"\nusername = \"box\"\npassword_file = \"{}\"",
            broker.port,
            file.display()
        )
    };
    let report = report_with(&fixture, &login(&file), SCENE);
    let fault = report.assert_fault("broker", &["password"]);
    assert!(fault["remedy"].as_str().unwrap().contains("mqtt.password_file"), "{fault}");
    fs::write(&file, "right\n").unwrap();
    report_with(&fixture, &login(&file), SCENE).assert_no_fault("broker");
}

#[test]
fn certificates_that_have_expired_are_named_on_both_sides() {
    let certs = Certs::make();
    certs.expire("server");
    let broker = Broker::demanding(&Demands { tls: Some((&certs, false)), ..Demands::default() });
    let tls = format!(
        "url = \"mqtts://127.0.0.1:{}\"\nca_file = \"{}\"",
        broker.port,
        certs.file("ca.crt").display()
    );
    let page = format!(
        "[web]\nbind = \"127.0.0.1:{}\"\ncert_file = \"{}\"\nkey_file = \"{}\"\n\n{SCENE}",
        free_port(),
        certs.file("server.crt").display(),
        certs.file("server.key").display()
    );
    let report = report_with(&Fixture::new(), &tls, &page);
    report.assert_fault("broker", &["certificate is not valid now"]);
    report.assert_fault("certificates", &["web.cert_file", "expired on"]);
    let authority = report.of_check("certificates");
    assert!(authority.iter().any(|one| one["state"] == "warning"), "it ends in two days: {authority:#?}");
}

#[test]
fn a_full_disk_and_one_that_cannot_be_written_are_named() {
    let Some(disk) = SmallDisk::mount(8 << 20) else { return };
    let mut fixture = Fixture::new();
    fixture.state_dir = disk.path().into();
    disk.fill();
    report(&fixture, SCENE).assert_fault("disk", &["full", "device.state_dir"]);
    disk.free();
    report(&fixture, SCENE).assert_no_fault("disk");
    disk.read_only();
    let report = report(&fixture, SCENE);
    report.assert_fault("disk", &["read-only", "device.state_dir"]);
    report.assert_fault("disk/speed", &["cannot be written"]);
}

#[test]
fn a_slow_disk_is_named_with_the_time_that_a_write_takes() {
    // A library between the program and the system that holds each write back, as a worn card does.
    let (fixture, broker) = (Fixture::new(), Broker::start());
    let source = fixture.path("slow.c");
    fs::write(
        &source,
        "#include <unistd.h>\nint fdatasync(int file) { (void)file; usleep(300000); return 0; }\n",
    )
    .unwrap();
    let library = fixture.path("slow.so");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(built.expect("a C compiler, which the build needs too").success());
    fixture.config(broker.port, SCENE);
    let output = Command::new(crate::support::fixture::program())
        .args(["doctor", "--json", "--system-root"])
        .arg(KernelFiles::healthy().path())
        .arg("--config")
        .arg(fixture.config_path())
        .env("LD_PRELOAD", &library)
        .output()
        .unwrap();
    Report::read(output).assert_fault("disk/speed", &["the disk is slow", "ms"]);
}

#[test]
fn a_missing_model_is_named_with_the_places_where_it_was_looked_for_and_hides_nothing_else() {
    let model = "[model.m]\npath = \"absent.stub\"\ntask = \"ssd\"\nlabels = [\"thing\"]\n\n";
    let report = report(&Fixture::new(), &format!("{model}{SCENE}"));
    report.assert_fault("config", &["model.m.path", "absent.stub", "no such file"]);
    report.assert_no_fault("camera/a");
}

#[test]
fn a_device_that_this_user_may_not_open_is_named_with_the_group() {
    if !rustix::process::geteuid().is_root() {
        return skip("another user's rights can be taken on by root alone");
    }
    let broker = Broker::start();
    let (dir, program) = program_for_everybody();
    let device = dir.path().join("video0");
    // The major number of video devices; nobody but root may open it.
    let made = Command::new("mknod").arg("-m").arg("600").arg(&device).args(["c", "81", "0"]).status();
    if !made.is_ok_and(|status| status.success()) {
        return skip("device nodes cannot be made here");
    }
    let config = dir.path().join("ocellus.toml");
    let text = format!(
        "[device]\nname = \"box1\"\nstate_dir = \"{}\"\n[mqtt]\nurl = \"mqtt://127.0.0.1:{}\"\n[web]\nenabled = false\n\
         [runtime]\nkind = \"stub\"\n[[camera]]\nname = \"a\"\nsource = \"v4l2://{}\"\n",
        dir.path().join("state").display(),
        broker.port,
        device.display()
    );
    fs::write(&config, text).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args(["doctor", "--json", "--config"])
        .arg(&config)
        .env("HOME", "/nonexistent")
        .output()
        .unwrap();
    let report = Report::read(output);
    let fault = report.assert_fault("camera/a", &["may not open it"]);
    assert!(fault["remedy"].as_str().unwrap().contains("usermod"), "{fault}");
}

#[test]
fn a_state_directory_that_another_program_holds_is_named_with_the_program() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    fs::create_dir(&fixture.state_dir).unwrap();
    fixture.config(broker.port, SCENE);
    let mut holder = Command::new("flock")
        .arg(&fixture.state_dir)
        .args(["sleep", "600"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the lock is taken", || {
        let tried = Command::new("flock").arg("-n").arg(&fixture.state_dir).arg("true").status();
        !tried.unwrap().success()
    });
    let report = Report::of(&fixture, &KernelFiles::healthy());
    // `flock` runs the command as its child, which holds the lock too.
    let children =
        fs::read_to_string(format!("/proc/{0}/task/{0}/children", holder.id())).unwrap_or_default();
    holder.kill().unwrap();
    holder.wait().unwrap();
    for child in children.split_whitespace().filter_map(|id| id.parse::<i32>().ok()) {
        // SAFETY: a plain system call on the id of the process that this test began.
        unsafe { libc::kill(child, libc::SIGKILL) };
    }
    report.assert_fault("store", &["locked by another instance", "(process "]);
    assert!(
        report.of_check("camera/a").is_empty(),
        "whoever holds the state may hold the camera: it is left alone"
    );
}

#[test]
fn a_damaged_store_is_named_and_left_as_it_is() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    fixture.config(broker.port, SCENE);
    let mut service = fixture.run();
    service.wait_log(&["ready"]);
    assert_eq!(service.stop(), Some(0));
    let db = fixture.state_dir.join("store/db");
    let files = KernelFiles::healthy();
    let before = fs::read(&db).unwrap();
    Report::of(&fixture, &files).assert_no_fault("store");
    assert_eq!(fs::read(&db).unwrap(), before, "the doctor opens a copy");
    fs::write(&db, &before[..before.len() / 2]).unwrap();
    Report::of(&fixture, &files).assert_fault("store", &["is damaged", "when it was closed"]);
    assert_eq!(fs::read(&db).unwrap(), before[..before.len() / 2]);
    // The same length, other bytes.
    let mut spoilt = before.clone();
    spoilt.iter_mut().for_each(|byte| *byte = !*byte);
    fs::write(&db, &spoilt).unwrap();
    Report::of(&fixture, &files).assert_fault("store", &["is damaged"]);
    fs::remove_dir_all(fixture.state_dir.join("store")).unwrap();
    Report::of(&fixture, &files).assert_fault("store", &["is damaged", "gone"]);
}
