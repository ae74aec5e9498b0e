//! The shared videos on the whole road: each shows one person, and the gallery has the people's other pictures.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ocellus::engine::Runtime;
use ocellus::recognition::{FaceItem, GalleryIndex};
use ocellus::scheduler::{Cause, Executor};
use ocellus::types::Frame;

use super::scenario::{Make, Scenario, camera, play, play_dated, recognition};
use super::support::{data, enrol, rgb, runtimes, shots, study};

/// The gallery of the shared pictures without those that `leave_out` says: identity and file name.
fn gallery(runtime: &Runtime, data: &Path, leave_out: impl Fn(&str, &str) -> bool) -> GalleryIndex {
    let mut study = study(runtime, data);
    let kept = shots(data).into_iter().filter(|shot| !leave_out(&shot.identity, shot.path.to_str().unwrap()));
    let faces: Vec<(String, Vec<f32>)> = kept
        .map(|shot| (shot.identity, study.picture(&rgb(&shot.path).planes()).unwrap().embedding))
        .collect();
    let faces: Vec<(&str, &[f32])> = faces.iter().map(|(name, e)| (name.as_str(), e.as_slice())).collect();
    GalleryIndex::new(enrol(&faces)).unwrap()
}

const CLIPS: [(&str, &str); 3] =
    [("asl_again", "person_A"), ("asl_bird", "person_B"), ("asl_book", "person_C")];

fn run(runtime: &Runtime, data: &Path, clip: &str, index: GalleryIndex) -> Scenario {
    let source = format!("file://{}/video/{clip}.mkv", data.canonicalize().unwrap().display());
    let camera = camera(data, &source, "");
    let scenario =
        Scenario::new((runtime, data), &camera, index, 2, |gallery| recognition(runtime, data, gallery));
    scenario.run(|writer| play(&camera, writer));
    scenario
}

#[test]
fn each_video_names_its_person_and_nobody_else() {
    let Some(data) = data() else { return };
    for runtime in runtimes() {
        for (clip, person) in CLIPS {
            // The picture that was cut out of this very video would make it too easy.
            let scenario =
                run(&runtime, &data, clip, gallery(&runtime, &data, |_, file| file.contains(clip)));
            let sightings = scenario.sightings.all();
            let said: Vec<(u64, Option<&str>, f32)> = sightings
                .iter()
                .map(|s| (s.frame_seq, s.identity.as_ref().map(|who| &*who.name), s.similarity))
                .collect();
            let names = scenario.names.all();
            let first = names.iter().position(|(_, faces)| faces.iter().any(Option::is_some));
            let counters = &scenario.faces.counters;
            println!(
                "{clip}: {} frames, named from frame {first:?}, {} looks, {said:?}",
                names.len(),
                counters.asked.get()
            );
            assert!(said.is_sorted_by_key(|(frame, ..)| *frame), "told in the order of the frames");
            assert!(said.iter().any(|(_, who, _)| *who == Some(person)), "{person} was not seen");
            assert!(said.iter().all(|(_, who, _)| who.is_none_or(|who| who == person)), "{said:?}");
            let named: Vec<&str> = names.iter().flat_map(|(_, f)| f.iter().flatten().map(|n| &**n)).collect();
            assert!(named.len() > names.len() / 2, "named in {} of {} frames", named.len(), names.len());
            assert!(named.iter().all(|name| *name == person), "{named:?}");
            assert!(counters.asked.get() < names.len() as u64 / 4, "a face that is settled is left in peace");
            assert_eq!(counters.asked.get(), counters.answered.get() + counters.unfit.get());
        }
    }
}

#[test]
fn somebody_who_is_not_in_the_gallery_is_unknown() {
    let Some(data) = data() else { return };
    for runtime in runtimes() {
        for (clip, person) in CLIPS {
            let scenario = run(&runtime, &data, clip, gallery(&runtime, &data, |who, _| who == person));
            let sightings = scenario.sightings.all();
            let most = sightings.iter().map(|s| s.similarity).fold(0.0, f32::max);
            println!("{clip} without {person}: {} sightings, at most {most:.3} similar", sightings.len());
            assert!(!sightings.is_empty() && sightings.iter().all(|s| s.identity.is_none()), "{sightings:?}");
            let last = scenario.names.all().pop().unwrap().1;
            assert!(last.iter().flatten().all(|name| &**name == "unknown") && !last.is_empty(), "{last:?}");
        }
    }
}

#[test]
fn with_nobody_in_the_gallery_everybody_is_unknown_with_similarity_0() {
    let Some(data) = data() else { return };
    for runtime in runtimes() {
        let scenario = run(&runtime, &data, "asl_bird", GalleryIndex::default());
        let sightings = scenario.sightings.all();
        assert!(!sightings.is_empty());
        assert!(sightings.iter().all(|s| s.identity.is_none() && s.similarity == 0.0), "{sightings:?}");
    }
}

