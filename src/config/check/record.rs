//! Checks `[recorder]`, and `record = { … }` of a camera.

use std::path::{Component, Path};

use jiff::tz::TimeZone;

use super::attendance;
use crate::config::raw::TomlTable;
use crate::config::value::PlacedValue;
use crate::config::{
    CameraConfig, ClipEncoding, Device, EvidenceConfig, RecordAs, RecordConfig, RecordLayer, RecordOn,
    RecorderConfig,
};

/// Longest name that a pattern may give, in bytes; the suffixes of collisions and layers come on top of it.
const MOST_PATTERN: usize = 160;

pub(super) fn recorder(table: TomlTable<'_, '_>) -> RecorderConfig {
    let usual = RecorderConfig::default();
    let zone = table.get("time_zone").and_then(|field| match field.text()? {
        "local" => Some(TimeZone::system()),
        _ => attendance::zone(&field),
    });
    let max_count: u32 = table.whole("max_count", usual.max_count as u32, 1..=10_000_000);
    let max_mib: u32 = table.whole("max_mib", (usual.max_bytes >> 20) as u32, 1..=1 << 26);
    let reserve_mib: u32 = table.whole("reserve_mib", (usual.reserve_bytes >> 20) as u32, 1..=1 << 24);
    let recorder = RecorderConfig {
        dir: table.folder("dir"),
        max_days: table.whole("max_days", usual.max_days, 0..=36_500),
        max_count: u64::from(max_count),
        max_bytes: u64::from(max_mib) << 20,
        reserve_bytes: u64::from(reserve_mib) << 20,
        zone: zone.unwrap_or(usual.zone),
    };
    table.finish();
    recorder
}

/// Notes a folder in which the limits of recordings could touch the files of another part. Where no folder is named,
/// that of the state directory is checked if something is recorded.
pub(super) fn own_folder(root: &TomlTable<'_, '_>, recorder: &RecorderConfig, others: &OtherFolders<'_>) {
    let state = &others.device.state_dir;
    let evidence_dir = others.evidence.root(state);
    let (own, table) = (root.table("recorder"), root.table("evidence"));
    let is_named = recorder.dir.is_some();
    if !is_named && others.cameras.iter().all(|camera| camera.record.is_none()) {
        return;
    }
    let dir = recorder.root(state);
    if dir.starts_with(&evidence_dir) || evidence_dir.starts_with(&dir) {
        match (own.get("dir").filter(|_| is_named), table.get("dir")) {
            (Some(field), _) => field.fault(
                format!("the evidence of inspections is in {}", evidence_dir.display()),
                "give recordings a folder of their own",
            ),
            (None, Some(field)) => field.fault(
                format!("recordings are in {}", dir.display()),
                "give the evidence a folder of its own, or name another one in recorder.dir",
            ),
            (None, None) => {}
        }
    } else if let Some(field) = own.get("dir")
        && (state.starts_with(&dir) || (dir.starts_with(state) && !is_free_below(state, &dir)))
    {
        let own_folder = RecorderConfig::default().root(state);
        field.fault(
            format!("the service keeps its own files in {}", state.display()),
            format!("give recordings a folder of their own, such as {}", own_folder.display()),
        );
    }
}

/// What else keeps files, or records.
pub(super) struct OtherFolders<'a> {
    pub(super) device: &'a Device,
    pub(super) evidence: &'a EvidenceConfig,
    pub(super) cameras: &'a [CameraConfig],
}

/// Whether `dir`, which is below the state directory, is not one of the service's own folders.
fn is_free_below(state: &Path, dir: &Path) -> bool {
    const TAKEN: [&str; 6] = ["store", "evidence", "goldens", "gallery", "jobs", "jobs-in"];
    let first = dir.strip_prefix(state).ok().and_then(|rest| rest.components().next());
    first.is_some_and(|first| !TAKEN.iter().any(|taken| first.as_os_str() == *taken))
}

