//! A service that is asked while it runs: another product, other golden pictures, a trigger, its status.

use std::fs;

use serde_json::Value;

use crate::inspection::commands::bench::{PLATE, bench, json, output, paint, refused, still, teach};
use crate::support::fixture::{Fixture, Service};
use crate::support::wait_until;

/// A taught box whose camera shows one good part, running.
fn running() -> (Fixture, Service) {
    let fixture = bench("");
    let [good, _] = paint(&fixture.path("show"), 3_000, 1, 0);
    fixture.config(1, &still(good[0].parent().unwrap()));
    teach(&fixture);
    let service = fixture.run();
    ready(&fixture);
    (fixture, service)
}

/// Waits until a trigger gets its frame.
fn ready(fixture: &Fixture) {
    wait_until("a verdict", || {
        let output = fixture.command(&["trigger", "--json"]);
        let output: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        ["ok", "ng", "error"].iter().any(|verdict| output["verdict"] == *verdict)
    });
}

#[track_caller]
fn verdict(fixture: &Fixture) -> (String, u64, u64) {
    let output = json(fixture, &["trigger", "--text", "part-1"]);
    assert_eq!((&output["trigger"]["kind"], &output["trigger"]["text"]), (&"cli".into(), &"part-1".into()));
    let verdict = output["verdict"].as_str().unwrap().to_owned();
    (verdict, output["recipe_revision"].as_u64().unwrap(), output["golden_revision"].as_u64().unwrap())
}

