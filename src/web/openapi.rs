//! `openapi.json`, made from the table of routes.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::answer::mime;
use super::routes::{Gives, QueryShape, ROUTES, Route};
use crate::contract::rest::ErrorOut;

/// The document: OpenAPI 3.1.
pub(super) fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let mut paths = Map::new();
    for route in ROUTES {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.verb.as_str().to_lowercase()] = operation(route, &mut schemas);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ocellus",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The REST interface of an Ocellus device. Once it has users, every request needs a session (cookie, \
                            with the header X-CSRF-Token on all that changes something) or a name and a password \
                            (HTTP basic).",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "securitySchemes": {
                "session": { "type": "apiKey", "in": "cookie", "name": super::guard::COOKIE },
                "basic": { "type": "http", "scheme": "basic" },
            },
        },
    })
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter =
        |name| json!({ "name": name, "in": "path", "required": true, "schema": in_path_schema(name) });
    let mut parameters: Vec<Value> = in_path.map(parameter).collect();
    parameters.extend(route.query.iter().map(|param| {
        let schema = query_schema(&param.shape);
        json!({ "name": param.name, "in": "query", "description": param.says, "schema": schema })
    }));
    let error = json!({
        "description": "Refused: what, why, and what to do next.",
        "content": { "application/json": { "schema": schemas.subschema_for::<ErrorOut>() } },
    });
    let (status, answer) = answer(route, schemas);
    json!(Operation {
        summary: route.summary,
        parameters,
        responses: json!({ status: answer, "default": error }),
        role: route.role.map_or("anyone", |role| role.as_str()),
        security: route.role.map(|_| json!([{ "session": [] }, { "basic": [] }, {}])),
        request_body: request_body(route, schemas),
    })
}

/// What the body may be: JSON, the bytes of a file (which have no schema), or either; `None` where nothing is taken.
fn request_body(route: &Route, schemas: &mut SchemaGenerator) -> Option<Value> {
    let mut content = Map::new();
    if let Some(takes) = route.takes {
        let content_type =
            if route.path.ends_with("/import") { mime::JSON_LINES } else { "application/json" };
        content.insert(content_type.to_owned(), json!({ "schema": takes(schemas) }));
    }
    for content_type in route.takes_bytes {
        content.insert((*content_type).to_owned(), json!({}));
    }
    (!content.is_empty()).then(|| json!({ "required": !route.body_may_be_empty(), "content": content }))
}

/// What one method of a path does: OpenAPI's "operation object".
#[derive(Serialize)]
struct Operation {
    summary: &'static str,
    parameters: Vec<Value>,
    responses: Value,
    #[serde(rename = "x-role")]
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    security: Option<Value>,
    #[serde(rename = "requestBody", skip_serializing_if = "Option::is_none")]
    request_body: Option<Value>,
}

/// The schema of a path parameter: names are text, everything else is a number.
fn in_path_schema(name: &str) -> Value {
    match name {
        "camera" | "name" | "file" => json!({ "type": "string", "minLength": 1 }),
        _ => json!({ "type": "integer", "minimum": 0 }),
    }
}

fn query_schema(shape: &QueryShape) -> Value {
    match shape {
        QueryShape::UpTo(most) => json!({ "type": "integer", "minimum": 1, "maximum": most }),
        QueryShape::FromZero => json!({ "type": "integer", "minimum": 0 }),
        QueryShape::Day => json!({ "type": "string", "format": "date" }),
        QueryShape::Time => json!({ "type": "string", "format": "date-time" }),
        QueryShape::Word(words) => json!({ "enum": words }),
        QueryShape::Text => json!({ "type": "string" }),
    }
}

fn answer(route: &Route, schemas: &mut SchemaGenerator) -> (String, Value) {
    let json_of = |schema| json!({ "application/json": { "schema": schema } });
    let (status, content) = match route.gives {
        Gives::Json(status, schema) => (status, json_of(schema(schemas))),
        Gives::Bytes(content_type) => (200, json!({ content_type: {} })),
        Gives::JsonOr(schema, others) => {
            let mut content = json_of(schema(schemas));
            others.iter().for_each(|other| content[*other] = json!({}));
            (200, content)
        }
    };
    (status.to_string(), json!({ "description": route.summary, "content": content }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_stands_in_the_document_with_its_role_and_no_reference_leads_nowhere() {
        let document = document();
        for route in ROUTES {
            let operation = &document["paths"][route.path][route.verb.as_str().to_lowercase()];
            assert_eq!(operation["summary"], route.summary, "{}", route.path);
            assert_eq!(operation["x-role"], route.role.map_or("anyone", |role| role.as_str()));
        }
        let count: usize =
            document["paths"].as_object().unwrap().values().map(|v| v.as_object().unwrap().len()).sum();
        assert_eq!(count, ROUTES.len(), "two routes of one method and path");
        let text = document.to_string();
        for part in text.split("\"$ref\":\"#").skip(1) {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn nothing_that_changes_something_is_open_to_everybody_but_the_login() {
        for route in ROUTES.iter().filter(|route| route.role.is_none()) {
            let open = ["/", "/healthz", "/api/v1/session"];
            assert!(open.contains(&route.path), "{}", route.path);
        }
    }
}
