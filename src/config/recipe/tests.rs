//! Reading recipes: valid files, and every kind of fault with its message.

use std::path::{Path, PathBuf};

use super::check::known_keys;
use super::*;
use crate::config::{Fault, ModelCard, ModelConfig, Task};
use crate::image::barcode::Format;
use crate::image::compare::CompareSettings;
use crate::types::{Point, Rect};

fn model(name: &str, task: Task, labels: &[&str]) -> ModelConfig {
    let labels = (!labels.is_empty()).then(|| labels.iter().map(|label| label.to_string()).collect());
    let card = ModelCard { task: Some(task), labels, ..ModelCard::default() };
    ModelConfig {
        name: name.into(),
        path: PathBuf::new(),
        card,
        delegate: None,
        min_workers: 1,
        max_workers: 1,
    }
}

fn models() -> Vec<ModelConfig> {
    vec![
        model("scene", Task::Yolo, &["part", "defect"]),
        model("part-embed", Task::Embed, &[]),
        model("part-class", Task::Classify, &["upright", "upside-down"]),
    ]
}

fn parse(text: &str) -> Result<Recipe, crate::config::Faults> {
    Recipe::parse(text, Path::new("recipes/bracket.toml"), &models())
}

const HEAD: &str = "size = [640, 480]\n";
/// A valid ROI in three lines, to which tests add keys.
const ROI: &str = "[[roi]]\nname = \"a\"\nrect = [10, 20, 100, 50]\n";

fn line(fault: &Fault) -> String {
    format!("{}:{} {}: {} -> {}", fault.line, fault.column, fault.key, fault.reason, fault.remedy)
}

fn faults(text: &str) -> Vec<String> {
    parse(text).err().map_or(Vec::new(), |faults| faults.0.iter().map(line).collect())
}

/// Asserts that `text` has exactly one fault, which begins with the expected text.
#[track_caller]
fn assert_fault(text: &str, expected: &str) {
    let faults = faults(text);
    assert!(faults.len() == 1 && faults[0].starts_with(expected), "expected {expected:?}, found {faults:#?}");
}

/// The same for an ROI with these keys, which begin in line 5 of the text.
#[track_caller]
fn assert_roi_fault(keys: &str, expected: &str) {
    assert_fault(&format!("{HEAD}{ROI}{keys}\n"), expected);
}

