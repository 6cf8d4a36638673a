//! Phrases whose meaning does not depend on the question: commands, yes and no, small talk, intents.

use super::option_id::OptionId;
use crate::domain::message::{Choice, MAX_BUTTON_LABEL, MAX_ROW_LABEL, shorten};
use crate::domain::text_normalize::{normalize, same_word};

const BACK: &[&str] = &["0", "voltar", "volta", "voltar uma etapa"];
const MENU: &[&str] = &[
    "menu",
    "menu principal",
    "inicio",
    "voltar ao menu",
    "voltar para o menu",
    "voltar pro menu",
    "ver o menu",
    "comecar de novo",
    "recomecar",
];
const HUMAN: &[&str] = &[
    "atendente",
    "humano",
    "atendimento humano",
    "atendimento",
    "pessoa",
    "uma pessoa",
    "recepcao",
    "falar com atendente",
    "falar com um atendente",
    "falar com uma atendente",
    "falar com a atendente",
    "falar com o atendente",
    "falar com humano",
    "falar com um humano",
    "falar com uma pessoa",
    "falar com alguem",
    "falar com a recepcao",
    "falar com a clinica",
];
const YES: &[&str] = &[
    "sim",
    "s",
    "confirmo",
    "confirmar",
    "confirma",
    "confirmado",
    "pode confirmar",
    "sim confirmo",
    "sim pode confirmar",
    "sim pode",
    "sim pode ser",
    "ok",
    "okay",
    "okey",
    "ok pode ser",
    "pode ser",
    "pode",
    "claro",
    "sim claro",
    "com certeza",
    "isso",
    "isso mesmo",
    "certo",
    "ta certo",
    "esta certo",
    "perfeito",
];
const NO: &[&str] = &[
    "nao",
    "n",
    "agora nao",
    "nao agora",
    "nao obrigada",
    "nao obrigado",
    "nao quero",
    "nao quero mais",
    "melhor nao",
    "ainda nao",
    "nao confirmo",
    "nao pode",
];
const HELLO: &[&str] = &[
    "oi",
    "oie",
    "oii",
    "ola",
    "opa",
    "e ai",
    "bom dia",
    "boa tarde",
    "boa noite",
    "tudo bem",
    "hello",
    "hi",
];
const THANKS: &[&str] = &[
    "obrigada",
    "obrigado",
    "muito obrigada",
    "muito obrigado",
    "obg",
    "brigada",
    "brigado",
    "valeu",
    "vlw",
    "grata",
    "grato",
    "agradeco",
    "agradecida",
    "agradecido",
    "tchau",
    "ate",
    "ate mais",
    "ate logo",
    "ate la",
    "ate breve",
    "ate amanha",
    "beijo",
    "beijos",
    "bjs",
    "abraco",
    "abracos",
    "de nada",
    "so isso",
    "era so isso",
    "e so isso",
];
const ACKNOWLEDGEMENTS: &[&str] = &[
    "ok",
    "okay",
    "certo",
    "ta",
    "ta bom",
    "ta bem",
    "ta certo",
    "otimo",
    "perfeito",
    "beleza",
    "blz",
    "combinado",
    "show",
    "maravilha",
    "legal",
    "joia",
    "top",
];
/// Phrases that agree to a reminder, in addition to a plain yes.
const AGREES_TO_REMINDER: &[&str] = &[
    "combinado",
    "beleza",
    "blz",
    "ta bom",
    "fechado",
    "confirmada",
    "confirmo presenca",
    "confirmo minha presenca",
    "confirmo a sessao",
    "confirmo minha sessao",
    "presenca confirmada",
    "sessao confirmada",
    "confirmar presenca",
    "quero confirmar",
    "vou",
    "vou sim",
    "eu vou",
    "irei",
    "estarei la",
    "estarei ai",
    "vou estar la",
    "vou estar ai",
];
const CANNOT_COME: &[&str] = &[
    "nao posso",
    "nao poderei",
    "nao vou poder",
    "nao vou conseguir",
    "nao vou",
    "nao irei",
    "nao consigo",
    "nao conseguirei",
    "nao vai dar",
    "nao da",
    "nao dara",
];
/// Phrases that accompany [`CANNOT_COME`] without changing its meaning.
const CANNOT_FILLERS: &[&str] = &[
    "infelizmente",
    "desculpa",
    "desculpe",
    "mas",
    "eu",
    "mais",
    "ir",
    "comparecer",
    "estar",
    "ai",
    "la",
    "hoje",
    "amanha",
    "nesse dia",
    "neste dia",
    "nesse horario",
    "neste horario",
    "por favor",
    "tive um imprevisto",
];
/// Polite words before a command.
const POLITE_PREFIXES: &[&str] = &[
    "oi",
    "ola",
    "bom dia",
    "boa tarde",
    "boa noite",
    "por favor",
    "eu",
    "quero",
    "queria",
    "gostaria de",
    "preciso",
    "posso",
    "vou",
    "pode",
];
const POLITE_SUFFIXES: &[&str] = &["por favor", "pfv", "pf", "obrigada", "obrigado"];

