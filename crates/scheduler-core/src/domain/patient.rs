//! Patients of a clinic.

use chrono::{DateTime, Utc};

use super::ids::{ClinicId, PatientId};
use super::phone::{Address, MatchKey};

/// A patient of one clinic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// Its id.
    pub id: PatientId,
    /// The clinic that knows this person.
    pub clinic_id: ClinicId,
    /// Canonical digits; empty while only a lid is known.
    pub phone: Option<String>,
    /// Where messages go, as the last webhook brought it.
    pub wa_id: Option<Address>,
    /// By which the person is found.
    pub match_key: MatchKey,
    /// As told in the chat or by reception, else the profile's.
    pub name: Option<String>,
    /// WhatsApp's stable id of the chat.
    pub chat_lid: Option<String>,
    /// No proactive messages since.
    pub opted_out_at: Option<DateTime<Utc>>,
}

/// A person who wrote or for whom something is booked: enough to find the patient, or to create one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The key by which a patient is found.
    pub match_key: MatchKey,
    /// Canonical digits, if a phone is known.
    pub phone: Option<String>,
    /// Where WhatsApp delivers, if the person wrote.
    pub wa_id: Option<Address>,
    /// WhatsApp's stable id of the chat.
    pub chat_lid: Option<String>,
    /// A name given in the chat or by reception; it replaces the name on record.
    pub given_name: Option<String>,
    /// The name of the WhatsApp profile; used only where there is no name on record.
    pub profile_name: Option<String>,
}

/// Longest name kept, in characters.
const NAME_LENGTH: usize = 80;

/// A person's name as it may stand in a message, a sheet or a report: one line without WhatsApp
/// markup, control and invisible characters, blanks collapsed, at most 80 characters (quality 4).
/// `None` if nothing is left.
pub fn clean_name(name: &str) -> Option<String> {
    let kept: String = name
        .chars()
        .filter(|c| !matches!(c, '*' | '_' | '~' | '`') && !is_invisible(*c))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let mut clean = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = clean.char_indices().nth(NAME_LENGTH) {
        clean.truncate(end);
        clean.truncate(clean.trim_end().len());
    }
    (!clean.is_empty()).then_some(clean)
}

/// Zero-width characters and those that turn the writing direction of what follows.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_plain_line() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(clean_name(name).as_deref(), expected, "{name:?}");
        };
        check("Maria Silva", Some("Maria Silva"));
        check("  *Maria*  _da_ ~Silva~ `x` ", Some("Maria da Silva x"));
        check("Maria\r\nSilva\tSouza\u{0}", Some("Maria Silva Souza"));
        check("Maria\u{202e}\u{200b} Silva\u{feff}", Some("Maria Silva"));
        check("Maria\u{2028}Silva\u{a0}Souza", Some("Maria Silva Souza"));
        check("João D'Ávila-Núñez 💖", Some("João D'Ávila-Núñez 💖"));
        check("", None);
        check(" \n\t ", None);
        check("***", None);
        check(&"é".repeat(200), Some(&"é".repeat(80)));
        check(&format!("{} bc", "a".repeat(79)), Some(&"a".repeat(79)));
        check(&"a".repeat(80), Some(&"a".repeat(80)));
    }
}
