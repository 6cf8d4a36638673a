//! Phone numbers and WhatsApp addresses, and which of them belong to the same person
//! (`docs/rules/data.md#phones`).

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

/// A WhatsApp address, verbatim from the field `phone` of a webhook: the digits of a phone number, or a lid.
///
/// A lid, `<digits>@lid`, is the id under which WhatsApp presents a person without revealing the phone
/// number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(pub String);

/// The key that identifies a person within a clinic: canonical digits, or the lid while no phone number is
/// known. Patients are found by it, and the keys of chats contain it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MatchKey(pub String);

/// A phone number in canonical digits: it starts with the country code, and a Brazilian mobile number has
/// its ninth digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(String);

/// The text is not a phone number, for example because its length is wrong or its Brazilian area code does
/// not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number")]
pub struct InvalidPhone;

impl fmt::Display for MatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Phone {
    /// Parses a number as people write it: `(48) 99999-8888`, `48 9999-8888`, `(0xx48) 99999-8888`,
    /// `0 41 48…`, `+55…`, `554899998888`. Without `+` or `00`, 10 or 11 digits are a Brazilian number; a number
    /// of that length from another country needs the `+`. Numbers from WhatsApp always start with the country
    /// code: parse them with [`Address::phone`].
    pub fn parse(text: &str) -> Result<Self, InvalidPhone> {
        let text = text.trim();
        let text = after_carrier_placeholder(text).unwrap_or(text);
        if text.chars().any(char::is_alphabetic) {
            return Err(InvalidPhone);
        }
        let digits = digits_of(text);
        let plus = text.trim_start_matches(['(', ' ']).starts_with('+');
        let international = if plus { Some(digits.as_str()) } else { digits.strip_prefix("00") };
        match (international, digits.len()) {
            (Some(digits), _) => Self::with_country_code(digits),
            (None, 10 | 11) => Self::brazilian(&digits),
            (None, _) if digits.starts_with('0') => Self::brazilian(&digits),
            (None, 12..) => Self::with_country_code(&digits),
            (None, _) => Err(InvalidPhone),
        }
    }

    /// Parses digits that start with a country code, as WhatsApp writes them. Numbers of countries other than
    /// Brazil are kept unchanged (8 to 15 digits, as in E.164).
    pub fn with_country_code(digits: &str) -> Result<Self, InvalidPhone> {
        if let Some(national) = digits.strip_prefix(BRAZIL) {
            return Self::brazilian(national);
        }
        let plausible = (8..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|digit| digit.is_ascii_digit());
        if plausible { Ok(Self(digits.to_owned())) } else { Err(InvalidPhone) }
    }

    /// Parses area code and number. A prefix `0`, or `0` and a two-digit carrier code, is removed.
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

    /// The key of the person with this number.
    pub fn match_key(&self) -> MatchKey {
        MatchKey(self.0.clone())
    }

    /// The number in the form that people write: `(11) 99999-0000`; `+12125550100` for other countries.
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
    /// The key of the person at this address: the canonical digits, or the lid. `None` for groups,
    /// newsletters, broadcasts and invalid addresses.
    pub fn match_key(&self) -> Option<MatchKey> {
        match self.0.strip_suffix("@lid") {
            Some(lid) if !lid.is_empty() && lid.bytes().all(|b| b.is_ascii_digit()) => {
                Some(MatchKey(self.0.clone()))
            }
            _ => self.phone().map(|phone| phone.match_key()),
        }
    }

    /// The phone number, if the address contains one.
    pub fn phone(&self) -> Option<Phone> {
        let digits = CHAT_SUFFIXES.iter().find_map(|suffix| self.0.strip_suffix(suffix)).unwrap_or(&self.0);
        Phone::with_country_code(digits.strip_prefix('+').unwrap_or(digits)).ok()
    }

    /// The last four digits, as `…0000`: the only part of a number that may be logged
    /// (`docs/rules/security.md#logs`).
    pub fn last_four(&self) -> String {
        let digits = digits_of(&self.0);
        format!("…{}", &digits[digits.len().saturating_sub(4)..])
    }
}

/// Country code of Brazil.
const BRAZIL: &str = "55";

/// Suffixes that WhatsApp adds to the number in a chat between two people.
const CHAT_SUFFIXES: [&str; 2] = ["@c.us", "@s.whatsapp.net"];

/// Whether a Brazilian area code is in use: 67 are, by Anatel's list and libphonenumber's metadata for BR.
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

/// What follows `0xx`, in which people leave the carrier's code open: `0xx48…`, `(0xx48) …`, `+55 (0xx48) …`.
fn after_carrier_placeholder(text: &str) -> Option<&str> {
    let (before, rest) = text.split_at_checked(text.find(['x', 'X'])?)?;
    let (placeholder, after) = rest.split_at_checked(2)?;
    let follows_zero = matches!(digits_of(before).as_str(), "0" | "550" | "00550");
    let is_number = !before.chars().any(char::is_alphabetic);
    (follows_zero && is_number && placeholder.eq_ignore_ascii_case("xx")).then_some(after)
}

fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
