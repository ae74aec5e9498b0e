//! `ocellus golden` and `ocellus check` of recipes: the real binary on real files, as a technician uses them.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use crate::support::fixture::{Fixture, Stub};
use image::{DynamicImage, GrayImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use ocellus::store::Store;
use ocellus::types::Channels;
use serde_json::Value;

const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:\"\ndetect = { model = \"m\" }\n\
    inspect = { product = \"bracket\" }\n";
const RECIPE: &str = "size = [64, 48]\n[[roi]]\nname = \"face\"\nrect = [8, 8, 32, 32]\nkind = \"pixels\"\n\
    [[roi]]\nname = \"label\"\nrect = [40, 8, 16, 16]\nkind = \"colour\"\nmax_delta_e = 5\n";

/// A box whose camera inspects brackets.
fn bench() -> Fixture {
    let fixture = Fixture::new();
    fixture.config(1, &(fixture.stub("m", &Stub::default()) + CAMERA));
    fs::create_dir(fixture.path("recipes")).unwrap();
    fs::write(fixture.path("recipes/bracket.toml"), RECIPE).unwrap();
    fixture
}

fn colours(width: u32, height: u32, number: u8) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([x as u8 ^ number, y as u8, (x * y) as u8]))
}

/// Writes a picture that is like no other.
fn picture(fixture: &Fixture, name: &str, number: u8) -> PathBuf {
    let path = fixture.path(name);
    colours(64, 48, number).save(&path).unwrap();
    path
}

/// The bytes of a JPEG that is like no other.
fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    colours(width, height, 3).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

fn run(fixture: &Fixture, arguments: &[&str]) -> Output {
    fixture.command(&[&["golden"], arguments].concat())
}

fn words(output: &Output) -> (Option<i32>, String) {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(both).unwrap())
}

/// What it prints; it must succeed.
#[track_caller]
fn output(fixture: &Fixture, arguments: &[&str]) -> String {
    let (code, words) = words(&run(fixture, arguments));
    assert_eq!(code, Some(0), "{words}");
    words
}

