//! The support bundle: secrets are planted wherever a box may have them, and looked for in every byte of the archive.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use flate2::read::GzDecoder;

use crate::examine::support::SCENE;
use crate::support::broker::{Broker, Demands, free_port};
use crate::support::certs::Certs;
use crate::support::fixture::{Fixture, Stub, program};
use crate::support::{complaint, wait_until};

/// Name and text of each file of an archive, without its top folder.
fn unpacked(archive: &[u8]) -> BTreeMap<String, String> {
    let mut tar = tar::Archive::new(GzDecoder::new(archive));
    let file = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry: tar::Entry<'_, GzDecoder<&[u8]>> = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let name = path.iter().skip(1).collect::<std::path::PathBuf>().display().to_string();
        (name, String::from_utf8(bytes).expect("every part is text"))
    };
    tar.entries().unwrap().map(file).collect()
}

/// The forms in which `secret` could be read out of a text.
fn forms(secret: &str) -> Vec<String> {
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let reserved: String =
        secret
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.to_owned(), reserved.to_lowercase(), reserved, percent, hex];
    for user in ["", "joe:", "box:", "admin:"] {
        forms.extend([&STANDARD_NO_PAD, &URL_SAFE_NO_PAD].map(|engine| {
            let whole = engine.encode(format!("{user}{secret}"));
            // The last digit depends on what follows.
            whole[..whole.len() - 1].to_owned()
        }));
    }
    forms
}

