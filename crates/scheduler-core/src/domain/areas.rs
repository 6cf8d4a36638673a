//! Length of an appointment for which the patient names areas in addition to the chosen service.

use super::text_normalize::{normalize, same_word};

/// Words without meaning for the comparison of service names.
const STOP_WORDS: [&str; 17] =
    ["a", "as", "o", "os", "e", "ou", "de", "da", "das", "do", "dos", "com", "em", "na", "no", "para", "por"];

/// Length of an appointment in minutes: the chosen service plus every other service that `areas` names
/// (`docs/rules/agenda.md#session-length`). `chosen` and `services` are service names with their minutes.
/// `services` may contain the chosen service, which counts once.
///
/// A service is named if `areas` contains every distinctive word of its name as a whole word. Case, accents
/// and plural do not matter. A word is not distinctive if it also occurs in the chosen service's name. If
/// two names begin with the same words and go on with different ones, those first words are not distinctive
/// either: with "Depilação a laser axilas" and "Depilação a laser pernas", "axila" names the first.
///
/// If "Perna" and "Perna inteira" are both named, only the longer name counts.
pub fn appointment_minutes<'a>(
    chosen: (&str, i32),
    services: impl IntoIterator<Item = (&'a str, i32)>,
    areas: &str,
) -> i32 {
    let areas = normalize(areas);
    let area_words: Vec<&str> = areas.split(' ').collect();
    let (chosen_name, chosen_minutes) = (normalize(chosen.0), chosen.1);
    let chosen_words: Vec<&str> = chosen_name.split(' ').collect();
    let services: Vec<(String, i32)> =
        services.into_iter().map(|(name, minutes)| (normalize(name), minutes)).collect();
    let names: Vec<Vec<&str>> = services.iter().map(|(name, _)| significant_words(name)).collect();

    let named: Vec<usize> = (0..services.len())
        .filter(|&i| {
            let shared = names
                .iter()
                .enumerate()
                .filter(|&(other, _)| other != i)
                .map(|(_, other)| (common_prefix_len(&names[i], other), other.len()))
                .filter(|&(shared, length)| shared < names[i].len().min(length))
                .map(|(shared, _)| shared)
                .max();
            let mut needed = names[i][shared.unwrap_or(0)..]
                .iter()
                .filter(|word| !has_word(&chosen_words, word))
                .peekable();
            needed.peek().is_some() && needed.all(|word| has_word(&area_words, word))
        })
        .collect();

    let covered_by = |i: usize, other: usize| {
        let is_contained = names[i].iter().all(|word| has_word(&names[other], word));
        is_contained && (names[i].len() < names[other].len() || other < i)
    };
    named
        .iter()
        .filter(|&&i| !named.iter().any(|&other| other != i && covered_by(i, other)))
        .fold(chosen_minutes, |sum, &i| sum.saturating_add(services[i].1))
}

fn significant_words(name: &str) -> Vec<&str> {
    name.split(' ').filter(|word| !word.is_empty() && !STOP_WORDS.contains(word)).collect()
}

fn common_prefix_len(one: &[&str], other: &[&str]) -> usize {
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
        assert_eq!(appointment_minutes(chosen, services.iter().copied(), areas), expected, "{areas:?}");
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
    fn a_beginning_that_two_names_share_does_not_name_a_service() {
        let services =
            [("Depilação a laser - Axilas", 15), ("Depilação a laser - Pernas", 45), ("Limpeza de pele", 60)];
        check(services[1], &services, "pernas e axilas", 60);
        check(services[2], &services, "axilas", 75);
        check(services[2], &services, "laser", 60);
        check(services[0], &services, "pele", 15);
        check(services[0], &services, "limpeza da pele", 75);
    }

    #[test]
    fn of_a_name_within_a_longer_name_only_the_longer_counts() {
        let services = [("Axila", 10), ("Perna", 30), ("Perna inteira", 50), ("Meia perna", 25)];
        check(services[0], &services, "perna", 40);
        check(services[0], &services, "perna inteira", 60);
        check(services[0], &services, "meia perna", 35);
        check(services[0], &services, "barriga inteira", 10);
        check(services[3], &services, "meia perna", 25);
        check(services[0], &[("Buço", 5), ("buço", 5)], "buço", 15);
    }

    #[test]
    fn the_sum_of_lengths_does_not_overflow() {
        check(("Axila", i32::MAX), &[("Perna", 30)], "perna", i32::MAX);
    }
}