#[test]
fn every_place_in_the_order_is_given_back_under_load() {
    let Some(data) = data() else { return };
    for runtime in runtimes() {
        let source = format!(
            "file://{}/video/one-by-one-person-detection.mp4",
            data.canonicalize().unwrap().display()
        );
        let camera = camera(&data, &source, "");
        let index = gallery(&runtime, &data, |_, _| false);
        let scenario = Scenario::new((&runtime, &data), &camera, index, 2, |gallery| {
            recognition(&runtime, &data, gallery)
        });
        scenario.run(|writer| play(&camera, writer));
        let (frames, counters) = (scenario.names.all(), &scenario.faces.counters);
        println!(
            "{} frames, {} looks, {} answered, {} unfit, {} dropped, {} told; align p50 {} us, embed p50 {} us",
            frames.len(),
            counters.asked.get(),
            counters.answered.get(),
            counters.unfit.get(),
            counters.dropped.get(),
            counters.reported.get(),
            counters.align_us.snapshot().p50(),
            counters.embed_us.snapshot().p50(),
        );
        assert!(frames.len() > 300 && frames.iter().map(|(seq, _)| *seq).is_sorted());
        assert_eq!(counters.asked.get(), counters.answered.get() + counters.unfit.get());
        assert!(scenario.sightings.all().iter().map(|s| s.frame_seq).is_sorted());
    }
}

/// Recognition on a machine that is busy with other things.
struct Busy(Box<dyn Executor<FaceItem>>, Duration);

impl Executor<FaceItem> for Busy {
    fn run(&mut self, item: &mut FaceItem) -> Result<(), Cause> {
        std::thread::sleep(self.1);
        self.0.run(item)
    }
}

/// What is found in a file that is read as fast as it goes.
#[derive(Debug, PartialEq)]
struct Results {
    names: Vec<(u64, Vec<Option<String>>)>,
    reported: Vec<(u64, u64, Option<String>, String)>,
    looks: u64,
}

fn results(
    (runtime, data): (&Runtime, &Path),
    clip: &str,
    (workers, busy_ms): (usize, u64),
    date: fn(&Frame) -> u64,
) -> Results {
    let source = format!("file://{}/video/{clip}.mkv", data.canonicalize().unwrap().display());
    let camera = camera(data, &source, "queue = 1, recheck_ms = 400");
    let index = gallery(runtime, data, |_, file| file.contains(clip));
    let scenario = Scenario::new((runtime, data), &camera, index, workers, |gallery| {
        let make: Make = recognition(runtime, data, gallery);
        let busy = Duration::from_millis(busy_ms);
        Arc::new(move || Ok(Box::new(Busy(make()?, busy)) as Box<dyn Executor<FaceItem>>))
    });
    scenario.run(|writer| play_dated(&camera, writer, date));
    assert_eq!(scenario.faces.counters.dropped.get(), 0, "no face finds the queue full");
    let name = |label: &ocellus::types::Label| label.to_string();
    Results {
        names: scenario
            .names
            .all()
            .into_iter()
            .map(|(seq, faces)| (seq, faces.iter().map(|face| face.as_ref().map(name)).collect()))
            .collect(),
        reported: scenario
            .sightings
            .all()
            .into_iter()
            .map(|s| {
                let similarity = format!("{:.3}", s.similarity);
                (s.frame_seq, s.time_ns, s.identity.as_ref().map(|who| name(&who.name)), similarity)
            })
            .collect(),
        looks: scenario.faces.counters.asked.get(),
    }
}

#[test]
fn what_a_file_gives_does_not_depend_on_pace_load_or_workers() {
    let Some(data) = data() else { return };
    let Some(runtime) = runtimes().pop() else { return };
    let tools = (&runtime, data.as_path());
    let clip = "asl_bird";
    // As fast as a machine could go that had nothing else to do.
    let fast = results(tools, clip, (2, 0), |frame| frame.seq * 1_000_000);
    // Slower than the film, with answers that come late.
    let slow = results(tools, clip, (2, 60), |frame| frame.seq * 500_000_000);
    let alone = results(tools, clip, (1, 5), |frame| frame.seq * 100_000_000);
    assert!(
        fast.reported.iter().any(|(_, _, who, _)| who.as_deref() == Some("person_B")),
        "{:?}",
        fast.reported
    );
    assert!(fast.looks > 4, "{} looks", fast.looks);
    assert_eq!(fast, slow);
    assert_eq!(fast, alone);
}
