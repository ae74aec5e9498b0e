//! `ocellus provision` as the first start of a box calls it: a folder with `provision.toml`, the real program, and what the
//! service makes of the outcome.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::broker::{Broker, Demands};
use crate::support::certs::Certs;
use crate::support::fixture::{Fixture, program};
use crate::support::messages::listen;
use crate::support::{said, wait_until};

const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?width=64&height=64\"\n";

/// A stick: a folder beside the box.
fn stick(fixture: &Fixture, text: &str) -> PathBuf {
    let dir = fixture.path("stick");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("provision.toml"), text).unwrap();
    dir
}

fn provision(fixture: &Fixture, dir: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.arg("provision").arg(dir).arg("--config").arg(fixture.config_path()).args(more);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

fn record(fixture: &Fixture) -> Value {
    serde_json::from_slice(&fs::read(fixture.state_dir.join("provision.json")).unwrap()).unwrap()
}

/// Names and contents of all files of the box, without the stick.
fn snapshot(fixture: &Fixture) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for dir in [fixture.dir.path(), &fixture.state_dir] {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten().filter(|entry| entry.path().is_file())
        {
            files.push((entry.path(), fs::read(entry.path()).unwrap()));
        }
    }
    files.retain(|(path, _)| !path.ends_with("provision.json"));
    files.sort();
    files
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_stick_gives_name_broker_certificates_and_users_and_the_service_runs_with_them() {
    let certs = Certs::make();
    let login = Some(("line-3", "broker secret"));
    let broker = Broker::demanding(&Demands { tls: Some((&certs, true)), login, ..Demands::default() });
    let fixture = Fixture::new();
    fixture.config_with("url = \"mqtt://127.0.0.1:1\"   # the old one\n# a remark", "stub", CAMERA);
    let port = broker.port;
    let dir = stick(
        &fixture,
        &format!(
            "[device]\nname = \"line-3\"\n[broker]\nhost = \"127.0.0.1\"\nport = {port}\ntls = true\nusername = \"line-3\"\n\
             password_file = \"secret.txt\"\nca_file = \"ca.crt\"\ncert_file = \"client.crt\"\nkey_file = \"client.key\"\n\
             [[user]]\nname = \"anna\"\nrole = \"admin\"\npassword = \"long enough 1\"\n\
             [[user]]\nname = \"tv\"\nrole = \"viewer\"\npassword = \"long enough 2\"\n"
        ),
    );
    fs::write(dir.join("secret.txt"), "broker secret\r\n").unwrap();
    for name in ["ca.crt", "client.crt", "client.key"] {
        fs::copy(certs.file(name), dir.join(name)).unwrap();
    }

    let output = provision(&fixture, &dir, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for word in ["device line-3", "mqtts://127.0.0.1", "user anna (admin)", "next: "] {
        assert!(said(&output).contains(word), "{word}: {}", said(&output));
    }
    assert!(!said(&output).contains("secret") && !said(&output).contains("long enough"), "{}", said(&output));

    let config = fs::read_to_string(fixture.config_path()).unwrap();
    for line in
        ["name = \"line-3\"", "# the old one", "# a remark", "username = \"line-3\"", "source = \"scene:"]
    {
        assert!(config.contains(line), "{line}: {config}");
    }
    let users = fs::read_to_string(fixture.state_dir.join("users")).unwrap();
    assert!(users.contains("anna:admin:$argon2id$") && users.contains("tv:viewer:$argon2id$"), "{users}");
    for (name, wanted) in [("mqtt.password", 0o640), ("mqtt-client.key", 0o640), ("state/users", 0o600)] {
        assert_eq!(mode(&fixture.path(name)), wanted, "{name}");
    }
    let noted = record(&fixture);
    assert_eq!((&noted["outcome"], &noted["device"]), (&Value::from("applied"), &Value::from("line-3")));

    let mut service = fixture.run();
    // The broker takes nobody without the certificate and the password.
    wait_until("the service is well, with the broker", || {
        let status: Value =
            serde_json::from_slice(&fixture.command(&["status", "--json"]).stdout).unwrap_or_default();
        let part = |name: &str| {
            let mut parts = status["components"].as_array().into_iter().flatten();
            parts.any(|part| part["component"] == name && part["state"] == "ok")
        };
        part("broker") && part("provisioning")
    });
    assert_eq!(service.stop(), Some(0));

    // It is done once; a stick that stays in changes nothing at the next start.
    fs::write(dir.join("provision.toml"), "[device]\nname = \"another\"\n").unwrap();
    let before = snapshot(&fixture);
    let output = provision(&fixture, &dir, &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        said(&output).contains("nothing to do") && said(&output).contains("--again"),
        "{}",
        said(&output)
    );
    assert_eq!(snapshot(&fixture), before);
    let output = provision(&fixture, &dir, &["--again", "--json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["outcome"], &json["device"]), (&Value::from("applied"), &Value::from("another")));
    let config = fs::read_to_string(fixture.config_path()).unwrap();
    assert!(config.contains("name = \"another\"") && config.contains("mqtts://"), "{config}");
}

#[test]
fn each_fault_is_named_with_its_place_and_nothing_of_the_stick_is_applied() {
    let (certs, others) = (Certs::make(), Certs::make());
    let fixture = Fixture::new();
    fixture.config(1, CAMERA);
    let dir = stick(&fixture, "");
    for name in ["ca.crt", "client.crt"] {
        fs::copy(certs.file(name), dir.join(name)).unwrap();
    }
    fs::copy(others.file("client.key"), dir.join("client.key")).unwrap();
    fs::write(dir.join("garbage.pem"), "no certificate").unwrap();
    fs::write(dir.join("bad.toml"), "[[camera]]\nname = \"a\"\nsource = \"scene:\"\nrapeat = true\n")
        .unwrap();
    std::os::unix::fs::symlink("/etc/hostname", dir.join("link")).unwrap();
    fs::create_dir_all(&fixture.state_dir).unwrap();
    let before = snapshot(&fixture);

    let tls = "[broker]\nhost = \"b\"\ntls = true\n";
    let user = "[[user]]\nname = \"anna\"\nrole = \"admin\"\n";
    for (text, words) in [
        ("", &["there is nothing in it"][..]),
        ("[device\nname = 1\n", &["provision.toml:1"]),
        ("[device]\nname = \"a b\"\n", &["provision.toml:2:8", "device.name", "topic level"]),
        (
            "[broker]\nhost = \"b\"\nprot = 1\n",
            &["provision.toml:3:1", "broker.prot", "did you mean \"port\"?"],
        ),
        ("[users]\n", &["unknown key", "did you mean \"user\"?"]),
        ("[broker]\nport = 1883\n", &["broker.host", "missing"]),
        ("[broker]\nhost = \"mqtt://u:hunter2hunter2@b\"\n", &["neither a name nor an address"]),
        ("[broker]\nhost = \"b\"\npassword = \"hunter2hunter2\"\n", &["broker.username"]),
        ("[broker]\nhost = \"b\"\nca_file = \"ca.crt\"\n", &["tls = true"]),
        ("[broker]\nhost = \"b\"\nusername = \"u\"\npassword_file = \"link\"\n", &["not a plain file"]),
        ("[broker]\nhost = \"b\"\nusername = \"u\"\npassword_file = \"../x\"\n", &["not the name of a file"]),
        (&format!("{tls}ca_file = \"nowhere.pem\"\n"), &["nowhere.pem cannot be read"]),
        (&format!("{tls}ca_file = \"garbage.pem\"\n"), &["garbage.pem", "no certificate"]),
        (&format!("{tls}ca_file = \"ca.crt\"\ncert_file = \"client.crt\"\n"), &["without key_file"]),
        (
            &format!("{tls}ca_file = \"ca.crt\"\ncert_file = \"client.crt\"\nkey_file = \"client.key\"\n"),
            &["cert_file and key_file", "made together"],
        ),
        (&format!("{user}password = \"hunter2\"\n"), &["user[0].password", "fewer than 10"]),
        (user, &["neither password nor hash"]),
        (&format!("{user}hash = \"$argon2id$hunter2hunter2\"\n"), &["not an argon2id hash"]),
        (
            "[[user]]\nname = \"a\"\nrole = \"amdin\"\npassword = \"hunter2hunter2\"\n",
            &["did you mean \"admin\"?"],
        ),
        (
            &format!("{user}password = \"hunter2hunter2\"\n{user}password = \"hunter2hunter2\"\n"),
            &["occurs twice"],
        ),
        ("config = \"bad.toml\"\n", &["bad.toml:4:1", "camera[0].rapeat", "repeat"]),
        ("config = \"none.toml\"\n", &["none.toml"]),
    ] {
        fs::write(dir.join("provision.toml"), text).unwrap();
        let output = provision(&fixture, &dir, &[]);
        assert_eq!(output.status.code(), Some(1), "{text}: {}", said(&output));
        for word in words.iter().chain(&["next: ", "nothing of "]) {
            assert!(said(&output).contains(word), "{text}: {word} is missing in: {}", said(&output));
        }
        let kept = record(&fixture).to_string();
        assert!(
            !said(&output).contains("hunter2") && !kept.contains("hunter2"),
            "{text}: {} {kept}",
            said(&output)
        );
        assert_eq!(record(&fixture)["outcome"], "failed", "{text}");
        assert_eq!(snapshot(&fixture), before, "{text}");
    }
    // What is already there may be the fault, too.
    fs::write(fixture.config_path(), "[device]\nstate_dri = \"x\"\n").unwrap();
    fs::write(dir.join("provision.toml"), "[device]\nname = \"b\"\n").unwrap();
    let output = provision(&fixture, &dir, &["--state-dir", fixture.state_dir.to_str().unwrap()]);
    assert!(output.status.code() == Some(1) && said(&output).contains("state_dir"), "{}", said(&output));
}

#[test]
fn a_failed_provisioning_is_an_alarm_on_the_broker_until_a_later_one_succeeded() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    fixture.config(broker.port, CAMERA);
    let dir = stick(&fixture, "[broker]\nhost = \"127.0.0.1\"\nprot = 1\n");
    assert_eq!(provision(&fixture, &dir, &[]).status.code(), Some(1));
    let plant = listen(broker.port);
    let mut service = fixture.run();
    let alarm = plant.wait_for("box1/alarm/provisioning-failed", |alarm| alarm["cause"].is_string());
    for word in ["broker.prot", "provision.toml:3:1", "nothing of it is in force", "ocellus provision DIR"] {
        assert!(alarm["cause"].as_str().unwrap().contains(word), "{word}: {alarm}");
    }
    let status = plant.wait_for("box1/status", |status| status["state"] == "degraded");
    assert!(status["reasons"].to_string().contains("provisioning from"), "{status}");
    assert!(said(&fixture.command(&["status"])).contains("provisioning"));
    // The failure is no provisioning, so the mended file needs no --again. The running service clears the alarm.
    let text = format!("[broker]\nhost = \"127.0.0.1\"\nport = {}\n", broker.port);
    fs::write(dir.join("provision.toml"), text).unwrap();
    let output = provision(&fixture, &dir, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    plant.wait_for("box1/alarm/provisioning-failed", Value::is_null);
    plant.wait_for("box1/status", |status| status["state"] == "online");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_whole_configuration_of_the_stick_replaces_the_sample_and_the_old_one_is_kept() {
    let fixture = Fixture::new();
    let dir = stick(
        &fixture,
        "config = \"box.toml\"\n[device]\nname = \"line-3\"\n[[user]]\nname = \"anna\"\nrole = \"admin\"\npassword = \"long enough 1\"\n",
    );
    let state = fixture.state_dir.display();
    // Others can reach this page, which needs the users that the stick brings as well.
    let text = format!(
        "# Line 3\n[device]\nstate_dir = \"{state}\"\n[web]\nbind = \"0.0.0.0:8080\"\n[runtime]\nkind = \"stub\"\n{CAMERA}"
    );
    fs::write(dir.join("box.toml"), &text).unwrap();
    fs::write(fixture.config_path(), "# the sample\n").unwrap();
    let output = provision(&fixture, &dir, &["--state-dir", fixture.state_dir.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let config = fs::read_to_string(fixture.config_path()).unwrap();
    assert_eq!(config, text.replace("[device]\n", "[device]\nname = \"line-3\"\n"));
    let old = fs::read_to_string(fixture.path("ocellus.toml.before-provisioning")).unwrap();
    assert_eq!(old, "# the sample\n");
    assert_eq!(fixture.command(&["check"]).status.code(), Some(0));
}

#[test]
fn a_box_without_a_configuration_gets_the_sample() {
    let fixture = Fixture::new();
    let dir = stick(&fixture, "[device]\nname = \"new-box\"\n");
    let state = fixture.state_dir.to_str().unwrap().to_owned();
    let output = provision(&fixture, &dir, &["--state-dir", &state]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let config = fs::read_to_string(fixture.config_path()).unwrap();
    assert!(config.contains("name = \"new-box\"") && config.contains("[[camera]]"), "{config}");
    // Without a folder only what was interrupted is finished.
    let mut command = Command::new(program());
    command.args(["provision", "--config"]).arg(fixture.config_path()).args(["--state-dir", &state]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).contains("nothing to do"), "{}", said(&output));
}

#[test]
fn the_example_of_the_documentation_is_applied() {
    let (certs, fixture) = (Certs::make(), Fixture::new());
    fixture.config(1, CAMERA);
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/provisioning.md")).unwrap();
    let text = page.split("```toml,provision\n").nth(1).unwrap().split("```").next().unwrap();
    let dir = stick(&fixture, text);
    for (from, to) in [("ca.crt", "ca.pem"), ("client.crt", "line3.pem"), ("client.key", "line3.key")] {
        fs::copy(certs.file(from), dir.join(to)).unwrap();
    }
    let output = provision(&fixture, &dir, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(fixture.command(&["check"]).status.code(), Some(0));
    let users = fs::read_to_string(fixture.state_dir.join("users")).unwrap();
    assert!(users.contains("wall-display:viewer:$argon2id$"), "{users}");
}
