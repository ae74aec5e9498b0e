//! What one request, and many at one time, may take of the box's memory, while it inspects.

use std::fs;
use std::io::{BufReader, Write};

use serde_json::{Value, json};

use crate::support::wait_until;
use crate::web::access::PASSWORDS;
use crate::web::client::{Client, Place, head, prepared, user};

/// The bound that is promised: bodies (twice 24 MiB), one buffer for passwords (19 MiB), and some for all else.
const MOST_KIB: u64 = 96 << 10;

/// A camera that inspects what a clock shows it, ten times a second.
const INSPECTS: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?width=64&height=64&fps=30\"\nring_slots = 16\n\
    inspect = { product = \"good\" }\n[[trigger]]\nname = \"clock\"\ncamera = \"a\"\nevery_ms = 100\n";
const RECIPE: &str = "size = [64, 64]\n[[roi]]\nname = \"all\"\nrect = [8, 8, 16, 16]\nkind = \"presence\"\n\
    high = 254\nmin_share = 0.01\n";

fn kib(place: &Place, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", place.service.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The number of the newest inspection.
fn newest(client: &Client) -> u64 {
    client.get("/api/v1/inspections?limit=1").json()[0]["acquisition"].as_u64().unwrap_or(0)
}

/// What `text` begins with, then `part` as often as fits into a body, then the end.
fn filled(begin: &str, part: &str, end: &str) -> Vec<u8> {
    let space = (23 << 20) - begin.len() - end.len();
    [begin, &part.repeat(space / part.len()), end].concat().into_bytes()
}

#[test]
fn no_request_takes_more_memory_than_is_promised_and_the_box_goes_on_inspecting() {
    let place = prepared("", INSPECTS, |fixture| {
        fs::create_dir(fixture.path("recipes")).unwrap();
        fs::write(fixture.path("recipes/good.toml"), RECIPE).unwrap();
        for (name, role, password) in PASSWORDS {
            assert!(user(fixture, &["add", name, "--role", role], password).status.success());
        }
    });
    let anna = place.client().log_in("anna", "may everything");
    wait_until("inspections", || newest(&anna) > 0);
    let before = kib(&place, "VmRSS:");
    fs::write(format!("/proc/{}/clear_refs", place.service.id()), "5").unwrap();
    let people = "/api/v1/people";
    let header = "{\"format\":\"ocellus.gallery/1\"}\n";
    let attacks: Vec<(&str, &str, Vec<u8>, &[u16])> = vec![
        ("lines of two bytes", "/api/v1/people/import", filled("", "a\n", ""), &[422]),
        ("empty lines", "/api/v1/people/import", filled(header, "\n", ""), &[200]),
        (
            "people without faces",
            "/api/v1/people/import",
            filled(header, "{\"name\":\"a\",\"created_ns\":0,\"samples\":[]}\n", ""),
            &[422],
        ),
        (
            "a person with many faces",
            "/api/v1/people/import",
            filled(
                &format!("{header}{{\"name\":\"a\",\"created_ns\":0,\"samples\":["),
                "{\"added_ns\":0,\"source\":\"\",\"quality\":0,\"model\":\"\",\"embedding\":\"\",\"crop\":\"\"},",
                "0]}",
            ),
            &[422],
        ),
        ("empty pictures", people, filled("{\"name\":\"a\",\"pictures\":[\"\"", ",\"\"", "]}"), &[413]),
        ("pictures that are none", people, filled("{\"name\":\"a\",\"pictures\":[0", ",0", "]}"), &[400]),
        ("one long picture", people, filled("{\"name\":\"a\",\"pictures\":[\"", "A", "\"]}"), &[422, 501]),
        ("a long name", people, filled("{\"name\":\"", "a", "\",\"camera\":\"a\"}"), &[422, 501]),
        ("lists in lists", people, filled("{\"name\":", "[", ""), &[400]),
        ("spaces", people, filled("", " ", "{}"), &[400]),
    ];
    for (what, path, body, wanted) in &attacks {
        let reply = anna.ask("POST", path, Some(body));
        assert!(wanted.contains(&reply.status), "{what}: {} {}", reply.status, reply.text());
        let taken = kib(&place, "VmHWM:").saturating_sub(before);
        println!("{what}: {} after {taken} KiB more than before", reply.status);
        assert!(taken < MOST_KIB, "{what} took {taken} KiB");
    }
    // What carries no pictures is short, and refused as soon as it says that it is not.
    for path in ["/api/v1/cameras/a/trigger", "/api/v1/session", "/api/v1/people/7/merge"] {
        let announced = anna.clone().with("content-length", "70000");
        let mut stream = announced.connect();
        stream.write_all(&announced.request("POST", path, None)).unwrap();
        assert_eq!(head(&mut BufReader::new(stream)).0, 413, "{path}");
    }
    // Many at one time share the room, and those for whom it lasts too long are refused in words.
    let (_, path, body, _) = &attacks[0];
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let reply = anna.ask("POST", path, Some(body));
                assert!(matches!(reply.status, 422 | 429), "{} {}", reply.status, reply.text());
                assert!(!reply.json()["error"]["message"].as_str().unwrap().is_empty());
            });
        }
        // And logins from everywhere beside them.
        for n in 1..=40 {
            let guesser = place.client().from(&format!("127.7.0.{n}"));
            scope.spawn(move || {
                guesser.post("/api/v1/session", json!({ "name": "anna", "password": "a guess" }))
            });
        }
    });
    let taken = kib(&place, "VmHWM:").saturating_sub(before);
    println!("all at one time: {taken} KiB more than before");
    assert!(taken < MOST_KIB, "all at one time took {taken} KiB");
    // What was taken is given back, the buffer for passwords included.
    wait_until("the memory is given back", || kib(&place, "VmRSS:") < before + (16 << 10));
    let so_far = newest(&anna);
    wait_until("inspections go on", || newest(&anna) > so_far + 5);
    let last: Value = anna.get("/api/v1/inspections?limit=1").json();
    assert_eq!(last[0]["verdict"], "ok", "{last}");
    place.end();
}

#[test]
fn an_export_comes_in_pieces_and_is_the_same_text() {
    let place = prepared("", crate::web::client::SCENE, |_| {});
    let reply = place.client().get("/api/v1/people/export");
    assert_eq!((reply.status, reply.header("transfer-encoding")), (200, Some("chunked")));
    assert!(reply.text().starts_with("{\"format\":\"ocellus.gallery/1\""), "{}", reply.text());
    place.end();
}
