//! Reading configurations: valid files, and every kind of fault with its message.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::check::known_keys;
use super::*;

/// A folder with a model and its card; configurations are checked as if they were in it.
struct ConfigDir(tempfile::TempDir);

impl ConfigDir {
    fn new() -> ConfigDir {
        let dir = ConfigDir(tempfile::tempdir().unwrap());
        dir.put("models/scene.tflite", "");
        dir
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn parse(&self, text: &str) -> Result<Config, Faults> {
        Config::parse(text, Path::new("box.toml"), self.0.path())
    }

    /// The faults of `text` after a valid camera, as `line:column key: reason -> remedy`.
    fn faults(&self, text: &str) -> Vec<String> {
        let text = format!("{text}\n[[camera]]\nname = \"sound\"\nsource = \"scene:\"\n");
        match self.parse(&text) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.0.iter().map(line).collect(),
        }
    }
}

fn line(fault: &Fault) -> String {
    format!("{}:{} {}: {} -> {}", fault.line, fault.column, fault.key, fault.reason, fault.remedy)
}

/// Asserts that `text` has exactly one fault, which begins with the expected text.
#[track_caller]
fn assert_fault(text: &str, expected: &str) {
    let faults = ConfigDir::new().faults(text);
    assert!(faults.len() == 1 && faults[0].starts_with(expected), "expected {expected:?}, found {faults:#?}");
}

const LEAST: &str = "[[camera]]\nname = \"conveyor\"\nsource = \"scene:\"\n";

#[test]
fn the_annotated_file_says_what_the_defaults_are() {
    let dir = ConfigDir::new();
    let annotated = dir.parse(Config::default_text()).unwrap();
    let built_in = dir.parse(&format!(
        "[model.scene]\npath = \"models/scene.tflite\"\n{LEAST}detect = {{ model = \"scene\" }}\ntrack = {{}}\n"
    ));
    let of_no_file = |config| {
        let written = Default::default();
        Config { hash: String::new(), text: String::new(), written, ..config }
    };
    assert_eq!(of_no_file(annotated), of_no_file(built_in.unwrap()));
}

#[test]
fn every_key_is_documented_in_the_annotated_file() {
    let documented = |key: &str| {
        let word = format!("{key} = ");
        Config::default_text().lines().any(|line| {
            let line = line.trim_start_matches(['#', ' ']);
            line.starts_with(&word)
                || line.contains(&format!("{{ {word}"))
                || line.contains(&format!(", {word}"))
                || line.contains(&format!("; {word}"))
        })
    };
    let sections = [
        "annotate",
        "degradation",
        "device",
        "mqtt",
        "outbox",
        "evidence",
        "recorder",
        "web",
        "annotate",
        "faces",
        "attendance",
        "batch",
        "jobs",
        "jobs.http",
        "jobs.http.credentials",
        "jobs.generate",
        "intake",
        "intake_store",
        "workers",
        "runtime",
        "supervisor",
        "log",
        "model",
        "camera",
        "trigger",
        "command",
        "command.parameter",
        "zmq",
    ];
    let nested = ["attendance", "detect", "inspect", "recognise", "record", "track", "v4l2"];
    let hidden = ["credentials", "inspect", "record", "zones", "lines", "schedule"];
    let text = hidden.iter().fold(Config::default_text().to_owned(), |text, key| {
        text.replace(&format!("# {key} = "), &format!("{key} = "))
    });
    let known = known_keys(&text, Path::new("."));
    assert!(known.len() > 60, "the reader asked for {} keys only", known.len());
    for key in known {
        let last = key.rsplit('.').next().unwrap();
        // `password` is a known key only for the sake of a better message, and `peers` is the former name of `allow`.
        let is_shown = last != "password" && last != "peers";
        if !sections.contains(&key.as_str()) && !nested.contains(&last) && is_shown {
            assert!(documented(last), "{key} is not documented in config/ocellus.toml");
        }
    }
}

