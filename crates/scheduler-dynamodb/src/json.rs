//! The JSON bodies of DynamoDB's API.

use dynoxide::DynoxideError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Makes an error of a reason.
type MakeError = fn(String) -> DynoxideError;

/// Marks that dynoxide puts before the reason why a request cannot be read, and the kind of error that each
/// stands for.
const MARKS: [(&str, MakeError); 5] = [
    ("VALIDATION_REQUEST:", DynoxideError::ValidationException),
    ("VALIDATION_AS_READ:", DynoxideError::ValidationException),
    ("VALIDATION:", DynoxideError::ValidationException),
    ("SERIALIZATION_AS_READ:", DynoxideError::SerializationException),
    ("SERIALIZATION:", DynoxideError::SerializationException),
];

/// Reads the body of a request.
pub(crate) fn read<T: DeserializeOwned>(body: &str) -> Result<T, DynoxideError> {
    serde_json::from_str(body).map_err(|error| unreadable(&error))
}

/// Writes the body of an answer.
pub(crate) fn write<T: Serialize>(answer: &T) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

fn unreadable(error: &serde_json::Error) -> DynoxideError {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(position.as_str()).unwrap_or(&text);
    for (mark, kind) in MARKS {
        if let Some(reason) = text.strip_prefix(mark) {
            return kind(reason.to_owned());
        }
    }
    DynoxideError::SerializationException(text.to_owned())
}
