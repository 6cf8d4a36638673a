//! What the OpenAPI document says of a route.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

use crate::fields::Fields;

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
