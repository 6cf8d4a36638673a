//! Reads a patient's name from what they wrote.

use crate::domain::patient::clean_name;

/// Longest accepted text, in characters.
const MAX_LENGTH: usize = 80;

/// Phrases before the name that are dropped.
const INTRODUCTIONS: [&str; 8] =
    ["meu nome é ", "meu nome e ", "me chamo ", "eu sou a ", "eu sou o ", "sou a ", "sou o ", "é "];

/// Reads a name of at least two letters from a text of at most 80 characters. Phrases such as "me chamo" are
/// dropped. `None` if the text is not a name.
pub fn read_name(text: &str) -> Option<String> {
    let name = clean_name(text.get(..).filter(|text| text.chars().count() <= 2 * MAX_LENGTH)?)?;
    let lower = name.to_lowercase();
    let name = INTRODUCTIONS
        .iter()
        .find(|words| lower.starts_with(**words))
        .and_then(|words| name.get(words.len()..))
        .unwrap_or(&name)
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_owned();
    let only_name_characters =
        name.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '\'' | '’' | '-' | '.'));
    let has_two_letters = name.chars().filter(|c| c.is_alphabetic()).count() >= 2;
    (only_name_characters && has_two_letters && text.trim().chars().count() <= MAX_LENGTH).then_some(name)
}
