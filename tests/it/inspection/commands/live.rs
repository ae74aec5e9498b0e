//! A service that is asked while it runs: another product, other golden pictures, a trigger, its status.

use std::fs;

use serde_json::Value;

use crate::inspection::commands::bench::{PLATE, bench, json, paint, refused, still, teach, told};
use crate::support::rig::{Rig, Service};
use crate::support::wait_until;

/// A taught box whose camera shows one good part, running.
fn running() -> (Rig, Service) {
    let rig = bench("");
    let [good, _] = paint(&rig.path("show"), 3_000, 1, 0);
    rig.config(1, &still(good[0].parent().unwrap()));
    teach(&rig);
    let service = rig.run();
    ready(&rig);
    (rig, service)
}

/// Waits until a trigger gets its frame.
fn ready(rig: &Rig) {
    wait_until("a verdict", || {
        let output = rig.command(&["trigger", "--json"]);
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        ["ok", "ng", "error"].iter().any(|verdict| told["verdict"] == *verdict)
    });
}

#[track_caller]
fn verdict(rig: &Rig) -> (String, u64, u64) {
    let told = json(rig, &["trigger", "--text", "part-1"]);
    assert_eq!((&told["trigger"]["kind"], &told["trigger"]["text"]), (&"cli".into(), &"part-1".into()));
    let verdict = told["verdict"].as_str().unwrap().to_owned();
    (verdict, told["recipe_revision"].as_u64().unwrap(), told["golden_revision"].as_u64().unwrap())
}

