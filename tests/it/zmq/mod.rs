//! The ZeroMQ bridge against pyzmq, the peer of the labs that it is for, and against peers that mean harm.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::outputs::support::Lab;
use crate::support::broker::free_port;
use crate::support::data::{repository, skip};
use crate::support::messages;
use crate::support::{PATIENCE, wait_until};

/// A program in Python with pyzmq, and the lines that it prints.
struct Peer {
    child: Child,
    lines: Receiver<String>,
}

/// The Python that has pyzmq: that of `OCELLUS_PYZMQ`, or what `make test-main` has installed.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("OCELLUS_PYZMQ").map(PathBuf::from);
    let found = named.unwrap_or_else(|| repository().join(".runtime/pyzmq/bin/python"));
    if found.is_file() {
        return Some(found);
    }
    skip(
        "pyzmq is not there: `scripts/setup/wheels.sh pyzmq` installs it, OCELLUS_PYZMQ names a Python that has it",
    );
    None
}

impl Peer {
    fn start(python: &Path, script: &str, port: u16) -> Peer {
        let prelude = "import json, sys, time, zmq\ncontext = zmq.Context()\n\
            address = 'tcp://127.0.0.1:' + sys.argv[1]\n\
            def say(word): print(word if isinstance(word, str) else json.dumps(word), flush=True)\n";
        let mut child = Command::new(python)
            .args(["-c", &format!("{prelude}{script}"), &port.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python runs");
        let (tell, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Peer { child, lines }
    }

    fn json(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("a line of the peer");
        serde_json::from_str(&line).unwrap_or(Value::String(line))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn counter(lab: &Lab, name: &str) -> u64 {
    messages::counter(&lab.watcher, &format!("zmq/{name}")).unwrap_or_default()
}

#[test]
fn a_requester_gets_the_state_and_one_answer_to_everything() {
    let (Some(python), lab, port) = (python(), Lab::new(), free_port()) else { return };
    let mut service = lab.run(&format!("[zmq]\nstatus = \"127.0.0.1:{port}\"\n"));
    let script = "socket = context.socket(zmq.REQ)\nsocket.connect(address)\n\
        for text in ['{\"action\": \"STATUS\"}', '{\"action\": \"PING\"}', '{\"action\": \"FLY\"}', 'hello', '{\"action\": \"STATUS\"}']:\n\
        \x20   socket.send_string(text)\n    say(socket.recv_json())\n";
    let peer = Peer::start(&python, script, port);
    let status = peer.json();
    assert_eq!(status["status"], "success", "{status}");
    assert!(status["data"]["state"].is_string() && status["data"]["components"].is_array(), "{status}");
    assert_eq!(peer.json()["status"], "success");
    for code in ["unknown_action", "bad_request"] {
        let refused = peer.json();
        assert_eq!((&refused["status"], &refused["code"]), (&"error".into(), &code.into()), "{refused}");
        assert!(!refused["remedy"].as_str().unwrap().is_empty());
    }
    assert_eq!(peer.json()["status"], "success", "and the requester is not stuck");
    wait_until("they are counted", || {
        (counter(&lab, "requests"), counter(&lab, "requests_failed")) == (5, 2)
    });
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn subscribers_hear_of_every_command_that_they_want() {
    let (Some(python), lab, port) = (python(), Lab::new(), free_port()) else { return };
    let mut service = lab.run(&(lab.rf("") + &format!("[zmq]\ncommands = \"tcp://127.0.0.1:{port}\"\n")));
    let script = |topic: &str| {
        format!(
            "socket = context.socket(zmq.SUB)\nsocket.setsockopt_string(zmq.SUBSCRIBE, '{topic}')\n\
             socket.connect(address)\nwhile True:\n    topic, body = socket.recv_multipart()\n\
             \x20   say([topic.decode(), json.loads(body)])\n"
        )
    };
    let (hears, hears_not) =
        (Peer::start(&python, &script("ALL"), port), Peer::start(&python, &script("ARTIQ"), port));
    // Until it has subscribed, messages pass by: that is how ZeroMQ is.
    let mut volts = 0;
    let mut heard = None;
    wait_until("the subscriber hears", || {
        volts = volts % 4 + 1;
        lab.done(&["run", "rf", &format!("volts={volts}")]);
        heard = hears.lines.recv_timeout(Duration::from_millis(100)).ok();
        heard.is_some()
    });
    while hears.lines.recv_timeout(Duration::from_millis(500)).is_ok() {}
    lab.done(&["run", "rf", "volts=5"]);
    let is = |state: &str| loop {
        let message = hears.json();
        assert_eq!((&message[0], &message[1]["type"]), (&"ALL".into(), &"rf".into()), "{message}");
        if message[1]["state"] == state {
            return message[1].clone();
        }
    };
    let on = is("on");
    assert_eq!(on["values"]["volts"], 5.0, "{on}");
    assert!(on["timestamp"].as_f64().unwrap() > 1.7e9);
    lab.done(&["off", "rf"]);
    assert!(is("off")["cause"].as_str().unwrap().contains("asked for"));
    assert!(hears_not.lines.try_recv().is_err(), "another topic");
    wait_until("they are counted", || counter(&lab, "published") >= 3);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn pushed_data_becomes_telemetry_and_what_nobody_takes_is_counted() {
    let (Some(python), lab, port) = (python(), Lab::new(), free_port()) else { return };
    let config = format!(
        "[zmq]\ndata = \"127.0.0.1:{port}\"\n[[intake]]\nname = \"pmt\"\ntopic = \"zmq/DATA/PMT\"\ntime = \"s\"\n\
         stale_after_ms = 600000\n[intake_store]\npublish_ms = 100\n"
    );
    let mut service = lab.run(&config);
    let script = "socket = context.socket(zmq.PUSH)\nsocket.connect(address)\n\
        def push(**keys): socket.send_json({'timestamp': time.time(), 'exp_id': None, **keys})\n\
        for count in range(1000):\n    push(source='PMT', category='DATA', payload={'counts': count})\n\
        push(source='ARTIQ', category='HEARTBEAT', payload={'alive': 1})\nsocket.send_string('no json')\n\
        push(source='PMT', category='DATA', payload={'counts': 7.25})\nsay('pushed')\ntime.sleep(60)\n";
    let peer = Peer::start(&python, script, port);
    assert_eq!(peer.json(), "pushed");
    let last = lab.watcher.wait_for("intake/pmt", |message| message["points"] == 1_001);
    assert_eq!(last["bad_lines"], 0, "{last}");
    let is_it = |entry: &Value| entry["channel"] == "pmt.counts" && entry["value"] == 7.25;
    assert!(last["channels"].as_array().unwrap().iter().any(is_it), "{last}");
    wait_until("they are counted", || {
        ["data", "data_unwanted", "data_bad"].map(|name| counter(&lab, name)) == [1_001, 1, 1]
    });
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

/// The greeting and READY of a peer with a socket of the type `kind`.
fn introduction(kind: &str) -> Vec<u8> {
    let mut greeting = [0; 64];
    (greeting[0], greeting[9], greeting[10]) = (0xff, 0x7f, 3);
    greeting[12..16].copy_from_slice(b"NULL");
    let mut body = b"\x05READY\x0bSocket-Type\0\0\0".to_vec();
    body.push(kind.len() as u8);
    body.extend(kind.as_bytes());
    [&greeting[..], &[4, body.len() as u8], &body[..]].concat()
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Waits until the service has closed the connection; whether by a reset does not matter.
fn ends(mut stream: TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Sends PING as a requester, and waits for the answer.
fn ping(port: u16) -> String {
    let mut stream = connect(port);
    let body = br#"{"action": "PING"}"#;
    stream.write_all(&[&introduction("REQ")[..], &[1, 0, 0, body.len() as u8], body].concat()).unwrap();
    // The greeting has 64 bytes, READY as many as its length says, and before the body comes an empty frame.
    let mut head = [0; 66];
    stream.read_exact(&mut head).unwrap();
    stream.read_exact(&mut vec![0; head[65].into()]).unwrap();
    let mut frame = [0; 4];
    stream.read_exact(&mut frame).unwrap();
    let mut answer = vec![0; frame[3].into()];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

#[test]
fn peers_that_mean_harm_are_disconnected_and_others_go_on() {
    let (lab, port, other) = (Lab::new(), free_port(), free_port());
    let text = format!(
        "[zmq]\nstatus = \"127.0.0.1:{port}\"\ndata = \"127.0.0.1:{other}\"\nmax_peers = 3\nmax_message_kib = 1\n"
    );
    let mut service = lab.run(&text);
    // A frame that claims 2^62 bytes.
    let endless = [2, 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    for (port, bytes, words) in [
        (port, [&introduction("REQ")[..], &endless].concat(), "at most 1024 are taken (zmq.max_message_kib)"),
        (port, introduction("PUSH"), "this address is for REQ"),
        (
            other,
            b"GET / HTTP/1.1\r\nHost: box1\r\nUser-Agent: a browser with a long name\r\n\r\n".to_vec(),
            "does not speak ZMTP",
        ),
    ] {
        let mut stream = connect(port);
        stream.write_all(&bytes).unwrap();
        ends(stream);
        service.wait_log(&[words]);
    }
    // Three that say nothing take all places for as long as a peer may be silent, and no longer.
    let silent: Vec<_> = (0..3).map(|_| connect(other)).collect();
    wait_until("a fourth is refused", || {
        ends(connect(other));
        service.log().contains("too many are connected (zmq.max_peers)")
    });
    drop(silent);
    wait_until("each is counted by its reason", || {
        ["peers_too_long", "peers_wrong_type", "peers_bad_protocol"].map(|name| counter(&lab, name)) == [1; 3]
            && counter(&lab, "peers_over_limit") >= 1
    });
    // A flood of the same is counted, and does not fill the log.
    for _ in 0..20 {
        let mut stream = connect(port);
        stream.write_all(&introduction("PUSH")).unwrap();
        ends(stream);
    }
    wait_until("the flood is counted", || counter(&lab, "peers_wrong_type") == 21);
    // One line a minute: the test may last over the end of one.
    let lines = service.log().matches("this address is for REQ").count();
    assert!((1..=2).contains(&lines), "{lines} lines: {}", service.log());
    if let Some(python) = python() {
        let script = "socket = context.socket(zmq.REQ)\nsocket.connect(address)\n\
            socket.send_json({'action': 'STATUS'})\nsay(socket.recv_json())\n";
        assert_eq!(Peer::start(&python, script, port).json()["status"], "success");
    }
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_port_that_another_program_has_raises_an_alarm_and_is_served_once_it_is_free() {
    let (lab, port, other) = (Lab::new(), free_port(), free_port());
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let text = format!("[zmq]\nstatus = \"127.0.0.1:{port}\"\ndata = \"127.0.0.1:{other}\"\n");
    let mut service = lab.run(&text);
    let alarm = lab.watcher.wait_for("alarm/zmq", |message| message["cause"].is_string());
    let cause = alarm["cause"].as_str().unwrap();
    assert!(cause.contains(&format!("zmq.status: 127.0.0.1:{port} cannot be listened on")), "{alarm}");
    assert!(!cause.contains("zmq.data"), "the other address is served: {alarm}");
    let mut pusher = connect(other);
    pusher.write_all(&introduction("PUSH")).unwrap();
    wait_until("a peer of the other address is served", || counter(&lab, "peers") == 1);
    drop(taken);
    wait_until("the alarm is over", || {
        lab.watcher.on("alarm/zmq").last().is_some_and(|last| last.payload.is_empty())
    });
    assert_eq!(ping(port), r#"{"status":"success","data":null}"#);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

/// A pusher only sends: without probes of the kernel, one whose cable was pulled would keep its place for good.
#[test]
fn connections_of_peers_are_probed_so_that_one_whose_cable_was_pulled_leaves() {
    let (lab, port) = (Lab::new(), free_port());
    let mut service = lab.run(&format!("[zmq]\ndata = \"127.0.0.1:{port}\"\n"));
    let mut pusher = connect(port);
    pusher.write_all(&introduction("PUSH")).unwrap();
    let peer = pusher.local_addr().unwrap().port();
    // A line of the kernel: number, local and remote address, state, queues, `KIND:TIME` of the timer; 2 is keepalive.
    let is_probed = || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let ends = (format!("0100007F:{port:04X}"), format!("0100007F:{peer:04X}"));
        table.lines().any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.len() > 5 && (fields[1], fields[2]) == (&*ends.0, &*ends.1) && fields[5].starts_with("02:")
        })
    };
    wait_until("the kernel probes the connection", is_probed);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_reload_opens_moves_and_closes_addresses_and_telemetry_follows() {
    let (lab, port, other) = (Lab::new(), free_port(), free_port());
    let source = "[[intake]]\nname = \"pmt\"\ntopic = \"zmq/DATA/PMT\"\ntime = \"s\"\nstale_after_ms = 600000\n\
        [intake_store]\npublish_ms = 100\n";
    let mut service = lab.run(source);
    let reload = |zmq: &str| {
        lab.write(&format!("{source}{zmq}"));
        let output = lab.fixture.command(&["reload"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let push = |count: u32| {
        let mut stream = connect(other);
        let body = format!(
            r#"{{"category": "DATA", "source": "PMT", "timestamp": {:.3}, "payload": {{"counts": {count}}}}}"#,
            std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64()
        );
        let frame = [&[0, body.len() as u8][..], body.as_bytes()].concat();
        stream.write_all(&[&introduction("PUSH")[..], &frame].concat()).unwrap();
        stream
    };
    // A greeting of ZMTP comes at once; a port that was closed may be one of another test meanwhile.
    let listens = |port: u16| {
        TcpStream::connect(("127.0.0.1", port)).is_ok_and(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
            let mut first = [0];
            stream.read_exact(&mut first).is_ok() && first == [0xff]
        })
    };
    reload(&format!("[zmq]\nstatus = \"127.0.0.1:{port}\"\n"));
    wait_until("the address is opened", || listens(port));
    assert_eq!(ping(port), r#"{"status":"success","data":null}"#);
    reload(&format!("[zmq]\ndata = \"127.0.0.1:{other}\"\n"));
    wait_until("the addresses are changed", || listens(other) && !listens(port));
    let _pusher = push(7);
    lab.watcher.wait_for("intake/pmt", |message| message["points"] == 1);
    reload("");
    wait_until("the address is closed", || !listens(other));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
