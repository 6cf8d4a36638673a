//! The OpenAPI document: made of the table of routes, of what the reading functions ask for and of
//! the types that are answered.

mod answers;
mod operation;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::fields::Fields;
use crate::routes::ROUTES;

/// What a client should know of a route, beside its path.
pub(crate) struct Description {
    /// What it is for, in a sentence.
    pub summary: &'static str,
    /// The resource it belongs to.
    pub tag: &'static str,
    /// What reads the body, if there is one.
    pub body: &'static [fn(&mut Fields)],
    /// What reads the query, if there is one.
    pub query: &'static [fn(&mut Fields)],
    /// The status of success.
    pub status: u16,
    /// What is answered beside status and message.
    pub always: &'static [Data],
    /// What may be answered as well.
    pub maybe: &'static [Data],
    /// Statuses of refusal that are this route's own.
    pub refusals: &'static [u16],
}

/// A name of an answer, and the schema of what stands under it.
pub(crate) type Data = (&'static str, fn(&mut SchemaGenerator) -> Value);

/// The schema of a type, which is kept among the document's components.
pub(crate) fn schema_of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}

const ABOUT: &str = "\
The scheduler of a clinic: visits, services, opening hours and what its WhatsApp bot says.

Messages to people are Portuguese. Every answer has `status` and `message`; a 400 lists every fault \
at once under `errors`. Behind API Gateway the stage stands in front of each path.";

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
        "info": {"title": "Scheduler", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT},
        "servers": [{"url": "/"}],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": answers::refusals(),
            "headers": answers::headers(),
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "keyInQuery": {"type": "apiKey", "in": "query", "name": "api_key"},
                "token": {
                    "type": "apiKey", "in": "query", "name": "token",
                    "description": "The secret in the webhooks' URLs; a local server may have none.",
                },
            },
        },
    })
}

/// Every resource once, in the table's order.
fn tags() -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for route in ROUTES {
        if !names.contains(&route.description.tag) {
            names.push(route.description.tag);
        }
    }
    names.iter().map(|name| json!({"name": name})).collect()
}
