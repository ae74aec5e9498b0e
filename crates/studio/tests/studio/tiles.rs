//! Enlarging: the model's tile and the tiled picture against references, seams, workers, alpha, what is done without a model.

use std::sync::atomic::{AtomicUsize, Ordering};

use ocellus_engine::Task;
use ocellus_studio::{
    Collected, Fallback, FileFormat, Method, Picture, StudioError, Target, UpscaleOptions, Upscaler, Watch,
    upscale, upscale_to_file,
};

use crate::support::{EDSR, EDSR_DATA, edsr, engine, enlarged, load, psnr, real, scenery};

#[test]
fn a_tile_is_the_reference_within_two_grey_levels() {
    let Some((runtime, root)) = real(EDSR_DATA) else { return };
    let mut upscaler = Upscaler::new(&edsr(&runtime, &root), 1).unwrap();
    let tile = load(&root.join("models/studio/ref/astronaut_tile_128.png"));
    let reference = load(&root.join(format!("models/studio/ref/{EDSR}_tile.png")));
    let out = upscaler.run_tile(&tile.colour.data).unwrap();
    let differences = out.iter().zip(&reference.colour.data).map(|(a, b)| a.abs_diff(*b));
    let (most, sum) = differences.fold((0, 0u64), |(most, sum), d| (most.max(d), sum + u64::from(d)));
    let mean = sum as f64 / out.len() as f64;
    assert!(most <= 2 && mean < 0.1, "at most {most}, on average {mean}");
}

#[test]
fn a_tiled_picture_has_the_references_quality_and_no_seam_whatever_context_and_workers() {
    let Some((runtime, root)) = real(EDSR_DATA) else { return };
    let model = edsr(&runtime, &root);
    let (mut one, mut three) = (Upscaler::new(&model, 1).unwrap(), Upscaler::new(&model, 3).unwrap());
    let folder = root.join("models/studio/ref");
    let small = load(&folder.join("astronaut_lr_192.png"));
    let truth = load(&folder.join("astronaut_hr_384.png"));
    let figures = engine::json(&folder.join("figures.json"));
    let figures = &figures["super_resolution"][EDSR];
    let figure = |name: &str| figures[name].as_f64().unwrap();

    let options = UpscaleOptions::default();
    let large = enlarged(&small, Some(&mut one), &options);
    let quality = psnr(&large, &truth);
    assert!((quality - figure("psnr_y_192_to_384")).abs() < 0.05, "{quality} dB");
    let reference = load(&folder.join(format!("{EDSR}_192_to_384.png")));
    let off = large.colour.data.iter().zip(&reference.colour.data).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(off <= Some(2), "{off:?} grey levels");
    let wide = UpscaleOptions { context: 32, ..options.clone() };
    assert!(enlarged(&small, Some(&mut one), &wide) == large, "context 16 and 32 differ");
    assert!(enlarged(&small, Some(&mut three), &options) == large, "one worker and three differ");
    let none = UpscaleOptions { context: 0, ..options };
    assert!(enlarged(&small, Some(&mut one), &none) != large, "without context there are seams");

    // Four times as large by two passes, from a quarter of the truth.
    let tiny = quarter(&truth);
    let options = UpscaleOptions { factor: 4, ..UpscaleOptions::default() };
    let by_model = psnr(&enlarged(&tiny, Some(&mut three), &options), &truth);
    let expected = figures["x4_by_two_passes"]["psnr_y"].as_f64().unwrap();
    assert!((by_model - expected).abs() < 0.05, "{by_model} dB instead of {expected}");
}

/// A quarter of the size as Pillow's `BICUBIC` makes it: sideways, rounded, then down.
fn quarter(picture: &Picture) -> Picture {
    let weights: Vec<f64> = (0..16)
        .map(|n| {
            let x = (f64::from(n) - 7.5).abs() / 4.0;
            if x < 1.0 { (1.5 * x - 2.5) * x * x + 1.0 } else { ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0 }
        })
        .collect();
    let shrink = |read: &dyn Fn(usize) -> u8, size: usize, at: usize| {
        let inside = (0..16).filter(|n| (6..size + 6).contains(&(4 * at + n)));
        let (sum, of) = inside.fold((0.0, 0.0), |(sum, of), n| {
            (sum + weights[n] * f64::from(read(4 * at + n - 6)), of + weights[n])
        });
        (sum / of).round().clamp(0.0, 255.0) as u8
    };
    let (width, height) = (picture.width() / 4, picture.height() / 4);
    let (from, stride) = (&picture.colour.data, picture.width() * 3);
    let wide = (0..picture.height() * width * 3).map(|n| {
        let (y, x, c) = (n / (width * 3), n / 3 % width, n % 3);
        shrink(&|x| from[y * stride + x * 3 + c], picture.width(), x)
    });
    let wide: Vec<u8> = wide.collect();
    let small = (0..height * width * 3).map(|n| {
        let (y, at) = (n / (width * 3), n % (width * 3));
        shrink(&|y| wide[y * width * 3 + at], picture.height(), y)
    });
    Picture::opaque(width, height, small.collect()).unwrap()
}