fn bundle(fixture: &Fixture, file: &Path, log: &Path, environment: &[(&str, &str)]) -> Output {
    Command::new(program())
        .args(["doctor", "--bundle"])
        .arg(file)
        .arg("--log")
        .arg(log)
        .arg("--config")
        .arg(fixture.config_path())
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn planted_secrets_are_in_no_part_of_the_archive_in_no_form() {
    let certs = Certs::make();
    let broker = Broker::demanding(&Demands {
        tls: Some((&certs, false)),
        login: Some(("box", "Br0ker/pass+word")),
        ..Demands::default()
    });
    let fixture = Fixture::new();
    let secrets = [
        "Br0ker/pass+word",
        "C4mera&url=pw",
        "Qu3ryT0ken-xyz",
        "F1le:password!",
        "Sh4red^sender",
        "L4unch$line%pw",
        "C0mment~secret",
        "Envir0nment*pw",
        "Pr0cess-token-77",
        "Us3r-of-the-page",
        "L0g-only-password",
        "L0g-bearer-token",
    ];
    let file = |name: &str, text: &str| {
        let path = fixture.path(name);
        fs::write(&path, format!("{text}\n")).unwrap();
        path.display().to_string()
    };
    let broker_file = file("broker-password", secrets[0]);
    let (camera_file, sender_file) = (file("camera-password", secrets[3]), file("sender-secret", secrets[4]));
    let closed = free_port();
    let rest = format!(
        "[web]\nbind = \"127.0.0.1:{}\"\ncert_file = \"{}\"\nkey_file = \"{}\"\n\n{}\
         [[camera]]\nname = \"url\"\nsource = \"rtsp://joe:C4mera%26url%3Dpw@127.0.0.1:{closed}/live?access={}\"\n\
         [[camera]]\nname = \"file\"\nsource = \"rtsp://127.0.0.1:{closed}/x\"\nusername = \"joe\"\npassword_file = \"{camera_file}\"\n\
         [[camera]]\nname = \"tcp\"\nsource = \"tcp://127.0.0.1:{}\"\nsecret_file = \"{sender_file}\"\n\
         [[camera]]\nname = \"launch\"\nsource = \"launch:souphttpsrc location=http://127.0.0.1:{closed}/ user-pw={} ! jpegdec\"\n\
         # password = \"{}\"\n{SCENE}detect = {{ model = \"m\" }}\n",
        free_port(),
        certs.file("server.crt").display(),
        certs.file("server.key").display(),
        fixture.stub("m", &Stub::default()),
        secrets[2],
        free_port(),
        secrets[5],
        secrets[6],
    );
    let mqtt = format!(
        "url = \"mqtts://127.0.0.1:{}\"\nca_file = \"{}\"\nusername = \"box\"\npassword_file = \"{broker_file}\"",
        broker.port,
        certs.file("ca.crt").display()
    );
    fixture.config_with(&mqtt, "stub", &rest);
    fixture.user("magdalena", "admin", secrets[9]);
    // A short name is one, too.
    fixture.user("jo", "viewer", "N0body-has-this-one");
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
    let hash = fs::read_to_string(fixture.state_dir.join("users")).unwrap();
    let hash = hash.trim().rsplit(':').next().unwrap().to_owned();
    let key = fs::read_to_string(certs.file("server.key")).unwrap();
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let log = format!(
        "2026-11-29T10:00:00Z WARN camera url: rtsp://joe:C4mera%26url%3Dpw@cam/live?access={} lost\n\
         2026-11-29T10:00:01Z WARN mqtt://box:{}@broker:1883 refused, rtsp://admin:{}@10.0.0.7/\n\
         2026-11-29T10:00:02Z DEBUG Authorization: Basic {}\n\
         2026-11-29T10:00:03Z DEBUG header Bearer {} token={} sender {}\n\
         2026-11-29T10:00:04Z INFO magdalena acknowledged, hash {hash}, pw {} and {}\n{key}\n\
         2026-11-29T10:00:05Z INFO the line that must stay\n\
         2026-11-29T10:00:06Z INFO {host} jo logged in, and jolly joe did not\n",
        secrets[2],
        secrets[0],
        secrets[10],
        base64(&format!("joe:{}", secrets[3])),
        secrets[11],
        secrets[8],
        base64(secrets[4]),
        secrets[7],
        secrets[5],
    );
    fs::write(fixture.path("service.log"), log).unwrap();
    let environment = [("OCELLUS_PASSPHRASE", secrets[7]), ("CLOUD_TOKEN", secrets[8])];
    let mut service = fixture.run_with(&environment);
    wait_until("the service has found out about its cameras", || {
        String::from_utf8_lossy(&fixture.command(&["status"]).stdout).contains("camera file offline")
    });
    let target = fixture.path("support.tar.gz");
    for running in [true, false] {
        let output = bundle(&fixture, &target, &fixture.path("service.log"), &environment);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.code() == Some(15) && text.contains("support.tar.gz: "), "{output:?}");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
        let archive = fs::read(&target).unwrap();
        let parts = unpacked(&archive);
        let names: Vec<&str> = parts.keys().map(String::as_str).collect();
        let expected = [
            "README.txt",
            "audit.jsonl",
            "config.toml",
            "doctor.json",
            "log.txt",
            "machine.txt",
            "models.json",
            "state.txt",
            "versions.json",
        ];
        for name in expected {
            assert!(names.contains(&name), "{name} is missing among {names:?}");
        }
        assert_eq!(names.contains(&"status.json"), running, "{names:?}");
        assert!(running || !names.contains(&"telemetry.jsonl"), "only a service has figures: {names:?}");
        let mut looked_for: Vec<&str> = secrets.to_vec();
        looked_for.extend(hash.split('$').filter(|part| part.len() > 12));
        looked_for.extend(key.lines().filter(|line| !line.starts_with("-----")));
        for (name, text) in &parts {
            for secret in &looked_for {
                for form in forms(secret) {
                    assert!(!text.contains(&form), "{name} holds {secret} as {form}");
                }
            }
            assert!(!text.contains("magdalena"), "{name} holds the name of a user");
        }
        assert!(
            parts["log.txt"].contains(" [name] logged in, and jolly [name] did not"),
            "{}",
            parts["log.txt"]
        );
        assert!(host == "localhost" || !parts["log.txt"].contains(&host), "{}", parts["log.txt"]);
        if let Some(hour) = parts.get("telemetry.jsonl") {
            let lines: Vec<serde_json::Value> =
                hour.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert!(lines[0]["time"].is_string() && lines[0]["counters"].is_object(), "{hour}");
        }
        assert!(parts["log.txt"].contains("the line that must stay"), "{}", parts["log.txt"]);
        assert!(parts["config.toml"].contains("name = \"box1\""), "{}", parts["config.toml"]);
        assert!(
            parts["doctor.json"].contains("camera/url") && parts["versions.json"].contains("coreelements")
        );
        assert!(
            parts["models.json"].contains(&format!("{:?}", sha256(&fixture.path("m.stub")))),
            "{}",
            parts["models.json"]
        );
        assert!(text.contains("fault"), "the report is printed as well: {text}");
        // The file is new each time.
        let again = bundle(&fixture, &target, &fixture.path("service.log"), &environment);
        assert!(complaint(&again).contains("exists already"), "{again:?}");
        fs::remove_file(&target).unwrap();
        if running {
            assert_eq!(service.stop(), Some(0), "{}", service.log());
        }
    }
    let piped = bundle(&fixture, Path::new("-"), &fixture.path("service.log"), &environment);
    assert!(unpacked(&piped.stdout).contains_key("doctor.json"));
}

fn sha256(file: &Path) -> String {
    ocellus::types::sha256(fs::read(file).unwrap())
}

