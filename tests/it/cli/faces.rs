//! `ocellus faces` and `ocellus models`: the real binary, real models and photographs, no service running.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::rig::{Rig, data};
use image::{DynamicImage, RgbImage};
use serde_json::Value;

/// A box with the public models installed, whose camera is somewhere else; `None` without shared data or a runtime.
fn bench() -> Option<(Rig, PathBuf)> {
    let data = data()?;
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join(".runtime/libLiteRt.so");
    if std::env::var_os("OCELLUS_RUNTIME_LIB").is_none() && !library.is_file() {
        assert!(std::env::var_os("CI").is_none(), "CI without a LiteRT library");
        println!("skipped: no LiteRT library (make setup, or OCELLUS_RUNTIME_LIB)");
        return None;
    }
    let rig = Rig::new();
    let models = rig.path("models");
    for (name, file) in
        [("face_detection_back", "face_detection_back"), ("mobilefacenet", "mobilefacenet_float32")]
    {
        let file = data.join(format!("models/{file}.tflite"));
        let file = file.to_str().unwrap();
        told(&rig, &["models", "add", name, "--file", file, "--dir", models.to_str().unwrap()]);
    }
    config(&rig, "mobilefacenet_float32.tflite");
    Some((rig, data))
}

fn config(rig: &Rig, embedding: &str) {
    let rest = format!(
        "[model.face]\npath = \"models/face_detection_back.tflite\"\n\
         [model.embedding]\npath = \"models/{embedding}\"\n\
         [faces]\nmodel = \"embedding\"\n\
         [[camera]]\nname = \"door\"\nsource = \"rtsp://127.0.0.1:1/none\"\nring_slots = 8\n\
         detect = {{ model = \"face\" }}\ntrack = {{}}\nrecognise = true\n"
    );
    rig.config_with("url = \"mqtt://127.0.0.1:1\"", "litert", &rest);
}

fn faces(rig: &Rig, arguments: &[&str]) -> Output {
    rig.command(&[&["faces"], arguments].concat())
}

fn words(output: &Output) -> (Option<i32>, String) {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(both).unwrap())
}

/// What it prints; it must succeed. `models` takes no state directory, so nothing is added to its arguments but --config.
#[track_caller]
fn told(rig: &Rig, arguments: &[&str]) -> String {
    let output = match arguments[0] {
        "models" => std::process::Command::new(env!("CARGO_BIN_EXE_ocellus"))
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap(),
        _ => rig.command(arguments),
    };
    let (code, words) = words(&output);
    assert_eq!(code, Some(0), "{arguments:?}: {words}");
    words
}

