//! The fields that a function reads, as JSON Schema.

use serde_json::{Map, Value, json};

use super::presence::Presence;

/// The fields in the order in which they are read, and the rules between them.
#[derive(Debug, Clone, Default)]
pub(crate) struct InputSchema {
    fields: Vec<FieldSchema>,
    headers: Vec<(String, Value)>,
    pub(super) rules: Vec<Value>,
    pub(super) at_least_one: bool,
}

#[derive(Debug, Clone)]
struct FieldSchema {
    name: String,
    schema: Value,
    presence: Presence,
}

impl InputSchema {
    pub(super) fn add(&mut self, name: &str, schema: Value, presence: Presence) {
        self.fields.push(FieldSchema { name: name.to_owned(), schema, presence });
    }

    pub(super) fn add_header(&mut self, name: &str, schema: Value) {
        self.headers.push((name.to_owned(), schema));
    }

    /// The schema of a body: these fields and no others.
    pub(crate) fn body(&self) -> Value {
        let properties: Map<String, Value> = self
            .fields
            .iter()
            .map(|FieldSchema { name, schema, presence }| {
                let schema = if *presence == Presence::Any { or_null(schema) } else { schema.clone() };
                (name.clone(), schema)
            })
            .collect();
        let required: Vec<&str> = self
            .fields
            .iter()
            .filter(|field| field.presence == Presence::Value)
            .map(|field| field.name.as_str())
            .collect();
        let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        if self.at_least_one {
            schema["minProperties"] = json!(1);
        }
        if !self.rules.is_empty() {
            schema["allOf"] = json!(self.rules);
        }
        schema
    }

    /// The headers that are read along with a body, as OpenAPI parameters.
    pub(crate) fn headers(&self) -> impl Iterator<Item = Value> {
        self.headers
            .iter()
            .map(|(name, schema)| json!({"name": name, "in": "header", "required": false, "schema": schema}))
    }

    /// The parameters of a query. OpenAPI cannot express rules between parameters.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = Value> {
        self.fields.iter().map(|FieldSchema { name, schema, presence }| {
            let required = *presence == Presence::Value;
            let mut parameter = json!({"name": name, "in": "query", "required": required, "schema": schema});
            if !required {
                parameter["allowEmptyValue"] = json!(true);
            }
            parameter
        })
    }
}

fn or_null(schema: &Value) -> Value {
    match schema.get("type").and_then(Value::as_str) {
        Some(kind) if schema.get("enum").is_none() => {
            let mut schema = schema.clone();
            schema["type"] = json!([kind, "null"]);
            schema
        }
        _ => json!({"anyOf": [schema, {"type": "null"}]}),
    }
}
