//! Identifiers. Each kind is a separate type, so that the compiler refuses one in place of another.

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
    /// Id of a service that a clinic offers.
    ServiceId,
    /// Id of a person who treats patients.
    ProfessionalId,
    /// Id of a weekly opening window.
    RuleId,
    /// Id of a date whose opening hours differ from the weekly ones.
    ExceptionId,
    /// Id of a patient. There is one patient per clinic and match key.
    PatientId,
    /// Id of an appointment.
    AppointmentId,
    /// Id of a clinic's wording of a message.
    TemplateId,
    /// Id of a question with its answer.
    FaqId,
    /// Id of one session of a chat, which starts with a greeting and ends 30 minutes after the last message.
    ConversationId,
    /// Id of a reminder of an appointment.
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
    /// Builds an id from a clinic's name: the name in kebab-case without accents, and six hexadecimal digits
    /// that distinguish clinics with the same name.
    pub fn from_name(name: &str, suffix: [u8; 3]) -> Self {
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
        let [first, second, third] = suffix;
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
    fn a_clinic_id_is_the_name_in_kebab_case_with_a_suffix() {
        let check = |name: &str, expected: &str| {
            assert_eq!(ClinicId::from_name(name, [0x1a, 0x02, 0xff]).as_str(), expected, "{name}");
        };
        check("Laser Beauty SP", "laser-beauty-sp-1a02ff");
        check("  Clínica São João & Cia. ", "clinica-sao-joao-cia-1a02ff");
        check("Estética 24h", "estetica-24h-1a02ff");
        check("日本 Estética 日本", "estetica-1a02ff");
        check("👍", "clinica-1a02ff");
    }
}
