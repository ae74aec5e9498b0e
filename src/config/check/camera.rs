//! Checks `[[camera]]`: the source, its pace, and what is done with its frames.

use std::path::PathBuf;

use super::model::known_model;
use super::{SectionScope, attendance, faces, inspect, mqtt, preview, record, tcp, zones};
use crate::config::raw::TomlTable;
use crate::config::source::{self, SourceError};
use crate::config::{
    Anchor, CameraConfig, DetectConfig, FacesConfig, LaunchLine, ModelConfig, Pace, Source, SourceUrl,
    TrackConfig, V4l2,
};

/// Allowed slots of a ring. Fewer cannot overlap capture and inference; more would hold too many of the
/// source's buffers.
const RING_SLOTS: std::ops::RangeInclusive<u32> = 2..=64;

pub(super) fn cameras(
    root: &TomlTable<'_, '_>,
    scope: &SectionScope,
    models: &[ModelConfig],
    faces: &FacesConfig,
) -> Vec<CameraConfig> {
    let mut cameras: Vec<CameraConfig> = Vec::new();
    let tables = root.tables("camera");
    if tables.is_empty() {
        root.fault("camera", "no camera is configured", "add a [[camera]] with a name and a source");
    }
    for table in tables {
        let camera = camera(&table, scope, models, faces);
        super::unique(&table, "camera", &camera.name, cameras.iter().map(|known| known.name.as_str()));
        own_barrier(&table, &camera, &cameras);
        tcp::own_addresses(&table, &camera, &cameras);
        cameras.push(camera);
        table.finish();
    }
    cameras
}

/// Notes a light barrier whose path another camera uses.
fn own_barrier(table: &TomlTable<'_, '_>, camera: &CameraConfig, before: &[CameraConfig]) {
    let Some(path) = camera.source.barrier() else { return };
    let Some(index) = before.iter().position(|known| known.source.barrier() == Some(path)) else { return };
    if let Some(field) = table.get("source") {
        let reason = format!("camera[{index}] has its light barrier at {} too", path.display());
        field.fault(reason, "give each barrier a different path");
    }
}

fn camera(
    table: &TomlTable<'_, '_>,
    scope: &SectionScope,
    models: &[ModelConfig],
    faces: &FacesConfig,
) -> CameraConfig {
    let name = table.need("name", "write name = \"front\"").and_then(|field| super::topic_level(&field));
    let (source, source_text) = source(table, scope);
    let (username, password_file) = login(table, scope, &source);
    let tcp = tcp::tcp(table, scope, &source);
    let detect = table.table_if("detect").map(|table| detect(table, models));
    let zones = zones::zones(table);
    let attendance = attendance::camera(table.table("attendance"), &zones);
    let mut camera = CameraConfig {
        // A missing name is already a fault; the key's path keeps it out of the search for duplicates.
        name: name.unwrap_or_else(|| table.path_of("")),
        source,
        source_text,
        username,
        password_file,
        pace: table.word("pace", &[("live", Pace::Live), ("max", Pace::Max)]).unwrap_or_default(),
        repeat: table.boolean("repeat", false),
        watch: table.boolean("watch", false),
        skip_frames: table.whole("skip_frames", 0, 0..=100_000),
        ring_slots: table.whole("ring_slots", 8, RING_SLOTS) as usize,
        frozen_after: table.millis("frozen_after_ms", 2_000, 50..=3_600_000),
        reconnect: table.millis("reconnect_ms", 500, 10..=600_000),
        reconnect_max: table.millis("reconnect_max_ms", 30_000, 10..=3_600_000),
        images_fps: table.whole("images_fps", 10, 1..=1_000),
        v4l2: v4l2(table.table("v4l2")),
        tcp,
        track: table.table_if("track").map(track),
        recognise: None,
        zones,
        lines: zones::lines(table),
        inspect: table.table_if("inspect").map(|table| inspect::inspect(table, scope)),
        preview: preview::preview(table.table("preview")),
        attendance,
        record: None,
        detect,
    };
    if camera.reconnect > camera.reconnect_max {
        table.fault(
            "reconnect_ms",
            "the first pause is longer than reconnect_max_ms",
            "lower it, or raise the other",
        );
    }
    check_watch(table, &camera);
    if camera.track.is_some() && camera.detect.is_none() {
        table.fault("track", "there is nothing to track", "add detect = { model = \"…\" }, or remove track");
    }
    camera.recognise = faces::recognise(table, &camera, faces, models);
    if camera.track.is_none() {
        let places = [("zones", camera.zones.is_empty()), ("lines", camera.lines.is_empty())];
        for (key, _) in places.into_iter().filter(|(_, empty)| !empty) {
            table.fault(key, "only tracked objects enter or cross them", "add track = {}, or remove them");
        }
    }
    camera.record = table.table_if("record").map(|table| record::record(table, &camera));
    if let Some(inspect) = &camera.inspect {
        inspect::check_slots(table, inspect, camera.ring_slots);
    }
    camera
}

