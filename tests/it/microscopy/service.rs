//! Runs inside the service: begun, watched and cancelled over REST, the command line and MQTT.

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use super::run::{RECIPE, stacks};
use super::support::{batch, results, same_tree};
use crate::support::messages::{assert_valid, listen, retained};
use crate::support::wait_until;
use crate::web::client::{Client, Place, SCENE, address, next_event, prepared, stream};

/// A box with the recipe `movie` of `positions` positions, each `repeats` times as long as PyAMA's movie.
fn lab(positions: usize, repeats: usize) -> Place {
    prepared("", "", |fixture| {
        let recipes = fixture.path("experiments");
        stacks(&recipes.join("stacks"), positions, repeats);
        fs::write(recipes.join("movie.toml"), RECIPE).unwrap();
        fs::write(recipes.join("wrong.toml"), RECIPE.replace("workers", "worker")).unwrap();
        let text = fs::read_to_string(fixture.config_path()).unwrap();
        let text = text.replace("\"status\", \"alarm\"", "\"status\", \"alarm\", \"batch\"");
        fs::write(fixture.config_path(), text + "[batch]\nrecipes = \"experiments\"\n\n" + SCENE).unwrap();
    })
}

fn run_of(client: &Client) -> Value {
    client.get("/api/v1/batch").json()["run"].take()
}

fn wait_for_state(client: &Client, state: &str) -> Value {
    let mut run = Value::Null;
    wait_until(state, || {
        run = run_of(client);
        run["state"] == state
    });
    run
}

#[test]
fn the_service_runs_a_recipe_and_reports_it_over_every_interface() {
    let place = lab(2, 1);
    let client = place.client();
    let watcher = listen(place.broker.port);
    let batches = client.get("/api/v1/batch").json();
    assert_eq!(batches["recipes"][0]["state"], "none", "{batches}");
    assert_eq!(batches["recipes"][1]["state"], "faulty", "{batches}");
    assert!(
        batches["recipes"][1]["fault"].as_str().unwrap().contains("did you mean \"workers\"?"),
        "{batches}"
    );
    assert_eq!(client.get("/api/v1/status").json()["features"]["batch"], true);

    let mut events = stream(&client, "/api/v1/events");
    let begun = client.post("/api/v1/batch/movie/run", json!({}));
    assert_eq!((begun.status, begun.json()["state"].as_str()), (202, Some("preparing")), "{}", begun.text());
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    // Its events carry the same as the topic.
    let progress = loop {
        let (kind, data) = next_event(&mut events);
        if kind == "batch" {
            break data;
        }
    };
    assert_eq!((&progress["id"], &progress["recipe"]), (&json!(id), &json!("movie")));
    let again = client.post("/api/v1/batch/movie/run", json!({}));
    assert_eq!(again.status, 409, "{}", again.text());

    let over = wait_for_state(&client, "complete");
    assert_eq!((&over["permille"], &over["complete"], &over["fovs"]), (&json!(1000), &json!(2), &json!(2)));
    let step = watcher.wait_for(&format!("batch/{id}/progress"), |message| message["step"] == "track");
    assert_eq!((&step["T"], &step["state"]), (&json!(30), &json!("running")));
    watcher.wait_for(&format!("batch/{id}/progress"), |message| message["state"] == "complete");
    let kept = retained(place.broker.port, "batch/status");
    assert_eq!((&kept["state"], &kept["id"]), (&json!("complete"), &json!(id)));
    assert_valid(&watcher);

    // The same bytes as a run without a service.
    let recipes = place.fixture.path("experiments");
    assert_eq!(batch(&recipes, ["run", "movie.toml", "--out", "alone"]).code, 0);
    same_tree(&results(&recipes.join("results")), &results(&recipes.join("alone")));

    results_are_looked_at(&client, &recipes);

    // What makes no sense is refused with words, over each interface.
    let exists = client.post("/api/v1/batch/movie/run", json!({}));
    assert_eq!((exists.status, exists.code().as_str()), (409, "batch_exists"), "{}", exists.text());
    for name in ["absent", "..%2Fmovie", "%2Fetc%2Fpasswd"] {
        let unknown = client.post(&format!("/api/v1/batch/{name}/run"), json!({}));
        assert_eq!((unknown.status, unknown.code().as_str()), (404, "unknown_recipe"), "{}", unknown.text());
    }
    let faulty = client.post("/api/v1/batch/wrong/run", json!({}));
    assert_eq!((faulty.status, faulty.code().as_str()), (422, "bad_recipe"), "{}", faulty.text());
    assert_eq!(client.post("/api/v1/batch/movie/cancel", json!({})).code(), "no_run");
    watcher.publish("ocellus/box1/cmd/batch/1", false, json!({ "action": "status" }).to_string());
    let answer = watcher.wait_for("cmd/batch/1", |message| message["status"] == "successful");
    assert_eq!(answer["result"]["recipes"][0]["state"], "complete");
    let words = place.fixture.command(&["batch", "status"]);
    let words = String::from_utf8(words.stdout).unwrap();
    assert!(
        words.contains("movie: complete, 2 fields of view") && words.contains("wrong: faulty"),
        "{words}"
    );
    let audit = client.get("/api/v1/audit").json();
    let noted = |action: &str| audit.as_array().unwrap().iter().any(|entry| entry["action"] == action);
    assert!(noted("POST /api/v1/batch/{recipe}/run"), "{audit}");
    place.end();
}

