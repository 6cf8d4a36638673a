//! What the patient means, read against what was asked: the order of product 1.2, row by row.

use chrono::{NaiveDate, NaiveTime};

use super::event::Heard;
use super::press::Press;
use super::state::{Chat, FaqChoice, State};
use super::when;
use super::words;
use crate::domain::message::{Choice, Content};
use crate::domain::time::Slot;

/// What an input means where the chat stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// An option, whether pressed, numbered or named; or a command that an option stands for.
    Press(Press),
    /// A day, an hour or both, where one of them is asked.
    When {
        /// The day named.
        day: Option<NaiveDate>,
        /// The hour named.
        hour: Option<NaiveTime>,
    },
    /// Free text where it is asked for.
    Text(String),
    /// No to a confirmation.
    No,
    /// "Cancelar" and nothing else.
    Leave,
    /// A greeting.
    Hello,
    /// Thanks or a goodbye.
    Thanks,
    /// It may mean several things: their labels.
    Ambiguous(Vec<String>),
    /// A bare number that is an option and an hour.
    OptionOrHour {
        /// The number.
        number: usize,
        /// The option's label.
        option: String,
    },
    /// Not text.
    Unreadable,
    /// A sentence where wishes are heard: perhaps a question of the FAQ.
    Sentence,
    /// Not understood.
    Nothing,
}

/// Reads an input against the state's question. A press that is not offered here keeps its
/// meaning: it is an old button.
pub fn read(chat: &Chat, heard: &Heard) -> Answer {
    let text = match &heard.content {
        Content::Unreadable { .. } => return Answer::Unreadable,
        Content::Pressed { id, label } => match Press::parse(id) {
            Some(press) => return Answer::Press(press),
            None => label,
        },
        Content::Text { text } => text,
    };
    let state = &chat.state;
    let question = state.question(&chat.memory);
    let choices = question.choices();

    // 1. An option's id.
    if let Some(choice) = choices.iter().find(|choice| choice.id == text.trim()) {
        return press(choice);
    }
    // Commands are whole texts, in any state.
    if let Some(command) = words::command(text) {
        return Answer::Press(command);
    }
    if words::is_leave(text) {
        return Answer::Leave;
    }
    // 2. The number of an option.
    if let Some(answer) = read_number(chat, heard, text) {
        return answer;
    }
    // 3. An exact label.
    if let Some(answer) = one_of(words::named(text, &choices, true)) {
        return answer;
    }
    if state.awaits_yes() {
        return read_yes(chat, heard, text);
    }
    if let Some(answer) = small_talk(state, text) {
        return answer;
    }
    if matches!(state, State::InputAreas { .. } | State::AskName { .. }) {
        let says_nothing =
            words::is_yes(text) || words::is_no(text) || !text.chars().any(char::is_alphanumeric);
        return if says_nothing { Answer::Nothing } else { Answer::Text(text.trim().to_owned()) };
    }
    // 4. Days and hours.
    if state.purpose().is_some()
        && let Some(answer) = read_when(chat, heard, text)
    {
        return answer;
    }
    if wants_more(text) && choices.iter().any(|choice| choice.id == "more") {
        return Answer::Press(Press::More);
    }
    // What a sentence wishes, unless it asks: then a question of the FAQ may be nearer.
    if state.slots().is_some() && wants_another_day(text) {
        return Answer::Press(Press::Back);
    }
    let wish = match state {
        State::ScheduleMenu | State::PriceTable { .. } => words::wish_while_booking(text),
        _ if state.hears_wishes() && !text.contains('?') => words::wish(text),
        _ => None,
    };
    if let Some(wish) = wish {
        return Answer::Press(wish);
    }
    // 5. One label containing the text, or whose words the text contains.
    one_of(words::named(text, &choices, false)).unwrap_or_else(|| unread(state, text))
}

