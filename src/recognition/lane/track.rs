//! Keeps what is known of one tracked face, and decides whether to recognise it again. Pure: time is an
//! argument.

use crate::recognition::{FaceAnswer, FaceFlaw, FaceQuality};
use crate::types::{Identity, Label, PersonId};

/// Looks at a new face without a pause between them. A face without a name after them is difficult, and gets
/// a look every `RETRY_NS`.
const EAGER: u32 = 8;
const RETRY_NS: u64 = 200_000_000;
/// The longest time until an unknown face gets another look, because the first looks may have been bad.
const STRANGER_NS: u64 = 1_000_000_000;
/// How much better than the best so far a face's score must be expected to be, to be worth another look.
const BETTER_BY: f32 = 0.1;

/// Settings that decide when a face gets another look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habit {
    /// Answers in a row that must agree.
    pub agree: u32,
    /// The time after which a named face gets another look, nanoseconds.
    pub recheck_ns: u64,
}

/// The state of recognition of one tracked face.
#[derive(Debug)]
pub(super) struct Track {
    pub id: u64,
    /// When it was last seen in a frame, nanoseconds.
    pub seen_ns: u64,
    /// Whether a look is under way.
    pub pending: bool,
    /// The version of the gallery that the other fields were learned from.
    version: u64,
    looks: u32,
    looked_ns: u64,
    /// Score of the best face that was judged.
    best: f32,
    /// The factor of sharpness in the last face's score, since the next face is likely to be as sharp.
    sharp: f32,
    /// The person whom the last answers name; `agreeing` is how many in a row do.
    last: Option<PersonId>,
    agreeing: u32,
    /// The agreed answer: a person, or `Some(None)` for somebody unknown.
    verdict: Option<Option<Identity>>,
    similarity: f32,
    /// When it was last reported, nanoseconds.
    pub reported_ns: u64,
}

impl Track {
    pub fn new(id: u64, version: u64, now_ns: u64) -> Track {
        Track {
            id,
            seen_ns: now_ns,
            pending: false,
            version,
            looks: 0,
            looked_ns: 0,
            best: 0.0,
            sharp: 1.0,
            last: None,
            agreeing: 0,
            verdict: None,
            similarity: 0.0,
            reported_ns: 0,
        }
    }

    /// Forgets all answers when another gallery is in force, because a person may have been erased.
    pub fn follow(&mut self, version: u64) {
        if self.version != version {
            let Track { id, seen_ns, pending, .. } = *self;
            *self = Track { pending, ..Track::new(id, version, seen_ns) };
        }
    }

    /// The name of the person, `unknown`, or `None` while there is no agreed answer.
    pub fn name(&self, unknown: &Label) -> Option<Label> {
        let verdict = self.verdict.as_ref()?;
        Some(verdict.as_ref().map_or(unknown, |identity| &identity.name).clone())
    }

    /// The agreed answer with the last similarity to it.
    pub fn verdict(&self) -> Option<(&Option<Identity>, f32)> {
        self.verdict.as_ref().map(|verdict| (verdict, self.similarity))
    }

    /// Whether a face of this quality (as if it were sharp) is worth a look now.
    pub fn wants(&self, face: &FaceQuality, now_ns: u64, habit: Habit) -> bool {
        if self.pending {
            return false;
        }
        let waited = now_ns.saturating_sub(self.looked_ns);
        let eager = self.looks < EAGER || waited >= RETRY_NS;
        let Some(verdict) = &self.verdict else { return eager };
        if self.agreeing < habit.agree {
            // The last answer contradicts the agreed one.
            return eager;
        }
        let recheck = if verdict.is_some() { habit.recheck_ns } else { habit.recheck_ns.min(STRANGER_NS) };
        let better = face.score() * self.sharp > self.best + BETTER_BY;
        waited >= recheck || (better && waited >= RETRY_NS)
    }

    /// Notes that a look begins at `now_ns`.
    pub fn asked(&mut self, now_ns: u64) {
        self.pending = true;
        self.looked_ns = now_ns;
        self.looks += 1;
    }