#[test]
fn a_bundle_of_a_box_whose_configuration_cannot_be_read_is_made_all_the_same_and_bounded() {
    let fixture = Fixture::new();
    fixture.config(1, SCENE);
    fs::write(fixture.config_path(), "[device\nname = \"x\"\npassword = \"Br0ken-file-pw\"\n").unwrap();
    let line = "2026-11-29T10:00:00Z INFO a line of a long log with Br0ken-file-pw in it\n";
    fs::write(fixture.path("long.log"), line.repeat(200_000)).unwrap();
    let target = fixture.path("support.tar.gz");
    let state = fixture.path("state");
    fs::create_dir_all(&state).unwrap();
    let output = Command::new(program())
        .args(["doctor", "--json", "--bundle"])
        .arg(&target)
        .arg("--log")
        .arg(fixture.path("long.log"))
        .arg("--config")
        .arg(fixture.config_path())
        .arg("--state-dir")
        .arg(&state)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(15), "{output:?}");
    let parts = unpacked(&fs::read(&target).unwrap());
    assert!(parts.values().all(|text| !text.contains("Br0ken-file-pw")));
    let log = &parts["log.txt"];
    assert!(log.len() <= 2 << 20 && log.len() > 1 << 20 && log.starts_with("2026-"), "{} bytes", log.len());
}

#[test]
fn the_log_is_read_where_the_configuration_puts_it() {
    let fixture = Fixture::new();
    fixture.config(1, &format!("[log]\nfile = \"box.log\"\n{SCENE}"));
    let mut service = fixture.run();
    let file = fixture.state_dir.join("box.log");
    wait_until("the log has its first lines", || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains("INFO"))
    });
    let target = fixture.path("support.tar.gz");
    let output = fixture.command(&["doctor", "--bundle", target.to_str().unwrap()]);
    assert!(target.exists(), "{output:?}");
    let parts = unpacked(&fs::read(&target).unwrap());
    let first = fs::read_to_string(&file).unwrap().lines().next().unwrap()[..27].to_owned();
    assert!(parts["log.txt"].starts_with(&first), "{}", parts["log.txt"]);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_running_service_bundles_the_log_that_it_writes_and_not_one_that_its_file_names_since() {
    let log = |file: &str| format!("{SCENE}\n[log]\nfile = \"{file}\"\n");
    let place = crate::web::client::prepared("", &log("first.log"), |_| {});
    let (broker, fixture) = (&place.broker, &place.fixture);
    fs::write(fixture.state_dir.join("second.log"), "2026-11-29T10:00:05Z INFO of another service\n")
        .unwrap();
    // Nobody asks for a reload.
    fixture.config(broker.port, &format!("[web]\nbind = \"127.0.0.1:0\"\n{}", log("second.log")));
    wait_until("the log is in the archive", || {
        let parts = unpacked(&place.client().get("/api/v1/doctor/bundle").body);
        assert!(!parts["log.txt"].contains("of another service"), "{}", parts["log.txt"]);
        parts["log.txt"].contains("the page is at")
    });
    place.end();
}

#[test]
fn an_admin_downloads_the_bundle_of_a_running_service_and_the_audit_log_says_so() {
    let place = crate::web::client::prepared("", SCENE, |fixture| {
        fixture.user("anna", "admin", "may everything");
        fixture.user("otto", "operator", "pulls triggers");
    });
    let anna = place.client().log_in("anna", "may everything");
    let reply = anna.get("/api/v1/doctor/bundle");
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("application/gzip")),
        "{}",
        reply.text()
    );
    assert!(reply.header("content-disposition").unwrap().contains("ocellus-support-box1.tar.gz"));
    let parts = unpacked(&reply.body);
    assert!(parts["status.json"].contains("components"), "{}", parts["status.json"]);
    wait_until("the first figures", || {
        let parts = unpacked(&anna.get("/api/v1/doctor/bundle").body);
        parts.get("telemetry.jsonl").is_some_and(|text| text.contains("a/frames"))
    });
    assert!(parts.values().all(|text| !text.contains("anna") && !text.contains("otto")));
    let audit = anna.get("/api/v1/audit").json();
    let noted = audit.as_array().unwrap().iter().any(|line| {
        line["action"] == "GET /api/v1/doctor/bundle" && line["user"] == "anna" && line["outcome"] == "ok"
    });
    assert!(noted, "{audit}");
    let otto = place.client().log_in("otto", "pulls triggers");
    assert_eq!(otto.get("/api/v1/doctor/bundle").status, 403);
    place.end();
}
