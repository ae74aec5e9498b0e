//! The profile that ships, on the scene: taught as its head says, and held against the scene's ground truth.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use image::RgbImage;
use ocellus::camera::scene::{Scene, SceneOptions, Shape};
use ocellus::image::{Preprocessor, Target};
use ocellus::types::{PixelFormat, Planes};
use serde_json::json;

use crate::inspection::scenario::{Scenario, copy_files};
use crate::support::complaint;
use crate::support::messages::retained;

/// Frames of the run, at the pace of the clock: twenty-six parts pass in 47 seconds. Painted faster than that, a part
/// has left the beam when a busy machine hears its trigger.
const FRAMES: u64 = 1_400;
const SEED: u64 = 9;

/// Pictures of `count` sound parts in the light barrier from frame 400 on, as `ocellus scene` paints them.
fn teach(folder: &Path, count: usize) -> Vec<String> {
    let options = SceneOptions { seed: SEED, line: Some(Shape::Plate), ..SceneOptions::default() };
    let mut scene = Scene::new(options).unwrap();
    let mut frame = vec![0; scene.frame_bytes()];
    let mut paths = Vec::new();
    for n in 400.. {
        if paths.len() == count {
            break;
        }
        let Some(passage) = scene.passage(n).filter(|passage| passage.defect.is_none()) else { continue };
        scene.paint(n, &mut frame);
        let path = folder.join(format!("part-{}.png", passage.part_id));
        rgb(&frame).save(&path).unwrap();
        paths.push(path.display().to_string());
    }
    paths
}

fn rgb(frame: &[u8]) -> RgbImage {
    let target = Target::rgb(640, 480);
    let planes = Planes::packed(PixelFormat::I420, 640, 480, frame).unwrap();
    let mut out = vec![0; 640 * 480 * 3];
    Preprocessor::new(target).run(&planes, None, &mut out).unwrap();
    RgbImage::from_raw(640, 480, out).unwrap()
}

/// What each part really is, of those that pass the barrier in the first frames.
fn truth() -> BTreeMap<u64, bool> {
    let options = SceneOptions { seed: SEED, line: Some(Shape::Plate), ..SceneOptions::default() };
    let mut scene = Scene::new(options).unwrap();
    let passages = (0..FRAMES).filter_map(|n| scene.passage(n));
    passages.map(|passage| (passage.part_id, passage.defect.is_none())).collect()
}

/// The shipped profile with this broker and state directory, and an end.
fn config(scenario: &Scenario) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    copy_files(&shipped.join("recipes"), &scenario.fixture.path("recipes"));
    let text = fs::read_to_string(shipped.join("inspection.toml")).unwrap();
    let ending = text.replace("&barrier=", &format!("&frames={FRAMES}&barrier="));
    assert_ne!(text, ending);
    let own = format!(
        "\n[device]\nname = \"box1\"\nstate_dir = \"{}\"\n[mqtt]\nurl = \"mqtt://127.0.0.1:{}\"\n",
        scenario.fixture.state_dir.display(),
        scenario.broker.port
    );
    fs::write(scenario.fixture.config_path(), ending + &own).unwrap();
}

#[test]
fn the_profile_as_shipped_judges_every_part_once_and_the_scene_knows_how_well() {
    let scenario = Scenario::new();
    config(&scenario);
    let pictures = teach(scenario.fixture.dir.path(), 8);
    let mut arguments = vec!["golden", "add", "plate"];
    arguments.extend(pictures.iter().map(String::as_str));
    let taught = scenario.fixture.command(&arguments);
    assert!(taught.status.success(), "{}", complaint(&taught));

    let mut service = scenario.fixture.run();
    assert_eq!(service.exit_within(Duration::from_secs(180)), Some(0), "{}", service.log());
    let truth = truth();
    let reported = scenario.wait_inspections("line1", 25);
    scenario.account("line1");
    retained(scenario.broker.port, "line1/trigger");
    println!("{}", service.log().lines().filter(|line| line.contains("parts:")).collect::<String>());

    let mut verdicts: BTreeMap<u64, &str> = BTreeMap::new();
    for reported in &reported {
        let text = reported["trigger"]["text"].as_str().unwrap();
        let part = text.strip_prefix("part-").unwrap().parse().unwrap();
        let doubled = verdicts.insert(part, reported["verdict"].as_str().unwrap());
        assert!(doubled.is_none(), "part {part} has two verdicts");
    }
    let count = |sound: bool, verdict: &str| {
        verdicts.iter().filter(|(part, said)| truth[*part] == sound && **said == verdict).count()
    };
    let (passed, caught) = (count(true, "ok"), count(false, "ng"));
    let (escapes, false_calls) = (count(false, "ok"), count(true, "ng"));
    let judged = passed + caught + escapes + false_calls;
    println!(
        "{} parts, {} verdicts: {passed} sound passed, {caught} flawed caught, {escapes} escapes, {false_calls} false \
         calls, {} not judged",
        truth.len(),
        verdicts.len(),
        verdicts.len() - judged
    );
    let unheard: Vec<&u64> = truth.keys().filter(|part| !verdicts.contains_key(part)).collect();
    println!("parts without a verdict: {unheard:?}");
    let causes: Vec<_> = reported.iter().filter_map(|reported| reported["cause"].as_str()).collect();
    println!("causes: {causes:?}");
    // Every part, from the first to the last, has exactly one verdict: none lost, none doubled.
    assert!(verdicts.len() >= 25);
    assert_eq!(verdicts.keys().collect::<Vec<_>>(), truth.keys().collect::<Vec<_>>());
    let handshake = scenario.watcher.json("line1/trigger").pop().unwrap();
    assert_eq!((&handshake["ready"], &handshake["in_flight"]), (&json!(false), &json!(0)), "{handshake}");
    assert_eq!(handshake["triggers"], verdicts.len(), "{handshake}");
    assert!(scenario.watcher.json("line1/trigger").iter().any(|reported| reported["ready"] == true));
    // The figures that were reached; the scene is the same each time.
    assert_eq!((escapes, false_calls, verdicts.len() - judged), (0, 0, 0));
}
