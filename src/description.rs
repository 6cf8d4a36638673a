//! The parts of a route that only the OpenAPI document uses.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

use crate::fields::Fields;

/// What the OpenAPI document says about a route, in addition to its method and path.
pub(crate) struct Description {
    /// One sentence.
    pub summary: &'static str,
    /// The resource it belongs to.
    pub tag: &'static str,
    /// The function that reads the body; empty if there is no body.
    pub body: &'static [fn(&mut Fields)],
    /// The function that reads the query; empty if there is no query.
    pub query: &'static [fn(&mut Fields)],
    /// The HTTP status of a success.
    pub status: u16,
    /// Data in every success, in addition to `status` and `message`.
    pub data: &'static [AnswerField],
    /// Data in some successes.
    pub optional_data: &'static [AnswerField],
    /// Error statuses in addition to those that follow from the route's path, body and access.
    pub other_statuses: &'static [u16],
}

/// A name in the answer, and the schema of its value.
pub(crate) type AnswerField = (&'static str, fn(&mut SchemaGenerator) -> Value);

/// The schema of a type. A named type becomes a component of the document, and its schema a reference to it.
pub(crate) fn schema_of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}