#[test]
fn the_keys_behind_a_hash_are_right_too() {
    let dir = ConfigDir::new();
    let mut uncommented = String::new();
    for line in Config::default_text().lines() {
        let key = line.strip_prefix("# ").filter(|rest| {
            let key = rest.split_once(" = ").is_some_and(|(key, _)| {
                key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
            });
            key || rest.starts_with("[[")
        });
        uncommented.push_str(key.unwrap_or(line));
        uncommented.push('\n');
    }
    let faults = dir.parse(&uncommented).unwrap_err();
    // Only faults that depend on the machine, and the two ways to give labels, are accepted.
    for fault in &faults.0 {
        let file = fault.reason.starts_with("no such file") || fault.reason.starts_with("this belongs to ");
        // These name models that the demo does not have.
        let models = [
            "faces.model",
            "faces.detector",
            "camera[0].recognise",
            "jobs.upscale_model",
            "jobs.segment_model",
        ]
        .contains(&fault.key.as_str());
        assert!(file || models || fault.key == "model.scene.labels", "{fault}");
    }
    assert!(faults.0.len() >= 6, "{faults}");
}

#[test]
fn a_misspelt_key_is_named_with_its_place_and_the_right_one() {
    let text = "[[camera]]\nname = \"a\"\n  sorce = \"scene:\"\n";
    let shown = ConfigDir::new().parse(text).unwrap_err().to_string();
    assert!(
        shown.contains("box.toml:3:3: camera[0].sorce: unknown key\n    next: did you mean \"source\"?"),
        "{shown}"
    );
    assert!(shown.contains("box.toml:1:1: camera[0].source: this key is missing"), "{shown}");
}

#[test]
fn every_fault_of_a_file_is_reported_at_once_in_the_order_of_the_file() {
    let text = "[mqtt]\nprefix = 5\nurl = \"mqtt://\"\n[workers]\ncores = [4000]\n[outbox]\ninflight = 0\nextra = 1\n";
    let faults = ConfigDir::new().faults(text);
    let places: Vec<_> = faults.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
    let expected = [
        "2:10 mqtt.prefix",
        "3:7 mqtt.url",
        "5:10 workers.cores[0]",
        "7:12 outbox.inflight",
        "8:1 outbox.extra",
    ];
    assert_eq!(places, expected, "{faults:#?}");
}

#[test]
fn every_syntax_error_is_reported_with_its_line() {
    let faults = ConfigDir::new().parse("[mqtt]\nurl = \n[log]\nlevel = \"info\nx = 1\n").unwrap_err();
    let lines: Vec<_> = faults.0.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [2, 4], "{faults}");
}

#[test]
fn wrong_types_and_ranges_say_what_to_write() {
    assert_fault(
        "[outbox]\ninflight = \"4\"",
        "2:12 outbox.inflight: wrong type: this is text -> write a whole number",
    );
    assert_fault(
        "[outbox]\nmax_mib = 0",
        "2:11 outbox.max_mib: 0 is out of range -> write a value from 1 to",
    );
    assert_fault(
        "[outbox]\nmax_mib = 99999999999999999999",
        "2:11 outbox.max_mib: 99999999999999999999 is out of",
    );
    assert_fault("outbox = 3", "1:10 outbox: wrong type: this is a whole number -> write a table");
    assert_fault("[supervisor]\nbackoff_ms = 20000", "1:1 supervisor.backoff_ms: the first pause is longer");
    assert_fault(
        "[log]\nlevel = \"infos\"",
        "2:9 log.level: \"infos\" is not a level -> did you mean \"info\"?",
    );
    assert_fault(
        "[runtime]\nkind = \"lite\"",
        "2:8 runtime.kind: \"lite\" is not known here -> did you mean",
    );
    assert_fault("[device]\nname = \"a/b\"", "2:8 device.name: \"a/b\" cannot be a topic level");
}

#[test]
fn cores_are_checked_against_the_machine() {
    let core = crate::supervisor::usable_cores()[0];
    assert_fault("[workers]\ncores = [3999]", "2:10 workers.cores[0]: core 3999 does not exist");
    assert_fault("[workers]\ncores = []", "2:9 workers.cores: no core is named");
    assert_fault(&format!("[workers]\ncores = [{core}, {core}]"), "2:13 workers.cores[1]: core");
    let config = ConfigDir::new().parse(&format!("{LEAST}[workers]\ncores = [{core}]\n")).unwrap();
    assert_eq!(config.workers.cores, [core]);
}

