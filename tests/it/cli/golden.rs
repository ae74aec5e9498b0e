//! `ocellus golden` and `ocellus check` of recipes: the real binary on real files, as a technician uses them.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use crate::support::rig::{Rig, Stub};
use image::{DynamicImage, GrayImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use ocellus::store::Store;
use ocellus::types::Channels;
use serde_json::Value;

const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:\"\ndetect = { model = \"m\" }\n\
    inspect = { product = \"bracket\" }\n";
const RECIPE: &str = "size = [64, 48]\n[[roi]]\nname = \"face\"\nrect = [8, 8, 32, 32]\nkind = \"pixels\"\n\
    [[roi]]\nname = \"label\"\nrect = [40, 8, 16, 16]\nkind = \"colour\"\nmax_delta_e = 5\n";

/// A box whose camera inspects brackets.
fn bench() -> Rig {
    let rig = Rig::new();
    rig.config(1, &(rig.stub("m", &Stub::default()) + CAMERA));
    fs::create_dir(rig.path("recipes")).unwrap();
    fs::write(rig.path("recipes/bracket.toml"), RECIPE).unwrap();
    rig
}

fn colours(width: u32, height: u32, number: u8) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([x as u8 ^ number, y as u8, (x * y) as u8]))
}

/// Writes a picture that is like no other.
fn picture(rig: &Rig, name: &str, number: u8) -> PathBuf {
    let path = rig.path(name);
    colours(64, 48, number).save(&path).unwrap();
    path
}

/// The bytes of a JPEG that is like no other.
fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    colours(width, height, 3).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

fn run(rig: &Rig, arguments: &[&str]) -> Output {
    rig.command(&[&["golden"], arguments].concat())
}

fn words(output: &Output) -> (Option<i32>, String) {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(both).unwrap())
}

/// What it prints; it must succeed.
#[track_caller]
fn told(rig: &Rig, arguments: &[&str]) -> String {
    let (code, words) = words(&run(rig, arguments));
    assert_eq!(code, Some(0), "{words}");
    words
}

