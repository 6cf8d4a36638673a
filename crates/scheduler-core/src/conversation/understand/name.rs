//! A patient's name as they write it.

use crate::domain::patient::clean_name;

/// Longest name taken, in characters.
const MAX_LENGTH: usize = 80;

/// Words before the name itself.
const INTRODUCTIONS: [&str; 8] =
    ["meu nome é ", "meu nome e ", "me chamo ", "eu sou a ", "eu sou o ", "sou a ", "sou o ", "é "];

/// Reads a name of two letters at least and 80 characters at most, without words such as "me chamo".
/// `None` if the text is not a name.
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
    let letters = name.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '\'' | '’' | '-' | '.'));
    let real = name.chars().filter(|c| c.is_alphabetic()).count() >= 2;
    (letters && real && text.trim().chars().count() <= MAX_LENGTH).then_some(name)
}
