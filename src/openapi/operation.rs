//! One route, as OpenAPI says it.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::answers::{REFUSALS, with_envelope};
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
        parameters.extend(Fields::asked_by(read).parameters());
    }
    for read in *body {
        let form = Fields::asked_by(read);
        parameters.extend(form.headers());
        operation["requestBody"] = request_body(&form.body());
    }
    if route.auth == Auth::Token {
        operation["requestBody"] = request_body(&json!({"type": "object"}));
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

/// Every id is a UUID but the clinic's, which people read.
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
        "description": if description.status == 201 { "It is made." } else { "It is done." },
        "headers": super::answers::usual_headers(),
        "content": {"application/json": {"schema": with_envelope(description, schemas)}},
    });
    let links = links(description);
    if !links.is_empty() {
        success["links"] = json!(links);
    }
    let mut responses = Map::from_iter([(description.status.to_string(), success)]);
    for status in REFUSALS.iter().map(|refusal| refusal.status).filter(|status| may_refuse(route, *status)) {
        let refusal = json!({"$ref": format!("#/components/responses/{status}")});
        responses.insert(status.to_string(), refusal);
    }
    responses
}

/// Where the id of what was made leads.
fn links(description: &Description) -> Map<String, Value> {
    let made = description.always.iter().map(|(name, _)| *name).find(|name| name.ends_with("Id"));
    let leads = |id: &'static str| {
        let there = ROUTES.iter().filter(move |route| placeholders(route.path).any(|name| name == id));
        there.map(move |route| {
            let parameters = json!({id: format!("$response.body#/{id}")});
            (route.function.to_owned(), json!({"operationId": route.function, "parameters": parameters}))
        })
    };
    made.into_iter().flat_map(leads).collect()
}

/// Whether a route may answer with this status: by what it is, or by its own word.
fn may_refuse(route: &RouteInfo, status: u16) -> bool {
    let description = &route.description;
    let key = route.auth == Auth::Key;
    match status {
        401 | 500 | 503 => true,
        400 => !(description.body.is_empty() && description.query.is_empty()),
        404 => route.path.contains('{') || description.refusals.contains(&404),
        413 => key && !description.body.is_empty(),
        429 => key,
        status => description.refusals.contains(&status),
    }
}