#[test]
fn another_product_judges_the_next_part_without_a_restart() {
    let (rig, mut service) = running();
    assert_eq!(verdict(&rig), ("ok".into(), 1, 1));
    // Wider than the plate is, and no golden picture needed.
    let strict = "revision = 5\nsize = [640, 480]\n[[roi]]\nname = \"dark\"\nrect = [262, 238, 116, 12]\n\
        kind = \"presence\"\nlow = 0\nhigh = 5\nmin_share = 0.9\n";
    fs::write(rig.path("recipes/strict.toml"), strict).unwrap();
    let said = told(&rig, &["product", "strict"]);
    assert_eq!(said, "a: strict, recipe revision 5, golden revision 0\n");
    assert_eq!(verdict(&rig), ("ng".into(), 5, 0));
    let said = told(&rig, &["trigger"]);
    assert!(said.contains(": ng (strict on a") && said.contains("dark (presence): 0"), "{said}");

    refused(
        &rig,
        &["product", "plaet"],
        1,
        &["no recipe for the product \"plaet\"", "use one of: plate, strict"],
    );
    refused(
        &rig,
        &["product", "plate", "--camera", "b"],
        1,
        &["no camera \"b\" that inspects; there are: a"],
    );
    fs::write(rig.path("recipes/bare.toml"), PLATE).unwrap();
    refused(
        &rig,
        &["product", "bare"],
        1,
        &["product bare has no golden picture", "ocellus golden add bare FILE"],
    );
    assert_eq!(json(&rig, &["product"])["product"], "strict");
    json(&rig, &["product", "plate", "--camera", "a"]);
    assert_eq!(verdict(&rig), ("ok".into(), 1, 1));

    let said = told(&rig, &["status"]);
    assert!(said.contains("a: ready, product plate, recipe revision 1, golden revision 1"), "{said}");
    assert!(json(&rig, &["status"])["triggers"]["a"]["triggers"].as_u64() >= Some(4));
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn golden_pictures_are_taught_from_files_and_from_the_camera_while_it_runs() {
    let (rig, mut service) = running();
    let said = told(&rig, &["golden", "add", "plate", "--camera", "a"]);
    assert!(said.contains("revision 2, 9 pictures") && said.contains("a, frame "), "{said}");
    assert!(said.contains("\n  a: ready"), "{said}");
    assert_eq!(verdict(&rig), ("ok".into(), 1, 2));
    let shown = json(&rig, &["golden", "show", "plate"]);
    assert_eq!(shown["set"]["entries"].as_array().unwrap().len(), 9);
    let sha = shown["set"]["entries"][8]["picture"].as_str().unwrap().to_owned();
    assert!(told(&rig, &["golden", "remove", "plate", &sha[..12]]).contains("revision 3, 8 pictures"));
    assert_eq!(verdict(&rig), ("ok".into(), 1, 3));
    json(&rig, &["golden", "rollback", "plate", "--to", "2"]);
    assert_eq!(verdict(&rig), ("ok".into(), 1, 4));
    // A golden part of a second kind: only this one, and the good part differs from it.
    let [_, bad] = paint(&rig.path("bad"), 9_000, 0, 1);
    let plain =
        "size = [640, 480]\n[[roi]]\nname = \"all\"\nrect = [180, 140, 280, 200]\nkind = \"pixels\"\n";
    fs::write(rig.path("recipes/plain.toml"), plain).unwrap();
    told(&rig, &["golden", "add", "plain", bad[0].to_str().unwrap()]);
    json(&rig, &["product", "plain"]);
    assert_eq!(verdict(&rig), ("ng".into(), 1, 1));
    let first = json(&rig, &["golden", "show", "plain"])["set"]["entries"][0]["picture"].clone();
    json(&rig, &["golden", "add", "plain", "--camera", "a"]);
    json(&rig, &["golden", "remove", "plain", first.as_str().unwrap()]);
    assert_eq!(verdict(&rig), ("ok".into(), 1, 3));
    assert!(told(&rig, &["golden", "verify"]).contains("every golden picture is there"));
    assert!(told(&rig, &["golden", "prune"]).starts_with("0 revisions forgotten"));
    let listed = json(&rig, &["golden", "list"]);
    assert_eq!(listed["products"].as_array().unwrap().len(), 2);

    refused(&rig, &["golden", "add", "plate", "--camera", "b"], 1, &["no camera \"b\""]);
    refused(&rig, &["golden", "remove", "plate", "ffff"], 1, &["no golden picture ffff in revision 4"]);
    assert!(service.is_running());
    assert_eq!(service.stop(), Some(0));
    let camera = ["golden", "add", "plate", "--camera", "a"];
    refused(&rig, &camera, 1, &["no service runs, so camera a sees nothing", "or name picture files"]);
    let away = ["no service runs on the state directory", "control.sock", "start it"];
    for command in ["status", "product", "trigger", "reload"] {
        refused(&rig, &[command], 12, &away);
    }
}

#[test]
fn a_reload_reads_the_recipe_again_and_a_bad_file_leaves_the_old_one() {
    let (rig, mut service) = running();
    fs::write(rig.path("recipes/plate.toml"), PLATE.replace("revision = 1", "revision = 2")).unwrap();
    assert!(told(&rig, &["reload"]).contains("reloaded; cameras unchanged: a"));
    assert_eq!(verdict(&rig), ("ok".into(), 2, 1));
    assert!(told(&rig, &["restart", "camera/a"]).contains("camera/a is restarted"));
    assert_eq!(verdict(&rig), ("ok".into(), 2, 1));
    refused(&rig, &["restart", "camera/b"], 1, &["there is no unit \"camera/b\"", "there are: ", "camera/a"]);
    let sound = fs::read_to_string(rig.config_path()).unwrap();
    fs::write(rig.config_path(), sound.replace("ring_slots", "ring_slits")).unwrap();
    let state = rig.state_dir.display().to_string();
    let said = crate::inspection::commands::bench::words(&rig.command(&["reload", "--state-dir", &state]));
    assert_eq!(said.0, Some(1));
    assert!(said.1.contains("did you mean \"ring_slots\"?"), "{}", said.1);
    assert_eq!(service.stop(), Some(0));
}
