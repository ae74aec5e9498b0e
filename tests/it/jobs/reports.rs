//! Reports about other jobs.

use std::fs;

use calamine::{Data, Reader, Xlsx, open_workbook};
use serde_json::{Value, json};

use super::support::{add, picture, shop, upscale, wait_for};
use crate::support::wait_until;

fn report(format: &str, after: &[u64], name: &str) -> Value {
    let after: Vec<Value> = after.iter().map(|job| json!({ "job": job, "optional": true })).collect();
    json!({ "kind": "report", "parameters": { "format": format }, "after": after, "name": name })
}

#[test]
fn a_report_lists_what_jobs_made_and_what_failed_with_small_pictures_and_no_formulas() {
    let place = shop("");
    let client = place.client();
    let shop = place.fixture.path("shop");
    picture(&shop.join("photo.png"), 200, 1);
    fs::write(shop.join("bad.png"), "no picture").unwrap();
    let mut named = upscale("photo.png");
    named["name"] = json!("=1+1");
    let good = add(&client, named);
    let bad = add(&client, upscale("bad.png"));
    let over = wait_for(&client, add(&client, report("xlsx", &[good, bad], "shift 7")), "completed");
    let made = &over["result"];
    let path = made["path"].as_str().unwrap();
    assert!(made["rows"] == 2 && path.contains("/jobs/shift 7-") && path.ends_with(".xlsx"), "{over}");
    let mut book: Xlsx<_> = open_workbook(path).unwrap();
    let sheet = book.worksheet_range("jobs").unwrap();
    let text =
        |row: usize, column: usize| sheet.get((row, column)).cloned().unwrap_or(Data::Empty).to_string();
    assert_eq!((text(0, 1), text(0, 3), text(0, 8)), ("job".into(), "name".into(), "width_px".into()));
    assert_eq!((text(1, 1), text(1, 3), text(1, 4)), (good.to_string(), "=1+1".into(), "completed".into()));
    assert_eq!((text(1, 6), text(1, 8)), ("lanczos".into(), "400".into()));
    assert!(book.worksheet_formula("jobs").unwrap().cells().next().is_none());
    assert_eq!(text(2, 4), "failed");
    assert!(text(2, 5).len() > 20, "{}", text(2, 5));
    // One picture: a workbook is an archive.
    let archive = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    let pictures = archive.file_names().filter(|name| name.starts_with("xl/media/")).count();
    assert_eq!(pictures, 1);

    let over = wait_for(&client, add(&client, report("csv", &[good, bad], "shift 7")), "completed");
    let table = fs::read_to_string(over["result"]["path"].as_str().unwrap()).unwrap();
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.contains(",'=1+1,completed,"), "{table}");

    let over = wait_for(&client, add(&client, report("csv", &[], "empty")), "failed");
    assert!(over["reason"].as_str().unwrap().contains("comes after no job"), "{over}");
    let said = place.fixture.command(&["jobs", "add", "report", &good.to_string(), "--format", "csv"]);
    assert!(said.status.success(), "{said:?}");

    // One request: all of it is added or nothing, and the table comes last.
    let said =
        place.fixture.command(&["jobs", "add", "upscale", "photo.png", "bad.png", "--report=csv", "--json"]);
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    let id = said["id"].as_u64().unwrap();
    let mut found = Value::Null;
    wait_until("the workflow is over", || {
        found = client.get(&format!("/api/v1/workflows/{id}")).json();
        found["state"] == "failed"
    });
    let table = found["jobs"].as_array().unwrap().iter().find(|job| job["kind"] == "report").unwrap();
    assert_eq!((&table["state"], &table["result"]["rows"]), (&json!("completed"), &json!(2)), "{found}");
    place.end();
}
