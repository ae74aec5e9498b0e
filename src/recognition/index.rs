//! The gallery in memory, built for finding the person of a face. It is immutable, shared, and replaced as a
//! whole.
//!
//! Each search compares every face, first as bytes (a quarter of the memory of floats), whose product lies
//! within a known bound of the true one. Only faces that may beat the two best so far are computed in floats.
//! So the answer equals that of a plain loop over floats, bit for bit.

use crate::config::RecognitionConfig;
use crate::image::Dots;
use crate::types::{Identity, Label, MAX_EMBEDDING, PersonId};

/// Rows of one block, whose products fit into the first-level cache.
const BLOCK: usize = 64;
/// The greatest absolute value of a quantised query.
const QUERY_MOST: f32 = 8000.0;
/// The greatest rounding error of float sums, for unit vectors of [`MAX_EMBEDDING`] values.
const ROUNDING: f32 = 2e-5;

/// A person of the gallery, with the embeddings of all of the person's pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Enrolled {
    /// Number of the person in the gallery.
    pub person: PersonId,
    /// Name of the person, for people to read.
    pub name: Label,
    /// One embedding for each picture; the index scales them to length one.
    pub embeddings: Vec<Vec<f32>>,
}

/// An embedding that cannot be in the index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// The embedding has another length than the others.
    #[error(
        "an embedding of person {person} has {got} values where the others have {need}: it was made by another \
         model; embed the person's kept crops again"
    )]
    Length {
        /// The person whose embedding it is.
        person: PersonId,
        /// Values that it has.
        got: usize,
        /// Values of the others.
        need: usize,
    },
    /// The embedding is longer than any model's, empty, all zeros, or holds a value that is not finite.
    #[error("an embedding of person {person} is not a valid vector; remove that picture and enrol it again")]
    Senseless {
        /// The person whose embedding it is.
        person: PersonId,
    },
}

/// The most similar person to a face, with the similarities that tell how sure the match is.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The most similar person.
    pub identity: Identity,
    /// Cosine similarity to the most similar of the person's faces, -1 to 1.
    pub similarity: f32,
    /// Cosine similarity to the most similar face of any other person; -1 where there is no other.
    pub other: f32,
}

impl Match {
    /// The identity that the match proves within `limits`; `None` where it is not good enough.
    pub fn proven(&self, limits: &RecognitionConfig) -> Option<&Identity> {
        let sure = self.similarity >= limits.min_similarity && self.similarity - self.other >= limits.margin;
        sure.then_some(&self.identity)
    }
}

/// All faces of the gallery.
#[derive(Debug, Default)]
pub struct GalleryIndex {
    people: Vec<Identity>,
    /// The index in `people` of each row.
    owner: Vec<u32>,
    /// Unit vectors row by row, `length` values each.
    exact: Vec<f32>,
    /// The same vectors as bytes times `scale`, each row padded with zeros to `padded` values.
    bytes: Vec<i8>,
    scale: Vec<f32>,
    /// Length of the quantisation error of each row.
    lost: Vec<f32>,
    length: usize,
    padded: usize,
    dots: Dots,
}

impl GalleryIndex {
    /// Builds an index of `people`; those without embeddings are left out.
    ///
    /// # Errors
    /// [`IndexError`] for the first embedding that does not fit the others.
    pub fn new(people: impl IntoIterator<Item = Enrolled>) -> Result<GalleryIndex, IndexError> {
        let mut index = GalleryIndex::default();
        for Enrolled { person, name, embeddings } in people {
            for embedding in &embeddings {
                index.push(person, embedding)?;
                index.owner.push(index.people.len() as u32);
            }
            if !embeddings.is_empty() {
                index.people.push(Identity { person, name });
            }
        }
        Ok(index)
    }

    /// Number of people in the index.
    pub fn people(&self) -> usize {
        self.people.len()
    }

    /// Number of faces of all people together.
    pub fn faces(&self) -> usize {
        self.owner.len()
    }

    /// Values of each embedding; 0 where there is none.
    pub fn length(&self) -> usize {
        self.length
    }

