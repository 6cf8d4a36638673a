//! Reads a message as an answer to the current question, in the order of
//! `docs/rules/conversation.md#reading-an-answer`.

use chrono::{NaiveDate, NaiveTime};

use super::option_id::{OptionId, written_text};
use super::{date_time, phrases};
use crate::conversation::machine::event::PatientMessage;
use crate::conversation::machine::state::{Chat, FaqChoice, State};
use crate::conversation::say::format::written_day;
use crate::domain::message::{Choice, Content};
use crate::domain::time::Slot;

/// What a message means in the current state.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// An option: pressed, or written as its id, number, label, command or sentence.
    Option(OptionId),
    /// A day, an hour or both, in states that ask for one of them.
    When {
        /// The day, if one is named.
        day: Option<NaiveDate>,
        /// The hour, if one is named.
        hour: Option<NaiveTime>,
    },
    /// Free text, in states that ask for it.
    Text(String),
    /// A plain no to a confirmation.
    No,
    /// "Cancelar" and nothing else: its meaning depends on the state.
    BareCancel,
    /// A greeting.
    Hello,
    /// Thanks or a goodbye.
    Thanks,
    /// The text fits several options, days or hours: their labels.
    Ambiguous(Vec<String>),
    /// A bare number that is both an option and an offered hour.
    OptionOrHour {
        /// The number.
        number: usize,
        /// The option's label.
        option: String,
    },
    /// Content that is not text.
    Unreadable,
    /// A sentence in a menu or finished state. It may be a question of the FAQ.
    Sentence,
    /// Not understood.
    NotUnderstood,
}

/// Reads a message as an answer to the question of the current state. A pressed option that this question
/// does not offer keeps its meaning, because it comes from an old message.
pub fn read(chat: &Chat, message: &PatientMessage) -> Answer {
    let text = match &message.content {
        Content::Unreadable { .. } => return Answer::Unreadable,
        Content::Pressed { id, label } => match OptionId::parse(id) {
            Some(option) => return Answer::Option(option),
            None => label,
        },
        Content::Text { text } => text,
    };
    let state = &chat.state;
    let question = state.question(&chat.memory);
    let choices = question.choices();

    // An option id written as text.
    if let Some(choice) = choices.iter().find(|choice| choice.id == text.trim()) {
        return option_answer(choice);
    }
    // A command, valid in any state. It must be the whole text.
    if let Some(command) = phrases::command(text) {
        return Answer::Option(command);
    }
    if phrases::is_bare_cancel(text) {
        return Answer::BareCancel;
    }
    // The number of an option.
    if let Some(answer) = read_number(chat, message, text) {
        return answer;
    }
    // The exact label of an option.
    if let Some(answer) = answer_from_matches(phrases::matching_choices(text, &choices, true)) {
        return answer;
    }
    if state.awaits_confirmation() {
        return read_confirmation(chat, message, text);
    }
    if let Some(answer) = small_talk(state, text) {
        return answer;
    }
    // A wish in words is no name, and must not count as a wrong one.
    if matches!(state, State::VerifyName { .. })
        && let Some(intent) = phrases::intent(text)
    {
        return Answer::Option(intent);
    }
    if matches!(state, State::InputAreas { .. } | State::AskName { .. } | State::VerifyName { .. }) {
        let is_not_an_answer =
            phrases::is_yes(text) || phrases::is_no(text) || !text.chars().any(char::is_alphanumeric);
        return if is_not_an_answer { Answer::NotUnderstood } else { Answer::Text(text.trim().to_owned()) };
    }
    // Days and hours.
    if state.purpose().is_some()
        && let Some(answer) = read_day_and_hour(chat, message, text)
    {
        return answer;
    }
    if wants_more(text) && choices.iter().any(|choice| choice.id == "more") {
        return Answer::Option(OptionId::More);
    }
    // Another day, while times are offered.
    if state.slots().is_some() && wants_another_day(text) {
        return Answer::Option(OptionId::Back);
    }
    // What a sentence asks for. A text with "?" is left to the FAQ, except in the menus for booking.
    let intent = match state {
        State::ScheduleMenu | State::PriceTable { .. } => phrases::intent_while_booking(text),
        _ if state.reads_intents() && !text.contains('?') => phrases::intent(text),
        _ => None,
    };
    if let Some(intent) = intent {
        return Answer::Option(intent);
    }
    // The one label that contains the text, or whose words the text contains.
    answer_from_matches(phrases::matching_choices(text, &choices, false))
        .unwrap_or_else(|| sentence_or_not_understood(state, text))
}