/// Whether a text says yes and nothing else.
pub fn is_yes(text: &str) -> bool {
    let normalized = normalize(text);
    YES.contains(&strip_phrases(&normalized, &[], POLITE_SUFFIXES))
        || (normalized.is_empty() && consists_of_emoji(text, &['👍', '✅', '👌']))
}

/// Whether a text says no and nothing else.
pub fn is_no(text: &str) -> bool {
    let normalized = normalize(text);
    NO.contains(&normalized.as_str()) || (normalized.is_empty() && consists_of_emoji(text, &['👎', '❌']))
}

/// Whether two texts are equal apart from case, accents and punctuation.
pub fn same_text(one: &str, other: &str) -> bool {
    normalize(one) == normalize(other)
}

/// Whether a text is a greeting and nothing else.
pub fn is_hello(text: &str) -> bool {
    consists_of(&normalize(text), &[HELLO])
}

/// Whether a text is thanks or a goodbye. Greetings and words such as "ok" may accompany it, nothing else.
pub fn is_thanks(text: &str) -> bool {
    let normalized = normalize(text);
    consists_of(&normalized, &[THANKS, ACKNOWLEDGEMENTS, HELLO]) && contains_any(&normalized, &[THANKS])
}

/// Whether a text acknowledges something finished: "ok", "combinado", an emoji.
pub fn is_acknowledgement(text: &str) -> bool {
    let normalized = normalize(text);
    consists_of(&normalized, &[ACKNOWLEDGEMENTS])
        || (normalized.is_empty() && text.chars().any(|c| !c.is_ascii() && !c.is_whitespace()))
}

/// Whether a text agrees to a reminder. Greetings and thanks may accompany it, nothing else.
pub fn agrees_to_reminder(text: &str) -> bool {
    let normalized = normalize(text);
    is_yes(text)
        || (consists_of(&normalized, &[YES, AGREES_TO_REMINDER, HELLO, THANKS])
            && contains_any(&normalized, &[YES, AGREES_TO_REMINDER]))
}

/// Whether a text says that the patient cannot come, without asking for anything else.
pub fn cannot_come(text: &str) -> bool {
    let normalized = normalize(text);
    consists_of(&normalized, &[CANNOT_COME, CANNOT_FILLERS, NO, HELLO, THANKS])
        && contains_any(&normalized, &[CANNOT_COME])
}

/// Reads an opt-out word: `Some(true)` opts out, `Some(false)` opts back in. It must be the whole text.
pub fn opt_out(text: &str) -> Option<bool> {
    match normalize(text).as_str() {
        "sair" | "parar" | "stop" => Some(true),
        "voltar a receber" => Some(false),
        _ => None,
    }
}

/// Reads a command. It must be the whole text, apart from polite words around it.
pub fn command(text: &str) -> Option<OptionId> {
    let normalized = normalize(text);
    let stripped = strip_phrases(&normalized, POLITE_PREFIXES, POLITE_SUFFIXES);
    let says = |words: &[&str]| words.contains(&normalized.as_str()) || words.contains(&stripped);
    if says(BACK) {
        Some(OptionId::Back)
    } else if says(MENU) {
        Some(OptionId::Menu)
    } else if says(HUMAN) {
        Some(OptionId::Human)
    } else {
        None
    }
}

/// Whether a text is "cancelar" and nothing else.
pub fn is_bare_cancel(text: &str) -> bool {
    matches!(normalize(text).as_str(), "cancelar" | "cancela")
}

/// Whether a text contains a negation. Such a text has no intent, and matches only an exact label.
pub fn is_negated(text: &str) -> bool {
    normalize(text).split(' ').any(|word| matches!(word, "nao" | "nunca" | "nem" | "jamais" | "ñ" | "num"))
}

