//! `ocellus faces` and `ocellus models`: the real binary, real models and photographs, no service running.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::data::{FACES, data, skip};
use crate::support::fixture::Fixture;
use image::{DynamicImage, RgbImage};
use serde_json::Value;

/// A box with the public models installed, whose camera is somewhere else; `None` without shared data or a runtime.
fn bench() -> Option<(Fixture, PathBuf)> {
    let data = data(FACES)?;
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join(".runtime/libLiteRt.so");
    if std::env::var_os("OCELLUS_RUNTIME_LIB").is_none() && !library.is_file() {
        skip("there is no LiteRT library: `make setup` fetches it, OCELLUS_RUNTIME_LIB names another");
        return None;
    }
    let fixture = Fixture::new();
    let models = fixture.path("models");
    for (name, file) in
        [("face_detection_back", "face_detection_back"), ("mobilefacenet", "mobilefacenet_float32")]
    {
        let file = data.join(format!("models/{file}.tflite"));
        let file = file.to_str().unwrap();
        output(&fixture, &["models", "add", name, "--file", file, "--dir", models.to_str().unwrap()]);
    }
    config(&fixture, "mobilefacenet_float32.tflite");
    Some((fixture, data))
}

fn config(fixture: &Fixture, embedding: &str) {
    let rest = format!(
        "[model.face]\npath = \"models/face_detection_back.tflite\"\n\
         [model.embedding]\npath = \"models/{embedding}\"\n\
         [faces]\nmodel = \"embedding\"\n\
         [[camera]]\nname = \"door\"\nsource = \"rtsp://127.0.0.1:1/none\"\nring_slots = 8\n\
         detect = {{ model = \"face\" }}\ntrack = {{}}\nrecognise = true\n"
    );
    fixture.config_with("url = \"mqtt://127.0.0.1:1\"", "litert", &rest);
}

fn faces(fixture: &Fixture, arguments: &[&str]) -> Output {
    fixture.command(&[&["faces"], arguments].concat())
}

fn words(output: &Output) -> (Option<i32>, String) {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(both).unwrap())
}

/// What it prints; it must succeed. `models` takes no state directory, so nothing is added to its arguments but --config.
#[track_caller]
fn output(fixture: &Fixture, arguments: &[&str]) -> String {
    let output = match arguments[0] {
        "models" => std::process::Command::new(env!("CARGO_BIN_EXE_ocellus"))
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap(),
        _ => fixture.command(arguments),
    };
    let (code, words) = words(&output);
    assert_eq!(code, Some(0), "{arguments:?}: {words}");
    words
}