#[test]
fn odd_sizes_have_the_pixels_that_they_have_within_a_larger_picture() {
    let Some((runtime, root)) = real(EDSR_DATA) else { return };
    let mut upscaler = Upscaler::new(&edsr(&runtime, &root), 2).unwrap();
    let options = UpscaleOptions::default();
    // Smaller than the context, narrower than a tile, one px more than a tile keeps.
    for (width, height) in [(1, 1), (5, 150), (97, 33)] {
        let large = enlarged(&scenery(width, height, 1), Some(&mut upscaler), &options);
        assert_eq!((large.width(), large.height()), (2 * width, 2 * height));
    }
    // 20 px from the cut nothing of it is seen, wherever the tiles lie.
    let whole = scenery(131, 109, 7);
    let part =
        Picture::opaque(100, 109, (0..109).flat_map(|y| whole.colour.row(y)[31 * 3..].to_vec()).collect())
            .unwrap();
    let (whole, part) =
        (enlarged(&whole, Some(&mut upscaler), &options), enlarged(&part, Some(&mut upscaler), &options));
    for y in 0..218 {
        let (a, b) = (&whole.colour.row(y)[(62 + 40) * 3..], &part.colour.row(y)[40 * 3..]);
        assert!(a == b, "row {y}");
    }
}

#[test]
fn lanczos_has_the_quality_that_the_readme_gives_and_alpha_is_enlarged_on_its_own() {
    let Some((_, root)) = real(EDSR_DATA) else { return };
    let folder = root.join("models/studio/ref");
    let mut small = load(&folder.join("astronaut_lr_192.png"));
    let truth = load(&folder.join("astronaut_hr_384.png"));
    let options = UpscaleOptions::default();
    let quality = psnr(&enlarged(&small, None, &options), &truth);
    assert!((quality - 31.18).abs() < 0.05, "{quality} dB");
    let opaque = enlarged(&small, None, &options);
    small.alpha = Some((0..192 * 192).map(|px| if px % 192 < 96 { 0 } else { 255 }).collect());
    let large = enlarged(&small, None, &options);
    assert!(large.colour == opaque.colour);
    let alpha = large.alpha.unwrap();
    let (row, edge) = (&alpha[100 * 384..][..384], 192);
    assert!(
        row[..edge - 6].iter().all(|value| *value == 0) && row[edge + 6..].iter().all(|value| *value == 255)
    );
    assert_eq!(
        row[edge - 1].abs_diff(0),
        255 - row[edge],
        "the edge lies in the middle: {:?}",
        &row[186..198]
    );
}

#[test]
fn without_a_model_or_with_one_that_fails_the_result_says_what_was_done_instead() {
    let folder = tempfile::tempdir().unwrap();
    let stub = folder.path().join("broken.stub");
    std::fs::write(
        &stub,
        "fail = \"the accelerator is gone\"\n[[input]]\nname = \"i\"\nshape = [1, 32, 32, 3]\ndtype = \"u8\"\n\
         [[output]]\nname = \"o\"\nshape = [1, 64, 64, 3]\ndtype = \"u8\"\n",
    )
    .unwrap();
    let model = engine::load(&engine::stub(), &stub, engine::card(Task::Upscale));
    let mut upscaler = Upscaler::new(&model, 2).unwrap();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let target = Target { folder: &out, stem: "photo", format: FileFormat::Png };
    let picture = scenery(50, 40, 3);
    let mut run = |options: &UpscaleOptions| {
        upscale_to_file(&picture, Ok(&mut upscaler), options, &target, &Watch::none())
    };

    let usual = || UpscaleOptions { context: 8, ..UpscaleOptions::default() };
    let done = run(&usual()).unwrap();
    assert_eq!((done.method, done.file.width, done.file.height), (Method::Lanczos, 100, 80));
    assert!(done.fell_back.unwrap().contains("the accelerator is gone"));
    assert!(load(&done.file.path) == enlarged(&picture, None, &UpscaleOptions::default()));

    let done = run(&UpscaleOptions { fallback: Fallback::Original, ..usual() }).unwrap();
    assert_eq!((done.method, done.file.width), (Method::Original, 50));
    assert!(done.fell_back.is_some() && load(&done.file.path) == picture);

    let done = run(&UpscaleOptions { max_px: 1_000, ..usual() }).unwrap();
    assert_eq!(done.method, Method::Original);
    assert!(done.fell_back.unwrap().contains("100 x 80 px"));

    let error = run(&UpscaleOptions { fallback: Fallback::None, ..usual() }).unwrap_err();
    assert!(error.to_string().contains("the accelerator is gone"), "{error}");
    let odd = run(&UpscaleOptions { factor: 3, ..usual() }).unwrap_err();
    assert!(odd.to_string().contains("2 or 4"), "{odd}");
    // What failed left nothing beside the three results, two of which are the same picture.
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 2);
}

