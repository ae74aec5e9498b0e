//! What strangers, scanners and clumsy programs send.

use std::io::{Read, Write};

use serde_json::json;

use crate::support::{PATIENCE, wait_until};
use crate::web::client::{SCENE, SHORT, place, prepared};

#[test]
fn wrong_paths_methods_and_bodies_are_answered_with_what_to_do() {
    let place = place("max_body_mib = 1", SCENE);
    let client = place.client();
    let climbing = [
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/v1/../../../etc/passwd",
        "/api/v1/cameras/..%2F..%2F..%2Fetc%2Fpasswd/picture",
        "/api/v1/people/..%2F..%2Fusers/pictures/1",
        "/api/v1/people/1/pictures/..%2F..%2Fusers",
        "/api/v1/inspections/..%2F..%2Faudit.log/picture",
        "//etc/passwd",
        "/nothing",
        "/api/v1",
        "/api/v2/status",
    ];
    for path in climbing {
        let reply = client.get(path);
        assert_eq!(reply.status, 404, "{path}: {}", reply.text());
        assert!(!reply.code().is_empty() && !reply.text().contains("root:"), "{path}");
    }
    for (method, path, allow) in [
        ("PUT", "/api/v1/status", "GET,HEAD"),
        ("POST", "/", "GET,HEAD"),
        ("GET", "/api/v1/people/import", "POST"),
        ("TRACE", "/api/v1/session", "GET,HEAD,POST,DELETE"),
    ] {
        let reply = client.ask(method, path, None);
        assert_eq!((reply.status, reply.code().as_str()), (405, "wrong_method"), "{method} {path}");
        let mut allowed: Vec<_> = reply.header("allow").unwrap().split(',').collect();
        let mut wanted: Vec<_> = allow.split(',').collect();
        allowed.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(allowed, wanted, "{method} {path}");
    }
    let trigger = "/api/v1/cameras/a/trigger";
    for (body, place) in [
        ("{\"text\": }", "line 1, column 10"),
        ("{\n  \"text\": 7\n}", "line 2, column 11"),
        ("{\"txet\": \"x\"}", "unknown field `txet`"),
        ("[]", "line 1"),
        ("\u{0}", "line 1"),
    ] {
        let reply = client.ask("POST", trigger, Some(body.as_bytes()));
        assert_eq!(reply.status, 400, "{body}: {}", reply.text());
        assert!(reply.text().contains(place), "{body}: {}", reply.text());
    }
    // A camera that does not inspect says so.
    assert_eq!(client.post(trigger, json!({})).status, 409);
    for path in ["/api/v1/audit?limit=0", "/api/v1/audit?limit=many", "/api/v1/cameras/a/picture?raw=2"] {
        assert_eq!(client.get(path).status, 400, "{path}");
    }
    for (name, pictures) in [
        ("neither", json!({ "name": "x" })),
        ("both", json!({ "name": "x", "camera": "a", "pictures": ["eA=="] })),
    ] {
        let reply = client.post("/api/v1/people", pictures);
        assert_eq!(reply.status, 400, "{name}: {}", reply.text());
    }
    place.end();
}

#[test]
fn a_body_that_is_too_long_is_refused_however_it_is_announced() {
    let place = place("max_body_mib = 1", SCENE);
    let announced = place.client().with("content-length", "999999999999");
    let mut stream = announced.connect();
    stream.write_all(&announced.request("POST", "/api/v1/people", None)).unwrap();
    let mut said = String::new();
    let _ = stream.read_to_string(&mut said);
    assert!(said.starts_with("HTTP/1.1 413") && said.contains("web.max_body_mib"), "{said}");

    let chunked = place.client().with("transfer-encoding", "chunked");
    let mut stream = chunked.connect();
    stream.write_all(&chunked.request("POST", "/api/v1/people", None)).unwrap();
    let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
    for _ in 0..17 {
        if stream.write_all(&chunk).is_err() {
            break;
        }
    }
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    assert_eq!(place.client().get("/api/v1/status").status, 200);
    place.end();
}

#[test]
fn a_head_that_never_ends_holds_nobody_up_and_is_let_go() {
    let place = place("", SCENE);
    let client = place.client();
    let mut slow: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = client.connect();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ").unwrap();
            stream
        })
        .collect();
    assert_eq!(client.get("/api/v1/status").status, 200);
    let mut rest = [0; 1024];
    for stream in &mut slow {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        while stream.read(&mut rest).is_ok_and(|read| read > 0) {}
        assert!(
            stream.write_all(b"still here").is_err()
                || stream.read(&mut rest).is_ok_and(|read| read == 0)
                || {
                    stream.set_read_timeout(Some(SHORT)).unwrap();
                    stream.read(&mut rest).is_err()
                }
        );
    }
    // No HTTP at all, and a head without end.
    let mut noise = client.connect();
    noise.write_all(&[0xff; 4096]).unwrap();
    let _ = noise.read(&mut rest);
    let long = client.clone().with("x-long", &"y".repeat(200_000));
    let mut stream = client.connect();
    let _ = stream.write_all(&long.request("GET", "/healthz", None));
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    assert!(!String::from_utf8_lossy(&said).contains("200 OK"));
    assert_eq!(client.get("/api/v1/status").status, 200);
    place.end();
}

#[test]
fn more_connections_than_may_take_one_anothers_places_and_it_goes_on() {
    let place = prepared("", SCENE, |_| {});
    let client = place.client();
    let held: Vec<_> = (0..600).map(|_| client.connect()).collect();
    // The first ones are gone; and whoever comes now is served.
    let mut first = &held[0];
    assert!(matches!(first.read(&mut [0; 9]), Ok(0) | Err(_)), "its place was given to another");
    assert_eq!(client.get("/api/v1/status").status, 200);
    drop(held);
    wait_until("there is room again", || {
        let mut stream = client.connect();
        let _ = stream.write_all(&client.request("GET", "/api/v1/status", None));
        let mut said = String::new();
        let _ = stream.read_to_string(&mut said);
        said.starts_with("HTTP/1.1 200")
    });
    place.end();
}