#[test]
fn cameras_are_checked_against_each_other_and_against_the_models() {
    let dir = ConfigDir::new();
    assert_fault(
        "[[camera]]\nname = \"sound\"\nsource = \"scene:\"",
        "5:8 camera[1].name: camera[0] is also called",
    );
    assert_fault(
        "[[camera]]\nname = \"a\"\nsource = \"scene:?line=gear&barrier=x\"\n\
         [[camera]]\nname = \"b\"\nsource = \"scene:?line=plate&barrier=x\"",
        "6:10 camera[1].source: camera[0] has its light barrier at x too -> give each",
    );
    assert_fault(
        "[[camera]]\nname = \"a\"\nsource = \"scene:\"\ntrack = {}",
        "1:1 camera[0].track: there is nothing to",
    );
    let detect =
        |model| format!("[[camera]]\nname = \"a\"\nsource = \"scene:\"\ndetect = {{ model = \"{model}\" }}");
    assert_fault(&detect("x"), "4:20 camera[0].detect.model: there is no [model.x] -> add [model.x]");
    let text = format!("[model.scene]\npath = \"models/scene.tflite\"\n{}", detect("scen"));
    assert_eq!(
        dir.faults(&text),
        ["6:20 camera[0].detect.model: there is no [model.scen] -> did you mean \"scene\"?"]
    );
    let ring = "[[camera]]\nname = \"a\"\nsource = \"scene:\"\nring_slots = 1";
    assert_fault(ring, "4:14 camera[0].ring_slots: 1 is out of range -> write a value from 2 to 64");
    let none = dir.parse("").unwrap_err();
    assert_eq!(
        line(&none.0[0]),
        "1:1 camera: no camera is configured -> add a [[camera]] with a name and a source"
    );
}

#[test]
fn an_inspecting_camera_needs_a_product_and_slots_for_the_frames_that_it_holds() {
    let dir = ConfigDir::new();
    let camera = |rest: &str| format!("[[camera]]\nname = \"a\"\nsource = \"scene:\"\n{rest}\n");
    let config = dir.parse(&camera("inspect = { product = \"bracket\" }")).unwrap();
    let expected = Inspect {
        product: "bracket".into(),
        recipes: dir.0.path().join("recipes"),
        pick: crate::ring::Pick::Nearest,
        queue: 2,
        max_wait: Duration::from_millis(500),
        tolerance: Duration::from_millis(200),
    };
    assert_eq!(config.cameras[0].inspect, Some(expected));
    assert_fault(
        &camera("inspect = {}"),
        "4:11 camera[0].inspect.product: this key is missing -> write product",
    );
    let slashes = camera("inspect = { product = \"../etc\" }");
    assert_fault(&slashes, "4:23 camera[0].inspect.product: \"../etc\" cannot be");
    let pick = camera("inspect = { product = \"b\", pick = \"nearst\" }");
    assert_fault(
        &pick,
        "4:35 camera[0].inspect.pick: \"nearst\" is not known here -> did you mean \"nearest\"?",
    );
    let few = camera("ring_slots = 6\ninspect = { product = \"b\", queue = 3 }");
    assert_fault(&few, "4:14 camera[0].ring_slots: 6 slots are too few: inspection may hold 3 frames");
    let default = camera("inspect = { product = \"b\", queue = 5 }");
    assert_fault(&default, "1:1 camera[0].ring_slots: 8 slots are too few");
    assert!(dir.faults(&default)[0].ends_with("-> write ring_slots = 9 or more, or lower inspect.queue"));
}

#[test]
fn a_missing_model_is_refused_with_every_place_looked_at() {
    let faults = ConfigDir::new().faults("[model.a]\npath = \"models/gone.tflite\"");
    assert!(faults[0].starts_with("2:8 model.a.path: no such file: looked at "), "{faults:?}");
    assert!(faults[0].contains("/usr/share/ocellus/models/gone.tflite"), "{faults:?}");
    assert_fault("[model.a]\npath = \"models\"", "2:8 model.a.path: ");
    assert_fault("[model.a]", "1:1 model.a.path: this key is missing");
}

