//! Identifiers, each a type of its own so that one is never taken for another.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

uuid_ids! {
    /// A service that a clinic sells.
    ServiceId,
    /// A person who treats patients.
    ProfessionalId,
    /// A weekly opening window.
    RuleId,
    /// A day that differs from its week.
    ExceptionId,
    /// A person who visits a clinic: one per clinic and match key.
    PatientId,
    /// A visit.
    AppointmentId,
    /// A clinic's own wording of a message.
    TemplateId,
    /// A question and its answer.
    FaqId,
    /// One session of a chat, from greeting to silence.
    ConversationId,
    /// A reminder of a visit.
    ReminderId,
}

/// The readable id of a clinic, such as `laser-beauty-sp`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
#[serde(transparent)]
pub struct ClinicId(pub String);

impl fmt::Display for ClinicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<String> for ClinicId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl ClinicId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
