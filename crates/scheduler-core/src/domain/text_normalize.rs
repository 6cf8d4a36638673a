//! Normalises text for comparison: case, accents, punctuation and plural do not matter.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The text in lower case and without accents. Each run of characters other than letters and digits becomes
/// one space, or nothing at the start and the end. A text of nothing but emoji becomes empty.
pub fn normalize(text: &str) -> String {
    let mut normalized = String::with_capacity(text.len());
    let plain = text.nfkd().flat_map(char::to_lowercase).filter(|&c| !is_combining_mark(c));
    for c in plain {
        if c.is_alphanumeric() {
            normalized.push(c);
        } else if !normalized.is_empty() && !normalized.ends_with(' ') {
            normalized.push(' ');
        }
    }
    normalized.truncate(normalized.trim_end().len());
    normalized
}

/// Whether two normalised words are equal, or one is the Portuguese plural of the other.
pub fn same_word(one: &str, other: &str) -> bool {
    one == other || is_plural_of(one, other) || is_plural_of(other, one)
}

fn is_plural_of(plural: &str, singular: &str) -> bool {
    let ends =
        |stem: &str, endings: &[&str]| plural.strip_prefix(stem).is_some_and(|rest| endings.contains(&rest));
    if ends(singular, &["s", "es"]) {
        return true;
    }
    if let Some(stem) = singular.strip_suffix("ao") {
        return ends(stem, &["oes", "aes"]);
    }
    if let Some(stem) = singular.strip_suffix("il") {
        return ends(stem, &["is", "eis"]);
    }
    if let Some(stem) = singular.strip_suffix('l') {
        return ends(stem, &["is"]);
    }
    if let Some(stem) = singular.strip_suffix('m') {
        return ends(stem, &["ns"]);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalize_removes_case_accents_and_punctuation() {
        let check = |text: &str, expected: &str| assert_eq!(normalize(text), expected, "{text:?}");
        check("Não, prefiro TERÇA!", "nao prefiro terca");
        check("  Sessão   às 16h30 ", "sessao as 16h30");
        check("16:30", "16 30");
        check("segunda-feira,\n16/02", "segunda feira 16 02");
        check("na\u{303}o", "nao");
        check("ＯＬÁ 𝐎𝐥á", "ola ola");
        check("1ª sessão", "1a sessao");
        check("👍", "");
        check("ok 👍🏽", "ok");
        check("İ", "i");
        check("...", "");
        check("", "");
        check("a\u{200b}b\u{a0}c", "a b c");
    }

    #[test]
    fn a_word_and_its_plural_are_the_same() {
        let check = |one: &str, other: &str, expected: bool| {
            assert_eq!(same_word(one, other), expected, "{one} {other}");
            assert_eq!(same_word(other, one), expected, "{other} {one}");
        };
        check("perna", "pernas", true);
        check("axila", "axila", true);
        check("sessao", "sessoes", true);
        check("mao", "maos", true);
        check("facial", "faciais", true);
        check("perfil", "perfis", true);
        check("facil", "faceis", true);
        check("azul", "azuis", true);
        check("homem", "homens", true);
        check("laser", "lasers", true);
        check("flor", "flores", true);
        check("mes", "meses", true);
        check("gluteo", "gluteos", true);
        check("perna", "pernambuco", false);
        check("pe", "perna", false);
        check("axila", "virilha", false);
        check("braco", "braca", false);
    }
}