/// Reads `record` of `camera`, whose other keys have been read.
pub(super) fn record(table: TomlTable<'_, '_>, camera: &CameraConfig) -> RecordConfig {
    let what = table.word("as", &[("jpeg", RecordAs::Pictures), ("clip", RecordAs::Clips)]);
    let layers =
        [("raw", RecordLayer::Raw), ("annotated", RecordLayer::Annotated), ("both", RecordLayer::Both)];
    let encodings =
        [("auto", ClipEncoding::Auto), ("h264", ClipEncoding::H264), ("mjpeg", ClipEncoding::Mjpeg)];
    let is_events = table.word("mode", &[("continuous", false), ("events", true)]).unwrap_or(false);
    let on = table.get("on");
    if let (Some(field), false) = (&on, is_events) {
        field.fault("a continuous recording needs no events", "remove it, or set mode = \"events\"");
    }
    let on = is_events.then(|| match on {
        Some(field) => events(&field, camera),
        None => {
            table.fault(
                "on",
                "no event is named",
                "write on = [\"zone\"] or another of ng, error, trigger, zone, line, attendance",
            );
            RecordOn::default()
        }
    });
    let clip_s: u32 = table.whole("clip_s", 60, 1..=3_600);
    let record = RecordConfig {
        what: what.unwrap_or(RecordAs::Pictures),
        on,
        every: table.whole("every", 1, 1..=100_000),
        layer: table.word("layer", &layers).unwrap_or_default(),
        quality: table.whole("quality", 85, 1..=100),
        width: table.whole("width", 0u32, 0..=16_384) as usize,
        pattern: table
            .get("pattern")
            .and_then(|field| pattern(&field))
            .unwrap_or_else(|| RecordConfig::PATTERN.into()),
        sidecar: table.boolean("sidecar", true),
        clip: std::time::Duration::from_secs(u64::from(clip_s)),
        encoding: table.word("encoding", &encodings).unwrap_or_default(),
        pre_roll: table.millis("pre_roll_ms", 2_000, 0..=60_000),
        post_roll: table.millis("post_roll_ms", 5_000, 0..=600_000),
    };
    table.finish();
    record
}

fn events(field: &PlacedValue<'_, '_>, camera: &CameraConfig) -> RecordOn {
    const WORDS: [(&str, &str); 6] = [
        ("ng", "ng"),
        ("error", "error"),
        ("trigger", "trigger"),
        ("zone", "zone"),
        ("line", "line"),
        ("attendance", "attendance"),
    ];
    let mut on = RecordOn::default();
    let items = field.items("events").unwrap_or_default();
    if items.is_empty() {
        field.fault("no event is named", "name at least one of ng, error, trigger, zone, line, attendance");
    }
    for item in items {
        let Some(word) = item.word(&WORDS) else { continue };
        let (wanted, is_there, remedy) = match word {
            "ng" => (&mut on.ng, camera.inspect.is_some(), "add inspect = { … }"),
            "error" => (&mut on.error, camera.inspect.is_some(), "add inspect = { … }"),
            "trigger" => (&mut on.trigger, camera.inspect.is_some(), "add inspect = { … }"),
            "zone" => (&mut on.zone, !camera.zones.is_empty(), "add zones = [{ … }]"),
            "line" => (&mut on.line, !camera.lines.is_empty(), "add lines = [{ … }]"),
            _ => (&mut on.attendance, camera.recognise.is_some(), "add recognise = true"),
        };
        *wanted = true;
        if !is_there {
            let reason = format!("this camera never has the event \"{word}\"");
            item.fault(reason, format!("{remedy} to the camera, or remove the event"));
        }
    }
    on
}

fn pattern(field: &PlacedValue<'_, '_>) -> Option<String> {
    let text = field.text()?;
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let inner = rest[at..].strip_prefix('{').and_then(|inner| inner.split_once('}'));
        match inner {
            Some((name, tail)) if RecordConfig::PLACES.contains(&name) => rest = tail,
            Some((name, _)) => {
                let known = RecordConfig::PLACES.map(|place| format!("{{{place}}}")).join(", ");
                field.fault(format!("there is no place {{{name}}}"), format!("use {known}"));
                return None;
            }
            None => {
                field.fault("a brace has no partner", "write places as {camera}");
                return None;
            }
        }
    }
    let path = Path::new(text);
    let is_below = path.components().all(|part| matches!(part, Component::Normal(_)));
    let is_hidden = |part: Component<'_>| part.as_os_str().to_string_lossy().starts_with('.');
    let says_control = text.chars().any(char::is_control);
    if text.is_empty() || text.ends_with('/') || !is_below || path.components().any(is_hidden) || says_control
    {
        field.fault(
            "the name has to stay below the recorder's folder and must not be hidden",
            format!("write a relative path such as \"{}\"", RecordConfig::PATTERN),
        );
        return None;
    }
    if text.len() > MOST_PATTERN {
        field.fault("the name is too long", format!("write at most {MOST_PATTERN} bytes"));
        return None;
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::is_free_below;

    #[test]
    fn recordings_may_have_any_folder_of_the_state_directory_that_no_other_part_has() {
        let state = Path::new("/var/lib/ocellus");
        for taken in ["", "store", "evidence/2026", "goldens", "gallery", "jobs", "jobs/7", "jobs-in"] {
            assert!(!is_free_below(state, &state.join(taken)), "{taken}");
        }
        for free in ["recordings", "jobs-recorded", "a/jobs"] {
            assert!(is_free_below(state, &state.join(free)), "{free}");
        }
    }
}
