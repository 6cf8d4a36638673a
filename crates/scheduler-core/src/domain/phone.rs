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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_number_gives_its_canonical_digits() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Phone::parse(text).as_ref().map(Phone::as_str), Ok(expected), "{text:?}");
        };
        for text in [
            "5548999998888",
            "+55 (48) 99999-8888",
            "(+55) 48 99999-8888",
            "(48) 99999-8888",
            "48 99999.8888",
            "48999998888",
            "048999998888",
            "0xx48 99999-8888",
            "0XX (48) 99999-8888",
            "0 41 48 99999-8888",
            "+55 048 99999-8888",
            "+55 (0) 48 99999-8888",
            "+55 0 15 48 99999-8888",
            "0055 48 99999-8888",
            "55\u{a0}48\u{a0}99999\u{2011}8888",
            "  48\t99999/8888 ",
            // The 9th digit, which WhatsApp's older accounts lack, is added.
            "554899998888",
            "+55 48 9999-8888",
            "48 9999-8888",
            "(048) 9999-8888",
            "0 21 48 9999-8888",
        ] {
            check(text, "5548999998888");
        }
        for first in 6..=9 {
            check(&format!("5531{first}1234567"), &format!("55319{first}1234567"));
        }
        for first in 2..=5 {
            check(&format!("5531{first}1234567"), &format!("5531{first}1234567"));
            check(&format!("31{first}1234567"), &format!("5531{first}1234567"));
        }
        check("(11) 3333-0000", "551133330000");
        check("0 15 11 3333-0000", "551133330000");
    }

    #[test]
    fn area_code_55_keeps_both() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Phone::parse(text).as_ref().map(Phone::as_str), Ok(expected), "{text:?}");
        };
        check("5555999990000", "5555999990000");
        check("555599990000", "5555999990000");
        check("55999990000", "5555999990000");
        check("5599990000", "5555999990000");
        check("(55) 99999-0000", "5555999990000");
        check("055 99999-0000", "5555999990000");
        check("+55 55 3222-0000", "555532220000");
        check("5532220000", "555532220000");
        check("555532220000", "555532220000");
    }

    #[test]
    fn other_countries_numbers_are_kept() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Phone::parse(text).as_ref().map(Phone::as_str), Ok(expected), "{text:?}");
        };
        check("+1 (212) 555-0100", "12125550100");
        check("001 212 555 0100", "12125550100");
        check("+351 912 345 678", "351912345678");
        check("351912345678", "351912345678");
        check("+51 987 654 321", "51987654321");
        check("+29012345", "29012345");
        check("123456789012345", "123456789012345");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "   ",
            "abc",
            "+",
            "99999-8888",
            "9999-8888",
            "1234567",
            "+1234567",
            "+1234567890123456",
            "1234567890123456",
            "20 99999-8888",
            "5520999998888",
            "+55 00 99999-8888",
            "48 89999-8888",
            "48 1999-8888",
            "48 0999-8888",
            "+55 48 999-8888",
            "55489999988",
            "55489999988889",
            "0800 701 1234",
            "+0 48 99999 8888",
            "1199999000x",
            "5511999990000@lid",
            "120363019502650977-group",
            "5511999990000-1623281429",
            "١١٩٩٩٩٩٠٠٠٠",
        ] {
            assert_eq!(Phone::parse(text), Err(InvalidPhone), "{text:?}");
        }
    }

    #[test]
    fn there_are_67_area_codes() {
        let known: Vec<u8> = (0..100).filter(|area| is_area_code(&format!("{area:02}"))).collect();
        assert_eq!(known.len(), 67);
        let absent = [20, 23, 25, 26, 29, 30, 36, 39, 50, 52, 56, 57, 58, 59, 70, 72, 76, 78];
        assert!(absent.iter().all(|area| !known.contains(area)));
        for area in 10..100 {
            let mobile = Phone::parse(&format!("55{area:02}991234567"));
            assert_eq!(mobile.is_ok(), known.contains(&area), "{area}");
        }
    }

    #[test]
    fn a_person_reads_a_number_as_people_write_it() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Phone::parse(text).map(|phone| phone.display()).as_deref(), Ok(expected));
        };
        check("5511999990000", "(11) 99999-0000");
        check("551199990000", "(11) 99999-0000");
        check("551133330000", "(11) 3333-0000");
        check("+1 212 555 0100", "+12125550100");
    }

    #[test]
    fn an_address_leads_to_its_person() {
        let check = |address: &str, key: Option<&str>, phone: Option<&str>| {
            let address = Address(address.to_owned());
            assert_eq!(address.match_key().map(|key| key.0).as_deref(), key, "{address:?}");
            assert_eq!(address.phone().as_ref().map(Phone::as_str), phone, "{address:?}");
        };
        let both = |address, canonical| check(address, Some(canonical), Some(canonical));
        both("5548999998888", "5548999998888");
        both("554899998888", "5548999998888");
        both("554833338888", "554833338888");
        both("555599990000", "5555999990000");
        both("5548999998888@c.us", "5548999998888");
        both("554899998888@s.whatsapp.net", "5548999998888");
        both("+5548999998888", "5548999998888");
        // WhatsApp always writes the country code: Peru and Spain, not areas 51 and 34.
        both("51987654321", "51987654321");
        both("34912345678", "34912345678");
        both("12125550100", "12125550100");
        check("139586532475042@lid", Some("139586532475042@lid"), None);
        for none in [
            "",
            "@lid",
            "x@lid",
            "120363019502650977-group",
            "120363019502650977@g.us",
            "5511999990000-1623281429",
            "120363166555745933@newsletter",
            "status@broadcast",
            "5511999990000@broadcast",
            "5520999990000",
            "0",
            "abc",
        ] {
            check(none, None, None);
        }
    }

    #[test]
    fn only_four_digits_show_in_a_log() {
        let check = |address: &str, expected: &str| {
            assert_eq!(Address(address.to_owned()).last_four(), expected);
        };
        check("5548999998888", "…8888");
        check("139586532475042@lid", "…5042");
        check("120363019502650977-group", "…0977");
        check("status@broadcast", "…");
        check("12", "…12");
    }

    #[test]
    fn canonical_digits_are_read_as_themselves() {
        for text in ["554899998888", "554833338888", "555599990000", "12125550100", "51987654321"] {
            let phone = Address(text.to_owned()).phone().expect("a phone");
            assert_eq!(Phone::with_country_code(phone.as_str()), Ok(phone));
        }
    }
}
