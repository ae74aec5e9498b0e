//! The product is switched while triggers flow: each part is judged by what was selected at its trigger, or not at all.

use serde_json::json;

use crate::inspection::scenario::{Scenario, answered, camera, recipe, serial};
use crate::support::wait_until;

fn scenario() -> Scenario {
    let scenario = Scenario::new();
    scenario.config(&(camera("fps=100", "queue = 4") + &serial(&scenario.fixture, "a", "plc")));
    scenario
}

#[test]
fn a_trigger_behind_prod_on_the_line_is_never_judged_by_another_product() {
    let scenario = scenario();
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    let (mut judged, mut pulled) = (0, 0);
    for round in 0..60 {
        // In one breath: the service is asked for the second while the first is still being made ready.
        let (first, last) = if round % 2 == 0 { ("bad", "good") } else { ("good", "bad") };
        let mut bytes = format!("PROD {first}\nTRIG {first}\nPROD {last}\n");
        (0..3).for_each(|_| bytes.push_str(&format!("TRIG {last}\n")));
        plc.write(bytes.as_bytes());
        pulled += 4;
        for _ in 0..2 + 4 {
            plc.line();
        }
        // And a few more, while it becomes ready.
        wait_until("a verdict under the last product", || {
            pulled += 1;
            plc.write(format!("TRIG {last}\n").as_bytes());
            answered(&plc.line()).expect("an answer").1 != "error"
        });
    }
    for reported in scenario.wait_inspections("a", pulled) {
        let (text, product) =
            (reported["trigger"]["text"].as_str().unwrap(), reported["product"].as_str().unwrap());
        match reported["verdict"].as_str().unwrap() {
            "error" => {
                assert!(reported["cause"].as_str().unwrap().contains("is being made ready"), "{reported}")
            }
            "overrun" => {}
            verdict => {
                judged += 1;
                assert_eq!(text, product, "{reported}");
                assert_eq!(verdict, if text == "good" { "ok" } else { "ng" }, "{reported}");
            }
        }
    }
    println!("{judged} of {pulled} triggers were judged, each by the product of the line before it");
    scenario.assert_sums("a", pulled as u64);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_hundred_switches_over_mqtt_while_triggers_flow_and_each_verdict_is_its_products() {
    let scenario = scenario();
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    let mut pulled = 0;
    for round in 0..100 {
        let product = if round % 2 == 0 { "bad" } else { "good" };
        let id = round.to_string();
        scenario.tell(&format!("product/{id}"), &json!({ "camera": "a", "product": product }));
        for _ in 0..3 {
            plc.write(b"TRIG before\n");
            plc.line();
        }
        let reported = scenario.answer(&format!("product/{id}"));
        assert_eq!(
            (&reported["status"], &reported["result"]["product"]),
            (&json!("successful"), &json!(product)),
            "{reported}"
        );
        plc.write(format!("TRIG {product}\n").as_bytes());
        plc.line();
        pulled += 4;
    }
    for reported in scenario.wait_inspections("a", pulled) {
        let expected = if reported["product"] == "good" { "ok" } else { "ng" };
        assert_eq!(reported["verdict"], expected, "{reported}");
        let text = reported["trigger"]["text"].as_str().unwrap();
        assert!(text == "before" || reported["product"] == text, "{reported}");
    }
    scenario.assert_sums("a", pulled as u64);
    // The stages of all those products are gone again.
    let telemetry = scenario.watcher.wait_for("telemetry", |reported| {
        let queues = reported["queues"].as_object().unwrap();
        reported["seq"].as_u64() > Some(5)
            && queues.keys().filter(|name| name.starts_with("stage/inspect/")).count() == 1
    });
    assert!(telemetry.is_object());
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_product_that_does_not_exist_is_refused_and_the_one_in_force_stays() {
    let scenario = scenario();
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    plc.write(b"PROD god\n");
    let line = plc.line();
    for word in ["ERR PROD god", "there is no recipe for the product \"god\"", "use one of: good, bad"] {
        assert!(line.contains(word), "{word:?} is missing in {line:?}");
    }
    let reported = scenario.select("1", "god");
    let reason = reported["reason"].as_str().unwrap();
    assert!(
        reported["status"] == "failed" && reason.contains("no recipe") && reason.contains("good"),
        "{reported}"
    );
    // Whoever asked was told; nothing of the box has changed, so nothing is left to raise an alarm for.
    let before = scenario.watcher.json("telemetry").len();
    wait_until("more telemetry", || scenario.watcher.json("telemetry").len() > before + 1);
    assert!(scenario.watcher.json("alarm/product-a").iter().all(serde_json::Value::is_null));
    assert!(scenario.watcher.json("a/trigger").iter().all(|reported| reported["fault"].is_null()));
    plc.write(b"TRIG x\nSTATUS?\n");
    let lines = [plc.line(), plc.line()];
    assert!(lines.iter().any(|line| line.contains("product=good")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("x OK ")), "{lines:?}");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_product_that_was_promised_and_cannot_be_made_ready_blocks_until_it_was_taught() {
    let scenario = scenario();
    scenario.recipe("late", &recipe("\"pixels\""));
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    plc.write(b"PROD late\n");
    assert_eq!(plc.line(), "PROD late");
    scenario.wait_alarm("product-a", &["late", "no golden picture", "ocellus golden add late"]);
    plc.write(b"READY?\nTRIG x\n");
    let lines = [plc.line(), plc.line()];
    assert!(
        lines.contains(&"READY 0".to_owned()) && lines.iter().any(|line| line.starts_with("x ERROR ")),
        "{lines:?}"
    );
    // Other configurations, other products' pictures: nothing of it makes the part one of the former product.
    scenario.ask("reload/1", &json!({}));
    plc.write(b"TRIG y\n");
    assert!(plc.line().starts_with("y ERROR "));
    let taught = scenario.ask("golden/1", &json!({ "action": "add", "camera": "a", "product": "late" }));
    assert_eq!(taught["result"]["selected"]["a"], "ready", "{taught}");
    scenario.wait_calm("product-a");
    plc.write(b"TRIG z\n");
    assert!(plc.line().starts_with("z "));
    let reported = scenario.wait_inspections("a", 3);
    // The alarm comes a moment before the cause of the parts: until then the product is "being made ready".
    assert!(reported[0]["cause"].as_str().unwrap().contains("product late is "), "{}", reported[0]);
    assert!(reported[1]["cause"].as_str().unwrap().contains("product late is not ready"), "{}", reported[1]);
    assert_eq!(
        (&reported[2]["product"], &reported[2]["golden_revision"]),
        (&json!("late"), &json!(1)),
        "{}",
        reported[2]
    );
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_trigger_over_mqtt_means_its_arrival_however_long_the_request_before_it_takes() {
    let scenario = scenario();
    let mut service = scenario.run();
    // Requests are executed one after another.
    for n in 0..8 {
        scenario
            .tell(&format!("product/{n}"), &json!({ "product": if n % 2 == 0 { "bad" } else { "good" } }));
    }
    scenario.tell("trigger/1", &json!({}));
    let reported = scenario.answer("trigger/1")["result"].clone();
    let last = scenario.answer("product/7");
    assert!(reported["trigger"]["time"].as_str() < last["time"].as_str(), "{reported} after {last}");
    assert_eq!((&reported["product"], &reported["verdict"]), (&json!("good"), &json!("ok")), "{reported}");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
