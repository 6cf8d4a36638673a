//! What a field may hold: how it is read, and how JSON Schema says the same.

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use scheduler_core::domain::clinic::BusinessHours;
use scheduler_core::domain::phone::Phone;
use serde_json::{Value, json};

/// The longest text of one line, in characters.
pub const LINE: usize = 200;
/// The longest free text, in characters.
pub const TEXT: usize = 4_000;

/// What a value says, or what is wrong with it, in Portuguese.
pub type Read<T> = Result<T, String>;

type Reading<T> = dyn Fn(&Value) -> Read<T> + Send;

/// A way to read a value.
pub struct FieldReader<T> {
    read: Box<Reading<T>>,
    #[cfg(feature = "openapi")]
    schema: Box<dyn Fn() -> Value + Send>,
}

impl<T: 'static> FieldReader<T> {
    /// A reader of values of which JSON Schema says `schema`.
    pub fn new(
        read: impl Fn(&Value) -> Read<T> + Send + 'static,
        schema: impl Fn() -> Value + Send + 'static,
    ) -> Self {
        #[cfg(not(feature = "openapi"))]
        let _ = schema;
        Self {
            read: Box::new(read),
            #[cfg(feature = "openapi")]
            schema: Box::new(schema),
        }
    }

    /// Takes what it reads a step further; `more` is what JSON Schema says of the step, on top.
    pub fn and_then<U: 'static>(
        self,
        then: impl Fn(T) -> Read<U> + Send + 'static,
        more: impl Fn() -> Value + Send + 'static,
    ) -> FieldReader<U> {
        let read = self.read;
        #[cfg(feature = "openapi")]
        let schema = self.schema;
        FieldReader::new(move |value| then(read(value)?), {
            #[cfg(feature = "openapi")]
            let more = move || on_top(schema(), more());
            more
        })
    }
}

impl<T> FieldReader<T> {
    /// What a value says.
    pub fn read(&self, value: &Value) -> Read<T> {
        (self.read)(value)
    }

    /// What it takes, as JSON Schema.
    #[cfg(feature = "openapi")]
    pub(crate) fn schema(&self) -> Value {
        (self.schema)()
    }
}

#[cfg(feature = "openapi")]
fn on_top(mut schema: Value, more: Value) -> Value {
    if let (Value::Object(schema), Value::Object(more)) = (&mut schema, more) {
        schema.extend(more);
    }
    schema
}

/// A text of one line or more, not blank, of at most `longest` characters, without U+0000.
pub fn text(longest: usize) -> FieldReader<String> {
    let read = move |value: &Value| {
        let given = value.as_str().ok_or("Deve ser um texto.")?;
        match given.trim() {
            "" => Err("Não pode ser vazio.".into()),
            text if text.contains('\0') => Err("Contém um caractere inválido.".into()),
            _ if given.chars().count() > longest => Err(format!("Deve ter até {longest} caracteres.")),
            text => Ok(text.to_owned()),
        }
    };
    FieldReader::new(read, move || {
        let not_blank = r"^[^\u0000]*[^\s\u0000][^\u0000]*$";
        json!({"type": "string", "minLength": 1, "maxLength": longest, "pattern": not_blank})
    })
}

/// A whole number from `least` to `most`; to JSON, 60 and 60.0 are the same.
pub fn integer(least: i32, most: i32) -> FieldReader<i32> {
    let read = move |value: &Value| {
        let whole = value.as_f64().filter(|number| number.fract() == 0.0);
        whole
            .filter(|number| (f64::from(least)..=f64::from(most)).contains(number))
            .map(|number| number as i32)
            .ok_or_else(|| format!("Deve ser um número inteiro de {least} a {most}."))
    };
    FieldReader::new(read, move || json!({"type": "integer", "minimum": least, "maximum": most}))
}

