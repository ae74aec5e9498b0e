//! MOTA, IDF1 and ID switches in random worlds, beside the tracker that was there before, on the same detections.

use ocellus::config::TrackConfig;
use ocellus::tracking::{Events, Tracker};
use ocellus::types::Report;

use super::MIN_SCORE;
use super::clear::{Judge, Numbered, Score};
use super::greedy::Greedy;
use super::world::{self, Nature, Seen};

/// What a reader of the reports sees of the tracker: reported findings that have a track.
pub fn tracked(report: &Report) -> Vec<Numbered> {
    let reported = report.findings.iter().filter(|finding| finding.score >= MIN_SCORE);
    reported.filter_map(|finding| Some((finding.track?, finding.rect()?))).collect()
}

/// The figures of the tracker, and of the one before.
pub fn both(frames: &[Seen], settings: &TrackConfig) -> [Score; 2] {
    let mut tracker = Tracker::new(settings.clone(), 0);
    tracker.set_min_score(MIN_SCORE);
    let mut greedy = Greedy::new(settings.clone(), MIN_SCORE);
    let mut judges = [Judge::default(), Judge::default()];
    for frame in frames {
        let (mut ours, mut theirs) = (frame.report.clone(), frame.report.clone());
        tracker.update(&mut ours, &mut Events::new());
        greedy.update(&mut theirs);
        judges[0].frame(&frame.truths, &tracked(&ours));
        judges[1].frame(&frame.truths, &tracked(&theirs));
    }
    judges.map(Judge::score)
}

pub fn reported(name: &str, [ours, theirs]: &[Score; 2]) {
    for (who, score) in [("Ocellus", ours), ("greedy before", theirs)] {
        println!(
            "{name:<10} {who:<14} MOTA {:.4}, IDF1 {:.4}, {} ID switches; {} objects' frames, {} missed, {} false",
            score.mota(),
            score.idf1(),
            score.switches,
            score.truths,
            score.missed,
            score.false_boxes
        );
    }
}

/// Eight worlds of a kind.
fn worlds(name: &str, nature: &Nature) -> [Score; 2] {
    let mut sums = [Score::default(); 2];
    for seed in 0..8 {
        let scores = both(&world::watch(nature, 9_000 + seed), &TrackConfig::default());
        sums.iter_mut().zip(&scores).for_each(|(sum, score)| sum.add(score));
    }
    reported(name, &sums);
    sums
}

const STREET: Nature = Nature {
    objects: 10,
    width: (40.0, 90.0),
    speed: 5.0,
    restless: 0.3,
    miss: 0.03,
    invented: 0.3,
    tremble: 0.03,
    skipped: 0.0,
    frames: 400,
};

/// What is asserted of a kind of world, with a margin below what was measured: least MOTA and IDF1, most ID switches, and how much of the former tracker's.
struct Floor {
    mota: f64,
    idf1: f64,
    switches: u64,
    share: f64,
}

fn hold(name: &str, nature: &Nature, floor: &Floor) {
    let [ours, theirs] = worlds(name, nature);
    assert!(ours.mota() >= floor.mota, "{name}: MOTA {:.4}", ours.mota());
    assert!(ours.idf1() >= floor.idf1, "{name}: IDF1 {:.4}", ours.idf1());
    assert!(ours.switches <= floor.switches, "{name}: {} ID switches", ours.switches);
    let most = theirs.switches as f64 * floor.share;
    assert!(
        ours.switches as f64 <= most,
        "{name}: {} ID switches, before {}",
        ours.switches,
        theirs.switches
    );
}

#[test]
fn people_of_a_street_keep_their_numbers() {
    hold("street", &STREET, &Floor { mota: 0.92, idf1: 0.86, switches: 32, share: 0.75 });
}

#[test]
fn a_crowd_whose_people_hide_one_another_keeps_most_of_them() {
    let crowd = Nature { objects: 30, width: (60.0, 120.0), ..STREET };
    hold("crowd", &crowd, &Floor { mota: 0.79, idf1: 0.64, switches: 430, share: 0.9 });
}

#[test]
fn frames_that_never_come_do_not_cost_the_numbers() {
    let skipped = Nature { skipped: 0.5, speed: 8.0, ..STREET };
    hold("skipped", &skipped, &Floor { mota: 0.9, idf1: 0.74, switches: 95, share: 0.4 });
}

#[test]
fn fast_things_that_turn_round_at_once_are_followed() {
    let fast = Nature { speed: 20.0, restless: 1.0, ..STREET };
    hold("fast", &fast, &Floor { mota: 0.91, idf1: 0.7, switches: 150, share: 0.8 });
}

#[test]
fn a_detector_that_trembles_and_misses_is_followed() {
    let bad_eyes = Nature { miss: 0.15, tremble: 0.08, invented: 1.0, ..STREET };
    hold("bad eyes", &bad_eyes, &Floor { mota: 0.78, idf1: 0.7, switches: 130, share: 0.35 });
}

#[test]
fn the_same_frames_give_the_same_numbers() {
    let nature = Nature { objects: 40, width: (60.0, 120.0), ..STREET };
    let frames = world::watch(&nature, 5);
    let run = || {
        let mut tracker = Tracker::new(TrackConfig::default(), 0);
        tracker.set_min_score(MIN_SCORE);
        let numbers = frames.iter().flat_map(|frame| {
            let mut report = frame.report.clone();
            tracker.update(&mut report, &mut Events::new());
            tracked(&report)
        });
        let numbers = numbers.collect::<Vec<_>>();
        (numbers, tracker.crowds())
    };
    let (numbers, crowds) = run();
    assert_eq!(run(), (numbers, crowds));
    println!("{crowds} crowds for the solver in {} frames of 40 people who hide one another", frames.len());
}
