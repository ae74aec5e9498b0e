//! `ocellus golden qualify`, and the changes that it guards.

use std::fs;

use serde_json::json as object;

use crate::inspection::commands::bench::{PLATE, bench, json, paint, refused, still, teach, told};
use crate::support::rig::Rig;

/// A taught box, and samples of which it is right about all.
fn qualified() -> (Rig, String) {
    let rig = bench("");
    rig.config(1, &still(&rig.path("good/ok")));
    teach(&rig);
    paint(&rig.path("samples"), 9_000, 12, 8);
    let folder = rig.path("samples").display().to_string();
    (rig, folder)
}

#[test]
fn a_worse_recipe_is_refused_a_better_one_is_installed_and_comes_back_out() {
    let (rig, samples) = qualified();
    let place = rig.path("recipes/plate.toml");
    // Blind: no scratch is large enough.
    let blind =
        PLATE.replace("min_area_px = 20", "min_area_px = 20000").replace("revision = 1", "revision = 2");
    fs::write(rig.path("blind.toml"), &blind).unwrap();
    let (blind_file, same_file) = (rig.path("blind.toml"), rig.path("same.toml"));
    let try_blind =
        ["golden", "qualify", "plate", &samples, "--recipe", blind_file.to_str().unwrap(), "--install"];
    let sheet = refused(
        &rig,
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
    let said = told(&rig, &[&try_blind[..], &["--force"]].concat());
    assert!(said.contains("recipe revision 2 is in force; revision 1 is kept as"), "{said}");
    assert_eq!(fs::read_to_string(&place).unwrap(), blind);
    fs::write(&same_file, PLATE).unwrap();
    let back = ["golden", "qualify", "plate", &samples, "--recipe", same_file.to_str().unwrap(), "--install"];
    refused(&rig, &back, 1, &["has revision 1", "which is in force, has 2", "count revision up"]);
    fs::write(&same_file, PLATE.replace("revision = 1", "revision = 3")).unwrap();
    let said = told(&rig, &back);
    assert!(said.contains("the candidate is not worse") && said.contains("ok -> ng"), "{said}");
    assert!(said.contains("recipe revision 3 is in force; revision 2 is kept as"), "{said}");

    // One command rolls back, further each time; a rollback may be qualified too.
    let guarded = ["golden", "rollback", "plate", "--recipe", "--qualify", &samples];
    refused(&rig, &guarded, 10, &["escapes instead of"]);
    let said = told(&rig, &["golden", "rollback", "plate", "--recipe"]);
    assert!(said.contains("recipe revision 2 is in force; revision 3 is kept as"), "{said}");
    json(&rig, &["golden", "rollback", "plate", "--recipe"]);
    assert_eq!(fs::read_to_string(&place).unwrap(), PLATE);
    refused(
        &rig,
        &["golden", "rollback", "plate", "--recipe"],
        1,
        &["no such recipe kept", "revisions kept: 1, 2, 3"],
    );
    let said = told(&rig, &["golden", "rollback", "plate", "--recipe", "--to", "3"]);
    assert!(said.contains("revision 3 is in force"), "{said}");
}

#[test]
fn golden_pictures_are_qualified_before_they_are_taught() {
    let (rig, samples) = qualified();
    let list = || json(&rig, &["golden", "list"])["products"][0]["set"].clone();
    let before = list();
    let [_, bad] = paint(&rig.path("bad"), 9_000, 0, 8);
    let names: Vec<_> = bad.iter().map(|path| path.to_str().unwrap()).collect();
    // Bad parts as good ones: their flaws become what a good part may look like.
    let add = [&["golden", "add", "plate"], &names[..], &["--qualify", &samples]].concat();
    refused(&rig, &add, 10, &["WORSE", "the change of plate is refused"]);
    assert_eq!(list(), before);
    let more: Vec<_> = paint(&rig.path("more"), 3_000, 2, 0).concat();
    let names: Vec<_> = more.iter().map(|path| path.to_str().unwrap()).collect();
    let said = told(&rig, &[&["golden", "add", "plate"], &names[..], &["--qualify", &samples]].concat());
    assert!(
        said.contains("the candidate is not worse") && said.contains("revision 2, 10 pictures"),
        "{said}"
    );
    let back = json(&rig, &["golden", "rollback", "plate", "--qualify", &samples]);
    assert_eq!((&back["set"]["revision"], &back["qualification"]["samples"]), (&3.into(), &20.into()));
    let old = json(&rig, &["golden", "qualify", "plate", &samples, "--golden-revision", "2"]);
    assert_eq!(old["candidate"]["goldens"], "golden revision 2");
}

#[test]
fn what_cannot_be_qualified_is_told_with_the_next_step() {
    let (rig, samples) = qualified();
    let qualify = |more: &[&'static str]| [&["golden", "qualify", "plate"], more].concat();
    refused(&rig, &qualify(&["nowhere"]), 1, &["nowhere holds no samples", "into its folder ok", "ng"]);
    refused(
        &rig,
        &["golden", "qualify", "plaet", &samples],
        3,
        &["no recipe for the product", "use one of: plate"],
    );
    let revision = ["golden", "qualify", "plate", &samples, "--golden-revision", "7"];
    refused(&rig, &revision, 1, &["no golden revision 7", "it has 1 alone"]);
    let model = ["golden", "qualify", "plate", &samples, "--model", "m=other.tflite"];
    refused(&rig, &model, 1, &["the configuration has no model \"m\""]);
    let file = rig.path("broken.toml");
    fs::write(&file, PLATE.replace("threshold = 30", "treshold = 30")).unwrap();
    let broken = ["golden", "qualify", "plate", &samples, "--recipe", file.to_str().unwrap()];
    refused(&rig, &broken, 3, &["broken.toml:", "did you mean \"threshold\"?"]);
    let some = fs::read_dir(rig.path("samples/ok")).unwrap().next().unwrap().unwrap().path();
    fs::write(some.with_extension("txt"), b"K\xf6rper\r\n").unwrap();
    let place = ["byte 0xF6 at offset 1, line 1", ".txt is not UTF-8"];
    refused(&rig, &["golden", "qualify", "plate", &samples], 1, &place);
    fs::remove_file(some.with_extension("txt")).unwrap();
    fs::write(rig.path("samples/ok/cut.png"), "no picture").unwrap();
    refused(
        &rig,
        &["golden", "qualify", "plate", &samples],
        1,
        &["cut.png cannot be used", "PNG, JPEG or BMP"],
    );
    // A part that is not on the picture would leave the product without a program.
    fs::remove_file(rig.path("samples/ok/cut.png")).unwrap();
    let empty = rig.path("empty.png");
    image::RgbImage::new(640, 480).save(&empty).unwrap();
    let add = ["golden", "add", "plate", empty.to_str().unwrap()];
    refused(&rig, &add, 1, &["nothing was taught", "fiducial", "not found"]);
}