/// The part that says what the patient wants: the text after "não," in "não, prefiro terça", or the whole
/// text if it has no negation. `None` for any other text with a negation.
pub fn wanted_instead(text: &str) -> Option<&str> {
    if !is_negated(text) {
        return Some(text);
    }
    let (refusal, rest) = text.split_once([',', '.', ';', '!', '\n'])?;
    (is_no(refusal) && !is_negated(rest)).then_some(rest)
}

/// What a sentence asks for; `None` if it asks for nothing known or for both moving and cancelling.
pub fn intent(text: &str) -> Option<OptionId> {
    if is_negated(text) {
        return None;
    }
    let normalized = normalize(text);
    let words: Vec<&str> = normalized.split(' ').collect();
    let starts = |stems: &[&str]| words.iter().any(|word| stems.iter().any(|stem| word.starts_with(stem)));
    let cancels = starts(&["cancel", "desmarc"]);
    let changes = starts(&["mudar", "trocar", "alterar", "adiar", "antecipar"])
        && starts(&["horario", "hora", "dia", "data", "sess", "consulta", "visita", "agendamento"]);
    let moves = starts(&["remarc", "reagend", "transferir"]) || changes;
    let prices =
        starts(&["preco", "valor"]) || normalized.contains("quanto custa") || normalized.contains("quanto e");
    let asks = starts(&["duvida", "pergunta"]);
    let person = starts(&["atendente", "humano"]);
    let books = starts(&["agend", "reserv"]) || words.iter().any(|word| matches!(*word, "marcar" | "marca"));
    match (cancels, moves, prices, asks, person, books) {
        (true, false, ..) => Some(OptionId::CancelAppointment),
        (false, true, ..) => Some(OptionId::Reschedule),
        (true, true, ..) => None,
        (_, _, _, _, true, _) => Some(OptionId::Human),
        (_, _, true, ..) => Some(OptionId::PriceTable),
        (_, _, _, _, _, true) => Some(OptionId::Schedule),
        (_, _, _, true, ..) => Some(OptionId::Faq),
        _ => None,
    }
}

/// What a sentence asks for in `SCHEDULE_MENU` and `PRICE_TABLE`, where "quero agendar" and "os horários"
/// lead to the days.
pub fn intent_while_booking(text: &str) -> Option<OptionId> {
    let normalized = normalize(text);
    let days = ["horario", "dia", "data", "vaga", "disponiv"];
    let asks_days = || normalized.split(' ').any(|word| days.iter().any(|stem| word.starts_with(stem)));
    match intent(text) {
        Some(OptionId::Schedule) => Some(OptionId::AvailableDays),
        None if !is_negated(text) && asks_days() => Some(OptionId::AvailableDays),
        other => other,
    }
}

/// Reads a text that is only a number: "2", "2.", "dois", "opção 2". The flag says whether the text calls it
/// an option.
pub fn number(text: &str) -> Option<(usize, bool)> {
    let normalized = normalize(text);
    if text.trim().starts_with('-') {
        return None;
    }
    let rest = ["opcao ", "numero ", "a opcao ", "a ", "o ", "item "]
        .iter()
        .find_map(|prefix| normalized.strip_prefix(prefix).map(|rest| (rest, prefix.contains("opcao"))));
    let (word, called_option) = rest.unwrap_or((&normalized, false));
    const NAMES: [&[&str]; 10] = [
        &["um", "uma"],
        &["dois", "duas"],
        &["tres"],
        &["quatro"],
        &["cinco"],
        &["seis"],
        &["sete"],
        &["oito"],
        &["nove"],
        &["dez"],
    ];
    let named = NAMES.iter().position(|names| names.contains(&word)).map(|index| index + 1);
    let digits =
        || (word.len() <= 3 && word.bytes().all(|b| b.is_ascii_digit())).then(|| word.parse().ok()).flatten();
    named.or_else(digits).map(|number| (number, called_option))
}