/// Whether a text is a command or asks to write no more: it means the same in every state and is read alone.
pub fn is_command(text: &str) -> bool {
    phrases::command(text).is_some() || phrases::is_bare_cancel(text) || phrases::opt_out(text).is_some()
}

/// Whether a message is heard even from somebody who writes too much: opting out, or asking for a person.
pub fn is_always_heard(content: &Content) -> bool {
    written_text(content).is_some_and(|text| {
        phrases::opt_out(text).is_some() || phrases::command(text) == Some(OptionId::Human)
    })
}

/// Whether a message means something only as the answer to a question: a number, a yes or no, a day or an hour,
/// or any text where a free text is asked for. If it was written before the question was asked, it answers
/// another one.
pub fn needs_question(chat: &Chat, message: &PatientMessage) -> bool {
    let Content::Text { text } = &message.content else { return false };
    let line_needs_question = |line: &str| {
        let content = Content::Text { text: line.to_owned() };
        let message = PatientMessage { content, ..message.clone() };
        !is_command(line)
            && (phrases::number(line).is_some()
                || phrases::is_yes(line)
                || phrases::is_no(line)
                || matches!(
                    read(chat, &message),
                    Answer::When { .. } | Answer::Text(_) | Answer::OptionOrHour { .. }
                ))
    };
    text.lines().filter(|line| !line.trim().is_empty()).all(line_needs_question)
}

/// Reads a sentence as a question of the FAQ, then as an intent such as "quero agendar".
pub fn read_sentence(message: &PatientMessage, faq: &[FaqChoice]) -> Answer {
    let Content::Text { text } = &message.content else { return Answer::NotUnderstood };
    let questions: Vec<Choice> = faq
        .iter()
        .map(|item| Choice::new(OptionId::Question(item.key.clone()).to_string(), item.label.clone()))
        .collect();
    let exact = phrases::matching_choices(text, &questions, true);
    let matches = if exact.is_empty() && text.trim().chars().count() > 3 {
        phrases::matching_choices(text, &questions, false)
    } else {
        exact
    };
    match answer_from_matches(matches) {
        Some(answer @ Answer::Option(_)) => answer,
        other => phrases::intent(text).map(Answer::Option).or(other).unwrap_or(Answer::NotUnderstood),
    }
}

fn option_answer(choice: &Choice) -> Answer {
    OptionId::parse(&choice.id).map_or(Answer::NotUnderstood, Answer::Option)
}

fn answer_from_matches(matches: Vec<&Choice>) -> Option<Answer> {
    match matches.as_slice() {
        [] => None,
        [one] => Some(option_answer(one)),
        several => Some(Answer::Ambiguous(several.iter().map(|choice| choice.label.clone()).collect())),
    }
}

fn sentence_or_not_understood(state: &State, text: &str) -> Answer {
    let sentence =
        state.reads_intents() && !phrases::is_negated(text) && text.chars().any(char::is_alphabetic);
    if sentence { Answer::Sentence } else { Answer::NotUnderstood }
}

fn read_number(chat: &Chat, message: &PatientMessage, text: &str) -> Option<Answer> {
    // A number refers to an option, and a new session has not offered any.
    if chat.state == State::Welcome {
        return None;
    }
    let (number, called_option) = phrases::number(text)?;
    let option = chat.state.question(&chat.memory).numbered(number);
    let hour = u32::try_from(number).ok().filter(|hour| *hour < 24);
    let slots = chat.state.slots().unwrap_or_default();
    let is_hour = |slot: &Slot| Some(chrono::Timelike::hour(&slot.time)) == hour;
    match option {
        Some(choice) if called_option || !slots.iter().any(is_hour) => Some(option_answer(&choice)),
        Some(choice) => {
            let slot = match OptionId::parse(&choice.id) {
                Some(OptionId::Time(slot) | OptionId::NewTime(slot)) => Some(slot),
                _ => None,
            };
            // If option 9 is also the only slot at nine o'clock, both readings mean the same.
            let same_slot = slot
                .is_some_and(|slot| is_hour(&slot) && slots.iter().filter(|slot| is_hour(slot)).count() == 1);
            Some(if same_slot {
                option_answer(&choice)
            } else {
                Answer::OptionOrHour { number, option: choice.label }
            })
        }
        None if !slots.is_empty() => {
            let hour = NaiveTime::from_hms_opt(hour?, 0, 0);
            Some(Answer::When { day: None, hour })
        }
        None if chat.state.days().is_some() => {
            let day = date_time::day_of_month(u32::try_from(number).ok()?, message.local.date())?;
            Some(Answer::When { day: Some(day), hour: None })
        }
        None => None,
    }
}

