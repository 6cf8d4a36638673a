//! The envelope of every answer (docs/rules/api.md#envelope), and the error responses.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::description::Description;

/// An error response.
pub(super) struct ErrorResponse {
    pub status: u16,
    description: &'static str,
    schema: &'static str,
}

/// Every error response, by status.
pub(super) const ERROR_RESPONSES: &[ErrorResponse] = &[
    ErrorResponse {
        status: 400,
        description: "Fields are missing, wrong or unknown; `errors` names all of them. Nothing was written.",
        schema: "InvalidRequest",
    },
    ErrorResponse { status: 401, description: "The key or token is missing or wrong.", schema: "Error" },
    ErrorResponse {
        status: 403,
        description: "The key is for one clinic, and the body sets fields that only a key for every clinic may \
                      set; `message` names them. Nothing was written.",
        schema: "Error",
    },
    ErrorResponse {
        status: 404,
        description: "The resource does not exist, or the key gives no access to its clinic.",
        schema: "Error",
    },
    ErrorResponse {
        status: 409,
        description: "The request conflicts with existing data or with the resource's status.",
        schema: "Error",
    },
    ErrorResponse { status: 413, description: "The body is over 1 MiB.", schema: "Error" },
    ErrorResponse {
        status: 429,
        description: "Too many requests. API Gateway sends this response itself. `POST /send` also answers it \
                      when a daily limit of the clinic is reached; `Retry-After` says when to try again.",
        schema: "Throttled",
    },
    ErrorResponse {
        status: 500,
        description: "Internal error. `traceId` identifies the call in the log.",
        schema: "ServerError",
    },
    ErrorResponse {
        status: 502,
        description: "The WhatsApp provider refused the message or did not answer.",
        schema: "Error",
    },
    ErrorResponse {
        status: 503,
        description: "A store is unavailable. `Retry-After` says when to try again.",
        schema: "ServerError",
    },
];

/// The error responses as components.
pub(super) fn error_responses() -> Map<String, Value> {
    let response = |error: &ErrorResponse| {
        let mut headers = common_headers();
        match error.status {
            // API Gateway sends none.
            429 => headers["Retry-After"] = retry_after(false),
            503 => headers["Retry-After"] = header("Retry-After"),
            _ => {}
        }
        let schema = json!({"$ref": format!("#/components/schemas/{}", error.schema)});
        let answer = json!({
            "description": error.description,
            "headers": headers,
            "content": {"application/json": {"schema": schema}},
        });
        (error.status.to_string(), answer)
    };
    ERROR_RESPONSES.iter().map(response).collect()
}

/// The schemas of error responses.
pub(super) fn schemas() -> Map<String, Value> {
    let message = json!({"type": "string", "description": "A text for people, in Portuguese."});
    let of = |more: Value| {
        let mut properties = json!({"status": {"const": "ERROR"}, "message": message});
        if let (Value::Object(properties), Value::Object(more)) = (&mut properties, more) {
            properties.extend(more);
        }
        closed_object(&properties)
    };
    let error = closed_object(&json!({"field": {"type": "string"}, "message": message}));
    let trace_id = json!({"type": "string", "description": "Identifies the call in the log."});
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
fn closed_object(properties: &Value) -> Value {
    let names: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
}

/// A success: status, message and the route's data.
pub(super) fn with_envelope(route: &Description, schemas: &mut SchemaGenerator) -> Value {
    let mut properties = json!({
        "status": {"const": "SUCCESS"},
        "message": {"type": "string", "description": "A text for people, in Portuguese."},
    });
    for (name, schema) in route.data {
        properties[name] = schema(schemas);
    }
    let mut envelope = closed_object(&properties);
    for (name, schema) in route.optional_data {
        envelope["properties"][name] = schema(schemas);
    }
    envelope
}

/// The headers that the document lists for every answer.
pub(super) fn common_headers() -> Value {
    let names = ["Access-Control-Allow-Origin", "Cache-Control", "X-Content-Type-Options"];
    names.map(|name| (name.to_owned(), header(name))).into_iter().collect()
}

fn header(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}

fn retry_after(required: bool) -> Value {
    json!({
        "required": required,
        "description": "Seconds.",
        "schema": {"type": "integer", "minimum": 0},
    })
}

/// The headers as components.
pub(super) fn headers() -> Value {
    json!({
        "Access-Control-Allow-Origin": {"required": true, "schema": {"const": "*"}},
        "Cache-Control": {"required": true, "schema": {"const": "no-store"}},
        "Retry-After": retry_after(true),
        "X-Content-Type-Options": {"required": true, "schema": {"const": "nosniff"}},
    })
}