#[test]
fn a_card_beside_the_model_is_read_and_the_configuration_wins() {
    let dir = ConfigDir::new();
    dir.put("models/words.txt", "a\nb\n");
    dir.put(
        "models/scene.toml",
        "task = \"yolo\"\nlabels_file = \"words.txt\"\nmean = [1, 2.5, 3]\nmin_score = 0.25\n",
    );
    let text = format!(
        "[model.scene]\npath = \"models/scene.tflite\"\nmin_score = 0.75\nfit = \"letterbox\"\n{LEAST}"
    );
    let card = dir.parse(&text).unwrap().models.remove(0).card;
    assert_eq!(card.task, Some(Task::Yolo));
    assert_eq!(card.labels_file, Some("words.txt".into()), "as it is written: relative to the card");
    assert_eq!(card.mean, Some([1.0, 2.5, 3.0]));
    assert_eq!((card.min_score, card.fit), (Some(0.75), Some(crate::types::Fit::Letterbox)));
    let text = text.replace("fit =", "labels = [\"x\", \"y\"]\nfit =");
    let card = dir.parse(&text).unwrap().models.remove(0).card;
    assert_eq!((card.labels, card.labels_file), (Some(vec!["x".into(), "y".into()]), None));
}

#[test]
fn a_fault_of_a_card_names_the_card() {
    let dir = ConfigDir::new();
    let card = dir.put("models/scene.toml", "\ntask = \"jolo\"\n");
    let faults = dir.parse(&format!("[model.scene]\npath = \"models/scene.tflite\"\n{LEAST}")).unwrap_err();
    let expected =
        format!("{}:2:8: task: \"jolo\" is not known here\n    next: did you mean \"yolo\"?", card.display());
    assert_eq!(faults.to_string(), expected);
    assert!(parse_card("sha256 = \"12\"\nanchors = [1]\npad = 300\n", &card).unwrap_err().len() == 3);
}

#[test]
fn tls_needs_its_files_and_plain_mqtt_refuses_them() {
    let dir = ConfigDir::new();
    dir.put("ca.pem", "");
    assert_fault("[mqtt]\nurl = \"mqtts://broker\"", "1:1 mqtt.ca_file: mqtts:// needs the authority");
    assert_fault("[mqtt]\nca_file = \"ca.pem\"", "2:11 mqtt.ca_file: this belongs to TLS");
    let mqtt = format!("[mqtt]\nurl = \"mqtts://broker\"\nca_file = \"ca.pem\"\n{LEAST}");
    let mqtt = dir.parse(&mqtt).unwrap().mqtt;
    assert_eq!((mqtt.host.as_str(), mqtt.port), ("broker", 8883));
    assert_eq!(mqtt.tls.unwrap().ca_file, dir.0.path().join("ca.pem"));
    let half = "[mqtt]\nurl = \"mqtts://b\"\nca_file = \"ca.pem\"\ncert_file = \"ca.pem\"";
    assert!(dir.faults(half)[0].starts_with("1:1 mqtt.key_file: cert_file is given without"));
}

#[test]
fn a_password_never_stands_in_the_file_and_is_never_shown() {
    let dir = ConfigDir::new();
    assert_fault(
        "[mqtt]\npassword = \"geheim\"",
        "1:1 mqtt.password: a password must not be in the configuration",
    );
    assert_fault(
        "[mqtt]\nurl = \"mqtt://joe:geheim@b\"",
        "2:7 mqtt.url: user and password must not be in the URL",
    );
    for url in ["mqtt://joe:geheim@b", "mqt://joe:geheim@b"] {
        assert!(!dir.faults(&format!("[mqtt]\nurl = \"{url}\"")).join("").contains("geheim"));
    }
    let camera = "[[camera]]\nname = \"a\"\nsource = \"rtsp://joe:geheim@cam/live\"\n";
    assert_eq!(dir.parse(camera).unwrap().cameras[0].source_text, "rtsp://cam/live");
    let credential = format!("[mqtt]\nusername = \"a\"\npassword_file = \"credential:mqtt\"\n{LEAST}");
    assert_eq!(dir.parse(&credential).unwrap().mqtt.password_file, Some("credential:mqtt".into()));
    assert_fault(
        "[mqtt]\npassword_file = \"credential:mqtt\"",
        "1:1 mqtt.username: there is a password_file",
    );
}

