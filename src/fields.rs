//! Reads a body or a query field by field and reports every error at once. Run without a request, the same
//! code lists the fields that it reads, so the OpenAPI document cannot differ from it.

#[cfg(feature = "openapi")]
pub(crate) mod input_schema;
mod presence;
mod readers;

use http::HeaderMap;
use serde_json::{Map, Value};

use self::presence::Presence;
pub use self::readers::{
    FieldReader, MAX_LINE_CHARS, MAX_TEXT_CHARS, ReadResult, boolean, business_hours, date, integer, one_of,
    phone, plain_text, query_integer, text, time, timezone,
};
use crate::error::{ApiError, FieldError};
use crate::request::ApiRequest;

/// The fields that were not read yet, and the errors of those that were.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    unread: Map<String, Value>,
    headers: HeaderMap,
    errors: Vec<FieldError>,
    #[cfg(feature = "openapi")]
    schema: Option<input_schema::InputSchema>,
}

impl Fields {
    /// The fields of the body; 400 if it is not a JSON object.
    pub fn of_body(request: &ApiRequest) -> Result<Self, ApiError> {
        match &request.body {
            Some(Value::Object(fields)) => {
                let (unread, headers) = (fields.clone(), request.headers.clone());
                Ok(Self { unread, headers, ..Self::default() })
            }
            Some(_) => Err(ApiError::field("body", "O corpo deve ser um objeto JSON.")),
            None => Err(ApiError::field("body", "O corpo não é um JSON válido.")),
        }
    }

    /// The parameters of the query, without `api_key` and empty ones.
    pub fn of_query(request: &ApiRequest) -> Self {
        let unread = request.query.iter().filter(|(name, value)| *name != "api_key" && !value.is_empty());
        Self {
            unread: unread.map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect(),
            ..Self::default()
        }
    }

    /// The schema of the fields that `read` reads.
    #[cfg(feature = "openapi")]
    pub(crate) fn schema_of(read: impl FnOnce(&mut Self)) -> input_schema::InputSchema {
        let mut fields = Self { schema: Some(input_schema::InputSchema::default()), ..Self::default() };
        read(&mut fields);
        fields.schema.unwrap_or_default()
    }

    /// Refuses a body without fields.
    pub fn at_least_one(&mut self) {
        #[cfg(feature = "openapi")]
        if let Some(schema) = &mut self.schema {
            schema.at_least_one = true;
        }
        if self.unread.is_empty() {
            self.error("body", "Informe ao menos um campo.");
        }
    }

    /// Adds a rule between fields to the JSON Schema. The caller enforces the rule.
    pub fn rule(&mut self, rule: impl FnOnce() -> Value) {
        #[cfg(feature = "openapi")]
        if let Some(schema) = &mut self.schema {
            schema.rules.push(rule());
        }
        #[cfg(not(feature = "openapi"))]
        let _ = rule;
    }

    /// Whether a field is present and was not read yet.
    pub fn has(&self, name: &str) -> bool {
        self.unread.contains_key(name)
    }

    /// Reads a field that must be present. If it is missing or wrong, records the error and returns the
    /// default value, which is not used because [`Fields::finish`] then fails.
    pub fn required<T: Default>(&mut self, name: &str, reader: FieldReader<T>) -> T {
        self.declare(name, &reader, Presence::Value);
        match self.unread.remove(name) {
            None | Some(Value::Null) => {
                self.error(name, "Campo obrigatório.");
                T::default()
            }
            Some(value) => self.record(name, reader.read(&value)).unwrap_or_default(),
        }
    }

    /// Reads a field that may be missing or null.
    pub fn optional<T>(&mut self, name: &str, reader: FieldReader<T>) -> Option<T> {
        self.patch(name, reader).flatten()
    }

    /// Reads a field of an update: `None` if it is missing, `Some(None)` if it is null.
    pub fn patch<T>(&mut self, name: &str, reader: FieldReader<T>) -> Option<Option<T>> {
        self.declare(name, &reader, Presence::Any);
        match self.unread.remove(name)? {
            Value::Null => Some(None),
            value => self.record(name, reader.read(&value)).map(Some),
        }
    }

    /// Reads a field of an update that may be missing but not null.
    pub fn non_null<T>(&mut self, name: &str, reader: FieldReader<T>) -> Option<T> {
        self.declare(name, &reader, Presence::ValueOrNothing);
        let value = self.unread.remove(name)?;
        self.record(name, reader.read(&value))
    }

    /// Reads a header that may be missing.
    pub fn header<T>(&mut self, name: &str, reader: FieldReader<T>) -> Option<T> {
        #[cfg(feature = "openapi")]
        if let Some(schema) = &mut self.schema {
            schema.add_header(name, reader.schema());
        }
        let value = self.headers.get(name)?.to_str().map_or(Value::Null, Value::from);
        self.record(name, reader.read(&value))
    }

    /// Whether there are no errors so far. Only then are rules between fields worth checking.
    pub fn has_no_errors(&self) -> bool {
        self.errors.is_empty()
    }

    /// Records an error of a field.
    pub fn error(&mut self, name: &str, message: &str) {
        self.errors.push(FieldError::new(name, message));
    }

    /// Returns `read`, or 400 with every error. A field that was not read is an error, because it is unknown.
    pub fn finish<T>(mut self, read: T) -> Result<T, ApiError> {
        for name in std::mem::take(&mut self.unread).keys() {
            self.error(name, "Campo desconhecido.");
        }
        if self.errors.is_empty() { Ok(read) } else { Err(ApiError::Invalid(self.errors)) }
    }

    fn record<T>(&mut self, name: &str, read: ReadResult<T>) -> Option<T> {
        read.map_err(|message| self.errors.push(FieldError::new(name, message))).ok()
    }

    #[cfg(feature = "openapi")]
    fn declare<T>(&mut self, name: &str, reader: &FieldReader<T>, presence: Presence) {
        if let Some(schema) = &mut self.schema {
            schema.add(name, reader.schema(), presence);
        }
    }

    #[cfg(not(feature = "openapi"))]
    fn declare<T>(&mut self, _: &str, _: &FieldReader<T>, _: Presence) {}
}
