//! Reading a body or a query field by field, with every fault told at once.

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use scheduler_core::domain::clinic::BusinessHours;
use scheduler_core::domain::phone::Phone;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::{ApiError, Fault};
use crate::request::Call;

/// The longest text of one line, in characters.
pub const LINE: usize = 200;
/// The longest free text, in characters.
pub const TEXT: usize = 4_000;

/// Fields still to be read, and what was wrong with those that were.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    left: Map<String, Value>,
    faults: Vec<Fault>,
}

/// What a value says, or what is wrong with it, in Portuguese.
pub type Read<T> = Result<T, String>;

impl Fields {
    /// The fields of a JSON object in the body.
    pub fn of_body(call: &Call) -> Result<Self, ApiError> {
        match &call.body {
            Some(Value::Object(fields)) => Ok(Self { left: fields.clone(), faults: Vec::new() }),
            Some(_) => Err(ApiError::field("body", "O corpo deve ser um objeto JSON.")),
            None => Err(ApiError::field("body", "O corpo não é um JSON válido.")),
        }
    }

    /// The parameters of the query.
    pub fn of_query(call: &Call) -> Self {
        let left = call.query.iter().filter(|(name, value)| *name != "api_key" && !value.is_empty());
        Self {
            left: left.map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect(),
            faults: Vec::new(),
        }
    }

    /// Whether there is nothing (left) to read.
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Whether a field is there and not yet read.
    pub fn has(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    /// A field that must be there. Where it is missing or wrong the fault is noted and a
    /// placeholder given, which [`Fields::finish`] keeps from being used.
    pub fn required<T: Default>(&mut self, name: &str, read: impl Fn(&Value) -> Read<T>) -> T {
        match self.left.remove(name) {
            None | Some(Value::Null) => {
                self.fault(name, "Campo obrigatório.");
                T::default()
            }
            Some(value) => self.note(name, read(&value)).unwrap_or_default(),
        }
    }

    /// A field that may be missing or null.
    pub fn optional<T>(&mut self, name: &str, read: impl Fn(&Value) -> Read<T>) -> Option<T> {
        self.patch(name, read).flatten()
    }

    /// A field of a change: `None` if it is missing, `Some(None)` if it is null.
    pub fn patch<T>(&mut self, name: &str, read: impl Fn(&Value) -> Read<T>) -> Option<Option<T>> {
        match self.left.remove(name)? {
            Value::Null => Some(None),
            value => self.note(name, read(&value)).map(Some),
        }
    }

    /// A field of a change that may be missing but not null.
    pub fn change<T>(&mut self, name: &str, read: impl Fn(&Value) -> Read<T>) -> Option<T> {
        let value = self.left.remove(name)?;
        self.note(name, read(&value))
    }

    /// Whether nothing was wrong so far: only then do fields make sense beside each other.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// Notes a fault.
    pub fn fault(&mut self, name: &str, message: &str) {
        self.faults.push(Fault::new(name, message));
    }

    /// What was read, unless something was wrong or is unknown: then all of it is told.
    pub fn finish<T>(mut self, read: T) -> Result<T, ApiError> {
        for name in std::mem::take(&mut self.left).keys() {
            self.fault(name, "Campo desconhecido.");
        }
        if self.faults.is_empty() { Ok(read) } else { Err(ApiError::Invalid(self.faults)) }
    }

    fn note<T>(&mut self, name: &str, read: Read<T>) -> Option<T> {
        read.map_err(|message| self.faults.push(Fault::new(name, message))).ok()
    }
}

/// A text of one line or more, not blank, of at most `longest` characters, without U+0000.
pub fn text(longest: usize) -> impl Fn(&Value) -> Read<String> {
    move |value| {
        let text = value.as_str().ok_or("Deve ser um texto.")?.trim();
        match text {
            "" => Err("Não pode ser vazio.".into()),
            text if text.contains('\0') => Err("Contém um caractere inválido.".into()),
            text if text.chars().count() > longest => Err(format!("Deve ter até {longest} caracteres.")),
            text => Ok(text.to_owned()),
        }
    }
}

/// A whole number from `least` to `most`.
pub fn integer(least: i32, most: i32) -> impl Fn(&Value) -> Read<i32> {
    move |value| {
        let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("Deve ser um número inteiro de {least} a {most}."))
    }
}

/// Yes or no.
pub fn boolean(value: &Value) -> Read<bool> {
    value.as_bool().ok_or_else(|| "Deve ser true ou false.".into())
}

/// `YYYY-MM-DD`, a day that exists.
pub fn date(value: &Value) -> Read<NaiveDate> {
    let text = value.as_str().filter(|text| text.len() == 10);
    text.and_then(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())
        .ok_or_else(|| "Deve ser uma data válida, AAAA-MM-DD.".into())
}

/// `HH:MM`.
pub fn time(value: &Value) -> Read<NaiveTime> {
    let text = value.as_str().filter(|text| text.len() == 5);
    text.and_then(|text| NaiveTime::parse_from_str(text, "%H:%M").ok())
        .ok_or_else(|| "Deve ser um horário válido, HH:MM.".into())
}

/// A phone number, in canonical digits.
pub fn phone(value: &Value) -> Read<String> {
    let parsed = value.as_str().map(Phone::parse);
    match parsed {
        Some(Ok(phone)) => Ok(phone.as_str().to_owned()),
        _ => Err("Telefone inválido.".into()),
    }
}

/// A UUID.
pub fn uuid(value: &Value) -> Read<Uuid> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| "Deve ser um UUID.".into())
}

/// An IANA time zone.
pub fn timezone(value: &Value) -> Read<Tz> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| "Fuso horário desconhecido.".into())
}

/// Opening hours by weekday, each opening before it closes.
pub fn business_hours(value: &Value) -> Read<BusinessHours> {
    const WRONG: &str = "Deve ter dias de mon a sun, cada um com start antes de end (HH:MM).";
    let hours: BusinessHours = serde_json::from_value(value.clone()).map_err(|_| WRONG)?;
    if hours.0.values().all(|day| day.start < day.end) { Ok(hours) } else { Err(WRONG.into()) }
}

/// One of a few words.
pub fn word<T: Copy>(words: &'static [(&'static str, T)]) -> impl Fn(&Value) -> Read<T> {
    move |value| {
        let given = value.as_str().unwrap_or_default();
        words.iter().find(|(word, _)| *word == given).map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            format!("Deve ser um destes: {}.", known.join(", "))
        })
    }
}