/// A sentence read against the questions of the FAQ, then for what it wishes.
pub fn read_sentence(heard: &Heard, faq: &[FaqChoice]) -> Answer {
    let Content::Text { text } = &heard.content else { return Answer::Nothing };
    let questions: Vec<Choice> = faq
        .iter()
        .map(|item| Choice::new(Press::Question(item.key.clone()).to_string(), item.label.clone()))
        .collect();
    let exact = words::named(text, &questions, true);
    let found = if exact.is_empty() && text.trim().chars().count() > 3 {
        words::named(text, &questions, false)
    } else {
        exact
    };
    match one_of(found) {
        Some(answer @ Answer::Press(_)) => answer,
        other => words::wish(text).map(Answer::Press).or(other).unwrap_or(Answer::Nothing),
    }
}

fn press(choice: &Choice) -> Answer {
    Press::parse(&choice.id).map_or(Answer::Nothing, Answer::Press)
}

fn one_of(found: Vec<&Choice>) -> Option<Answer> {
    match found.as_slice() {
        [] => None,
        [one] => Some(press(one)),
        several => Some(Answer::Ambiguous(several.iter().map(|choice| choice.label.clone()).collect())),
    }
}

fn unread(state: &State, text: &str) -> Answer {
    let sentence = state.hears_wishes() && !words::is_negated(text) && text.chars().any(char::is_alphabetic);
    if sentence { Answer::Sentence } else { Answer::Nothing }
}

fn read_number(chat: &Chat, heard: &Heard, text: &str) -> Option<Answer> {
    // A number answers a question, and in a new session none was asked.
    if chat.state == State::Welcome {
        return None;
    }
    let (number, called_option) = words::number(text)?;
    let option = chat.state.question(&chat.memory).numbered(number);
    let hour = u32::try_from(number).ok().filter(|hour| *hour < 24);
    let slots = chat.state.slots().unwrap_or_default();
    let is_hour = |slot: &Slot| Some(chrono::Timelike::hour(&slot.time)) == hour;
    match option {
        Some(choice) if called_option || !slots.iter().any(is_hour) => Some(press(&choice)),
        Some(choice) => {
            let slot = match Press::parse(&choice.id) {
                Some(Press::Time(slot) | Press::NewTime(slot)) => Some(slot),
                _ => None,
            };
            // Option 9 at nine o'clock is both, and the same.
            let same = slot
                .is_some_and(|slot| is_hour(&slot) && slots.iter().filter(|slot| is_hour(slot)).count() == 1);
            Some(if same { press(&choice) } else { Answer::OptionOrHour { number, option: choice.label } })
        }
        None if !slots.is_empty() => {
            let hour = NaiveTime::from_hms_opt(hour?, 0, 0);
            Some(Answer::When { day: None, hour })
        }
        None if chat.state.days().is_some() => {
            let day = when::day_of_month(u32::try_from(number).ok()?, heard.local.date())?;
            Some(Answer::When { day: Some(day), hour: None })
        }
        None => None,
    }
}

/// At a confirmation only a plain yes or no counts; a day or an hour leads to the times, never to
/// a booking.
fn read_yes(chat: &Chat, heard: &Heard, text: &str) -> Answer {
    if words::is_yes(text) {
        return match chat.state {
            State::ConfirmBooking { prompt, .. } => Answer::Press(Press::Book(prompt)),
            State::ConfirmReschedule { prompt, .. } => Answer::Press(Press::Move(prompt)),
            State::ConfirmCancel { prompt, .. } => Answer::Press(Press::Cancel(prompt)),
            _ => Answer::Nothing,
        };
    }
    if words::is_no(text) {
        return Answer::No;
    }
    let another_time = match chat.state {
        State::ConfirmCancel { .. } => None,
        _ => read_when(chat, heard, text),
    };
    another_time.or_else(|| small_talk(&chat.state, text)).unwrap_or(Answer::Nothing)
}

fn small_talk(state: &State, text: &str) -> Option<Answer> {
    let thanks = words::is_thanks(text) || (state.is_finished() && words::is_fine(text));
    if thanks {
        Some(Answer::Thanks)
    } else if words::is_hello(text) {
        Some(Answer::Hello)
    } else {
        None
    }
}

fn read_when(chat: &Chat, heard: &Heard, text: &str) -> Option<Answer> {
    let text = words::wanted_instead(text)?;
    let offered = || chat.state.days().or_else(|| chat.previous.iter().rev().find_map(State::days));
    let offered = offered().map_or(&[][..], |list| &list.days);
    let when = when::read(text, heard.local.date(), heard.horizon, offered);
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
        (days, _) => {
            Some(Answer::Ambiguous(days.iter().map(|day| crate::domain::time::written_day(*day)).collect()))
        }
    }
}

