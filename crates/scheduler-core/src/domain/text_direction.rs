//! The characters that change the writing direction of a text (`docs/rules/security.md#names-and-texts`). In a
//! name or a note they can make the rest of a line read backwards, in the chat, the sheet and the report.

/// The text without characters that change the writing direction.
pub fn without_direction_controls(text: &str) -> String {
    text.chars().filter(|c| !is_direction_control(*c)).collect()
}

/// Whether `c` changes the writing direction: Unicode's property `Bidi_Control`.
pub fn is_direction_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_direction_control_is_removed_and_nothing_else() {
        let controls =
            "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        assert!(controls.chars().all(is_direction_control));
        let surrounded: String = controls.chars().flat_map(|c| ['a', c, 'b']).collect();
        assert_eq!(without_direction_controls(&surrounded), "ab".repeat(controls.chars().count()));
        let others = "João D'Ávila 💖 👩\u{200d}⚕\u{fe0f} שלום مرحبا\u{200b}\u{2060}\n\t";
        assert_eq!(without_direction_controls(others), others);
    }
}