#[track_caller]
fn json(rig: &Rig, arguments: &[&str]) -> Value {
    let output = faces(rig, &[arguments, &["--json"]].concat());
    let (code, words) = words(&output);
    assert_eq!(code, Some(0), "{arguments:?}: {words}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// It must end with `code`, and say all of `wanted`; returns what it said as JSON.
#[track_caller]
fn refused(rig: &Rig, arguments: &[&str], code: i32, wanted: &[&str]) -> Value {
    let (found, said) = words(&faces(rig, arguments));
    assert_eq!(found, Some(code), "{arguments:?}: {said}");
    for word in wanted {
        assert!(said.contains(word), "{arguments:?}: {word:?} is not in: {said}");
    }
    let output = faces(rig, &[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(code));
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

/// The pictures of one of the three people.
fn shots(data: &Path, person: &str) -> Vec<String> {
    let folder = data.join("images/faces").join(person);
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect();
    files.sort();
    files
}

fn save(rig: &Rig, name: &str, picture: &DynamicImage) -> String {
    let path = rig.path(name);
    picture.save(&path).unwrap();
    path.display().to_string()
}

fn names(rig: &Rig) -> Vec<String> {
    let told = json(rig, &["list"]);
    told["people"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap().into()).collect()
}

#[test]
fn people_are_enrolled_listed_renamed_merged_and_erased() {
    let Some((rig, data)) = bench() else { return };
    let [a, b, c] = ["person_A", "person_B", "person_C"].map(|person| shots(&data, person));
    assert_eq!(told(&rig, &["faces", "list"]), "0 people\n");
    let said = told(&rig, &["faces", "enrol", "  Anna Ö. ", &a[0], &a[1]]);
    assert_eq!(said, "person 1, Anna Ö.: 2 pictures enrolled\n");
    let enrolled = json(&rig, &["enrol", "Ben", &b[0], &b[1], &b[2]]);
    assert_eq!((&enrolled["person"], enrolled["samples"].as_array().unwrap().len()), (&2.into(), 3));
    assert_eq!(enrolled["rejected"], Value::Array(vec![]));
    told(&rig, &["faces", "enrol", "Cleo", &c[0]]);
    let said = told(&rig, &["faces", "add", "cleo", &c[1], &c[2]]);
    assert_eq!(said, "person 3, Cleo: 2 pictures added\n");
    let list = told(&rig, &["faces", "list"]);
    assert!(list.starts_with("3 people\n") && list.contains("Anna Ö.  (2 pictures, since 20"), "{list}");
    assert!(list.contains("quality 0.") && list.contains("asl_again_0.3.png"), "{list}");

    assert_eq!(told(&rig, &["faces", "rename", "2", "Benedict"]), "person 2 is called Benedict now\n");
    // One more of Ben, enrolled as somebody else by mistake.
    refused(
        &rig,
        &["enrol", "Double", &b[3]],
        13,
        &["this is Benedict (person 2)", "add the pictures to that person"],
    );
    told(&rig, &["faces", "enrol", "Double", &b[3], "--as-new"]);
    let said = told(&rig, &["faces", "merge", "Double", "Benedict"]);
    assert_eq!(said, "person 4 is part of person 2, Benedict now: 4 pictures\n");
    let sample = json(&rig, &["list"])["people"][1]["samples"][0]["id"].to_string();
    let said = told(&rig, &["faces", "remove", "Benedict", &sample]);
    assert!(said.contains("3 pictures left"), "{said}");

    let erased = json(&rig, &["erase", "Benedict"]);
    assert_eq!((&erased["erased"]["samples"], &erased["erased"]["crops"]), (&3.into(), &3.into()));
    assert!(erased["erased"]["rewritten_bytes"].as_u64().unwrap() > 1_000);
    assert_eq!(names(&rig), ["Anna Ö.", "Cleo"]);
    let again = told(&rig, &["faces", "erase", "2"]);
    assert!(again.contains("erased before"), "{again}");
    refused(&rig, &["erase", "17"], 1, &["there is no person 17"]);
    refused(&rig, &["rename", "Anno", "X"], 1, &["there is no person \"Anno\""]);
}

#[test]
fn every_picture_that_is_no_good_says_why_and_what_to_do() {
    let Some((rig, data)) = bench() else { return };
    let good = &shots(&data, "person_A")[0];
    let picture = image::open(good).unwrap();
    let faces_dir = data.join("images/faces");
    let group = faces_dir.join("climate_law_group_nxp.jpg").display().to_string();
    let nobody = save(
        &rig,
        "nobody.png",
        &RgbImage::from_fn(640, 480, |x, y| image::Rgb([x as u8, y as u8, 90])).into(),
    );
    let tiny = save(&rig, "tiny.png", &picture.resize(150, 150, image::imageops::FilterType::Triangle));
    let blurred = save(&rig, "blurred.png", &picture.blur(9.0));
    let whole = fs::read(good).unwrap();
    let (corrupt, huge, text) = (rig.path("corrupt.png"), rig.path("huge.png"), rig.path("text.jpg"));
    fs::write(&corrupt, &whole[..whole.len() / 3]).unwrap();
    fs::write(&text, "this is no picture").unwrap();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 60_000, 60_000);
    encoder.set_color(png::ColorType::Rgb);
    // Its data begins, and would unpack to 10 GB.
    encoder.write_header().unwrap().write_chunk(png::chunk::IDAT, &[0x78, 0x9c, 0xed, 0xc1]).unwrap();
    fs::write(&huge, bytes).unwrap();
    let [corrupt, huge, text] = [corrupt, huge, text].map(|path| path.display().to_string());
    let cases: [(&str, &str, &[&str]); 7] = [
        (&nobody, "no_face", &["no face was found", "from the front"]),
        (&group, "several_faces", &["faces are in the picture", "alone"]),
        (&tiny, "face_too_small", &["too small", "px apart"]),
        (&blurred, "face_blurred", &["blurred", "hold still"]),
        (&corrupt, "picture_unreadable", &["cannot be read", "save it as JPEG or PNG"]),
        (&text, "picture_unreadable", &["cannot be read"]),
        (&huge, "picture_too_large", &["60000 x 60000 px", "scale it down"]),
    ];
    for (file, code, said) in cases {
        let told = refused(&rig, &["enrol", "Anna", file], 13, said);
        assert_eq!(told["code"], code, "{told}");
        assert_eq!(told["details"]["rejected"][0]["code"], code, "{told}");
    }
    refused(
        &rig,
        &["enrol", "Anna", &nobody, &tiny],
        13,
        &["none of the 2 pictures", "1: no face", "2: the face is too small"],
    );
    for name in ["", "a\u{7}b", &"x".repeat(65)] {
        let told = refused(&rig, &["enrol", name, good], 13, &["1 to 64 visible characters"]);
        assert_eq!(told["code"], "bad_name", "{told}");
    }
    refused(&rig, &["enrol", "Anna", "/none.jpg"], 1, &["/none.jpg", "correct the path"]);
    refused(&rig, &["enrol", "Anna", "--camera", "door"], 1, &["no service runs", "systemctl start ocellus"]);
    assert_eq!(names(&rig), Vec::<String>::new(), "nothing was stored");
    assert!(!rig.state_dir.join("gallery").exists());

    // The good one of four is taken, and each of the others is told with its place.
    let enrolled = json(&rig, &["enrol", "Anna", &nobody, good, &huge, &blurred]);
    assert_eq!(enrolled["samples"].as_array().unwrap().len(), 1);
    let rejected: Vec<_> =
        enrolled["rejected"].as_array().unwrap().iter().map(|r| (&r["index"], &r["code"])).collect();
    assert_eq!(
        rejected,
        [
            (&0.into(), &"no_face".into()),
            (&2.into(), &"picture_too_large".into()),
            (&3.into(), &"face_blurred".into())
        ]
    );
    let told = refused(&rig, &["enrol", "anna", good], 13, &["is called \"Anna\" already"]);
    assert_eq!(told["code"], "name_taken");
    let told = refused(&rig, &["enrol", "Somebody", &shots(&data, "person_A")[1]], 13, &["this is Anna"]);
    assert_eq!((&told["code"], &told["details"]["person"]), (&"already_enrolled".into(), &1.into()));
    assert!(told["details"]["similarity"].as_f64().unwrap() > 0.6);
    let other = &shots(&data, "person_B")[0];
    told_ok(&rig, &["enrol", "Ben", other]);
    refused(&rig, &["add", "Anna", other], 13, &["this is Ben (person 2)", "--as-new"]);
    assert_eq!(names(&rig), ["Anna", "Ben"]);
}

#[track_caller]
fn told_ok(rig: &Rig, arguments: &[&str]) {
    told(rig, &[&["faces"], arguments].concat());
}

#[test]
fn a_gallery_goes_to_another_box_and_to_another_model() {
    let Some((rig, data)) = bench() else { return };
    let [a, b] = ["person_A", "person_B"].map(|person| shots(&data, person));
    told_ok(&rig, &["enrol", "Anna", &a[0], &a[1]]);
    told_ok(&rig, &["enrol", "Ben", &b[0]]);
    let file = rig.path("people.jsonl").display().to_string();
    assert!(told(&rig, &["faces", "export", &file]).starts_with("2 people written to"));
    refused(&rig, &["export", &file], 1, &["does not exist yet"]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "only the owner may read faces");

    // An empty box, whose model is another file: the same network, told apart by its SHA-256 alone.
    fs::remove_dir_all(&rig.state_dir).unwrap();
    let mut model = fs::read(rig.path("models/mobilefacenet_float32.tflite")).unwrap();
    model.extend_from_slice(&[0; 16]);
    fs::write(rig.path("models/other.tflite"), model).unwrap();
    fs::write(rig.path("models/other.toml"), "task = \"embed\"\nmean = 127.5\nstd = 128.0\n").unwrap();
    config(&rig, "other.tflite");
    let said = told(&rig, &["faces", "import", &file]);
    assert!(
        said.contains("2 people with 3 pictures taken") && said.contains("run `ocellus faces reenrol`"),
        "{said}"
    );
    let list = json(&rig, &["list"]);
    assert_eq!((&list["stale"], &list["people"][0]["samples"][0]["stale"]), (&3.into(), &true.into()));
    assert!(told(&rig, &["faces", "list"]).contains("3 pictures were embedded by another model"));
    // Nobody is known by a stale picture.
    told_ok(&rig, &["enrol", "Twin", &a[2]]);
    told_ok(&rig, &["erase", "Twin"]);
    assert_eq!(told(&rig, &["faces", "reenrol"]), "3 pictures embedded again, 0 failed\n");
    assert_eq!(told(&rig, &["faces", "reenrol"]), "every picture is embedded by the model in use\n");
    assert_eq!(json(&rig, &["list"])["stale"], 0);
    refused(&rig, &["enrol", "Twin", &a[2]], 13, &["this is Anna"]);

    let said = told(&rig, &["faces", "import", &file]);
    assert!(said.contains("0 people") && said.contains("left out: Anna: is here already"), "{said}");
    let bad = rig.path("bad.jsonl");
    fs::write(&bad, "{\"format\":\"somebody's/1\"}\n").unwrap();
    refused(&rig, &["import", bad.to_str().unwrap()], 13, &["line 1", "nothing of it was taken"]);
}

#[test]
fn a_model_is_installed_only_if_it_is_the_one_that_is_meant() {
    let Some((rig, data)) = bench() else { return };
    let dir = rig.path("fresh");
    let run = |arguments: &[&str]| {
        let dir = ["--dir", dir.to_str().unwrap()];
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ocellus"));
        command.arg("models").args(arguments).args(dir).current_dir(env!("CARGO_MANIFEST_DIR"));
        words(&command.output().unwrap())
    };
    let (code, list) = run(&["list"]);
    assert_eq!(code, Some(0));
    for word in [
        "mobilefacenet (not installed)",
        "a00014f9e990dada260c13398a16aba77571defb6acabce547cd70b0ad3d7eea",
        "pta20032004/yolo-human-detection-db",
        "MIT (LICENSE)",
        "licence reviewed",
        "ocellus models add face_detection_back --file face_detection_back.tflite",
    ] {
        assert!(list.contains(word), "{word:?} is not in: {list}");
    }
    let file = |name: &str| data.join("models").join(name).display().to_string();
    let (code, said) = run(&["add", "mobilefacenet"]);
    assert!(code == Some(4) && said.contains("fetch https://github.com/"), "{code:?}: {said}");
    let (code, said) = run(&["add", "mobilefacenet", "--file", &file("selfie_segmenter.tflite")]);
    assert_eq!(code, Some(4));
    assert!(said.contains("expected SHA-256 a00014f9") && said.contains("found 191ac952"), "{said}");
    let (code, said) = run(&["add", &file("deeplabv3_257_float.tflite")]);
    assert!(code == Some(4) && said.contains("no model of the catalogue"), "{said}");
    let (code, said) = run(&["add", "mobilfacenet"]);
    assert!(code == Some(4) && said.contains("mobilefacenet"), "a guess: {said}");
    assert!(!dir.exists(), "nothing was written");
    // By its file alone: what it is, its digest tells.
    let (code, said) = run(&["add", &file("mobilefacenet_float32.tflite")]);
    assert!(code == Some(0) && said.contains("caution"), "{said}");
    assert!(
        fs::read_to_string(dir.join("mobilefacenet_float32.toml")).unwrap().contains("sha256 = \"a00014f9")
    );
    assert!(run(&["list"]).1.contains("mobilefacenet (installed)"));
    // A card that somebody has adapted is not lost.
    fs::write(dir.join("mobilefacenet_float32.toml"), "task = \"embed\"\n# ours\n").unwrap();
    let (code, said) = run(&["add", &file("mobilefacenet_float32.tflite")]);
    assert!(code == Some(0) && said.contains("the card that was there already"), "{said}");
}

#[test]
fn a_profile_without_its_models_says_how_to_get_each() {
    let rig = Rig::new();
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/attendance.toml");
    fs::copy(profile, rig.config_path()).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ocellus"));
    // Neither beside the configuration nor in the working directory are models.
    command.current_dir(rig.dir.path()).args(["check", "--config", "ocellus.toml"]);
    let (code, said) = words(&command.output().unwrap());
    assert_eq!(code, Some(3), "{said}");
    for word in [
        "model.face.path: no such file",
        "https://github.com/hugocornellier/face_detection_tflite/raw/43fad2fe2489b3576910e984f9337e83691ccc1d/",
        "e376cf6b168d5ece8a3cedb94acc4eb168a136aede125ccc3d903ef38f5beda8",
        "licence Apache-2.0",
        "model.embedding.path: no such file",
        "a00014f9e990dada260c13398a16aba77571defb6acabce547cd70b0ad3d7eea",
        "licence MIT (LICENSE) (have its licence reviewed",
        "`ocellus models add mobilefacenet --file mobilefacenet_float32.tflite --dir models`",
    ] {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[test]
fn the_profile_for_attendance_is_sound_once_its_models_are_there() {
    let Some((rig, _)) = bench() else { return };
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/attendance.toml");
    fs::copy(profile, rig.config_path()).unwrap();
    let said = told(&rig, &["check"]);
    assert!(said.contains("ok: 1 camera, 2 models"), "{said}");
}