/// The choices whose label a text means: an exact match, otherwise the labels that contain the text from the
/// start of a word, or whose words the text contains. A text with a negation matches exactly or not at all.
pub fn matching_choices<'a>(text: &str, choices: &'a [Choice], exactly: bool) -> Vec<&'a Choice> {
    let normalized = normalize(text);
    if normalized.is_empty() {
        return Vec::new();
    }
    let exact: Vec<&Choice> = choices
        .iter()
        .filter(|choice| {
            let label = normalize(&choice.label);
            let shown = |max| normalize(&shorten(&choice.label, max));
            label == normalized || shown(MAX_ROW_LABEL) == normalized || shown(MAX_BUTTON_LABEL) == normalized
        })
        .collect();
    if !exact.is_empty() || exactly || is_negated(text) {
        return exact;
    }
    let said: Vec<&str> = normalized.split(' ').collect();
    let starts_a_word_of = |label: &str| {
        normalized.chars().count() >= 3 && format!(" {label}").contains(&format!(" {normalized}"))
    };
    let words_of = |label: &str| -> Vec<String> {
        label.split(' ').filter(|word| word.len() > 2).map(str::to_owned).collect()
    };
    let all_said = |label: &str| {
        let words = words_of(label);
        !words.is_empty() && words.iter().all(|word| said.iter().any(|said| same_word(said, word)))
    };
    let contained: Vec<&Choice> = choices
        .iter()
        .filter(|choice| {
            let label = normalize(&choice.label);
            starts_a_word_of(&label) || all_said(&label)
        })
        .collect();
    // If a text names both "Perna" and "Perna inteira", it means the longer label.
    let is_covered_by = |one: &Choice, other: &Choice| {
        let (one, other) = (words_of(&normalize(&one.label)), words_of(&normalize(&other.label)));
        all_said(&other.join(" ")) && other.len() > one.len() && one.iter().all(|word| other.contains(word))
    };
    contained.iter().copied().filter(|one| !contained.iter().any(|other| is_covered_by(one, other))).collect()
}

/// Removes polite words around a text.
fn strip_phrases<'a>(normalized: &'a str, before: &[&str], after: &[&str]) -> &'a str {
    let mut text = normalized;
    loop {
        let shorter = before
            .iter()
            .find_map(|word| text.strip_prefix(word)?.strip_prefix(' '))
            .or_else(|| after.iter().find_map(|word| text.strip_suffix(word)?.strip_suffix(' ')));
        match shorter {
            Some(shorter) => text = shorter,
            None => return text,
        }
    }
}

/// Whether a text contains one of the phrases, as whole words.
fn contains_any(normalized: &str, phrases: &[&[&str]]) -> bool {
    let text = format!(" {normalized} ");
    phrases.iter().copied().flatten().any(|phrase| text.contains(&format!(" {phrase} ")))
}

/// Whether a text consists only of these phrases.
fn consists_of(normalized: &str, phrases: &[&[&str]]) -> bool {
    if normalized.is_empty() {
        return false;
    }
    let mut rest = normalized;
    while !rest.is_empty() {
        let longest = phrases
            .iter()
            .copied()
            .flatten()
            .filter(|phrase| {
                rest.strip_prefix(**phrase).is_some_and(|after| after.is_empty() || after.starts_with(' '))
            })
            .max_by_key(|phrase| phrase.len());
        let Some(phrase) = longest else { return false };
        rest = rest[phrase.len()..].trim_start();
    }
    true
}