fn uncommented() -> String {
    let keys = |line: &&str| {
        line.starts_with("[[") || line.split_once(" = ").is_some_and(|(key, _)| !key.contains([' ', '-']))
    };
    let lines = Recipe::sample_text().lines().map(|line| {
        let key = line.strip_prefix("# ").filter(keys);
        // The sample shows three ways to give the expected text, of which only one is allowed.
        key.filter(|key| !key.starts_with("text") && !key.starts_with("from_trigger")).unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_sample_is_sound_with_the_model_that_ships_and_shows_every_kind() {
    let file = Path::new("sample.toml");
    let sample = Recipe::parse(Recipe::sample_text(), file, &models()[..1]).unwrap();
    assert_eq!((sample.product.as_str(), sample.revision, sample.size), ("sample", 1, [640, 480]));
    assert_eq!(sample.models(), ["scene"]);
    let all = Recipe::parse(&uncommented(), file, &models()).unwrap();
    let kinds: Vec<_> = all.rois.iter().map(|roi| roi.check.kind()).collect();
    let expected = ["pixels", "detect", "barcode", "colour", "presence", "measure", "golden", "classify"];
    assert_eq!(kinds, expected);
    assert_eq!(all.hash.len(), 64);
}

#[test]
fn every_key_is_documented_in_the_sample() {
    let known = known_keys(&uncommented(), &models());
    assert!(known.len() > 40, "the reader asked for {} keys only", known.len());
    for key in known {
        let last = key.rsplit('.').next().unwrap();
        let documented = |line: &str| line.trim_start_matches(['#', ' ']).starts_with(&format!("{last} = "));
        let section = ["align", "roi"].contains(&key.as_str());
        assert!(section || Recipe::sample_text().lines().any(documented), "{key} is not in the sample");
    }
    for format in Format::ALL {
        assert!(Recipe::sample_text().contains(format.as_str()), "{format} is not in the sample");
    }
}

#[test]
fn the_defaults_are_those_that_the_sample_tells() {
    let keys = "kind = \"pixels\"\n[align]\nfiducials = [[0, 0, 8, 8]]\n";
    let recipe = parse(&format!("{HEAD}{ROI}{keys}")).unwrap();
    let reported = Recipe::parse(Recipe::sample_text(), Path::new("sample.toml"), &models()).unwrap();
    assert_eq!(recipe.rois[0].check, reported.rois[0].check);
    assert_eq!(recipe.rois[0].check, Check::Pixels(CompareSettings::default()), "one set of defaults");
    let reported = reported.align.unwrap();
    assert_eq!(
        recipe.align.unwrap(),
        Align { fiducials: vec![Rect { x: 0., y: 0., w: 8., h: 8. }], ..reported }
    );
    let presence = parse(&format!("{HEAD}{ROI}kind = \"presence\"\nmin_share = 0.5\n")).unwrap();
    let expected = Check::Presence { low: 0, high: 255, min_share: 0.5, max_share: 1.0 };
    assert_eq!(presence.rois[0].check, expected);
}

#[test]
fn an_roi_must_lie_in_the_picture_turned_as_it_is() {
    let roi = |rect: &str| format!("{HEAD}[[roi]]\nname = \"a\"\nkind = \"barcode\"\nrect = {rect}\n");
    assert!(parse(&roi("[0, 0, 640, 480]")).is_ok());
    assert_fault(
        &roi("[600, 20, 100, 50]"),
        "5:8 roi[0].rect: it reaches to (700, 70), outside the picture of 640 x 480 px -> move or shrink it",
    );
    assert_fault(&roi("[-1, 20, 100, 50]"), "5:8 roi[0].rect: it reaches to (-1, 70)");
    let turned = parse(&roi("[100, 100, 200, 20]\nangle_deg = 90")).unwrap();
    assert!(turned.rois[0].outline.contains(Point { x: 200., y: 205. }, 0.0));
    assert_fault(
        &roi("[100, 0, 200, 20]\nangle_deg = 90"),
        "5:8 roi[0].rect: it reaches, rotated as it is, to (",
    );
    assert_fault(&roi("[1, 2, 3]"), "5:8 roi[0].rect: 3 numbers, not 4 -> write [x, y, width, height]");
    assert_fault(&roi("[1, 2, 0, 9]"), "5:8 roi[0].rect: 0 x 9 px is not a region");
    assert_fault(&roi("[1, 2, nan, 9]"), "5:15 roi[0].rect[2]: NaN is out of range");
    assert_fault(&roi("\"all\""), "5:8 roi[0].rect: wrong type: this is text");
}

#[test]
fn a_polygon_has_three_points_or_more_inside_its_rectangle() {
    let polygon = |points: &str| format!("kind = \"barcode\"\npolygon = {points}");
    assert_roi_fault(
        &polygon("[[10, 20], [60, 70]]"),
        "6:11 roi[0].polygon: 2 points are not a polygon -> write 3 to 1000 points [x, y], or leave it out",
    );
    assert_roi_fault(
        &polygon("[[10, 20], [60, 70], [200, 30]]"),
        "6:32 roi[0].polygon[2]: (200, 30) lies outside the ROI's rectangle -> move the point",
    );
    assert_roi_fault(
        &polygon("[[10, 20], [20, 30], [30, 40]]"),
        "6:11 roi[0].polygon: the polygon has no area",
    );
    assert_roi_fault(&polygon("[[10, 20], [20], [30, 40]]"), "6:22 roi[0].polygon[1]: 1 numbers, not 2");
}

#[test]
fn an_unknown_kind_is_reported_with_the_nearest_and_its_keys_are_not_blamed() {
    assert_roi_fault(
        "kind = \"pixel\"\nthreshold = 3\nmin_aera_px = 3",
        "5:8 roi[0].kind: \"pixel\" is not known here -> did you mean \"pixels\"?",
    );
    assert_roi_fault("", "2:1 roi[0].kind: this key is missing -> write one of: golden, pixels, classify");
    assert_roi_fault(
        "kind = \"pixels\"\nmin_aera_px = 3",
        "6:1 roi[0].min_aera_px: unknown key -> did you mean \"min_area_px\"?",
    );
    assert_fault("size = [640, 480]\n", "1:1 roi: nothing is checked");
}

#[test]
fn two_rois_of_one_name_are_reported_even_where_one_has_an_unknown_kind() {
    let text = format!("{HEAD}{ROI}kind = \"barcode\"\n{ROI}kind = \"barcode\"\n");
    assert_fault(&text, "7:8 roi[1].name: roi[0] is also called \"a\" -> give each ROI a different name");
    let text = format!("{HEAD}{ROI}kind = \"bar\"\n{ROI}kind = \"barcode\"\n");
    let both = faults(&text);
    assert!(both.len() == 2 && both[1].starts_with("7:8 roi[1].name"), "{both:#?}");
    let nameless = format!("{HEAD}[[roi]]\nrect = [1, 2, 3, 4]\nkind = \"barcode\"\n");
    assert_fault(&nameless, "2:1 roi[0].name: this key is missing");
    assert_fault(&nameless.replace("rect", "name = \"a/b\"\nrect"), "3:8 roi[0].name: \"a/b\" cannot be");
}

#[test]
fn a_model_must_be_there_be_of_the_right_task_and_have_the_classes() {
    assert_roi_fault(
        "kind = \"detect\"\nmodel = \"scen\"",
        "6:9 roi[0].model: there is no [model.scen] in the configuration -> did you mean \"scene\"?",
    );
    let text = format!("{HEAD}{ROI}kind = \"detect\"\nmodel = \"x\"\n");
    let none = Recipe::parse(&text, Path::new("b.toml"), &[]).unwrap_err();
    assert_eq!(none.0[0].remedy, "add [model.x] with its path to the configuration");
    assert_roi_fault(
        "kind = \"golden\"\nmodel = \"scene\"\nmin_similarity = 0.9",
        "6:9 roi[0].model: [model.scene] is of task yolo, which cannot turn a picture into a vector -> \
         name a model of task embed or classify, such as \"part-embed\"",
    );
    assert_roi_fault(
        "kind = \"detect\"\nmodel = \"scene\"\nclasses = [\"defct\"]",
        "7:12 roi[0].classes[0]: the model has no class \"defct\" -> did you mean \"defect\"?",
    );
    assert_roi_fault(
        "kind = \"classify\"\nmodel = \"part-class\"\nexpect = []",
        "7:10 roi[0].expect: no class is good -> write expect = [\"good\"]",
    );
    assert_roi_fault(
        "kind = \"classify\"\nmodel = \"part-class\"",
        "2:1 roi[0].expect: this key is missing -> write expect",
    );
    assert_roi_fault("kind = \"classify\"\nexpect = [\"a\"]", "2:1 roi[0].model: this key is missing");
}

#[test]
fn the_classes_of_a_labels_file_are_known_too() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("words.txt"), "good \nbad\n").unwrap();
    let mut model = model("m", Task::Classify, &[]);
    (model.path, model.card.labels_file) = (dir.path().join("m.tflite"), Some("words.txt".into()));
    let text =
        |class: &str| format!("{HEAD}{ROI}kind = \"classify\"\nmodel = \"m\"\nexpect = [\"{class}\"]\n");
    assert!(Recipe::parse(&text("good"), Path::new("b.toml"), &[model.clone()]).is_ok());
    let faults = Recipe::parse(&text("god"), Path::new("b.toml"), &[model.clone()]).unwrap_err();
    assert_eq!(faults.0[0].remedy, "did you mean \"good\"?");
    // The file's metadata is not read at this point.
    model.card.labels_file = None;
    assert!(Recipe::parse(&text("god"), Path::new("b.toml"), &[model]).is_ok());
}

#[test]
fn thresholds_have_ranges_and_the_least_is_not_above_the_most() {
    let golden = |value: &str| format!("kind = \"golden\"\nmodel = \"part-embed\"\n{value}");
    assert_roi_fault(
        &golden("min_similarity = 1.1"),
        "7:18 roi[0].min_similarity: 1.1 is out of range -> write a value from -1 to 1",
    );
    assert_roi_fault(
        &golden(""),
        "2:1 roi[0].min_similarity: this key is missing -> write min_similarity = 0.9",
    );
    assert_roi_fault("kind = \"pixels\"\nthreshold = 256", "6:13 roi[0].threshold: 256 is out of range");
    let edges = "kind = \"pixels\"\nthreshold = 50\nedge_threshold = 40";
    assert_roi_fault(edges, "7:18 roi[0].edge_threshold: lower than threshold -> raise it");
    let count = "kind = \"detect\"\nmodel = \"scene\"\nmin_count = 3\nmax_count = 2";
    assert_roi_fault(count, "7:13 roi[0].min_count: more than max_count -> lower it");
    let grey = "kind = \"presence\"\nlow = 90\nhigh = 80\nmax_share = 0.2";
    assert_roi_fault(grey, "6:7 roi[0].low: more than high");
    let share = "kind = \"presence\"\nmin_share = 0.9\nmax_share = 0.2";
    assert_roi_fault(share, "6:13 roi[0].min_share: more than max_share");
    assert_roi_fault("kind = \"presence\"\nhigh = 80", "2:1 roi[0].min_share: every part would be good");
    let lengths = "kind = \"measure\"\nmin = 5\nmax = 4";
    assert_roi_fault(lengths, "6:7 roi[0].min: more than max");
    let missing = faults(&format!("{HEAD}{ROI}kind = \"measure\"\n"));
    assert!(missing.len() == 2 && missing.iter().all(|f| f.contains("this key is missing")), "{missing:#?}");
    let colour = "kind = \"colour\"\nlab = [120, 0, 0]\nmax_delta_e = 3";
    assert_roi_fault(colour, "6:7 roi[0].lab: 120 is not a lightness");
}

#[test]
fn lengths_in_mm_need_a_calibration() {
    let keys = "kind = \"measure\"\nmin = 1\nmax = 2\nunit = \"mm\"";
    assert_roi_fault(
        keys,
        "8:8 roi[0].unit: lengths in mm need the recipe's mm_per_px -> write mm_per_px = … at the head",
    );
    assert!(parse(&format!("mm_per_px = 0.1\n{HEAD}{ROI}{keys}\n")).is_ok());
    // A faulty calibration causes one fault, not two.
    let text = format!("mm_per_px = 0\n{HEAD}{ROI}{keys}\n");
    assert_fault(&text, "1:13 mm_per_px: 0 is out of range");
}

#[test]
fn a_barcode_names_known_formats_and_one_thing_to_say() {
    assert_roi_fault(
        "kind = \"barcode\"\nformats = [\"qr\", \"datamatrix\"]",
        "6:18 roi[0].formats[1]: \"datamatrix\" is not known here -> did you mean \"data_matrix\"?",
    );
    assert_roi_fault(
        "kind = \"barcode\"\ntext = \"a\"\nfrom_trigger = true",
        "2:1 roi[0].text: more than one of text, pattern and from_trigger",
    );
    assert_roi_fault("kind = \"barcode\"\npattern = \"\"", "6:11 roi[0].pattern: the text is empty");
    let expect = |keys: &str| {
        let recipe = parse(&format!("{HEAD}{ROI}kind = \"barcode\"\n{keys}\n")).unwrap();
        let Check::Barcode { expect, .. } = recipe.rois[0].check.clone() else { panic!("no barcode") };
        expect
    };
    assert_eq!(expect(""), Expect::Any);
    assert_eq!(expect("from_trigger = true"), Expect::Trigger);
    assert_eq!(expect("text = \"x\""), Expect::Text("x".into()));
}

#[test]
fn aligning_needs_fiducials_in_the_picture() {
    let align = |keys: &str| format!("{HEAD}[align]\n{keys}\n{ROI}kind = \"barcode\"\n");
    assert_fault(
        &align(""),
        "2:1 align.fiducials: this key is missing -> write fiducials = [[x, y, width, height]",
    );
    assert_fault(&align("fiducials = []"), "3:13 align.fiducials: there is no fiducial to align by");
    assert_fault(
        &align("fiducials = [[0, 0, 20, 20], [630, 0, 20, 20]]"),
        "3:30 align.fiducials[1]: it reaches to (650, 20), outside the picture of 640 x 480 px",
    );
    assert_fault(&align("fiducials = [[0, 0, 20, 5]]"), "3:14 align.fiducials[0]: 20 x 5 px is too small");
    let both = faults(&align("fiducials = [[0, 0, 20, 20]]\nmin_score = 2\nmax_angle_deg = 90"));
    assert!(both.len() == 2 && both[0].starts_with("4:13 align.min_score"), "{both:#?}");
}

#[test]
fn every_fault_of_a_recipe_is_reported_at_once_in_the_order_of_the_file() {
    let text = "size = [640]\nmm_per_px = -1\n[align]\nserach_px = 3\n[[roi]]\nname = \"a\"\nkind = \"pixels\"\n\
                rect = [1, 2, 3]\nspread = -1\n[[roi]]\nname = \"a\"\nkind = \"blob\"\nrect = [1, 2, 3, 4]\n";
    let places: Vec<_> =
        faults(text).iter().map(|fault| fault.split(": ").next().unwrap().to_owned()).collect();
    let expected = [
        "1:8 size",
        "2:13 mm_per_px",
        "3:1 align.fiducials",
        "4:1 align.serach_px",
        "8:8 roi[0].rect",
        "9:10 roi[0].spread",
        "11:8 roi[1].name",
        "12:8 roi[1].kind",
    ];
    assert_eq!(places, expected);
    let shown = parse(text).unwrap_err().to_string();
    assert!(
        shown.contains("recipes/bracket.toml:4:1: align.serach_px: unknown key\n    next: did you"),
        "{shown}"
    );
}

#[test]
fn a_file_that_is_no_recipe_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let gone = Recipe::load(&dir.path().join("gone.toml"), &[]).unwrap_err().to_string();
    assert!(
        gone.contains("gone.toml: cannot be read: No such file") && gone.contains("inspect.recipes"),
        "{gone}"
    );
    let text = format!("{HEAD}{ROI}kind = \"barcode\"\n");
    let spaced = dir.path().join("two words.toml");
    std::fs::write(&spaced, &text).unwrap();
    let said = Recipe::load(&spaced, &[]).unwrap_err().to_string();
    assert!(
        said.contains("\"two words\" cannot be the name of a product\n    next: call the file"),
        "{said}"
    );
    let sound = dir.path().join("bracket.toml");
    std::fs::write(&sound, &text).unwrap();
    assert_eq!(Recipe::load(&sound, &[]).unwrap().product, "bracket");
}

