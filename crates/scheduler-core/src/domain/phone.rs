//! Phone numbers, and which of them are the same person (contract 3.1).

#[cfg(test)]
mod tests;

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
    /// Reads what a person wrote: `(48) 99999-8888`, `48 9999-8888`, `0xx48…`, `0 41 48…`,
    /// `+55…`, `554899998888`. Without `+` or `00`, 10 and 11 digits are a Brazilian number, so
    /// that other countries' numbers of that length need the `+`. What WhatsApp wrote always has
    /// its country code: read it by [`Address::phone`].
    pub fn parse(text: &str) -> Result<Self, InvalidPhone> {
        let text = text.trim();
        let text = text.strip_prefix("0xx").or_else(|| text.strip_prefix("0XX")).unwrap_or(text);
        if text.chars().any(char::is_alphabetic) {
            return Err(InvalidPhone);
        }
        let digits = digits_of(text);
        let plus = text.trim_start_matches(['(', ' ']).starts_with('+');
        let abroad = if plus { Some(digits.as_str()) } else { digits.strip_prefix("00") };
        match (abroad, digits.len()) {
            (Some(digits), _) => Self::with_country_code(digits),
            (None, 10 | 11) => Self::brazilian(&digits),
            (None, _) if digits.starts_with('0') => Self::brazilian(&digits),
            (None, 12..) => Self::with_country_code(&digits),
            (None, _) => Err(InvalidPhone),
        }
    }

    /// Reads digits that start with a country code, as WhatsApp writes them; other countries'
    /// numbers are kept as they are (8–15 digits, E.164).
    pub fn with_country_code(digits: &str) -> Result<Self, InvalidPhone> {
        if let Some(national) = digits.strip_prefix(BRAZIL) {
            return Self::brazilian(national);
        }
        let plausible = (8..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|digit| digit.is_ascii_digit());
        if plausible { Ok(Self(digits.to_owned())) } else { Err(InvalidPhone) }
    }

    /// Area code and number, perhaps behind a 0, or a 0 and a carrier's two digits.
    fn brazilian(national: &str) -> Result<Self, InvalidPhone> {
        let number = match (national.strip_prefix('0'), national.len()) {
            (Some(number), 11 | 12) => number,
            (Some(_), 13 | 14) => national.get(3..).ok_or(InvalidPhone)?,
            _ => national,
        };
        let (area, local) = number.split_at_checked(2).ok_or(InvalidPhone)?;
        if !is_area_code(area) || !local.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(InvalidPhone);
        }
        match (local.len(), local.as_bytes().first()) {
            (9, Some(b'9')) | (8, Some(b'2'..=b'5')) => Ok(Self(format!("{BRAZIL}{area}{local}"))),
            (8, Some(b'6'..=b'9')) => Ok(Self(format!("{BRAZIL}{area}9{local}"))),
            _ => Err(InvalidPhone),
        }
    }

    /// Canonical digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// By which the person is found.
    pub fn match_key(&self) -> MatchKey {
        MatchKey(self.0.clone())
    }

    /// As a person writes it: `(11) 99999-0000`; other countries' numbers as `+12125550100`.
    pub fn display(&self) -> String {
        let parts = self.0.strip_prefix(BRAZIL).and_then(|national| {
            let (area, local) = national.split_at_checked(2)?;
            let (first, last) = local.split_at_checked(local.len().checked_sub(4)?)?;
            Some((area, first, last))
        });
        match parts {
            Some((area, first, last)) => format!("({area}) {first}-{last}"),
            None => format!("+{}", self.0),
        }
    }
}

impl Address {
    /// The person behind the address: its canonical phone, else its lid. Groups, newsletters,
    /// broadcasts and garbage are `None`.
    pub fn match_key(&self) -> Option<MatchKey> {
        match self.0.strip_suffix("@lid") {
            Some(lid) if !lid.is_empty() && lid.bytes().all(|b| b.is_ascii_digit()) => {
                Some(MatchKey(self.0.clone()))
            }
            _ => self.phone().map(|phone| phone.match_key()),
        }
    }

    /// The canonical phone, if the address holds one.
    pub fn phone(&self) -> Option<Phone> {
        let digits = CHAT_SUFFIXES.iter().find_map(|suffix| self.0.strip_suffix(suffix)).unwrap_or(&self.0);
        Phone::with_country_code(digits.strip_prefix('+').unwrap_or(digits)).ok()
    }

    /// `…0000`: the only part of a number that may stand in a log.
    pub fn last_four(&self) -> String {
        let digits = digits_of(&self.0);
        format!("…{}", &digits[digits.len().saturating_sub(4)..])
    }
}

const BRAZIL: &str = "55";

/// What WhatsApp itself writes behind the number of a chat between two people.
const CHAT_SUFFIXES: [&str; 2] = ["@c.us", "@s.whatsapp.net"];

/// The 67 area codes in use (Anatel; the same as libphonenumber's metadata for BR).
fn is_area_code(area: &str) -> bool {
    match area.as_bytes() {
        [b'1' | b'4' | b'6' | b'8' | b'9', b'1'..=b'9'] => true,
        [b'2', second] => b"12478".contains(second),
        [b'3', second] => b"1234578".contains(second),
        [b'5', second] => b"1345".contains(second),
        [b'7', second] => b"134579".contains(second),
        _ => false,
    }
}

fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
