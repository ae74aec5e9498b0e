//! Secrets of sources, planted in every place where one can stand, and looked for wherever the box shows anything.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::support::fixture::Fixture;
use crate::support::messages::listen;
use crate::support::{complaint, wait_until};
use crate::web::client::{address, place};

/// Part of every secret; no other text of a test holds it.
const MARK: &str = "geheim";

/// Answers each connection of an HTTP server with `reply(request)` until it gives nothing any more.
fn server(reply: impl Fn(&str) -> Option<String> + Send + 'static) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let serve = move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let Some(reply) = reply(&request.join("\n")) else { return };
            let _ = stream.write_all(reply.as_bytes());
        }
    };
    (at, std::thread::spawn(serve))
}

/// Its server ends with the next connection.
fn end(at: SocketAddr, stop: &Mutex<bool>, thread: JoinHandle<()>) {
    *stop.lock().unwrap() = true;
    let _ = TcpStream::connect(at);
    let _ = thread.join();
}

#[test]
fn no_secret_of_a_source_is_shown_in_log_page_rest_metrics_status_or_mqtt() {
    let stop = Arc::new(Mutex::new(false));
    let stopped = stop.clone();
    // Repeats what it was asked for in its answer, as servers do, and sends one path elsewhere.
    let (at, thread) = server(move |request| {
        let asked = request.lines().next().unwrap_or_default().to_owned();
        if *stopped.lock().unwrap() {
            return None;
        }
        let moved = format!(
            "HTTP/1.1 302 {asked}\r\nLocation: http://joe:geheim@127.0.0.1:1/on?t=geheim\r\nContent-Length: 0\r\n\r\n"
        );
        let refused =
            format!("HTTP/1.1 404 {asked}\r\nContent-Type: text/geheim;{asked}\r\nContent-Length: 0\r\n\r\n");
        Some(if asked.contains("/moved") { moved } else { refused })
    });
    let sources = [
        format!("rtsp://joe:geheim@{at}/live?pwd=geheim"),
        "rtsp://127.0.0.1:1/user=joe&password=geheim".into(),
        format!("http://joe:geheim@{at}/a?passwd=geheim&Password=geheim&token=geheim"),
        format!("http://joe:geheim%2F%23geheim@{at}/moved?token=geheim"),
        "http://127.0.0.1:1/a?geheim".into(),
        format!(
            "launch:souphttpsrc location=http://joe:geheim@{at}/x?token=geheim user-pw= geheim proxy-pw='a geheim' ! jpegdec"
        ),
        "launch:uridecodebin uri=geheim://joe:geheim@x/geheim".into(),
        "launch:filesrc location=/geheim/geheim ! decodebin".into(),
        "launch:videotestsrc pattern=geheim".into(),
        "launch:videotestsrc name=two geheim ! identity".into(),
    ];
    let cameras: String = sources
        .iter()
        .enumerate()
        .map(|(n, source)| {
            format!(
                "[[camera]]\nname = \"c{n}\"\nsource = \"{source}\" # {source}\nreconnect_max_ms = 1000\n"
            )
        })
        .collect();
    let place = place("", &format!("# {MARK}\n{cameras}[supervisor]\nmax_restarts = 1\n"));
    let watcher = listen(place.broker.port);
    let client = place.client();
    let tried = || {
        let cameras = client.get("/api/v1/cameras").json();
        let cause = |n: usize| cameras[n]["cause"].as_str().unwrap_or("no frame yet").to_owned();
        (0..sources.len()).all(|n| cause(n) != "no frame yet")
    };
    wait_until("every source has failed", tried);
    for n in 0..sources.len() {
        watcher.wait_for(&format!("camera/c{n}/status"), |reported| {
            reported["cause"].as_str().is_some_and(|c| c != "no frame yet")
        });
    }
    let config = client.get("/api/v1/config").json();
    let text = config["text"].as_str().unwrap();
    assert!(text.contains(&format!("source = \"rtsp://{at}/live\"")), "{text}");
    assert!(text.contains("source = \"launch:souphttpsrc ! jpegdec\""), "{text}");
    assert_eq!(config["path"], place.fixture.config_path().display().to_string());
    assert_eq!(config["hash"], client.get("/api/v1/status").json()["config_hash"]);
    for path in [
        "/",
        "/api/v1/config",
        "/api/v1/cameras",
        "/api/v1/status",
        "/api/v1/alarms",
        "/api/v1/units",
        "/api/v1/telemetry",
        "/api/v1/audit",
        "/metrics",
        "/healthz",
    ] {
        let shown = client.get(path).text();
        assert!(!shown.contains(MARK), "{path}: {shown}");
    }
    let status = place.fixture.command(&["status"]);
    let printed = [status.stdout, status.stderr].concat();
    assert!(!String::from_utf8_lossy(&printed).contains(MARK));
    for message in watcher.on("") {
        let payload = String::from_utf8_lossy(&message.payload);
        assert!(!payload.contains(MARK), "{}: {payload}", message.topic);
    }
    let log = place.service.log();
    let line = log.lines().find(|line| line.contains(MARK));
    assert_eq!(line, None, "of the log");
    assert!(address(&place.service, 1) == place.at);
    end(at, &stop, thread);
    place.end();
}