#[test]
fn a_source_takes_user_and_password_from_beside_its_url() {
    let dir = ConfigDir::new();
    let camera =
        |source: &str, keys: &str| format!("[[camera]]\nname = \"a\"\nsource = \"{source}\"\n{keys}\n");
    let file = dir.put("cam.password", "geheim\n");
    let keys = "username = \"joe\"\npassword_file = \"cam.password\"";
    let config = dir.parse(&camera("rtsp://cam/live", keys)).unwrap();
    assert_eq!(config.cameras[0].username.as_deref(), Some("joe"));
    assert_eq!(config.cameras[0].password_file.as_ref(), Some(&file));
    assert_eq!(super::read_password(&file).unwrap(), "geheim");
    let keys = "username = \"joe\"\npassword_file = \"credential:cam\"";
    let credential = dir.parse(&camera("http://cam/mjpg", keys)).unwrap();
    assert_eq!(credential.cameras[0].password_file, Some("credential:cam".into()));
    assert_fault(
        &camera("rtsp://cam/live", "password_file = \"credential:x\""),
        "4:17 camera[0].password_file: there is",
    );
    assert_fault(
        &camera("rtsp://cam/live", "password = \"geheim\""),
        "1:1 camera[0].password: a password must not",
    );
    assert_fault(
        &camera("scene:", "username = \"joe\""),
        "4:12 camera[0].username: this belongs to an rtsp://",
    );
    assert_fault(
        &camera("rtsp://ann:x@cam/", "username = \"joe\""),
        "4:12 camera[0].username: the URL already names a user",
    );
}

#[test]
fn a_tcp_source_that_others_can_reach_names_whom_it_allows_or_a_secret() {
    let dir = ConfigDir::new();
    dir.put("cam.secret", "geheim\n");
    let camera =
        |at: &str, keys: &str| format!("[[camera]]\nname = \"a\"\nsource = \"tcp://{at}\"\n{keys}\n");
    for at in ["0.0.0.0:5558", "[::]:5558", "10.0.0.7:5558"] {
        assert_fault(&camera(at, ""), "3:10 camera[0].source: others can reach");
        assert!(dir.parse(&camera(at, "allow = [\"10.0.0.5\", \"10.0.0.0/24\"]")).is_ok());
        assert!(dir.parse(&camera(at, "secret_file = \"cam.secret\"")).is_ok());
        assert!(dir.parse(&camera(at, "secret_file = \"credential:cam\"")).is_ok());
    }
    assert!(dir.parse(&camera("127.0.0.1:5558", "")).is_ok() && dir.parse(&camera("[::1]:5558", "")).is_ok());
    assert_fault(&camera("0.0.0.0:1", "allow = []"), "4:9 camera[0].allow: nobody may connect");
    assert_fault(
        &camera("0.0.0.0:1", "allow = [\"cam\"]"),
        "4:10 camera[0].allow[0]: this is neither an address",
    );
    assert_fault(
        "[[camera]]\nname = \"a\"\nsource = \"scene:\"\nallow = [\"::1\"]",
        "4:9 camera[0].allow: this belongs to",
    );
    let former = dir.parse(&camera("0.0.0.0:1", "peers = [\"10.0.0.5\"]")).unwrap();
    assert_eq!(former.cameras[0].tcp.allow.len(), 1, "the former name is still read");
    assert_fault(
        &camera("0.0.0.0:1", "allow = [\"10.0.0.5\"]\npeers = [\"10.0.0.6\"]"),
        "5:9 camera[0].peers: this is the former name of allow",
    );
}

#[test]
fn a_command_port_is_no_more_open_than_the_frames_and_has_an_address_of_its_own() {
    let camera =
        |at: &str, keys: &str| format!("[[camera]]\nname = \"a\"\nsource = \"tcp://{at}\"\n{keys}\n");
    let port = |at: &str| format!("command_address = \"{at}\"");
    let dir = ConfigDir::new();
    let config =
        dir.parse(&camera("127.0.0.1:1", &(port("127.0.0.1:2") + "\nframing = \"length32\""))).unwrap();
    assert_eq!(config.cameras[0].tcp.framing, crate::config::Framing::Length32);
    assert_fault(
        &camera("127.0.0.1:1", &port("0.0.0.0:2")),
        "4:19 camera[0].command_address: others can reach 0.0.0.0:2, and any of them could stop",
    );
    let allowed = port("0.0.0.0:2") + "\nallow = [\"10.0.0.5\"]";
    assert!(dir.parse(&camera("0.0.0.0:1", &allowed)).is_ok());
    assert_fault(
        &camera("127.0.0.1:1", &port("127.0.0.1:1")),
        "4:19 camera[0].command_address: frames arrive",
    );
    for wrong in ["5559", "127.0.0.1", "127.0.0.1:0", "lab:5559"] {
        assert_fault(&camera("127.0.0.1:1", &port(wrong)), "4:19 camera[0].command_address: this is not an");
    }
    let two = camera("127.0.0.1:1", &port("127.0.0.1:2"))
        + "[[camera]]\nname = \"b\"\nsource = \"tcp://127.0.0.1:2\"\n";
    assert_fault(&two, "7:10 camera[1].source: camera a listens on 127.0.0.1:2 too");
    assert_fault(
        &camera("127.0.0.1:1", "framing = \"mjpeg\""),
        "4:11 camera[0].framing: \"mjpeg\" is not known",
    );
    assert_fault(
        "[[camera]]\nname = \"a\"\nsource = \"scene:\"\ncommand_address = \"127.0.0.1:2\"",
        "4:19 camera[0].command_address: this belongs to",
    );
}

