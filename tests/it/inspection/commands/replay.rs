//! `ocellus replay`: evidence of a live run, judged again.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::inspection::commands::bench::{LINE, PLATE, bench, json, output, paint, refused, still, teach};
use crate::support::fixture::{Fixture, Stub};
use crate::support::wait_until;

/// The folders of evidence that are whole, by acquisition.
fn kept(fixture: &Fixture) -> Vec<PathBuf> {
    let list = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.is_dir() && !path.ends_with(".partial")).collect::<Vec<_>>()
    };
    let days = list(&fixture.state_dir.join("evidence/a"));
    let mut kept: Vec<_> = days.iter().flat_map(|day| list(day)).collect();
    kept.sort();
    kept
}

/// The first folders of evidence, up to and with the first of a good part and of a bad one, at least four if so many are there.
fn first(fixture: &Fixture) -> Vec<PathBuf> {
    let mut kept = kept(fixture);
    let ends =
        |end: &str| kept.iter().position(|path| path.display().to_string().ends_with(end)).unwrap_or(0);
    let last = ends("-ok").max(ends("-ng")).max(3);
    kept.truncate(last + 1);
    kept
}

#[track_caller]
fn same(fixture: &Fixture, evidence: &Path) -> Value {
    let said = output(fixture, &["replay", evidence.to_str().unwrap()]);
    assert!(said.contains("the same bit for bit: 9 ROIs") && said.contains("surface (pixels)"), "{said}");
    let replay = json(fixture, &["replay", evidence.to_str().unwrap()]);
    assert_eq!((&replay["identical"], &replay["rois"]), (&true.into(), &9.into()));
    replay
}

#[test]
fn evidence_of_a_live_line_is_replayed_bit_for_bit_while_it_runs_and_after() {
    let fixture = bench(LINE);
    teach(&fixture);
    let mut service = fixture.run();
    wait_until("evidence of a good and of a bad part", || {
        let names: Vec<_> = kept(&fixture).iter().map(|path| path.display().to_string()).collect();
        ["-ok", "-ng"].iter().all(|verdict| names.iter().any(|name| name.ends_with(verdict)))
    });
    // The line runs on and keeps more evidence: how much depends on the machine.
    let few = first(&fixture);
    for evidence in &few {
        let replay = same(&fixture, evidence);
        assert!(evidence.display().to_string().ends_with(replay["recorded"].as_str().unwrap()));
    }
    assert_eq!(service.stop(), Some(0));
    pictures_mark_what_differs(&fixture, &few);
    // Neither a later recipe nor later golden pictures change what was judged then.
    let [more, _] = paint(&fixture.path("more"), 3_000, 1, 0);
    output(&fixture, &["golden", "add", "plate", more[0].to_str().unwrap()]);
    fs::write(fixture.path("recipes/plate.toml"), PLATE.replace("min = 47.0", "min = 48.9")).unwrap();
    for evidence in &few {
        same(&fixture, evidence);
    }
}

/// Every part has a picture of its surface; a surface that is bad has red px in it, a good one has none.
fn pictures_mark_what_differs(fixture: &Fixture, few: &[PathBuf]) {
    for (at, evidence) in few.iter().enumerate() {
        let folder = fixture.path(&format!("pictures-{at}"));
        output(fixture, &["replay", evidence.to_str().unwrap(), "--pictures", folder.to_str().unwrap()]);
        let surface = image::open(folder.join("surface.png")).unwrap().into_rgb8();
        let red = surface.pixels().filter(|px| px.0[0] > 200 && px.0[1] < 60 && px.0[2] < 60).count();
        let replay = json(fixture, &["replay", evidence.to_str().unwrap()]);
        let roi = replay["results"].as_array().unwrap().iter().find(|roi| roi["name"] == "surface").unwrap();
        assert_eq!(roi["verdict"] == "ng", red >= 20, "{}: {red} red px, {roi}", evidence.display());
    }
}

