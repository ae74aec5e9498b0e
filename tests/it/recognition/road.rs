//! What happens between the lane and recognition when things go wrong, when the gallery changes, and on the heap.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ocellus::engine::Runtime;
use ocellus::recognition::{FaceItem, GalleryIndex};
use ocellus::scheduler::{Cause, Executor};
use ocellus::supervisor::{Beat, Stop};
use ocellus::types::{Frame, PixelFormat, Stamp};

use super::scenario::{Scenario, camera, hold, recognition};
use super::support::{data, enrol, packed, rgb, runtimes, study};
use crate::heap::requests;

const PICTURE: &str = "images/faces/person_B/asl_bird_0.3.png";

/// One frame with one person, and a gallery of that person under this name.
fn person(runtime: &Runtime, data: &Path, name: &str) -> (Frame, GalleryIndex) {
    let picture = rgb(&data.join(PICTURE));
    let studied = study(runtime, data).picture(&picture.planes()).unwrap();
    let bytes: Arc<[u8]> = packed(&picture, PixelFormat::I420).into();
    let shape = (PixelFormat::I420, picture.width, picture.height);
    let frame = Frame::from_memory(0, Stamp::default(), shape, bytes).unwrap();
    (frame, GalleryIndex::new(enrol(&[(name, &studied.embedding)])).unwrap())
}

/// Fails and panics in turn.
struct Broken(Arc<AtomicU64>);

impl Executor<FaceItem> for Broken {
    fn run(&mut self, _: &mut FaceItem) -> Result<(), Cause> {
        match self.0.fetch_add(1, Ordering::Relaxed) % 2 {
            0 => Err("the model fell over".into()),
            _ => panic!("the model fell over loudly"),
        }
    }
}

#[test]
fn a_face_whose_recognition_fails_frees_its_place_and_is_tried_again() {
    let Some(data) = data() else { return };
    let Some(runtime) = runtimes().pop() else { return };
    let camera = camera(&data, "scene:", "");
    let (frame, index) = person(&runtime, &data, "B");
    let looks = Arc::new(AtomicU64::new(0));
    let scenario = Scenario::new((&runtime, &data), &camera, index, 2, |_| {
        let looks = looks.clone();
        Arc::new(move || Ok(Box::new(Broken(looks.clone())) as Box<dyn Executor<FaceItem>>))
    });
    // More looks than there are places in the order.
    scenario.run(|writer| {
        for seq in 0..100 {
            hold(&frame, seq..seq + 1, 250_000_000, writer);
            scenario.settle();
        }
    });
    let failed = scenario.faces.counters.failed.get();
    assert!(failed > 80 && failed == looks.load(Ordering::Relaxed), "{failed} failed");
    assert!(scenario.sightings.all().is_empty());
    assert!(scenario.names.all().iter().all(|(_, names)| names.iter().all(Option::is_none)));
}

#[test]
fn a_gallery_that_changes_is_in_force_at_once() {
    let Some(data) = data() else { return };
    let Some(runtime) = runtimes().pop() else { return };
    let camera = camera(&data, "scene:", "");
    let (frame, before) = person(&runtime, &data, "Bea");
    let (_, renamed) = person(&runtime, &data, "Bianca");
    let scenario =
        Scenario::new((&runtime, &data), &camera, before, 2, |gallery| recognition(&runtime, &data, gallery));
    let names = |from: usize| -> Vec<String> {
        let all = scenario.names.all();
        all[from..].iter().flat_map(|(_, f)| f.iter().flatten().map(|n| n.to_string())).collect()
    };
    scenario.run(|writer| {
        hold(&frame, 0..30, 33_000_000, writer);
        scenario.settle();
        assert_eq!(names(0).last().map(String::as_str), Some("Bea"));
        scenario.gallery.set(Arc::new(renamed));
        hold(&frame, 30..60, 33_000_000, writer);
        scenario.settle();
        assert_eq!(names(30).last().map(String::as_str), Some("Bianca"));
        assert!(
            names(30).iter().all(|name| name == "Bianca"),
            "the former name is gone with the former gallery"
        );
        scenario.gallery.set(Arc::new(GalleryIndex::default()));
        hold(&frame, 60..90, 33_000_000, writer);
        scenario.settle();
        assert!(names(60).iter().all(|name| name == "unknown") && !names(60).is_empty());
    });
}

#[test]
fn a_person_who_stays_is_reported_every_second_with_a_look_every_few_seconds_only() {
    let Some(data) = data() else { return };
    let Some(runtime) = runtimes().pop() else { return };
    let camera = camera(&data, "scene:", "");
    let (frame, index) = person(&runtime, &data, "B");
    let scenario =
        Scenario::new((&runtime, &data), &camera, index, 2, |gallery| recognition(&runtime, &data, gallery));
    // Twelve seconds, ten frames a second.
    scenario.run(|writer| hold(&frame, 0..120, 100_000_000, writer));
    let (reported, looks) = (scenario.sightings.all(), scenario.faces.counters.answered.get());
    assert!((5..=8).contains(&looks), "{looks} looks: two to agree, then one in three seconds");
    assert!((10..=20).contains(&reported.len()), "told {} times", reported.len());
    let gaps: Vec<u64> = reported.windows(2).map(|w| w[1].captured.mono_ns - w[0].captured.mono_ns).collect();
    assert!(gaps.iter().all(|gap| *gap <= 1_200_000_000), "{gaps:?}");
    assert!(
        reported
            .iter()
            .all(|s| s.identity.as_ref().is_some_and(|who| &*who.name == "B") && s.similarity > 0.9)
    );
}

#[test]
fn faces_on_their_way_allocate_nothing() {
    let Some(data) = data() else { return };
    let Some(runtime) = runtimes().pop() else { return };
    // A look at each frame, as nearly as it goes: the queue, the order and both kinds of telling are used.
    let camera = camera(&data, "scene:", "recheck_ms = 100");
    let (frame, index) = person(&runtime, &data, "B");
    let scenario =
        Scenario::new((&runtime, &data), &camera, index, 1, |gallery| recognition(&runtime, &data, gallery));
    let worker = scenario.scheduler.workers()[0].clone();
    let mut writer = scenario.ring.writer().unwrap();
    let mut work = |frames: std::ops::Range<u64>| {
        let stop = Stop::new();
        let mut count = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                hold(&frame, frames, 110_000_000, &mut writer);
                scenario.settle();
                stop.stop();
                scenario.bell.ring_all();
            });
            let beat = Beat::new();
            // The one worker is this thread, whose requests are counted.
            count = requests(|| worker.run(&stop, &beat));
        });
        count
    };
    work(0..60);
    let looks = scenario.faces.counters.answered.get();
    scenario.sightings.reserve();
    scenario.names.pause();
    let count = work(60..160);
    let looks = scenario.faces.counters.answered.get() - looks;
    assert!(looks > 50, "{looks} looks only");
    assert_eq!(count, 0, "in 100 frames and {looks} looks");
}
