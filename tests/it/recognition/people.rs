//! The people of the shared pictures: from the original picture to who it is.

use ocellus::config::RecognitionConfig;
use ocellus::image::face::sharpness;
use ocellus::recognition::GalleryIndex;

use super::support::{cosine, data, enrol, rgb, runtimes, shots, study};

/// Every picture's identity and embedding, by the whole chain.
fn embeddings(data: &std::path::Path, runtime: &ocellus::engine::Runtime) -> Vec<(String, Vec<f32>)> {
    let mut study = study(runtime, data);
    let look = |shot: super::support::Shot| {
        let studied = study.picture(&rgb(&shot.path).planes());
        let studied = studied.unwrap_or_else(|error| panic!("{}: {error}", shot.path.display()));
        let quality = studied.quality;
        println!(
            "{}: eyes {:.1} px, yaw {:.1}, pitch {:.1}, roll {:.1}, sharpness {:.4} (reference crop {:.4}), score {:.2}",
            shot.path.display(),
            quality.eye_px,
            quality.pose.yaw_deg,
            quality.pose.pitch_deg,
            quality.pose.roll_deg,
            quality.sharpness,
            sharpness(&shot.crop),
            quality.score()
        );
        let similar = cosine(&studied.embedding, &shot.embedding);
        assert!(similar > 0.99, "{}: cosine {similar} to the reference", shot.path.display());
        (shot.identity, studied.embedding)
    };
    shots(data).into_iter().map(look).collect()
}

#[test]
fn everybody_is_known_by_the_other_pictures_and_the_references_agree() {
    let Some(data) = data() else { return };
    for runtime in runtimes() {
        let ours = embeddings(&data, &runtime);
        let reference: Vec<Vec<f32>> = shots(&data).into_iter().map(|shot| shot.embedding).collect();
        let (mut least_same, mut most_other) = (1f32, -1f32);
        for (i, (person, a)) in ours.iter().enumerate() {
            for (j, (other, b)) in ours.iter().enumerate() {
                let (found, wanted) = (cosine(a, b), cosine(&reference[i], &reference[j]));
                print!("{found:6.3}");
                assert!((found - wanted).abs() < 0.05, "pictures {i} and {j}: {found}, reference {wanted}");
                match person == other {
                    true if i != j => least_same = least_same.min(found),
                    false => most_other = most_other.max(found),
                    _ => {}
                }
            }
            println!();
        }
        println!("same person at least {least_same:.3}, different people at most {most_other:.3}");
        rank_one(&ours);
        unknown(&ours);
    }
}

/// Each picture in turn against a gallery of all the others.
fn rank_one(all: &[(String, Vec<f32>)]) {
    let limits = RecognitionConfig::default();
    let (mut first, mut accepted) = (0, 0);
    for (i, (person, embedding)) in all.iter().enumerate() {
        let others = all.iter().enumerate().filter(|(j, _)| *j != i);
        let others: Vec<(&str, &[f32])> =
            others.map(|(_, (name, e))| (name.as_str(), e.as_slice())).collect();
        let index = GalleryIndex::new(enrol(&others)).unwrap();
        let found = index.best(embedding).unwrap();
        println!("{person}: {} {:.3}, next {:.3}", found.identity.name, found.similarity, found.other);
        first += usize::from(&*found.identity.name == person);
        let decided = found.proven(&limits);
        assert!(
            decided.is_none_or(|identity| &*identity.name == person),
            "{person} was taken for somebody else"
        );
        accepted += usize::from(decided.is_some());
    }
    println!("rank 1: {first} of {}, accepted by the default bounds: {accepted}", all.len());
    assert_eq!(first, all.len());
}

/// Each person in turn against a gallery of the two others, with all four pictures of each.
fn unknown(all: &[(String, Vec<f32>)]) {
    let limits = RecognitionConfig::default();
    for stranger in ["person_A", "person_B", "person_C"] {
        let others = all.iter().filter(|(name, _)| name != stranger);
        let others: Vec<(&str, &[f32])> = others.map(|(name, e)| (name.as_str(), e.as_slice())).collect();
        let index = GalleryIndex::new(enrol(&others)).unwrap();
        for (_, embedding) in all.iter().filter(|(name, _)| name == stranger) {
            let found = index.best(embedding).unwrap();
            println!(
                "{stranger}, not enrolled: {} {:.3}, next {:.3}",
                found.identity.name, found.similarity, found.other
            );
            assert_eq!(found.proven(&limits), None, "{stranger} is taken for {}", found.identity.name);
        }
    }
}
