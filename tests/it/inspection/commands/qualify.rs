//! `ocellus golden qualify`, and the changes that it guards.

use std::fs;

use serde_json::json as object;

use crate::inspection::commands::bench::{PLATE, bench, json, output, paint, refused, still, teach};
use crate::support::fixture::Fixture;

/// A taught box, and samples of which it is right about all.
fn qualified() -> (Fixture, String) {
    let fixture = bench("");
    fixture.config(1, &still(&fixture.path("good/ok")));
    teach(&fixture);
    paint(&fixture.path("samples"), 9_000, 12, 8);
    let folder = fixture.path("samples").display().to_string();
    (fixture, folder)
}

#[test]
fn a_worse_recipe_is_refused_a_better_one_is_installed_and_comes_back_out() {
    let (fixture, samples) = qualified();
    let place = fixture.path("recipes/plate.toml");
    // Blind: no scratch is large enough.
    let blind =
        PLATE.replace("min_area_px = 20", "min_area_px = 20000").replace("revision = 1", "revision = 2");
    fs::write(fixture.path("blind.toml"), &blind).unwrap();
    let (blind_file, same_file) = (fixture.path("blind.toml"), fixture.path("same.toml"));
    let try_blind =
        ["golden", "qualify", "plate", &samples, "--recipe", blind_file.to_str().unwrap(), "--install"];
    let sheet = refused(
        &fixture,
        &try_blind,
        10,
        &["WORSE", "escapes instead of", "ng -> ok", "nothing was changed", "--force"],
    );
    assert!(
        sheet["candidate"]["escapes"].as_array().unwrap().len()
            > sheet["current"]["escapes"].as_array().unwrap().len()
    );
    assert_eq!(sheet["candidate"]["table"]["ok"], object!({ "ok": 12, "ng": 0, "error": 0 }));
    assert_eq!(fs::read_to_string(&place).unwrap(), PLATE);

    // The blind one in force by force; the old one is better, and is put in its place under a new number.
    let said = output(&fixture, &[&try_blind[..], &["--force"]].concat());
    assert!(said.contains("recipe revision 2 is in force; revision 1 is kept as"), "{said}");
    assert_eq!(fs::read_to_string(&place).unwrap(), blind);
    fs::write(&same_file, PLATE).unwrap();
    let back = ["golden", "qualify", "plate", &samples, "--recipe", same_file.to_str().unwrap(), "--install"];
    refused(&fixture, &back, 1, &["has revision 1", "which is in force, has 2", "count revision up"]);
    fs::write(&same_file, PLATE.replace("revision = 1", "revision = 3")).unwrap();
    let said = output(&fixture, &back);
    assert!(said.contains("the candidate is not worse") && said.contains("ok -> ng"), "{said}");
    assert!(said.contains("recipe revision 3 is in force; revision 2 is kept as"), "{said}");

    // One command rolls back, further each time; a rollback may be qualified too.
    let guarded = ["golden", "rollback", "plate", "--recipe", "--qualify", &samples];
    refused(&fixture, &guarded, 10, &["escapes instead of"]);
    let said = output(&fixture, &["golden", "rollback", "plate", "--recipe"]);
    assert!(said.contains("recipe revision 2 is in force; revision 3 is kept as"), "{said}");
    json(&fixture, &["golden", "rollback", "plate", "--recipe"]);
    assert_eq!(fs::read_to_string(&place).unwrap(), PLATE);
    refused(
        &fixture,
        &["golden", "rollback", "plate", "--recipe"],
        1,
        &["no such recipe kept", "revisions kept: 1, 2, 3"],
    );
    let said = output(&fixture, &["golden", "rollback", "plate", "--recipe", "--to", "3"]);
    assert!(said.contains("revision 3 is in force"), "{said}");
}

#[test]
fn golden_pictures_are_qualified_before_they_are_taught() {
    let (fixture, samples) = qualified();
    let list = || json(&fixture, &["golden", "list"])["products"][0]["set"].clone();
    let before = list();
    let [_, bad] = paint(&fixture.path("bad"), 9_000, 0, 8);
    let names: Vec<_> = bad.iter().map(|path| path.to_str().unwrap()).collect();
    // Bad parts as good ones: their flaws become what a good part may look like.
    let add = [&["golden", "add", "plate"], &names[..], &["--qualify", &samples]].concat();
    refused(&fixture, &add, 10, &["WORSE", "the change of plate is refused"]);
    assert_eq!(list(), before);
    let more: Vec<_> = paint(&fixture.path("more"), 3_000, 2, 0).concat();
    let names: Vec<_> = more.iter().map(|path| path.to_str().unwrap()).collect();
    let said =
        output(&fixture, &[&["golden", "add", "plate"], &names[..], &["--qualify", &samples]].concat());
    assert!(
        said.contains("the candidate is not worse") && said.contains("revision 2, 10 pictures"),
        "{said}"
    );
    let back = json(&fixture, &["golden", "rollback", "plate", "--qualify", &samples]);
    assert_eq!((&back["set"]["revision"], &back["qualification"]["samples"]), (&3.into(), &20.into()));
    let old = json(&fixture, &["golden", "qualify", "plate", &samples, "--golden-revision", "2"]);
    assert_eq!(old["candidate"]["goldens"], "golden revision 2");
}

#[test]
fn what_cannot_be_qualified_is_reported_with_the_next_step() {
    let (fixture, samples) = qualified();
    let qualify = |more: &[&'static str]| [&["golden", "qualify", "plate"], more].concat();
    refused(&fixture, &qualify(&["nowhere"]), 1, &["nowhere holds no samples", "into its folder ok", "ng"]);
    refused(
        &fixture,
        &["golden", "qualify", "plaet", &samples],
        3,
        &["no recipe for the product", "use one of: plate"],
    );
    let revision = ["golden", "qualify", "plate", &samples, "--golden-revision", "7"];
    refused(&fixture, &revision, 1, &["no golden revision 7", "it has 1 alone"]);
    let model = ["golden", "qualify", "plate", &samples, "--model", "m=other.tflite"];
    refused(&fixture, &model, 1, &["the configuration has no model \"m\""]);
    let file = fixture.path("broken.toml");
    fs::write(&file, PLATE.replace("threshold = 30", "treshold = 30")).unwrap();
    let broken = ["golden", "qualify", "plate", &samples, "--recipe", file.to_str().unwrap()];
    refused(&fixture, &broken, 3, &["broken.toml:", "did you mean \"threshold\"?"]);
    let some = fs::read_dir(fixture.path("samples/ok")).unwrap().next().unwrap().unwrap().path();
    fs::write(some.with_extension("txt"), b"K\xf6rper\r\n").unwrap();
    let place = ["byte 0xF6 at offset 1, line 1", ".txt is not UTF-8"];
    refused(&fixture, &["golden", "qualify", "plate", &samples], 1, &place);
    fs::remove_file(some.with_extension("txt")).unwrap();
    fs::write(fixture.path("samples/ok/cut.png"), "no picture").unwrap();
    refused(
        &fixture,
        &["golden", "qualify", "plate", &samples],
        1,
        &["cut.png cannot be used", "PNG, JPEG or BMP"],
    );
    // A part that is not on the picture would leave the product without a program.
    fs::remove_file(fixture.path("samples/ok/cut.png")).unwrap();
    let empty = fixture.path("empty.png");
    image::RgbImage::new(640, 480).save(&empty).unwrap();
    let add = ["golden", "add", "plate", empty.to_str().unwrap()];
    refused(&fixture, &add, 1, &["nothing was taught", "fiducial", "not found"]);
}
