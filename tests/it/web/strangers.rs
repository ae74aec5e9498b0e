//! Strangers who guess, flood and dawdle, and the people who work at the box meanwhile.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::fixture::Fixture;
use crate::support::{complaint, wait_until};
use crate::web::access::{PASSWORDS, with_users};
use crate::web::client::{Client, Place, Reply, SCENE, prepared, user};

fn log_in(client: &Client, name: &str, password: &str) -> Reply {
    client.post("/api/v1/session", json!({ "name": name, "password": password }))
}

/// The device cookie that a login gave, as it is sent back.
fn device(reply: &Reply) -> String {
    let cookies = reply.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value);
    let cookie = cookies.into_iter().find(|value| value.starts_with("ocellus_device_"));
    let cookie = cookie.unwrap_or_else(|| panic!("no device cookie in {:?}", reply.headers));
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

/// Calls `guess` with the numbers of ever new strangers on several threads while `work` goes on; how many there were.
fn under_attack(guess: impl Fn(usize) + Sync, work: impl FnOnce()) -> usize {
    let (stop, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    std::thread::scope(|scope| {
        // Also when `work` fails: the attack ends with it.
        let _stop = Stop(&stop);
        for _ in 0..6 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    guess(count.fetch_add(1, Ordering::Relaxed));
                }
            });
        }
        wait_until("the attack", || count.load(Ordering::Relaxed) > 50);
        work();
    });
    count.into_inner()
}

fn elsewhere(place: &Place, n: usize) -> Client {
    place.client().from(&format!("127.1.{}.{}", n / 250 % 250, 1 + n % 250))
}

#[test]
fn unknown_names_from_everywhere_keep_nobody_out_who_was_never_here_before() {
    let place = with_users(SCENE);
    let guess = |n: usize| {
        let reply = log_in(&elsewhere(&place, n), &format!("user{n}"), "a guess at somebody");
        assert!(matches!(reply.status, 401 | 429), "{}", reply.text());
    };
    let count = under_attack(guess, || {
        for n in 0..20 {
            let owner = place.client().from(&format!("127.2.0.{}", n + 1));
            let reply = log_in(&owner, "anna", "may everything");
            assert_eq!(reply.status, 200, "login {n}: {}", reply.text());
        }
    });
    println!("{count} guesses beside 20 logins");
    place.end();
}

#[test]
fn a_known_browser_and_a_known_address_log_in_whatever_is_tried_from_elsewhere_and_from_beside_them() {
    let place = with_users(SCENE);
    let home = place.client().from("127.0.0.77");
    let cookie = device(&log_in(&home, "anna", "may everything"));
    // At Anna's account from everywhere, so that it is closed to strangers most of the time.
    let guess = |n: usize| {
        let name = if n.is_multiple_of(2) { "anna".to_owned() } else { format!("user{n}") };
        let reply = log_in(&elsewhere(&place, n), &name, "a guess at somebody");
        assert!(matches!(reply.status, 401 | 429), "{}", reply.text());
    };
    under_attack(guess, || {
        wait_until("strangers have to wait", || {
            log_in(&place.client().from("127.3.0.1"), "anna", "a guess at somebody").status == 429
        });
        for n in 0..59 {
            let reply = log_in(&home, "anna", "may everything");
            assert_eq!(reply.status, 200, "login {n} from a known address: {}", reply.text());
            let abroad = place.client().from(&format!("127.4.0.{}", n + 1)).with("cookie", &cookie);
            let reply = log_in(&abroad, "anna", "may everything");
            assert_eq!(reply.status, 200, "login {n} from a known browser: {}", reply.text());
        }
    });
    // Behind the same proxy or NAT as somebody who guesses.
    let beside = place.client().from("127.0.0.78");
    let shared = device(&log_in(&beside, "vera", "looks and looks"));
    for n in 0..100 {
        log_in(&beside, "vera", &format!("a guess, number {n}"));
        log_in(&beside, &format!("user{n}"), "a guess at somebody");
    }
    assert_eq!(log_in(&beside, "vera", "looks and looks").status, 429, "whoever it is");
    assert_eq!(log_in(&beside.clone().with("cookie", &shared), "vera", "looks and looks").status, 200);
    place.end();
}

#[test]
fn a_device_cookie_is_no_login_and_of_one_account_only() {
    let mut place = with_users(SCENE);
    let client = place.client().from("127.0.0.79");
    let cookie = device(&log_in(&client, "anna", "may everything"));
    assert_eq!(client.clone().with("cookie", &cookie).get("/api/v1/status").status, 401);
    for _ in 0..30 {
        log_in(&client, "vera", "a guess at somebody");
        log_in(&client, "anna", "a guess at somebody");
    }
    // With Anna's cookie nobody is known as Vera; and a changed one is nobody's.
    let carrier = client.clone().with("cookie", &cookie);
    assert_eq!(log_in(&carrier, "vera", "looks and looks").status, 429);
    let forged = client.clone().with("cookie", &format!("{}AAAA", &cookie[..cookie.len() - 4]));
    assert_eq!(log_in(&forged, "anna", "may everything").status, 429);
    assert_eq!(log_in(&carrier, "anna", "may everything").status, 200);
    // The key outlives a restart, readable by its owner only.
    let key = place.fixture.state_dir.join("device.key");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&key).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(place.service.stop(), Some(0));
    let service = place.fixture.run();
    let at = crate::web::client::address(&service, 1);
    let again = Client { at, ..client };
    for _ in 0..30 {
        log_in(&again, "anna", "a guess at somebody");
    }
    assert_eq!(log_in(&again, "anna", "may everything").status, 429);
    assert_eq!(log_in(&again.with("cookie", &cookie), "anna", "may everything").status, 200);
}

