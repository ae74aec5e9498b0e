//! Device cookies: a browser from which an account has logged in carries a signed cookie, whose attempts the
//! limiter counts separately. The cookie is not a login: it only allows trying a password.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ::ring::hmac;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::guard;
use super::session;

/// The longest time that browsers keep a cookie.
const SECONDS: u64 = 400 * 86_400;
/// Bytes of the key, of the number in a cookie, and of its signature.
const KEY: usize = 32;
const NUMBER: usize = 16;
const SIGNED: usize = NUMBER + 32;

/// The key that signs the cookies.
pub(super) struct Devices {
    key: hmac::Key,
}

impl Devices {
    /// Loads the key from the state directory, or creates it. If it cannot be stored (a full disk), a new one
    /// is used until the end; browsers are then recognised only after their next login.
    pub(super) fn open(state_dir: &Path) -> Result<Devices, getrandom::Error> {
        let path = state_dir.join("device.key");
        let mut key = [0; KEY + 1];
        if read(&path, &mut key).is_ok_and(|length| length == KEY) {
            return Ok(Devices::of(&key[..KEY]));
        }
        getrandom::fill(&mut key)?;
        if let Err(error) = write(&path, &key[..KEY]) {
            tracing::warn!(
                "{} cannot be written: {error}; known browsers are forgotten at the end",
                path.display()
            );
        }
        Ok(Devices::of(&key[..KEY]))
    }

    fn of(key: &[u8]) -> Devices {
        Devices { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// The number in the cookie of `account`, if its signature is ours.
    pub(super) fn known(&self, headers: &HeaderMap, account: &str) -> Option<[u8; NUMBER]> {
        let signed = URL_SAFE_NO_PAD.decode(guard::cookie(headers, &name(account))?).ok()?;
        let (number, signature) = signed.split_first_chunk::<NUMBER>().filter(|_| signed.len() == SIGNED)?;
        hmac::verify(&self.key, &messages(number, account), signature).ok()?;
        Some(*number)
    }

    /// The cookie that marks the browser as known for `account`; a known browser keeps its number.
    pub(super) fn cookie(&self, number: [u8; NUMBER], account: &str, secure: &str) -> Option<HeaderValue> {
        let signature = hmac::sign(&self.key, &messages(&number, account));
        let value = URL_SAFE_NO_PAD.encode([&number, signature.as_ref()].concat());
        let name = name(account);
        let cookie =
            format!("{name}={value}; Path=/api/v1; Max-Age={SECONDS}; HttpOnly; SameSite=Strict{secure}");
        HeaderValue::from_str(&cookie).ok()
    }
}

/// A number for a new browser.
pub(super) fn number() -> Result<[u8; NUMBER], getrandom::Error> {
    let mut number = [0; NUMBER];
    getrandom::fill(&mut number).map(|()| number)
}

/// The cookie's name. It differs by account, because several people may use one browser, and does not reveal
/// the account.
fn name(account: &str) -> String {
    let hash = session::key(account);
    format!("ocellus_device_{}", URL_SAFE_NO_PAD.encode(&hash[..6]))
}

/// The bytes that a cookie's signature covers.
fn messages(number: &[u8; NUMBER], account: &str) -> Vec<u8> {
    [b"device/1 ", &number[..], account.as_bytes()].concat()
}

fn read(path: &Path, key: &mut [u8]) -> std::io::Result<usize> {
    let mut file = File::open(path)?;
    let mut length = 0;
    loop {
        match file.read(&mut key[length..])? {
            0 => return Ok(length),
            read => length += read,
        }
    }
}

/// Written completely or not at all: a power failure must not leave half a key.
fn write(path: &Path, key: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("key.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(key)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    fn sent(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        HeaderMap::from_iter([(header::COOKIE, format!("a=b; {pair}").parse().unwrap())])
    }

    #[test]
    fn a_cookie_is_known_for_its_account_only_and_after_a_restart_too() {
        let dir = tempfile::tempdir().unwrap();
        let devices = Devices::open(dir.path()).unwrap();
        let cookie = devices.cookie([7; 16], "ann", "").unwrap();
        let headers = sent(&cookie);
        assert_eq!(Devices::open(dir.path()).unwrap().known(&headers, "ann"), Some([7; 16]));
        assert_eq!(devices.known(&headers, "joe"), None);
        // The same value, under the name of another account.
        let moved = cookie.to_str().unwrap().replace(&name("ann"), &name("joe"));
        assert_eq!(devices.known(&sent(&moved.parse().unwrap()), "joe"), None);
        std::fs::remove_file(dir.path().join("device.key")).unwrap();
        assert_eq!(Devices::open(dir.path()).unwrap().known(&headers, "ann"), None, "another key");
    }

    #[test]
    fn a_cookie_that_was_changed_is_nobodys() {
        let dir = tempfile::tempdir().unwrap();
        let devices = Devices::open(dir.path()).unwrap();
        let cookie = devices.cookie([7; 16], "ann", "").unwrap().to_str().unwrap().to_owned();
        let start = cookie.find('=').unwrap() + 1;
        for at in start..start + 64 {
            let mut bytes = cookie.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = HeaderValue::from_bytes(&bytes).unwrap();
            assert_eq!(devices.known(&sent(&changed), "ann"), None, "byte {at}");
        }
    }
}