#[track_caller]
fn json(fixture: &Fixture, arguments: &[&str]) -> Value {
    let output = run(fixture, &[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{:?}", words(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// It must be refused with this exit code, and with each of these words; in JSON too.
#[track_caller]
fn refused(fixture: &Fixture, arguments: &[&str], code: i32, expected: &[&str]) {
    let (found, said) = words(&run(fixture, arguments));
    assert_eq!(found, Some(code), "{said}");
    for word in expected {
        assert!(said.contains(word), "\"{word}\" is missing in: {said}");
    }
    let output = run(fixture, &[arguments, &["--json"]].concat());
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &answer["ok"]), (Some(code), &false.into()));
    for word in expected {
        assert!(answer["error"].as_str().unwrap().contains(word), "\"{word}\" is missing in: {answer}");
    }
}

#[test]
fn pictures_are_taught_shown_taken_out_and_taken_back() {
    let fixture = bench();
    let (one, two) = (picture(&fixture, "one.png", 1), picture(&fixture, "two.png", 2));
    assert!(output(&fixture, &["list"]).contains("bracket: never taught"));
    assert!(output(&fixture, &["show", "bracket"]).contains("`ocellus golden add bracket PICTURE`"));
    let said = output(&fixture, &["add", "bracket", one.to_str().unwrap()]);
    assert!(said.starts_with("bracket: golden revision 1, 1 picture\n  + "), "{said}");
    assert!(said.contains("64 x 48  one.png"), "{said}");
    let said = output(&fixture, &["add", "bracket", two.to_str().unwrap(), "--roi", "face"]);
    assert!(said.contains("revision 2, 2 pictures") && said.contains("two.png  only face"), "{said}");
    let said = output(&fixture, &["add", "bracket", one.to_str().unwrap()]);
    assert!(said.contains("revision 2, 2 pictures: these pictures are in it already"), "{said}");

    let shown = json(&fixture, &["show", "bracket"]);
    let entries = shown["set"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!((&entries[1]["rois"][0], &entries[0]["fault"]), (&"face".into(), &Value::Null));
    assert_eq!(shown["set"]["hash"].as_str().unwrap().len(), 64);
    let sha = entries[0]["picture"].as_str().unwrap().to_owned();
    let said = output(&fixture, &["remove", "bracket", &sha[..12].to_uppercase()]);
    assert!(said.contains("revision 3, 1 picture: removed one.png") && said.contains("  - "), "{said}");
    assert!(said.contains("two.png is the master now"), "{said}");
    let said = output(&fixture, &["rollback", "bracket"]);
    assert!(said.contains("revision 4, 2 pictures: rolled back to revision 2"), "{said}");
    let said = output(&fixture, &["rollback", "bracket", "--to", "1"]);
    assert!(said.contains("revision 5, 1 picture: rolled back to revision 1"), "{said}");

    let said = output(&fixture, &["show", "bracket"]);
    let order: Vec<_> = ["one.png  master", "revisions:", "\n  5  ", "\n  4  ", "\n  1  "]
        .iter()
        .map(|part| said.find(part).unwrap_or_else(|| panic!("{part} is missing in: {said}")))
        .collect();
    assert!(order.is_sorted(), "{said}");
    assert!(output(&fixture, &["show", "bracket", "--revision", "2"]).contains("2 pictures (not in force)"));
    let listed = json(&fixture, &["list"]);
    assert_eq!(listed["products"][0]["set"]["revision"], 5);
    assert_eq!(listed["products"][0]["recipe"], true);
    assert!(output(&fixture, &["verify"]).contains("every golden picture is there"));
    let said = output(&fixture, &["prune", "--keep", "1"]);
    assert!(said.starts_with("4 revisions forgotten, 1 file removed, "), "{said}");
}

#[test]
fn jpeg_png_and_bmp_are_taught_whatever_they_are_called() {
    let fixture = bench();
    let rgb = colours(64, 48, 7);
    let grey: GrayImage = DynamicImage::from(rgb.clone()).to_luma8();
    let opaque = RgbaImage::from_fn(64, 48, |x, y| Rgba([x as u8, y as u8, 9, 255]));
    rgb.save(fixture.path("a.bmp")).unwrap();
    rgb.save(fixture.path("b.jpg")).unwrap();
    grey.save(fixture.path("c.png")).unwrap();
    opaque.save(fixture.path("d.png")).unwrap();
    rgb.save_with_format(fixture.path("e"), ImageFormat::Png).unwrap();
    let paths: Vec<_> = ["a.bmp", "b.jpg", "c.png", "d.png", "e"].map(|name| fixture.path(name)).into();
    let mut arguments = vec!["add", "bracket"];
    arguments.extend(paths.iter().map(|path| path.to_str().unwrap()));
    let set = json(&fixture, &arguments)["set"].clone();
    let names: Vec<_> =
        set["entries"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    // `e` holds the same px as `a.bmp`: one picture, named by what it was called last.
    assert_eq!((names, &set["revision"]), (vec!["e", "b.jpg", "c.png", "d.png"], &1.into()));
    let goldens = Store::open(&fixture.state_dir).unwrap().store.goldens();
    let set = goldens.current("bracket").unwrap().unwrap();
    let first = goldens.picture(&set.entries[0].picture).unwrap();
    assert_eq!((first.channels, first.data), (Channels::Rgb, rgb.into_raw()));
    let third = goldens.picture(&set.entries[2].picture).unwrap();
    assert_eq!((third.channels, third.data), (Channels::Gray, grey.into_raw()));
    assert_eq!(goldens.picture(&set.entries[3].picture).unwrap().channels, Channels::Rgb);
}

#[test]
fn a_picture_that_cannot_be_a_golden_is_refused_by_name_and_nothing_changes() {
    let fixture = bench();
    let good = picture(&fixture, "good.png", 1);
    output(&fixture, &["add", "bracket", good.to_str().unwrap()]);
    let before = json(&fixture, &["list"]);
    let add = |name: &str, code: i32, expected: &[&str]| {
        let path = fixture.path(name);
        // A good one first: all are taught, or none is.
        let other = picture(&fixture, "other.png", 9);
        let arguments = ["add", "bracket", other.to_str().unwrap(), path.to_str().unwrap()];
        refused(&fixture, &arguments, code, &[&[name], expected].concat());
        assert_eq!(json(&fixture, &["list"]), before, "{name}");
    };
    colours(64, 50, 1).save(fixture.path("large.png")).unwrap();
    add("large.png", 1, &["64 x 50 px", "bracket.toml", "64 x 48 px", "another size", "correct size"]);
    fs::write(fixture.path("text.png"), "no picture").unwrap();
    add("text.png", 1, &["no picture that is known here", "PNG, JPEG or BMP"]);
    add("gone.png", 1, &["No such file", "correct the path"]);
    let bytes = fs::read(&good).unwrap();
    fs::write(fixture.path("cut.png"), &bytes[..bytes.len() / 2]).unwrap();
    add("cut.png", 1, &["cannot be used", "try again"]);
    let jpeg = jpeg(64, 48);
    fs::write(fixture.path("half.jpg"), &jpeg[..jpeg.len() / 2]).unwrap();
    add("half.jpg", 1, &["cannot be used", "cut off", "try again"]);
    RgbaImage::from_pixel(64, 48, Rgba([1, 2, 3, 200])).save(fixture.path("glass.png")).unwrap();
    add("glass.png", 1, &["see-through"]);
}

/// The same file is the same pixels for a golden picture as for a folder and for enrolment.
#[test]
fn every_flavour_of_picture_is_taught_with_the_pixels_that_are_in_it() {
    let fixture = bench();
    let recipe = |size: &str| {
        format!("size = {size}\n[[roi]]\nname = \"face\"\nrect = [8, 8, 16, 16]\nkind = \"pixels\"\n")
    };
    fs::write(fixture.path("recipes/lying.toml"), recipe("[64, 32]")).unwrap();
    fs::write(fixture.path("recipes/standing.toml"), recipe("[32, 64]")).unwrap();
    let (glass, solid): (Vec<_>, Vec<_>) =
        crate::support::flavours::all().into_iter().partition(|flavour| flavour.see_through);
    for flavour in glass.iter().chain(&solid) {
        fs::write(fixture.path(&flavour.name), &flavour.file).unwrap();
    }
    for product in ["lying", "standing"] {
        let of_it = || solid.iter().filter(|flavour| (flavour.truth.width > 32) == (product == "lying"));
        let files: Vec<_> = of_it().map(|flavour| fixture.path(&flavour.name)).collect();
        let files: Vec<_> = files.iter().map(|path| path.to_str().unwrap()).collect();
        let set = json(&fixture, &[&["add", product], &files[..]].concat())["set"].clone();
        let goldens = Store::open(&fixture.state_dir).unwrap().store.goldens();
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
        let path = fixture.path(&flavour.name);
        refused(&fixture, &["add", "lying", path.to_str().unwrap()], 1, &[&flavour.name, "see-through"]);
    }
}

#[test]
fn a_product_without_a_sound_recipe_cannot_be_taught() {
    let fixture = bench();
    let good = picture(&fixture, "good.png", 1);
    let good = good.to_str().unwrap();
    refused(
        &fixture,
        &["add", "brackte", good],
        3,
        &["no recipe for the product \"brackte\"", "next: use one of: bracket"],
    );
    refused(&fixture, &["show", "brackte"], 3, &["no recipe for the product \"brackte\""]);
    refused(&fixture, &["add", "../bracket", good], 3, &["no recipe for the product"]);
    let roi = ["add", "bracket", good, "--roi", "fase"];
    refused(&fixture, &roi, 1, &["has no ROI \"fase\"", "did you mean \"face\"?"]);
    fs::write(fixture.path("recipes/bracket.toml"), RECIPE.replace("\"colour\"", "\"color\"")).unwrap();
    let place = format!("{}:9:8: roi[1].kind", fixture.path("recipes/bracket.toml").display());
    refused(&fixture, &["add", "bracket", good], 3, &[&place, "did you mean \"colour\"?"]);
    refused(&fixture, &["remove", "bracket", "1234"], 1, &["never taught"]);
    refused(&fixture, &["rollback", "bracket"], 1, &["never taught"]);
    fixture.config(1, &(fixture.stub("m", &Stub::default()) + &CAMERA.replace("inspect", "# inspect")));
    let none = ["no camera of this configuration inspects", "inspect = { product = \"bracket\" }"];
    refused(&fixture, &["add", "bracket", good], 1, &none);
    assert!(output(&fixture, &["list"]).contains("no product has a recipe"));
}

#[test]
fn while_the_service_runs_it_is_taught_through_the_service() {
    let fixture = bench();
    let good = picture(&fixture, "good.png", 1);
    let mut service = fixture.run();
    service.wait_log(&["online"]);
    let said = output(&fixture, &["add", "bracket", good.to_str().unwrap()]);
    assert!(
        said.contains("bracket: golden revision 1, 1 picture") && said.contains("\n  a: ready"),
        "{said}"
    );
    assert!(output(&fixture, &["list"]).contains("revision 1"));
    assert!(service.is_running());
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    assert!(output(&fixture, &["list"]).contains("revision 1"));
}

#[test]
fn a_store_that_somebody_holds_without_answering_is_reported() {
    let fixture = bench();
    let held = Store::open(&fixture.state_dir).unwrap();
    refused(&fixture, &["list"], 5, &["is held, but no service answers", "try again in a moment"]);
    drop(held);
}

#[test]
fn a_picture_that_was_spoilt_on_disk_is_shown_and_verified_by_name() {
    let fixture = bench();
    for number in 1..=3 {
        let path = picture(&fixture, &format!("{number}.png"), number);
        output(&fixture, &["add", "bracket", path.to_str().unwrap()]);
    }
    let shown = json(&fixture, &["show", "bracket"]);
    let file = |at: usize| {
        let sha = shown["set"]["entries"][at]["picture"].as_str().unwrap();
        fixture.state_dir.join(format!("goldens/{sha}.png"))
    };
    fs::remove_file(file(0)).unwrap();
    fs::write(file(1), "edited").unwrap();
    let said = output(&fixture, &["show", "bracket"]);
    assert!(said.contains("1.png  master  MISSING") && said.contains("2.png  CHANGED"), "{said}");
    let paths = [file(0), file(1)].map(|path| path.display().to_string());
    let expected = ["2 golden pictures or records are not whole", &paths[0], &paths[1], "backup"];
    refused(&fixture, &["verify"], 1, &expected);
    refused(&fixture, &["rollback", "bracket"], 1, &["is missing", &paths[0]]);
    fs::write(fixture.path("recipes/bracket.toml"), RECIPE.replace("[64, 48]", "[64, 56]")).unwrap();
    let said = output(&fixture, &["show", "bracket"]);
    assert!(said.contains("3.png  ANOTHER SIZE than the recipe's 64 x 56"), "{said}");
}

#[test]
fn killed_at_any_moment_of_teaching_it_leaves_a_whole_set() {
    let fixture = bench();
    fs::write(fixture.path("recipes/bracket.toml"), RECIPE.replace("[64, 48]", "[800, 600]")).unwrap();
    let draw = |number: u32| {
        let path = fixture.path("part.png");
        let px = |x, y| Rgb([(x ^ number) as u8, (y * 7) as u8, (x * y) as u8]);
        RgbImage::from_fn(800, 600, px).save(&path).unwrap();
        path
    };
    output(&fixture, &["add", "bracket", draw(100).to_str().unwrap()]);
    let begun = Instant::now();
    output(&fixture, &["add", "bracket", draw(101).to_str().unwrap()]);
    let whole = begun.elapsed();
    let mut pictures = 2;
    for cut in 1..=20 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ocellus"))
            .args(["golden", "add", "bracket"])
            .arg(draw(cut))
            .arg("--config")
            .arg(fixture.config_path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // From its first moments to well after its end.
        std::thread::sleep(whole * cut / 14);
        let _ = child.kill();
        child.wait().unwrap();
        output(&fixture, &["verify"]);
        let set = &json(&fixture, &["list"])["products"][0]["set"];
        let now = set["entries"].as_array().unwrap().len();
        assert!(now == pictures || now == pictures + 1, "{now} after {pictures}");
        assert_eq!(set["revision"].as_u64(), Some(now as u64));
        pictures = now;
    }
    println!("{} of 20 pictures were taught before the end", pictures - 2);
    output(&fixture, &["prune"]);
    let left = fs::read_dir(fixture.state_dir.join("goldens")).unwrap().flatten();
    let left = left.filter(|file| file.path().extension().is_some_and(|ending| ending == "png"));
    assert_eq!(left.count(), pictures);
}

#[test]
fn check_tells_the_faults_of_every_recipe_and_a_product_without_one() {
    let fixture = bench();
    assert_eq!(words(&fixture.command(&["check"])).0, Some(0));
    fs::write(fixture.path("recipes/lid.toml"), RECIPE.replace("[8, 8, 32, 32]", "[8, 8, 90, 32]")).unwrap();
    let (code, said) = words(&fixture.command(&["check"]));
    assert_eq!(code, Some(3), "{said}");
    let place =
        format!("{}:4:8: roi[0].rect: it reaches to (98, 40)", fixture.path("recipes/lid.toml").display());
    assert!(said.contains(&place), "{said}");
    fs::remove_file(fixture.path("recipes/bracket.toml")).unwrap();
    let (code, said) = words(&fixture.command(&["check"]));
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("no recipe for the product \"bracket\"") && said.contains("use one of: lid"),
        "{said}"
    );
}