    fn push(&mut self, person: PersonId, embedding: &[f32]) -> Result<(), IndexError> {
        if self.owner.is_empty() {
            self.length = embedding.len();
            self.padded = embedding.len().next_multiple_of(Dots::BLOCK);
        }
        if embedding.len() != self.length {
            return Err(IndexError::Length { person, got: embedding.len(), need: self.length });
        }
        let norm = dot(embedding, embedding).sqrt();
        if !(1..=MAX_EMBEDDING).contains(&embedding.len()) || !norm.is_normal() {
            return Err(IndexError::Senseless { person });
        }
        let from = self.exact.len();
        self.exact.extend(embedding.iter().map(|value| value / norm));
        let row = &self.exact[from..];
        let most = row.iter().fold(0f32, |most, value| most.max(value.abs()));
        let scale = most / 127.0;
        let lost =
            row.iter().map(|value| value - (value / scale).round() * scale).map(|v| v * v).sum::<f32>();
        self.bytes.extend(row.iter().map(|value| (value / scale).round() as i8));
        self.bytes.resize(self.bytes.len().next_multiple_of(self.padded), 0);
        self.scale.push(scale);
        self.lost.push(lost.sqrt());
        Ok(())
    }

    /// The most similar person to a face, and the similarity of the next one. `None` where the gallery is
    /// empty, or the embedding has another length or no direction. Allocates nothing.
    pub fn best(&self, embedding: &[f32]) -> Option<Match> {
        let norm = dot(embedding, embedding).sqrt();
        if embedding.len() != self.length || !norm.is_normal() {
            return None;
        }
        let mut query = [0f32; MAX_EMBEDDING];
        let query = &mut query[..self.length];
        query.iter_mut().zip(embedding).for_each(|(unit, value)| *unit = value / norm);
        let best = self.search(query);
        let identity = self.people.get(best.owner as usize)?.clone();
        Some(Match { identity, similarity: best.first, other: best.second })
    }

    fn search(&self, query: &[f32]) -> Best {
        let most = query.iter().fold(0f32, |most, value| most.max(value.abs()));
        let step = most / QUERY_MOST;
        let mut words = [0i16; MAX_EMBEDDING];
        let words = &mut words[..self.padded];
        let mut lost = 0.0;
        for (word, value) in words.iter_mut().zip(query) {
            *word = (value / step).round() as i16;
            let rest = value - f32::from(*word) * step;
            lost += rest * rest;
        }
        // |q·r - q'·r'| <= |q| |r - r'| + |r'| |q - q'|, where |q| = 1 and |r'| <= 1 + |r - r'|.
        let slack = 2.0 * lost.sqrt() + ROUNDING;
        let mut best = Best { owner: u32::MAX, first: f32::NEG_INFINITY, second: -1.0 };
        let mut products = [0i32; BLOCK];
        for (block, rows) in self.bytes.chunks(BLOCK * self.padded).enumerate() {
            let products = &mut products[..rows.len() / self.padded];
            self.dots.run(rows, words, products);
            for (i, product) in products.iter().enumerate() {
                let row = block * BLOCK + i;
                let likely = *product as f32 * (self.scale[row] * step);
                if likely + self.lost[row] + slack >= best.second.min(best.first) {
                    let exact = &self.exact[row * self.length..][..self.length];
                    best.offer(self.owner[row], dot(query, exact));
                }
            }
        }
        best
    }
}

/// The best match so far, and the best of any other person.
struct Best {
    owner: u32,
    first: f32,
    second: f32,
}

impl Best {
    fn offer(&mut self, owner: u32, similarity: f32) {
        if owner == self.owner {
            self.first = self.first.max(similarity);
        } else if similarity > self.first {
            if self.owner != u32::MAX {
                self.second = self.first;
            }
            (self.owner, self.first) = (owner, similarity);
        } else {
            self.second = self.second.max(similarity);
        }
    }
}

