//! Enlarging compared with the bare model, side by side; workers; cutting out and compositing.
//!
//! `cargo bench -p ocellus-studio`; with `-- large` the peak of memory at 8000 × 8000 px instead.

#[path = "../tests/studio/support.rs"]
mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Bencher, Criterion};
use ocellus_studio::{
    Background, ComposeOptions, CutoutOptions, FileFormat, Foreground, Picture, PictureWriter, RowSink,
    Shadow, StudioError, Target, UpscaleOptions, Upscaler, Watch, compose, cutout, save, upscale,
    upscale_to_file,
};
use rustix::time::{ClockId, clock_gettime};
use support::{EDSR_DATA, edsr, load, real, scenery};

fn main() {
    if std::env::args().any(|argument| argument == "large") {
        large().expect("pictures of 8000 px a side are made");
        return;
    }
    let criterion = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(4));
    let mut criterion = criterion.warm_up_time(Duration::from_secs(1)).configure_from_args();
    tiles(&mut criterion);
    workers(&mut criterion);
    edges(&mut criterion);
    criterion.final_summary();
}

/// Takes rows and forgets them.
struct Nowhere;

impl RowSink for Nowhere {
    fn row(&mut self, pixels: &[u8]) -> Result<(), StudioError> {
        black_box(pixels);
        Ok(())
    }
}

fn cpu_now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Measures processor time of this thread: what else runs on the machine counts little.
fn cpu_time(bencher: &mut Bencher<'_>, mut work: impl FnMut()) {
    bencher.iter_custom(|times| {
        let began = cpu_now();
        (0..times).for_each(|_| work());
        cpu_now() - began
    });
}

/// 192² to 384², which is four tiles, and four runs of the model over what lies in its tensor.
fn tiles(criterion: &mut Criterion) {
    let Some((runtime, root)) = real(EDSR_DATA) else { return };
    let model = edsr(&runtime, &root);
    let mut session = model.session().expect("the model runs");
    let mut upscaler = Upscaler::new(&model, 1).expect("the model runs");
    let small = load(&root.join("models/studio/ref/astronaut_lr_192.png"));
    let options = UpscaleOptions::default();
    let mut bare = || (0..4).for_each(|_| session.run().expect("the model runs"));
    let mut whole = || {
        upscale(&small, Some(&mut upscaler), &options, &Watch::none(), &mut Nowhere)
            .expect("the picture is enlarged");
    };
    // In turns, so that both meet the same neighbours and the same clock of the processor.
    let mut ratios: Vec<f64> = (0..40)
        .map(|_| {
            let time = |work: &mut dyn FnMut()| {
                let began = cpu_now();
                work();
                (cpu_now() - began).as_secs_f64()
            };
            time(&mut whole) / time(&mut bare)
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!("192 to 384 px: {:.3} times the bare model's processor time (median of 40 pairs)", ratios[20]);
    let mut group = criterion.benchmark_group("192 to 384 px");
    group.bench_function("model alone, 4 runs", |bencher| cpu_time(bencher, &mut bare));
    group.bench_function("upscale", |bencher| cpu_time(bencher, &mut whole));
    group.finish();
}

/// One worker and two, by the clock on the wall.
fn workers(criterion: &mut Criterion) {
    let Some((runtime, root)) = real(EDSR_DATA) else { return };
    let model = edsr(&runtime, &root);
    let picture = scenery(768, 768, 1);
    let options = UpscaleOptions::default();
    let mut one = Upscaler::new(&model, 1).expect("the model runs");
    let mut two = Upscaler::new(&model, 2).expect("the model runs");
    let run = |upscaler: &mut Upscaler| {
        let began = Instant::now();
        upscale(&picture, Some(upscaler), &options, &Watch::none(), &mut Nowhere)
            .expect("the picture is enlarged");
        began.elapsed().as_secs_f64()
    };
    let mut gains: Vec<f64> = (0..9).map(|_| run(&mut one) / run(&mut two)).collect();
    gains.sort_by(f64::total_cmp);
    println!(
        "two workers: {:.2} times as fast as one (median of 9 pairs, 64 tiles; best {:.2})",
        gains[4], gains[8]
    );
    let mut group = criterion.benchmark_group("768 to 1536 px");
    for (name, upscaler) in [("1 worker", &mut one), ("2 workers", &mut two)] {
        group.sample_size(10).bench_function(name, |bencher| bencher.iter(|| run(upscaler)));
    }
    group.bench_function("Lanczos", |bencher| {
        bencher.iter(|| upscale(&picture, None, &options, &Watch::none(), &mut Nowhere));
    });
    group.finish();
}

/// A disc in the middle, as a model of 64 px would find it.
fn disc() -> Foreground {
    let far = |px: usize| (px % 64).abs_diff(32).pow(2) + (px / 64).abs_diff(32).pow(2);
    let map = (0..64 * 64).map(|px| if far(px) < 400 { 255 } else { 0 }).collect();
    Foreground::new(64, 64, map).expect("a map of its size")
}

fn edges(criterion: &mut Criterion) {
    let picture = scenery(1024, 1024, 2);
    let (found, options) = (disc(), CutoutOptions::default());
    let cut = |picture| cutout(picture, &found, &options, &Watch::none()).expect("a disc is cut out");
    let mut group = criterion.benchmark_group("1024 px");
    group.sample_size(10);
    group.bench_function("cutout", |bencher| {
        bencher.iter_batched(|| picture.clone(), cut, BatchSize::LargeInput);
    });
    let front = cut(picture.clone());
    let shadow = ComposeOptions { shadow: Some(Shadow::default()) };
    let back = scenery(1600, 900, 3);
    for (name, background, options) in [
        ("compose on white", Background::White, ComposeOptions::default()),
        ("compose on a picture, with a shadow", Background::Picture(&back), shadow),
        ("compose on a random background", Background::Random { seed: 1 }, ComposeOptions::default()),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| compose(&front, &background, &options, &Watch::none(), &mut Nowhere));
        });
    }
    group.finish();
}

