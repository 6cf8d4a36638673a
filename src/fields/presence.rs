//! Whether a field has to be present.

/// What may be sent for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// A value.
    Value,
    /// A value or nothing.
    ValueOrNothing,
    /// A value, null or nothing.
    Any,
}
