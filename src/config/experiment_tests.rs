use std::fs;

use super::*;

fn load(text: &str) -> Result<Experiment, Faults> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("experiment.toml");
    fs::write(&file, text).expect("the recipe is written");
    Experiment::load(&file)
}

#[test]
fn the_recipe_of_the_manual_is_read() {
    let experiment = load(
        r#"
        [experiment]
        input = "stacks/*.ome.tif"
        out = "results"
        phase = { channel = 0, features = ["area", "circularity"] }
        fluorescence = [{ channel = 1, features = ["intensity_total"] }]
        fovs = "0-2, 5"
        workers = "auto"
        batch_size = 3
        [filter]
        border = 10
        "#,
    )
    .expect("the recipe is sound");
    assert_eq!(experiment.phase.features, [Feature::Area, Feature::Circularity]);
    assert_eq!(experiment.fluorescence.expect("channels")[0].channel, 1);
    assert_eq!(experiment.fovs, Some(vec![0, 1, 2, 5]));
    assert_eq!((experiment.workers, experiment.batch_size), (None, 3));
    assert_eq!(experiment.filter, FilterSettings { min_frames: 30, border: 10 });
    assert!(experiment.input[0].ends_with("stacks/*.ome.tif"), "{:?}", experiment.input);
}

#[test]
fn each_fault_has_its_line_and_its_remedy() {
    let faults = load(
        "[experiment]\ninput = \"a.tif\"\nout = \"r\"\nfovz = \"1\"\nfovs = \"3-1\"\n\
         phase = { channel = 0, features = [\"aera\", \"intensity_total\"] }\n[segment]\nwindow = 4\n",
    )
    .expect_err("five faults");
    let text = faults.to_string();
    for part in [
        ":4:1: experiment.fovz: unknown key",
        "did you mean \"fovs\"?",
        "Invalid range '3-1': start must be <= end",
        "did you mean \"area\"?",
        "intensity_total is not measured in a phase channel",
        "segment.window",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}