#[test]
fn a_product_without_a_recipe_is_answered_with_those_that_have_one_the_nearest_first() {
    let dir = tempfile::tempdir().unwrap();
    let said = |product: &str| find(dir.path(), product).unwrap_err().0[0].clone();
    assert!(said("bracket").remedy.starts_with("there is none for any product yet"));
    for name in ["housing.toml", "bracket.toml", "lid.toml", "notes.txt", "two words.toml", ".toml"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    assert_eq!(products(dir.path()).unwrap(), ["bracket", "housing", "lid"]);
    assert_eq!(find(dir.path(), "lid").unwrap(), dir.path().join("lid.toml"));
    let fault = said("brackte");
    assert_eq!(fault.reason, "there is no recipe for the product \"brackte\"");
    assert!(fault.remedy.starts_with("use one of: bracket, "), "{fault}");
    let outside = dir.path().join("sub");
    std::fs::create_dir(&outside).unwrap();
    assert!(find(&outside, "../lid").is_err(), "a product never leaves the folder");
    let gone = products(&dir.path().join("gone")).unwrap_err().to_string();
    assert!(gone.contains("gone: the recipes cannot be read") && gone.contains("inspect.recipes"), "{gone}");
}

#[test]
fn no_text_makes_the_reader_panic() {
    let text = uncommented();
    for (end, _) in text.char_indices().step_by(11) {
        let _ = parse(&text[..end]);
        let _ = parse(&text[end..]);
    }
}