    /// Learns an answer of recognition; false where it is of no use, because the face was not good enough or
    /// the answer came from another version of the gallery.
    pub fn answered(&mut self, answer: &FaceAnswer, habit: Habit) -> bool {
        let [.., (FaceFlaw::Blurred, sharp)] = answer.quality.factors() else { return false };
        self.sharp = sharp;
        if answer.flaw.is_some() || answer.version != self.version {
            return false;
        }
        self.best = self.best.max(answer.quality.score());
        let person = answer.identity.as_ref().map(|identity| identity.person);
        self.agreeing = if self.agreeing > 0 && person == self.last { self.agreeing + 1 } else { 1 };
        self.last = person;
        if self.agreeing >= habit.agree {
            self.verdict = Some(answer.identity.clone());
            self.similarity = answer.similarity();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognition::{FacePose, Match};

    const HABIT: Habit = Habit { agree: 2, recheck_ns: 3_000_000_000 };

    fn face(eye_px: f32) -> FaceQuality {
        FaceQuality { eye_px, pose: FacePose::default(), sharpness: FaceQuality::FULL_SHARPNESS }
    }

    fn answer(person: Option<u64>, quality: FaceQuality) -> FaceAnswer {
        let identity = person.map(|id| Identity { person: PersonId(id), name: format!("p{id}").into() });
        let found = identity.clone().map(|identity| Match { identity, similarity: 0.8, other: 0.1 });
        FaceAnswer { quality, flaw: None, found, identity, version: 1, align_us: 0, embed_us: 0, match_us: 0 }
    }

    fn look(track: &mut Track, now_ns: u64, person: Option<u64>) {
        assert!(track.wants(&face(30.0), now_ns, HABIT));
        track.asked(now_ns);
        assert!(!track.wants(&face(30.0), now_ns + 1, HABIT), "one look at a time");
        track.pending = false;
        assert!(track.answered(&answer(person, face(30.0)), HABIT));
    }

    fn shown(track: &Track) -> Option<String> {
        track.name(&"unknown".into()).map(|name| name.to_string())
    }

    #[test]
    fn a_name_is_given_when_answers_agree_and_then_checked_every_few_seconds_only() {
        let mut track = Track::new(7, 1, 0);
        look(&mut track, 1, Some(4));
        assert_eq!(shown(&track), None);
        look(&mut track, 2, Some(5));
        assert_eq!(shown(&track), None, "two that contradict each other");
        look(&mut track, 3, Some(5));
        assert_eq!(shown(&track).as_deref(), Some("p5"));
        assert!(!track.wants(&face(30.0), 2_000_000_000, HABIT));
        look(&mut track, 3_100_000_000, None);
        assert_eq!(shown(&track).as_deref(), Some("p5"), "one answer does not take a name away");
        look(&mut track, 3_300_000_000, None);
        assert_eq!(shown(&track).as_deref(), Some("unknown"));
    }

    #[test]
    fn a_better_face_is_looked_at_before_its_time_and_a_worse_one_is_not() {
        let mut track = Track::new(7, 1, 0);
        look(&mut track, 1, Some(4));
        look(&mut track, 2, Some(4));
        assert!(!track.wants(&face(30.0), 1_000_000_000, HABIT));
        assert!(!track.wants(&face(20.0), 1_000_000_000, HABIT));
        assert!(track.wants(&face(35.0), 1_000_000_000, HABIT));
        assert!(!track.wants(&face(35.0), 100_000_000, HABIT), "not before a pause");
    }

    #[test]
    fn a_face_that_gives_no_answer_is_not_looked_at_in_every_frame_for_ever() {
        let mut track = Track::new(7, 1, 0);
        let blurred = FaceAnswer {
            flaw: Some(FaceFlaw::Blurred),
            ..answer(None, FaceQuality { sharpness: 0.0, ..face(30.0) })
        };
        for now in 0..u64::from(EAGER) {
            assert!(track.wants(&face(30.0), now, HABIT));
            track.asked(now);
            track.pending = false;
            assert!(!track.answered(&blurred, HABIT));
        }
        assert!(!track.wants(&face(30.0), 100_000_000, HABIT));
        assert!(track.wants(&face(30.0), 300_000_000, HABIT));
    }

    #[test]
    fn another_gallery_takes_every_name_away_and_answers_of_the_former_one_say_nothing() {
        let mut track = Track::new(7, 1, 0);
        look(&mut track, 1, Some(4));
        look(&mut track, 2, Some(4));
        track.follow(1);
        assert!(shown(&track).is_some());
        track.follow(2);
        assert_eq!(shown(&track), None);
        assert!(!track.answered(&answer(Some(4), face(30.0)), HABIT));
        assert_eq!(shown(&track), None);
    }
}