/// Notes `watch` where the source is not a folder, or where `repeat` would show its pictures again.
fn check_watch(table: &TomlTable<'_, '_>, camera: &CameraConfig) {
    let Some(field) = table.get("watch").filter(|_| camera.watch) else { return };
    if !matches!(camera.source, Source::Images(_)) {
        field.fault("only a folder can be watched for new pictures", "use it with images://, or remove it");
    } else if camera.repeat {
        let reason = "watch waits for new pictures, and repeat shows the same ones again";
        field.fault(reason, "choose one: repeat also reads the folder again in each round");
    }
}

fn source(table: &TomlTable<'_, '_>, scope: &SectionScope) -> (Source, String) {
    let absent = (Source::Launch(LaunchLine::new("")), String::new());
    let field = table.need("source", "write source = \"file:///path/video.mp4\" or another source");
    let Some((field, text)) = field.and_then(|field| field.text().map(|text| (field, text))) else {
        return absent;
    };
    match source::parse(text, |path| scope.files.resolve(path)) {
        Ok(source) => (source, source::shown(text)),
        Err(SourceError { reason, remedy }) => {
            field.fault(reason, remedy);
            absent
        }
    }
}

/// Reads `username` and `password_file` of a source with a URL.
fn login(
    table: &TomlTable<'_, '_>,
    scope: &SectionScope,
    source: &Source,
) -> (Option<String>, Option<PathBuf>) {
    let [name, file] = ["username", "password_file"].map(|key| table.get(key));
    if table.get("password").is_some() {
        let remedy =
            "write it into a separate file that only the service can read, and name that in password_file";
        table.fault("password", "a password must not be in the configuration", remedy);
    }
    let url = match source {
        Source::Rtsp(url) | Source::Http(url) => Some(url),
        _ => None,
    };
    let needless = match url.map(SourceUrl::user) {
        None => Some("this belongs to an rtsp:// or http:// source"),
        Some(Some(_)) => Some("the URL already names a user"),
        Some(None) => None,
    };
    if let Some(reason) = needless {
        for field in [&name, &file].into_iter().flatten() {
            field.fault(reason, "remove this key, or take user and password out of the URL");
        }
        return (None, None);
    }
    if let (None, Some(file)) = (&name, &file) {
        file.fault("there is a password_file but no username", "add username = \"…\"");
    }
    let file = file.and_then(|field| mqtt::password_file(&field, scope));
    (name.and_then(|field| Some(field.text()?.to_owned())), file)
}

fn detect(table: TomlTable<'_, '_>, models: &[ModelConfig]) -> DetectConfig {
    let field = table.need("model", "write model = \"NAME\" of a [model.NAME]");
    let name = field.and_then(|field| {
        known_model(&field, models, " with its path");
        Some(field.text()?.to_owned())
    });
    let detect = DetectConfig {
        model: name.unwrap_or_default(),
        every: table.whole("every", 1, 1..=100_000),
        min_score: table.number("min_score", 0.0..=1.0),
    };
    table.finish();
    detect
}

fn track(table: TomlTable<'_, '_>) -> TrackConfig {
    let usual = TrackConfig::default();
    let number = |key, range| table.number(key, range);
    let track = TrackConfig {
        iou: number("iou", 0.01..=1.0).unwrap_or(usual.iou),
        low_score: number("low_score", 0.0..=1.0).unwrap_or(usual.low_score),
        min_frames: table.whole("min_frames", usual.min_frames, 1..=10_000),
        max_gap: table.whole("max_gap", usual.max_gap, 0..=10_000),
        update_every: table.millis("update_every_ms", 1_000, 0..=3_600_000),
        anchor: table
            .word("anchor", &[("centre", Anchor::Centre), ("bottom", Anchor::Bottom)])
            .unwrap_or(usual.anchor),
        margin: number("margin", 0.0..=0.5).unwrap_or(usual.margin),
    };
    table.finish();
    track
}

fn v4l2(table: TomlTable<'_, '_>) -> V4l2 {
    let requested =
        |key, range| Some(table.get(key)?.whole(range)? as u32).filter(|requested| *requested > 0);
    let v4l2 = V4l2 {
        width: requested("width", 0..=16_384),
        height: requested("height", 0..=16_384),
        fps: requested("fps", 0..=1_000),
    };
    table.finish();
    v4l2
}
