//! The envelope of every answer (docs/rules/api.md#envelope), and the refusals.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::description::Description;

/// A way in which a call may be refused.
pub(super) struct Refusal {
    pub status: u16,
    means: &'static str,
    schema: &'static str,
}

/// Every refusal, by status.
pub(super) const REFUSALS: &[Refusal] = &[
    Refusal {
        status: 400,
        means: "Fields are missing, wrong or unknown: all are named. Nothing was written.",
        schema: "InvalidRequest",
    },
    Refusal { status: 401, means: "No key, or a wrong one.", schema: "Error" },
    Refusal { status: 404, means: "There is no such resource for this key's clinic.", schema: "Error" },
    Refusal {
        status: 409,
        means: "Something that is there, or the state it is in, does not allow it.",
        schema: "Error",
    },
    Refusal { status: 413, means: "The body is over 1 MiB.", schema: "Error" },
    Refusal { status: 429, means: "Too many requests: API Gateway's own answer.", schema: "Throttled" },
    Refusal { status: 500, means: "Our error; the trace id finds it in the log.", schema: "ServerError" },
    Refusal { status: 502, means: "The WhatsApp provider refused.", schema: "Error" },
    Refusal { status: 503, means: "A store is away: try again after a while.", schema: "ServerError" },
];

/// The refusals as components.
pub(super) fn refusals() -> Map<String, Value> {
    let refusal = |refusal: &Refusal| {
        let mut headers = if refusal.status == 429 { json!({}) } else { usual_headers() };
        if refusal.status == 503 {
            headers["Retry-After"] = header("Retry-After");
        }
        let schema = json!({"$ref": format!("#/components/schemas/{}", refusal.schema)});
        let answer = json!({
            "description": refusal.means,
            "headers": headers,
            "content": {"application/json": {"schema": schema}},
        });
        (refusal.status.to_string(), answer)
    };
    REFUSALS.iter().map(refusal).collect()
}

/// The schemas of refusals.
pub(super) fn schemas() -> Map<String, Value> {
    let message = json!({"type": "string", "description": "For people, in Portuguese."});
    let of = |more: Value| {
        let mut properties = json!({"status": {"const": "ERROR"}, "message": message});
        if let (Value::Object(properties), Value::Object(more)) = (&mut properties, more) {
            properties.extend(more);
        }
        closed(&properties)
    };
    let error = closed(&json!({"field": {"type": "string"}, "message": message}));
    let trace_id = json!({"type": "string", "description": "Finds the call in the log."});
    Map::from_iter([
        ("Error".to_owned(), of(json!({}))),
        (
            "InvalidRequest".to_owned(),
            of(json!({"errors": {"type": "array", "items": error, "minItems": 1}})),
        ),
        ("ServerError".to_owned(), of(json!({"traceId": trace_id}))),
        (
            "Throttled".to_owned(),
            json!({"type": "object", "properties": {"message": {"type": ["string", "null"]}}}),
        ),
    ])
}

/// An object of exactly these properties.
fn closed(properties: &Value) -> Value {
    let names: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
}

/// A success: status, message and the route's data.
pub(super) fn with_envelope(route: &Description, schemas: &mut SchemaGenerator) -> Value {
    let mut properties = json!({
        "status": {"const": "SUCCESS"},
        "message": {"type": "string", "description": "For people, in Portuguese."},
    });
    for (name, schema) in route.always {
        properties[name] = schema(schemas);
    }
    let mut envelope = closed(&properties);
    for (name, schema) in route.maybe {
        envelope["properties"][name] = schema(schemas);
    }
    envelope
}

/// The headers that every answer of ours has.
pub(super) fn usual_headers() -> Value {
    json!({"Access-Control-Allow-Origin": header("Access-Control-Allow-Origin")})
}

fn header(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}

/// The headers as components.
pub(super) fn headers() -> Value {
    json!({
        "Access-Control-Allow-Origin": {"required": true, "schema": {"const": "*"}},
        "Retry-After": {
            "required": true,
            "description": "Seconds.",
            "schema": {"type": "integer", "minimum": 0},
        },
    })
}
