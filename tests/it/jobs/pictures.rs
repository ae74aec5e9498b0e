//! What becomes of pictures: bad ones among good ones, fallbacks that are said, answers that are kept.

use std::fs;

use serde_json::json;

use super::support::{add, job, picture, queue, shop, shop_with, upscale, wait_for};
use crate::support::wait_until;

#[test]
fn a_bad_picture_fails_with_its_reason_while_the_others_are_done() {
    let place = shop("");
    let (client, fixture) = (place.client(), &place.fixture);
    let shop = fixture.path("shop");
    let mut ids = Vec::new();
    for number in 0..20 {
        let name = format!("photo{number}.png");
        picture(&shop.join(&name), 32, number);
        if number == 7 {
            fs::write(shop.join(&name), "no picture at all").unwrap();
        }
        ids.push(add(&client, upscale(&name)));
    }
    // Cut in the middle, nothing at all, and a head that claims more pixels than a box can hold.
    let whole = fs::read(shop.join("photo1.png")).unwrap();
    let mut bomb = whole.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0xFA, 0xFA, 0, 0, 0xFA, 0xFA]);
    for (name, bytes) in [("cut.png", &whole[..whole.len() / 2]), ("empty.png", &[]), ("bomb.png", &bomb)] {
        fs::write(shop.join(name), bytes).unwrap();
        let over = wait_for(&client, add(&client, upscale(name)), "failed");
        assert_eq!(over["tries"], 1, "its input is at fault: {over}");
        assert!(over["reason"].as_str().is_some_and(|reason| reason.len() > 20), "{over}");
    }
    wait_until("all jobs are over", || {
        queue(&client)["running_tasks"] == 0 && queue(&client)["queue_size"] == 0
    });
    for (number, id) in ids.into_iter().enumerate() {
        let over = job(&client, id);
        let wanted = if number == 7 { "failed" } else { "completed" };
        assert_eq!(over["state"], wanted, "{over}");
    }
    let status = queue(&client);
    assert_eq!((&status["completed_tasks"], &status["failed_tasks"]), (&json!(19), &json!(4)), "{status}");
    place.end();
}

#[test]
fn what_was_not_done_as_asked_is_said_in_the_answer() {
    // The model's first run is its warm-up; from the second on it fails.
    let place = shop_with("upscale_model = \"bad\"\n", |fixture| {
        let text = "fail = \"the accelerator is gone\"\n[[input]]\nname = \"tile\"\nshape = [1, 64, 64, 3]\ndtype = \"u8\"\nvalues = []\n\
                    [[output]]\nname = \"large\"\nshape = [1, 128, 128, 3]\ndtype = \"u8\"\nvalues = [0]\n";
        fs::write(fixture.path("bad.stub"), text).unwrap();
        "[model.bad]\npath = \"bad.stub\"\ntask = \"upscale\"\n".to_owned()
    });
    let client = place.client();
    picture(&place.fixture.path("shop/photo.png"), 100, 1);
    let ask = |fallback: &str| {
        let parameters = json!({ "picture": "photo.png", "fallback": fallback });
        add(&client, json!({ "kind": "upscale", "parameters": parameters, "max_attempts": 1 }))
    };
    let over = wait_for(&client, ask("lanczos"), "completed");
    let result = &over["result"];
    assert_eq!((&result["method"], &result["file"]["width"]), (&json!("lanczos"), &json!(200)), "{over}");
    assert!(result["fell_back"].as_str().unwrap().contains("the accelerator is gone"), "{over}");
    let over = wait_for(&client, ask("original"), "completed");
    assert_eq!(
        (&over["result"]["method"], &over["result"]["file"]["width"]),
        (&json!("original"), &json!(100))
    );
    let over = wait_for(&client, ask("none"), "failed");
    assert!(over["reason"].as_str().unwrap().contains("the accelerator is gone"), "{over}");
    place.end();
}

#[test]
fn the_same_picture_is_answered_with_what_is_kept_as_long_as_its_file_is_there() {
    let place = shop("");
    let client = place.client();
    let shop = place.fixture.path("shop");
    picture(&shop.join("photo.png"), 40, 1);
    // Another name, the same bytes: content counts.
    fs::copy(shop.join("photo.png"), shop.join("copy.png")).unwrap();
    let first = add(&client, upscale("photo.png"));
    let made = wait_for(&client, first, "completed");
    assert_eq!(made["cached_from"], json!(null));
    let kept = wait_for(&client, add(&client, upscale("copy.png")), "completed");
    assert_eq!((&kept["cached_from"], &kept["result"]), (&json!(first), &made["result"]), "{kept}");
    // Other parameters are other work.
    let parameters = json!({ "picture": "photo.png", "factor": 4 });
    let four =
        wait_for(&client, add(&client, json!({ "kind": "upscale", "parameters": parameters })), "completed");
    assert_eq!(four["cached_from"], json!(null), "{four}");
    // Somebody cleans the folder: the work is done anew, and gives the same file.
    let path = made["result"]["file"]["path"].as_str().unwrap();
    fs::remove_file(path).unwrap();
    let anew = wait_for(&client, add(&client, upscale("copy.png")), "completed");
    assert_eq!(anew["cached_from"], json!(null), "{anew}");
    assert_eq!(anew["result"]["file"]["sha256"], made["result"]["file"]["sha256"]);
    place.end();
}

#[test]
fn the_picture_before_is_sent_and_no_file_that_is_no_picture() {
    let place = shop("");
    let client = place.client();
    picture(&place.fixture.path("shop/photo.png"), 40, 1);
    let made = wait_for(&client, add(&client, upscale("photo.png")), "completed");
    let named = place.fixture.path("shop/photo.png");
    assert_eq!(made["picture"], json!(named.canonicalize().unwrap()), "{made}");
    let before = client.get(&format!("/api/v1/jobs/{}/picture", made["id"]));
    assert_eq!((before.status, before.header("content-type")), (200, Some("image/png")), "{}", before.text());
    assert!(before.body == fs::read(&named).unwrap(), "the client gets other bytes");

    // The command line may name any file: a viewer of the page must not read it.
    let secret = place.fixture.path("secret.txt");
    fs::write(&secret, "nobody reads this").unwrap();
    let said = place.fixture.command(&["jobs", "add", "upscale", secret.to_str().unwrap()]);
    assert!(said.status.success(), "{said:?}");
    let over = wait_for(&client, made["id"].as_u64().unwrap() + 1, "failed");
    for gone in [false, true] {
        if gone {
            fs::remove_file(&secret).unwrap();
        }
        let reply = client.get(&format!("/api/v1/jobs/{}/picture", over["id"]));
        assert_eq!((reply.status, reply.code().as_str()), (404, "unknown_file"), "{}", reply.text());
        assert!(!reply.text().contains("nobody reads"), "{}", reply.text());
    }
    place.end();
}
