//! Identifiers, each a type of its own so that one is never taken for another.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::text_normalize::normalize;

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
    /// A person who appointments a clinic: one per clinic and match key.
    PatientId,
    /// An appointment.
    AppointmentId,
    /// A clinic's own wording of a message.
    TemplateId,
    /// A question and its answer.
    FaqId,
    /// One session of a chat, from greeting to silence.
    ConversationId,
    /// A reminder of an appointment.
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
    /// A readable id for a clinic of this name: kebab-case without accents, and six hexadecimal
    /// digits that tell clinics of one name apart.
    pub fn named(name: &str, digits: [u8; 3]) -> Self {
        let mut id = String::new();
        for letter in normalize(name).chars() {
            match letter {
                ' ' if !id.is_empty() && !id.ends_with('-') => id.push('-'),
                letter if letter.is_ascii_alphanumeric() => id.push(letter),
                _ => {}
            }
        }
        let readable = match id.trim_end_matches('-') {
            "" => "clinica",
            readable => readable,
        };
        let [first, second, third] = digits;
        Self(format!("{readable}-{first:02x}{second:02x}{third:02x}"))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clinic_is_called_by_its_name_in_kebab_case() {
        let check = |name: &str, expected: &str| {
            assert_eq!(ClinicId::named(name, [0x1a, 0x02, 0xff]).as_str(), expected, "{name}");
        };
        check("Laser Beauty SP", "laser-beauty-sp-1a02ff");
        check("  Clínica São João & Cia. ", "clinica-sao-joao-cia-1a02ff");
        check("Estética 24h", "estetica-24h-1a02ff");
        check("日本 Estética 日本", "estetica-1a02ff");
        check("👍", "clinica-1a02ff");
    }
}