/// Reads an answer to a confirmation. Only a plain yes confirms. A day or an hour asks for another time.
fn read_confirmation(chat: &Chat, message: &PatientMessage, text: &str) -> Answer {
    if phrases::is_yes(text) {
        return match chat.state {
            State::ConfirmBooking { prompt, .. } => Answer::Option(OptionId::Book(prompt)),
            State::ConfirmReschedule { prompt, .. } => Answer::Option(OptionId::Move(prompt)),
            State::ConfirmCancel { prompt, .. } => Answer::Option(OptionId::Cancel(prompt)),
            _ => Answer::NotUnderstood,
        };
    }
    if phrases::is_no(text) {
        return Answer::No;
    }
    let another_time = match chat.state {
        State::ConfirmCancel { .. } => None,
        _ => read_day_and_hour(chat, message, text),
    };
    another_time.or_else(|| small_talk(&chat.state, text)).unwrap_or(Answer::NotUnderstood)
}

fn small_talk(state: &State, text: &str) -> Option<Answer> {
    let thanks = phrases::is_thanks(text) || (state.is_finished() && phrases::is_acknowledgement(text));
    if thanks {
        Some(Answer::Thanks)
    } else if phrases::is_hello(text) {
        Some(Answer::Hello)
    } else {
        None
    }
}

fn read_day_and_hour(chat: &Chat, message: &PatientMessage, text: &str) -> Option<Answer> {
    let text = phrases::wanted_instead(text)?;
    let offered = || chat.state.days().or_else(|| chat.previous.iter().rev().find_map(State::days));
    let offered = offered().map_or(&[][..], |list| &list.days);
    let when = date_time::read(text, message.local.date(), message.horizon, offered);
    let asks_hour = chat.state.days().is_none();
    match (when.days.as_slice(), when.hours.as_slice()) {
        ([], []) => None,
        ([], _) if !asks_hour => None,
        ([], [hour]) => Some(Answer::When { day: None, hour: Some(*hour) }),
        ([day], []) => Some(Answer::When { day: Some(*day), hour: None }),
        ([day], [hour]) => Some(Answer::When { day: Some(*day), hour: Some(*hour) }),
        ([], hours) => {
            Some(Answer::Ambiguous(hours.iter().map(|hour| hour.format("%H:%M").to_string()).collect()))
        }
        (days, _) => Some(Answer::Ambiguous(days.iter().map(|day| written_day(*day)).collect())),
    }
}

fn wants_another_day(text: &str) -> bool {
    const PHRASES: [&str; 6] =
        ["outro dia", "outra data", "outros dias", "outras datas", "mudar o dia", "trocar o dia"];
    PHRASES.contains(&crate::domain::text_normalize::normalize(text).as_str())
}

