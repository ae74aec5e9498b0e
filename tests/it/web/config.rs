//! `[web]` as `ocellus check` judges it.

use crate::support::complaint;
use crate::support::fixture::Fixture;
use crate::web::client::{SCENE, user};

/// The exit code, and what was said.
fn check(fixture: &Fixture, web: &str) -> (Option<i32>, String) {
    fixture.config(1, &format!("[web]\n{web}\n{SCENE}"));
    let outcome = fixture.command(&["check"]);
    (outcome.status.code(), complaint(&outcome))
}

#[test]
fn an_address_that_others_can_reach_needs_users_first() {
    let fixture = Fixture::new();
    for bind in ["0.0.0.0:8080", "10.0.0.7:80", "[::]:8080"] {
        let (code, said) = check(&fixture, &format!("bind = \"{bind}\""));
        assert_eq!(code, Some(3), "{said}");
        assert!(
            said.contains("web.bind") && said.contains("ocellus users add NAME --role admin --file"),
            "{said}"
        );
    }
    for bind in ["127.0.0.1:8080", "127.0.0.9:1", "[::1]:8080", "localhost:8080"] {
        assert_eq!(check(&fixture, &format!("bind = \"{bind}\"")).0, Some(0), "{bind}");
    }
    assert_eq!(check(&fixture, "bind = \"0.0.0.0:8080\"\nenabled = false").0, Some(0));
    // What the remedy says helps.
    std::fs::create_dir_all(&fixture.state_dir).unwrap();
    let file = fixture.state_dir.join("users");
    check(&fixture, "bind = \"0.0.0.0:8080\"");
    let made = user(
        &fixture,
        &["add", "anna", "--role", "admin", "--file", file.to_str().unwrap()],
        "may everything",
    );
    assert!(made.status.success(), "{}", complaint(&made));
    assert_eq!(check(&fixture, "bind = \"0.0.0.0:8080\"").0, Some(0));
    std::fs::write(&file, "nonsense\n").unwrap();
    let (code, said) = check(&fixture, "bind = \"0.0.0.0:8080\"");
    assert!(code == Some(3) && said.contains("users:1"), "{said}");
}

#[test]
fn half_a_pair_of_tls_files_and_an_address_that_is_none_are_refused() {
    let fixture = Fixture::new();
    std::fs::write(fixture.path("web.pem"), "x").unwrap();
    for (web, word) in [
        ("cert_file = \"web.pem\"", "key_file"),
        ("key_file = \"web.pem\"", "cert_file"),
        ("cert_file = \"nowhere.pem\"\nkey_file = \"web.pem\"", "no such file"),
        ("bind = \"8080\"", "ADDRESS:PORT"),
        ("bind = \"example.com:80\"", "ADDRESS:PORT"),
        ("max_viewers = 0", "from 1 to 1024"),
        ("session_minutes = -1", "from 1 to"),
        ("port = 80", "unknown key"),
    ] {
        let (code, said) = check(&fixture, web);
        assert!(code == Some(3) && said.contains(word), "{web}: {said}");
    }
}
