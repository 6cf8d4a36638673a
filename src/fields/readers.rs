//! The types of fields: how each is read, and its JSON Schema.

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use scheduler_core::domain::clinic::BusinessHours;
use scheduler_core::domain::date_limits::{FIRST_DATE, LAST_DATE, parse_date};
use scheduler_core::domain::phone::Phone;
use scheduler_core::domain::text_direction::without_direction_controls;
use serde_json::{Value, json};

/// Maximum length of a one-line text, in characters.
pub const MAX_LINE_CHARS: usize = 200;
/// Maximum length of a free text, in characters.
pub const MAX_TEXT_CHARS: usize = 4_000;

/// The value that was read, or what is wrong with it, in Portuguese.
pub type ReadResult<T> = Result<T, String>;

type ReadFn<T> = dyn Fn(&Value) -> ReadResult<T> + Send;

/// Reads a JSON value as a `T`, and describes the values that it accepts as JSON Schema.
pub struct FieldReader<T> {
    read: Box<ReadFn<T>>,
    #[cfg(feature = "openapi")]
    schema: Box<dyn Fn() -> Value + Send>,
}

impl<T: 'static> FieldReader<T> {
    /// Pairs a reading function with the JSON Schema of the values that it accepts.
    pub fn new(
        read: impl Fn(&Value) -> ReadResult<T> + Send + 'static,
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

    /// Converts the value after reading it. `more` returns keywords that the conversion adds to the JSON
    /// Schema.
    pub fn and_then<U: 'static>(
        self,
        then: impl Fn(T) -> ReadResult<U> + Send + 'static,
        more: impl Fn() -> Value + Send + 'static,
    ) -> FieldReader<U> {
        let read = self.read;
        #[cfg(feature = "openapi")]
        let schema = self.schema;
        FieldReader::new(move |value| then(read(value)?), {
            #[cfg(feature = "openapi")]
            let more = move || add_keywords(schema(), more());
            more
        })
    }
}

impl<T> FieldReader<T> {
    /// Reads a value.
    pub fn read(&self, value: &Value) -> ReadResult<T> {
        (self.read)(value)
    }

    /// The JSON Schema of the values that it accepts.
    #[cfg(feature = "openapi")]
    pub(crate) fn schema(&self) -> Value {
        (self.schema)()
    }
}

#[cfg(feature = "openapi")]
fn add_keywords(mut schema: Value, more: Value) -> Value {
    if let (Value::Object(schema), Value::Object(more)) = (&mut schema, more) {
        schema.extend(more);
    }
    schema
}

/// A text that is not blank and has at most `longest` characters, none of them U+0000. It is trimmed.
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

/// Like [`text`], without the characters that change the writing direction
/// (docs/rules/security.md#names-and-texts).
pub fn plain_text(longest: usize) -> FieldReader<String> {
    let plain = |given: String| match without_direction_controls(&given).trim() {
        "" => Err("Não pode ser vazio.".into()),
        plain => Ok(plain.to_owned()),
    };
    text(longest).and_then(plain, || {
        let controls = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069";
        json!({"pattern": format!(r"^[^\u0000]*[^\s\u0000{controls}][^\u0000]*$")})
    })
}

/// A whole number from `least` to `most`. In JSON 60 and 60.0 are the same number.
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

/// A whole number in a query, where every value is text. It is written without a plus sign and leading zeros.
pub fn query_integer(least: i64, most: i64) -> FieldReader<i64> {
    let read = move |value: &Value| {
        let read = |text: &str| text.parse().ok().filter(|number: &i64| number.to_string() == text);
        let number = value.as_str().and_then(read);
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("Deve ser um número de {least} a {most}."))
    };
    FieldReader::new(read, move || json!({"type": "integer", "minimum": least, "maximum": most}))
}

/// `true` or `false`.
pub fn boolean() -> FieldReader<bool> {
    let read = |value: &Value| value.as_bool().ok_or_else(|| "Deve ser true ou false.".into());
    FieldReader::new(read, || json!({"type": "boolean"}))
}

/// `YYYY-MM-DD`, a day that exists, from 2000 to 2100 (docs/rules/data.md#dates).
pub fn date() -> FieldReader<NaiveDate> {
    let read = |value: &Value| {
        let date = value.as_str().and_then(parse_date);
        date.ok_or_else(|| "Deve ser uma data válida, AAAA-MM-DD, de 2000 a 2100.".into())
    };
    FieldReader::new(read, || {
        let description = format!("From {FIRST_DATE} to {LAST_DATE}.");
        json!({"type": "string", "format": "date", "description": description})
    })
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

/// A phone number in any usual notation, read as its canonical digits.
pub fn phone() -> FieldReader<String> {
    let read = |value: &Value| match value.as_str().map(Phone::parse) {
        Some(Ok(phone)) => Ok(phone.as_str().to_owned()),
        _ => Err("Telefone inválido.".into()),
    };
    FieldReader::new(read, || {
        json!({
            "type": "string",
            "format": "phone",
            "description": "A phone number in any usual notation. Without a country code it is Brazilian.",
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

/// Opening hours by weekday; `start` is before `end`. Times have the form `HH:MM`, as everywhere.
pub fn business_hours() -> FieldReader<BusinessHours> {
    const WRONG: &str = "Deve ter dias de mon a sun, cada um com start antes de end (HH:MM).";
    let read = |value: &Value| {
        let hours: BusinessHours = serde_json::from_value(value.clone()).map_err(|_| WRONG)?;
        // chrono also reads times such as 9:00, but writes them as 09:00.
        let is_canonical = serde_json::to_value(&hours).is_ok_and(|written| written == *value);
        let ends_after_start = hours.0.values().all(|day| day.start < day.end);
        if is_canonical && ends_after_start { Ok(hours) } else { Err(WRONG.into()) }
    };
    FieldReader::new(read, || {
        let time = json!({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"});
        let day = json!({
            "type": "object",
            "description": "Opens at start and closes at end; end is later than start.",
            "properties": {"start": time, "end": time},
            "required": ["start", "end"],
            "additionalProperties": false,
        });
        let days =
            ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(|name| (name.to_owned(), day.clone()));
        json!({
            "type": "object",
            "description": "A missing day is closed.",
            "properties": serde_json::Map::from_iter(days),
            "additionalProperties": false,
        })
    })
}

/// One of the given words, read as the value next to it.
pub fn one_of<T: Copy + Send + Sync + 'static>(words: &'static [(&'static str, T)]) -> FieldReader<T> {
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