/// The peak of this process's resident memory, MiB, since it was last reset.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    // Resets the peak.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    kib.unwrap_or(0) / 1024
}

/// Steps on pictures of 8000 × 8000 px, each with the time and the peak of memory.
fn large() -> Result<(), StudioError> {
    const SIDE: usize = 8_000;
    let folder = tempfile::tempdir().expect("a folder for passing files");
    let watch = Watch::none();
    let report = |what: &str, began: Instant| {
        println!("{what}: {:.1} s, peak {} MiB", began.elapsed().as_secs_f64(), peak())
    };
    let target = |stem, format| Target { folder: folder.path(), stem, format };
    let began = Instant::now();
    let saved = {
        let small = scenery(2_000, 2_000, 1);
        let options = UpscaleOptions { factor: 4, ..UpscaleOptions::default() };
        let jpeg = target("large", FileFormat::Jpeg { quality: 92 });
        let none = Err(StudioError::NoModel);
        upscale_to_file(&small, none, &options, &jpeg, &watch)?.file
    };
    report("2000 to 8000 px by Lanczos into a JPEG", began);
    let began = Instant::now();
    let picture = Picture::load(&saved.path, &ocellus_studio::LIMITS)?;
    report("reading the JPEG", began);
    let began = Instant::now();
    let options = CutoutOptions { workers: 2, ..CutoutOptions::default() };
    let front = cutout(picture, &disc(), &options, &watch)?;
    report("cutting out, two workers", began);
    for (name, format) in [("composed", FileFormat::Png), ("composed", FileFormat::Jpeg { quality: 92 })] {
        let began = Instant::now();
        let mut writer = PictureWriter::create(&target(name, format), [SIDE; 2], 3)?;
        let options = ComposeOptions { shadow: Some(Shadow::default()) };
        compose(&front, &Background::Random { seed: 3 }, &options, &watch, &mut writer)?;
        writer.finish()?;
        report(&format!("compositing with a shadow into {}", format.extension()), began);
    }
    let began = Instant::now();
    let cut = save(&front, &target("cut", FileFormat::Png), &watch)?;
    report("saving with alpha", began);
    drop(front);
    let began = Instant::now();
    let front = Picture::load(&cut.path, &ocellus_studio::LIMITS)?;
    report(&format!("reading the PNG of {} MiB with alpha", cut.bytes >> 20), began);
    let began = Instant::now();
    let options = UpscaleOptions::default();
    upscale_to_file(&front, Err(StudioError::NoModel), &options, &target("x2", FileFormat::Png), &watch)?;
    report("8000 to 16000 px by Lanczos with alpha", began);
    let Some((runtime, root)) = real(EDSR_DATA) else { return Ok(()) };
    let began = Instant::now();
    let mut upscaler = Upscaler::new(&edsr(&runtime, &root), 2)?;
    let done = upscale_to_file(&front, Ok(&mut upscaler), &options, &target("x2", FileFormat::Png), &watch)?;
    report(&format!("8000 to 16000 px, {:?}", done.method), began);
    Ok(())
}
