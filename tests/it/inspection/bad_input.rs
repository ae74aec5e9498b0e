//! What may be wrong with recipes, golden pictures, products and cameras: each is told with what, where, why and what
//! to do; the service and the product in force go on.

use std::fs;

use serde_json::json;

use crate::inspection::house::{House, camera, good, recipe, serial};
use crate::support::broker::free_port;
use crate::support::rig::Stub;

/// A product, its recipe, and the words of its refusal.
type Fault = (&'static str, String, &'static [&'static str]);

fn faults() -> Vec<Fault> {
    let with = |from: &str, to: &str| good().replace(from, to);
    let again = good()[good().find("[[roi]]").unwrap()..].to_owned();
    vec![
        ("outside", with("[8, 8, 16, 16]", "[56, 8, 16, 16]"), &["outside.toml:4", "roi[0].rect", "64"]),
        (
            "strange",
            with("presence", "presance"),
            &["strange.toml:5", "roi[0].kind", "presance", "\"presence\""],
        ),
        ("doubled", good() + &again, &["doubled.toml:9", "all"]),
        ("untaught", recipe("\"pixels\""), &["no golden picture", "ocellus golden add untaught"]),
        (
            "unmodelled",
            recipe("\"classify\"\nmodel = \"brain\"\nexpect = [\"x\"]"),
            &["unmodelled.toml:6", "brain", "[model.brain]"],
        ),
        ("lost", recipe("\"detect\"\nmodel = \"gone\""), &["gone.stub"]),
        ("broken", "size = [64\n".to_owned(), &["broken.toml:"]),
        ("empty", "size = [64, 64]\n".to_owned(), &["empty.toml", "[[roi]]"]),
    ]
}

#[test]
fn a_recipe_that_cannot_be_used_is_told_and_the_product_in_force_goes_on() {
    let house = House::new();
    // A model whose file is taken away after the start: nothing but the recipe uses it.
    let model = house.rig.stub("gone", &Stub::default());
    house.config(&(model + &camera("fps=100", "queue = 4") + &serial(&house.rig, "a", "plc")));
    let plc = house.plug("plc");
    let mut service = house.run();
    fs::remove_file(house.rig.path("gone.stub")).unwrap();
    for (n, (product, recipe, words)) in faults().into_iter().enumerate() {
        house.recipe(product, &recipe);
        let told = house.select(&format!("bad{n}"), product);
        assert_eq!(told["status"], "failed", "{product}: {told}");
        let reason = told["reason"].as_str().unwrap();
        for word in words {
            assert!(reason.contains(word), "{product}: {word:?} is missing in {reason:?}");
        }
        let alarm = house.wait_alarm("product-a", &[product]);
        assert!(alarm.contains(reason), "{alarm}");
        plc.write(format!("TRIG {product}\n").as_bytes());
        assert!(plc.line().starts_with(&format!("{product} OK ")), "the product in force does not go on");
        println!("{product}: {reason}");
        house.select(&format!("good{n}"), "good");
        house.wait_calm("product-a");
    }
    // At the start it is the same: the service comes up, its triggers end as errors, and the alarm says why.
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    house.rig.stub("gone", &Stub::default());
    house.recipe("good", &faults()[0].1);
    let mut service = house.rig.run();
    house.wait_alarm("product-a", &["good.toml:4"]);
    house.watcher.wait_for("a/trigger", |told| told["fault"].is_string() && told["ready"] == false);
    let told = house.ask("trigger/after", &json!({}));
    assert_eq!(told["result"]["verdict"], "error", "{told}");
    assert!(told["result"]["cause"].as_str().unwrap().contains("select one"), "{told}");
    house.recipe("good", &good());
    house.ask("reload/1", &json!({}));
    house.wait_calm("product-a");
    assert_eq!(house.ask("trigger/mended", &json!({}))["result"]["verdict"], "ok");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn golden_pictures_of_another_size_or_that_are_none_are_refused() {
    let house = House::new();
    house.recipe("taught", &recipe("\"pixels\""));
    house.config(&camera("fps=100", "queue = 4"));
    let mut service = house.run();
    assert_eq!(
        house.ask("golden/1", &json!({ "action": "add", "product": "taught" }))["status"],
        "successful"
    );
    assert_eq!(house.select("1", "taught")["status"], "successful");
    assert_eq!(service.stop(), Some(0), "{}", service.log());

    let small = house.rig.path("small.png");
    image::RgbImage::new(32, 32).save(&small).unwrap();
    fs::write(house.rig.path("note.png"), "this is no picture").unwrap();
    let refusal = |name: &str| {
        let path = house.rig.path(name);
        let output = house.rig.command(&["golden", "add", "taught", path.to_str().unwrap()]);
        assert_ne!(output.status.code(), Some(0));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = refusal("small.png");
    assert!(["small.png", "32", "64"].iter().all(|word| said.contains(word)), "{said}");
    let said = refusal("note.png");
    assert!(said.contains("note.png"), "{said}");
    let said = refusal("absent.png");
    assert!(said.contains("absent.png"), "{said}");
    let mut service = house.run();
    assert_eq!(house.select("again", "taught")["status"], "successful");

    // The recipe was drawn anew for another size, and the pictures were not taken anew.
    house.recipe("taught", &recipe("\"pixels\"").replace("[64, 64]", "[80, 60]"));
    let told = house.select("2", "taught");
    let reason = told["reason"].as_str().unwrap();
    assert!(["64×64", "80×60", "golden remove taught"].iter().all(|word| reason.contains(word)), "{reason}");
    house.wait_alarm("product-a", &["80×60"]);
    assert_eq!(house.ask("trigger/2", &json!({}))["result"]["recipe_revision"], 1);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_recipe_for_another_frame_size_makes_each_part_an_error_that_says_so() {
    let house = House::new();
    house.recipe("good", &good().replace("[64, 64]", "[640, 480]"));
    house.config(&camera("fps=100", "queue = 4"));
    let mut service = house.run();
    let told = house.ask("trigger/1", &json!({}));
    let (verdict, cause) = (&told["result"]["verdict"], told["result"]["cause"].as_str().unwrap());
    assert_eq!(verdict, "error");
    assert!(["64×64", "640×480", "good"].iter().all(|word| cause.contains(word)), "{cause}");
    assert_eq!(told["result"]["rois"][0]["verdict"], "error");
    house.recipe("good", &good());
    house.ask("reload/1", &json!({}));
    assert_eq!(house.ask("trigger/2", &json!({}))["result"]["verdict"], "ok");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_trigger_while_the_camera_is_offline_is_missed_with_the_cause() {
    let house = House::new();
    let source = format!("tcp://127.0.0.1:{}", free_port());
    let text = camera("", "queue = 4").replace("scene:?width=64&height=64&", &source);
    house.config(&(text + &serial(&house.rig, "a", "plc")));
    let plc = house.plug("plc");
    let mut service = house.rig.run();
    house.watcher.wait_for("a/trigger", |told| told["product"] == "good" && told["ready"] == false);
    let told = house.ask("trigger/1", &json!({ "text": "early" }));
    assert_eq!(told["result"]["verdict"], "missed", "{told}");
    let cause = told["result"]["cause"].as_str().unwrap();
    assert!(cause.contains("camera"), "{cause}");
    println!("offline: {cause}");
    plc.write(b"READY?\nTRIG p\n");
    assert_eq!(plc.line(), "READY 0");
    assert!(plc.line().starts_with("p MISSED "));
    let sums = house.assert_sums("a", 2);
    assert_eq!(sums["missed"], 2);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn requests_that_make_no_sense_are_refused_with_what_to_say() {
    let house = House::new();
    house.config(&camera("fps=100", "queue = 4"));
    let mut service = house.run();
    let reason = |what: &str, payload| house.ask(what, &payload)["reason"].as_str().unwrap().to_owned();
    let said = reason("trigger/1", json!({ "camera": "b" }));
    assert!(said.contains("\"b\"") && said.contains("there are: a"), "{said}");
    let said = reason("product/1", json!({ "product": "../../etc/passwd" }));
    assert!(said.contains("no recipe") && said.contains("good"), "{said}");
    let said = reason("golden/1", json!({ "action": "burn" }));
    assert!(said.starts_with("say what") && said.contains("list, revisions, add, keep"), "{said}");
    assert_eq!(house.ask("trigger/2", &json!({}))["result"]["verdict"], "ok");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
