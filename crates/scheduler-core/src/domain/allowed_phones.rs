//! Who may be written to (`ALLOWED_PHONES`).

use super::phone::{MatchKey, Phone};

/// The persons who may be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedPhones {
    /// `*`: everybody.
    All,
    /// These persons; nobody if the list is empty.
    Only(Vec<MatchKey>),
}

impl AllowedPhones {
    /// Reads phones separated by commas; entries that are not phones are ignored. An empty list allows
    /// nobody, so that a test stage never writes to patients.
    pub fn parse(list: &str) -> Self {
        if list.trim() == "*" {
            return Self::All;
        }
        let phones = list.split(',').filter_map(|entry| Phone::parse(entry.trim()).ok());
        Self::Only(phones.map(|phone| phone.match_key()).collect())
    }

    /// Whether this person may be written to.
    pub fn allow(&self, person: &MatchKey) -> bool {
        match self {
            Self::All => true,
            Self::Only(persons) => persons.contains(person),
        }
    }
}
