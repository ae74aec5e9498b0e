//! What may be wrong with recipes, golden pictures, products and cameras: each is told with what, where, why and what
//! to do; the service and the product in force go on.

use std::fs;

use serde_json::json;

use crate::inspection::scenario::{Scenario, camera, good, recipe, serial};
use crate::support::broker::free_port;
use crate::support::complaint;
use crate::support::fixture::Stub;

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
fn a_recipe_that_cannot_be_used_is_reported_and_the_product_in_force_goes_on() {
    let scenario = Scenario::new();
    // A model whose file is taken away after the start: nothing but the recipe uses it.
    let model = scenario.fixture.stub("gone", &Stub::default());
    scenario.config(&(model + &camera("fps=100", "queue = 4") + &serial(&scenario.fixture, "a", "plc")));
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    fs::remove_file(scenario.fixture.path("gone.stub")).unwrap();
    for (n, (product, recipe, words)) in faults().into_iter().enumerate() {
        scenario.recipe(product, &recipe);
        let reported = scenario.select(&format!("bad{n}"), product);
        assert_eq!(reported["status"], "failed", "{product}: {reported}");
        let reason = reported["reason"].as_str().unwrap();
        for word in words {
            assert!(reason.contains(word), "{product}: {word:?} is missing in {reason:?}");
        }
        let alarm = scenario.wait_alarm("product-a", &[product]);
        assert!(alarm.contains(reason), "{alarm}");
        plc.write(format!("TRIG {product}\n").as_bytes());
        assert!(plc.line().starts_with(&format!("{product} OK ")), "the product in force does not go on");
        println!("{product}: {reason}");
        scenario.select(&format!("good{n}"), "good");
        scenario.wait_calm("product-a");
    }
    // At the start it is the same: the service comes up, its triggers end as errors, and the alarm says why.
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    scenario.fixture.stub("gone", &Stub::default());
    scenario.recipe("good", &faults()[0].1);
    let mut service = scenario.fixture.run();
    scenario.wait_alarm("product-a", &["good.toml:4"]);
    scenario
        .watcher
        .wait_for("a/trigger", |reported| reported["fault"].is_string() && reported["ready"] == false);
    let reported = scenario.ask("trigger/after", &json!({}));
    assert_eq!(reported["result"]["verdict"], "error", "{reported}");
    assert!(reported["result"]["cause"].as_str().unwrap().contains("select one"), "{reported}");
    scenario.recipe("good", &good());
    scenario.ask("reload/1", &json!({}));
    scenario.wait_calm("product-a");
    assert_eq!(scenario.ask("trigger/mended", &json!({}))["result"]["verdict"], "ok");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn golden_pictures_of_another_size_or_that_are_none_are_refused() {
    let scenario = Scenario::new();
    scenario.recipe("taught", &recipe("\"pixels\""));
    scenario.config(&camera("fps=100", "queue = 4"));
    let mut service = scenario.run();
    assert_eq!(
        scenario.ask("golden/1", &json!({ "action": "add", "product": "taught" }))["status"],
        "successful"
    );
    assert_eq!(scenario.select("1", "taught")["status"], "successful");
    assert_eq!(service.stop(), Some(0), "{}", service.log());

    let small = scenario.fixture.path("small.png");
    image::RgbImage::new(32, 32).save(&small).unwrap();
    fs::write(scenario.fixture.path("note.png"), "this is no picture").unwrap();
    let refusal = |name: &str| {
        let path = scenario.fixture.path(name);
        let output = scenario.fixture.command(&["golden", "add", "taught", path.to_str().unwrap()]);
        assert_ne!(output.status.code(), Some(0));
        complaint(&output)
    };
    let said = refusal("small.png");
    assert!(["small.png", "32", "64"].iter().all(|word| said.contains(word)), "{said}");
    let said = refusal("note.png");
    assert!(said.contains("note.png"), "{said}");
    let said = refusal("absent.png");
    assert!(said.contains("absent.png"), "{said}");
    let mut service = scenario.run();
    assert_eq!(scenario.select("again", "taught")["status"], "successful");

    // The recipe was drawn anew for another size, and the pictures were not taken anew.
    scenario.recipe("taught", &recipe("\"pixels\"").replace("[64, 64]", "[80, 60]"));
    let reported = scenario.select("2", "taught");
    let reason = reported["reason"].as_str().unwrap();
    assert!(["64×64", "80×60", "golden remove taught"].iter().all(|word| reason.contains(word)), "{reason}");
    scenario.wait_alarm("product-a", &["80×60"]);
    assert_eq!(scenario.ask("trigger/2", &json!({}))["result"]["recipe_revision"], 1);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_recipe_for_another_frame_size_makes_each_part_an_error_that_says_so() {
    let scenario = Scenario::new();
    scenario.recipe("good", &good().replace("[64, 64]", "[640, 480]"));
    scenario.config(&camera("fps=100", "queue = 4"));
    let mut service = scenario.run();
    let reported = scenario.ask("trigger/1", &json!({}));
    let (verdict, cause) = (&reported["result"]["verdict"], reported["result"]["cause"].as_str().unwrap());
    assert_eq!(verdict, "error");
    assert!(["64×64", "640×480", "good"].iter().all(|word| cause.contains(word)), "{cause}");
    assert_eq!(reported["result"]["rois"][0]["verdict"], "error");
    scenario.recipe("good", &good());
    scenario.ask("reload/1", &json!({}));
    assert_eq!(scenario.ask("trigger/2", &json!({}))["result"]["verdict"], "ok");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_trigger_while_the_camera_is_offline_is_missed_with_the_cause() {
    let scenario = Scenario::new();
    let source = format!("tcp://127.0.0.1:{}", free_port());
    let text = camera("", "queue = 4").replace("scene:?width=64&height=64&", &source);
    scenario.config(&(text + &serial(&scenario.fixture, "a", "plc")));
    let plc = scenario.plug("plc");
    let mut service = scenario.fixture.run();
    scenario
        .watcher
        .wait_for("a/trigger", |reported| reported["product"] == "good" && reported["ready"] == false);
    let reported = scenario.ask("trigger/1", &json!({ "text": "early" }));
    assert_eq!(reported["result"]["verdict"], "missed", "{reported}");
    let cause = reported["result"]["cause"].as_str().unwrap();
    assert!(cause.contains("camera"), "{cause}");
    println!("offline: {cause}");
    plc.write(b"READY?\nTRIG p\n");
    assert_eq!(plc.line(), "READY 0");
    assert!(plc.line().starts_with("p MISSED "));
    let sums = scenario.assert_sums("a", 2);
    assert_eq!(sums["missed"], 2);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn requests_that_make_no_sense_are_refused_with_what_to_say() {
    let scenario = Scenario::new();
    scenario.config(&camera("fps=100", "queue = 4"));
    let mut service = scenario.run();
    let reason = |what: &str, payload| scenario.ask(what, &payload)["reason"].as_str().unwrap().to_owned();
    let said = reason("trigger/1", json!({ "camera": "b" }));
    assert!(said.contains("\"b\"") && said.contains("there are: a"), "{said}");
    let said = reason("product/1", json!({ "product": "../../etc/passwd" }));
    assert!(said.contains("no recipe") && said.contains("good"), "{said}");
    let said = reason("golden/1", json!({ "action": "burn" }));
    assert!(said.starts_with("say what") && said.contains("list, revisions, add, keep"), "{said}");
    assert_eq!(scenario.ask("trigger/2", &json!({}))["result"]["verdict"], "ok");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
