//! TLS from files, and other files while it runs.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::certs::Certs;
use crate::support::wait_until;
use crate::web::access::with_users;
use crate::web::client::{Client, SCENE, prepared, user};

/// One request over TLS; the whole answer, or why there is none.
fn ask(at: SocketAddr, ca: &Path, request: &[u8]) -> Result<String, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, Client::new(at).connect());
    stream.write_all(request).map_err(|error| error.to_string())?;
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        Ok(_) => Ok(answer),
        Err(error) if answer.is_empty() => Err(error.to_string()),
        Err(_) => Ok(answer),
    }
}

#[test]
fn the_page_is_served_by_tls_and_a_renewed_certificate_is_taken_at_a_reload() {
    let (first, second) = (Certs::make(), Certs::make());
    let web = "cert_file = \"web.crt\"\nkey_file = \"web.key\"\n";
    let put = |fixture: &crate::support::fixture::Fixture, certs: &Certs| {
        for (from, to) in [("server.crt", "web.crt"), ("server.key", "web.key")] {
            std::fs::copy(certs.file(from), fixture.path(to)).unwrap();
        }
    };
    let place = prepared(web, SCENE, |fixture| {
        put(fixture, &first);
        assert!(user(fixture, &["add", "anna", "--role", "admin"], "may everything").status.success());
    });
    assert!(place.service.log().contains("the page is at https://127.0.0.1:"), "{}", place.service.log());
    let login = br#"{"name":"anna","password":"may everything"}"#;
    let request = Client::new(place.at).request("POST", "/api/v1/session", Some(login));
    let answer = ask(place.at, &first.file("ca.crt"), &request).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("SameSite=Strict; Secure"), "{answer}");
    // Plain HTTP is no TLS: nothing is told.
    let mut plain = Client::new(place.at).begin("GET", "/healthz", None);
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!String::from_utf8_lossy(&said).contains("online"), "{said:?}");

    let health = Client::new(place.at).request("GET", "/healthz", None);
    assert!(ask(place.at, &second.file("ca.crt"), &health).is_err());
    // A key that does not fit is refused, and the certificate in force stays.
    std::fs::copy(second.file("server.crt"), place.fixture.path("web.crt")).unwrap();
    place.service.signal(libc::SIGHUP);
    wait_until("the alarm", || {
        let reported = ask(place.at, &first.file("ca.crt"), &health);
        reported.is_ok_and(|reported| reported.contains("the former certificate stays in force"))
    });
    put(&place.fixture, &second);
    place.service.signal(libc::SIGHUP);
    wait_until("the new certificate", || ask(place.at, &second.file("ca.crt"), &health).is_ok());
    wait_until("the alarm is over", || {
        ask(place.at, &second.file("ca.crt"), &health)
            .is_ok_and(|reported| !reported.contains("former certificate"))
    });
    place.end();
}

#[test]
fn without_tls_on_loopback_nothing_is_said_of_it() {
    let place = with_users(SCENE);
    assert!(!place.service.log().contains("in the clear"));
    place.end();
}
