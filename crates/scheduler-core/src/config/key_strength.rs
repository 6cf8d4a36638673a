//! Whether API keys and webhook tokens are too long to be guessed
//! (`docs/rules/security.md#keys-and-tokens`).

use crate::domain::clinic::Secret;

/// Fewest characters of an API key or a webhook token of a deployed stage. `openssl rand -hex 12` writes 24.
pub const MIN_KEY_CHARS: usize = 24;

/// Checks keys or tokens, each without the clinic in front of it. For values of a deployed stage alone: a local
/// server accepts short ones. The error is a [`VariableError::wrong`](super::VariableError::wrong) and contains
/// none of the values.
pub fn check_key_strength<'a>(keys: impl IntoIterator<Item = &'a Secret>) -> Result<(), &'static str> {
    let is_short = |key: &Secret| key.expose().chars().count() < MIN_KEY_CHARS;
    if keys.into_iter().any(is_short) { Err("has an entry of fewer than 24 characters") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EnvReader;

    #[test]
    fn every_key_needs_24_characters_of_its_own() {
        let long = "a".repeat(MIN_KEY_CHARS);
        let short = "a".repeat(MIN_KEY_CHARS - 1);
        let check = |variable: &str, expected: bool| {
            let lookup = |_: &str| Some(variable.to_owned());
            let keys = EnvReader::new(&lookup).api_keys();
            let checked = check_key_strength(keys.iter().map(|key| &key.key));
            assert_eq!(checked.is_ok(), expected, "{variable}");
        };
        check(&long, true);
        check(&short, false);
        check(&format!("{long}, sp-1:{long}"), true);
        check(&format!("{long},sp-1:{short}"), false);
        // The clinic's id does not lengthen its key.
        check(&format!("laser-beauty-sp-1a2b3c:{short}"), false);
        // Characters count, not bytes.
        check(&"é".repeat(MIN_KEY_CHARS - 1), false);
        let tokens = [Secret::new(long), Secret::new(short)];
        assert!(check_key_strength(&tokens).is_err());
    }

    #[test]
    fn the_reason_names_the_limit_and_no_key() {
        let wrong = check_key_strength([&Secret::new("marked")]).unwrap_err();
        assert!(wrong.contains(&MIN_KEY_CHARS.to_string()) && !wrong.contains("marked"), "{wrong}");
    }
}