fn consists_of_emoji(text: &str, emoji: &[char]) -> bool {
    let mut seen = false;
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        // Skin tones and presentation selectors do not change the meaning of an emoji.
        if matches!(c, '\u{1f3fb}'..='\u{1f3ff}' | '\u{fe0f}') {
            continue;
        }
        if !emoji.contains(&c) {
            return false;
        }
        seen = true;
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_must_be_the_whole_text() {
        let check = |text: &str, yes: bool, no: bool| {
            assert_eq!((is_yes(text), is_no(text)), (yes, no), "{text:?}");
        };
        for yes in
            ["sim", "Sim!", "confirmo", "OK", "pode ser", "👍", "👍🏽", "sim, por favor", "Pode confirmar."]
        {
            check(yes, true, false);
        }
        for no in ["não", "Nao", "agora não", "👎", "não, obrigada"] {
            check(no, false, true);
        }
        for neither in
            ["não, prefiro terça", "sim mas outro dia", "simples", "ok?? e o preço", "", "👍👎", "❤️"]
        {
            check(neither, false, false);
        }
    }

    #[test]
    fn a_command_must_be_the_whole_text() {
        let check = |text: &str, expected: Option<OptionId>| assert_eq!(command(text), expected, "{text:?}");
        check("voltar", Some(OptionId::Back));
        check("0", Some(OptionId::Back));
        check("MENU", Some(OptionId::Menu));
        check("Início", Some(OptionId::Menu));
        check("quero falar com uma atendente, por favor", Some(OptionId::Human));
        check("humano", Some(OptionId::Human));
        check("não quero falar com atendente", None);
        check("voltar a receber", None);
        check("o menu do restaurante", None);
        assert!(is_bare_cancel("Cancelar!") && !is_bare_cancel("não cancelar"));
        assert_eq!(
            (opt_out("SAIR"), opt_out("Voltar a receber"), opt_out("quero sair")),
            (Some(true), Some(false), None)
        );
    }

    #[test]
    fn an_intent_is_read_unless_negated_or_ambiguous() {
        let check = |text: &str, expected: Option<OptionId>| assert_eq!(intent(text), expected, "{text:?}");
        check("quero agendar", Some(OptionId::Schedule));
        check("Oi, gostaria de marcar um horário", Some(OptionId::Schedule));
        check("quero remarcar", Some(OptionId::Reschedule));
        check("posso mudar o horário da minha sessão?", Some(OptionId::Reschedule));
        check("quero cancelar minha sessão", Some(OptionId::CancelAppointment));
        check("preciso desmarcar a sessão agendada", Some(OptionId::CancelAppointment));
        check("não quero cancelar", None);
        check("cancelar ou remarcar", None);
        check("quanto custa?", Some(OptionId::PriceTable));
        check("tenho uma dúvida", Some(OptionId::Faq));
        check("quero falar com um humano sobre agendamento", Some(OptionId::Human));
        check("qual o horário de vocês", None);
        check("asdf", None);
    }

    #[test]
    fn numbers_are_read_in_figures_and_words() {
        let check =
            |text: &str, expected: Option<(usize, bool)>| assert_eq!(number(text), expected, "{text:?}");
        check("2", Some((2, false)));
        check(" 2. ", Some((2, false)));
        check("dois", Some((2, false)));
        check("Opção 2", Some((2, true)));
        check("a 3", Some((3, false)));
        check("dez", Some((10, false)));
        check("-1", None);
        check("2 e 3", None);
        check("9999", None);
        check("16h", None);
    }

    #[test]
    fn labels_match_by_a_part_or_inside_a_sentence() {
        let labels = ["Perna", "Perna inteira", "Depilação a laser", "Depilação com cera"];
        let choices: Vec<Choice> = labels.iter().map(|label| Choice::new(*label, *label)).collect();
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<&str> = matching_choices(text, &choices, false)
                .into_iter()
                .map(|choice| choice.id.as_str())
                .collect();
            assert_eq!(found, expected, "{text:?}");
        };
        check("perna", &["Perna"]);
        check("quero a perna inteira", &["Perna inteira"]);
        check("depilacao", &["Depilação a laser", "Depilação com cera"]);
        check("LASER", &["Depilação a laser"]);
        check("não quero laser", &[]);
        check("pe", &[]);
        check("epilação", &[]);
        check("😀", &[]);
    }

    #[test]
    fn small_talk_must_be_the_whole_text() {
        assert!(is_hello("Oi, bom dia!") && !is_hello("oi, quero agendar") && !is_hello(""));
        assert!(
            is_thanks("ok, muito obrigada! tchau") && !is_thanks("ok") && !is_thanks("obrigada, e o preço?")
        );
        assert!(
            is_acknowledgement("Combinado")
                && is_acknowledgement("❤️")
                && !is_acknowledgement("combinado às 9")
        );
    }

    #[test]
    fn a_text_agrees_to_a_reminder_or_says_that_the_patient_cannot_come() {
        let check = |text: &str, agrees_to: bool, cannot: bool| {
            assert_eq!((agrees_to_reminder(text), cannot_come(text)), (agrees_to, cannot), "{text:?}");
        };
        for yes in
            ["Ok", "Ok, combinado! Obrigada", "boa tarde, confirmo presença", "vou sim", "👌", "beleza"]
        {
            check(yes, true, false);
        }
        for no in ["Não posso", "oi, infelizmente não vou poder ir amanhã", "não vai dar", "não, não consigo"]
        {
            check(no, false, true);
        }
        for neither in
            ["não", "obrigada", "bom dia", "ok mas que horas?", "não posso sexta", "vou pensar", ""]
        {
            check(neither, false, false);
        }
    }

    #[test]
    fn the_text_after_a_refusal_is_read() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(wanted_instead(text), expected, "{text:?}");
        check("prefiro terça", Some("prefiro terça"));
        check("não, prefiro terça", Some(" prefiro terça"));
        check("não posso terça", None);
        check("não, terça não posso", None);
        check("não", None);
    }
}
