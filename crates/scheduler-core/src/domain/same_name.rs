//! Whether a name that somebody gives is the one on record (`docs/rules/conversation.md#recycled-numbers`).

use super::text_normalize::normalize;

/// Words that are left out of names: people write them or not.
const PARTICLES: [&str; 6] = ["da", "das", "de", "do", "dos", "e"];

/// Whether `name` has a word by which it can be recognised.
pub fn has_words(name: &str) -> bool {
    !words(name).is_empty()
}

/// Whether the name given is the one on record: its first name and, if it has more, one further part, in any
/// order, whatever the case and the accents. One word that is not on record is allowed, such as another
/// surname; more would let somebody list many names at once.
pub fn is_same_name(given: &str, on_record: &str) -> bool {
    let (given, on_record) = (words(given), words(on_record));
    let Some((first, others)) = on_record.split_first() else { return false };
    let unknown = given.iter().filter(|word| !on_record.contains(word)).count();
    let has_other = others.is_empty() || others.iter().any(|word| given.contains(word));
    given.contains(first) && has_other && unknown <= 1
}

fn words(name: &str) -> Vec<String> {
    let normalized = normalize(name);
    let words = normalized.split(' ').filter(|word| !word.is_empty() && !PARTICLES.contains(word));
    words.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_and_one_further_part_are_enough() {
        let check = |given: &str, on_record: &str, expected: bool| {
            assert_eq!(is_same_name(given, on_record), expected, "{given:?} for {on_record:?}");
        };
        let full = "Maria Aparecida da Silva Souza";
        for given in
            [full, "maria silva", "MARIA DE SOUZA", "souza, maria", "Mária Aparecida", "Maria Souza Lima"]
        {
            check(given, full, true);
        }
        for given in ["Maria", "Aparecida Silva", "Silva Souza", "da Maria", "Mari Souza", "", "de", "👍"] {
            check(given, full, false);
        }
        check("Maria Lima Costa Souza", full, false);
        check("Ana Bia Carla Maria Joana Silva Souza", full, false);
        // A record with one name asks for no more.
        check("maria", "Maria", true);
        check("Maria Silva", "Maria", true);
        check("Ana", "Maria", false);
        check("João D'Ávila", "Joao D Avila", true);
        check("Maria Maria", "Maria Silva", false);
        // A record without words is nobody's.
        check("", "", false);
        check("💖", "💖", false);
    }

    #[test]
    fn a_name_of_emoji_has_no_words() {
        assert!(has_words("Maria 💖"));
        assert!(!has_words("💖") && !has_words("de") && !has_words(""));
    }
}
