//! Regions that are judged by real models.

use serde_json::json;

use crate::inspection::scenario::Scenario;
use crate::support::data::data;

#[test]
fn a_golden_by_embedding_and_a_classifier_judge_with_one_real_model() {
    let Some(data) = data(&["models/tf2_mobilenet_v2_1.0_224_ptq.tflite", "models/imagenet_labels.txt"])
    else {
        return;
    };
    let models = data.join("models");
    let scenario = Scenario::new();
    let model = format!(
        "[model.net]\npath = \"{}\"\ntask = \"classify\"\nlabels_file = \"{}\"\n",
        models.join("tf2_mobilenet_v2_1.0_224_ptq.tflite").display(),
        models.join("imagenet_labels.txt").display()
    );
    // The belt of a line: at its edge it looks as it always does.
    let camera =
        "[[camera]]\nname = \"a\"\nsource = \"scene:?line=plate&seed=9\"\ninspect = { product = \"good\" }\n";
    let roi = |name: &str, kind: &str| {
        format!("[[roi]]\nname = \"{name}\"\nrect = [0, 0, 160, 120]\nkind = \"{kind}\"\nmodel = \"net\"\n")
    };
    let wrong = "size = [640, 480]\n".to_owned() + &roi("cat", "classify") + "expect = [\"tabby\"]\n";
    scenario.recipe("wrong", &wrong);
    let recipe = "size = [640, 480]\n".to_owned()
        + &roi("corner", "golden")
        + "min_similarity = 0.8\n"
        + &roi("cat", "classify")
        + "expect = [\"tabby, tabby cat\"]\n";
    scenario.recipe("good", &recipe);
    scenario.fixture.config_with(
        &format!(
            "url = \"mqtt://127.0.0.1:{}\"\ncommands = [\"golden\", \"product\", \"trigger\"]",
            scenario.broker.port
        ),
        "litert",
        &(model + camera),
    );
    let mut service = scenario.fixture.run();
    scenario.wait_alarm("product-a", &["no golden picture"]);
    scenario.watcher.wait_for("a/status", |reported| {
        reported["state"] == "online" && reported["frames"].as_u64() > Some(0)
    });
    let taught = scenario.ask("golden/1", &json!({ "action": "add" }));
    assert_eq!(taught["result"]["selected"]["a"], "ready", "{taught}");
    scenario.wait_calm("product-a");
    let reported = scenario.ask("trigger/1", &json!({ "text": "x" }))["result"].clone();
    let (golden, class) = (&reported["rois"][0], &reported["rois"][1]);
    assert_eq!((&golden["verdict"], &golden["unit"]), (&json!("ok"), &json!("cosine")), "{reported}");
    println!("the same place at another moment: {golden}");
    assert_eq!(
        (&class["verdict"], &reported["verdict"]),
        (&json!("ng"), &json!("ng")),
        "no cat is on the belt: {reported}"
    );
    assert!(class["text"].is_string(), "{class}");
    // A thousand classes are no help: those that are like it are.
    let reported = scenario.select("1", "wrong");
    let reason = reported["reason"].as_str().unwrap();
    assert!(reason.ends_with("no class \"tabby\"\n    next: use one of: tabby, tabby cat"), "{reason}");
    scenario.account("a");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