/// A whole number of a query, where everything is text.
pub fn number(least: i64, most: i64) -> FieldReader<i64> {
    let read = move |value: &Value| {
        let number = value.as_str().and_then(|text| text.parse().ok());
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("Deve ser um número de {least} a {most}."))
    };
    FieldReader::new(read, move || json!({"type": "integer", "minimum": least, "maximum": most}))
}

/// Yes or no.
pub fn boolean() -> FieldReader<bool> {
    let read = |value: &Value| value.as_bool().ok_or_else(|| "Deve ser true ou false.".into());
    FieldReader::new(read, || json!({"type": "boolean"}))
}

/// `YYYY-MM-DD`, a day that exists.
pub fn date() -> FieldReader<NaiveDate> {
    let read = |value: &Value| {
        let read = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        // chrono also takes signs and blanks for digits.
        let date = value.as_str().and_then(|text| read(text).filter(|date| date.to_string() == text));
        date.ok_or_else(|| "Deve ser uma data válida, AAAA-MM-DD.".into())
    };
    FieldReader::new(read, || json!({"type": "string", "format": "date"}))
}

/// `HH:MM`.
pub fn time() -> FieldReader<NaiveTime> {
    let read = |value: &Value| {
        let read = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").ok();
        let same = |time: &NaiveTime, text: &str| time.format("%H:%M").to_string() == text;
        let time = value.as_str().and_then(|text| read(text).filter(|time| same(time, text)));
        time.ok_or_else(|| "Deve ser um horário válido, HH:MM.".into())
    };
    FieldReader::new(read, || json!({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}))
}

/// A phone number, in canonical digits.
pub fn phone() -> FieldReader<String> {
    let read = |value: &Value| match value.as_str().map(Phone::parse) {
        Some(Ok(phone)) => Ok(phone.as_str().to_owned()),
        _ => Err("Telefone inválido.".into()),
    };
    FieldReader::new(read, || {
        json!({
            "type": "string",
            "format": "phone",
            "description": "A phone number as people write it; without a country code it is Brazilian.",
            "examples": ["5511999990000", "(11) 99999-0000", "+1 212 555 0100"],
        })
    })
}

/// An IANA time zone.
pub fn timezone() -> FieldReader<Tz> {
    let read = |value: &Value| {
        value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| "Fuso horário desconhecido.".into())
    };
    FieldReader::new(
        read,
        || json!({"type": "string", "format": "iana-time-zone", "examples": ["America/Sao_Paulo"]}),
    )
}

/// Opening hours by weekday, each opening before it closes.
pub fn business_hours() -> FieldReader<BusinessHours> {
    const WRONG: &str = "Deve ter dias de mon a sun, cada um com start antes de end (HH:MM).";
    let read = |value: &Value| {
        let hours: BusinessHours = serde_json::from_value(value.clone()).map_err(|_| WRONG)?;
        if hours.0.values().all(|day| day.start < day.end) { Ok(hours) } else { Err(WRONG.into()) }
    };
    FieldReader::new(read, || {
        let time = json!({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"});
        let day = json!({
            "type": "object",
            "description": "Opens at start, closes at end, which is later.",
            "properties": {"start": time, "end": time},
            "required": ["start", "end"],
            "additionalProperties": false,
        });
        let days =
            ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(|name| (name.to_owned(), day.clone()));
        json!({
            "type": "object",
            "description": "A day left out is closed.",
            "properties": serde_json::Map::from_iter(days),
            "additionalProperties": false,
        })
    })
}

/// One of a few words.
pub fn word<T: Copy + Send + Sync + 'static>(words: &'static [(&'static str, T)]) -> FieldReader<T> {
    let known = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>();
    let read = move |value: &Value| {
        let given = value.as_str().unwrap_or_default();
        let meant = words.iter().find(|(word, _)| *word == given);
        meant
            .map(|(_, meaning)| *meaning)
            .ok_or_else(|| format!("Deve ser um destes: {}.", known().join(", ")))
    };
    FieldReader::new(read, move || json!({"type": "string", "enum": known()}))
}