fn wants_more(text: &str) -> bool {
    const PHRASES: [&str; 14] = [
        "mais",
        "ver mais",
        "mais datas",
        "mais dias",
        "mais opcoes",
        "mais horarios",
        "outras datas",
        "outros dias",
        "outra data",
        "outro dia",
        "outros horarios",
        "outro horario",
        "outras opcoes",
        "outras",
    ];
    PHRASES.contains(&crate::domain::text_normalize::normalize(text).as_str())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDateTime};

    use super::*;
    use crate::conversation::machine::state::{BookingPlan, DayList, Intent, ServiceChoice, Wish};
    use crate::domain::ids::ServiceId;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn slot(time: &str) -> Slot {
        Slot { date: date("2026-02-17"), time: time.parse().expect("a time") }
    }

    fn plan() -> BookingPlan {
        let service = ServiceId(uuid::Uuid::nil());
        BookingPlan { service, service_name: "Depilação a laser".to_owned(), areas: None, minutes: 45 }
    }

    fn read_in(state: State, text: &str) -> Answer {
        let mut chat = Chat { state, ..Chat::new() };
        chat.memory.profile_name = Some("Maria Silva".to_owned());
        chat.memory.moment.horizon = date("2026-04-15");
        let local: NaiveDateTime = "2026-02-14T09:00:00".parse().expect("a wall clock");
        let message = PatientMessage {
            content: Content::Text { text: text.to_owned() },
            profile_name: None,
            now: DateTime::UNIX_EPOCH,
            local,
            horizon: date("2026-04-15"),
        };
        read(&chat, &message)
    }

    fn dates() -> State {
        let days = vec![date("2026-02-16"), date("2026-02-20")];
        State::SelectDate {
            plan: plan(),
            days: DayList { days, searched_until: Some(date("2026-02-27")), from: 0 },
        }
    }

    fn times() -> State {
        let slots = ["09:00:00", "09:55:00", "10:50:00", "16:20:00"].map(slot).to_vec();
        State::SelectTime { plan: plan(), slots, from: 0 }
    }

    fn at(day: Option<&str>, hour: Option<&str>) -> Answer {
        Answer::When { day: day.map(date), hour: hour.map(|hour| hour.parse().expect("an hour")) }
    }

    #[test]
    fn a_menu_reads_options_and_intents() {
        let check =
            |text: &str, expected: Answer| assert_eq!(read_in(State::MainMenu, text), expected, "{text:?}");
        let option = Answer::Option;
        check("schedule", option(OptionId::Schedule));
        check("1", option(OptionId::Schedule));
        check("2.", option(OptionId::Reschedule));
        check("três", option(OptionId::Faq));
        check("opção 3", option(OptionId::Faq));
        check("agendar sessao", option(OptionId::Schedule));
        check("dúvidas", option(OptionId::Faq));
        check("quero cancelar minha sessão", option(OptionId::CancelAppointment));
        check("cancelar", Answer::BareCancel);
        check("voltar", option(OptionId::Back));
        check("atendente", option(OptionId::Human));
        check("não quero cancelar", Answer::NotUnderstood);
        check("não quero agendar", Answer::NotUnderstood);
        check("a sessão dói?", Answer::Sentence);
        check("oi", Answer::Hello);
        check("4", Answer::NotUnderstood);
        check("", Answer::NotUnderstood);
        check("😀", Answer::NotUnderstood);
        let labels = vec![
            "Agendar sessão".to_owned(),
            "Remarcar sessão".to_owned(),
            "Dúvidas sobre sessão".to_owned(),
        ];
        check("sessão", Answer::Ambiguous(labels));
        check("qualquer coisa", Answer::Sentence);
    }

    #[test]
    fn a_new_session_does_not_read_numbers() {
        assert_eq!(read_in(State::Welcome, "1"), Answer::NotUnderstood);
        assert_eq!(read_in(State::Welcome, "quero agendar"), Answer::Option(OptionId::Schedule));
    }

    #[test]
    fn a_day_is_read_in_words_and_figures() {
        let check = |text: &str, expected: Answer| assert_eq!(read_in(dates(), text), expected, "{text:?}");
        check("1", Answer::Option(OptionId::Day(date("2026-02-16"))));
        check("3", Answer::Option(OptionId::More));
        check("segunda, 16/02", Answer::Option(OptionId::Day(date("2026-02-16"))));
        check("sexta", at(Some("2026-02-20"), None));
        check("sexta às 16h", at(Some("2026-02-20"), Some("16:00:00")));
        check("amanhã", at(Some("2026-02-15"), None));
        check("dia 20", at(Some("2026-02-20"), None));
        check("20", at(Some("2026-02-20"), None));
        check("outras datas", Answer::Option(OptionId::More));
        check("16h", Answer::NotUnderstood);
        check("não posso sexta", Answer::NotUnderstood);
        check("não, prefiro sexta", at(Some("2026-02-20"), None));
        check("99", Answer::NotUnderstood);
    }

    #[test]
    fn an_hour_is_read_in_words_and_figures() {
        let check = |text: &str, expected: Answer| assert_eq!(read_in(times(), text), expected, "{text:?}");
        check("16h20", at(None, Some("16:20:00")));
        check("16:20", Answer::Option(OptionId::Time(slot("16:20:00"))));
        check("09:55", Answer::Option(OptionId::Time(slot("09:55:00"))));
        check("às 10", at(None, Some("10:00:00")));
        check("1", Answer::Option(OptionId::Time(slot("09:00:00"))));
        check("9", at(None, Some("09:00:00")));
        check("16", at(None, Some("16:00:00")));
        check("sexta", at(Some("2026-02-20"), None));
        check("outro dia", Answer::Option(OptionId::Back));
        check("não às 16h", Answer::NotUnderstood);
        check("31", Answer::NotUnderstood);
    }

    #[test]
    fn a_bare_number_that_is_an_option_and_an_hour_is_asked_about() {
        let slots = ["01:00:00", "02:00:00", "01:30:00"].map(slot).to_vec();
        let state = || State::SelectTime { plan: plan(), slots: slots.clone(), from: 0 };
        assert_eq!(read_in(state(), "2"), Answer::Option(OptionId::Time(slot("02:00:00"))));
        let asked = Answer::OptionOrHour { number: 1, option: "01:00".to_owned() };
        assert_eq!(read_in(state(), "1"), asked);
        assert_eq!(read_in(state(), "opção 1"), Answer::Option(OptionId::Time(slot("01:00:00"))));
        assert_eq!(read_in(state(), "1h30"), at(None, Some("01:30:00")));
    }

    #[test]
    fn only_a_plain_yes_confirms() {
        let state = || State::ConfirmBooking { plan: plan(), slot: slot("09:00:00"), prompt: 7 };
        let check = |text: &str, expected: Answer| assert_eq!(read_in(state(), text), expected, "{text:?}");
        let yes = || Answer::Option(OptionId::Book(7));
        for text in ["sim", "Sim!", "confirmo", "ok", "pode ser", "👍", "1", "um", "book_7", "Confirmar"] {
            check(text, yes());
        }
        for text in ["não", "agora não", "Não."] {
            check(text, Answer::No);
        }
        for text in
            ["acho que sim", "sim mas depois", "confirmar depois", "book_6", "7", "não confirmo ainda", "📅"]
        {
            check(text, Answer::NotUnderstood);
        }
        check("não, prefiro terça", at(Some("2026-02-17"), None));
        check("2", Answer::Option(OptionId::Back));
        check("cancelar", Answer::BareCancel);
    }

    #[test]
    fn free_text_is_kept_word_for_word() {
        let service = ServiceChoice {
            id: ServiceId(uuid::Uuid::nil()),
            name: "Depilação a laser".to_owned(),
            minutes: 45,
            price_cents: None,
        };
        let state = || State::InputAreas { service: service.clone(), services: Vec::new() };
        let check = |text: &str, expected: Answer| assert_eq!(read_in(state(), text), expected, "{text:?}");
        check(" Pernas e axilas ", Answer::Text("Pernas e axilas".to_owned()));
        check("não sei ainda", Answer::Text("não sei ainda".to_owned()));
        check("1", Answer::Option(OptionId::SkipAreas));
        check("pular esta etapa", Answer::Option(OptionId::SkipAreas));
        check("voltar", Answer::Option(OptionId::Back));
        check("sim", Answer::NotUnderstood);
        check("👍", Answer::NotUnderstood);
        check("oi", Answer::Hello);
    }

    #[test]
    fn a_name_is_told_from_a_wish_where_the_name_on_record_is_asked_for() {
        let state = || State::VerifyName { wish: Wish::Change { intent: Intent::Reschedule, wanted: None } };
        let check = |text: &str, expected: Answer| assert_eq!(read_in(state(), text), expected, "{text:?}");
        check(" Maria da Silva ", Answer::Text("Maria da Silva".to_owned()));
        check("meu nome é Maria", Answer::Text("meu nome é Maria".to_owned()));
        check("quero agendar", Answer::Option(OptionId::Schedule));
        check("1", Answer::Option(OptionId::Human));
        check("menu", Answer::Option(OptionId::Menu));
        check("cancelar", Answer::BareCancel);
        check("oi", Answer::Hello);
        check("sim", Answer::NotUnderstood);
    }

    #[test]
    fn a_sentence_may_be_a_question_of_the_faq() {
        let faq = ["A sessão dói?", "Posso tomar sol depois?"]
            .map(|label| FaqChoice { key: label.chars().take(1).collect(), label: label.to_owned() });
        let check = |text: &str, expected: Answer| {
            let mut message = PatientMessage {
                content: Content::Text { text: text.to_owned() },
                profile_name: None,
                now: DateTime::UNIX_EPOCH,
                local: NaiveDateTime::default(),
                horizon: NaiveDate::default(),
            };
            assert_eq!(read_sentence(&message, &faq), expected, "{text:?}");
            message.content = Content::Unreadable { what: "audio".to_owned() };
            assert_eq!(read_sentence(&message, &faq), Answer::NotUnderstood);
        };
        check("a sessao doi", Answer::Option(OptionId::Question("A".to_owned())));
        check("dói?", Answer::Option(OptionId::Question("A".to_owned())));
        check("eu posso tomar sol depois da depilação?", Answer::Option(OptionId::Question("P".to_owned())));
        check("posso agendar?", Answer::Option(OptionId::Schedule));
        check("bla bla", Answer::NotUnderstood);
    }
}
