//! The OpenAPI operation of one route.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::answers::{ERROR_RESPONSES, with_envelope};
use crate::auth::Auth;
use crate::description::Description;
use crate::fields::Fields;
use crate::route::RouteInfo;
use crate::routes::ROUTES;

pub(super) fn of(route: &RouteInfo, schemas: &mut SchemaGenerator) -> Value {
    let Description { summary, tag, body, query, .. } = &route.description;
    let mut parameters: Vec<Value> = placeholders(route.path).map(placeholder).collect();
    let mut operation = json!({
        "operationId": route.function,
        "summary": summary.trim(),
        "tags": [tag],
        "security": security(route.auth),
        "responses": responses(route, schemas),
    });
    for read in *query {
        parameters.extend(Fields::schema_of(read).parameters());
    }
    for read in *body {
        let schema = Fields::schema_of(read);
        parameters.extend(schema.headers());
        operation["requestBody"] = request_body(&schema.body());
    }
    if route.auth == Auth::Token {
        operation["requestBody"] = request_body(&json!({
            "type": "object",
            "properties": {"instanceId": {"type": "string", "examples": ["instance-123"]}},
            "required": ["instanceId"],
        }));
    }
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    operation
}

fn request_body(schema: &Value) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": schema}}})
}

fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// The parameter for an id in the path. Every id is a UUID, except the readable clinic id.
fn placeholder(name: &str) -> Value {
    let schema = match name {
        "clinicId" => json!({"type": "string", "examples": ["laser-beauty-sp"]}),
        _ => json!({"type": "string", "format": "uuid"}),
    };
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}

fn security(auth: Auth) -> Value {
    match auth {
        Auth::Key => json!([{"key": []}, {"bearer": []}, {"keyInQuery": []}]),
        Auth::Token => json!([{"token": []}]),
    }
}

fn responses(route: &RouteInfo, schemas: &mut SchemaGenerator) -> Map<String, Value> {
    let description = &route.description;
    let mut success = json!({
        "description": if description.status == 201 { "Created." } else { "Success." },
        "headers": super::answers::common_headers(),
        "content": {"application/json": {"schema": with_envelope(description, schemas)}},
    });
    let links = links(description);
    if !links.is_empty() {
        success["links"] = json!(links);
    }
    let mut responses = Map::from_iter([(description.status.to_string(), success.clone())]);
    if description.other_statuses.contains(&202) {
        success["description"] = "The outcome is not known yet.".into();
        responses.insert("202".into(), success);
    }
    for status in
        ERROR_RESPONSES.iter().map(|error| error.status).filter(|status| may_fail_with(route, *status))
    {
        let response = json!({"$ref": format!("#/components/responses/{status}")});
        responses.insert(status.to_string(), response);
    }
    responses
}

/// Links from the id of a created resource to the operations that take it.
fn links(description: &Description) -> Map<String, Value> {
    let created_id = description.data.iter().map(|(name, _)| *name).find(|name| name.ends_with("Id"));
    let links_to = |id: &'static str| {
        let operations = ROUTES.iter().filter(move |route| placeholders(route.path).any(|name| name == id));
        operations.map(move |route| {
            let parameters = json!({id: format!("$response.body#/{id}")});
            (route.function.to_owned(), json!({"operationId": route.function, "parameters": parameters}))
        })
    };
    created_id.into_iter().flat_map(links_to).collect()
}

/// Whether a route may answer with this error status, because of its path, body or access, or because the
/// route table lists it.
fn may_fail_with(route: &RouteInfo, status: u16) -> bool {
    let description = &route.description;
    let key = route.auth == Auth::Key;
    match status {
        401 | 500 | 503 => true,
        400 => !(description.body.is_empty() && description.query.is_empty()),
        404 => route.path.contains('{') || description.other_statuses.contains(&404),
        413 => key && !description.body.is_empty(),
        429 => key,
        status => description.other_statuses.contains(&status),
    }
}
