//! Sends events to systemd's journal with their level and fields, for queries such as
//! `journalctl CAMERA=front -p warning`.

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::fields::Fields;

/// A layer that passes each event, as the journal's `NAME=value` fields, to `send`.
pub(super) struct Journal<S> {
    send: S,
}

impl Journal<fn(&[&str])> {
    /// Makes a layer that sends to the journal itself.
    pub(super) fn new() -> Journal<fn(&[&str])> {
        // An entry that the journal refuses is lost, because there is no second log for reporting it.
        Journal { send: |fields| drop(systemd::journal::send(fields)) }
    }
}

impl<S: Fn(&[&str]) + 'static, R: Subscriber> Layer<R> for Journal<S> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, R>) {
        let meta = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut lines = vec![
            // The custom fields are also appended to the message, because plain `journalctl` shows nothing
            // else.
            format!("MESSAGE={}{}", fields.message, fields.shown),
            format!("PRIORITY={}", priority(*meta.level())),
            format!("TARGET={}", meta.target()),
        ];
        lines.extend(meta.file().map(|file| format!("CODE_FILE={file}")));
        lines.extend(meta.line().map(|line| format!("CODE_LINE={line}")));
        lines.extend(std::thread::current().name().map(|name| format!("THREAD={name}")));
        lines.extend(fields.pairs.iter().map(|(name, value)| format!("{}={value}", journal_name(name))));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        (self.send)(&lines);
    }
}

/// The syslog number of a level.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// Converts a name to the journal's rules: upper-case letters, digits and `_`, not starting with `_` or a
/// digit. A name that starts otherwise, or has a meaning in the journal, gets the prefix `OCELLUS_`.
fn journal_name(name: &str) -> String {
    let mut upper: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let reserved = ["MESSAGE", "PRIORITY", "TARGET", "THREAD", "UNIT", "ERRNO"].contains(&upper.as_str())
        || ["CODE_", "SYSLOG_", "MESSAGE_", "OBJECT_", "COREDUMP_"]
            .iter()
            .any(|head| upper.starts_with(head));
    if reserved || !upper.starts_with(|c: char| c.is_ascii_uppercase()) {
        upper.insert_str(0, "OCELLUS_");
    }
    upper.truncate(64);
    upper
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn an_event_has_its_level_its_place_and_its_fields_in_the_journal() {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let journal = {
            let sent = sent.clone();
            let send = move |fields: &[&str]| sent.lock().unwrap().push(fields.join("|"));
            Journal { send }
        };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(journal), || {
            tracing::warn!(camera = "front", frames = 3, "late by {} ms", 7);
            tracing::debug!(unit = "mqtt", code_line = 1, _hidden = true);
        });
        let sent = sent.lock().unwrap();
        assert!(
            sent[0].starts_with(
                "MESSAGE=late by 7 ms camera=front frames=3|PRIORITY=4|TARGET=ocellus_runtime::"
            ),
            "{sent:?}"
        );
        assert!(
            sent[0].contains("|CODE_FILE=crates/runtime/src/telemetry/journal.rs|CODE_LINE="),
            "{sent:?}"
        );
        assert!(sent[0].ends_with("|CAMERA=front|FRAMES=3"), "{sent:?}");
        assert!(sent[1].contains("|PRIORITY=7|"), "{sent:?}");
        assert!(sent[1].ends_with("|OCELLUS_UNIT=mqtt|OCELLUS_CODE_LINE=1|OCELLUS__HIDDEN=true"), "{sent:?}");
    }
}