#[test]
fn nothing_of_a_configuration_that_is_printed_holds_a_secret() {
    let dir = ConfigDir::new();
    let text = "[[camera]]\nname = \"a\"\nsource = \"rtsp://joe:SECRET@cam/live?token=SECRET\" # SECRET\n\
        [[camera]]\nname = \"b\"\nsource = \"launch:souphttpsrc proxy-pw=SECRET user-pw= SECRET ! jpegdec\"\n";
    let config = dir.parse(text).unwrap();
    assert!(!format!("{config:?}").contains("SECRET"), "{config:?}");
    for source in ["rtsp://joe:SEC/RET@cam/live", "rtsp://joe:SEC#RET@cam/live"] {
        let faults = dir.parse(&format!("[[camera]]\nname = \"a\"\nsource = \"{source}\"\n")).unwrap_err();
        let expected =
            "3:10 camera[0].source: the password holds a character that must be written as %2F or %23 -> ";
        assert!(line(&faults.0[0]).starts_with(expected), "{faults}");
        assert!(!format!("{faults} {faults:?}").contains("SEC"), "{faults}");
    }
}

#[test]
fn an_essential_unit_must_exist() {
    let config = ConfigDir::new()
        .parse(&format!("[supervisor]\nessential = [\"camera/conveyor\", \"mqtt\"]\n{LEAST}"));
    assert_eq!(config.unwrap().supervisor.essential, ["camera/conveyor", "mqtt"]);
    assert_fault(
        "[supervisor]\nessential = [\"camera/sond\"]",
        "2:14 supervisor.essential[0]: \"camera/sond\" is not",
    );
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let dir = ConfigDir::new();
    let gone = Config::load(&dir.0.path().join("gone.toml")).unwrap_err().to_string();
    assert!(gone.contains("gone.toml: cannot be read: No such file"), "{gone}");
    let latin = dir.put("latin.toml", "");
    std::fs::write(&latin, b"name = \"\xe4\"").unwrap();
    assert!(Config::load(&latin).unwrap_err().to_string().contains("latin.toml:1:9: is not UTF-8"));
    assert!(Config::load(dir.0.path()).unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn a_space_that_is_none_is_named_where_it_breaks_the_syntax_and_left_alone_in_text() {
    let dir = ConfigDir::new();
    for (line, column, name) in [
        ("name\u{a0}= \"a\"", 5, "U+00A0"),
        ("\u{200b}name = \"a\"", 1, "U+200B"),
        ("name = \u{202f}\"a\"", 8, "U+202F"),
    ] {
        let faults = dir.parse(&format!("[device]\n{line}\n")).unwrap_err();
        let reported = serde_json::to_value(&faults).unwrap();
        assert_eq!((&reported[0]["line"], &reported[0]["column"]), (&2.into(), &column.into()), "{reported}");
        assert!(reported[0]["reason"].as_str().unwrap().starts_with(name), "{reported}");
    }
    let faults = dir.parse("[device]\nname = \"a\u{a0}b\" # c\u{a0}d\nx =\n").unwrap_err().to_string();
    assert!(!faults.contains("U+00A0"), "{faults}");
    let faults = dir.parse("[device]\nname = \"a b\u{a0}\"\n").unwrap_err().to_string();
    assert!(faults.contains("cannot be a topic level"), "{faults}");
}

#[test]
fn faults_can_be_read_by_a_program() {
    let json = serde_json::to_value(ConfigDir::new().parse("x = 1\n").unwrap_err()).unwrap();
    assert_eq!(json[1]["key"], "x");
    assert_eq!((&json[1]["line"], &json[1]["column"]), (&1.into(), &1.into()));
    assert_eq!(json[1]["reason"], "unknown key");
}

#[test]
fn no_text_makes_the_reader_panic() {
    let dir = ConfigDir::new();
    let text = Config::default_text();
    for (end, _) in text.char_indices().step_by(7) {
        let _ = dir.parse(&text[..end]);
        let _ = dir.parse(&text[end..]);
    }
}

#[test]
fn a_reload_tells_what_changed_and_what_did_not() {
    let dir = ConfigDir::new();
    let old = dir
        .parse(&format!("[device]\nname = \"n\"\n{LEAST}[[camera]]\nname = \"b\"\nsource = \"scene:\"\n"))
        .unwrap();
    let mut new = old.clone();
    assert!(Config::diff(&old, &new).is_empty());
    new.cameras[0].frozen_after = Duration::from_secs(9);
    new.cameras[1].name = "c".into();
    new.log.level = "debug".into();
    new.workers.cores.push(77);
    let change = Config::diff(&old, &new);
    assert_eq!(change.cameras.changed, ["conveyor"]);
    assert_eq!((change.cameras.added, change.cameras.removed), (vec!["c".to_owned()], vec!["b".to_owned()]));
    assert!(change.log_changed && !change.mqtt_changed);
    assert_eq!(change.needs_restart, ["workers"]);
}

#[test]
fn the_evidence_section_has_its_defaults_and_its_bounds() {
    let dir = ConfigDir::new();
    assert_eq!(dir.parse(LEAST).unwrap().evidence, super::EvidenceConfig::default());
    let text = "[evidence]\nkeep_ng = false\nkeep_ok_every = 10\nmax_days = 0\nmax_mib = 1\ndir = \"/data/evidence\"\n";
    let evidence = dir.parse(&format!("{text}{LEAST}")).unwrap().evidence;
    assert_eq!((evidence.keep_ng, evidence.keep_ok_every, evidence.max_days), (false, 10, 0));
    assert_eq!((evidence.max_bytes, evidence.dir), (1 << 20, Some("/data/evidence".into())));
    let faults = dir
        .parse(&format!("[evidence]\nqueue = 0\nmax_count = 0\nkeep_okay = 3\ndir = \"\"\n{LEAST}"))
        .unwrap_err()
        .0;
    let keys: Vec<&str> = faults.iter().map(|fault| &*fault.key).collect();
    assert_eq!(keys, ["evidence.queue", "evidence.max_count", "evidence.keep_okay", "evidence.dir"]);
}

#[test]
fn recorder_and_record_have_their_defaults_their_bounds_and_their_reload() {
    let dir = ConfigDir::new();
    let config = dir.parse(&format!("{LEAST}record = {{}}\n")).unwrap();
    assert_eq!(config.recorder, super::RecorderConfig::default());
    let record = config.cameras[0].record.clone().unwrap();
    assert_eq!((record.what, record.every, record.quality), (super::RecordAs::Pictures, 1, 85));
    assert_eq!((record.on, record.pattern.as_str()), (None, "{camera}/{date}/{time}"));
    let faults = dir
        .parse(&format!(
            "[recorder]\nmax_count = 0\ntime_zone = \"Mars\"\n{LEAST}record = {{ as = \"clip\", mode = \"events\", \
             on = [\"ng\"], every = 0, pattern = \"/x\" }}\n"
        ))
        .unwrap_err();
    let keys: Vec<_> = faults.0.iter().map(|fault| fault.key.as_str()).collect();
    let record = |key: &str| format!("camera[0].record.{key}");
    for key in
        ["recorder.max_count", "recorder.time_zone", &record("on[0]"), &record("every"), &record("pattern")]
    {
        assert!(keys.contains(&key), "{key}: {keys:?}");
    }
    let old = dir.parse(LEAST).unwrap();
    let limits = Config::diff(&old, &dir.parse(&format!("[recorder]\nmax_days = 3\n{LEAST}")).unwrap());
    assert!(limits.recorder_changed && limits.needs_restart.is_empty() && !limits.is_empty());
    let folder = Config::diff(&old, &dir.parse(&format!("[recorder]\ndir = \"/data\"\n{LEAST}")).unwrap());
    assert_eq!(folder.needs_restart, ["recorder.dir"]);
}

#[test]
fn other_rules_for_evidence_are_applied_by_a_reload_another_folder_by_a_restart() {
    let dir = ConfigDir::new();
    let old = dir.parse(LEAST).unwrap();
    let rules = Config::diff(&old, &dir.parse(&format!("[evidence]\nkeep_ok_every = 5\n{LEAST}")).unwrap());
    assert!(rules.evidence_changed && rules.needs_restart.is_empty() && !rules.is_empty());
    let folder = Config::diff(&old, &dir.parse(&format!("[evidence]\ndir = \"/data\"\n{LEAST}")).unwrap());
    assert_eq!(folder.needs_restart, ["evidence.dir"]);
}

#[test]
fn hours_roles_and_time_zones_of_attendance_are_read_and_their_faults_are_named() {
    use jiff::civil::Weekday::{Monday, Saturday, Sunday};
    let text = "[attendance]\ntime_zone = \"America/New_York\"\nleave_after_ms = 1000\n\
        schedule = [{ days = [\"sat-mon\"], from = \"22:00\", to = \"06:30\" }, { from = \"00:00\", to = \"24:00\" }]\n\
        [model.scene]\npath = \"models/scene.tflite\"\n\
        [[camera]]\nname = \"a\"\nsource = \"scene:\"\ndetect = { model = \"scene\" }\ntrack = {}\n\
        zones = [{ name = \"door\", points = [[0, 0], [1, 0], [1, 1]] }]\n\
        attendance = { zones = [\"door\"], role = \"exit\" }\n\
        [[camera]]\nname = \"b\"\nsource = \"scene:\"\n";
    let config = ConfigDir::new().parse(text).unwrap();
    let attendance = &config.attendance;
    assert_eq!(
        (attendance.zone_name(), attendance.leave_after),
        ("America/New_York", Duration::from_secs(1))
    );
    assert_eq!(attendance.schedule[0].days, [Saturday, Sunday, Monday]);
    assert_eq!((attendance.schedule[1].days.len(), attendance.schedule[1].to), (7, None));
    let entrance = CameraAttendance { zones: vec!["door".into()], role: super::CameraRole::Exit };
    assert_eq!(
        [&config.cameras[0].attendance, &config.cameras[1].attendance],
        [&entrance, &CameraAttendance::default()]
    );

    let schedule = |hours: &str| format!("[attendance]\nschedule = [{{ {hours} }}]\n");
    for (text, expected) in [
        ("[attendance]\ntime_zone = \"Europe/Berln\"\n", "2:13 attendance.time_zone: there is no time zone"),
        ("[attendance]\nmin_similarity = 1.5\n", "2:18 attendance.min_similarity: 1.5 is out of range"),
        (
            &schedule("from = \"7:00\", to = \"18:00\""),
            "2:22 attendance.schedule[0].from: \"7:00\" is not a time",
        ),
        (
            &schedule("from = \"07:00\", to = \"25:00\""),
            "2:36 attendance.schedule[0].to: \"25:00\" is not a time",
        ),
        (&schedule("from = \"07:00\""), "2:13 attendance.schedule[0].to: this key is missing"),
        (
            &schedule("days = [\"mon-fry\"], from = \"07:00\", to = \"08:00\""),
            "2:23 attendance.schedule[0].days[0]: \"mon-fry\" is not a day",
        ),
        (&schedule("from = \"07:00\", to = \"07:00\""), "2:13 attendance.schedule[0].to: the hours end"),
        (
            "[[camera]]\nname = \"a\"\nsource = \"scene:\"\nattendance = { zones = [\"dor\"] }\n",
            "4:24 camera[0].attendance.zones: the camera has no zone \"dor\"",
        ),
        ("[attendance]\nagree_m = 3\n", "2:1 attendance.agree_m: unknown key -> did you mean \"agree_ms\"?"),
    ] {
        assert_fault(text, expected);
    }
}

#[test]
fn only_a_folder_that_is_not_repeated_can_be_watched() {
    let camera = |source: &str, more: &str| {
        format!("[[camera]]\nname = \"a\"\nsource = \"{source}\"\nwatch = true\n{more}")
    };
    assert!(ConfigDir::new().faults(&camera("images:///pictures", "")).is_empty());
    assert_fault(&camera("scene:", ""), "4:9 camera[0].watch: only a folder can be watched");
    assert_fault(
        &camera("images:///pictures", "repeat = true\n"),
        "4:9 camera[0].watch: watch waits for new",
    );
}
