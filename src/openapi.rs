//! Builds the OpenAPI document from the route table, the fields that the handlers read and the types that
//! they return.

mod answers;
mod operation;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::routes::ROUTES;

const DESCRIPTION: &str = "\
A scheduler for clinics: appointments, services, opening hours and the texts of the WhatsApp bot.

Texts for people are in Portuguese. Every answer has `status` and `message`; a 400 lists every error \
at once under `errors`. Behind API Gateway each path begins with the stage.";

/// The whole document.
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.for_serialize().into_generator();
    let mut paths = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation::of(route, &mut schemas);
    }
    let mut components = schemas.take_definitions(true);
    components.extend(answers::schemas());
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Scheduler", "version": env!("CARGO_PKG_VERSION"), "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": answers::error_responses(),
            "headers": answers::headers(),
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "keyInQuery": {"type": "apiKey", "in": "query", "name": "api_key"},
                "token": {
                    "type": "apiKey", "in": "query", "name": "token",
                    "description": "The token of the z-api instance that `instanceId` in the body names. A \
                                    local server may run without it.",
                },
            },
        },
    })
}

/// Every resource once, in the order of the route table.
fn tags() -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for route in ROUTES {
        if !names.contains(&route.description.tag) {
            names.push(route.description.tag);
        }
    }
    names.iter().map(|name| json!({"name": name})).collect()
}
