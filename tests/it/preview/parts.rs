//! Judged parts in the live view: shown for a while, and kept where somebody keeps them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ocellus::preview::PartPictures;
use ocellus::types::{
    Inspection, InspectionLatency, Layer, Outcome, PartPictureStore, Picture, Point, RoiResult, Stamp,
    Trigger, TriggerKind, Verdict,
};

use super::studio::{Setting, Studio, decode, wait_until};

/// Keeps what it is given.
#[derive(Default)]
struct FakeStore(Mutex<Vec<(u64, Outcome, Picture)>>);

impl PartPictureStore for FakeStore {
    fn keep(&self, inspection: &Arc<Inspection>, picture: &Picture) {
        self.0.lock().unwrap().push((inspection.id, inspection.outcome, picture.clone()));
    }
}

impl FakeStore {
    fn ids(&self) -> Vec<u64> {
        self.0.lock().unwrap().iter().map(|(id, _, _)| *id).collect()
    }
}

fn store() -> (Arc<FakeStore>, PartPictures) {
    let (store, part_pictures) = (Arc::new(FakeStore::default()), PartPictures::default());
    assert!(part_pictures.set(store.clone()).is_ok());
    (store, part_pictures)
}

/// The corners of the product's one region.
fn outlines() -> Arc<[Vec<Point>]> {
    let corners = [(40.0, 120.0), (120.0, 120.0), (120.0, 180.0), (40.0, 180.0)];
    Arc::new([corners.map(|(x, y)| Point { x, y }).to_vec()])
}

/// Judges the ring's newest frame.
fn judge(studio: &Studio, id: u64, verdict: Verdict) {
    let frame = studio.ring.newest().unwrap();
    let rois = vec![RoiResult { verdict, ..RoiResult::failed(&"hole".into(), "presence", "") }];
    let inspection = Inspection {
        recording: None,
        experiment: None,
        id,
        camera: "front".into(),
        trigger: Trigger { kind: TriggerKind::Timer, name: "clock".into(), at: Stamp::default(), text: None },
        product: "bracket".into(),
        recipe_revision: 1,
        golden_revision: 1,
        frame: Some((frame.seq, frame.captured)),
        outcome: Outcome::of(&rois, false),
        cause: None,
        pose: None,
        rois,
        latency: InspectionLatency::default(),
    };
    studio.preview.judged(&Arc::new(inspection), &outlines(), &frame);
}

#[test]
fn bad_parts_are_always_kept_and_good_ones_only_while_somebody_looks() {
    let (store, part_pictures) = store();
    let studio = Studio::new(Setting { part_pictures, ..Setting::default() });
    let mut writer = studio.ring.writer().unwrap();
    studio.commit(&mut writer, 0);
    for (id, verdict) in [(1, Verdict::Ok), (2, Verdict::Ng), (3, Verdict::Ok), (4, Verdict::Error)] {
        judge(&studio, id, verdict);
        if verdict != Verdict::Ok {
            wait_until("the bad part", || store.ids().last() == Some(&id));
        }
    }
    assert_eq!(store.ids(), [2, 4]);
    let viewer = studio.viewer(Layer::Drawn);
    studio.commit(&mut writer, 1);
    wait_until("somebody to look", || viewer.count() > 0);
    let mut id = 5;
    wait_until("a good part to be kept", || {
        judge(&studio, id, Verdict::Ok);
        id += 1;
        store.ids().last() > Some(&4)
    });
}

#[test]
fn without_an_part_store_and_without_viewers_no_part_is_drawn() {
    let studio = Studio::new(Setting::default());
    let mut writer = studio.ring.writer().unwrap();
    studio.commit(&mut writer, 0);
    judge(&studio, 1, Verdict::Ng);
    assert_eq!(studio.ring.leased(), 0);
    assert_eq!(studio.preview.counters().encoded.get(), 0);
}

#[test]
fn a_judged_part_is_shown_with_its_verdict_and_stays_before_live_frames_go_on() {
    let hold = Duration::from_millis(600);
    let studio = Studio::new(Setting { hold, ..Setting::default() });
    let mut writer = studio.ring.writer().unwrap();
    studio.commit(&mut writer, 0);
    let viewer = studio.viewer(Layer::Drawn);
    wait_until("a live picture", || viewer.count() > 0);
    judge(&studio, 1, Verdict::Ng);
    wait_until("the part", || studio.preview.counters().parts.get() == 1);
    let shown = Instant::now();
    let mut seq = 1;
    wait_until("live frames to go on", || {
        studio.commit(&mut writer, seq);
        seq += 1;
        std::thread::sleep(Duration::from_millis(10));
        viewer.newest() > Some(0)
    });
    assert!(shown.elapsed() >= hold - Duration::from_millis(100), "{:?}", shown.elapsed());
    let seen = viewer.seen.lock().unwrap();
    let part = seen.iter().rev().find(|picture| picture.frame_seq == 0).unwrap();
    let [r, g, b] = decode(&part.jpeg).get_pixel(40, 150).0;
    assert!(r > 130 && g < 110 && b < 110, "the region's edge is red: {:?}", [r, g, b]);
}

#[test]
fn of_too_many_parts_at_once_the_good_ones_give_way_and_are_counted() {
    let (store, part_pictures) = store();
    let studio = Studio::new(Setting { part_pictures, ..Setting::default() });
    let mut writer = studio.ring.writer().unwrap();
    studio.commit(&mut writer, 0);
    (1..=40).for_each(|id| judge(&studio, id, Verdict::Ng));
    let counters = studio.preview.counters();
    wait_until("every part to be drawn or counted", || {
        counters.parts.get() + counters.parts_missed.get() == 40
    });
    assert_eq!(store.ids().len() as u64, counters.parts.get());
    assert_eq!(store.ids().last(), Some(&40), "the newest is always drawn");
    wait_until("every slot to be free", || studio.ring.leased() == 0);
}
