//! The conversation with a patient: one pure function from a chat and an event to the next chat and
//! the effects to perform.

pub mod machine;
pub mod say;
pub mod understand;
