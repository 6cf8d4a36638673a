//! Patients of a clinic.

use chrono::{DateTime, Utc};

use super::ids::{ClinicId, PatientId};
use super::phone::{Address, MatchKey};
use super::text_direction::is_direction_control;

/// A patient of one clinic.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are columns")]
pub struct Patient {
    pub id: PatientId,
    pub clinic_id: ClinicId,
    /// Canonical digits; `None` while only a lid is known (see [`Address`]).
    pub phone: Option<String>,
    /// The address from which the patient last wrote. Messages go there.
    pub wa_id: Option<Address>,
    /// The key by which the patient is found.
    pub match_key: MatchKey,
    /// The name given in the chat or by the clinic's staff, else the name of the WhatsApp profile.
    pub name: Option<String>,
    /// WhatsApp's stable id of the chat (`…@lid`).
    pub chat_lid: Option<String>,
    /// When the patient opted out of reminders and notices.
    pub opted_out_at: Option<DateTime<Utc>>,
}

impl Patient {
    /// The person in whose chat the patient is written to: the phone, if there is one. A patient who writes from
    /// a phone of somebody else's record is found by their lid
    /// (`docs/rules/conversation.md#recycled-numbers`).
    pub fn chat_person(&self) -> MatchKey {
        self.phone.clone().map_or_else(|| self.match_key.clone(), MatchKey)
    }

    /// Whether the patient is known under another lid. Without a lid, or without one on record, nothing speaks
    /// against it.
    pub fn has_other_lid(&self, lid: Option<&str>) -> bool {
        self.chat_lid.as_deref().zip(lid).is_some_and(|(on_record, lid)| on_record != lid)
    }
}

/// A person who wrote, or for whom an appointment is booked: the data to find or create the patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The key by which a patient is found.
    pub match_key: MatchKey,
    /// Canonical digits, if a phone is known.
    pub phone: Option<String>,
    /// The address that wrote, if the person wrote.
    pub wa_id: Option<Address>,
    /// WhatsApp's stable id of the chat (`…@lid`).
    pub chat_lid: Option<String>,
    /// A name given in the chat or by the clinic's staff. It replaces the stored name.
    pub stated_name: Option<String>,
    /// Name of the WhatsApp profile. It is used only if no name is stored.
    pub profile_name: Option<String>,
}

/// Maximum characters of a name; the rest is cut off.
const MAX_NAME_CHARS: usize = 80;

/// Cleans a person's name for messages, sheets and reports (`docs/rules/security.md#names-and-texts`): one
/// line of at most 80 characters with single spaces, without WhatsApp markup, control characters and
/// invisible characters. `None` if nothing is left.
pub fn clean_name(name: &str) -> Option<String> {
    let kept: String = name
        .chars()
        .filter(|c| !matches!(c, '*' | '_' | '~' | '`') && !is_invisible(*c))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let mut clean = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = clean.char_indices().nth(MAX_NAME_CHARS) {
        clean.truncate(end);
        clean.truncate(clean.trim_end().len());
    }
    (!clean.is_empty()).then_some(clean)
}

/// Whether `c` has no width or changes the writing direction.
fn is_invisible(c: char) -> bool {
    is_direction_control(c)
        || matches!(c,
            '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
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
