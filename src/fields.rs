//! Reading a body or a query field by field, with every fault told at once. The same code, run
//! without a request, tells which fields it asks for: so the OpenAPI document cannot say otherwise.

#[cfg(feature = "openapi")]
pub(crate) mod form;
mod presence;
mod readers;

use http::HeaderMap;
use serde_json::{Map, Value};

use self::presence::Presence;
pub use self::readers::{
    FieldReader, LINE, Read, TEXT, boolean, business_hours, date, integer, number, phone, text, time,
    timezone, word,
};
use crate::error::{ApiError, FieldError};
use crate::request::ApiRequest;

/// Fields still to be read, and what was wrong with those that were.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    left: Map<String, Value>,
    headers: HeaderMap,
    errors: Vec<FieldError>,
    #[cfg(feature = "openapi")]
    form: Option<form::Form>,
}

impl Fields {
    /// The fields of a JSON object in the body.
    pub fn of_body(request: &ApiRequest) -> Result<Self, ApiError> {
        match &request.body {
            Some(Value::Object(fields)) => {
                let (left, headers) = (fields.clone(), request.headers.clone());
                Ok(Self { left, headers, ..Self::default() })
            }
            Some(_) => Err(ApiError::field("body", "O corpo deve ser um objeto JSON.")),
            None => Err(ApiError::field("body", "O corpo não é um JSON válido.")),
        }
    }

    /// The parameters of the query.
    pub fn of_query(request: &ApiRequest) -> Self {
        let left = request.query.iter().filter(|(name, value)| *name != "api_key" && !value.is_empty());
        Self {
            left: left.map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect(),
            ..Self::default()
        }
    }

    /// What `read` asks for.
    #[cfg(feature = "openapi")]
    pub(crate) fn asked_by(read: impl FnOnce(&mut Self)) -> form::Form {
        let mut fields = Self { form: Some(form::Form::default()), ..Self::default() };
        read(&mut fields);
        fields.form.unwrap_or_default()
    }

    /// Refuses a change of nothing.
    pub fn at_least_one(&mut self) {
        #[cfg(feature = "openapi")]
        if let Some(form) = &mut self.form {
            form.at_least_one = true;
        }
        if self.left.is_empty() {
            self.error("body", "Informe ao menos um campo.");
        }
    }

    /// Tells of a rule between fields, as JSON Schema, which the code beside it keeps.
    pub fn rule(&mut self, schema: impl FnOnce() -> Value) {
        #[cfg(feature = "openapi")]
        if let Some(form) = &mut self.form {
            form.rules.push(schema());
        }
        #[cfg(not(feature = "openapi"))]
        let _ = schema;
    }

    /// Whether a field is there and not yet read.
    pub fn has(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    /// A field that must be there. Where it is missing or wrong the fault is noted and a
    /// placeholder given, which [`Fields::finish`] keeps from being used.
    pub fn required<T: Default>(&mut self, name: &str, reader: FieldReader<T>) -> T {
        self.ask(name, &reader, Presence::Value);
        match self.left.remove(name) {
            None | Some(Value::Null) => {
                self.error(name, "Campo obrigatório.");
                T::default()
            }
            Some(value) => self.note(name, reader.read(&value)).unwrap_or_default(),
        }
    }

    /// A field that may be missing or null.
    pub fn optional<T>(&mut self, name: &str, reader: FieldReader<T>) -> Option<T> {
        self.patch(name, reader).flatten()
    }

    /// A field of a change: `None` if it is missing, `Some(None)` if it is null.
    pub fn patch<T>(&mut self, name: &str, reader: FieldReader<T>) -> Option<Option<T>> {
        self.ask(name, &reader, Presence::Any);
        match self.left.remove(name)? {
            Value::Null => Some(None),
            value => self.note(name, reader.read(&value)).map(Some),
        }
    }

    /// A field of a change that may be missing but not null.
    pub fn change<T>(&mut self, name: &str, reader: FieldReader<T>) -> Option<T> {
        self.ask(name, &reader, Presence::ValueOrNothing);
        let value = self.left.remove(name)?;
        self.note(name, reader.read(&value))
    }

    /// A header that may be missing.
    pub fn header<T>(&mut self, name: &str, reader: FieldReader<T>) -> Option<T> {
        #[cfg(feature = "openapi")]
        if let Some(form) = &mut self.form {
            form.add_header(name, reader.schema());
        }
        let value = self.headers.get(name)?.to_str().map_or(Value::Null, Value::from);
        self.note(name, reader.read(&value))
    }

    /// Whether nothing was wrong so far: only then do fields make sense beside each other.
    pub fn is_sound(&self) -> bool {
        self.errors.is_empty()
    }

    /// Notes a fault.
    pub fn error(&mut self, name: &str, message: &str) {
        self.errors.push(FieldError::new(name, message));
    }

    /// What was read, unless something was wrong or is unknown: then all of it is told.
    pub fn finish<T>(mut self, read: T) -> Result<T, ApiError> {
        for name in std::mem::take(&mut self.left).keys() {
            self.error(name, "Campo desconhecido.");
        }
        if self.errors.is_empty() { Ok(read) } else { Err(ApiError::Invalid(self.errors)) }
    }

    fn note<T>(&mut self, name: &str, read: Read<T>) -> Option<T> {
        read.map_err(|message| self.errors.push(FieldError::new(name, message))).ok()
    }

    #[cfg(feature = "openapi")]
    fn ask<T>(&mut self, name: &str, reader: &FieldReader<T>, presence: Presence) {
        if let Some(form) = &mut self.form {
            form.add(name, reader.schema(), presence);
        }
    }

    #[cfg(not(feature = "openapi"))]
    fn ask<T>(&mut self, _: &str, _: &FieldReader<T>, _: Presence) {}
}
