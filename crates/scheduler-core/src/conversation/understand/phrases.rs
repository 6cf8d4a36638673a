//! Words that mean something whatever is asked: commands, yes and no, small talk, wishes.

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
const FINE: &[&str] = &[
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
/// With which a reminder is agreed to, besides a plain yes.
const COMING: &[&str] = &[
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
const CANNOT: &[&str] = &[
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
/// What is said around it, and changes nothing.
const AROUND_CANNOT: &[&str] = &[
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
/// What people put before and after what they want.
const BEFORE: &[&str] = &[
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
const AFTER: &[&str] = &["por favor", "pfv", "pf", "obrigada", "obrigado"];

/// A text that says yes and nothing else.
pub fn is_yes(text: &str) -> bool {
    let normalized = normalize(text);
    YES.contains(&without(&normalized, &[], AFTER))
        || (normalized.is_empty() && is_emoji_of(text, &['👍', '✅', '👌']))
}

/// A text that says no and nothing else.
pub fn is_no(text: &str) -> bool {
    let normalized = normalize(text);
    NO.contains(&normalized.as_str()) || (normalized.is_empty() && is_emoji_of(text, &['👎', '❌']))
}

/// The same words, however they are written.
pub fn same_text(one: &str, other: &str) -> bool {
    normalize(one) == normalize(other)
}

/// A greeting and nothing else.
pub fn is_hello(text: &str) -> bool {
    made_of(&normalize(text), &[HELLO])
}

/// Thanks or a goodbye and nothing else.
pub fn is_thanks(text: &str) -> bool {
    let normalized = normalize(text);
    made_of(&normalized, &[THANKS, FINE, HELLO]) && says_one_of(&normalized, &[THANKS])
}

/// "Ok", "combinado", an emoji: what a finished matter is answered with.
pub fn is_fine(text: &str) -> bool {
    let normalized = normalize(text);
    made_of(&normalized, &[FINE])
        || (normalized.is_empty() && text.chars().any(|c| !c.is_ascii() && !c.is_whitespace()))
}

/// Agrees to what a reminder says, and says nothing else but greetings and thanks.
pub fn agrees(text: &str) -> bool {
    let normalized = normalize(text);
    is_yes(text)
        || (made_of(&normalized, &[YES, COMING, HELLO, THANKS]) && says_one_of(&normalized, &[YES, COMING]))
}

/// Says that they cannot come, and nothing of what they would like instead.
pub fn cannot_come(text: &str) -> bool {
    let normalized = normalize(text);
    made_of(&normalized, &[CANNOT, AROUND_CANNOT, NO, HELLO, THANKS]) && says_one_of(&normalized, &[CANNOT])
}

/// No more proactive messages (`Some(true)`), or again (`Some(false)`): whole texts.
pub fn opt_out(text: &str) -> Option<bool> {
    match normalize(text).as_str() {
        "sair" | "parar" | "stop" => Some(true),
        "voltar a receber" => Some(false),
        _ => None,
    }
}

/// A command, as a whole text.
pub fn command(text: &str) -> Option<OptionId> {
    let normalized = normalize(text);
    let plain = without(&normalized, BEFORE, AFTER);
    let says = |words: &[&str]| words.contains(&normalized.as_str()) || words.contains(&plain);
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

/// "Cancelar" and nothing else.
pub fn is_leave(text: &str) -> bool {
    matches!(normalize(text).as_str(), "cancelar" | "cancela")
}

/// A text that takes something back: it never matches a label or a command by containment.
pub fn is_negated(text: &str) -> bool {
    normalize(text).split(' ').any(|word| matches!(word, "nao" | "nunca" | "nem" | "jamais" | "ñ" | "num"))
}

/// What follows "não," in "não, prefiro terça"; the whole text where nothing is refused. `None`
/// where the refusal is all there is to read.
pub fn wanted_instead(text: &str) -> Option<&str> {
    if !is_negated(text) {
        return Some(text);
    }
    let (refusal, rest) = text.split_once([',', '.', ';', '!', '\n'])?;
    (is_no(refusal) && !is_negated(rest)).then_some(rest)
}

/// What a sentence asks for, if it is one thing.
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

/// What a sentence asks for where an appointment is about to be booked: "quero agendar" and "os horários"
/// go on to the days.
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

/// A number and nothing else: "2", "2.", "dois", "opção 2". Says also whether it was called an
/// option.
pub fn number(text: &str) -> Option<(usize, bool)> {
    let normalized = normalize(text);
    if text.trim().starts_with('-') {
        return None;
    }
    let rest = ["opcao ", "numero ", "a opcao ", "a ", "o ", "item "]
        .iter()
        .find_map(|prefix| normalized.strip_prefix(prefix).map(|rest| (rest, prefix.contains("opcao"))));
    let (word, called) = rest.unwrap_or((&normalized, false));
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
    named.or_else(digits).map(|number| (number, called))
}

/// The labels that a text may mean: exactly, or else those that contain it or whose words it
/// contains. Negations never match by containment.
pub fn named<'a>(text: &str, choices: &'a [Choice], exactly: bool) -> Vec<&'a Choice> {
    let text_words = normalize(text);
    if text_words.is_empty() {
        return Vec::new();
    }
    let exact: Vec<&Choice> = choices
        .iter()
        .filter(|choice| {
            let label = normalize(&choice.label);
            let shown = |most| normalize(&shorten(&choice.label, most));
            label == text_words || shown(MAX_ROW_LABEL) == text_words || shown(MAX_BUTTON_LABEL) == text_words
        })
        .collect();
    if !exact.is_empty() || exactly || is_negated(text) {
        return exact;
    }
    let said: Vec<&str> = text_words.split(' ').collect();
    let within = |label: &str| {
        text_words.chars().count() >= 3 && format!(" {label}").contains(&format!(" {text_words}"))
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
            within(&label) || all_said(&label)
        })
        .collect();
    // Of "Perna" and "Perna inteira", both said, the fuller one is meant.
    let fuller = |one: &Choice, other: &Choice| {
        let (one, other) = (words_of(&normalize(&one.label)), words_of(&normalize(&other.label)));
        all_said(&other.join(" ")) && other.len() > one.len() && one.iter().all(|word| other.contains(word))
    };
    contained.iter().copied().filter(|one| !contained.iter().any(|other| fuller(one, other))).collect()
}

/// The text without polite words around it.
fn without<'a>(normalized: &'a str, before: &[&str], after: &[&str]) -> &'a str {
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

/// Whether a text has one of these phrases in it, whole words.
fn says_one_of(normalized: &str, phrases: &[&[&str]]) -> bool {
    let text = format!(" {normalized} ");
    phrases.iter().copied().flatten().any(|phrase| text.contains(&format!(" {phrase} ")))
}

/// Whether a text is made of such phrases alone.
fn made_of(normalized: &str, phrases: &[&[&str]]) -> bool {
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

fn is_emoji_of(text: &str, emoji: &[char]) -> bool {
    let mut seen = false;
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        // Skin tones and presentation selectors do not change what a thumb means.
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
    fn yes_and_no_are_whole_texts() {
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
    fn commands_are_whole_texts() {
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
        assert!(is_leave("Cancelar!") && !is_leave("não cancelar"));
        assert_eq!(
            (opt_out("SAIR"), opt_out("Voltar a receber"), opt_out("quero sair")),
            (Some(true), Some(false), None)
        );
    }

    #[test]
    fn a_wish_is_one_thing_and_not_refused() {
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
    fn numbers_are_said_in_many_ways() {
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
    fn labels_are_named_by_a_part_or_within_a_sentence() {
        let labels = ["Perna", "Perna inteira", "Depilação a laser", "Depilação com cera"];
        let choices: Vec<Choice> = labels.iter().map(|label| Choice::new(*label, *label)).collect();
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<&str> =
                named(text, &choices, false).into_iter().map(|choice| choice.id.as_str()).collect();
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
    fn small_talk_is_nothing_else() {
        assert!(is_hello("Oi, bom dia!") && !is_hello("oi, quero agendar") && !is_hello(""));
        assert!(
            is_thanks("ok, muito obrigada! tchau") && !is_thanks("ok") && !is_thanks("obrigada, e o preço?")
        );
        assert!(is_fine("Combinado") && is_fine("❤️") && !is_fine("combinado às 9"));
    }

    #[test]
    fn a_reminder_is_agreed_to_or_not() {
        let check = |text: &str, agrees_to: bool, cannot: bool| {
            assert_eq!((agrees(text), cannot_come(text)), (agrees_to, cannot), "{text:?}");
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
    fn a_refusal_may_say_what_is_wanted_instead() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(wanted_instead(text), expected, "{text:?}");
        check("prefiro terça", Some("prefiro terça"));
        check("não, prefiro terça", Some(" prefiro terça"));
        check("não posso terça", None);
        check("não, terça não posso", None);
        check("não", None);
    }
}
