//! Reading how jobs reach other servers: valid settings, and every kind of fault with its message.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::*;

fn parse(text: &str) -> Result<Config, Faults> {
    let text = format!("[[camera]]\nname = \"front\"\nsource = \"scene:\"\n{text}");
    Config::parse(&text, Path::new("box.toml"), Path::new("/etc/ocellus"))
}

/// Asserts that `text` has exactly one fault, which contains each of the expected texts.
#[track_caller]
fn assert_fault(text: &str, expected: &[&str]) {
    let faults = parse(text).expect_err(text);
    let lines: Vec<String> =
        faults.0.iter().map(|f| format!("{}: {} -> {}", f.key, f.reason, f.remedy)).collect();
    let holds = lines.len() == 1 && expected.iter().all(|part| lines[0].contains(part));
    assert!(holds, "{text}\nexpected {expected:?}, found {lines:#?}");
}

const SERVICE: &str =
    "[jobs.generate]\nurl = \"https://h/{model}\"\nrequest = '{\"p\": \"{p}\"}'\nanswer = \"/x\"\n";

#[test]
fn servers_and_services_are_read_and_relative_files_belong_to_the_configuration() {
    let text = format!(
        "{SERVICE}headers_file = \"api.headers\"\n[jobs.http]\nmax_mib = 2\nrequests_per_s = 0.5\nallow = [\"10.0.0.0/8\"]\n\
         credentials = [{{ origins = [\"https://Files.example\", \"http://h:81/\"], headers_file = \"credential:shop\" }}]\n"
    );
    let jobs = parse(&text).unwrap().jobs;
    let (http, generate) = (jobs.http, jobs.generate.unwrap());
    assert_eq!((http.max_bytes, http.requests_per_s, http.max_redirects), (2 << 20, 0.5, 5));
    assert!(http.allow[0].holds("10.9.9.9".parse().unwrap()));
    assert_eq!(http.credentials[0].origins, ["https://files.example:443", "http://h:81"]);
    assert_eq!(http.credentials[0].headers_file, PathBuf::from("credential:shop"));
    assert_eq!(generate.headers_file, Some(PathBuf::from("/etc/ocellus/api.headers")));
    assert_eq!((generate.request, generate.at_once), (json!({ "p": "{p}" }), 2));
    assert_eq!(parse("").unwrap().jobs, JobsConfig::default());
}

#[test]
fn what_a_request_could_abuse_or_nobody_meant_is_refused_with_its_remedy() {
    let credentials = |origin: &str| {
        format!("[jobs.http]\ncredentials = [{{ origins = [\"{origin}\"], headers_file = \"a\" }}]")
    };
    assert_fault(&credentials("https://h/path"), &["credentials[0].origins[0]", "a path behind it", "alone"]);
    assert_fault(&credentials("ftp://h"), &["neither http nor https"]);
    assert_fault(&credentials("https://joe:pw@h"), &["a user or a password", "headers_file"]);
    assert_fault("[jobs.http]\ncredentials = [{ origins = [\"https://h\"] }]", &["headers_file", "missing"]);
    assert_fault("[jobs.http]\ncredentials = [{ origins = [], headers_file = \"a\" }]", &["0 servers"]);
    assert_fault("[jobs.http]\nallow = [\"plant\"]", &["allow[0]", "neither an address nor a network"]);
    assert_fault("[jobs.http]\nstall_s = 0", &["stall_s", "1 to 3600"]);
    assert_fault(&SERVICE.replace("//h/", "//{model}/"), &["jobs.generate.url", "the host has braces"]);
    assert_fault(&SERVICE.replace("'{\"p\": \"{p}\"}'", "'{p}'"), &["jobs.generate.request", "not JSON"]);
    assert_fault(&SERVICE.replace("'{\"p\": \"{p}\"}'", "'[]'"), &["jobs.generate.request", "no object"]);
    assert_fault(&SERVICE.replace("\"/x\"", "\"x\""), &["jobs.generate.answer", "no JSON pointer"]);
}
