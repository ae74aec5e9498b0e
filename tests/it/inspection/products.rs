//! The product is switched while triggers flow: each part is judged by what was selected at its trigger, or not at all.

use serde_json::json;

use crate::inspection::house::{House, answered, camera, recipe, serial};
use crate::support::wait_until;

fn house() -> House {
    let house = House::new();
    house.config(&(camera("fps=100", "queue = 4") + &serial(&house.rig, "a", "plc")));
    house
}

#[test]
fn a_trigger_behind_prod_on_the_line_is_never_judged_by_another_product() {
    let house = house();
    let plc = house.plug("plc");
    let mut service = house.run();
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
    for told in house.wait_inspections("a", pulled) {
        let (text, product) = (told["trigger"]["text"].as_str().unwrap(), told["product"].as_str().unwrap());
        match told["verdict"].as_str().unwrap() {
            "error" => assert!(told["cause"].as_str().unwrap().contains("is being made ready"), "{told}"),
            "overrun" => {}
            verdict => {
                judged += 1;
                assert_eq!(text, product, "{told}");
                assert_eq!(verdict, if text == "good" { "ok" } else { "ng" }, "{told}");
            }
        }
    }
    println!("{judged} of {pulled} triggers were judged, each by the product of the line before it");
    house.assert_sums("a", pulled as u64);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_hundred_switches_over_mqtt_while_triggers_flow_and_each_verdict_is_its_products() {
    let house = house();
    let plc = house.plug("plc");
    let mut service = house.run();
    let mut pulled = 0;
    for round in 0..100 {
        let product = if round % 2 == 0 { "bad" } else { "good" };
        let id = round.to_string();
        house.tell(&format!("product/{id}"), &json!({ "camera": "a", "product": product }));
        for _ in 0..3 {
            plc.write(b"TRIG before\n");
            plc.line();
        }
        let told = house.answer(&format!("product/{id}"));
        assert_eq!(
            (&told["status"], &told["result"]["product"]),
            (&json!("successful"), &json!(product)),
            "{told}"
        );
        plc.write(format!("TRIG {product}\n").as_bytes());
        plc.line();
        pulled += 4;
    }
    for told in house.wait_inspections("a", pulled) {
        let expected = if told["product"] == "good" { "ok" } else { "ng" };
        assert_eq!(told["verdict"], expected, "{told}");
        let text = told["trigger"]["text"].as_str().unwrap();
        assert!(text == "before" || told["product"] == text, "{told}");
    }
    house.assert_sums("a", pulled as u64);
    // The stages of all those products are gone again.
    let telemetry = house.watcher.wait_for("telemetry", |told| {
        let queues = told["queues"].as_object().unwrap();
        told["seq"].as_u64() > Some(5)
            && queues.keys().filter(|name| name.starts_with("stage/inspect/")).count() == 1
    });
    assert!(telemetry.is_object());
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_product_that_does_not_exist_is_refused_and_the_one_in_force_stays() {
    let house = house();
    let plc = house.plug("plc");
    let mut service = house.run();
    plc.write(b"PROD god\n");
    let line = plc.line();
    for word in ["ERR PROD god", "there is no recipe for the product \"god\"", "use one of: good, bad"] {
        assert!(line.contains(word), "{word:?} is missing in {line:?}");
    }
    let told = house.select("1", "god");
    let reason = told["reason"].as_str().unwrap();
    assert!(told["status"] == "failed" && reason.contains("no recipe") && reason.contains("good"), "{told}");
    // Whoever asked was told; nothing of the box has changed, so nothing is left to raise an alarm for.
    let before = house.watcher.json("telemetry").len();
    wait_until("more telemetry", || house.watcher.json("telemetry").len() > before + 1);
    assert!(house.watcher.json("alarm/product-a").iter().all(serde_json::Value::is_null));
    assert!(house.watcher.json("a/trigger").iter().all(|told| told["fault"].is_null()));
    plc.write(b"TRIG x\nSTATUS?\n");
    let lines = [plc.line(), plc.line()];
    assert!(lines.iter().any(|line| line.contains("product=good")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("x OK ")), "{lines:?}");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_product_that_was_promised_and_cannot_be_made_ready_blocks_until_it_was_taught() {
    let house = house();
    house.recipe("late", &recipe("\"pixels\""));
    let plc = house.plug("plc");
    let mut service = house.run();
    plc.write(b"PROD late\n");
    assert_eq!(plc.line(), "PROD late");
    house.wait_alarm("product-a", &["late", "no golden picture", "ocellus golden add late"]);
    plc.write(b"READY?\nTRIG x\n");
    let lines = [plc.line(), plc.line()];
    assert!(
        lines.contains(&"READY 0".to_owned()) && lines.iter().any(|line| line.starts_with("x ERROR ")),
        "{lines:?}"
    );
    // Other configurations, other products' pictures: nothing of it makes the part one of the former product.
    house.ask("reload/1", &json!({}));
    plc.write(b"TRIG y\n");
    assert!(plc.line().starts_with("y ERROR "));
    let taught = house.ask("golden/1", &json!({ "action": "add", "camera": "a", "product": "late" }));
    assert_eq!(taught["result"]["selected"]["a"], "ready", "{taught}");
    house.wait_calm("product-a");
    plc.write(b"TRIG z\n");
    assert!(plc.line().starts_with("z "));
    let told = house.wait_inspections("a", 3);
    assert!(told[0]["cause"].as_str().unwrap().contains("product late is not ready"), "{}", told[0]);
    assert_eq!(
        (&told[2]["product"], &told[2]["golden_revision"]),
        (&json!("late"), &json!(1)),
        "{}",
        told[2]
    );
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_trigger_over_mqtt_means_its_arrival_however_long_the_request_before_it_takes() {
    let house = house();
    let mut service = house.run();
    // Requests are executed one after another.
    for n in 0..8 {
        house.tell(&format!("product/{n}"), &json!({ "product": if n % 2 == 0 { "bad" } else { "good" } }));
    }
    house.tell("trigger/1", &json!({}));
    let told = house.answer("trigger/1")["result"].clone();
    let last = house.answer("product/7");
    assert!(told["trigger"]["time"].as_str() < last["time"].as_str(), "{told} after {last}");
    assert_eq!((&told["product"], &told["verdict"]), (&json!("good"), &json!("ok")), "{told}");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