#[test]
fn a_model_of_another_shape_or_task_is_refused_with_what_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let stub = folder.path().join("odd.stub");
    for output in ["[1, 48, 64, 3]", "[1, 32, 32, 3]", "[1, 64, 64, 1]", "[1, 1000]"] {
        let text = format!(
            "[[input]]\nname = \"i\"\nshape = [1, 32, 32, 3]\ndtype = \"u8\"\n[[output]]\nname = \"o\"\nshape = {output}\ndtype = \"u8\"\n"
        );
        std::fs::write(&stub, text).unwrap();
        let card = engine::card(Task::Upscale);
        let error = engine::stub().load(engine::source(&stub, &card)).unwrap_err().to_string();
        assert!(error.contains("n x 32") && error.contains("upscale"), "{error}");
        let card = engine::card(Task::Embed);
        if let Ok(model) = engine::stub().load(engine::source(&stub, &card)) {
            let error = Upscaler::new(&model, 1).unwrap_err().to_string();
            assert!(error.contains("embed") && error.contains("upscale"), "{error}");
        }
    }
}

#[test]
fn enlarging_is_cancelled_between_tiles_and_its_progress_ascends() {
    let folder = tempfile::tempdir().unwrap();
    let stub = folder.path().join("slow.stub");
    std::fs::write(
        &stub,
        "[[input]]\nname = \"i\"\nshape = [1, 32, 32, 3]\ndtype = \"u8\"\n\
         [[output]]\nname = \"o\"\nshape = [1, 64, 64, 3]\ndtype = \"u8\"\nvalues = [9]\n",
    )
    .unwrap();
    let model = engine::load(&engine::stub(), &stub, engine::card(Task::Upscale));
    let mut upscaler = Upscaler::new(&model, 2).unwrap();
    let picture = scenery(200, 160, 3);
    let options = UpscaleOptions { factor: 4, context: 8, ..UpscaleOptions::default() };
    let seen = std::sync::Mutex::new(Vec::new());
    let progress = |share| seen.lock().unwrap().push(share);
    let watch = Watch::new(&|| false, &progress);
    let mut sink = Collected::new(800, 3);
    let method = upscale(&picture, Some(&mut upscaler), &options, &watch, &mut sink).unwrap();
    let Method::Model { passes: 2, tiles, .. } = method else { panic!("{method:?}") };
    // 13 x 10 tiles of 16 px, then 25 x 20.
    assert_eq!(tiles, 130 + 500);
    assert!(sink.into_picture().unwrap().colour.data.iter().all(|value| *value == 9));
    let seen = seen.into_inner().unwrap();
    assert!(seen.len() == tiles && seen.iter().copied().fold(0.0, f32::max) == 1.0);

    let tiles = AtomicUsize::new(0);
    let progress = |_| {
        tiles.fetch_add(1, Ordering::Relaxed);
    };
    let cancelled = || tiles.load(Ordering::Relaxed) >= 5;
    let watch = Watch::new(&cancelled, &progress);
    let mut sink = Collected::new(800, 3);
    let error = upscale(&picture, Some(&mut upscaler), &options, &watch, &mut sink).unwrap_err();
    assert!(matches!(error, StudioError::Cancelled), "{error}");
    assert!(tiles.load(Ordering::Relaxed) <= 7, "each worker ends after its tile");
}
