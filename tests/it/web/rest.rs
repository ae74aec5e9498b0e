//! The REST face and the document that describes it.

use serde_json::{Value, json};

use crate::support::wait_until;
use crate::web::client::{SCENE, place, prepared};

/// What OpenAPI's schema of one answer says of `body`.
fn faults(document: &Value, schema: &Value, body: &Value) -> Vec<String> {
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    let validator = jsonschema::validator_for(&whole).unwrap();
    validator.iter_errors(body).map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
}

#[test]
fn every_documented_read_answers_as_its_schema_says() {
    let cameras = "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=60\"\ndetect = { model = \"fast\" }\n\
        track = { min_frames = 1, update_every_ms = 50 }\n";
    let place = prepared("", "", |fixture| {
        let model = fixture.stub("fast", &crate::support::fixture::Stub::default());
        let text = std::fs::read_to_string(fixture.config_path()).unwrap();
        std::fs::write(fixture.config_path(), text + &model + cameras).unwrap();
    });
    let client = place.client();
    wait_until("something to tell", || {
        let reported = |path: &str| !client.get(path).json()["now"].is_null();
        reported("/api/v1/telemetry") && client.get("/api/v1/events/recent").json()[0].is_object()
    });
    let document = client.get("/api/v1/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut checked = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let get = &methods["get"];
        if get.is_null() || path.ends_with("/live") || path.ends_with("/events") {
            continue;
        }
        let reply = client.get(&path.replace("{camera}", "a").replace('{', "9").replace('}', ""));
        if reply.status == 501 || reply.status == 404 {
            let schema = &get["responses"]["default"]["content"]["application/json"]["schema"];
            assert_eq!(faults(&document, schema, &reply.json()), [""; 0], "{path}");
            continue;
        }
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        let content = get["responses"]["200"]["content"].as_object().unwrap();
        let content_type = reply.header("content-type").unwrap();
        let (_, described) = content
            .iter()
            .find(|(known, _)| content_type == known.as_str())
            .unwrap_or_else(|| panic!("{path}: {content_type} is not documented"));
        if content_type == "application/json" {
            assert_eq!(
                faults(&document, &described["schema"], &reply.json()),
                [""; 0],
                "{path}: {}",
                reply.text()
            );
        }
        checked.push(path.clone());
    }
    for path in [
        "/",
        "/healthz",
        "/metrics",
        "/api/v1/session",
        "/api/v1/status",
        "/api/v1/cameras",
        "/api/v1/alarms",
    ]
    .iter()
    .chain(&[
        "/api/v1/telemetry",
        "/api/v1/units",
        "/api/v1/config",
        "/api/v1/audit",
        "/api/v1/events/recent",
    ])
    .chain(&["/api/v1/inspections", "/api/v1/cameras/{camera}/picture", "/api/v1/openapi.json"])
    {
        assert!(checked.iter().any(|known| known == path), "{path} was not answered");
    }
    // The words of API and MQTT are the same.
    let status = client.get("/api/v1/status").json();
    assert_eq!(
        (&status["state"], &status["device"], &status["cameras"]),
        (&json!("online"), &json!("box1"), &json!(["a"]))
    );
    assert_eq!(
        status["features"],
        json!({ "people": false, "inspection": false, "recordings": false, "batch": false, "jobs": false, "commands": false, "intake": false })
    );
    let telemetry = client.get("/api/v1/telemetry").json();
    assert_eq!(telemetry["history"].as_array().unwrap().last().unwrap()["seq"], telemetry["now"]["seq"]);
    place.end();
}