#[test]
fn evidence_that_was_edited_or_is_none_is_refused_by_name() {
    let fixture = bench("");
    let [good, _] = paint(&fixture.path("show"), 400, 1, 0);
    fixture.config(1, &still(good[0].parent().unwrap()));
    teach(&fixture);
    let mut service = fixture.run();
    service.wait_log(&["selected"]);
    wait_until("a first verdict", || {
        fixture.command(&["trigger"]).status.success()
            && kept(&fixture).iter().any(|path| path.to_str().unwrap().ends_with("-ok"))
    });
    assert_eq!(service.stop(), Some(0));
    let evidence = kept(&fixture).into_iter().find(|path| path.to_str().unwrap().ends_with("-ok")).unwrap();
    let place = evidence.to_str().unwrap();
    same(&fixture, &evidence);

    let document = evidence.join("evidence.json");
    let whole = fs::read_to_string(&document).unwrap();
    fs::write(&document, whole.replacen("\"verdict\": \"ok\"", "\"verdict\": \"ng\"", 1)).unwrap();
    refused(&fixture, &["replay", place], 11, &["evidence.json was edited", "do not trust", "from a backup"]);
    fs::write(&document, &whole).unwrap();
    let planes = fs::read(evidence.join("planes.png")).unwrap();
    fs::write(evidence.join("planes.png"), &planes[..planes.len() / 2]).unwrap();
    refused(&fixture, &["replay", place], 11, &["planes.png is not what was kept (cut short", "SHA-256"]);
    fs::write(evidence.join("planes.png"), &planes).unwrap();
    let none = fixture.path("nothing");
    refused(
        &fixture,
        &["replay", none.to_str().unwrap()],
        11,
        &["evidence.json cannot be read", "CAMERA/DATE"],
    );

    let kept: Value = serde_json::from_str(&whole).unwrap();
    let golden = kept["recipe"]["goldens"][3]["sha256"].as_str().unwrap();
    let file = fixture.state_dir.join(format!("goldens/{golden}.png"));
    let picture = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    refused(&fixture, &["replay", place], 1, &["is missing", golden, "cannot be made ready again"]);
    fs::write(&file, picture).unwrap();
    same(&fixture, &evidence);
}

#[test]
fn a_model_that_is_another_file_now_is_reported_with_both_hashes() {
    const RECIPE: &str = "size = [640, 480]\n[[roi]]\nname = \"thing\"\nrect = [100, 100, 200, 200]\n\
        kind = \"detect\"\nmodel = \"m\"\nmax_count = 0\n";
    let fixture = bench("");
    let [good, _] = paint(&fixture.path("show"), 400, 1, 0);
    fixture.config(1, &(fixture.stub("m", &Stub::default()) + &still(good[0].parent().unwrap())));
    fs::write(fixture.path("recipes/plate.toml"), RECIPE).unwrap();
    let mut service = fixture.run();
    service.wait_log(&["selected"]);
    wait_until("a part that is bad", || {
        let _ = fixture.command(&["trigger"]);
        kept(&fixture).iter().any(|path| path.to_str().unwrap().ends_with("-ng"))
    });
    assert_eq!(service.stop(), Some(0));
    let evidence = kept(&fixture).into_iter().find(|path| path.to_str().unwrap().ends_with("-ng")).unwrap();
    let place = evidence.to_str().unwrap();
    assert_eq!(json(&fixture, &["replay", place])["identical"], true);
    let document: Value = serde_json::from_slice(&fs::read(evidence.join("evidence.json")).unwrap()).unwrap();
    let recorded = document["recipe"]["models"][0]["sha256"].as_str().unwrap().to_owned();
    fixture.stub("m", &Stub { things: 3, ..Stub::default() });
    let said = ["model m is another file", &recorded, "m.stub has", "--config that names the recorded file"];
    refused(&fixture, &["replay", place], 4, &said);
}