#[track_caller]
fn json(rig: &Rig, arguments: &[&str]) -> Value {
    let output = run(rig, &[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{:?}", words(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// It must be refused with this exit code, and with each of these words; in JSON too.
#[track_caller]
fn refused(rig: &Rig, arguments: &[&str], code: i32, expected: &[&str]) {
    let (found, said) = words(&run(rig, arguments));
    assert_eq!(found, Some(code), "{said}");
    for word in expected {
        assert!(said.contains(word), "\"{word}\" is missing in: {said}");
    }
    let output = run(rig, &[arguments, &["--json"]].concat());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &told["ok"]), (Some(code), &false.into()));
    for word in expected {
        assert!(told["error"].as_str().unwrap().contains(word), "\"{word}\" is missing in: {told}");
    }
}

#[test]
fn pictures_are_taught_shown_taken_out_and_taken_back() {
    let rig = bench();
    let (one, two) = (picture(&rig, "one.png", 1), picture(&rig, "two.png", 2));
    assert!(told(&rig, &["list"]).contains("bracket: never taught"));
    assert!(told(&rig, &["show", "bracket"]).contains("`ocellus golden add bracket PICTURE`"));
    let said = told(&rig, &["add", "bracket", one.to_str().unwrap()]);
    assert!(said.starts_with("bracket: golden revision 1, 1 picture\n  + "), "{said}");
    assert!(said.contains("64 x 48  one.png"), "{said}");
    let said = told(&rig, &["add", "bracket", two.to_str().unwrap(), "--roi", "face"]);
    assert!(said.contains("revision 2, 2 pictures") && said.contains("two.png  only face"), "{said}");
    let said = told(&rig, &["add", "bracket", one.to_str().unwrap()]);
    assert!(said.contains("revision 2, 2 pictures: these pictures are in it already"), "{said}");

    let shown = json(&rig, &["show", "bracket"]);
    let entries = shown["set"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!((&entries[1]["rois"][0], &entries[0]["fault"]), (&"face".into(), &Value::Null));
    assert_eq!(shown["set"]["hash"].as_str().unwrap().len(), 64);
    let sha = entries[0]["picture"].as_str().unwrap().to_owned();
    let said = told(&rig, &["remove", "bracket", &sha[..12].to_uppercase()]);
    assert!(said.contains("revision 3, 1 picture: removed one.png") && said.contains("  - "), "{said}");
    assert!(said.contains("two.png is the master now"), "{said}");
    let said = told(&rig, &["rollback", "bracket"]);
    assert!(said.contains("revision 4, 2 pictures: rolled back to revision 2"), "{said}");
    let said = told(&rig, &["rollback", "bracket", "--to", "1"]);
    assert!(said.contains("revision 5, 1 picture: rolled back to revision 1"), "{said}");

    let said = told(&rig, &["show", "bracket"]);
    let order: Vec<_> = ["one.png  master", "revisions:", "\n  5  ", "\n  4  ", "\n  1  "]
        .iter()
        .map(|part| said.find(part).unwrap_or_else(|| panic!("{part} is missing in: {said}")))
        .collect();
    assert!(order.is_sorted(), "{said}");
    assert!(told(&rig, &["show", "bracket", "--revision", "2"]).contains("2 pictures (not in force)"));
    let listed = json(&rig, &["list"]);
    assert_eq!(listed["products"][0]["set"]["revision"], 5);
    assert_eq!(listed["products"][0]["recipe"], true);
    assert!(told(&rig, &["verify"]).contains("every golden picture is there"));
    let said = told(&rig, &["prune", "--keep", "1"]);
    assert!(said.starts_with("4 revisions forgotten, 1 file removed, "), "{said}");
}

#[test]
fn jpeg_png_and_bmp_are_taught_whatever_they_are_called() {
    let rig = bench();
    let rgb = colours(64, 48, 7);
    let grey: GrayImage = DynamicImage::from(rgb.clone()).to_luma8();
    let opaque = RgbaImage::from_fn(64, 48, |x, y| Rgba([x as u8, y as u8, 9, 255]));
    rgb.save(rig.path("a.bmp")).unwrap();
    rgb.save(rig.path("b.jpg")).unwrap();
    grey.save(rig.path("c.png")).unwrap();
    opaque.save(rig.path("d.png")).unwrap();
    rgb.save_with_format(rig.path("e"), ImageFormat::Png).unwrap();
    let paths: Vec<_> = ["a.bmp", "b.jpg", "c.png", "d.png", "e"].map(|name| rig.path(name)).into();
    let mut arguments = vec!["add", "bracket"];
    arguments.extend(paths.iter().map(|path| path.to_str().unwrap()));
    let set = json(&rig, &arguments)["set"].clone();
    let names: Vec<_> =
        set["entries"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    // `e` holds the same px as `a.bmp`: one picture, named by what it was called last.
    assert_eq!((names, &set["revision"]), (vec!["e", "b.jpg", "c.png", "d.png"], &1.into()));
    let goldens = Store::open(&rig.state_dir).unwrap().store.goldens();
    let set = goldens.current("bracket").unwrap().unwrap();
    let first = goldens.picture(&set.entries[0].picture).unwrap();
    assert_eq!((first.channels, first.data), (Channels::Rgb, rgb.into_raw()));
    let third = goldens.picture(&set.entries[2].picture).unwrap();
    assert_eq!((third.channels, third.data), (Channels::Gray, grey.into_raw()));
    assert_eq!(goldens.picture(&set.entries[3].picture).unwrap().channels, Channels::Rgb);
}

#[test]
fn a_picture_that_cannot_be_a_golden_is_refused_by_name_and_nothing_changes() {
    let rig = bench();
    let good = picture(&rig, "good.png", 1);
    told(&rig, &["add", "bracket", good.to_str().unwrap()]);
    let before = json(&rig, &["list"]);
    let add = |name: &str, code: i32, expected: &[&str]| {
        let path = rig.path(name);
        // A good one first: all are taught, or none is.
        let other = picture(&rig, "other.png", 9);
        let arguments = ["add", "bracket", other.to_str().unwrap(), path.to_str().unwrap()];
        refused(&rig, &arguments, code, &[&[name], expected].concat());
        assert_eq!(json(&rig, &["list"]), before, "{name}");
    };
    colours(64, 50, 1).save(rig.path("large.png")).unwrap();
    add("large.png", 1, &["64 x 50 px", "bracket.toml", "64 x 48 px", "another size", "correct size"]);
    fs::write(rig.path("text.png"), "no picture").unwrap();
    add("text.png", 1, &["no picture that is known here", "PNG, JPEG or BMP"]);
    add("gone.png", 1, &["No such file", "correct the path"]);
    let bytes = fs::read(&good).unwrap();
    fs::write(rig.path("cut.png"), &bytes[..bytes.len() / 2]).unwrap();
    add("cut.png", 1, &["cannot be used", "try again"]);
    let jpeg = jpeg(64, 48);
    fs::write(rig.path("half.jpg"), &jpeg[..jpeg.len() / 2]).unwrap();
    add("half.jpg", 1, &["cannot be used", "cut off", "try again"]);
    RgbaImage::from_pixel(64, 48, Rgba([1, 2, 3, 200])).save(rig.path("glass.png")).unwrap();
    add("glass.png", 1, &["see-through"]);
}

/// The same file is the same pixels for a golden picture as for a folder and for enrolment.
#[test]
fn every_flavour_of_picture_is_taught_with_the_pixels_that_are_in_it() {
    let rig = bench();
    let recipe = |size: &str| {
        format!("size = {size}\n[[roi]]\nname = \"face\"\nrect = [8, 8, 16, 16]\nkind = \"pixels\"\n")
    };
    fs::write(rig.path("recipes/lying.toml"), recipe("[64, 32]")).unwrap();
    fs::write(rig.path("recipes/standing.toml"), recipe("[32, 64]")).unwrap();
    let (glass, solid): (Vec<_>, Vec<_>) =
        crate::support::flavours::all().into_iter().partition(|flavour| flavour.see_through);
    for flavour in glass.iter().chain(&solid) {
        fs::write(rig.path(&flavour.name), &flavour.file).unwrap();
    }
    for product in ["lying", "standing"] {
        let of_it = || solid.iter().filter(|flavour| (flavour.truth.width > 32) == (product == "lying"));
        let files: Vec<_> = of_it().map(|flavour| rig.path(&flavour.name)).collect();
        let files: Vec<_> = files.iter().map(|path| path.to_str().unwrap()).collect();
        let set = json(&rig, &[&["add", product], &files[..]].concat())["set"].clone();
        let goldens = Store::open(&rig.state_dir).unwrap().store.goldens();
        for flavour in of_it() {
            let truth = &flavour.truth;
            let kept = set["entries"].as_array().unwrap().iter().map(|entry| {
                (entry["name"] == *flavour.name, goldens.picture(entry["picture"].as_str().unwrap()).unwrap())
            });
            // Files with the same pixels are one golden picture, which is named by the last of them.
            let picture = kept
                .filter(|(named, picture)| *named || picture.data == truth.data)
                .max_by_key(|(named, _)| *named);
            let (_, picture) = picture.unwrap_or_else(|| panic!("{} is not there", flavour.name));
            truth.assert_is(&flavour.name, (picture.width, picture.height), &picture.data, flavour.tolerance);
        }
    }
    for flavour in glass {
        let path = rig.path(&flavour.name);
        refused(&rig, &["add", "lying", path.to_str().unwrap()], 1, &[&flavour.name, "see-through"]);
    }
}

#[test]
fn a_product_without_a_sound_recipe_cannot_be_taught() {
    let rig = bench();
    let good = picture(&rig, "good.png", 1);
    let good = good.to_str().unwrap();
    refused(
        &rig,
        &["add", "brackte", good],
        3,
        &["no recipe for the product \"brackte\"", "next: use one of: bracket"],
    );
    refused(&rig, &["show", "brackte"], 3, &["no recipe for the product \"brackte\""]);
    refused(&rig, &["add", "../bracket", good], 3, &["no recipe for the product"]);
    let roi = ["add", "bracket", good, "--roi", "fase"];
    refused(&rig, &roi, 1, &["has no ROI \"fase\"", "did you mean \"face\"?"]);
    fs::write(rig.path("recipes/bracket.toml"), RECIPE.replace("\"colour\"", "\"color\"")).unwrap();
    let place = format!("{}:9:8: roi[1].kind", rig.path("recipes/bracket.toml").display());
    refused(&rig, &["add", "bracket", good], 3, &[&place, "did you mean \"colour\"?"]);
    refused(&rig, &["remove", "bracket", "1234"], 1, &["never taught"]);
    refused(&rig, &["rollback", "bracket"], 1, &["never taught"]);
    rig.config(1, &(rig.stub("m", &Stub::default()) + &CAMERA.replace("inspect", "# inspect")));
    let none = ["no camera of this configuration inspects", "inspect = { product = \"bracket\" }"];
    refused(&rig, &["add", "bracket", good], 1, &none);
    assert!(told(&rig, &["list"]).contains("no product has a recipe"));
}

#[test]
fn while_the_service_runs_it_is_taught_through_the_service() {
    let rig = bench();
    let good = picture(&rig, "good.png", 1);
    let mut service = rig.run();
    service.wait_log(&["online"]);
    let said = told(&rig, &["add", "bracket", good.to_str().unwrap()]);
    assert!(
        said.contains("bracket: golden revision 1, 1 picture") && said.contains("\n  a: ready"),
        "{said}"
    );
    assert!(told(&rig, &["list"]).contains("revision 1"));
    assert!(service.is_running());
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    assert!(told(&rig, &["list"]).contains("revision 1"));
}

#[test]
fn a_store_that_somebody_holds_without_answering_is_told() {
    let rig = bench();
    let held = Store::open(&rig.state_dir).unwrap();
    refused(&rig, &["list"], 5, &["is held, but no service answers", "try again in a moment"]);
    drop(held);
}

#[test]
fn a_picture_that_was_spoilt_on_disk_is_shown_and_verified_by_name() {
    let rig = bench();
    for number in 1..=3 {
        let path = picture(&rig, &format!("{number}.png"), number);
        told(&rig, &["add", "bracket", path.to_str().unwrap()]);
    }
    let shown = json(&rig, &["show", "bracket"]);
    let file = |at: usize| {
        let sha = shown["set"]["entries"][at]["picture"].as_str().unwrap();
        rig.state_dir.join(format!("goldens/{sha}.png"))
    };
    fs::remove_file(file(0)).unwrap();
    fs::write(file(1), "edited").unwrap();
    let said = told(&rig, &["show", "bracket"]);
    assert!(said.contains("1.png  master  MISSING") && said.contains("2.png  CHANGED"), "{said}");
    let paths = [file(0), file(1)].map(|path| path.display().to_string());
    let expected = ["2 golden pictures or records are not whole", &paths[0], &paths[1], "backup"];
    refused(&rig, &["verify"], 1, &expected);
    refused(&rig, &["rollback", "bracket"], 1, &["is missing", &paths[0]]);
    fs::write(rig.path("recipes/bracket.toml"), RECIPE.replace("[64, 48]", "[64, 56]")).unwrap();
    let said = told(&rig, &["show", "bracket"]);
    assert!(said.contains("3.png  ANOTHER SIZE than the recipe's 64 x 56"), "{said}");
}

#[test]
fn killed_at_any_moment_of_teaching_it_leaves_a_whole_set() {
    let rig = bench();
    fs::write(rig.path("recipes/bracket.toml"), RECIPE.replace("[64, 48]", "[800, 600]")).unwrap();
    let draw = |number: u32| {
        let path = rig.path("part.png");
        let px = |x, y| Rgb([(x ^ number) as u8, (y * 7) as u8, (x * y) as u8]);
        RgbImage::from_fn(800, 600, px).save(&path).unwrap();
        path
    };
    told(&rig, &["add", "bracket", draw(100).to_str().unwrap()]);
    let begun = Instant::now();
    told(&rig, &["add", "bracket", draw(101).to_str().unwrap()]);
    let whole = begun.elapsed();
    let mut pictures = 2;
    for cut in 1..=20 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ocellus"))
            .args(["golden", "add", "bracket"])
            .arg(draw(cut))
            .arg("--config")
            .arg(rig.config_path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // From its first moments to well after its end.
        std::thread::sleep(whole * cut / 14);
        let _ = child.kill();
        child.wait().unwrap();
        told(&rig, &["verify"]);
        let set = &json(&rig, &["list"])["products"][0]["set"];
        let now = set["entries"].as_array().unwrap().len();
        assert!(now == pictures || now == pictures + 1, "{now} after {pictures}");
        assert_eq!(set["revision"].as_u64(), Some(now as u64));
        pictures = now;
    }
    println!("{} of 20 pictures were taught before the end", pictures - 2);
    told(&rig, &["prune"]);
    let left = fs::read_dir(rig.state_dir.join("goldens")).unwrap().flatten();
    let left = left.filter(|file| file.path().extension().is_some_and(|ending| ending == "png"));
    assert_eq!(left.count(), pictures);
}

#[test]
fn check_tells_the_faults_of_every_recipe_and_a_product_without_one() {
    let rig = bench();
    assert_eq!(words(&rig.command(&["check"])).0, Some(0));
    fs::write(rig.path("recipes/lid.toml"), RECIPE.replace("[8, 8, 32, 32]", "[8, 8, 90, 32]")).unwrap();
    let (code, said) = words(&rig.command(&["check"]));
    assert_eq!(code, Some(3), "{said}");
    let place =
        format!("{}:4:8: roi[0].rect: it reaches to (98, 40)", rig.path("recipes/lid.toml").display());
    assert!(said.contains(&place), "{said}");
    fs::remove_file(rig.path("recipes/bracket.toml")).unwrap();
    let (code, said) = words(&rig.command(&["check"]));
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("no recipe for the product \"bracket\"") && said.contains("use one of: lid"),
        "{said}"
    );
}
