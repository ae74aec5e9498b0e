//! Certificates that end: of the broker's authority, of this client, of the page. Of X.509 only the validity is read
//! (RFC 5280, 4.1); whether a certificate is trusted is decided where it is used.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::Note;
use crate::config::{MqttConfig, WebConfig, text};
use crate::types::{Explanation, rfc3339};

/// Days before the end from which on it is named.
const SOON_DAYS: i64 = 21;
const DAY_S: i64 = 86_400;
/// Tags of DER (X.690, 8).
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const EXPLICIT_VERSION: u8 = 0xa0;

/// The validity of every certificate that the broker's connection uses.
pub(super) fn of_broker(cfg: &MqttConfig) -> Vec<Note> {
    let Some(tls) = &cfg.tls else { return Vec::new() };
    let mut notes =
        of_file(&tls.ca_file, "mqtt.ca_file", "ask for the present certificate of the broker's authority");
    if let Some(file) = &tls.cert_file {
        notes.extend(of_file(
            file,
            "mqtt.cert_file",
            "have this client's certificate renewed by the broker's authority",
        ));
    }
    notes
}

/// The validity of the page's certificate.
pub(super) fn of_page(cfg: &WebConfig) -> Vec<Note> {
    let remedy = "put the renewed certificate in its place; the service reads it again by itself";
    cfg.tls.as_ref().map_or(Vec::new(), |tls| of_file(&tls.cert_file, "web.cert_file", remedy))
}

fn of_file(file: &Path, key: &str, renew: &str) -> Vec<Note> {
    let place = format!("{} ({key})", file.display());
    // A file that cannot be read is reported by the check of the connection that needs it.
    let Ok(pem) = text::read_pem(file) else { return Vec::new() };
    let certificates = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as i64;
    let ends: Vec<(i64, i64)> = certificates.filter_map(|one| validity(&one)).collect();
    // The first that ends decides: a chain is as good as its weakest certificate.
    let Some((begins, ends)) = ends.into_iter().min_by_key(|(_, ends)| *ends) else { return Vec::new() };
    vec![judged(place, (begins, ends), now, renew)]
}

fn judged(place: String, (begins, ends): (i64, i64), now: i64, renew: &str) -> Note {
    let shown = |seconds: i64| day(seconds);
    let remedy = format!("{renew}; or set the clock of this device, if it is wrong");
    if now >= ends {
        return Note::fault(
            place,
            Explanation::new(format!("the certificate expired on {}", shown(ends)), remedy),
        );
    }
    if now < begins {
        let cause = format!("the certificate is valid only from {} on", shown(begins));
        return Note::fault(place, Explanation::new(cause, remedy));
    }
    let days = (ends - now) / DAY_S;
    if days < SOON_DAYS {
        let cause = format!("the certificate expires in {days} days, on {}", shown(ends));
        return Note::warning(place, Explanation::new(cause, renew));
    }
    Note::ok(place, format!("valid until {}", shown(ends)))
}

fn day(seconds: i64) -> String {
    rfc3339(u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000_000)).chars().take(10).collect()
}

/// notBefore and notAfter, seconds since 1970; `None` where the bytes are no certificate.
fn validity(certificate: &[u8]) -> Option<(i64, i64)> {
    let (_, body, _) = element(certificate)?;
    let (_, tbs, _) = element(body)?;
    // The first version of the standard has no field for it.
    let (tag, _, behind) = element(tbs)?;
    let mut rest = if tag == EXPLICIT_VERSION { behind } else { tbs };
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (tag, validity, _) = element(rest)?;
    if tag != SEQUENCE {
        return None;
    }
    let (tag, begins, rest) = element(validity)?;
    let begins = time(tag, begins)?;
    let (tag, ends, _) = element(rest)?;
    Some((begins, time(tag, ends)?))
}

/// The tag and the content of the first element of `der`, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// A time of X.509: `YYMMDDHHMMSSZ` of 1950 to 2049, or `YYYYMMDDHHMMSSZ` (RFC 5280, 4.1.2.5).
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (if year < 50 { 2_000 + year } else { 1_900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<i8>().ok();
    let date = jiff::civil::Date::new(year, part(0)?, part(2)?).ok()?;
    let time = jiff::civil::Time::new(part(4)?, part(6)?, part(8)?, 0).ok()?;
    let zoned = date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examine::Severity;

    #[test]
    fn times_of_certificates_are_read_in_both_forms() {
        assert_eq!(time(UTC_TIME, b"700101000000Z"), Some(0));
        assert_eq!(time(UTC_TIME, b"261129235959Z"), Some(1_795_996_799));
        assert_eq!(time(GENERALIZED_TIME, b"20500101000000Z"), Some(2_524_608_000));
        for damaged in [&b"261329235959Z"[..], b"26", b"", b"abcdefghijklm"] {
            assert_eq!(time(UTC_TIME, damaged), None);
        }
    }

    #[test]
    fn a_certificate_is_judged_by_its_first_and_its_last_day() {
        let state = |now| judged("a.pem".into(), (10 * DAY_S, 100 * DAY_S), now * DAY_S, "renew").state;
        assert_eq!(
            [5, 50, 90, 100].map(state),
            [Severity::Fault, Severity::Ok, Severity::Warning, Severity::Fault]
        );
    }

    #[test]
    fn bytes_that_are_no_certificate_have_no_validity() {
        for bytes in
            [&b""[..], b"\x30", b"\x30\x84\xff\xff\xff\xff", b"\x30\x02\x30\x00", &[0x30, 0x80, 0, 0]]
        {
            assert_eq!(validity(bytes), None);
        }
    }
}
