//! Recordings over REST: listed, filtered, sent in ranges, and deleted by whom it is allowed.

use std::fs;
use std::time::Duration;

use super::support::{Sender, files, noise, settled, tcp_camera};
use crate::support::broker::Broker;
use crate::support::fixture::Fixture;
use crate::support::messages::listen;
use crate::support::wait_until;
use crate::web::client::{Client, address};

#[test]
fn recordings_are_listed_page_by_page_filtered_sent_in_ranges_and_deleted_with_an_entry_in_the_audit_log() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let (port, camera) = tcp_camera("lab", "sidecar = true");
    fixture.config(broker.port, &format!("[web]\nbind = \"127.0.0.1:0\"\n{camera}"));
    let mut service = fixture.run();
    let client = Client::new(address(&service, 1));
    let sender = Sender::start(port, vec![noise(96, 5)], Duration::from_millis(15), 12);
    wait_until("all are sent", || sender.sent() == 12);
    let counted = settled(&watcher, "lab", 12);
    let (mut ids, mut before) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/v1/recordings?camera=lab&limit=5{before}")).json();
        ids.extend(page["recordings"].as_array().unwrap().iter().map(|one| one["id"].as_u64().unwrap()));
        match page["next"].as_u64() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(ids.len() as u64, counted["recorded"]);
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "newest first: {ids:?}");
    let none = |query: &str| {
        let page = client.get(&format!("/api/v1/recordings?{query}")).json();
        assert_eq!(page["recordings"].as_array().map(Vec::len), Some(0), "{query}: {page}");
    };
    none("camera=other");
    none("kind=clip");
    none("until=2020-01-01T00:00:00Z");
    none("since=2099-01-01T00:00:00Z");
    assert_eq!(client.get("/api/v1/recordings?since=yesterday").status, 400);
    assert_eq!(client.get("/api/v1/recordings?kind=film").status, 400);

    let path = format!("/api/v1/recordings/{}", ids[0]);
    let whole = client.get(&path);
    assert_eq!((whole.status, whole.header("content-type")), (200, Some("image/jpeg")));
    assert_eq!(whole.body, noise(96, 5));
    let part = client.clone().with("range", "bytes=10-19").get(&path);
    assert_eq!((part.status, &part.body[..]), (206, &whole.body[10..20]));
    assert_eq!(part.header("content-range"), Some(&*format!("bytes 10-19/{}", whole.body.len())));
    let end = client.clone().with("range", "bytes=-7").get(&path);
    assert_eq!(end.body, whole.body[whole.body.len() - 7..]);
    let beyond = client.clone().with("range", "bytes=999999999-").get(&path);
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (416, Some(&*format!("bytes */{}", whole.body.len())))
    );
    assert_eq!(client.get(&format!("{path}?part=sidecar")).json()["recording"], ids[0]);
    assert_eq!(client.get(&format!("{path}?part=annotated")).status, 404);
    assert_eq!(client.get("/api/v1/recordings/4000000000").code(), "unknown_recording");

    let dir = fixture.state_dir.join("recordings");
    let before = files(&dir).len();
    assert_eq!(client.ask("DELETE", &path, None).json()["deleted"], ids[0]);
    assert_eq!(client.get(&path).status, 404);
    assert_eq!(files(&dir).len(), before - 2, "the picture and its sidecar are gone");
    assert_eq!(client.ask("DELETE", &path, None).status, 404);
    sender.end();
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    let log = fs::read_to_string(fixture.state_dir.join("audit.log")).unwrap_or_else(|_| {
        files(&fixture.state_dir)
            .iter()
            .filter(|(name, _)| name.starts_with("audit"))
            .map(|(_, path)| fs::read_to_string(path).unwrap())
            .collect()
    });
    assert!(log.contains("DELETE") && log.contains(&path), "{log}");
}
