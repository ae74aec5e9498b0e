//! The examples for a plant (`examples/plant`): what they name is what a box really says, and the broker's files are run by a
//! real mosquitto.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::inspection::scenario;
use crate::support::broker::{Broker, Demands, free_port};
use crate::support::certs::Certs;
use crate::support::fixture::Fixture;
use crate::support::messages::listen;
use crate::support::subscriber::Subscriber;
use crate::support::wait_until;
use crate::web::client::{Client, address};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/plant").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The box that the examples speak of: `box1` with the camera `line1`, after it has inspected a part.
struct Box1 {
    /// The newest message of each topic below `ocellus/`.
    said: BTreeMap<String, Value>,
    metrics: String,
    watcher: Subscriber,
    _broker: Broker,
    _service: crate::support::fixture::Service,
    _fixture: Fixture,
}

impl Box1 {
    fn run() -> Box1 {
        let (broker, fixture) = (Broker::start(), Fixture::new());
        let watcher = listen(broker.port);
        fs::create_dir(fixture.path("recipes")).unwrap();
        fs::write(fixture.path("recipes/good.toml"), scenario::good()).unwrap();
        let camera =
            scenario::camera("fps=30", "pick = \"next\"").replace("name = \"a\"", "name = \"line1\"");
        fixture.config(broker.port, &format!("[web]\nbind = \"127.0.0.1:0\"\n{camera}"));
        let service = fixture.run();
        watcher.wait_for("line1/trigger", |said| said["ready"] == true);
        watcher.publish("ocellus/box1/cmd/trigger/1", false, json!({ "camera": "line1" }).to_string());
        watcher.wait_for("line1/inspection", |said| said["verdict"] == "ok");
        watcher.wait_for("line1/trigger", |said| said["ok"] == 1);
        watcher.wait_for("box1/telemetry", |said| said["inspection"]["line1"]["ok"] == 1);
        let read = |payload: &[u8]| serde_json::from_slice(payload).unwrap_or(Value::Null);
        let said =
            watcher.on("").into_iter().map(|message| (message.topic, read(&message.payload))).collect();
        let metrics = Client::new(address(&service, 1)).get("/metrics").text();
        Box1 { said, metrics, watcher, _broker: broker, _service: service, _fixture: fixture }
    }

    /// The newest message whose topic matches `filter`.
    fn message(&self, filter: &str) -> &Value {
        let found = self.said.iter().find(|(topic, _)| matches(filter, topic));
        let (_, message) =
            found.unwrap_or_else(|| panic!("nothing of {:?} matches {filter}", self.said.keys()));
        message
    }
}

/// Whether a topic matches an MQTT filter.
fn matches(filter: &str, topic: &str) -> bool {
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
}

/// The words of `text` that begin with `start` and go on with letters of a name.
fn words<'a>(text: &'a str, start: &'a str) -> BTreeSet<&'a str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(start)
        .filter(|(at, _)| !text[..*at].ends_with(is_name))
        .map(|(at, _)| {
            let rest = &text[at..];
            let end = rest[start.len()..].find(|c| !is_name(c)).map_or(rest.len(), |end| end + start.len());
            &rest[..end]
        })
        .collect()
}

