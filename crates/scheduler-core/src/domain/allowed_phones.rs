//! The people to whom messages may be sent: `ALLOWED_PHONES`
//! (`docs/rules/security.md#allowed-phones`).

use super::phone::{MatchKey, Phone};

/// The people to whom messages may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedPhones {
    /// `*`: everybody.
    All,
    /// Only these people; nobody if the list is empty.
    Only(Vec<MatchKey>),
}

impl AllowedPhones {
    /// Parses phone numbers separated by commas. Entries that are not phone numbers are ignored. An empty
    /// list allows nobody, so that a test stage never sends messages to patients.
    pub fn parse(list: &str) -> Self {
        if list.trim() == "*" {
            return Self::All;
        }
        let phones = list.split(',').filter_map(|entry| Phone::parse(entry.trim()).ok());
        Self::Only(phones.map(|phone| phone.match_key()).collect())
    }

    /// Whether messages may be sent to `person`.
    pub fn allow(&self, person: &MatchKey) -> bool {
        match self {
            Self::All => true,
            Self::Only(persons) => persons.contains(person),
        }
    }
}