fn half_a_head(client: &Client) -> TcpStream {
    let mut stream = client.connect();
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ");
    stream
}

#[test]
fn half_request_heads_from_one_address_or_from_a_hundred_keep_nobody_out() {
    let place = with_users(SCENE);
    let anna = place.client().from("127.0.0.77").log_in("anna", "may everything");
    // A live picture, which goes on meanwhile.
    let mut live = anna.begin("GET", "/api/v1/cameras/a/live", None);
    let mut frames = || {
        let mut bytes = [0; 4096];
        live.read_exact(&mut bytes).is_ok()
    };
    assert!(frames());
    for addresses in [1, 100] {
        let held: Vec<_> = (0..700)
            .map(|n| half_a_head(&place.client().from(&format!("127.5.{addresses}.{}", 1 + n % addresses))))
            .collect();
        for n in 0..10 {
            assert_eq!(anna.get("/api/v1/status").status, 200, "{addresses} addresses, request {n}");
            let stranger = place.client().from(&format!("127.5.{addresses}.1"));
            assert_eq!(stranger.get("/healthz").status, 200, "from the same address");
            assert_eq!(log_in(&place.client().from("127.6.0.1"), "vera", "looks and looks").status, 200);
        }
        assert!(frames(), "the live picture goes on");
        drop(held);
    }
    place.end();
}

#[test]
fn behind_a_proxy_that_is_trusted_everybody_has_an_address() {
    let proxied = prepared("trusted_proxies = [\"127.0.0.80\", \"127.9.0.0/16\"]", SCENE, |fixture| {
        std::fs::create_dir_all(&fixture.state_dir).unwrap();
        let file = fixture.state_dir.join("users").display().to_string();
        for (name, role, password) in PASSWORDS {
            let made = user(fixture, &["add", name, "--role", role, "--file", &file], password);
            assert!(made.status.success(), "{}", complaint(&made));
        }
    });
    let through = |from: &str| {
        let client = proxied.client().from("127.0.0.80").with("x-forwarded-for", from);
        client.with("host", "box.example").with("origin", "http://box.example")
    };
    assert_eq!(log_in(&through("10.0.0.1"), "vera", "looks and looks").status, 200);
    for n in 0..30 {
        log_in(&through("10.0.0.66"), "anna", &format!("a guess, number {n}"));
    }
    assert_eq!(log_in(&through("10.0.0.66"), "anna", "may everything").status, 429);
    assert_eq!(log_in(&through("9.9.9.9, 10.0.0.66, 127.9.3.3"), "anna", "may everything").status, 429);
    let anna = log_in(&through("10.0.0.1"), "anna", "may everything");
    assert_eq!(anna.status, 200, "{}", anna.text());
    // From anybody else the header is nothing: no way around the limit.
    for n in 0..30 {
        let liar = proxied.client().from("127.0.0.81").with("x-forwarded-for", &format!("10.1.0.{n}"));
        log_in(&liar, "vera", "a guess at somebody");
    }
    assert_eq!(log_in(&proxied.client().from("127.0.0.81"), "vera", "looks and looks").status, 429);
    let secure = log_in(&through("10.0.0.1").with("x-forwarded-proto", "https"), "anna", "may everything");
    assert!(secure.headers.iter().any(|(name, value)| name == "set-cookie" && value.contains("; Secure")));
    let cookie = secure.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let refused: Value = through("10.0.0.1").with("cookie", &cookie).get("/api/v1/audit/refused").json();
    let from = |address: &str| refused.as_array().unwrap().iter().any(|line| line["from"] == address);
    assert!(from("10.0.0.66") && from("127.0.0.81") && !from("127.0.0.80") && !from("9.9.9.9"), "{refused}");
    proxied.end();
}

#[test]
fn a_proxy_in_front_needs_users_and_addresses_that_are_some() {
    let fixture = Fixture::new();
    let check = |web: &str| {
        fixture.config(1, &format!("[web]\n{web}\n{SCENE}"));
        let outcome = fixture.command(&["check"]);
        (outcome.status.code(), complaint(&outcome))
    };
    let (code, said) = check("trusted_proxies = [\"127.0.0.1\"]");
    assert!(
        code == Some(3) && said.contains("through a proxy") && said.contains("ocellus users add"),
        "{said}"
    );
    let (code, said) = check("trusted_proxies = [\"proxy.example\", \"10.0.0.0/40\"]");
    assert!(
        code == Some(3) && said.contains("proxy.example") && said.contains("more than 32 bits"),
        "{said}"
    );
    assert_eq!(check("trusted_proxies = []").0, Some(0));
}