#[test]
fn what_the_examples_read_is_what_a_box_says() {
    let box1 = Box1::run();

    // Telegraf: each filter matches, and each path leads to a value of the type that it says.
    let telegraf: Value = toml::from_str(&text("telegraf/ocellus.conf")).unwrap();
    let inputs = telegraf["inputs"]["mqtt_consumer"].as_array().unwrap();
    assert_eq!(inputs.len(), 3);
    for input in inputs {
        let filter = input["topics"][0].as_str().unwrap();
        assert_eq!(input["topic_parsing"][0]["topic"], filter);
        let tags = input["topic_parsing"][0]["tags"].as_str().unwrap();
        assert_eq!(tags.split('/').count(), filter.split('/').count(), "{filter}");
        let message = box1.message(filter);
        let reader = &input["json_v2"][0];
        let time = message[reader["timestamp_path"].as_str().unwrap()].as_str().unwrap();
        assert!(time.ends_with('Z'), "{time}");
        let list = |kind: &str| reader[kind].as_array().cloned().unwrap_or_default();
        for one in [list("tag"), list("field"), list("object")].concat() {
            let path = one["path"].as_str().unwrap();
            let value = message.pointer(&format!("/{}", path.replace('.', "/"))).unwrap_or(&Value::Null);
            if one["optional"] == true && value.is_null() {
                continue;
            }
            let fits = match one["type"].as_str() {
                Some("int") => value.is_i64() || value.is_u64(),
                Some("float") => value.is_number(),
                _ => value.is_string() || value.is_object(),
            };
            assert!(fits, "{filter}: {path} is {value}");
        }
    }

    // Prometheus and Grafana: every metric that an expression names exists, and so do the labels.
    let rules = yaml("prometheus/ocellus-rules.yml");
    let rules = rules["groups"][0]["rules"].as_array().unwrap();
    let dashboard: Value = serde_json::from_str(&text("grafana/ocellus.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().map(|panel| &panel["targets"][0]["expr"]);
    let federated = yaml("fleet/prometheus-federation.yml");
    let federated = federated["scrape_configs"][0]["params"]["match[]"].as_array().unwrap();
    let expressions: Vec<&str> = rules
        .iter()
        .map(|rule| &rule["expr"])
        .chain(targets)
        .chain(federated)
        .filter_map(Value::as_str)
        .collect();
    assert!(expressions.len() > 20, "{expressions:?}");
    let recorded: BTreeSet<&str> = rules.iter().filter_map(|rule| rule["record"].as_str()).collect();
    for expression in &expressions {
        for name in words(expression, "ocellus_") {
            // A thermal zone is a matter of the machine.
            let known =
                box1.metrics.contains(&format!("# TYPE {name} ")) || name == "ocellus_temperature_celsius";
            assert!(known, "{name} of `{expression}` is not in /metrics");
        }
        let own = expression.match_indices("ocellus:").all(|(at, _)| {
            expression[at..].starts_with("ocellus:.*")
                || recorded.iter().any(|name| expression[at..].starts_with(name))
        });
        assert!(own, "{expression} names a series that no rule records");
    }
    for label in [
        "camera=\"line1\"",
        "verdict=\"ok\"",
        "quantile=\"0.99\"",
        "step=\"",
        "worker=\"",
        "component=\"",
        "unit=\"",
    ] {
        assert!(box1.metrics.contains(label), "no label {label}");
    }
    let prometheus = yaml("prometheus/prometheus.yml");
    assert_eq!(prometheus["scrape_configs"][0]["metrics_path"], "/metrics");
    assert!(file("prometheus").join(prometheus["rule_files"][0].as_str().unwrap()).exists());

    // Node-RED: every wire and reference leads to a node, what is subscribed to exists, and so do the fields.
    let flow: Value = serde_json::from_str(&text("node-red/flow.json")).unwrap();
    let nodes = flow.as_array().unwrap();
    let ids: BTreeSet<&str> = nodes.iter().map(|node| node["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), nodes.len());
    for node in nodes {
        let wires = node["wires"].as_array().into_iter().flatten().flat_map(|wire| wire.as_array().unwrap());
        let broker =
            (node["type"] != "mqtt-broker").then(|| &node["broker"]).filter(|broker| !broker.is_null());
        for to in wires.chain(broker).chain((!node["z"].is_null()).then(|| &node["z"])) {
            assert!(ids.contains(to.as_str().unwrap()), "{to} of {node}");
        }
        if node["type"] == "mqtt in" {
            box1.message(node["topic"].as_str().unwrap());
        }
        if node["id"] == "verdicts" {
            let message = box1.message("ocellus/box1/camera/line1/inspection");
            for field in words(node["func"].as_str().unwrap(), "part.") {
                let value = &message[field.trim_start_matches("part.")];
                assert!(!value.is_null(), "{field} is not in {message}");
            }
            assert!(node["func"].as_str().unwrap().contains(message["schema"].as_str().unwrap()));
        }
    }

    // The rules of EMQX and Kafka Connect.
    let sql = text("fleet/emqx-rule.sql");
    let filter = sql.split('"').nth(1).unwrap();
    let message = box1.message(filter);
    for field in words(&sql, "payload.") {
        assert!(!message[field.trim_start_matches("payload.")].is_null(), "{field} is not in {message}");
    }
    let kafka = text("fleet/kafka-connect.properties");
    let topics = kafka.lines().find_map(|line| line.strip_prefix("mqtt.topics=")).unwrap();
    box1.message(topics.split(',').next().unwrap());

    // Home Assistant: state topics carry the fields of the templates, and buttons are answered.
    let home = yaml("home-assistant/ocellus.yaml");
    let entities =
        home.as_object().unwrap().iter().flat_map(|(kind, list)| {
            list.as_array().unwrap().iter().map(move |entity| (kind.as_str(), entity))
        });
    let mut names = BTreeSet::new();
    for (kind, entity) in entities {
        let name = format!("Box 1 {}", entity["name"].as_str().unwrap());
        assert!(names.insert(format!("{kind}.{}", name.to_lowercase().replace(' ', "_"))), "{name} twice");
        let availability = entity["availability"].as_array();
        let states = availability.into_iter().flatten().map(|one| (&one["topic"], &one["value_template"]));
        for (topic, template) in states.chain([(&entity["state_topic"], &entity["value_template"])]) {
            let Some(topic) = topic.as_str() else { continue };
            let message = box1.message(topic);
            for field in words(template.as_str().unwrap(), "value_json.") {
                let value = &message[field.trim_start_matches("value_json.")];
                assert!(!value.is_null(), "{name}: {field} is not in {message}");
            }
        }
        if let Some(options) = entity["options"].as_array() {
            let wanted: Vec<Value> = scenario::OUTCOMES.iter().map(|outcome| json!(outcome)).collect();
            assert_eq!(options, &wanted, "{name}");
        }
        if let Some(topic) = entity["command_topic"].as_str() {
            let ended = |said: &Value| said["status"] == "successful" || said["status"] == "failed";
            box1.watcher.publish(topic, false, entity["payload_press"].as_str().unwrap());
            let answer = box1.watcher.wait_for(topic, ended);
            assert_eq!(answer["status"], "successful", "{name}: {answer}");
        }
    }
    let picture = home["image"][0]["image_topic"].as_str().unwrap();
    wait_until("the picture that the button asked for", || !box1.watcher.on(picture).is_empty());
    assert!(box1.watcher.on(picture)[0].payload.starts_with(&[0xff, 0xd8, 0xff]), "not a JPEG");
    let card = text("home-assistant/card.yaml");
    let entities: Vec<&str> = card.lines().filter_map(|line| line.split("entity: ").nth(1)).collect();
    assert!(entities.len() >= 8);
    for entity in entities {
        assert!(names.contains(entity), "{entity} is none of {names:?}");
    }
    serde_saphyr::from_str::<Value>(&card).unwrap();

    // Files that the composition mounts exist; the others are said to be made by hand.
    let compose = yaml("compose.yaml");
    for (service, settings) in compose["services"].as_object().unwrap() {
        let volumes = settings["volumes"].as_array().into_iter().flatten();
        for volume in volumes.map(|volume| volume.as_str().unwrap().split(':').next().unwrap()) {
            let by_hand = ["./config", "./certs", "./passwords"].contains(&volume);
            let kept = compose["volumes"].as_object().unwrap().contains_key(volume);
            assert!(by_hand || kept || file(volume).exists(), "{service}: {volume}");
        }
    }
}

/// `mosquitto_pub` or `mosquitto_sub` over TLS as a user of the plant.
fn client(tool: &str, port: u16, certs: &Certs, user: &str, arguments: &[&str]) -> Output {
    let ca = certs.file("ca.crt");
    let mut command = Command::new(tool);
    command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "--cafile"]).arg(ca);
    command.args(["-u", user, "-P", &format!("{user}-secret"), "-q", "1"]).args(arguments);
    command.stdin(Stdio::null()).output().expect("apt package mosquitto-clients")
}

#[test]
fn the_brokers_file_gives_each_user_his_rights_and_nobody_else_any() {
    let (dir, certs, port) = (tempfile::tempdir().unwrap(), Certs::make(), free_port());
    let at = dir.path().display().to_string();
    fs::create_dir_all(dir.path().join("certs")).unwrap();
    fs::create_dir(dir.path().join("state")).unwrap();
    for name in ["ca.crt", "server.crt", "server.key"] {
        fs::copy(certs.file(name), dir.path().join("certs").join(name)).unwrap();
    }
    fs::write(dir.path().join("passwords"), "").unwrap();
    for user in ["box1", "plc", "screen", "service"] {
        let made = Command::new("mosquitto_passwd")
            .args(["-b", &format!("{at}/passwords"), user, &format!("{user}-secret")])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mosquitto.acl");
    fs::copy(list, dir.path().join("ocellus.acl")).unwrap();
    let settings = text("mosquitto/mosquitto.conf")
        .replace("listener 8883", &format!("listener {port} 127.0.0.1\nuser root\nlog_dest none"))
        .replace("/etc/mosquitto", &at)
        .replace("/var/lib/mosquitto", &format!("{at}/state"));
    let _broker = Broker::configured(port, &settings);

    let fixture = Fixture::new();
    fs::write(fixture.path("password"), "box1-secret\n").unwrap();
    let mqtt = format!(
        "url = \"mqtts://127.0.0.1:{port}\"\nusername = \"box1\"\npassword_file = \"password\"\nca_file = \"{}\"",
        certs.file("ca.crt").display()
    );
    fixture.config_with(
        &mqtt,
        "stub",
        "[[camera]]\nname = \"line1\"\nsource = \"scene:?width=64&height=64\"\n",
    );
    let service = fixture.run();
    let ask = |tool: &str, user: &str, arguments: &[&str]| client(tool, port, &certs, user, arguments);
    let heard = |user: &str, topic: &str| {
        let output = ask("mosquitto_sub", user, &["-t", topic, "-C", "1", "-W", "20", "-F", "%p"]);
        String::from_utf8(output.stdout).unwrap()
    };
    wait_until("the box is online at the broker", || {
        heard("screen", "ocellus/box1/status").contains("\"online\"")
    });
    assert!(heard("screen", "ocellus/box1/camera/line1/status").contains("ocellus.camera/"));

    // The controller's request is answered; a screen's is not even passed on, which the answer to the second shows.
    let answers = std::thread::scope(|scope| {
        let arguments =
            ["-t", "ocellus/box1/cmd/ping/+", "-C", "3", "-W", "30", "-F", "%t %p", "-i", "screen-answers"];
        let ask = &ask;
        let listening = scope.spawn(move || ask("mosquitto_sub", "screen", &arguments));
        let say = |user: &str, id: &str| {
            ask("mosquitto_pub", user, &["-t", &format!("ocellus/box1/cmd/ping/{id}"), "-m", "{}"])
        };
        // Repeated until the listener has heard enough: nothing tells when its subscription begins.
        while !listening.is_finished() {
            say("screen", "forbidden");
            assert!(say("plc", "allowed").status.success());
        }
        listening.join().unwrap()
    });
    let answers = String::from_utf8(answers.stdout).unwrap();
    assert!(answers.contains("cmd/ping/allowed") && !answers.contains("forbidden"), "{answers}");
    let stranger = ask("mosquitto_sub", "stranger", &["-t", "#", "-C", "1", "-W", "5"]);
    assert!(!stranger.status.success() && stranger.stdout.is_empty());
    drop(service);
}

#[test]
fn the_bridge_passes_results_up_and_commands_down_also_over_an_outage() {
    let certs = Certs::make();
    let mut plant = Broker::demanding(&Demands {
        tls: Some((&certs, false)),
        login: Some(("line1-bridge", "line1-bridge-secret")),
        others: &[("screen", "screen-secret")],
        ..Demands::default()
    });
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let bridge = text("fleet/mosquitto-bridge.conf")
        .replace("broker.example:8883", &format!("127.0.0.1:{}", plant.port))
        .replace("/etc/mosquitto/certs/plant-ca.crt", &certs.file("ca.crt").display().to_string())
        .replace("CHANGE-ME", "line1-bridge-secret");
    let line = Broker::configured(
        port,
        &format!(
            "listener {port} 127.0.0.1\nuser root\nallow_anonymous true\npersistence true\n\
             persistence_location {}/\nlog_dest none\nmax_queued_messages 100000\n{bridge}",
            dir.path().display()
        ),
    );
    let box1 = Subscriber::start(line.port, "box1", "ocellus/box1/cmd/#");
    let at_plant = |arguments: &[&str]| client("mosquitto_sub", plant.port, &certs, "screen", arguments);
    let session = ["-i", "historian", "-c", "-t", "ocellus/#", "-F", "%t %p"];
    // The historian's session begins here and keeps what comes while it is away.
    at_plant(&[&session[..], &["-E"]].concat());
    wait_until("the bridge is up", || {
        let said = at_plant(&["-t", "ocellus-bridge/line1", "-C", "1", "-W", "5"]);
        said.stdout.starts_with(b"1")
    });
    box1.publish("ocellus/box1/status", true, "{\"state\":\"online\"}");
    for seq in 0..5 {
        box1.publish("ocellus/box1/camera/line1/inspection", false, format!("{{\"seq\":{seq}}}"));
    }
    // Detections stay at the line.
    box1.publish("ocellus/box1/camera/line1/detections", false, "{}");
    wait_until("the line's broker has all of it", || box1.acked() == 7);
    let state = at_plant(&["-t", "ocellus/box1/status", "-C", "1", "-W", "20"]);
    assert!(state.stdout.starts_with(b"{\"state\":\"online\"}"), "{state:?}");

    plant.stop();
    for seq in 5..10 {
        box1.publish("ocellus/box1/camera/line1/inspection", false, format!("{{\"seq\":{seq}}}"));
    }
    wait_until("the line's broker has these too", || box1.acked() == 12);
    plant.restart();
    let at_plant = |arguments: &[&str]| client("mosquitto_sub", plant.port, &certs, "screen", arguments);
    // The retained state comes again when a session goes on.
    let all = at_plant(&[&session[..], &["-C", "12", "-W", "60"]].concat());
    let all = String::from_utf8(all.stdout).unwrap();
    let results: Vec<&str> = all.lines().filter(|line| line.contains("/inspection ")).collect();
    let wanted: Vec<String> =
        (0..10).map(|seq| format!("ocellus/box1/camera/line1/inspection {{\"seq\":{seq}}}")).collect();
    assert_eq!(results, wanted, "each once and in order: {all}");
    assert!(!all.contains("detections"), "{all}");

    let asked = client(
        "mosquitto_pub",
        plant.port,
        &certs,
        "screen",
        &["-t", "ocellus/box1/cmd/ping/mes-1", "-m", "{}"],
    );
    assert!(asked.status.success(), "{asked:?}");
    box1.wait_for("cmd/ping/mes-1", |said| said == &json!({}));
}
