//! Regions that are judged by real models.

use serde_json::json;

use crate::inspection::house::House;
use crate::support::rig::data;

#[test]
fn a_golden_by_embedding_and_a_classifier_judge_with_one_real_model() {
    let Some(data) = data() else { return };
    let models = data.join("models");
    let house = House::new();
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
    house.recipe("wrong", &wrong);
    let recipe = "size = [640, 480]\n".to_owned()
        + &roi("corner", "golden")
        + "min_similarity = 0.8\n"
        + &roi("cat", "classify")
        + "expect = [\"tabby, tabby cat\"]\n";
    house.recipe("good", &recipe);
    house.rig.config_with(
        &format!(
            "url = \"mqtt://127.0.0.1:{}\"\ncommands = [\"golden\", \"product\", \"trigger\"]",
            house.broker.port
        ),
        "litert",
        &(model + camera),
    );
    let mut service = house.rig.run();
    house.wait_alarm("product-a", &["no golden picture"]);
    house.watcher.wait_for("a/status", |told| told["state"] == "online" && told["frames"].as_u64() > Some(0));
    let taught = house.ask("golden/1", &json!({ "action": "add" }));
    assert_eq!(taught["result"]["selected"]["a"], "ready", "{taught}");
    house.wait_calm("product-a");
    let told = house.ask("trigger/1", &json!({ "text": "x" }))["result"].clone();
    let (golden, class) = (&told["rois"][0], &told["rois"][1]);
    assert_eq!((&golden["verdict"], &golden["unit"]), (&json!("ok"), &json!("cosine")), "{told}");
    println!("the same place at another moment: {golden}");
    assert_eq!(
        (&class["verdict"], &told["verdict"]),
        (&json!("ng"), &json!("ng")),
        "no cat is on the belt: {told}"
    );
    assert!(class["text"].is_string(), "{class}");
    // A thousand classes are no help: those that are like it are.
    let told = house.select("1", "wrong");
    let reason = told["reason"].as_str().unwrap();
    assert!(reason.ends_with("no class \"tabby\"\n    next: use one of: tabby, tabby cat"), "{reason}");
    house.account("a");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
