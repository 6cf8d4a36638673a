//! How long an appointment takes when the patient names areas besides the chosen service.

use super::text_normalize::{normalize, same_word};

/// Words of a name that tell nothing.
const SMALL_WORDS: [&str; 17] =
    ["a", "as", "o", "os", "e", "ou", "de", "da", "das", "do", "dos", "com", "em", "na", "no", "para", "por"];

/// Length of an appointment in minutes: the chosen service plus every other service that the areas name
/// (product 2). Both `chosen` and `services` are names with minutes; the chosen one may be among
/// the services, it counts once.
///
/// A service is named when the text holds, as whole words, folded and plural-blind, every word
/// that tells it apart: words of the chosen service do not, nor do words with which another
/// service's name begins as well before it goes on ("Depilação a laser axilas" is named by "axila" where there is a
/// "Depilação a laser pernas"). Of "Perna" and "Perna inteira" the more exact one alone counts.
pub fn session_minutes<'a>(
    chosen: (&str, i32),
    services: impl IntoIterator<Item = (&'a str, i32)>,
    areas: &str,
) -> i32 {
    let areas = normalize(areas);
    let said: Vec<&str> = areas.split(' ').collect();
    let (chosen_name, chosen_minutes) = (normalize(chosen.0), chosen.1);
    let chosen_words: Vec<&str> = chosen_name.split(' ').collect();
    let services: Vec<(String, i32)> =
        services.into_iter().map(|(name, minutes)| (normalize(name), minutes)).collect();
    let names: Vec<Vec<&str>> = services.iter().map(|(name, _)| telling_words(name)).collect();

    let named: Vec<usize> = (0..services.len())
        .filter(|&i| {
            let shared = names
                .iter()
                .enumerate()
                .filter(|&(other, _)| other != i)
                .map(|(_, other)| (words_in_common(&names[i], other), other.len()))
                .filter(|&(shared, length)| shared < names[i].len().min(length))
                .map(|(shared, _)| shared)
                .max();
            let mut needed = names[i][shared.unwrap_or(0)..]
                .iter()
                .filter(|word| !has_word(&chosen_words, word))
                .peekable();
            needed.peek().is_some() && needed.all(|word| has_word(&said, word))
        })
        .collect();

    let covered_by = |i: usize, other: usize| {
        let all_there = names[i].iter().all(|word| has_word(&names[other], word));
        all_there && (names[i].len() < names[other].len() || other < i)
    };
    named
        .iter()
        .filter(|&&i| !named.iter().any(|&other| other != i && covered_by(i, other)))
        .fold(chosen_minutes, |sum, &i| sum.saturating_add(services[i].1))
}

fn telling_words(name: &str) -> Vec<&str> {
    name.split(' ').filter(|word| !word.is_empty() && !SMALL_WORDS.contains(word)).collect()
}

fn words_in_common(one: &[&str], other: &[&str]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| same_word(a, b)).count()
}

fn has_word(words: &[&str], wanted: &str) -> bool {
    words.iter().any(|word| same_word(word, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASER: (&str, i32) = ("Depilação a laser", 45);

    fn check(chosen: (&str, i32), services: &[(&str, i32)], areas: &str, expected: i32) {
        assert_eq!(session_minutes(chosen, services.iter().copied(), areas), expected, "{areas:?}");
    }

    #[test]
    fn the_chosen_service_and_the_named_ones_add_up() {
        let services = [LASER, ("Axilas", 20), ("Pernas", 40), ("Virilha", 25)];
        check(LASER, &services, "Pernas e axilas", 105);
        check(LASER, &services, "perna, AXILA e viriliha", 105);
        check(LASER, &services, "só a virilha", 70);
        check(LASER, &services, "axila axila axilas", 65);
        check(LASER, &services, "rosto", 45);
        check(LASER, &services, "pernambuco", 45);
        check(LASER, &services, "depilação a laser", 45);
        check(LASER, &services, "", 45);
        check(("Pernas", 40), &services, "pernas", 40);
        check(("Pernas", 40), &services, "pernas e axilas", 60);
        check(("Pernas", 40), &[], "axilas", 40);
    }

    #[test]
    fn a_common_beginning_does_not_tell_services_apart() {
        let services =
            [("Depilação a laser - Axilas", 15), ("Depilação a laser - Pernas", 45), ("Limpeza de pele", 60)];
        check(services[1], &services, "pernas e axilas", 60);
        check(services[2], &services, "axilas", 75);
        check(services[2], &services, "laser", 60);
        check(services[0], &services, "pele", 15);
        check(services[0], &services, "limpeza da pele", 75);
    }

    #[test]
    fn the_more_exact_name_counts_alone() {
        let services = [("Axila", 10), ("Perna", 30), ("Perna inteira", 50), ("Meia perna", 25)];
        check(services[0], &services, "perna", 40);
        check(services[0], &services, "perna inteira", 60);
        check(services[0], &services, "meia perna", 35);
        check(services[0], &services, "barriga inteira", 10);
        check(services[3], &services, "meia perna", 25);
        check(services[0], &[("Buço", 5), ("buço", 5)], "buço", 15);
    }

    #[test]
    fn huge_lengths_do_not_wrap() {
        check(("Axila", i32::MAX), &[("Perna", 30)], "perna", i32::MAX);
    }
}