#[test]
fn people_and_attendance_are_asked_of_the_box() {
    let place = place("", SCENE);
    let client = place.client();
    let day = client.get("/api/v1/attendance?day=2026-11-21").json();
    assert_eq!((&day["day"], &day["rows"], &day["events"]), (&json!("2026-11-21"), &json!([]), &json!([])));
    let csv = client.get("/api/v1/attendance?day=2026-11-21&format=csv");
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(csv.header("content-disposition").unwrap().contains("attendance-2026-11-21.csv"));
    assert!(csv.text().starts_with("person,name,first_in,"), "{}", csv.text());
    let xlsx = client.get("/api/v1/attendance?day=2026-11-21&format=xlsx");
    assert!(xlsx.status == 200 && xlsx.body.starts_with(b"PK"));
    assert_eq!(client.get("/api/v1/attendance?format=pdf").status, 400);
    let bad = client.get("/api/v1/attendance?day=yesterday");
    assert_eq!((bad.status, bad.code().as_str()), (422, "bad_day"));

    assert_eq!(client.get("/api/v1/people").json()["people"], json!([]));
    assert!(client.get("/api/v1/people/export").status == 200);
    for (method, path) in [
        ("DELETE", "/api/v1/people/7"),
        ("DELETE", "/api/v1/people/7/pictures/1"),
        ("GET", "/api/v1/people/7/pictures/1"),
        ("PATCH", "/api/v1/people/7"),
    ] {
        let reply = client.ask(method, path, Some(br#"{"name":"Ann"}"#));
        assert_eq!(reply.status, 404, "{method} {path}: {}", reply.text());
    }
    let control = client.ask("PATCH", "/api/v1/people/7", Some(br#"{"name":"a\u0007b"}"#));
    assert!(matches!(control.status, 404 | 422), "{}", control.text());
    let none = client.post("/api/v1/people", json!({ "name": "Ann", "pictures": ["eA=="] }));
    assert_eq!((none.status, none.code().as_str()), (501, "no_model"), "{}", none.text());
    place.end();
}

#[test]
fn the_page_is_whole_small_compressed_and_asked_for_again_only_where_it_changed() {
    let place = place("", SCENE);
    let plain = place.client().get("/");
    assert_eq!((plain.status, plain.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(plain.text().ends_with("</html>\n"));
    let packed = place.client().with("accept-encoding", "br, gzip;q=0.9").get("/");
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed.body[..]), &mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    println!("the page: {} bytes, {} compressed", plain.body.len(), packed.body.len());
    assert!(packed.body.len() < 75_000, "what goes over the line is too much");
    let tag = plain.header("etag").unwrap();
    let same = place.client().with("if-none-match", tag).get("/");
    assert_eq!((same.status, same.body.len()), (304, 0));
    let policy = plain.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    for path in ["/", "/api/v1/status", "/nothing"] {
        let reply = place.client().get(path);
        for (name, value) in [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")] {
            assert_eq!(reply.header(name), Some(value), "{path}");
        }
    }
    place.end();
}

#[test]
fn a_unit_is_restarted_and_the_box_goes_on() {
    let place = place("", SCENE);
    let client = place.client();
    let unit = |name: &str| {
        let units = client.get("/api/v1/units").json();
        units.as_array().unwrap().iter().find(|unit| unit["name"] == name).cloned().unwrap()
    };
    wait_until("the camera runs", || unit("camera/a")["state"] == "running");
    let before = unit("camera/a")["since"].clone();
    let reply = client.post("/api/v1/units/camera%2Fa/restart", json!({}));
    assert_eq!((reply.status, reply.json()), (200, json!({ "unit": "camera/a" })));
    wait_until("another life", || {
        unit("camera/a")["since"] != before && unit("camera/a")["state"] == "running"
    });
    let frames = || client.get("/api/v1/cameras").json()[0]["frames"].as_u64().unwrap();
    wait_until("frames again", || frames() > 10);
    assert_eq!(client.get("/api/v1/cameras/a/picture").status, 200);
    for name in ["mqtt", "evidence", "worker%2F0", "status"] {
        assert_eq!(client.post(&format!("/api/v1/units/{name}/restart"), json!({})).status, 200, "{name}");
    }
    // The unit that answers: first it answers.
    assert_eq!(client.post("/api/v1/units/web/restart", json!({})).status, 200);
    let again = crate::web::client::Client::new(crate::web::client::address(&place.service, 2));
    wait_until("it is back", || again.get("/healthz").status == 200);
    let unknown = again.post("/api/v1/units/nobody/restart", json!({}));
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "unknown_unit"));
    assert_eq!(again.post("/api/v1/units/commands/restart", json!({})).status, 409);
    place.end();
}

/// A value that `schema` allows, as small as it can be.
fn example(document: &Value, schema: &Value) -> Value {
    if let Some(pointer) = schema["$ref"].as_str() {
        return example(document, document.pointer(pointer.trim_start_matches('#')).unwrap());
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[0].clone();
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    match types[0].as_str().unwrap_or_else(|| panic!("no type: {schema}")) {
        "object" => {
            let mut required: Vec<&Value> = schema["required"].as_array().into_iter().flatten().collect();
            required.extend(schema["oneOf"][0]["required"].as_array().into_iter().flatten());
            let member = |key: &&Value| {
                let key = key.as_str().unwrap();
                (key.to_owned(), example(document, &schema["properties"][key]))
            };
            Value::Object(required.iter().map(member).collect())
        }
        "array" => {
            let least = schema["minItems"].as_u64().unwrap_or(0);
            (0..least).map(|_| example(document, &schema["items"])).collect()
        }
        "integer" => schema["minimum"].as_u64().unwrap_or(0).max(1).into(),
        "string" if schema["format"] == "date" => "2026-11-21".into(),
        "string" if schema["format"] == "date-time" => "2026-11-21T08:00:00Z".into(),
        "string" => "a".into(),
        "boolean" => true.into(),
        other => panic!("{other}: {schema}"),
    }
}

#[test]
fn no_documented_request_is_refused_for_its_form() {
    let place = prepared("", "", |fixture| {
        std::fs::create_dir(fixture.path("recipes")).unwrap();
        let recipe = "size = [64, 64]\n[[roi]]\nname = \"all\"\nrect = [8, 8, 16, 16]\nkind = \"presence\"\nhigh = 254\n";
        std::fs::write(fixture.path("recipes/a.toml"), recipe).unwrap();
        let camera = "[[camera]]\nname = \"a\"\nsource = \"scene:?width=64&height=64&fps=30\"\ninspect = { product = \"a\" }\n";
        let text = std::fs::read_to_string(fixture.config_path()).unwrap();
        std::fs::write(fixture.config_path(), text + camera).unwrap();
    });
    let client = place.client();
    wait_until("the camera", || client.get("/api/v1/cameras").json()[0]["state"] == "online");
    let document = client.get("/api/v1/openapi.json").json();
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let (mut target, mut query) = (path.clone(), Vec::new());
            for parameter in operation["parameters"].as_array().unwrap() {
                let name = parameter["name"].as_str().unwrap();
                let value = example(&document, &parameter["schema"]);
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                // A unit that there is, and whose end does not take the answer along.
                let value = if name == "name" { "evidence".to_owned() } else { value };
                match parameter["in"].as_str().unwrap() {
                    "path" => target = target.replace(&format!("{{{name}}}"), &value),
                    _ => query.push(format!("{name}={value}")),
                }
            }
            if !query.is_empty() {
                target = format!("{target}?{}", query.join("&"));
            }
            let body = operation["requestBody"]["content"].as_object().map(|content| {
                let json_or_other =
                    content.get_key_value("application/json").or_else(|| content.iter().next());
                let (content_type, described) = json_or_other.unwrap();
                // The bytes of a picture have no schema.
                if described["schema"].is_null() {
                    return "a picture".to_owned();
                }
                let value = example(&document, &described["schema"]);
                let schema = &described["schema"];
                assert_eq!(faults(&document, schema, &value), [""; 0], "{method} {path}: {value}");
                match content_type.as_str() {
                    "application/json" => value.to_string(),
                    _ => "{\"format\":\"ocellus.gallery/1\",\"model\":\"\"}\n".to_owned(),
                }
            });
            let method = method.to_uppercase();
            let mut stream = client.begin(&method, &target, body.as_deref().map(str::as_bytes));
            let (status, _) = crate::web::client::head(&mut stream);
            assert!(!matches!(status, 400 | 405 | 413 | 415), "{method} {target} {body:?}: {status}");
            if status == 404 {
                let reply = client.ask(&method, &target, body.as_deref().map(str::as_bytes));
                assert!(
                    reply.code().starts_with("unknown_") && reply.code() != "unknown_path",
                    "{method} {target}: {}",
                    reply.text()
                );
            }
            // Without its body, a request that needs one would be refused: the document says so. For pictures of jobs this box has
            // no queue.
            if operation["requestBody"]["required"] == true && path != "/api/v1/jobs/pictures" {
                assert_eq!(client.ask(&method, &target, None).status / 100, 4, "{method} {target}");
            }
            asked += 1;
        }
    }
    assert!(asked > 30, "{asked}");
    // What the document does not allow is refused.
    for body in [
        json!({ "name": "a" }),
        json!({ "name": "a", "camera": "a", "pictures": ["a"] }),
        json!({ "name": "a", "pictures": [] }),
    ] {
        let schema = json!({ "$ref": "#/components/schemas/EnrolIn" });
        assert_ne!(faults(&document, &schema, &body), [""; 0], "{body}");
        assert_eq!(client.post("/api/v1/people", body.clone()).status, 400, "{body}");
    }
    place.end();
}