fn wants_another_day(text: &str) -> bool {
    const ANOTHER: [&str; 6] =
        ["outro dia", "outra data", "outros dias", "outras datas", "mudar o dia", "trocar o dia"];
    ANOTHER.contains(&crate::domain::fold::fold(text).as_str())
}

fn wants_more(text: &str) -> bool {
    const MORE: [&str; 14] = [
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
    MORE.contains(&crate::domain::fold::fold(text).as_str())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDateTime};

    use super::*;
    use crate::conversation::state::{DayList, Plan, ServiceChoice};
    use crate::domain::ids::ServiceId;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn slot(time: &str) -> Slot {
        Slot { date: date("2026-02-17"), time: time.parse().expect("a time") }
    }

    fn plan() -> Plan {
        let service = ServiceId(uuid::Uuid::nil());
        Plan { service, service_name: "Depilação a laser".to_owned(), areas: None, minutes: 45 }
    }

    fn read_in(state: State, text: &str) -> Answer {
        let mut chat = Chat { state, ..Chat::new() };
        chat.memory.profile_name = Some("Maria Silva".to_owned());
        chat.memory.heard.horizon = date("2026-04-15");
        let local: NaiveDateTime = "2026-02-14T09:00:00".parse().expect("a wall clock");
        let heard = Heard {
            content: Content::Text { text: text.to_owned() },
            profile_name: None,
            now: DateTime::UNIX_EPOCH,
            local,
            horizon: date("2026-04-15"),
        };
        read(&chat, &heard)
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
    fn a_menu_hears_options_and_wishes() {
        let check =
            |text: &str, expected: Answer| assert_eq!(read_in(State::MainMenu, text), expected, "{text:?}");
        let press = Answer::Press;
        check("schedule", press(Press::Schedule));
        check("1", press(Press::Schedule));
        check("2.", press(Press::Reschedule));
        check("três", press(Press::Faq));
        check("opção 3", press(Press::Faq));
        check("agendar sessao", press(Press::Schedule));
        check("dúvidas", press(Press::Faq));
        check("quero cancelar minha sessão", press(Press::CancelVisit));
        check("cancelar", Answer::Leave);
        check("voltar", press(Press::Back));
        check("atendente", press(Press::Human));
        check("não quero cancelar", Answer::Nothing);
        check("não quero agendar", Answer::Nothing);
        check("a sessão dói?", Answer::Sentence);
        check("oi", Answer::Hello);
        check("4", Answer::Nothing);
        check("", Answer::Nothing);
        check("😀", Answer::Nothing);
        let both = vec![
            "Agendar sessão".to_owned(),
            "Remarcar sessão".to_owned(),
            "Dúvidas sobre sessão".to_owned(),
        ];
        check("sessão", Answer::Ambiguous(both));
        check("qualquer coisa", Answer::Sentence);
    }

    #[test]
    fn a_new_session_knows_no_numbers() {
        assert_eq!(read_in(State::Welcome, "1"), Answer::Nothing);
        assert_eq!(read_in(State::Welcome, "quero agendar"), Answer::Press(Press::Schedule));
    }

    #[test]
    fn a_day_is_read_in_words_and_figures() {
        let check = |text: &str, expected: Answer| assert_eq!(read_in(dates(), text), expected, "{text:?}");
        check("1", Answer::Press(Press::Day(date("2026-02-16"))));
        check("3", Answer::Press(Press::More));
        check("segunda, 16/02", Answer::Press(Press::Day(date("2026-02-16"))));
        check("sexta", at(Some("2026-02-20"), None));
        check("sexta às 16h", at(Some("2026-02-20"), Some("16:00:00")));
        check("amanhã", at(Some("2026-02-15"), None));
        check("dia 20", at(Some("2026-02-20"), None));
        check("20", at(Some("2026-02-20"), None));
        check("outras datas", Answer::Press(Press::More));
        check("16h", Answer::Nothing);
        check("não posso sexta", Answer::Nothing);
        check("não, prefiro sexta", at(Some("2026-02-20"), None));
        check("99", Answer::Nothing);
    }

    #[test]
    fn an_hour_is_read_in_words_and_figures() {
        let check = |text: &str, expected: Answer| assert_eq!(read_in(times(), text), expected, "{text:?}");
        check("16h20", at(None, Some("16:20:00")));
        check("16:20", Answer::Press(Press::Time(slot("16:20:00"))));
        check("09:55", Answer::Press(Press::Time(slot("09:55:00"))));
        check("às 10", at(None, Some("10:00:00")));
        check("1", Answer::Press(Press::Time(slot("09:00:00"))));
        check("9", at(None, Some("09:00:00")));
        check("16", at(None, Some("16:00:00")));
        check("sexta", at(Some("2026-02-20"), None));
        check("outro dia", Answer::Press(Press::Back));
        check("não às 16h", Answer::Nothing);
        check("31", Answer::Nothing);
    }

    #[test]
    fn a_bare_number_that_is_an_option_and_an_hour_is_asked_about() {
        let slots = ["01:00:00", "02:00:00", "01:30:00"].map(slot).to_vec();
        let state = || State::SelectTime { plan: plan(), slots: slots.clone(), from: 0 };
        assert_eq!(read_in(state(), "2"), Answer::Press(Press::Time(slot("02:00:00"))));
        let asked = Answer::OptionOrHour { number: 1, option: "01:00".to_owned() };
        assert_eq!(read_in(state(), "1"), asked);
        assert_eq!(read_in(state(), "opção 1"), Answer::Press(Press::Time(slot("01:00:00"))));
        assert_eq!(read_in(state(), "1h30"), at(None, Some("01:30:00")));
    }

    #[test]
    fn only_a_plain_yes_confirms() {
        let state = || State::ConfirmBooking { plan: plan(), slot: slot("09:00:00"), prompt: 7 };
        let check = |text: &str, expected: Answer| assert_eq!(read_in(state(), text), expected, "{text:?}");
        let yes = || Answer::Press(Press::Book(7));
        for text in ["sim", "Sim!", "confirmo", "ok", "pode ser", "👍", "1", "um", "book_7", "Confirmar"] {
            check(text, yes());
        }
        for text in ["não", "agora não", "Não."] {
            check(text, Answer::No);
        }
        for text in
            ["acho que sim", "sim mas depois", "confirmar depois", "book_6", "7", "não confirmo ainda", "📅"]
        {
            check(text, Answer::Nothing);
        }
        check("não, prefiro terça", at(Some("2026-02-17"), None));
        check("2", Answer::Press(Press::Back));
        check("cancelar", Answer::Leave);
    }

    #[test]
    fn free_text_is_taken_as_it_is() {
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
        check("1", Answer::Press(Press::SkipAreas));
        check("pular esta etapa", Answer::Press(Press::SkipAreas));
        check("voltar", Answer::Press(Press::Back));
        check("sim", Answer::Nothing);
        check("👍", Answer::Nothing);
        check("oi", Answer::Hello);
    }

    #[test]
    fn a_sentence_may_be_a_question_of_the_faq() {
        let faq = ["A sessão dói?", "Posso tomar sol depois?"]
            .map(|label| FaqChoice { key: label.chars().take(1).collect(), label: label.to_owned() });
        let check = |text: &str, expected: Answer| {
            let mut heard = Heard {
                content: Content::Text { text: text.to_owned() },
                profile_name: None,
                now: DateTime::UNIX_EPOCH,
                local: NaiveDateTime::default(),
                horizon: NaiveDate::default(),
            };
            assert_eq!(read_sentence(&heard, &faq), expected, "{text:?}");
            heard.content = Content::Unreadable { what: "audio".to_owned() };
            assert_eq!(read_sentence(&heard, &faq), Answer::Nothing);
        };
        check("a sessao doi", Answer::Press(Press::Question("A".to_owned())));
        check("dói?", Answer::Press(Press::Question("A".to_owned())));
        check("eu posso tomar sol depois da depilação?", Answer::Press(Press::Question("P".to_owned())));
        check("posso agendar?", Answer::Press(Press::Schedule));
        check("bla bla", Answer::Nothing);
    }
}