/// Traces, pictures, marks, fits and tables of the results of `movie`.
fn results_are_looked_at(client: &Client, recipes: &Path) {
    let get = |rest: &str| client.get(&format!("/api/v1/batch/movie/{rest}"));
    let results = get("results").json();
    let fovs = results["fovs"].as_array().unwrap();
    assert!(fovs.len() == 2 && fovs.iter().all(|fov| fov["state"] == "complete"), "{results}");
    assert_eq!(results["features"], json!(["area_ch_0", "intensity_total_ch_1"]));
    let traces = get("fovs/1/traces?feature=intensity_total_ch_1").json();
    let cells = traces["cells"].as_array().unwrap();
    assert_eq!(json!(cells.len()), fovs[1]["cells"], "{traces}");
    assert!(cells.iter().all(|cell| cell["good"] == true && cell["values"].as_array().unwrap().len() == 30));
    // The picture is drawn anew once a trace was marked: a bad one has another colour.
    let before = get("fovs/1/overlay?frame=5");
    assert!(before.status == 200 && before.body.starts_with(&[0xFF, 0xD8]), "{}", before.text());
    let id = cells[0]["cell"].as_u64().unwrap();
    let marked = client.post(&format!("/api/v1/batch/movie/fovs/1/cells/{id}"), json!({ "good": false }));
    assert_eq!(marked.json(), json!({ "fov": 1, "cell": id, "good": false }), "{}", marked.text());
    assert_ne!(get("fovs/1/overlay?frame=5").body, before.body);
    assert_eq!(get("results").json()["fovs"][1]["inspected"], true);
    let inspected = recipes.join("results/fov_001/movie_fov_001_traces_inspected.csv");
    assert!(fs::read_to_string(inspected).unwrap().contains(&format!("1,{id},0,0.000000,False")));
    // The fit leaves the bad trace out.
    let fitted = client.post("/api/v1/batch/movie/fits", json!({ "model": "trivial" }));
    assert_eq!(fitted.status, 200, "{}", fitted.text());
    let fit = fitted.json()["fits"][0].take();
    let all: u64 = fovs.iter().map(|fov| fov["cells"].as_u64().unwrap()).sum();
    assert_eq!((&fit["model"], &fit["cells"]), (&json!("trivial"), &json!(all - 1)), "{fit}");
    assert!(fit["table"] == "movie_intensity_total_ch_1_fitted_trivial.csv", "{fit}");
    let zip = get("tables");
    assert_eq!(zip.header("content-type"), Some("application/zip"));
    let archive = zip::ZipArchive::new(std::io::Cursor::new(zip.body)).unwrap();
    for name in
        ["summary.json", "fov_000/movie_fov_000_traces.csv", "movie_intensity_total_ch_1_fitted_trivial.csv"]
    {
        assert!(archive.file_names().any(|known| known == name), "{name} is not in the file");
    }
    for (path, status, code) in [
        ("fovs/7/traces", 404, "unknown_fov"),
        ("fovs/1/traces?feature=colour", 404, "unknown_feature"),
        ("fovs/1/overlay?frame=30", 404, "unknown_frame"),
        ("fovs/1/overlay?frame=first", 400, "bad_request"),
    ] {
        let refused = get(path);
        assert_eq!((refused.status, refused.code().as_str()), (status, code), "{path}: {}", refused.text());
    }
    let cell = client.post("/api/v1/batch/movie/fovs/1/cells/99999", json!({ "good": true }));
    assert_eq!((cell.status, cell.code().as_str()), (404, "unknown_cell"), "{}", cell.text());
    let model = client.post("/api/v1/batch/movie/fits", json!({ "model": "maturaton" }));
    assert_eq!((model.status, model.code().as_str()), (404, "unknown_model"), "{}", model.text());
    assert!(model.text().contains("maturation"), "{}", model.text());
}

#[test]
fn a_run_of_the_service_is_cancelled_within_a_second_resumed_and_outlives_a_restart() {
    let mut place = lab(2, 2);
    let client = place.client();
    let command = |arguments: &[&str]| {
        let output = place.fixture.command(&[&["batch"], arguments].concat());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout) + &text(output.stderr))
    };
    let (code, words) = command(&["run", "--service", "movie"]);
    assert!(code == 0 && words.contains("of movie: preparing"), "{code}: {words}");
    wait_until("a step", || run_of(&client)["step"].is_string());
    // By its folder: the lock names the service's process, which must go on.
    let folder = place.fixture.path("experiments").join("results");
    let asked = Instant::now();
    let (code, words) = command(&["cancel", folder.to_str().unwrap()]);
    assert_eq!(code, 0, "{words}");
    wait_for_state(&client, "cancelled");
    println!("cancelled after {} ms", asked.elapsed().as_millis());
    let (_, words) = command(&["status"]);
    assert!(words.contains("movie: interrupted"), "{words}");

    // The service is stopped in the middle of the resumed run; its next process resumes it again.
    let (code, words) = command(&["resume", "movie"]);
    assert_eq!(code, 0, "{words}");
    wait_for_state(&client, "running");
    assert_eq!(place.service.stop(), Some(0), "{}", place.service.log());
    place.service = place.fixture.run();
    let client = Client::new(address(&place.service, 1));
    let recipe = client.get("/api/v1/batch").json()["recipes"][0].take();
    assert_eq!(recipe["state"], "interrupted", "{recipe}");
    let id = recipe["id"].as_str().unwrap();
    let (code, words) = (place.fixture.command(&["batch", "resume", id]).status.code(), id);
    assert_eq!(code, Some(0), "{words}");
    wait_for_state(&client, "complete");
    assert!(place.service.is_running(), "{}", place.service.log());
    place.end();
}
