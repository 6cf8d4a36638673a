//! Phone numbers, and which of them are the same person (contract 3.1).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where WhatsApp delivers: the `phone` of a webhook, verbatim: digits, or `…@lid`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(pub String);

/// The canonical form by which a person is found and keys are built: canonical digits, or
/// `…@lid` while no phone is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MatchKey(pub String);

/// A phone number in canonical digits: country code first, Brazilian mobiles with their 9th digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(String);

/// The text is no phone number: wrong length, or no such Brazilian area code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number")]
pub struct InvalidPhone;

impl fmt::Display for MatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Phone {
    /// Reads what a person or WhatsApp wrote: `(48) 99999-8888`, `48 9999-8888`, `+55…`, `554899998888`.
    pub fn parse(_text: &str) -> Result<Self, InvalidPhone> {
        todo!()
    }

    /// Canonical digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// By which the person is found.
    pub fn match_key(&self) -> MatchKey {
        MatchKey(self.0.clone())
    }

    /// As a person writes it: `(11) 99999-0000`.
    pub fn display(&self) -> String {
        todo!()
    }
}

impl Address {
    /// The person behind the address: its canonical phone, else its lid. Garbage is `None`.
    pub fn match_key(&self) -> Option<MatchKey> {
        todo!()
    }

    /// The canonical phone, if the address holds one.
    pub fn phone(&self) -> Option<Phone> {
        todo!()
    }

    /// `…0000`: the only part of a number that may stand in a log.
    pub fn last_four(&self) -> String {
        todo!()
    }
}