#[test]
fn another_product_judges_the_next_part_without_a_restart() {
    let (fixture, mut service) = running();
    assert_eq!(verdict(&fixture), ("ok".into(), 1, 1));
    // Wider than the plate is, and no golden picture needed.
    let strict = "revision = 5\nsize = [640, 480]\n[[roi]]\nname = \"dark\"\nrect = [262, 238, 116, 12]\n\
        kind = \"presence\"\nlow = 0\nhigh = 5\nmin_share = 0.9\n";
    fs::write(fixture.path("recipes/strict.toml"), strict).unwrap();
    let said = output(&fixture, &["product", "strict"]);
    assert_eq!(said, "a: strict, recipe revision 5, golden revision 0\n");
    assert_eq!(verdict(&fixture), ("ng".into(), 5, 0));
    let said = output(&fixture, &["trigger"]);
    assert!(said.contains(": ng (strict on a") && said.contains("dark (presence): 0"), "{said}");

    refused(
        &fixture,
        &["product", "plaet"],
        1,
        &["no recipe for the product \"plaet\"", "use one of: plate, strict"],
    );
    refused(
        &fixture,
        &["product", "plate", "--camera", "b"],
        1,
        &["no camera \"b\" that inspects; there are: a"],
    );
    fs::write(fixture.path("recipes/bare.toml"), PLATE).unwrap();
    refused(
        &fixture,
        &["product", "bare"],
        1,
        &["product bare has no golden picture", "ocellus golden add bare FILE"],
    );
    assert_eq!(json(&fixture, &["product"])["product"], "strict");
    json(&fixture, &["product", "plate", "--camera", "a"]);
    assert_eq!(verdict(&fixture), ("ok".into(), 1, 1));

    let said = output(&fixture, &["status"]);
    assert!(said.contains("a: ready, product plate, recipe revision 1, golden revision 1"), "{said}");
    assert!(json(&fixture, &["status"])["triggers"]["a"]["triggers"].as_u64() >= Some(4));
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn golden_pictures_are_taught_from_files_and_from_the_camera_while_it_runs() {
    let (fixture, mut service) = running();
    let said = output(&fixture, &["golden", "add", "plate", "--camera", "a"]);
    assert!(said.contains("revision 2, 9 pictures") && said.contains("a, frame "), "{said}");
    assert!(said.contains("\n  a: ready"), "{said}");
    assert_eq!(verdict(&fixture), ("ok".into(), 1, 2));
    let shown = json(&fixture, &["golden", "show", "plate"]);
    assert_eq!(shown["set"]["entries"].as_array().unwrap().len(), 9);
    let sha = shown["set"]["entries"][8]["picture"].as_str().unwrap().to_owned();
    assert!(output(&fixture, &["golden", "remove", "plate", &sha[..12]]).contains("revision 3, 8 pictures"));
    assert_eq!(verdict(&fixture), ("ok".into(), 1, 3));
    json(&fixture, &["golden", "rollback", "plate", "--to", "2"]);
    assert_eq!(verdict(&fixture), ("ok".into(), 1, 4));
    // A golden part of a second kind: only this one, and the good part differs from it.
    let [_, bad] = paint(&fixture.path("bad"), 9_000, 0, 1);
    let plain =
        "size = [640, 480]\n[[roi]]\nname = \"all\"\nrect = [180, 140, 280, 200]\nkind = \"pixels\"\n";
    fs::write(fixture.path("recipes/plain.toml"), plain).unwrap();
    output(&fixture, &["golden", "add", "plain", bad[0].to_str().unwrap()]);
    json(&fixture, &["product", "plain"]);
    assert_eq!(verdict(&fixture), ("ng".into(), 1, 1));
    let first = json(&fixture, &["golden", "show", "plain"])["set"]["entries"][0]["picture"].clone();
    json(&fixture, &["golden", "add", "plain", "--camera", "a"]);
    json(&fixture, &["golden", "remove", "plain", first.as_str().unwrap()]);
    assert_eq!(verdict(&fixture), ("ok".into(), 1, 3));
    assert!(output(&fixture, &["golden", "verify"]).contains("every golden picture is there"));
    assert!(output(&fixture, &["golden", "prune"]).starts_with("0 revisions forgotten"));
    let listed = json(&fixture, &["golden", "list"]);
    assert_eq!(listed["products"].as_array().unwrap().len(), 2);

    refused(&fixture, &["golden", "add", "plate", "--camera", "b"], 1, &["no camera \"b\""]);
    refused(&fixture, &["golden", "remove", "plate", "ffff"], 1, &["no golden picture ffff in revision 4"]);
    assert!(service.is_running());
    assert_eq!(service.stop(), Some(0));
    let camera = ["golden", "add", "plate", "--camera", "a"];
    refused(&fixture, &camera, 1, &["no service runs, so camera a sees nothing", "or name picture files"]);
    let away = ["no service runs on the state directory", "control.sock", "start it"];
    for command in ["status", "product", "trigger", "reload"] {
        refused(&fixture, &[command], 12, &away);
    }
}

#[test]
fn a_reload_reads_the_recipe_again_and_a_bad_file_leaves_the_old_one() {
    let (fixture, mut service) = running();
    fs::write(fixture.path("recipes/plate.toml"), PLATE.replace("revision = 1", "revision = 2")).unwrap();
    assert!(output(&fixture, &["reload"]).contains("reloaded; cameras unchanged: a"));
    assert_eq!(verdict(&fixture), ("ok".into(), 2, 1));
    assert!(output(&fixture, &["restart", "camera/a"]).contains("camera/a is restarted"));
    assert_eq!(verdict(&fixture), ("ok".into(), 2, 1));
    refused(
        &fixture,
        &["restart", "camera/b"],
        1,
        &["there is no unit \"camera/b\"", "there are: ", "camera/a"],
    );
    let sound = fs::read_to_string(fixture.config_path()).unwrap();
    fs::write(fixture.config_path(), sound.replace("ring_slots", "ring_slits")).unwrap();
    let state = fixture.state_dir.display().to_string();
    let said =
        crate::inspection::commands::bench::words(&fixture.command(&["reload", "--state-dir", &state]));
    assert_eq!(said.0, Some(1));
    assert!(said.1.contains("did you mean \"ring_slots\"?"), "{}", said.1);
    assert_eq!(service.stop(), Some(0));
}