#[test]
fn no_fault_of_check_repeats_a_password() {
    let fixture = Fixture::new();
    for source in [
        "rtsp://admin:geheim/x@127.0.0.1:8554/stream",
        "rtsp://admin:geheim#x@127.0.0.1:8554/stream",
        "http://admin:x/geheim@127.0.0.1/mjpg",
        "http://admin:12#geheim@127.0.0.1/mjpg",
    ] {
        fixture.config(1, &format!("[[camera]]\nname = \"a\"\nsource = \"{source}\"\n"));
        for arguments in [&["check"][..], &["check", "--json"], &["run", "--strict"]] {
            let output = fixture.command(arguments);
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert_eq!(output.status.code(), Some(3), "{said}");
            assert!(
                said.contains("the password holds a character that must be written as %2F or %23"),
                "{said}"
            );
            assert!(!said.contains(MARK), "{said}");
        }
    }
    for mqtt in ["mqtt://joe:geheim@b", "mqtt://geheim/@b", "http://geheim@b", "mqtt://b:geheim"] {
        fixture.config_with(&format!("url = \"{mqtt}\""), "stub", crate::web::client::SCENE);
        let output = fixture.command(&["check"]);
        let said = complaint(&output);
        assert!(output.status.code() == Some(3) && !said.contains(MARK), "{said}");
    }
}

#[test]
fn the_password_of_a_source_comes_from_a_file_and_from_a_systemd_credential() {
    use base64::Engine as _;
    let stop = Arc::new(Mutex::new(false));
    let (stopped, requests) = (stop.clone(), Arc::<Mutex<Vec<String>>>::default());
    let noted = requests.clone();
    let (at, thread) = server(move |request| {
        noted.lock().unwrap().push(request.to_owned());
        let refused = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"camera\"\r\nContent-Length: 0\r\n\r\n";
        (!*stopped.lock().unwrap()).then(|| refused.to_owned())
    });
    let fixture = Fixture::new();
    std::fs::write(fixture.path("file.password"), "geheim-1\n").unwrap();
    std::fs::write(fixture.path("front"), "geheim-2\n").unwrap();
    let camera = |name: &str, file: &str| {
        format!(
            "[[camera]]\nname = \"{name}\"\nsource = \"http://{at}/{name}\"\nusername = \"joe\"\npassword_file = \"{file}\"\n"
        )
    };
    fixture.config(1, &(camera("a", "file.password") + &camera("b", "credential:front")));
    let folder = fixture.path("").display().to_string();
    let mut service = fixture.run_with(&[("CREDENTIALS_DIRECTORY", &folder)]);
    for (name, password) in [("a", "geheim-1"), ("b", "geheim-2")] {
        let login = base64::engine::general_purpose::STANDARD.encode(format!("joe:{password}"));
        wait_until("the login", || {
            let requests = requests.lock().unwrap();
            requests
                .iter()
                .any(|request| request.starts_with(&format!("GET /{name} ")) && request.contains(&login))
        });
    }
    assert!(!service.log().contains(MARK));
    service.stop();
    end(at, &stop, thread);
}