/// Dot product in eight partial sums: the compiler vectorises them, and their order is the same on every
/// machine.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0f32; 8];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn enrolled(person: u64, embeddings: Vec<Vec<f32>>) -> Enrolled {
        Enrolled { person: PersonId(person), name: format!("person {person}").into(), embeddings }
    }

    /// The same search as a plain loop, to compare with.
    fn naive(people: &[Enrolled], query: &[f32]) -> Option<(PersonId, f32, f32)> {
        let unit = |v: &[f32]| -> Vec<f32> { v.iter().map(|x| x / dot(v, v).sqrt()).collect() };
        let query = unit(query);
        let best = |person: &Enrolled| {
            let all = person.embeddings.iter().map(|face| dot(&query, &unit(face)));
            all.fold(f32::NEG_INFINITY, f32::max)
        };
        let first =
            people.iter().map(|p| (p.person, best(p))).reduce(|a, b| if b.1 > a.1 { b } else { a })?;
        let others = people.iter().filter(|p| p.person != first.0).map(best);
        Some((first.0, first.1, others.fold(-1.0, f32::max)))
    }

    prop_compose! {
        fn gallery()(length in 2usize..70)(
            query in prop::collection::vec(-1f32..1.0, length),
            faces in prop::collection::vec(prop::collection::vec(prop::collection::vec(-1f32..1.0, length), 1..4), 1..60),
            near in 0f32..0.3,
        ) -> (Vec<Enrolled>, Vec<f32>) {
            // Some lie close to the query, so that bounds are tight.
            let close = |(i, face): (usize, Vec<f32>)| -> Vec<f32> {
                if i % 2 == 0 { return face }
                face.iter().zip(&query).map(|(f, q)| q + f * near).collect()
            };
            let people = faces.into_iter().enumerate().map(|(i, faces)| {
                enrolled(i as u64 + 1, faces.into_iter().map(|face| close((i, face))).collect())
            });
            (people.collect(), query)
        }
    }

    proptest! {
        #[test]
        fn the_answer_is_that_of_a_plain_loop((people, query) in gallery()) {
            prop_assume!(dot(&query, &query) > 1e-6);
            prop_assume!(people.iter().flat_map(|p| &p.embeddings).all(|e| dot(e, e) > 1e-6));
            let index = GalleryIndex::new(people.iter().cloned()).unwrap();
            let found = index.best(&query).unwrap();
            let (person, similarity, other) = naive(&people, &query).unwrap();
            prop_assert_eq!((found.identity.person, found.similarity, found.other), (person, similarity, other));
        }
    }

    #[test]
    fn an_empty_gallery_and_a_foreign_embedding_know_nobody() {
        let empty = GalleryIndex::new([]).unwrap();
        assert_eq!(empty.best(&[1.0, 0.0]), None);
        assert_eq!(empty.best(&[]), None);
        let one = GalleryIndex::new([enrolled(1, vec![vec![3.0, 4.0]])]).unwrap();
        assert_eq!((one.best(&[1.0, 0.0, 0.0]), one.best(&[0.0, 0.0])), (None, None));
        let found = one.best(&[0.6, 0.8]).unwrap();
        assert!((found.similarity - 1.0).abs() < 1e-6 && found.other == -1.0, "{found:?}");
    }

    #[test]
    fn the_next_best_is_another_person_not_another_picture() {
        let people = [enrolled(1, vec![vec![1.0, 0.0], vec![0.99, 0.1]]), enrolled(2, vec![vec![0.0, 1.0]])];
        let found = GalleryIndex::new(people).unwrap().best(&[1.0, 0.0]).unwrap();
        assert_eq!((found.identity.person, found.similarity, found.other), (PersonId(1), 1.0, 0.0));
    }

    #[test]
    fn what_does_not_go_with_the_others_is_refused_by_name() {
        let mixed = [enrolled(1, vec![vec![1.0, 0.0]]), enrolled(7, vec![vec![1.0, 0.0, 0.0]])];
        let error = GalleryIndex::new(mixed).unwrap_err();
        assert!(error.to_string().contains("person 7 has 3 values where the others have 2"), "{error}");
        for senseless in [vec![0.0, 0.0], vec![f32::NAN, 1.0], vec![]] {
            let outcome = GalleryIndex::new([enrolled(3, vec![senseless])]);
            assert_eq!(outcome.unwrap_err(), IndexError::Senseless { person: PersonId(3) });
        }
    }
}