#[track_caller]
fn json(fixture: &Fixture, arguments: &[&str]) -> Value {
    let output = faces(fixture, &[arguments, &["--json"]].concat());
    let (code, words) = words(&output);
    assert_eq!(code, Some(0), "{arguments:?}: {words}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// It must end with `code`, and say all of `wanted`; returns what it said as JSON.
#[track_caller]
fn refused(fixture: &Fixture, arguments: &[&str], code: i32, wanted: &[&str]) -> Value {
    let (found, said) = words(&faces(fixture, arguments));
    assert_eq!(found, Some(code), "{arguments:?}: {said}");
    for word in wanted {
        assert!(said.contains(word), "{arguments:?}: {word:?} is not in: {said}");
    }
    let output = faces(fixture, &[arguments, &["--json"]].concat());
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

fn save(fixture: &Fixture, name: &str, picture: &DynamicImage) -> String {
    let path = fixture.path(name);
    picture.save(&path).unwrap();
    path.display().to_string()
}

fn names(fixture: &Fixture) -> Vec<String> {
    let output = json(fixture, &["list"]);
    output["people"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap().into()).collect()
}

#[test]
fn people_are_enrolled_listed_renamed_merged_and_erased() {
    let Some((fixture, data)) = bench() else { return };
    let [a, b, c] = ["person_A", "person_B", "person_C"].map(|person| shots(&data, person));
    assert_eq!(output(&fixture, &["faces", "list"]), "0 people\n");
    let said = output(&fixture, &["faces", "enrol", "  Anna Ö. ", &a[0], &a[1]]);
    assert_eq!(said, "person 1, Anna Ö.: 2 pictures enrolled\n");
    let enrolled = json(&fixture, &["enrol", "Ben", &b[0], &b[1], &b[2]]);
    assert_eq!((&enrolled["person"], enrolled["samples"].as_array().unwrap().len()), (&2.into(), 3));
    assert_eq!(enrolled["rejected"], Value::Array(vec![]));
    output(&fixture, &["faces", "enrol", "Cleo", &c[0]]);
    let said = output(&fixture, &["faces", "add", "cleo", &c[1], &c[2]]);
    assert_eq!(said, "person 3, Cleo: 2 pictures added\n");
    let list = output(&fixture, &["faces", "list"]);
    assert!(list.starts_with("3 people\n") && list.contains("Anna Ö.  (2 pictures, since 20"), "{list}");
    assert!(list.contains("quality 0.") && list.contains("asl_again_0.3.png"), "{list}");

    assert_eq!(output(&fixture, &["faces", "rename", "2", "Benedict"]), "person 2 is called Benedict now\n");
    // One more of Ben, enrolled as somebody else by mistake.
    refused(
        &fixture,
        &["enrol", "Double", &b[3]],
        13,
        &["this is Benedict (person 2)", "add the pictures to that person"],
    );
    output(&fixture, &["faces", "enrol", "Double", &b[3], "--as-new"]);
    let said = output(&fixture, &["faces", "merge", "Double", "Benedict"]);
    assert_eq!(said, "person 4 is part of person 2, Benedict now: 4 pictures\n");
    let sample = json(&fixture, &["list"])["people"][1]["samples"][0]["id"].to_string();
    let said = output(&fixture, &["faces", "remove", "Benedict", &sample]);
    assert!(said.contains("3 pictures left"), "{said}");

    let erased = json(&fixture, &["erase", "Benedict"]);
    assert_eq!((&erased["erased"]["samples"], &erased["erased"]["crops"]), (&3.into(), &3.into()));
    assert!(erased["erased"]["rewritten_bytes"].as_u64().unwrap() > 1_000);
    assert_eq!(names(&fixture), ["Anna Ö.", "Cleo"]);
    let again = output(&fixture, &["faces", "erase", "2"]);
    assert!(again.contains("erased before"), "{again}");
    refused(&fixture, &["erase", "17"], 1, &["there is no person 17"]);
    refused(&fixture, &["rename", "Anno", "X"], 1, &["there is no person \"Anno\""]);
}

#[test]
fn every_picture_that_is_no_good_says_why_and_what_to_do() {
    let Some((fixture, data)) = bench() else { return };
    let good = &shots(&data, "person_A")[0];
    let picture = image::open(good).unwrap();
    let faces_dir = data.join("images/faces");
    let group = faces_dir.join("climate_law_group_nxp.jpg").display().to_string();
    let nobody = save(
        &fixture,
        "nobody.png",
        &RgbImage::from_fn(640, 480, |x, y| image::Rgb([x as u8, y as u8, 90])).into(),
    );
    let tiny = save(&fixture, "tiny.png", &picture.resize(150, 150, image::imageops::FilterType::Triangle));
    let blurred = save(&fixture, "blurred.png", &picture.blur(9.0));
    let whole = fs::read(good).unwrap();
    let (corrupt, huge, text) =
        (fixture.path("corrupt.png"), fixture.path("huge.png"), fixture.path("text.jpg"));
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
        let output = refused(&fixture, &["enrol", "Anna", file], 13, said);
        assert_eq!(output["code"], code, "{output}");
        assert_eq!(output["details"]["rejected"][0]["code"], code, "{output}");
    }
    refused(
        &fixture,
        &["enrol", "Anna", &nobody, &tiny],
        13,
        &["none of the 2 pictures", "1: no face", "2: the face is too small"],
    );
    for name in ["", "a\u{7}b", &"x".repeat(65)] {
        let output = refused(&fixture, &["enrol", name, good], 13, &["1 to 64 visible characters"]);
        assert_eq!(output["code"], "bad_name", "{output}");
    }
    refused(&fixture, &["enrol", "Anna", "/none.jpg"], 1, &["/none.jpg", "correct the path"]);
    refused(
        &fixture,
        &["enrol", "Anna", "--camera", "door"],
        1,
        &["no service runs", "systemctl start ocellus"],
    );
    assert_eq!(names(&fixture), Vec::<String>::new(), "nothing was stored");
    assert!(!fixture.state_dir.join("gallery").exists());

    // The good one of four is taken, and each of the others is told with its place.
    let enrolled = json(&fixture, &["enrol", "Anna", &nobody, good, &huge, &blurred]);
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
    let output = refused(&fixture, &["enrol", "anna", good], 13, &["is called \"Anna\" already"]);
    assert_eq!(output["code"], "name_taken");
    let output =
        refused(&fixture, &["enrol", "Somebody", &shots(&data, "person_A")[1]], 13, &["this is Anna"]);
    assert_eq!((&output["code"], &output["details"]["person"]), (&"already_enrolled".into(), &1.into()));
    assert!(output["details"]["similarity"].as_f64().unwrap() > 0.6);
    let other = &shots(&data, "person_B")[0];
    output_ok(&fixture, &["enrol", "Ben", other]);
    refused(&fixture, &["add", "Anna", other], 13, &["this is Ben (person 2)", "--as-new"]);
    assert_eq!(names(&fixture), ["Anna", "Ben"]);
}

#[track_caller]
fn output_ok(fixture: &Fixture, arguments: &[&str]) {
    output(fixture, &[&["faces"], arguments].concat());
}

#[test]
fn a_gallery_goes_to_another_box_and_to_another_model() {
    let Some((fixture, data)) = bench() else { return };
    let [a, b] = ["person_A", "person_B"].map(|person| shots(&data, person));
    output_ok(&fixture, &["enrol", "Anna", &a[0], &a[1]]);
    output_ok(&fixture, &["enrol", "Ben", &b[0]]);
    let file = fixture.path("people.jsonl").display().to_string();
    assert!(output(&fixture, &["faces", "export", &file]).starts_with("2 people written to"));
    refused(&fixture, &["export", &file], 1, &["does not exist yet"]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "only the owner may read faces");

    // An empty box, whose model is another file: the same network, told apart by its SHA-256 alone.
    fs::remove_dir_all(&fixture.state_dir).unwrap();
    let mut model = fs::read(fixture.path("models/mobilefacenet_float32.tflite")).unwrap();
    model.extend_from_slice(&[0; 16]);
    fs::write(fixture.path("models/other.tflite"), model).unwrap();
    fs::write(fixture.path("models/other.toml"), "task = \"embed\"\nmean = 127.5\nstd = 128.0\n").unwrap();
    config(&fixture, "other.tflite");
    let said = output(&fixture, &["faces", "import", &file]);
    assert!(
        said.contains("2 people with 3 pictures taken") && said.contains("run `ocellus faces reenrol`"),
        "{said}"
    );
    let list = json(&fixture, &["list"]);
    assert_eq!((&list["stale"], &list["people"][0]["samples"][0]["stale"]), (&3.into(), &true.into()));
    assert!(output(&fixture, &["faces", "list"]).contains("3 pictures were embedded by another model"));
    // Nobody is known by a stale picture.
    output_ok(&fixture, &["enrol", "Twin", &a[2]]);
    output_ok(&fixture, &["erase", "Twin"]);
    assert_eq!(output(&fixture, &["faces", "reenrol"]), "3 pictures embedded again, 0 failed\n");
    assert_eq!(output(&fixture, &["faces", "reenrol"]), "every picture is embedded by the model in use\n");
    assert_eq!(json(&fixture, &["list"])["stale"], 0);
    refused(&fixture, &["enrol", "Twin", &a[2]], 13, &["this is Anna"]);

    let said = output(&fixture, &["faces", "import", &file]);
    assert!(said.contains("0 people") && said.contains("left out: Anna: is here already"), "{said}");
    let bad = fixture.path("bad.jsonl");
    fs::write(&bad, "{\"format\":\"somebody's/1\"}\n").unwrap();
    refused(&fixture, &["import", bad.to_str().unwrap()], 13, &["line 1", "nothing was imported"]);
}

#[test]
fn a_model_is_installed_only_if_it_is_the_one_that_is_meant() {
    let Some((fixture, data)) = bench() else { return };
    let dir = fixture.path("fresh");
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
    assert!(code == Some(4) && said.contains("is not in the catalogue"), "{said}");
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
    let fixture = Fixture::new();
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/attendance.toml");
    fs::copy(profile, fixture.config_path()).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ocellus"));
    // Neither beside the configuration nor in the working directory are models.
    command.current_dir(fixture.dir.path()).args(["check", "--config", "ocellus.toml"]);
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
    let Some((fixture, _)) = bench() else { return };
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/attendance.toml");
    fs::copy(profile, fixture.config_path()).unwrap();
    let said = output(&fixture, &["check"]);
    assert!(said.contains("ok: 1 camera, 2 models"), "{said}");
}
