//! Faces: cutting one out of a frame, and looking one up in a gallery of ten thousand people.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ocellus::image::face::{FaceCutter, FaceQuality, sharpness};
use ocellus::recognition::{Enrolled, GalleryIndex};
use ocellus::types::{Patch, PersonId, PixelFormat, Planes, Point};

const LENGTH: usize = 128;

/// Uniform on -1 to 1.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn unit(&mut self) -> Vec<f32> {
        let vector: Vec<f32> = (0..LENGTH).map(|_| self.next() + self.next() + self.next()).collect();
        let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        vector.into_iter().map(|v| v / length).collect()
    }
}

/// `a` with noise: cosine to `a` about `cosine`.
fn near(a: &[f32], cosine: f32, rng: &mut Rng) -> Vec<f32> {
    let noise = rng.unit();
    let rest = (1.0 - cosine * cosine).sqrt();
    a.iter().zip(noise).map(|(a, n)| a * cosine + n * rest).collect()
}

/// People with `pictures` each. All faces have the cosine `alike` to one another: 0.2 is what strangers have.
fn people(count: u64, pictures: usize, alike: f32, rng: &mut Rng) -> Vec<Enrolled> {
    let face = rng.unit();
    let one = |id| {
        let person = near(&face, alike.sqrt(), rng);
        let embeddings = (0..pictures).map(|_| near(&person, 0.9, rng)).collect();
        Enrolled { person: PersonId(id), name: format!("person {id}").into(), embeddings }
    };
    (1..=count).map(one).collect()
}

fn matching(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one face against");
    for (name, count, pictures, alike) in [
        ("10,000 people", 10_000, 1, 0.2),
        ("10,000 people with 5 pictures each", 10_000, 5, 0.2),
        ("10,000 people with 5 pictures each, all much alike", 10_000, 5, 0.5),
    ] {
        let mut rng = Rng(0x9E37_79B9_7F4A_7C15);
        let people = people(count, pictures, alike, &mut rng);
        let known: Vec<Vec<f32>> =
            (0..64).map(|i| near(&people[i * 100 + 7].embeddings[0], 0.8, &mut rng)).collect();
        let strangers: Vec<Vec<f32>> = (0..64).map(|_| rng.unit()).collect();
        let index = GalleryIndex::new(people).unwrap();
        for (who, faces) in [("somebody known", &known), ("a stranger", &strangers)] {
            let mut turn = 0;
            group.bench_function(format!("{name}, {who}"), |bencher| {
                bencher.iter(|| {
                    turn += 1;
                    black_box(index.best(&faces[turn % faces.len()]))
                });
            });
        }
    }
    group.finish();
}

fn aligning(criterion: &mut Criterion) {
    let (width, height) = (1280, 720);
    let mut rng = Rng(7);
    let bytes: Vec<u8> = (0..width * height * 3 / 2).map(|_| (rng.next() * 127.0 + 128.0) as u8).collect();
    let planes = Planes::packed(PixelFormat::I420, width, height, &bytes).unwrap();
    let mut group = criterion.benchmark_group("a face out of a 720p I420 frame");
    for apart in [30.0, 60.0, 120.0] {
        let eyes = [Point { x: 640.0 - apart / 2.0, y: 350.0 }, Point { x: 640.0 + apart / 2.0, y: 353.0 }];
        let (mut cutter, mut out) = (FaceCutter::new(), Patch::default());
        group.bench_function(format!("eyes {apart} px apart"), |bencher| {
            bencher.iter(|| cutter.crop(&planes, black_box(eyes), &mut out).unwrap());
        });
    }
    let mut crop = Patch::default();
    FaceCutter::new()
        .crop(&planes, [Point { x: 600.0, y: 350.0 }, Point { x: 640.0, y: 350.0 }], &mut crop)
        .unwrap();
    group.bench_function("its sharpness", |bencher| bencher.iter(|| sharpness(black_box(&crop))));
    let points =
        [(600.0, 350.0), (640.0, 350.0), (620.0, 370.0), (620.0, 394.0), (580.0, 355.0), (660.0, 355.0)];
    let points = points.map(|(x, y)| Point { x, y });
    group.bench_function("its size and pose", |bencher| {
        bencher.iter(|| FaceQuality::of(black_box(&points)).score());
    });
    group.finish();
}

criterion_group!(benches, matching, aligning);
criterion_main!(benches);
