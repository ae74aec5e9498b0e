//! Checks `[jobs.http]` and `[jobs.generate]`.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::SectionScope;
use super::web::networks;
use crate::config::raw::TomlTable;
use crate::config::value::PlacedValue;
use crate::config::{CredentialsConfig, GenerateConfig, HttpConfig, SourceUrl};

const DAY_S: u32 = 86_400;
/// Most servers that one entry of `credentials` names.
const MOST_ORIGINS: usize = 32;

pub(super) fn http(table: TomlTable<'_, '_>, scope: &SectionScope) -> HttpConfig {
    let usual = HttpConfig::default();
    let seconds = |key, usual: Duration, most| {
        Duration::from_secs(table.whole(key, usual.as_secs() as u32, 1..=most).into())
    };
    let config = HttpConfig {
        max_bytes: u64::from(table.whole("max_mib", (usual.max_bytes >> 20) as u32, 1..=4_096)) << 20,
        timeout: seconds("timeout_s", usual.timeout, DAY_S),
        stall: seconds("stall_s", usual.stall, 3_600),
        requests_per_s: table
            .number("requests_per_s", 0.01..=1_000.0)
            .map_or(usual.requests_per_s, f64::from),
        max_redirects: table.whole("max_redirects", usual.max_redirects, 0..=20u32),
        allow: table.get("allow").map(|field| networks(&field)).unwrap_or_default(),
        ca_file: table.text("ca_file").map(|file| scope.files.resolve(file.as_ref())),
        credentials: table
            .tables("credentials")
            .into_iter()
            .filter_map(|one| credentials(one, scope))
            .collect(),
    };
    table.finish();
    config
}

fn credentials(table: TomlTable<'_, '_>, scope: &SectionScope) -> Option<CredentialsConfig> {
    let origins = table.need("origins", "name servers, such as [\"https://files.example.com\"]");
    let origins = origins.and_then(|field| origins_in(&field));
    let file = table.need("headers_file", "name a file with NAME: VALUE in each line");
    let file = file.and_then(|field| secret_file(&field, scope));
    table.finish();
    Some(CredentialsConfig { origins: origins?, headers_file: file? })
}

fn origins_in(field: &PlacedValue<'_, '_>) -> Option<Vec<String>> {
    let items = field.items("servers")?;
    if !(1..=MOST_ORIGINS).contains(&items.len()) {
        field.fault(format!("there are {} servers", items.len()), format!("name 1 to {MOST_ORIGINS}"));
        return None;
    }
    items.iter().map(origin).collect()
}

fn origin(field: &PlacedValue<'_, '_>) -> Option<String> {
    let url = web_url(field, field.text()?)?;
    // What is behind the host would suggest that it is compared too.
    let alone = format!("{}://", url.scheme()).len();
    let rest = url.location().get(alone..).and_then(|rest| rest.find('/').map(|at| rest.len() - at - 1));
    if rest.is_some_and(|behind| behind > 0) {
        field.fault("the server has a path behind it", "write https://HOST or https://HOST:PORT alone");
        return None;
    }
    Some(format!("{}://{}", url.scheme(), url.address()).to_ascii_lowercase())
}

fn secret_file(field: &PlacedValue<'_, '_>, scope: &SectionScope) -> Option<PathBuf> {
    match field.text()? {
        "" => {
            field.fault("the path is empty", "name a file, or credential:NAME");
            None
        }
        text if text.starts_with("credential:") => Some(text.into()),
        text => Some(scope.files.resolve(text.as_ref())),
    }
}

/// A URL of a web server without a login.
fn web_url(field: &PlacedValue<'_, '_>, text: &str) -> Option<SourceUrl> {
    let url = match text.parse::<SourceUrl>() {
        Ok(url) => url,
        Err(error) => {
            field.fault(error.reason, error.remedy);
            return None;
        }
    };
    if !matches!(url.scheme(), "http" | "https") {
        field.fault("this is neither http nor https", "write https://HOST/PATH");
        return None;
    }
    if url.user().is_some() {
        field.fault("the URL holds a user or a password", "write them as a header into headers_file");
        return None;
    }
    Some(url)
}

pub(super) fn generate(table: TomlTable<'_, '_>, scope: &SectionScope) -> Option<GenerateConfig> {
    let url = table.need("url", "write the service's URL, such as https://HOST/v1/images");
    let url = url.and_then(|field| template_url(&field));
    let request = table
        .need("request", "write the JSON that the service expects, such as '{\"prompt\": \"{prompt}\"}'");
    let request = request.and_then(|field| json(&field));
    let answer = table.need("answer", "write where the picture is in the answer, such as /data/0/b64_json");
    let answer = answer.and_then(|field| pointer(&field));
    let headers_file = table.get("headers_file").and_then(|field| secret_file(&field, scope));
    let at_once = table.whole("at_once", 2u32, 1..=64) as usize;
    table.finish();
    Some(GenerateConfig { url: url?, request: request?, answer: answer?, headers_file, at_once })
}

fn template_url(field: &PlacedValue<'_, '_>) -> Option<String> {
    let text = field.text()?;
    web_url(field, &text.replace(['{', '}'], "x"))?;
    let host = text.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next()).unwrap_or_default();
    if host.contains(['{', '}']) {
        field.fault(
            "the host has braces",
            "a request must not decide which server it goes to: write the host out",
        );
        return None;
    }
    Some(text.to_owned())
}

fn json(field: &PlacedValue<'_, '_>) -> Option<Value> {
    match serde_json::from_str::<Value>(field.text()?) {
        Ok(value @ Value::Object(_)) => Some(value),
        Ok(_) => {
            field.fault("this is JSON, but no object", "write it as '{\"prompt\": \"{prompt}\"}'");
            None
        }
        Err(error) => {
            field.fault(format!("this is not JSON ({error})"), "write it as '{\"prompt\": \"{prompt}\"}'");
            None
        }
    }
}

fn pointer(field: &PlacedValue<'_, '_>) -> Option<String> {
    let text = field.text()?;
    if !text.is_empty() && !text.starts_with('/') {
        field.fault("this is no JSON pointer", "write it as /data/0/b64_json");
        return None;
    }
    Some(text.to_owned())
}
